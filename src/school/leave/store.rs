//! Leave requests as rows.

use chrono::NaiveDate;
use diesel::Queryable;
use diesel::sql_types::{Date, Text};

use super::Status;
use crate::db::{Conn, Sql};
use crate::error::Error;
use crate::school::records::RecordKind;
use crate::school::rules::Pupil;
use crate::school::store::{insert, optional};
use crate::scope::Scope;

/// The first day and the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Queryable)]
pub struct Period {
    pub from: NaiveDate,
    pub until: NaiveDate,
}

/// A leave request of the same pupil in the same group that stands and has a day in common with this period.
///
/// # Errors
/// What the database answers.
pub fn overlapping(
    conn: &mut Conn,
    pupil: Pupil,
    period: Period,
    besides: Option<i64>,
) -> Result<Option<Period>, Error> {
    let sql = Sql::new("SELECT r.from_date, r.until_date FROM leave_requests r WHERE r.participant_id = ")
        .int(pupil.participant_id)
        .text(" AND r.group_id = ")
        .int(pupil.group_id)
        .text(" AND r.status IN ('REQUESTED', 'GRANTED') AND r.from_date <= ")
        .date(period.until)
        .text(" AND r.until_date >= ")
        .date(period.from)
        .text(" AND r.id <> ")
        .int(besides.unwrap_or_default())
        .text(" ORDER BY r.from_date, r.id LIMIT 1");
    Ok(sql.first::<(Date, Date), Period>(conn)?)
}

/// Makes a leave request and answers with its key.
///
/// # Errors
/// What the database answers.
pub fn insert_request(
    conn: &mut Conn,
    scope: &Scope,
    pupil: Pupil,
    period: Period,
    reason: &str,
) -> Result<i64, Error> {
    let own = ("from_date, until_date, reason", Sql::new(", ").date(period.until).text(", ").string(reason));
    insert(conn, scope, RecordKind::LeaveRequest, (pupil, period.from), own)?
        .ok_or_else(|| Error::internal("nothing was inserted"))
}

/// Where a leave request stands.
#[derive(Clone, Copy, Debug, Queryable)]
pub struct Standing {
    pub status: Status,
    pub period: Period,
}

/// Where a leave request stands; it is locked until the transaction ends.
///
/// # Errors
/// What the database answers.
pub fn lock(conn: &mut Conn, id: i64) -> Result<Option<Standing>, Error> {
    let sql = Sql::new("SELECT r.status, r.from_date, r.until_date FROM leave_requests r WHERE r.id = ").int(id);
    Ok(sql.text(conn.dialect().for_update()).first::<(Text, (Date, Date)), Standing>(conn)?)
}

/// Writes down what became of a leave request, by whom and when.
///
/// # Errors
/// What the database answers.
pub fn settle(conn: &mut Conn, scope: &Scope, id: i64, status: Status, note: Option<&str>) -> Result<(), Error> {
    Sql::new("UPDATE leave_requests SET status = ")
        .string(status.as_str())
        .text(", decided_by_name = ")
        .string(scope.viewer.name.clone())
        .text(", decided_at = ")
        .instant(scope.instant())
        .text(", decision_note = ")
        .then(optional(note))
        .text(" WHERE id = ")
        .int(id)
        .execute(conn)?;
    Ok(())
}
