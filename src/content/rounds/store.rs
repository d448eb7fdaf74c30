//! Slots as rows.

use std::collections::HashMap;

use chrono::NaiveDateTime;
use diesel::Queryable;
use diesel::sql_types::{BigInt, Bool, Nullable, Text, Timestamp};
use serde::Serialize;

use crate::access::guardians::Family;
use crate::content::kinds::conversation_round::Slot;
use crate::content::visibility::Vision;
use crate::db::batch::{self, CHUNK, Column, Type, names, values};
use crate::db::{Conn, Dialect, Sql};
use crate::error::Error;
use crate::page::{Key, KeyType, Order, Page, Window, position};
use crate::scope::Scope;

/// A slot as its round's rules look at it.
#[derive(Clone, Debug, Queryable)]
pub struct StoredSlot {
    pub id: i64,
    pub content_id: i64,
    pub starts_at: NaiveDateTime,
    pub ends_at: NaiveDateTime,
    pub participant_id: Option<i64>,
}

type StoredSql = (BigInt, BigInt, Timestamp, Timestamp, Nullable<BigInt>);
const STORED: &str =
    "SELECT s.id, s.content_id, s.starts_at, s.ends_at, s.participant_id FROM conversation_slots s WHERE ";

/// The slot with this key.
///
/// # Errors
/// What the database answers.
pub fn slot(conn: &mut Conn, id: i64) -> Result<Option<StoredSlot>, Error> {
    Ok(Sql::new(STORED).text("s.id = ").int(id).first::<StoredSql, StoredSlot>(conn)?)
}

/// The slot of a round that is booked for a participant.
///
/// # Errors
/// What the database answers.
pub fn held(conn: &mut Conn, content: i64, participant: i64) -> Result<Option<StoredSlot>, Error> {
    let sql = Sql::new(STORED).text("s.content_id = ").int(content).text(" AND s.participant_id = ").int(participant);
    Ok(sql.first::<StoredSql, StoredSlot>(conn)?)
}

/// The names of those of a family who have another slot at the time of this one, in a round that the viewer sees.
///
/// # Errors
/// What the database answers.
pub fn at_the_same_time(
    conn: &mut Conn,
    vision: &Vision,
    family: &Family,
    slot: &StoredSlot,
) -> Result<Vec<String>, Error> {
    let sql = Sql::new(
        "SELECT DISTINCT p.display_name FROM conversation_slots s JOIN content c ON c.id = s.content_id \
         JOIN participants p ON p.id = s.participant_id WHERE ",
    );
    let sql = booked_for(sql, family)
        .text(" AND s.id <> ")
        .int(slot.id)
        .text(" AND s.starts_at < ")
        .instant(slot.ends_at)
        .text(" AND s.ends_at > ")
        .instant(slot.starts_at);
    Ok(vision.visible(sql, "c").text(" ORDER BY p.display_name").load::<Text, String>(conn)?)
}

/// How many slots a round has.
///
/// # Errors
/// What the database answers.
pub fn count(conn: &mut Conn, content: i64) -> Result<i64, Error> {
    let sql = Sql::new("SELECT COUNT(*) FROM conversation_slots s WHERE s.content_id = ").int(content);
    Ok(sql.first::<BigInt, i64>(conn)?.unwrap_or_default())
}

/// Makes slots, and answers with their keys in the order of time.
///
/// # Errors
/// What the database answers.
pub fn insert(conn: &mut Conn, scope: &Scope, content: i64, slots: &[Slot]) -> Result<Vec<i64>, Error> {
    #[derive(Serialize)]
    struct Row<'s> {
        starts_at: String,
        ends_at: String,
        location: Option<&'s str>,
    }
    const COLUMNS: &[Column] = &[("starts_at", Type::Instant), ("ends_at", Type::Instant), ("location", Type::Text)];
    let row = |slot: &'_ Slot| (batch::instant(slot.starts_at), batch::instant(slot.ends_at));
    let mut sorted: Vec<&Slot> = slots.iter().collect();
    sorted.sort_by_key(|slot| slot.starts_at);
    let mut ids = Vec::with_capacity(slots.len());
    for slots in sorted.chunks(CHUNK) {
        let rows: Vec<Row<'_>> = slots
            .iter()
            .map(|slot| {
                let (starts_at, ends_at) = row(slot);
                Row { starts_at, ends_at, location: slot.location.as_deref() }
            })
            .collect();
        let sql =
            Sql::new(format!("INSERT INTO conversation_slots (content_id, created_at, {}) SELECT ", names(COLUMNS)))
                .int(content)
                .text(", ")
                .instant(scope.instant())
                .text(format!(", {} FROM ", values(COLUMNS)))
                .then(batch::rows(conn.dialect(), COLUMNS, &rows)?)
                .text(" RETURNING id");
        ids.extend(sql.load::<BigInt, i64>(conn)?);
    }
    ids.sort_unstable();
    Ok(ids)
}

