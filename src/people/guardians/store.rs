//! Guardianships as rows.

use chrono::{NaiveDate, NaiveDateTime};
use diesel::sql_types::{BigInt, Bool, Date, Nullable, Text, Timestamp};
use diesel::{QueryResult, Queryable};

use crate::access::guardians::in_force;
use crate::access::sight::{Sight, is_of};
use crate::db::{Conn, Sql};
use crate::error::Error;
use crate::people::store::Side;
use crate::scope::Scope;

/// What was recorded of a guardianship for one organization, or for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Queryable)]
pub struct Record {
    pub ends_on: Option<NaiveDate>,
    pub ended: bool,
}

fn of_pair(sql: Sql, child: i64, guardian: i64) -> Sql {
    sql.text(" FROM guardianships WHERE child_id = ").int(child).text(" AND guardian_id = ").int(guardian)
}

/// What an organization has said for itself, or what was recorded for all.
///
/// # Errors
/// What the database answers.
pub fn record(conn: &mut Conn, child: i64, guardian: i64, organization: Option<i64>) -> Result<Option<Record>, Error> {
    let sql = of_pair(Sql::new("SELECT ends_on, ended"), child, guardian);
    let sql = sql.text(" AND coalesce(organization_id, 0) = ").int(organization.unwrap_or_default());
    Ok(sql.first::<(Nullable<Date>, Bool), Record>(conn)?)
}

/// Whether an organization has recorded a guardianship and not ended it, or it was recorded for all; for none, whether
/// anybody has recorded it.
///
/// # Errors
/// What the database answers.
pub fn is_recorded(conn: &mut Conn, child: i64, guardian: i64, organization: Option<i64>) -> Result<bool, Error> {
    let sql = of_pair(Sql::new("SELECT child_id"), child, guardian).text(" AND NOT ended");
    let sql = match organization {
        Some(organization) => {
            sql.text(" AND (organization_id IS NULL OR organization_id = ").int(organization).text(")")
        }
        None => sql,
    };
    Ok(sql.first::<BigInt, i64>(conn)?.is_some())
}

/// Whether anybody has recorded a guardianship that stands.
///
/// # Errors
/// What the database answers.
pub fn is_known(conn: &mut Conn, child: i64, guardian: i64) -> Result<bool, Error> {
    is_recorded(conn, child, guardian, None)
}

/// Whether somebody is one of an organization's people.
///
/// # Errors
/// What the database answers.
pub fn is_one_of(conn: &mut Conn, participant: i64, organization: i64, today: NaiveDate) -> Result<bool, Error> {
    Ok(!people_of_each(conn, &[participant], &[organization], today)?.is_empty())
}

/// Writes what holds for an organization, or for all that have said nothing of their own.
///
/// # Errors
/// What the database answers.
pub fn put(
    conn: &mut Conn,
    scope: &Scope,
    (child, guardian): (i64, i64),
    organization: Option<i64>,
    record: Record,
) -> QueryResult<usize> {
    Sql::new(
        "INSERT INTO guardianships (child_id, guardian_id, organization_id, ends_on, ended, changed_at, changed_by_id, \
         changed_by) VALUES (",
    )
    .int(child)
    .text(", ")
    .int(guardian)
    .text(", ")
    .int(organization)
    .text(", ")
    .date(record.ends_on)
    .text(", ")
    .flag(record.ended)
    .text(", ")
    .instant(scope.instant())
    .text(", ")
    .int(scope.viewer.participant)
    .text(", ")
    .string(scope.viewer.name.clone())
    .text(
        ") ON CONFLICT (child_id, guardian_id, coalesce(organization_id, 0)) DO UPDATE SET ends_on = excluded.ends_on, \
         ended = excluded.ended, imported = FALSE, changed_at = excluded.changed_at, \
         changed_by_id = excluded.changed_by_id, changed_by = excluded.changed_by",
    )
    .execute(conn)
}

/// Sets a day on which a guardianship ends for everybody for whom it stands.
///
/// # Errors
/// What the database answers.
pub fn set_end(
    conn: &mut Conn,
    scope: &Scope,
    (child, guardian): (i64, i64),
    ends_on: NaiveDate,
) -> QueryResult<usize> {
    Sql::new("UPDATE guardianships SET imported = FALSE, ends_on = ")
        .date(ends_on)
        .text(", changed_at = ")
        .instant(scope.instant())
        .text(", changed_by_id = ")
        .int(scope.viewer.participant)
        .text(", changed_by = ")
        .string(scope.viewer.name.clone())
        .text(" WHERE NOT ended AND child_id = ")
        .int(child)
        .text(" AND guardian_id = ")
        .int(guardian)
        .execute(conn)
}

