//! Entries as rows.

use std::collections::HashMap;

use chrono::NaiveDateTime;
use diesel::Queryable;
use diesel::sql_types::{BigInt, Bool, Nullable, Text, Timestamp};

use super::Status;
use super::standing::Standing;
use crate::access::guardians::Family;
use crate::content::visibility::Vision;
use crate::db::{Conn, Dialect, Sql};
use crate::error::Error;
use crate::page::{Key, KeyType, Order, Page, Window, position};
use crate::scope::Scope;

/// An entry as its form's rules look at it.
#[derive(Clone, Debug, Queryable)]
pub struct StoredEntry {
    pub id: i64,
    pub content_id: i64,
    pub participant_id: i64,
    pub withdrawn_at: Option<NaiveDateTime>,
}

/// The entry with this key.
///
/// # Errors
/// What the database answers.
pub fn entry(conn: &mut Conn, id: i64) -> Result<Option<StoredEntry>, Error> {
    type Columns = (BigInt, BigInt, BigInt, Nullable<Timestamp>);
    let sql =
        Sql::new("SELECT e.id, e.content_id, e.participant_id, e.withdrawn_at FROM sign_up_entries e WHERE e.id = ");
    Ok(sql.int(id).first::<Columns, StoredEntry>(conn)?)
}

/// The entry of a participant that was not withdrawn.
///
/// # Errors
/// What the database answers.
pub fn open_entry(conn: &mut Conn, content: i64, participant: i64) -> Result<Option<i64>, Error> {
    let sql = Sql::new("SELECT e.id FROM sign_up_entries e WHERE e.withdrawn_at IS NULL AND e.content_id = ")
        .int(content)
        .text(" AND e.participant_id = ")
        .int(participant);
    Ok(sql.first::<BigInt, i64>(conn)?)
}

/// An entry that was not withdrawn, as far as its place follows from it.
#[derive(Clone, Debug, Queryable)]
pub struct OpenEntry {
    pub id: i64,
    pub content_id: i64,
    pub participant_id: i64,
    pub created_at: NaiveDateTime,
}

/// The entries of these forms that were not withdrawn, each form's in their order.
///
/// # Errors
/// What the database answers.
pub fn open_entries(conn: &mut Conn, forms: &[i64]) -> Result<Vec<OpenEntry>, Error> {
    type Columns = (BigInt, BigInt, BigInt, Timestamp);
    let sql =
        Sql::new("SELECT e.id, e.content_id, e.participant_id, e.created_at FROM sign_up_entries e WHERE e.content_id");
    let sql = sql.in_ids(forms).text(" AND e.withdrawn_at IS NULL ORDER BY e.content_id, e.number");
    Ok(sql.load::<Columns, OpenEntry>(conn)?)
}

/// Makes an entry at the end of a form that is locked, and answers with its key.
///
/// # Errors
/// What the database answers.
pub fn insert(
    conn: &mut Conn,
    scope: &Scope,
    content: i64,
    participant: i64,
    note: Option<&str>,
) -> Result<i64, Error> {
    let sql = Sql::new(
        "INSERT INTO sign_up_entries (content_id, participant_id, note, entered_by_id, entered_by_name, created_at, number) \
         SELECT ",
    )
    .int(content)
    .text(", ")
    .int(participant)
    .text(", ");
    let sql = match note {
        Some(note) => sql.string(note),
        None => sql.text("NULL"),
    };
    sql.text(", ")
        .int(scope.viewer.participant)
        .text(", ")
        .string(scope.viewer.name.clone())
        .text(", ")
        .instant(scope.instant())
        .text(", coalesce(MAX(e.number), 0) + 1 FROM sign_up_entries e WHERE e.content_id = ")
        .int(content)
        .text(" RETURNING id")
        .first::<BigInt, i64>(conn)?
        .ok_or_else(|| Error::internal("nothing was inserted"))
}

/// Withdraws an entry.
///
/// # Errors
/// What the database answers.
pub fn withdraw(conn: &mut Conn, scope: &Scope, id: i64) -> Result<(), Error> {
    Sql::new("UPDATE sign_up_entries SET withdrawn_at = ")
        .instant(scope.instant())
        .text(", withdrawn_by_name = ")
        .string(scope.viewer.name.clone())
        .text(" WHERE id = ")
        .int(id)
        .execute(conn)?;
    Ok(())
}

