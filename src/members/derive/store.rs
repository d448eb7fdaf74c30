//! What derivation reads and writes.

use std::collections::{BTreeSet, HashMap};

use chrono::NaiveDate;
use diesel::sql_types::{BigInt, Bool, Date, Nullable, Text};
use serde::Serialize;

use super::place_store::{self, asks_for_places, passing};
use super::plan::{Facts, Filtering, Graph, Node, Row, Start};
use crate::db::batch::{self, Column, Type, names, values};
use crate::db::{Conn, Dialect, Sql};
use crate::error::Error;
use crate::groups::composition::{Composition, Mode};
use crate::members::{Origin, effective};
use crate::people::filter::ParticipantFilter;
use crate::scope::Scope;

/// What leads from a group to those that get members from it.
const EDGES: &str = "(SELECT component_id AS source, composite_id AS target FROM group_components \
                     UNION ALL SELECT source_group_id, id FROM groups WHERE source_group_id IS NOT NULL) e";

/// Where changes begin.
#[derive(Clone, Copy, Debug)]
pub enum Seeds<'s> {
    /// Memberships of these groups, or what they are made of.
    Groups(&'s [i64]),
    /// What is recorded of people, or where they live.
    People,
    /// Anything.
    Everything,
}

/// The groups with derived memberships that a change can reach.
///
/// # Errors
/// What the database answers.
pub fn affected(conn: &mut Conn, seeds: Seeds<'_>) -> Result<Vec<i64>, Error> {
    const FED: &str = "SELECT g.id FROM groups g WHERE (g.source_group_id IS NOT NULL OR g.via_home_address)";
    // Whoever becomes a member of any group may come to pass a filter.
    let from = match seeds {
        Seeds::Everything => return Ok(Sql::new(FED).text(" ORDER BY g.id").load::<BigInt, i64>(conn)?),
        Seeds::Groups(groups) => Sql::new("member_filter IS NOT NULL OR id").in_ids(groups),
        Seeds::People => Sql::new("member_filter IS NOT NULL OR via_home_address"),
    };
    let sql = Sql::new("WITH RECURSIVE up (id) AS (SELECT id FROM groups WHERE ").then(from).text(format!(
        " UNION SELECT e.target FROM up JOIN {EDGES} ON e.source = up.id) {FED} AND g.id IN (SELECT id FROM up) \
         ORDER BY g.id"
    ));
    Ok(sql.load::<BigInt, i64>(conn)?)
}

/// Waits until nobody else is deriving memberships, and holds others off until this transaction ends.
///
/// # Errors
/// What the database answers.
pub fn take_turn(conn: &mut Conn) -> Result<(), Error> {
    if conn.dialect() == Dialect::Postgres {
        Sql::new("SELECT singleton::bigint FROM derivation_turn FOR UPDATE").load::<BigInt, i64>(conn)?;
    }
    Ok(())
}

type NodeSql = (
    (BigInt, Text, Nullable<BigInt>, Bool, Nullable<Text>, Nullable<BigInt>, Bool),
    (Nullable<BigInt>, Nullable<Text>),
);
type About = (i64, Composition, Option<i64>, bool, Option<String>, Option<i64>, bool);
type NodeRow = (About, (Option<i64>, Option<Mode>));

/// The filter of a dynamic group without the group that it names, and the organization whose people can pass.
pub type Filter = (i64, ParticipantFilter, Option<i64>);

