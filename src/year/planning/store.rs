//! Plans as rows.

use std::collections::HashMap;

use chrono::{NaiveDate, NaiveDateTime};
use diesel::QueryResult;
use diesel::sql_types::{BigInt, Bool, Date, Nullable, Text, Timestamp};
use serde::Serialize;

use crate::access::sight::Sight;
use crate::db::batch::{self, CHUNK, Column, Type, names, values};
use crate::db::{Conn, Dialect, Sql};
use crate::error::Error;
use crate::page::{Key, KeyType, Order, Page, Window, position};
use crate::school::year::SchoolYear;
use crate::scope::Scope;
use crate::year::plan::{Decision, Figures, Plan, Warning};
use crate::year::{Exception, Move, Outcome, Status, TransitionRow};

const COLUMNS: &str = "SELECT t.id, t.organization_id, t.from_year, t.effective_on, t.status, t.created_at, t.created_by, \
                       t.applied_at, t.applied_by, t.preview_token, t.undone_at, t.undone_by FROM year_transitions t";

type RowSql = (
    (BigInt, BigInt, BigInt, Date, Text),
    (Timestamp, Text),
    (Nullable<Timestamp>, Nullable<Text>, Nullable<Text>, Nullable<Timestamp>, Nullable<Text>),
);
type Tuple = (
    (i64, i64, i64, NaiveDate, Status),
    (NaiveDateTime, String),
    (Option<NaiveDateTime>, Option<String>, Option<String>, Option<NaiveDateTime>, Option<String>),
);

fn select(conn: &mut Conn, sql: Sql) -> Result<Vec<TransitionRow>, Error> {
    sql.load::<RowSql, Tuple>(conn)?.into_iter().map(row).collect()
}

fn row(
    ((id, organization_id, year, effective_on, status), (created_at, created_by), then): Tuple,
) -> Result<TransitionRow, Error> {
    let (applied_at, applied_by, preview_token, undone_at, undone_by) = then;
    let from_year = i32::try_from(year).ok().and_then(SchoolYear::new);
    let from_year = from_year.ok_or_else(|| Error::internal(format!("transition {id} is of no school year")))?;
    Ok(TransitionRow {
        id,
        organization_id,
        from_year,
        effective_on,
        status,
        created_at,
        created_by,
        applied_at,
        applied_by,
        preview_token,
        undone_at,
        undone_by,
    })
}

/// The transitions with these keys that are the viewer's to administer, in no order.
///
/// # Errors
/// What the database answers.
pub fn by_ids(conn: &mut Conn, sight: &Sight, ids: &[i64]) -> Result<Vec<TransitionRow>, Error> {
    let sql = Sql::new(COLUMNS).text(" WHERE t.id").in_ids(ids);
    select(conn, sight.administered_by(sql, "t.organization_id"))
}

/// The latest first.
pub const ORDER: Order = Order { name: "transitions", columns: &[("t.id", KeyType::Int)], descending: true };

/// The position of a transition in the list.
pub fn keys(row: &TransitionRow) -> Vec<Key> {
    position(ORDER.name, [Key::Int(row.id)])
}

fn listed(sql: Sql, sight: &Sight, organization: Option<i64>, status: Option<Status>) -> Sql {
    let mut sql = sight.administered_by(sql.text(" WHERE 1 = 1"), "t.organization_id");
    if let Some(organization) = organization {
        sql = sql.text(" AND t.organization_id = ").int(organization);
    }
    if let Some(status) = status {
        sql = sql.text(" AND t.status = ").string(status.as_str());
    }
    sql
}

/// A page of the transitions that are the viewer's to administer.
///
/// # Errors
/// `BadInput` for a cursor of another list; what the database answers.
pub fn page(
    conn: &mut Conn,
    sight: &Sight,
    organization: Option<i64>,
    status: Option<Status>,
    window: &Window,
) -> Result<Page<TransitionRow>, Error> {
    let sql = window.conditions(listed(Sql::new(COLUMNS), sight, organization, status), &ORDER)?;
    let sql = window.order_by(sql, &ORDER).text(" LIMIT ").int(window.fetch());
    Ok(window.page(select(conn, sql)?))
}

/// How many there are.
///
/// # Errors
/// What the database answers.
pub fn count(conn: &mut Conn, sight: &Sight, organization: Option<i64>, status: Option<Status>) -> Result<i64, Error> {
    let sql = listed(Sql::new("SELECT COUNT(*) FROM year_transitions t"), sight, organization, status);
    Ok(sql.first::<BigInt, i64>(conn)?.unwrap_or_default())
}

