//! Records of pupils as rows.

use std::collections::HashMap;

use chrono::{NaiveDate, NaiveDateTime};
use diesel::sql_types::{BigInt, Bool, Date, Nullable, Text, Timestamp};
use diesel::{QueryResult, Queryable};

use super::leave::Status;
use super::readers::Readers;
use super::records::RecordKind;
use super::rules::Pupil;
use super::year::SchoolYear;
use crate::access::sight::Sight;
use crate::db::{Conn, Dialect, Sql};
use crate::error::Error;
use crate::members::effective::in_force;
use crate::page::{Key, KeyType, Order, Page, Window, position};
use crate::scope::Scope;

/// Where records of a kind are kept.
pub(super) fn table(kind: RecordKind) -> &'static str {
    match kind {
        RecordKind::AbsenceReport => "absence_reports",
        RecordKind::LeaveRequest => "leave_requests",
        RecordKind::LunchStay => "lunch_stays",
    }
}

/// The first day of a record `r`, and the last.
fn days(kind: RecordKind) -> (&'static str, &'static str) {
    match kind {
        RecordKind::AbsenceReport | RecordKind::LunchStay => ("r.date", "r.date"),
        RecordKind::LeaveRequest => ("r.from_date", "r.until_date"),
    }
}

/// The first day of a record `r`.
pub(super) fn first_day(kind: RecordKind) -> &'static str {
    days(kind).0
}

/// The newest day first. The school year, which follows from the day, comes first because the index has it first.
fn order(kind: RecordKind) -> &'static Order {
    const ID: (&str, KeyType) = ("r.id", KeyType::Int);
    const YEAR: (&str, KeyType) = ("r.school_year", KeyType::Int);
    const DATE: &[(&str, KeyType)] = &[YEAR, ("r.date", KeyType::Date), ID];
    const FROM: &[(&str, KeyType)] = &[YEAR, ("r.from_date", KeyType::Date), ID];
    const ABSENCE: Order = Order { name: "absenceReports", columns: DATE, descending: true };
    const LEAVE: Order = Order { name: "leaveRequests", columns: FROM, descending: true };
    const LUNCH: Order = Order { name: "lunchStays", columns: DATE, descending: true };
    match kind {
        RecordKind::AbsenceReport => &ABSENCE,
        RecordKind::LeaveRequest => &LEAVE,
        RecordKind::LunchStay => &LUNCH,
    }
}

/// What every record has.
#[derive(Clone, Debug, Queryable)]
pub struct Common {
    pub id: i64,
    pub participant_id: i64,
    pub participant_name: String,
    pub group_id: i64,
    /// The calendar year in which the school year begins.
    pub school_year: i64,
    /// Its day, or the first of them.
    pub date: NaiveDate,
    /// Empty where another guardian made it.
    pub made_by: String,
    pub created_at: NaiveDateTime,
    /// Whether the viewer reads what was written along with it (V7).
    pub told: bool,
}

impl Common {
    /// The same without the name of who made it, where that is not told.
    fn told(mut self) -> Self {
        if !self.told {
            self.made_by.clear();
        }
        self
    }
}

type CommonSql = (BigInt, BigInt, Text, BigInt, BigInt, Date, Text, Timestamp, Bool);

/// A record of one kind.
#[derive(Clone, Debug)]
pub struct Row<R> {
    pub common: Common,
    pub own: R,
}

impl<R: Record> Row<R> {
    /// The position of a record in its group.
    pub fn keys(&self) -> Vec<Key> {
        let Common { id, school_year, date, .. } = &self.common;
        let keys = [Key::Int(*school_year), Key::Text(date.to_string()), Key::Int(*id)];
        position(order(R::KIND).name, keys)
    }
}

/// What records of one kind have of their own.
pub trait Record: Clone + Send + Sync + Sized + 'static {
    /// The kind.
    const KIND: RecordKind;
    /// The columns of its own, each after a comma.
    const COLUMNS: &'static str;

    /// Reads rows with the columns that all records have, followed by those of its own.
    ///
    /// # Errors
    /// What the database answers.
    fn load(sql: Sql, conn: &mut Conn) -> QueryResult<Vec<Row<Self>>>;
}

/// What an absence report has of its own.
#[derive(Clone, Debug)]
pub struct AbsenceReport {
    pub reason: Option<String>,
}