/// Removes a slot.
///
/// # Errors
/// What the database answers.
pub fn delete(conn: &mut Conn, id: i64) -> Result<(), Error> {
    Sql::new("DELETE FROM conversation_slots WHERE participant_id IS NULL AND id = ").int(id).execute(conn)?;
    Ok(())
}

/// Books a slot, unless it is booked; whether it was not.
///
/// # Errors
/// What the database answers.
pub fn book(conn: &mut Conn, scope: &Scope, id: i64, participant: i64) -> Result<bool, Error> {
    let booked = Sql::new("UPDATE conversation_slots SET participant_id = ")
        .int(participant)
        .text(", booked_by_id = ")
        .int(scope.viewer.participant)
        .text(", booked_by_name = ")
        .string(scope.viewer.name.clone())
        .text(", booked_at = ")
        .instant(scope.instant())
        .text(" WHERE participant_id IS NULL AND id = ")
        .int(id)
        .execute(conn)?;
    Ok(booked == 1)
}

/// Makes a slot free again.
///
/// # Errors
/// What the database answers.
pub fn release(conn: &mut Conn, id: i64) -> Result<(), Error> {
    Sql::new(
        "UPDATE conversation_slots SET participant_id = NULL, booked_by_id = NULL, booked_by_name = NULL, \
         booked_at = NULL WHERE id = ",
    )
    .int(id)
    .execute(conn)?;
    Ok(())
}

/// For whom a slot is booked, and by whom.
#[derive(Clone, Debug)]
pub struct Booked {
    pub participant_id: i64,
    pub participant_name: String,
    pub by: String,
    pub at: NaiveDateTime,
}

/// A slot as a viewer sees it.
#[derive(Clone, Debug)]
pub struct SlotRow {
    pub id: i64,
    pub content_id: i64,
    pub starts_at: NaiveDateTime,
    pub ends_at: NaiveDateTime,
    pub location: Option<String>,
    /// Whether it is free and to come.
    pub available: bool,
    /// Whether it is booked for the viewer or a child of the viewer's.
    pub mine: bool,
    /// The booking, where it is the viewer's business.
    pub booked: Option<Booked>,
}

impl SlotRow {
    /// The position of a slot in its round.
    pub fn keys(&self) -> Vec<Key> {
        let at = self.starts_at.format("%Y-%m-%dT%H:%M:%S%.6f").to_string();
        position(ORDER.name, [Key::Text(at), Key::Int(self.id)])
    }
}

/// As whom slots are looked at.
#[derive(Clone, Copy, Debug)]
pub struct Onlooker<'o> {
    pub vision: &'o Vision,
    /// The viewer and the viewer's children.
    pub family: &'o Family,
    pub now: NaiveDateTime,
}

type SlotSql = (
    (BigInt, BigInt, Timestamp, Timestamp, Nullable<Text>),
    (Nullable<BigInt>, Nullable<Text>, Nullable<Text>, Nullable<Timestamp>),
    (Bool, Bool, Bool),
);
type Tuple = (
    (i64, i64, NaiveDateTime, NaiveDateTime, Option<String>),
    (Option<i64>, Option<String>, Option<String>, Option<NaiveDateTime>),
    (bool, bool, bool),
);

impl Onlooker<'_> {
    fn columns(&self) -> Sql {
        let sql = Sql::new(
            "SELECT s.id, s.content_id, s.starts_at, s.ends_at, s.location, s.participant_id, p.display_name, \
             s.booked_by_name, s.booked_at, ",
        );
        let sql = self.vision.managed(sql, "c").text(" AS managed, (");
        let sql = booked_for(sql, self.family).text(" IS TRUE) AS mine, ");
        self.family.may_read(sql, &Sql::new("s.booked_by_id"), &Sql::new("s.participant_id")).text(" AS told FROM ")
    }

    fn row(&self, (slot, booking, (managed, mine, told)): Tuple) -> SlotRow {
        let (id, content_id, starts_at, ends_at, location) = slot;
        let booked = match booking {
            (Some(participant_id), Some(participant_name), Some(by), Some(at)) => {
                // Who of the family's guardians booked it is told to that one (V7).
                let by = if told || managed { by } else { String::new() };
                Some(Booked { participant_id, participant_name, by, at })
            }
            _ => None,
        };
        let available = booked.is_none() && starts_at > self.now;
        // Who talks about which child, and when, is nobody else's business.
        let booked = booked.filter(|_| mine || managed);
        SlotRow { id, content_id, starts_at, ends_at, location, available, mine, booked }
    }

    fn select(&self, conn: &mut Conn, sql: Sql) -> Result<Vec<SlotRow>, Error> {
        Ok(sql.load::<SlotSql, Tuple>(conn)?.into_iter().map(|row| self.row(row)).collect())
    }
}