/// The affected groups with all that they follow from, and the filters among it.
///
/// # Errors
/// What the database answers.
pub fn graph(conn: &mut Conn, affected: &[i64]) -> Result<(Graph, Vec<Filter>), Error> {
    let sql = Sql::new("WITH RECURSIVE down (id) AS (SELECT id FROM groups WHERE id").in_ids(affected).text(format!(
        " UNION SELECT e.source FROM down JOIN {EDGES} ON e.target = down.id) \
         SELECT g.id, g.composition, g.source_group_id, g.via_home_address, g.member_filter, g.organization_id, \
         (g.closed AND coalesce(o.enforce_portal_settings, FALSE)), gc.component_id, gc.mode \
         FROM down JOIN groups g ON g.id = down.id LEFT JOIN participants o ON o.id = g.organization_id \
         LEFT JOIN group_components gc ON gc.composite_id = g.id"
    ));
    let mut nodes: HashMap<i64, Node> = HashMap::new();
    let mut filters = Vec::new();
    for ((group, composition, source, via_home_address, filter, organization, frozen), (component, mode)) in
        sql.load::<NodeSql, NodeRow>(conn)?
    {
        let node = match nodes.entry(group) {
            std::collections::hash_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::hash_map::Entry::Vacant(new) => {
                let filter = filter.map(|text| split(group, &text));
                let named = filter.as_ref().map(|(_, named)| Filtering { named: *named });
                filters.extend(filter.map(|(filter, _)| (group, filter, organization)));
                let affected = affected.binary_search(&group).is_ok();
                let components = Vec::new();
                new.insert(Node { composition, components, source, via_home_address, filter: named, frozen, affected })
            }
        };
        node.components.extend(component.zip(mode));
    }
    Ok((Graph::new(nodes), filters))
}

fn split(group: i64, text: &str) -> (ParticipantFilter, Option<i64>) {
    let mut filter = ParticipantFilter::read(group, text);
    let named = filter.current_group.take();
    (filter, named)
}

/// Everybody whom a change of the groups themselves can concern.
///
/// # Errors
/// What the database answers.
pub fn everybody(conn: &mut Conn, graph: &Graph, filters: &[Filter], today: NaiveDate) -> Result<Vec<i64>, Error> {
    let groups = graph.groups();
    let sql = not_over(Sql::new("SELECT DISTINCT m.participant_id FROM memberships m WHERE "), today);
    let mut people: BTreeSet<i64> =
        sql.text(" AND m.group_id").in_ids(&groups).load::<BigInt, i64>(conn)?.into_iter().collect();
    if graph.has_homes() {
        let sql = Sql::new(
            "SELECT DISTINCT s.participant_id FROM residencies s JOIN memberships m ON m.participant_id = s.address_id WHERE ",
        );
        let sql = not_over(sql, today).text(" AND m.group_id").in_ids(&groups);
        people.extend(current(sql.text(" AND "), today).load::<BigInt, i64>(conn)?);
    }
    // Of a group that a filter names the members were found above.
    let open: Vec<Filter> = filters.iter().filter(|(group, ..)| !graph.names_group(*group)).cloned().collect();
    people.extend(effective::passing(conn, &open, today, None)?.into_iter().map(|(_, participant)| participant));
    if asks_for_places(&open) {
        people.extend(place_store::moving(conn, today)?);
    }
    Ok(people.into_iter().collect())
}

/// The participants registered at any of these addresses.
///
/// # Errors
/// What the database answers.
pub fn residents(conn: &mut Conn, addresses: &[i64], today: NaiveDate) -> Result<Vec<i64>, Error> {
    let sql = Sql::new("SELECT DISTINCT s.participant_id FROM residencies s WHERE s.address_id").in_ids(addresses);
    Ok(current(sql.text(" AND "), today).load::<BigInt, i64>(conn)?)
}

/// What is known of these participants, and of the addresses where they live.
///
/// # Errors
/// What the database answers.
pub fn facts(
    conn: &mut Conn,
    graph: &Graph,
    filters: &[Filter],
    people: &[i64],
    today: NaiveDate,
) -> Result<Facts, Error> {
    let mut facts = Facts::default();
    let mut known: BTreeSet<i64> = people.iter().copied().collect();
    if graph.has_homes() {
        let sql = Sql::new(
            "SELECT s.participant_id, s.address_id, s.start_date, s.end_date FROM residencies s WHERE s.participant_id",
        );
        let rows = current(sql.in_ids(people).text(" AND "), today)
            .load::<(BigInt, BigInt, Date, Nullable<Date>), (i64, i64, NaiveDate, Option<NaiveDate>)>(conn)?;
        known.extend(rows.iter().map(|(_, address, ..)| *address));
        facts.residencies = rows.into_iter().map(|(who, address, start, end)| (who, address, (start, end))).collect();
    }
    let known: Vec<i64> = known.into_iter().collect();
    let groups = graph.groups();
    facts.rows = rows(conn, &groups, &known, today)?;
    let sql = Sql::new("SELECT group_id, participant_id, since FROM opt_outs WHERE participant_id").in_ids(&known);
    facts.opt_outs = sql
        .load::<(BigInt, BigInt, Date), (i64, i64, NaiveDate)>(conn)?
        .into_iter()
        .map(|(group, participant, since)| ((group, participant), since))
        .collect();
    facts.passing = passing(conn, filters, &known, today)?;
    Ok(facts)
}

