//! Files as rows.

use std::collections::HashMap;

use chrono::NaiveDateTime;
use diesel::sql_types::{BigInt, Nullable, Text, Timestamp};

use super::NewFile;
use crate::content::visibility::Vision;
use crate::db::batch::{self, Column, Type};
use crate::db::{Conn, Sql};
use crate::error::Error;
use crate::scope::Scope;

/// A file.
#[derive(Clone, Debug)]
pub struct FileRow {
    pub id: i64,
    pub content_id: i64,
    pub name: String,
    pub caption: Option<String>,
    pub media_type: String,
    pub size: i64,
    pub sha256: String,
    pub width: Option<i64>,
    pub height: Option<i64>,
    pub object_key: String,
    pub preview_key: Option<String>,
    pub created_at: NaiveDateTime,
}

type Columns = (
    (BigInt, BigInt, Text, Nullable<Text>, Text, BigInt),
    (Text, Nullable<BigInt>, Nullable<BigInt>, Text, Nullable<Text>, Timestamp),
);
type Tuple = (
    (i64, i64, String, Option<String>, String, i64),
    (String, Option<i64>, Option<i64>, String, Option<String>, NaiveDateTime),
);

const SELECT: &str = "SELECT f.id, f.content_id, f.name, f.caption, f.media_type, f.size, f.sha256, f.width, f.height, \
                      f.object_key, f.preview_key, f.created_at FROM content_files f";

fn select(conn: &mut Conn, tail: Sql) -> Result<Vec<FileRow>, Error> {
    let rows = Sql::new(SELECT).then(tail).load::<Columns, Tuple>(conn)?.into_iter();
    Ok(rows
        .map(|((id, content_id, name, caption, media_type, size), rest)| {
            let (sha256, width, height, object_key, preview_key, created_at) = rest;
            FileRow {
                id,
                content_id,
                name,
                caption,
                media_type,
                size,
                sha256,
                width,
                height,
                object_key,
                preview_key,
                created_at,
            }
        })
        .collect())
}

/// The files of these items, which the viewer sees, in their order.
///
/// # Errors
/// What the database answers.
pub fn of_items(conn: &mut Conn, items: &[i64]) -> Result<HashMap<i64, Vec<FileRow>>, Error> {
    let tail = Sql::new(" WHERE f.content_id").in_ids(items).text(" ORDER BY f.content_id, f.position, f.id");
    let mut files: HashMap<i64, Vec<FileRow>> = HashMap::new();
    for row in select(conn, tail)? {
        files.entry(row.content_id).or_default().push(row);
    }
    Ok(files)
}

/// The files with these keys of which the viewer sees the items, in no order.
///
/// # Errors
/// What the database answers.
pub fn visible(conn: &mut Conn, vision: &Vision, ids: &[i64]) -> Result<Vec<FileRow>, Error> {
    let tail = Sql::new(" JOIN content c ON c.id = f.content_id WHERE f.id").in_ids(ids);
    select(conn, vision.visible(tail, "c"))
}

/// A file, whoever asks.
///
/// # Errors
/// What the database answers.
pub fn by_id(conn: &mut Conn, id: i64) -> Result<Option<FileRow>, Error> {
    Ok(select(conn, Sql::new(" WHERE f.id = ").int(id))?.into_iter().next())
}

/// How many files an item has.
///
/// # Errors
/// What the database answers.
pub fn count(conn: &mut Conn, content: i64) -> Result<i64, Error> {
    let sql = Sql::new("SELECT COUNT(*) FROM content_files WHERE content_id = ").int(content);
    Ok(sql.first::<BigInt, i64>(conn)?.unwrap_or_default())
}