/// A transition, as it is now.
///
/// # Errors
/// What the database answers.
pub fn peek(conn: &mut Conn, id: i64) -> Result<Option<TransitionRow>, Error> {
    Ok(select(conn, Sql::new(COLUMNS).text(" WHERE t.id = ").int(id))?.into_iter().next())
}

/// The latest transitions of all organizations.
///
/// # Errors
/// What the database answers.
pub fn latest(conn: &mut Conn, limit: i64) -> Result<Vec<TransitionRow>, Error> {
    select(conn, Sql::new(COLUMNS).text(" ORDER BY t.id DESC LIMIT ").int(limit))
}

/// Every transition of an organization, by its year, locked until this transaction ends: no two of them run at once.
///
/// # Errors
/// What the database answers.
pub fn lock_all(conn: &mut Conn, organization: i64) -> Result<Vec<TransitionRow>, Error> {
    let sql = Sql::new(COLUMNS).text(" WHERE t.organization_id = ").int(organization);
    select(conn, sql.text(" ORDER BY t.from_year, t.id").text(conn.dialect().for_update()))
}

/// Keeps those of these groups that are an organization's from being deleted or handed over until this transaction ends.
///
/// # Errors
/// What the database answers.
pub fn hold_groups(conn: &mut Conn, organization: i64, groups: &[i64]) -> Result<(), Error> {
    let sql = Sql::new("SELECT g.id FROM groups g WHERE g.organization_id = ").int(organization);
    let sql = sql.text(" AND +g.id").in_ids(groups).text(" ORDER BY g.id");
    sql.text(conn.dialect().for_reference()).load::<BigInt, i64>(conn)?;
    Ok(())
}

/// Keeps these participants, and their names, as they are until this transaction ends.
///
/// # Errors
/// What the database answers.
pub fn hold_people(conn: &mut Conn, participants: &[i64]) -> Result<(), Error> {
    batch::hold(conn, "participants", participants, Dialect::for_reference)
}

/// Holds these groups until this transaction ends: nobody adds members, links or records to them meanwhile.
///
/// # Errors
/// What the database answers.
pub fn lock_groups(conn: &mut Conn, groups: &[i64]) -> Result<(), Error> {
    batch::hold(conn, "groups", groups, Dialect::for_update)
}

/// What a transition is to do.
///
/// # Errors
/// What the database answers.
pub fn plan(conn: &mut Conn, transition: &TransitionRow) -> Result<Plan, Error> {
    let moves = Sql::new(
        "SELECT v.group_id, v.to_group_id, v.with_leaders FROM year_transition_moves v WHERE v.transition_id = ",
    )
    .int(transition.id)
    .text(" ORDER BY v.group_id")
    .load::<(BigInt, Nullable<BigInt>, Bool), (i64, Option<i64>, bool)>(conn)?;
    let moves = moves
        .into_iter()
        .map(|(group_id, to_group_id, with_leaders)| Move { group_id, to_group_id, with_leaders })
        .collect();
    let exceptions = exceptions_of(conn, &[transition.id])?.remove(&transition.id).unwrap_or_default();
    Ok(Plan { effective_on: transition.effective_on, moves, exceptions })
}

/// Of whom it is to be otherwise, by transition.
///
/// # Errors
/// What the database answers.
pub fn exceptions_of(conn: &mut Conn, transitions: &[i64]) -> Result<HashMap<i64, Vec<Exception>>, Error> {
    type Columns = (BigInt, BigInt, Nullable<BigInt>, Text, Nullable<BigInt>);
    type Tuple = (i64, i64, Option<i64>, Outcome, Option<i64>);
    let sql = Sql::new(
        "SELECT x.transition_id, x.participant_id, x.group_id, x.outcome, x.to_group_id FROM year_transition_exceptions x WHERE x.transition_id",
    );
    let mut exceptions: HashMap<i64, Vec<Exception>> = HashMap::new();
    for (transition, participant_id, group_id, outcome, to_group_id) in
        sql.in_ids(transitions).text(" ORDER BY x.id").load::<Columns, Tuple>(conn)?
    {
        let exception = Exception { participant_id, group_id, outcome, to_group_id };
        exceptions.entry(transition).or_default().push(exception);
    }
    Ok(exceptions)
}

/// Takes a plan out of the way of a newer one.
///
/// # Errors
/// What the database answers.
pub fn supersede(conn: &mut Conn, organization: i64, year: SchoolYear) -> Result<(), Error> {
    Sql::new("UPDATE year_transitions SET status = 'SUPERSEDED' WHERE status = 'PLANNED' AND organization_id = ")
        .int(organization)
        .text(" AND from_year = ")
        .int(year.first())
        .execute(conn)?;
    Ok(())
}