fn rows(conn: &mut Conn, groups: &[i64], people: &[i64], today: NaiveDate) -> Result<Vec<Row>, Error> {
    type Columns = (BigInt, BigInt, BigInt, Date, Nullable<Date>, Text);
    type Tuple = (i64, i64, i64, NaiveDate, Option<NaiveDate>, Origin);
    let sql = Sql::new(
        "SELECT m.id, m.group_id, m.participant_id, m.start_date, m.end_date, m.origin FROM memberships m WHERE ",
    );
    // The plus keeps SQLite from one search for every pair of a group and a participant.
    let group = match conn.dialect() {
        Dialect::Sqlite => " AND +m.group_id",
        Dialect::Postgres => " AND m.group_id",
    };
    let sql = not_over(sql, today).text(" AND m.participant_id").in_ids(people).text(group).in_ids(groups);
    let rows = sql.load::<Columns, Tuple>(conn)?.into_iter();
    Ok(rows
        .map(|(id, group, participant, start, end, origin)| Row { id, group, participant, start, end, origin })
        .collect())
}

fn not_over(sql: Sql, today: NaiveDate) -> Sql {
    sql.text("m.annulled_at IS NULL AND (m.end_date IS NULL OR (m.end_date > ")
        .date(today)
        .text(" AND m.end_date > m.start_date))")
}

/// Of residencies `s`, those that are not over.
pub fn current(sql: Sql, today: NaiveDate) -> Sql {
    sql.text("(s.end_date IS NULL OR s.end_date > ").date(today).text(")")
}

/// Declares memberships that were never in force to be none.
///
/// # Errors
/// What the database answers.
pub fn annul(conn: &mut Conn, scope: &Scope, ids: &[i64]) -> Result<(), Error> {
    Sql::new("UPDATE memberships SET annulled_at = ")
        .instant(scope.instant())
        .text(", updated_at = ")
        .instant(scope.instant())
        .text(" WHERE id")
        .in_ids(ids)
        .execute(conn)?;
    Ok(())
}

/// An end as it is written.
#[derive(Serialize)]
pub struct NewEnd {
    pub id: i64,
    pub end_date: Option<NaiveDate>,
    pub end_reason_id: Option<i64>,
}

/// Gives memberships another end.
///
/// # Errors
/// What the database answers.
pub fn set_ends(conn: &mut Conn, scope: &Scope, ends: &[NewEnd]) -> Result<(), Error> {
    const COLUMNS: &[Column] = &[("id", Type::Int), ("end_date", Type::Date), ("end_reason_id", Type::Int)];
    let source = batch::rows(conn.dialect(), COLUMNS, ends)?;
    Sql::new("UPDATE memberships SET end_date = r.end_date, end_reason_id = r.end_reason_id, updated_at = ")
        .instant(scope.instant())
        .text(" FROM ")
        .then(source)
        .text(" WHERE memberships.id = r.id")
        .execute(conn)?;
    Ok(())
}

/// A derived membership as it is written.
#[derive(Serialize)]
pub struct NewRow {
    group_id: i64,
    participant_id: i64,
    start_date: NaiveDate,
    start_reason_id: i64,
    end_date: Option<NaiveDate>,
    end_reason_id: Option<i64>,
    origin: Origin,
}

impl NewRow {
    /// What a plan says, with the reasons for its start and, if it has one, for its end.
    pub fn new(start: &Start, start_reason_id: i64, end_reason_id: i64) -> Self {
        Self {
            group_id: start.group,
            participant_id: start.participant,
            start_date: start.span.0,
            start_reason_id,
            end_date: start.span.1,
            end_reason_id: start.span.1.map(|_| end_reason_id),
            origin: start.origin,
        }
    }
}

/// Which membership was made for whom.
pub type Made = (i64, i64, i64, NaiveDate);