/// An entry, and where it stands.
#[derive(Clone, Debug)]
pub struct EntryRow {
    pub id: i64,
    pub content_id: i64,
    pub number: i64,
    pub participant_id: i64,
    pub participant_name: String,
    pub note: Option<String>,
    pub entered_by: String,
    pub created_at: NaiveDateTime,
    pub withdrawn_at: Option<NaiveDateTime>,
    /// Where it stands among those that hold or wait for a place.
    rank: Option<i64>,
    places: Option<i64>,
}

impl EntryRow {
    /// Where it stands now.
    pub fn status(&self) -> Status {
        match (self.rank, self.places) {
            _ if self.withdrawn_at.is_some() => Status::Withdrawn,
            (None, _) => Status::Lapsed,
            (Some(rank), Some(places)) if rank > places => Status::Waiting,
            _ => Status::Placed,
        }
    }

    /// Its place among those that have one, or among those that wait, from 1; none when it holds and waits for none.
    pub fn position(&self) -> Option<i64> {
        match self.status() {
            Status::Waiting => self.rank.map(|rank| rank - self.places.unwrap_or_default()),
            _ => self.rank,
        }
    }

    /// The position of an entry in its form.
    pub fn keys(&self) -> Vec<Key> {
        position(ORDER.name, [Key::Int(self.number)])
    }
}

type EntrySql = (
    (BigInt, BigInt, BigInt, BigInt, Text),
    (Nullable<Text>, Text, Timestamp, Nullable<Timestamp>, Bool),
    Nullable<BigInt>,
);
type Tuple =
    ((i64, i64, i64, i64, String), (Option<String>, String, NaiveDateTime, Option<NaiveDateTime>, bool), Option<i64>);

/// `family` may hold guardians, to whom what another one wrote is not told (V7).
fn columns(dialect: Dialect, family: Option<(&Vision, &Family)>) -> Sql {
    let sql = Sql::new(
        "SELECT e.id, e.content_id, e.number, e.participant_id, p.display_name, e.note, e.entered_by_name, e.created_at, \
         e.withdrawn_at, ",
    );
    let sql = match family {
        None => sql.text("(1 = 1)"),
        Some((vision, family)) => {
            let sql = vision.managed(sql.text("("), "c").text(" OR ");
            family.may_read(sql, &Sql::new("e.entered_by_id"), &Sql::new("e.participant_id")).text(")")
        }
    };
    sql.text(" AS told, ").text(match dialect {
        Dialect::Sqlite => "CAST(c.details ->> 'places' AS INTEGER) FROM ",
        Dialect::Postgres => "CAST(c.details::json ->> 'places' AS BIGINT) FROM ",
    })
}

/// What an entry stands in, to its right.
const AROUND: &str = " JOIN content c ON c.id = e.content_id JOIN participants p ON p.id = e.participant_id";

/// The entries that a statement finds, with where each stands.
fn select(conn: &mut Conn, standing: &Standing, sql: Sql) -> Result<Vec<EntryRow>, Error> {
    Ok(listed(sql.load::<EntrySql, Tuple>(conn)?, standing))
}

/// The forms of these entries, each once.
///
/// # Errors
/// What the database answers.
pub fn forms_of(conn: &mut Conn, entries: &[i64]) -> Result<Vec<i64>, Error> {
    let sql = Sql::new("SELECT DISTINCT e.content_id FROM sign_up_entries e WHERE e.id").in_ids(entries);
    Ok(sql.text(" ORDER BY e.content_id").load::<BigInt, i64>(conn)?)
}

fn listed(rows: Vec<Tuple>, standing: &Standing) -> Vec<EntryRow> {
    let row = |(entry, about, places): Tuple| {
        let (id, content_id, number, participant_id, participant_name) = entry;
        let (note, entered_by, created_at, withdrawn_at, told) = about;
        let (note, entered_by) = if told { (note, entered_by) } else { (None, String::new()) };
        EntryRow {
            id,
            content_id,
            number,
            participant_id,
            participant_name,
            note,
            entered_by,
            created_at,
            withdrawn_at,
            rank: standing.rank(id),
            places,
        }
    };
    rows.into_iter().map(row).collect()
}

/// Who signed up first comes first.
const ORDER: Order = Order { name: "entries", columns: &[("e.number", KeyType::Int)], descending: false };

