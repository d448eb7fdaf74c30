//! What is stored of residencies, and the statements that change it.

use chrono::NaiveDate;
use diesel::sql_types::{BigInt, Date, Nullable};
use serde::Serialize;

use crate::db::{Conn, Sql};
use crate::error::Error;
use crate::exchange::import::batch::{
    self, CHUNK, Column, Keyed, Type, assignments, names, overtaken, values, written,
};
use crate::exchange::import::periods::{Pair, Span};

const PAIR: &[Column] = &[("participant_id", Type::Int), ("address_id", Type::Int)];
const PERIOD: &[Column] = &[("start_date", Type::Date), ("end_date", Type::Date)];
const ID: Column = ("id", Type::Int);

type StoredSql = (BigInt, BigInt, BigInt, Date, Nullable<Date>);
type StoredTuple = (i64, i64, i64, NaiveDate, Option<NaiveDate>);

/// A stored residency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stored {
    pub id: i64,
    pub span: Span,
}

impl From<StoredTuple> for Stored {
    fn from((id, participant, address, start, end): StoredTuple) -> Self {
        Self { id, span: Span { pair: (participant, address), start, end } }
    }
}

#[derive(Serialize)]
struct Row {
    participant_id: i64,
    address_id: i64,
    start_date: NaiveDate,
    end_date: Option<NaiveDate>,
}

impl From<Span> for Row {
    fn from(Span { pair: (participant_id, address_id), start, end }: Span) -> Self {
        Self { participant_id, address_id, start_date: start, end_date: end }
    }
}

#[derive(Serialize)]
struct Of {
    participant_id: i64,
    address_id: i64,
}

const COLUMNS: &str = "SELECT s.id, s.participant_id, s.address_id, s.start_date, s.end_date FROM ";

/// What is stored of these pairs.
///
/// # Errors
/// What the database answers.
pub(super) fn stored(conn: &mut Conn, pairs: &[Pair]) -> Result<Vec<Stored>, Error> {
    let mut stored = Vec::new();
    for chunk in pairs.chunks(CHUNK) {
        let rows: Vec<Of> = chunk
            .iter()
            .map(|(participant_id, address_id)| Of { participant_id: *participant_id, address_id: *address_id })
            .collect();
        let sql = Sql::new(COLUMNS).then(batch::rows(conn.dialect(), PAIR, &rows)?).text(
            " CROSS JOIN residencies s WHERE s.participant_id = r.participant_id AND s.address_id = r.address_id \
             ORDER BY s.id",
        );
        stored.extend(sql.load::<StoredSql, StoredTuple>(conn)?.into_iter().map(Stored::from));
    }
    Ok(stored)
}

/// Gives stored residencies other periods. Days that they are to lose are taken first, so that others can have them: the
/// database refuses two periods that overlap, also while one statement changes both.
///
/// # Errors
/// `Conflict` when somebody else changed the same; what the database answers.
pub(super) fn correct(conn: &mut Conn, changes: &[(Stored, Span)]) -> Result<(), Error> {
    for chunk in changes.chunks(CHUNK) {
        hold(conn, chunk)?;
    }
    let smaller: Vec<(i64, Span)> = changes
        .iter()
        .map(|(stored, after)| (stored, stored.span.shared_with(*after)))
        .filter(|(stored, shared)| stored.span != *shared)
        .map(|(stored, shared)| (stored.id, shared))
        .collect();
    let larger: Vec<(i64, Span)> = changes.iter().map(|(stored, after)| (stored.id, *after)).collect();
    for chunk in smaller.chunks(CHUNK).chain(larger.chunks(CHUNK)) {
        let rows: Vec<(i64, Row)> = chunk.iter().map(|(id, span)| (*id, Row::from(*span))).collect();
        let rows: Vec<_> = rows.iter().map(|(id, row)| Keyed { id: *id, row }).collect();
        let source = batch::rows(conn.dialect(), &[&[ID], PERIOD].concat(), &rows)?;
        let sql = Sql::new(format!("UPDATE residencies SET {} FROM ", assignments(PERIOD))).then(source);
        written(sql.text(" WHERE residencies.id = r.id").execute(conn))?;
    }
    Ok(())
}

/// Holds residencies, and makes sure that nobody changed them since they were read.
fn hold(conn: &mut Conn, changes: &[(Stored, Span)]) -> Result<(), Error> {
    let mut read: Vec<Stored> = changes.iter().map(|(stored, _)| *stored).collect();
    read.sort_unstable_by_key(|stored| stored.id);
    let ids: Vec<i64> = read.iter().map(|stored| stored.id).collect();
    let sql = Sql::new(COLUMNS).text("residencies s WHERE s.id").in_ids(&ids).text(" ORDER BY s.id");
    let found = sql.text(conn.dialect().for_update()).load::<StoredSql, StoredTuple>(conn)?;
    if found.into_iter().map(Stored::from).eq(read) { Ok(()) } else { Err(overtaken()) }
}

/// Registers residencies.
///
/// # Errors
/// What the database answers.
pub(super) fn insert(conn: &mut Conn, new: &[Span]) -> Result<(), Error> {
    let columns = [PAIR, PERIOD].concat();
    for chunk in new.chunks(CHUNK) {
        let rows: Vec<Row> = chunk.iter().map(|span| Row::from(*span)).collect();
        let source = batch::rows(conn.dialect(), &columns, &rows)?;
        let sql = Sql::new(format!("INSERT INTO residencies ({}) SELECT ", names(&columns)));
        written(sql.text(format!("{} FROM ", values(&columns))).then(source).execute(conn))?;
    }
    Ok(())
}