/// Adds a file as the last of its item, and answers with its key.
///
/// # Errors
/// What the database answers.
pub fn insert(conn: &mut Conn, scope: &Scope, file: &NewFile) -> Result<i64, Error> {
    let text = |sql: Sql, value: Option<&String>| match value {
        Some(value) => sql.string(value.clone()),
        None => sql.text("NULL"),
    };
    let sql = Sql::new(
        "INSERT INTO content_files (content_id, position, name, media_type, size, sha256, width, height, object_key, \
         created_by, created_at, caption, preview_key) SELECT ",
    )
    .int(file.content_id)
    .text(", (SELECT coalesce(MAX(position), 0) + 1 FROM content_files WHERE content_id = ")
    .int(file.content_id)
    .text("), ")
    .string(file.name.clone())
    .text(", ")
    .string(file.media_type.clone())
    .text(", ")
    .int(file.size)
    .text(", ")
    .string(file.sha256.clone())
    .text(", ")
    .int(file.extent.map(|(width, _)| width))
    .text(", ")
    .int(file.extent.map(|(_, height)| height))
    .text(", ")
    .string(file.object_key.clone())
    .text(", ")
    .string(scope.viewer.name.clone())
    .text(", ")
    .instant(scope.instant())
    .text(", ");
    let sql = text(sql, file.caption.as_ref()).text(", ");
    let sql = text(sql, file.preview_key.as_ref()).text(" RETURNING id");
    sql.first::<BigInt, i64>(conn)?.ok_or_else(|| Error::internal("nothing was inserted"))
}

/// Changes what is said of a file.
///
/// # Errors
/// What the database answers.
pub fn update(conn: &mut Conn, id: i64, name: &str, caption: Option<String>) -> Result<(), Error> {
    let sql = Sql::new("UPDATE content_files SET name = ").string(name).text(", caption = ");
    let sql = match caption {
        Some(caption) => sql.string(caption),
        None => sql.text("NULL"),
    };
    sql.text(" WHERE id = ").int(id).execute(conn)?;
    Ok(())
}

/// The files of an item in their order.
///
/// # Errors
/// What the database answers.
pub fn order(conn: &mut Conn, content: i64) -> Result<Vec<i64>, Error> {
    let sql = Sql::new("SELECT f.id FROM content_files f WHERE f.content_id = ").int(content);
    Ok(sql.text(" ORDER BY f.position, f.id").load::<BigInt, i64>(conn)?)
}

/// Puts the files of an item into this order.
///
/// # Errors
/// What the database answers.
pub fn arrange(conn: &mut Conn, order: &[i64]) -> Result<(), Error> {
    #[derive(serde::Serialize)]
    struct Place {
        id: i64,
        position: usize,
    }
    const COLUMNS: &[Column] = &[("id", Type::Int), ("position", Type::Int)];
    let rows: Vec<Place> = order.iter().zip(1..).map(|(id, position)| Place { id: *id, position }).collect();
    Sql::new("UPDATE content_files SET position = r.position FROM ")
        .then(batch::rows(conn.dialect(), COLUMNS, &rows)?)
        .text(" WHERE content_files.id = r.id")
        .execute(conn)?;
    Ok(())
}

/// Removes a file.
///
/// # Errors
/// What the database answers.
pub fn delete(conn: &mut Conn, id: i64) -> Result<(), Error> {
    Sql::new("DELETE FROM content_files WHERE id = ").int(id).execute(conn)?;
    Ok(())
}

/// Notes that objects are to be removed from a moment on, unless they are spared before.
///
/// # Errors
/// What the database answers.
pub fn doom(conn: &mut Conn, keys: &[String], since: NaiveDateTime) -> Result<(), Error> {
    for key in keys {
        Sql::new("INSERT INTO doomed_objects (object_key, since) VALUES (")
            .string(key.clone())
            .text(", ")
            .instant(since)
            .text(") ON CONFLICT (object_key) DO UPDATE SET since = excluded.since")
            .execute(conn)?;
    }
    Ok(())
}

/// Lets objects stay.
///
/// # Errors
/// What the database answers.
pub fn spare(conn: &mut Conn, keys: &[String]) -> Result<(), Error> {
    Sql::new("DELETE FROM doomed_objects WHERE object_key").in_strings(keys).execute(conn)?;
    Ok(())
}

/// Objects that are to be removed now, at most a hundred.
///
/// # Errors
/// What the database answers.
pub fn doomed(conn: &mut Conn, now: NaiveDateTime) -> Result<Vec<String>, Error> {
    let sql = Sql::new("SELECT object_key FROM doomed_objects WHERE since <= ").instant(now);
    Ok(sql.text(" ORDER BY since LIMIT 100").load::<Text, String>(conn)?)
}