impl Record for AbsenceReport {
    const KIND: RecordKind = RecordKind::AbsenceReport;
    const COLUMNS: &'static str = ", r.reason";

    fn load(sql: Sql, conn: &mut Conn) -> QueryResult<Vec<Row<Self>>> {
        let rows = sql.load::<(CommonSql, Nullable<Text>), (Common, Option<String>)>(conn)?;
        let row = |(common, reason): (Common, Option<String>)| {
            let reason = reason.filter(|_| common.told);
            Row { common: common.told(), own: Self { reason } }
        };
        Ok(rows.into_iter().map(row).collect())
    }
}

/// What a leave request has of its own.
#[derive(Clone, Debug, Queryable)]
pub struct LeaveRequest {
    pub until: NaiveDate,
    pub reason: Option<String>,
    pub status: Status,
    pub note: Option<String>,
    pub decided_by: Option<String>,
    pub decided_at: Option<NaiveDateTime>,
}

impl Record for LeaveRequest {
    const KIND: RecordKind = RecordKind::LeaveRequest;
    const COLUMNS: &'static str =
        ", r.until_date, r.reason, r.status, r.decision_note, r.decided_by_name, r.decided_at";

    fn load(sql: Sql, conn: &mut Conn) -> QueryResult<Vec<Row<Self>>> {
        type Own = (Date, Nullable<Text>, Text, Nullable<Text>, Nullable<Text>, Nullable<Timestamp>);
        let rows = sql.load::<(CommonSql, Own), (Common, Self)>(conn)?;
        let row = |(common, mut own): (Common, Self)| {
            if !common.told {
                // What the school says to it answers what the other guardian wrote.
                (own.reason, own.note) = (None, None);
                own.decided_by = own.decided_by.filter(|_| own.status != Status::Withdrawn);
            }
            Row { common: common.told(), own }
        };
        Ok(rows.into_iter().map(row).collect())
    }
}

/// What a lunch stay has of its own: nothing.
#[derive(Clone, Copy, Debug)]
pub struct LunchStay;

impl Record for LunchStay {
    const KIND: RecordKind = RecordKind::LunchStay;
    const COLUMNS: &'static str = "";

    fn load(sql: Sql, conn: &mut Conn) -> QueryResult<Vec<Row<Self>>> {
        let rows = sql.load::<CommonSql, Common>(conn)?;
        Ok(rows.into_iter().map(|common| Row { common: common.told(), own: Self }).collect())
    }
}

/// Which records a list holds. All conditions must hold; an absent one always does.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// The record is of this day or later, or lasts until it or longer.
    pub from: Option<NaiveDate>,
    /// The record is of this day or earlier, or begins on it or earlier.
    pub until: Option<NaiveDate>,
    pub participant_id: Option<i64>,
    /// Only leave requests have one.
    pub status: Option<Status>,
}

impl Filter {
    /// Appends ` AND …`.
    fn conditions(&self, mut sql: Sql, kind: RecordKind) -> Sql {
        let (first, last) = days(kind);
        let year = |day: NaiveDate| SchoolYear::of(day).first();
        // A record lies within one school year, which narrows the index down.
        if let Some(from) = self.from {
            sql = sql.text(" AND r.school_year >= ").int(year(from));
            sql = sql.text(" AND ").text(last).text(" >= ").date(from);
        }
        if let Some(until) = self.until {
            sql = sql.text(" AND r.school_year <= ").int(year(until));
            sql = sql.text(" AND ").text(first).text(" <= ").date(until);
        }
        if let Some(participant) = self.participant_id {
            sql = sql.text(" AND r.participant_id = ").int(participant);
        }
        if let Some(status) = self.status {
            sql = sql.text(" AND r.status = ").string(status.as_str());
        }
        sql
    }
}

fn columns<R: Record>(readers: &Readers) -> Sql {
    let sql = Sql::new("SELECT r.id, r.participant_id, p.display_name, r.group_id, r.school_year, ")
        .text(first_day(R::KIND))
        .text(", r.made_by_name, r.created_at, ");
    readers.told(sql, "r").text(R::COLUMNS).text(" FROM ")
}

const PARTICIPANT: &str = " JOIN participants p ON p.id = r.participant_id";

