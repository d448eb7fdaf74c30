//! Who there is to write to, as statements.

use std::collections::HashMap;

use chrono::NaiveDate;
use diesel::Queryable;
use diesel::sql_types::{BigInt, Nullable, Text};

use crate::db::{Conn, Sql};
use crate::error::Error;
use crate::members::effective::in_force;

/// Somebody to whom an item goes.
#[derive(Clone, Debug, Queryable)]
pub struct Recipient {
    pub id: i64,
    pub name: String,
    pub sort_key: String,
    pub email: Option<String>,
}

type Pairs = (BigInt, BigInt);

/// Whose records organizations keep, and the organizations themselves; each with the organization.
///
/// # Errors
/// What the database answers.
pub fn kept_by(conn: &mut Conn, organizations: &[i64]) -> Result<Vec<(i64, i64)>, Error> {
    if organizations.is_empty() {
        return Ok(Vec::new());
    }
    let sql =
        Sql::new("SELECT p.organization_id, p.id FROM participants p WHERE p.organization_id").in_ids(organizations);
    let sql = sql.text(" UNION ALL SELECT p.id, p.id FROM participants p WHERE p.id").in_ids(organizations);
    Ok(sql.load::<Pairs, (i64, i64)>(conn)?)
}

/// Who is a member of a group of one of these organizations; each with the organization.
///
/// # Errors
/// What the database answers.
pub fn members_of(conn: &mut Conn, organizations: &[i64], today: NaiveDate) -> Result<Vec<(i64, i64)>, Error> {
    if organizations.is_empty() {
        return Ok(Vec::new());
    }
    let sql = Sql::new(
        "SELECT DISTINCT g.organization_id, m.participant_id FROM groups g JOIN memberships m ON m.group_id = g.id WHERE ",
    );
    let sql = in_force(sql, today).text(" AND g.organization_id").in_ids(organizations);
    Ok(sql.load::<Pairs, (i64, i64)>(conn)?)
}

/// The organization of each of these items, if it belongs to one.
///
/// # Errors
/// What the database answers.
pub fn organizations_of(conn: &mut Conn, items: &[i64]) -> Result<HashMap<i64, Option<i64>>, Error> {
    let sql = Sql::new("SELECT c.id, c.organization_id FROM content c WHERE c.id").in_ids(items);
    Ok(sql.load::<(BigInt, Nullable<BigInt>), (i64, Option<i64>)>(conn)?.into_iter().collect())
}

/// Who leads these groups; each with the group.
///
/// # Errors
/// What the database answers.
pub fn leaders(conn: &mut Conn, groups: &[i64], today: NaiveDate) -> Result<Vec<(i64, i64)>, Error> {
    let sql = in_force(Sql::new("SELECT m.group_id, m.participant_id FROM memberships m WHERE "), today);
    let sql = sql.text(" AND m.role = 'LEADER' AND m.group_id").in_ids(groups);
    Ok(sql.load::<Pairs, (i64, i64)>(conn)?)
}

/// Those of these who can read: persons and organizations.
///
/// # Errors
/// What the database answers.
pub fn people(conn: &mut Conn, ids: &[i64]) -> Result<Vec<Recipient>, Error> {
    let sql = Sql::new(
        "SELECT p.id, p.display_name, p.sort_key, p.email FROM participants p WHERE p.kind <> 'ADDRESS' AND p.id",
    );
    Ok(sql.in_ids(ids).load::<(BigInt, Text, Text, Nullable<Text>), Recipient>(conn)?)
}
