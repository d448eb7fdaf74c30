//! Stored keys as rows.

use std::collections::{HashMap, HashSet};

use diesel::sql_types::{BigInt, Nullable, Text};
use serde::Serialize;

use crate::access::sight::Sight;
use crate::content::kind::{ContentKind, Details};
use crate::content::store::Written as WrittenContent;
use crate::db::batch::{self, Column, Keyed, Type, assignments};
use crate::db::{Conn, Sql};
use crate::error::Error;
use crate::people::store::{self as people, Written};
use crate::text::{searchable, sort_key};

const ID: Column = ("id", Type::Int);
const SORT_KEY: Column = ("sort_key", Type::Text);
const SEARCH_TEXT: Column = ("search_text", Type::Text);
/// What is made of a participant's texts, but for the key of the order, which memberships repeat.
const PARTICIPANT: &[Column] = &[
    ("display_name", Type::Text),
    SEARCH_TEXT,
    ("email_key", Type::Text),
    ("postal_key", Type::Text),
    ("city_key", Type::Text),
    ("complex_key", Type::Text),
    ("dwelling_key", Type::Text),
];

/// What became of some rows.
pub(super) struct Renewed {
    pub changed: usize,
    /// The last row that was looked at; nothing when there was none.
    pub last: Option<i64>,
}

/// The keys of a text that is ordered and searched.
#[derive(Serialize)]
struct Keys {
    sort_key: String,
    search_text: String,
}

/// By which way of folding the stored keys were made.
pub(super) fn version(conn: &mut Conn) -> Result<i64, Error> {
    let found = Sql::new("SELECT version FROM stored_keys").first::<BigInt, i64>(conn)?;
    found.ok_or_else(|| Error::internal("stored_keys has no row"))
}

pub(super) fn set_version(conn: &mut Conn, version: i64) -> Result<(), Error> {
    Sql::new("UPDATE stored_keys SET version = ").int(version).text(" WHERE version < ").int(version).execute(conn)?;
    Ok(())
}

/// Renews the keys of participants.
pub(super) fn participants(conn: &mut Conn, after: i64, limit: i64) -> Result<Renewed, Error> {
    type KeySql = (Text, Text, Nullable<Text>, Nullable<Text>, Nullable<Text>, Nullable<Text>, Nullable<Text>);
    type KeyRow = (String, String, Option<String>, Option<String>, Option<String>, Option<String>, Option<String>);
    let sql = Sql::new(
        "SELECT id, display_name, search_text, email_key, postal_key, city_key, complex_key, dwelling_key \
         FROM participants WHERE id > ",
    );
    let sql = next(sql, after, limit).text(conn.dialect().for_update());
    let rows = sql.load::<(BigInt, KeySql), (i64, KeyRow)>(conn)?;
    let last = rows.last().map(|(id, _)| *id);
    let mut stored: HashMap<i64, KeyRow> = rows.into_iter().collect();
    let ids: Vec<i64> = stored.keys().copied().collect();
    let (mut changed, mut moved) = (Vec::new(), Vec::new());
    for row in people::by_ids(conn, &Sight::unlimited(), true, &ids)? {
        let (id, sort_key) = (row.id, row.sort_key.clone());
        let (Some((kind, details, at)), Some(keys)) = (row.into_details(), stored.remove(&id)) else { continue };
        let written = Written::new(kind, details, at);
        if written.sort_key != sort_key {
            moved.push((id, written.clone()));
        }
        let fresh = (
            &written.display_name,
            &written.search_text,
            &written.email_key,
            &written.postal_key,
            &written.city_key,
            &written.complex_key,
            &written.dwelling_key,
        );
        if fresh != (&keys.0, &keys.1, &keys.2, &keys.3, &keys.4, &keys.5, &keys.6) {
            changed.push((id, written));
        }
    }
    let touched: HashSet<i64> = changed.iter().chain(&moved).map(|(id, _)| *id).collect();
    write(conn, "participants", PARTICIPANT, &changed)?;
    write(conn, "participants", &[SORT_KEY], &moved)?;
    Ok(Renewed { changed: touched.len(), last })
}