/// A page of the records of each of the groups, as far as the viewer reads them, in one statement.
///
/// # Errors
/// `BadInput` for a cursor of another list; what the database answers.
pub fn pages<R: Record>(
    conn: &mut Conn,
    readers: &Readers,
    groups: &[i64],
    filter: &Filter,
    window: &Window,
) -> Result<HashMap<i64, Page<Row<R>>>, Error> {
    let (table, order) = (table(R::KIND), order(R::KIND));
    let inner = |sql: Sql| {
        let sql = sql.text(" FROM ").text(table).text(" r WHERE r.group_id = parent.value");
        let sql = window.conditions(filter.conditions(readers.readable(sql, "r"), R::KIND), order)?;
        Ok::<_, Error>(window.order_by(sql, order).text(" LIMIT ").int(window.fetch()))
    };
    let sql = match conn.dialect() {
        Dialect::Sqlite => {
            let parents = serde_json::Value::from(groups.to_vec()).to_string();
            let sql = columns::<R>(readers).text("json_each(").string(parents).text(") parent CROSS JOIN ").text(table);
            inner(sql.text(" r ON r.id IN (SELECT r.id"))?.text(")")
        }
        Dialect::Postgres => {
            let sql = columns::<R>(readers).text("unnest(").id_array(groups);
            inner(sql.text(") parent (value) CROSS JOIN LATERAL (SELECT r.*"))?.text(") r")
        }
    };
    let mut by_group: HashMap<i64, Vec<Row<R>>> = HashMap::new();
    for row in R::load(window.order_by(sql.text(PARTICIPANT), order), conn)? {
        by_group.entry(row.common.group_id).or_default().push(row);
    }
    Ok(by_group.into_iter().map(|(group, rows)| (group, window.page(rows))).collect())
}

/// How many records of a kind each of the groups has, as far as the viewer reads them.
///
/// # Errors
/// What the database answers.
pub fn counts(
    conn: &mut Conn,
    readers: &Readers,
    kind: RecordKind,
    groups: &[i64],
    filter: &Filter,
) -> Result<HashMap<i64, i64>, Error> {
    let sql = Sql::new("SELECT r.group_id, COUNT(*) FROM ").text(table(kind)).text(" r WHERE r.group_id");
    let sql = filter.conditions(readers.readable(sql.in_ids(groups), "r"), kind).text(" GROUP BY r.group_id");
    Ok(sql.load::<(BigInt, BigInt), (i64, i64)>(conn)?.into_iter().collect())
}

/// The records with these keys that the viewer reads, in no order.
///
/// # Errors
/// What the database answers.
pub fn by_ids<R: Record>(conn: &mut Conn, readers: &Readers, ids: &[i64]) -> Result<Vec<Row<R>>, Error> {
    let sql = columns::<R>(readers).text(table(R::KIND)).text(" r").text(PARTICIPANT).text(" WHERE r.id").in_ids(ids);
    Ok(R::load(readers.readable(sql, "r"), conn)?)
}

/// Of whom a record is and where, if the viewer reads it.
///
/// # Errors
/// What the database answers.
pub fn pupil_of(conn: &mut Conn, readers: &Readers, kind: RecordKind, id: i64) -> Result<Option<Pupil>, Error> {
    let sql = Sql::new("SELECT r.participant_id, r.group_id FROM ").text(table(kind)).text(" r WHERE r.id = ").int(id);
    let found = readers.readable(sql, "r").first::<(BigInt, BigInt), (i64, i64)>(conn)?;
    Ok(found.map(|(participant_id, group_id)| Pupil { participant_id, group_id }))
}

/// The organization that owns a group within sight, if any does. The transition to the next school year, which locks its
/// groups, waits until this transaction ends; what is read after this is as the transition before left it.
///
/// # Errors
/// What the database answers.
pub fn hold_group(conn: &mut Conn, sight: &Sight, id: i64) -> Result<Option<Option<i64>>, Error> {
    let sql = Sql::new("SELECT g.organization_id FROM groups g WHERE g.id = ").int(id);
    let sql = sight.groups(sql, "g").text(conn.dialect().for_reference());
    Ok(sql.first::<Nullable<BigInt>, Option<i64>>(conn)?)
}

/// Locks a participant until the transaction ends.
///
/// # Errors
/// What the database answers.
pub fn lock_participant(conn: &mut Conn, id: i64) -> Result<(), Error> {
    let sql = Sql::new("SELECT p.id FROM participants p WHERE p.id = ").int(id).text(conn.dialect().for_update());
    sql.first::<BigInt, i64>(conn)?;
    Ok(())
}