/// A page of the entries of each of the forms, which the viewer manages. Those that hold and wait for no place are left out
/// unless they are wanted as well.
///
/// # Errors
/// `BadInput` for a cursor of another list; what the database answers.
pub fn pages(
    conn: &mut Conn,
    standing: &Standing,
    forms: &[i64],
    all: bool,
    window: &Window,
) -> Result<HashMap<i64, Page<EntryRow>>, Error> {
    let inner = |sql: Sql| {
        let sql = sql.text(" FROM sign_up_entries e WHERE e.content_id = parent.value");
        let sql = window.conditions(standing_in(sql, standing, all), &ORDER)?;
        Ok::<_, Error>(window.order_by(sql, &ORDER).text(" LIMIT ").int(window.fetch()))
    };
    let sql = columns(conn.dialect(), None);
    let sql = match conn.dialect() {
        Dialect::Sqlite => {
            let parents = serde_json::Value::from(forms.to_vec()).to_string();
            let sql = sql.text("json_each(").string(parents);
            inner(sql.text(") parent CROSS JOIN sign_up_entries e ON e.id IN (SELECT e.id"))?.text(")")
        }
        Dialect::Postgres => {
            let sql = sql.text("unnest(").id_array(forms).text(") parent (value) CROSS JOIN LATERAL (SELECT e.*");
            inner(sql)?.text(") e")
        }
    };
    let mut by_form: HashMap<i64, Vec<EntryRow>> = HashMap::new();
    for row in select(conn, standing, window.order_by(sql.text(AROUND), &ORDER))? {
        by_form.entry(row.content_id).or_default().push(row);
    }
    Ok(by_form.into_iter().map(|(form, rows)| (form, window.page(rows))).collect())
}

/// Appends ` AND …` so that only entries remain that hold or wait for a place, unless all are wanted.
fn standing_in(sql: Sql, standing: &Standing, all: bool) -> Sql {
    if all {
        return sql;
    }
    sql.text(" AND e.withdrawn_at IS NULL AND NOT (e.id").in_ids(&standing.lapsed()).text(")")
}

/// How many entries each of the forms has, of whatever standing.
///
/// # Errors
/// What the database answers.
pub fn counts(conn: &mut Conn, forms: &[i64]) -> Result<HashMap<i64, i64>, Error> {
    let sql = Sql::new("SELECT e.content_id, COUNT(*) FROM sign_up_entries e WHERE e.content_id").in_ids(forms);
    let sql = sql.text(" GROUP BY e.content_id");
    Ok(sql.load::<(BigInt, BigInt), (i64, i64)>(conn)?.into_iter().collect())
}

/// The latest entry of each of a family in each of the forms, which the viewer sees.
///
/// # Errors
/// What the database answers.
pub fn of_family(
    conn: &mut Conn,
    standing: &Standing,
    vision: &Vision,
    family: &Family,
    forms: &[i64],
) -> Result<Vec<EntryRow>, Error> {
    if family.viewer().is_none() {
        return Ok(Vec::new());
    }
    let sql = columns(conn.dialect(), Some((vision, family))).text("sign_up_entries e").text(AROUND);
    let sql = made_for(sql.text(" WHERE e.content_id").in_ids(forms).text(" AND "), family).text(
        " AND NOT EXISTS (SELECT 1 FROM sign_up_entries l WHERE l.content_id = e.content_id \
         AND l.participant_id = e.participant_id AND l.number > e.number) ORDER BY e.number, e.id",
    );
    select(conn, standing, sql)
}

/// An expression that is true of entries of one of a family, as far as the organization of the form goes.
fn made_for(sql: Sql, family: &Family) -> Sql {
    family.of(sql, &Sql::new("e.participant_id"), &Sql::new("c.organization_id"))
}

/// The entries with these keys of a family, and those of forms that the viewer manages, in no order. A family reads its own
/// although the form is no longer shown to it, as long as the form is published.
///
/// # Errors
/// What the database answers.
pub fn by_ids(
    conn: &mut Conn,
    scope: &Scope,
    standing: &Standing,
    vision: &Vision,
    family: &Family,
    ids: &[i64],
) -> Result<Vec<EntryRow>, Error> {
    let sql = columns(conn.dialect(), Some((vision, family)))
        .text("sign_up_entries e")
        .text(AROUND)
        .text(" WHERE e.id")
        .in_ids(ids);
    let sql = sql.text(" AND (c.published_at <= ").instant(scope.instant());
    let sql = made_for(sql.text(" AND "), family).text(" OR ");
    select(conn, standing, vision.managed(sql, "c").text(")"))
}