/// Withdraws a plan.
///
/// # Errors
/// What the database answers.
pub fn withdraw(conn: &mut Conn, id: i64) -> Result<(), Error> {
    Sql::new("UPDATE year_transitions SET status = 'WITHDRAWN' WHERE status = 'PLANNED' AND id = ")
        .int(id)
        .execute(conn)?;
    Ok(())
}

/// Stores a plan and answers with its key.
///
/// # Errors
/// What the database answers; another plan of the same year that was stored at the same moment among it.
pub fn insert(
    conn: &mut Conn,
    scope: &Scope,
    organization: i64,
    year: SchoolYear,
    effective_on: NaiveDate,
) -> QueryResult<i64> {
    Sql::new("INSERT INTO year_transitions (organization_id, from_year, effective_on, created_at, created_by) VALUES (")
        .int(organization)
        .text(", ")
        .int(year.first())
        .text(", ")
        .date(effective_on)
        .text(", ")
        .instant(scope.instant())
        .text(", ")
        .string(scope.viewer.name.clone())
        .text(") RETURNING id")
        .first::<BigInt, i64>(conn)?
        .ok_or(diesel::result::Error::NotFound)
}

/// Stores what is to become of the groups, and of whom it is otherwise.
///
/// # Errors
/// What the database answers.
pub fn insert_parts(conn: &mut Conn, id: i64, moves: &[Move], exceptions: &[Exception]) -> Result<(), Error> {
    const MOVES: &[Column] = &[("group_id", Type::Int), ("to_group_id", Type::Int), ("with_leaders", Type::Flag)];
    const EXCEPTIONS: &[Column] =
        &[("participant_id", Type::Int), ("group_id", Type::Int), ("outcome", Type::Text), ("to_group_id", Type::Int)];
    fill(conn, id, "year_transition_moves", MOVES, moves)?;
    fill(conn, id, "year_transition_exceptions", EXCEPTIONS, exceptions)
}

fn fill(
    conn: &mut Conn,
    id: i64,
    table: &'static str,
    columns: &[Column],
    rows: &[impl Serialize],
) -> Result<(), Error> {
    for rows in rows.chunks(CHUNK) {
        let source = batch::rows(conn.dialect(), columns, rows)?;
        Sql::new(format!("INSERT INTO {table} (transition_id, {}) SELECT ", names(columns)))
            .int(id)
            .text(format!(", {} FROM ", values(columns)))
            .then(source)
            .execute(conn)?;
    }
    Ok(())
}

/// What is known of a group that a plan names.
#[derive(Clone, Debug)]
pub struct Known {
    pub name: String,
    pub external_id: Option<String>,
    pub organization_id: Option<i64>,
    pub dynamic: bool,
    pub closed: bool,
}

impl Known {
    /// Its name, with the external id, by which it is told from others of that name.
    pub fn called(&self) -> String {
        match &self.external_id {
            Some(external_id) if *external_id != self.name => format!("{} ({external_id})", self.name),
            _ => self.name.clone(),
        }
    }
}

/// The groups with these keys.
///
/// # Errors
/// What the database answers.
pub fn known(conn: &mut Conn, ids: &[i64]) -> Result<HashMap<i64, Known>, Error> {
    type Columns = (BigInt, Text, Nullable<Text>, Nullable<BigInt>, Bool, Bool);
    type Tuple = (i64, String, Option<String>, Option<i64>, bool, bool);
    let sql = Sql::new(
        "SELECT g.id, g.name, g.external_id, g.organization_id, g.member_filter IS NOT NULL, g.closed FROM groups g WHERE g.id",
    );
    let rows = sql.in_ids(ids).load::<Columns, Tuple>(conn)?.into_iter();
    Ok(rows
        .map(|(id, name, external_id, organization_id, dynamic, closed)| {
            (id, Known { name, external_id, organization_id, dynamic, closed })
        })
        .collect())
}

/// The year groups of an organization that are in use: not closed, or with members on a date.
///
/// # Errors
/// What the database answers.
pub fn year_groups(conn: &mut Conn, organization: i64, on: NaiveDate) -> Result<Vec<(i64, String)>, Error> {
    let sql = Sql::new("SELECT g.id, g.name FROM groups g WHERE g.year_group IS NOT NULL AND g.organization_id = ")
        .int(organization)
        .text(" AND (NOT g.closed OR EXISTS (SELECT 1 FROM memberships m WHERE m.group_id = g.id AND m.annulled_at IS NULL AND (m.end_date IS NULL OR m.end_date > ")
        .date(on)
        .text("))) ORDER BY g.sort_key, g.id");
    Ok(sql.load::<(BigInt, Text), (i64, String)>(conn)?)
}