/// An expression that is true of slots that are booked for one of a family, as far as the organization of the round goes.
fn booked_for(sql: Sql, family: &Family) -> Sql {
    family.of(sql, &Sql::new("s.participant_id"), &Sql::new("c.organization_id"))
}

/// What a slot stands in, to its right.
const AROUND: &str = " JOIN content c ON c.id = s.content_id LEFT JOIN participants p ON p.id = s.participant_id";

/// The first slot first.
const ORDER: Order =
    Order { name: "slots", columns: &[("s.starts_at", KeyType::Instant), ("s.id", KeyType::Int)], descending: false };

/// Appends ` AND …` so that only slots remain that are available, or only those that are not.
fn filtered(sql: Sql, now: NaiveDateTime, available: Option<bool>) -> Sql {
    match available {
        None => sql,
        Some(true) => sql.text(" AND s.participant_id IS NULL AND s.starts_at > ").instant(now),
        Some(false) => sql.text(" AND (s.participant_id IS NOT NULL OR s.starts_at <= ").instant(now).text(")"),
    }
}

/// A page of the slots of each of the rounds, which the viewer sees.
///
/// # Errors
/// `BadInput` for a cursor of another list; what the database answers.
pub fn pages(
    conn: &mut Conn,
    onlooker: &Onlooker<'_>,
    rounds: &[i64],
    available: Option<bool>,
    window: &Window,
) -> Result<HashMap<i64, Page<SlotRow>>, Error> {
    let inner = |sql: Sql| {
        let sql = sql.text(" FROM conversation_slots s WHERE s.content_id = parent.value");
        let sql = window.conditions(filtered(sql, onlooker.now, available), &ORDER)?;
        Ok::<_, Error>(window.order_by(sql, &ORDER).text(" LIMIT ").int(window.fetch()))
    };
    let sql = match conn.dialect() {
        Dialect::Sqlite => {
            let parents = serde_json::Value::from(rounds.to_vec()).to_string();
            let sql = onlooker.columns().text("json_each(").string(parents);
            inner(sql.text(") parent CROSS JOIN conversation_slots s ON s.id IN (SELECT s.id"))?.text(")")
        }
        Dialect::Postgres => {
            let sql = onlooker.columns().text("unnest(").id_array(rounds).text(") parent (value) CROSS JOIN LATERAL (");
            inner(sql.text("SELECT s.*"))?.text(") s")
        }
    };
    let rows = onlooker.select(conn, window.order_by(sql.text(AROUND), &ORDER))?;
    let mut by_round: HashMap<i64, Vec<SlotRow>> = HashMap::new();
    for row in rows {
        by_round.entry(row.content_id).or_default().push(row);
    }
    Ok(by_round.into_iter().map(|(round, rows)| (round, window.page(rows))).collect())
}

/// How many slots each of the rounds has.
///
/// # Errors
/// What the database answers.
pub fn counts(
    conn: &mut Conn,
    now: NaiveDateTime,
    rounds: &[i64],
    available: Option<bool>,
) -> Result<HashMap<i64, i64>, Error> {
    let sql = Sql::new("SELECT s.content_id, COUNT(*) FROM conversation_slots s WHERE s.content_id").in_ids(rounds);
    let sql = filtered(sql, now, available).text(" GROUP BY s.content_id");
    Ok(sql.load::<(BigInt, BigInt), (i64, i64)>(conn)?.into_iter().collect())
}

/// The slots of these rounds, which the viewer sees, that are booked for the viewer or a child of the viewer's.
///
/// # Errors
/// What the database answers.
pub fn of_family(conn: &mut Conn, onlooker: &Onlooker<'_>, rounds: &[i64]) -> Result<Vec<SlotRow>, Error> {
    if onlooker.family.viewer().is_none() {
        return Ok(Vec::new());
    }
    let sql = onlooker.columns().text("conversation_slots s").text(AROUND).text(" WHERE s.content_id").in_ids(rounds);
    let sql = booked_for(sql.text(" AND "), onlooker.family).text(" ORDER BY s.starts_at, s.id");
    onlooker.select(conn, sql)
}

/// The slots with these keys whose rounds the viewer sees, in no order.
///
/// # Errors
/// What the database answers.
pub fn by_ids(conn: &mut Conn, onlooker: &Onlooker<'_>, ids: &[i64]) -> Result<Vec<SlotRow>, Error> {
    let sql = onlooker.columns().text("conversation_slots s").text(AROUND).text(" WHERE s.id").in_ids(ids);
    onlooker.select(conn, onlooker.vision.visible(sql, "c"))
}