/// Makes derived memberships: key, group, participant and start of each.
///
/// # Errors
/// What the database answers, an overlap among it.
pub fn insert(conn: &mut Conn, scope: &Scope, rows: &[NewRow]) -> diesel::QueryResult<Vec<Made>> {
    const COLUMNS: &[Column] = &[
        ("group_id", Type::Int),
        ("participant_id", Type::Int),
        ("start_date", Type::Date),
        ("start_reason_id", Type::Int),
        ("end_date", Type::Date),
        ("end_reason_id", Type::Int),
        ("origin", Type::Text),
    ];
    let source = batch::rows(conn.dialect(), COLUMNS, rows)
        .map_err(|error| diesel::result::Error::SerializationError(error.to_string().into()))?;
    let columns = names(COLUMNS);
    Sql::new(format!("INSERT INTO memberships ({columns}, member_key, created_at, updated_at) "))
        .text(format!("SELECT {}, p.sort_key, ", values(COLUMNS)))
        .instant(scope.instant())
        .text(", ")
        .instant(scope.instant())
        .text(" FROM ")
        .then(source)
        .text(" CROSS JOIN participants p WHERE p.id = r.participant_id")
        .text(" RETURNING id, group_id, participant_id, start_date")
        .load::<(BigInt, BigInt, BigInt, Date), Made>(conn)
}

/// A period that a membership made by hand is to have.
#[derive(Clone, Debug, Serialize)]
pub struct Wanted {
    pub group_id: i64,
    pub participant_id: i64,
    pub start_date: NaiveDate,
    pub end_date: Option<NaiveDate>,
}

/// The derived memberships that overlap the periods, each with the start of what it overlaps.
///
/// # Errors
/// What the database answers.
pub fn in_the_way(conn: &mut Conn, wanted: &[Wanted]) -> Result<Vec<(Row, NaiveDate)>, Error> {
    const COLUMNS: &[Column] =
        &[("group_id", Type::Int), ("participant_id", Type::Int), ("start_date", Type::Date), ("end_date", Type::Date)];
    type Columns = (BigInt, BigInt, BigInt, Date, Nullable<Date>, Text, Date);
    type Tuple = (i64, i64, i64, NaiveDate, Option<NaiveDate>, Origin, NaiveDate);
    let sql =
        Sql::new("SELECT m.id, m.group_id, m.participant_id, m.start_date, m.end_date, m.origin, r.start_date FROM ")
            .then(batch::rows(conn.dialect(), COLUMNS, wanted)?)
            .text(
                " CROSS JOIN memberships m WHERE m.group_id = r.group_id AND m.participant_id = r.participant_id \
         AND m.annulled_at IS NULL AND m.origin IN ('SOURCE_GROUP', 'HOME_ADDRESS') \
         AND (r.end_date IS NULL OR m.start_date < r.end_date) \
         AND (m.end_date IS NULL OR (m.end_date > r.start_date AND m.end_date > m.start_date))",
            );
    let rows = sql.load::<Columns, Tuple>(conn)?.into_iter();
    Ok(rows
        .map(|(id, group, participant, start, end, origin, from)| {
            (Row { id, group, participant, start, end, origin }, from)
        })
        .collect())
}

/// Notes that somebody stays out of a group from a day on; the earliest such day counts.
///
/// # Errors
/// What the database answers.
pub fn opt_out(conn: &mut Conn, scope: &Scope, group: i64, participant: i64, since: NaiveDate) -> Result<(), Error> {
    Sql::new("INSERT INTO opt_outs (group_id, participant_id, since, created_at) VALUES (")
        .int(group)
        .text(", ")
        .int(participant)
        .text(", ")
        .date(since)
        .text(", ")
        .instant(scope.instant())
        .text(") ON CONFLICT (group_id, participant_id) DO UPDATE SET since = CASE WHEN opt_outs.since < excluded.since THEN opt_outs.since ELSE excluded.since END")
        .execute(conn)?;
    Ok(())
}

/// Whoever joins again is fed again.
///
/// # Errors
/// What the database answers.
pub fn opt_in(conn: &mut Conn, group: i64, participant: i64) -> Result<(), Error> {
    Sql::new("DELETE FROM opt_outs WHERE group_id = ")
        .int(group)
        .text(" AND participant_id = ")
        .int(participant)
        .execute(conn)?;
    Ok(())
}