/// Of these participants, which has a membership in which of these groups that is not over on a date.
///
/// # Errors
/// What the database answers.
pub fn memberships(
    conn: &mut Conn,
    groups: &[i64],
    participants: &[i64],
    on: NaiveDate,
) -> Result<Vec<(i64, i64)>, Error> {
    let sql = Sql::new(
        "SELECT m.participant_id, m.group_id FROM memberships m WHERE m.annulled_at IS NULL AND (m.end_date IS NULL OR m.end_date > ",
    )
    .date(on)
    .text(") AND m.participant_id")
    .in_ids(participants)
    .text(" AND m.group_id")
    .in_ids(groups);
    Ok(sql.load::<(BigInt, BigInt), (i64, i64)>(conn)?)
}

/// The names of those among these participants who are, or ever were, members of a group.
///
/// # Errors
/// What the database answers.
pub fn members_named(conn: &mut Conn, group: i64, participants: &[i64]) -> Result<HashMap<i64, String>, Error> {
    let sql = Sql::new("SELECT p.id, p.display_name FROM participants p WHERE p.id").in_ids(participants);
    let sql =
        sql.text(" AND EXISTS (SELECT 1 FROM memberships m WHERE m.participant_id = p.id AND m.annulled_at IS NULL AND m.group_id = ").int(group);
    Ok(sql.text(")").load::<(BigInt, Text), (i64, String)>(conn)?.into_iter().collect())
}

/// What became of the groups of a transition that was applied.
#[derive(Debug, Default)]
pub struct Done {
    /// Each group, the one to which its members went, and the figures.
    pub groups: Vec<(i64, Option<i64>, Figures)>,
    pub warnings: Vec<Warning>,
}

/// What became of each group, and what was to be known, of transitions that were applied.
///
/// # Errors
/// What the database answers; `Internal` for figures that cannot be read.
pub fn results(conn: &mut Conn, ids: &[i64]) -> Result<HashMap<i64, Done>, Error> {
    let mut done: HashMap<i64, Done> = HashMap::new();
    if ids.is_empty() {
        return Ok(done);
    }
    let unreadable = |error: serde_json::Error| Error::internal(format!("a transition is unreadable: {error}"));
    let rows = Sql::new(
        "SELECT v.transition_id, v.group_id, v.to_group_id, v.figures FROM year_transition_moves v WHERE v.figures IS NOT NULL AND v.transition_id",
    )
    .in_ids(ids)
    .text(" ORDER BY v.transition_id, v.group_id")
    .load::<(BigInt, BigInt, Nullable<BigInt>, Text), (i64, i64, Option<i64>, String)>(conn)?;
    for (id, group, to, figures) in rows {
        let figures = serde_json::from_str(&figures).map_err(unreadable)?;
        done.entry(id).or_default().groups.push((group, to, figures));
    }
    let rows = Sql::new("SELECT t.id, t.warnings FROM year_transitions t WHERE t.warnings IS NOT NULL AND t.id")
        .in_ids(ids)
        .load::<(BigInt, Text), (i64, String)>(conn)?;
    for (id, warnings) in rows {
        done.entry(id).or_default().warnings = serde_json::from_str(&warnings).map_err(unreadable)?;
    }
    Ok(done)
}

/// What became of each member of groups of transitions that were applied, by membership.
///
/// # Errors
/// What the database answers.
pub fn members(conn: &mut Conn, of: &[(i64, i64)]) -> Result<HashMap<(i64, i64), Vec<Decision>>, Error> {
    type Columns = (BigInt, BigInt, BigInt, BigInt, Text, Nullable<BigInt>);
    type Tuple = (i64, i64, i64, i64, Outcome, Option<i64>);
    let mut members: HashMap<(i64, i64), Vec<Decision>> = HashMap::new();
    if of.is_empty() {
        return Ok(members);
    }
    let (transitions, groups): (Vec<i64>, Vec<i64>) = of.iter().copied().unzip();
    let sql = Sql::new(
        "SELECT x.transition_id, x.membership_id, x.group_id, x.participant_id, x.outcome, x.to_group_id FROM year_transition_members x WHERE x.transition_id",
    )
    .in_ids(&transitions)
    .text(" AND x.group_id")
    .in_ids(&groups)
    .text(" ORDER BY x.membership_id");
    for (transition, membership_id, group_id, participant_id, outcome, to_group_id) in
        sql.load::<Columns, Tuple>(conn)?
    {
        let decision = Decision { membership_id, group_id, participant_id, outcome, to_group_id };
        members.entry((transition, group_id)).or_default().push(decision);
    }
    Ok(members)
}