/// Whether a pupil is a member of the group on a day.
///
/// # Errors
/// What the database answers.
pub fn is_member(conn: &mut Conn, pupil: Pupil, on: NaiveDate) -> Result<bool, Error> {
    let sql = in_force(Sql::new("SELECT m.id FROM memberships m WHERE "), on).text(" AND m.group_id = ");
    let sql = sql.int(pupil.group_id).text(" AND m.participant_id = ").int(pupil.participant_id);
    Ok(sql.first::<BigInt, i64>(conn)?.is_some())
}

/// When the school year ended to which a day belonged, if the transition from it was applied to the group.
///
/// # Errors
/// What the database answers.
pub fn year_ended(conn: &mut Conn, group: i64, on: NaiveDate) -> Result<Option<NaiveDate>, Error> {
    let sql = Sql::new(
        "SELECT t.effective_on FROM year_transition_moves v JOIN year_transitions t ON t.id = v.transition_id \
         WHERE t.status = 'APPLIED' AND v.group_id = ",
    );
    let sql = sql.int(group).text(" AND t.effective_on > ").date(on).text(" ORDER BY t.effective_on LIMIT 1");
    Ok(sql.first::<Date, NaiveDate>(conn)?)
}

/// Whether there is a record of a kind that a pupil has at most one of each day.
///
/// # Errors
/// What the database answers.
pub fn is_recorded(conn: &mut Conn, kind: RecordKind, pupil: Pupil, on: NaiveDate) -> Result<bool, Error> {
    let sql = Sql::new("SELECT r.id FROM ").text(table(kind)).text(" r WHERE r.participant_id = ");
    let sql = sql.int(pupil.participant_id).text(" AND r.group_id = ").int(pupil.group_id);
    Ok(sql.text(" AND r.date = ").date(on).first::<BigInt, i64>(conn)?.is_some())
}

/// Makes a record. `None` when there is one of that pupil, group and day, where only one can be.
pub(super) fn insert(
    conn: &mut Conn,
    scope: &Scope,
    kind: RecordKind,
    (pupil, from): (Pupil, NaiveDate),
    (columns, values): (&'static str, Sql),
) -> Result<Option<i64>, Error> {
    let sql = Sql::new("INSERT INTO ")
        .text(table(kind))
        .text(" (participant_id, group_id, school_year, made_by_id, made_by_name, created_at, ")
        .text(columns)
        .text(") VALUES (")
        .int(pupil.participant_id)
        .text(", ")
        .int(pupil.group_id)
        .text(", ")
        .int(SchoolYear::of(from).first())
        .text(", ")
        .int(scope.viewer.participant)
        .text(", ")
        .string(scope.viewer.name.clone())
        .text(", ")
        .instant(scope.instant())
        .text(", ")
        .date(from)
        .then(values)
        .text(") ON CONFLICT DO NOTHING RETURNING id");
    Ok(sql.first::<BigInt, i64>(conn)?)
}

/// A text or null.
pub(super) fn optional(text: Option<&str>) -> Sql {
    match text {
        Some(text) => Sql::default().string(text),
        None => Sql::new("NULL"),
    }
}

/// Makes an absence report and answers with its key; `None` when there is one of that day.
///
/// # Errors
/// What the database answers.
pub fn insert_absence_report(
    conn: &mut Conn,
    scope: &Scope,
    pupil: Pupil,
    date: NaiveDate,
    reason: Option<&str>,
) -> Result<Option<i64>, Error> {
    let own = ("date, reason", Sql::new(", ").then(optional(reason)));
    insert(conn, scope, RecordKind::AbsenceReport, (pupil, date), own)
}

/// Makes a lunch stay and answers with its key; `None` when there is one of that day.
///
/// # Errors
/// What the database answers.
pub fn insert_lunch_stay(conn: &mut Conn, scope: &Scope, pupil: Pupil, date: NaiveDate) -> Result<Option<i64>, Error> {
    insert(conn, scope, RecordKind::LunchStay, (pupil, date), ("date", Sql::default()))
}

/// Deletes a record; whether there was one.
///
/// # Errors
/// What the database answers.
pub fn delete(conn: &mut Conn, kind: RecordKind, id: i64) -> Result<bool, Error> {
    Ok(Sql::new("DELETE FROM ").text(table(kind)).text(" WHERE id = ").int(id).execute(conn)? > 0)
}