/// Ends a guardianship for all. What organizations have ended for themselves stays ended, whatever is recorded for all later.
///
/// # Errors
/// What the database answers.
pub fn end_for_all(conn: &mut Conn, scope: &Scope, pair: (i64, i64)) -> QueryResult<usize> {
    Sql::new("DELETE FROM guardianships WHERE NOT ended AND organization_id IS NOT NULL AND child_id = ")
        .int(pair.0)
        .text(" AND guardian_id = ")
        .int(pair.1)
        .execute(conn)?;
    put(conn, scope, pair, None, Record { ends_on: None, ended: true })
}

/// Notes that a person agrees, or no longer; whether that is new.
///
/// # Errors
/// What the database answers.
pub fn set_agreement(conn: &mut Conn, scope: &Scope, child: i64, guardian: i64, agreed: bool) -> QueryResult<bool> {
    let sql = if agreed {
        Sql::new("INSERT INTO guardian_agreements (child_id, guardian_id, agreed_at) VALUES (")
            .int(child)
            .text(", ")
            .int(guardian)
            .text(", ")
            .instant(scope.instant())
            .text(") ON CONFLICT DO NOTHING")
    } else {
        Sql::new("DELETE FROM guardian_agreements WHERE child_id = ")
            .int(child)
            .text(" AND guardian_id = ")
            .int(guardian)
    };
    Ok(sql.execute(conn)? > 0)
}

/// Who looks after whom: pairs of the given side and the other one, as far as it counts for the viewer: for an organization
/// that the viewer administers and of whose people the child is, or for anybody where the viewer is one of the two.
///
/// # Errors
/// What the database answers.
pub fn pairs(
    conn: &mut Conn,
    sight: &Sight,
    today: NaiveDate,
    of: Side,
    ids: &[i64],
) -> Result<Vec<(i64, i64)>, Error> {
    let (columns, column) = match of {
        Side::Dependant => ("SELECT DISTINCT gu.child_id, gu.guardian_id", "gu.child_id"),
        Side::Anchor => ("SELECT DISTINCT gu.guardian_id, gu.child_id", "gu.guardian_id"),
    };
    let sql = Sql::new(columns)
        .text(" FROM guardianships gu JOIN participants gc ON gc.id = gu.child_id WHERE ")
        .text(column)
        .in_ids(ids)
        .text(" AND ");
    let sql = sight.guardianships(in_force(sql, today)).text(" ORDER BY 1, 2");
    Ok(sql.load::<(BigInt, BigInt), (i64, i64)>(conn)?)
}

/// Which of these organizations each of these participants is one of the people of today: pairs of both.
///
/// # Errors
/// What the database answers.
pub fn people_of_each(
    conn: &mut Conn,
    participants: &[i64],
    organizations: &[i64],
    today: NaiveDate,
) -> Result<Vec<(i64, i64)>, Error> {
    if organizations.is_empty() || participants.is_empty() {
        return Ok(Vec::new());
    }
    let sql = Sql::new("SELECT p.id, o.id FROM participants p CROSS JOIN participants o WHERE p.id")
        .in_ids(participants)
        .text(" AND o.id")
        .in_ids(organizations)
        .text(" AND ");
    let sql = is_of(sql, "p", &Sql::new("o.id"), today);
    Ok(sql.load::<(BigInt, BigInt), (i64, i64)>(conn)?)
}

/// A guardianship as it was recorded for one organization, or for all.
#[derive(Clone, Debug, Queryable)]
pub struct GuardianshipRow {
    pub child: i64,
    pub guardian: i64,
    pub guardian_name: String,
    /// The organization for which it was recorded; none where it was recorded for all.
    pub organization: Option<i64>,
    pub ends_on: Option<NaiveDate>,
    pub ended: bool,
    /// Whether it counts now.
    pub counts: bool,
    pub agreed: bool,
    pub changed_at: Option<NaiveDateTime>,
    pub changed_by: Option<String>,
}

/// What was recorded of the guardians of these children.
///
/// # Errors
/// What the database answers.
pub fn records(conn: &mut Conn, children: &[i64], today: NaiveDate) -> Result<Vec<GuardianshipRow>, Error> {
    type Columns =
        (BigInt, BigInt, Text, Nullable<BigInt>, Nullable<Date>, Bool, Bool, Bool, Nullable<Timestamp>, Nullable<Text>);
    let sql =
        Sql::new("SELECT gu.child_id, gu.guardian_id, g.display_name, gu.organization_id, gu.ends_on, gu.ended, ");
    let sql = in_force(sql, today)
        .text(
            ", EXISTS (SELECT 1 FROM guardian_agreements ga WHERE ga.child_id = gu.child_id \
             AND ga.guardian_id = gu.guardian_id), gu.changed_at, gu.changed_by FROM guardianships gu \
             JOIN participants gc ON gc.id = gu.child_id JOIN participants g ON g.id = gu.guardian_id WHERE gu.child_id",
        )
        .in_ids(children)
        .text(" ORDER BY gu.child_id, g.sort_key, gu.guardian_id, coalesce(gu.organization_id, 0)");
    Ok(sql.load::<Columns, GuardianshipRow>(conn)?)
}