/// Renews the keys of groups.
pub(super) fn groups(conn: &mut Conn, after: i64, limit: i64) -> Result<Renewed, Error> {
    let sql = Sql::new("SELECT id, name, sort_key, search_text FROM groups WHERE id > ");
    let sql = next(sql, after, limit).text(conn.dialect().for_update());
    let rows = sql.load::<(BigInt, Text, Text, Text), (i64, String, String, String)>(conn)?;
    let last = rows.last().map(|(id, ..)| *id);
    let changed = rows.into_iter().filter_map(|(id, name, order, found)| {
        let keys = Keys { sort_key: sort_key(&name), search_text: searchable([name.as_str()]) };
        (keys.sort_key != order || keys.search_text != found).then_some((id, keys))
    });
    let changed: Vec<(i64, Keys)> = changed.collect();
    write(conn, "groups", &[SORT_KEY, SEARCH_TEXT], &changed)?;
    Ok(Renewed { changed: changed.len(), last })
}

/// Renews the keys of content.
pub(super) fn content(conn: &mut Conn, after: i64, limit: i64) -> Result<Renewed, Error> {
    let sql = Sql::new("SELECT id, kind, title, details, sort_key, search_text FROM content WHERE id > ");
    let sql = next(sql, after, limit).text(conn.dialect().for_update());
    let rows =
        sql.load::<(BigInt, Text, Text, Text, Text, Text), (i64, ContentKind, String, String, String, String)>(conn)?;
    let last = rows.last().map(|(id, ..)| *id);
    let mut changed = Vec::new();
    for (id, kind, title, details, order, found) in rows {
        let details = Details::parse(kind, &details)?;
        let written = WrittenContent { title: &title, details: &details };
        let keys = Keys { sort_key: sort_key(&title), search_text: written.search_text() };
        if keys.sort_key != order || keys.search_text != found {
            changed.push((id, keys));
        }
    }
    write(conn, "content", &[SORT_KEY, SEARCH_TEXT], &changed)?;
    Ok(Renewed { changed: changed.len(), last })
}

/// Renews the keys of categories, of which no two may be the same. Where names that were different come to be compared as
/// the same, the older category keeps the key and the others get their number behind it.
pub(super) fn categories(conn: &mut Conn) -> Result<usize, Error> {
    let sql = Sql::new("SELECT id, name, sort_key FROM group_categories ORDER BY id");
    let rows = sql.text(conn.dialect().for_update()).load::<(BigInt, Text, Text), (i64, String, String)>(conn)?;
    let mut taken = HashSet::new();
    let mut changed = Vec::new();
    for (id, name, stored) in rows {
        let mut key = sort_key(&name);
        if !taken.insert(key.clone()) {
            key = format!("{key}\u{1}{id}");
        }
        if key != stored {
            changed.push((id, Keys { sort_key: key, search_text: String::new() }));
        }
    }
    if !changed.is_empty() {
        // Two may swap their keys, so all give theirs up before any takes a new one.
        let ids: Vec<i64> = changed.iter().map(|(id, _)| *id).collect();
        Sql::new("UPDATE group_categories SET sort_key = '/' || id WHERE id").in_ids(&ids).execute(conn)?;
    }
    write(conn, "group_categories", &[SORT_KEY], &changed)?;
    Ok(changed.len())
}

fn next(sql: Sql, after: i64, limit: i64) -> Sql {
    sql.int(after).text(" ORDER BY id LIMIT ").int(limit)
}

fn write<T: Serialize>(
    conn: &mut Conn,
    table: &'static str,
    columns: &[Column],
    rows: &[(i64, T)],
) -> Result<(), Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let keyed: Vec<Keyed<'_, T>> = rows.iter().map(|(id, row)| Keyed { id: *id, row }).collect();
    let source = batch::rows(conn.dialect(), &[&[ID], columns].concat(), &keyed)?;
    let set = Sql::new(format!("UPDATE {table} SET {} FROM ", assignments(columns)));
    set.then(source).text(format!(" WHERE {table}.id = r.id")).execute(conn)?;
    Ok(())
}
