//! Links, memberships and records as far as they say who still sees an item.

use std::collections::{HashMap, HashSet};

use chrono::{NaiveDate, NaiveDateTime};
use diesel::sql_types::{BigInt, Date, Nullable, Text, Timestamp};

use crate::content::Audience;
use crate::content::visibility::audience_of;
use crate::db::{Conn, Sql};
use crate::error::Error;
use crate::members::Role;
use crate::scope::Scope;

/// That an item is shown to an audience, from a day on and until another.
#[derive(Clone, Copy, Debug)]
pub struct Shown {
    pub audience: i64,
    pub from: NaiveDate,
    pub until: Option<NaiveDate>,
}

impl Shown {
    /// The days on which it begins and ends.
    pub fn turns(&self) -> impl Iterator<Item = NaiveDate> {
        [Some(self.from), self.until].into_iter().flatten()
    }

    /// The organization to all of which it is shown.
    pub fn organization(&self) -> Option<i64> {
        let (audience, target) = audience_of(self.audience);
        (audience == Audience::Organization).then_some(target)
    }
}

/// To whom these items are and were shown.
///
/// # Errors
/// What the database answers.
pub fn shown(conn: &mut Conn, scope: &Scope, items: &[i64]) -> Result<HashMap<i64, Vec<Shown>>, Error> {
    type Columns = (BigInt, BigInt, Timestamp, Nullable<Timestamp>);
    type Tuple = (i64, i64, NaiveDateTime, Option<NaiveDateTime>);
    let sql = Sql::new(
        "SELECT l.content_id, l.audience_key, l.linked_at, l.unlinked_at FROM content_links l WHERE l.content_id",
    );
    let mut shown: HashMap<i64, Vec<Shown>> = HashMap::new();
    for (item, audience, from, until) in sql.in_ids(items).load::<Columns, Tuple>(conn)? {
        let link = Shown { audience, from: scope.day(from), until: until.map(|until| scope.day(until)) };
        shown.entry(item).or_default().push(link);
    }
    Ok(shown)
}

/// A membership.
#[derive(Clone, Copy, Debug)]
pub struct Period {
    pub participant: i64,
    pub group: i64,
    pub start: NaiveDate,
    pub end: Option<NaiveDate>,
    pub leads: bool,
}

/// The memberships of these participants that are in force, or end, on some day from one to another.
///
/// # Errors
/// What the database answers.
pub fn periods(conn: &mut Conn, people: &[i64], from: NaiveDate, until: NaiveDate) -> Result<Vec<Period>, Error> {
    type Columns = (BigInt, BigInt, Date, Nullable<Date>, Text);
    type Tuple = (i64, i64, NaiveDate, Option<NaiveDate>, Role);
    let sql = Sql::new(
        "SELECT m.participant_id, m.group_id, m.start_date, m.end_date, m.role FROM memberships m \
         WHERE m.annulled_at IS NULL AND m.participant_id",
    );
    let sql = sql.in_ids(people).text(" AND m.start_date <= ").date(until);
    let sql = sql.text(" AND (m.end_date IS NULL OR m.end_date >= ").date(from).text(")");
    let rows = sql.load::<Columns, Tuple>(conn)?.into_iter();
    Ok(rows
        .map(|(participant, group, start, end, role)| {
            let leads = role == Role::Leader;
            Period { participant, group, start, end, leads }
        })
        .collect())
}

/// Which of these participants are kept by which of these organizations, or are one: participant and organization.
///
/// # Errors
/// What the database answers.
pub fn kept_by(conn: &mut Conn, people: &[i64], organizations: &[i64]) -> Result<HashSet<(i64, i64)>, Error> {
    if organizations.is_empty() {
        return Ok(HashSet::new());
    }
    let sql = Sql::new("SELECT p.id, p.organization_id FROM participants p WHERE p.id").in_ids(people);
    let sql = sql.text(" AND p.organization_id").in_ids(organizations);
    let mut kept: HashSet<(i64, i64)> = sql.load::<(BigInt, BigInt), (i64, i64)>(conn)?.into_iter().collect();
    kept.extend(organizations.iter().map(|organization| (*organization, *organization)));
    Ok(kept)
}

/// The groups of these organizations, and which owns each.
///
/// # Errors
/// What the database answers.
pub fn owned_by(conn: &mut Conn, organizations: &[i64]) -> Result<HashMap<i64, i64>, Error> {
    if organizations.is_empty() {
        return Ok(HashMap::new());
    }
    let sql = Sql::new("SELECT g.id, g.organization_id FROM groups g WHERE g.organization_id").in_ids(organizations);
    Ok(sql.load::<(BigInt, BigInt), (i64, i64)>(conn)?.into_iter().collect())
}
