//! Lists of effective members: how many belong to each of many groups, and the page of each by name, in a number of
//! statements that does not depend on how many groups there are.

use std::collections::{HashMap, HashSet};

use chrono::NaiveDate;
use diesel::sql_types::{BigInt, Text};
use roaring::RoaringTreemap;
use serde::Serialize;

use super::effective::{self, in_force};
use crate::access::sight::{Disclosed, Sight};
use crate::db::batch::{self, Column, Type};
use crate::db::{Conn, Dialect, Sql};
use crate::error::Error;
use crate::groups::composition::{Compositions, Members};
use crate::page::{KeyType, Order, Page, Window};

/// Up to this many direct memberships, sorting them all is quicker than walking everybody by name.
const SMALL: i64 = 5_000;

/// The order of effective members: by name.
pub fn name_order(descending: bool) -> Order {
    Order { name: "name", columns: &[("p.sort_key", KeyType::Text), ("p.id", KeyType::Int)], descending }
}

/// How many belong to each of the groups.
///
/// # Errors
/// What the database answers.
pub fn counts(
    conn: &mut Conn,
    compositions: &Compositions,
    groups: &[i64],
    on: NaiveDate,
) -> Result<HashMap<i64, i64>, Error> {
    let (composed, simple): (Vec<i64>, Vec<i64>) =
        groups.iter().partition(|group| compositions.node(**group).is_some());
    let mut counts = direct_counts(conn, &simple, on)?;
    if composed.is_empty() {
        return Ok(counts);
    }
    if let [group] = composed.as_slice()
        && let Some(groups) = compositions.plain_union(*group)
    {
        counts.insert(*group, united(conn, &groups, on)?);
        return Ok(counts);
    }
    let members = effective::sets(conn, compositions, &composed, on)?;
    counts.extend(composed.iter().map(|group| (*group, size(members.get(group)))));
    Ok(counts)
}

fn size(members: Option<&RoaringTreemap>) -> i64 {
    i64::try_from(members.map_or(0, RoaringTreemap::len)).unwrap_or(i64::MAX)
}

/// How many participants have a membership in force in any of the groups.
fn united(conn: &mut Conn, groups: &[i64], on: NaiveDate) -> Result<i64, Error> {
    let select = |text| in_force(Sql::new(text), on).text(" AND m.group_id").in_ids(groups);
    match conn.dialect() {
        // A set of numbers in memory is quicker than the sorted table with which SQLite finds what is distinct.
        Dialect::Sqlite => {
            let members = select("SELECT m.participant_id FROM memberships m WHERE ").load::<BigInt, i64>(conn)?;
            let members: RoaringTreemap = members.into_iter().filter_map(|id| u64::try_from(id).ok()).collect();
            Ok(i64::try_from(members.len()).unwrap_or(i64::MAX))
        }
        // Grouping hashes where COUNT(DISTINCT) would sort.
        Dialect::Postgres => {
            let sql = select("SELECT COUNT(*) FROM (SELECT 1 FROM memberships m WHERE ");
            Ok(sql.text(" GROUP BY m.participant_id) members").first::<BigInt, i64>(conn)?.unwrap_or_default())
        }
    }
}

/// How many participants have a membership in force in each of the groups; periods never overlap (M2), so a
/// membership is a participant.
///
/// # Errors
/// What the database answers.
pub fn direct_counts(conn: &mut Conn, groups: &[i64], on: NaiveDate) -> Result<HashMap<i64, i64>, Error> {
    if groups.is_empty() {
        return Ok(HashMap::new());
    }
    let sql = in_force(Sql::new("SELECT m.group_id, COUNT(*) FROM memberships m WHERE "), on)
        .text(" AND m.group_id")
        .in_ids(groups)
        .text(" GROUP BY m.group_id");
    Ok(sql.load::<(BigInt, BigInt), (i64, i64)>(conn)?.into_iter().collect())
}

/// How many effective members of each of the groups the viewer may see; as far as they are
/// disclosed.
///
/// # Errors
/// What the database answers.
pub fn counts_in_sight(
    conn: &mut Conn,
    compositions: &Compositions,
    sight: &Sight,
    groups: &[i64],
    on: NaiveDate,
    disclosed: &Disclosed,
) -> Result<HashMap<i64, i64>, Error> {
    if sight.is_unlimited() {
        return counts(conn, compositions, groups, on);
    }
    let (open, shut): (Vec<i64>, Vec<i64>) = groups.iter().partition(|group| disclosed.discloses(**group));
    let mut counts = HashMap::with_capacity(groups.len());
    if !open.is_empty() {
        let members = effective::told_sets(conn, compositions, sight, &open, on)?;
        let seen = seen_among(conn, sight, &members, &open)?;
        counts.extend(open.iter().map(|group| {
            let number = members.get(group).map_or(0, |members| members.intersection_len(&seen));
            (*group, i64::try_from(number).unwrap_or(i64::MAX))
        }));
    }
    if !shut.is_empty() {
        let own = own(conn, compositions, sight, &shut, disclosed, on)?;
        counts.extend(own.iter().map(|parent| (parent.group_id, i64::try_from(parent.list.len()).unwrap_or(i64::MAX))));
    }
    Ok(counts)
}

/// Of the members of these groups, those within sight.
fn seen_among(conn: &mut Conn, sight: &Sight, members: &Members, groups: &[i64]) -> Result<RoaringTreemap, Error> {
    let mut all = RoaringTreemap::new();
    groups.iter().filter_map(|group| members.get(group)).for_each(|members| all |= members);
    let sql = Sql::new("SELECT p.id FROM participants p WHERE p.id").in_ids(&keys(&all));
    let seen = sight.participants(sql, "p").load::<BigInt, i64>(conn)?;
    Ok(seen.into_iter().filter_map(|id| u64::try_from(id).ok()).collect())
}

fn keys(members: &RoaringTreemap) -> Vec<i64> {
    members.iter().filter_map(|id| i64::try_from(id).ok()).collect()
}

/// Which page of the members of each group.
#[derive(Clone, Debug)]
pub struct Listing<'l> {
    pub on: NaiveDate,
    pub descending: bool,
    pub window: &'l Window,
}

/// A group with what its page is read from: the groups whose direct members are its members, or the members themselves.
#[derive(Serialize)]
struct Parent {
    group_id: i64,
    list: Vec<i64>,
}

/// How the page of a group is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// Few memberships: they are read by the index that holds the names, and sorted.
    Sorted,
    /// Many memberships: everybody is walked by name, and whoever is in one of the groups is kept, until the page is full.
    Walked,
    /// The members are known already.
    Known,
}

/// The keys of a page of each group's effective members by name; as far as they are disclosed.
///
/// # Errors
/// `BadInput` for a cursor of another list; what the database answers.
pub fn pages(
    conn: &mut Conn,
    compositions: &Compositions,
    sight: &Sight,
    groups: &[i64],
    disclosed: &Disclosed,
    listing: &Listing<'_>,
) -> Result<HashMap<i64, Page<i64>>, Error> {
    let (open, shut): (Vec<i64>, Vec<i64>) = groups.iter().partition(|group| disclosed.discloses(**group));
    let mut plain = Vec::new();
    let mut composed = Vec::new();
    for group in open {
        match compositions.plain_union(group) {
            Some(list) => plain.push(Parent { group_id: group, list }),
            None => composed.push(group),
        }
    }
    let small = few(conn, &plain, listing.on)?;
    let (sorted, walked) = plain.into_iter().partition(|parent| small.contains(&parent.group_id));
    let known = known(conn, compositions, sight, &composed, listing.on)?;
    let own = own(conn, compositions, sight, &shut, disclosed, listing.on)?;
    let mut pages = HashMap::with_capacity(groups.len());
    for (way, parents, disclosed) in
        [(Way::Sorted, sorted, true), (Way::Walked, walked, true), (Way::Known, known, true), (Way::Known, own, false)]
    {
        pages.extend(read(conn, sight, way, &parents, disclosed, listing)?);
    }
    Ok(pages)
}

fn known(
    conn: &mut Conn,
    compositions: &Compositions,
    sight: &Sight,
    groups: &[i64],
    on: NaiveDate,
) -> Result<Vec<Parent>, Error> {
    if groups.is_empty() {
        return Ok(Vec::new());
    }
    let members = effective::told_sets(conn, compositions, sight, groups, on)?;
    let list = |group: &i64| members.get(group).map(keys).unwrap_or_default();
    Ok(groups.iter().map(|group| Parent { group_id: *group, list: list(group) }).collect())
}

/// Of groups that are not disclosed, who of one's own belong to them.
fn own(
    conn: &mut Conn,
    compositions: &Compositions,
    sight: &Sight,
    groups: &[i64],
    disclosed: &Disclosed,
    on: NaiveDate,
) -> Result<Vec<Parent>, Error> {
    if groups.is_empty() {
        return Ok(Vec::new());
    }
    let standing = effective::told_of_participants(conn, compositions, sight, &sight.family().members(), on)?;
    let list = |group: i64| standing.among(group, &disclosed.own(group));
    Ok(groups.iter().map(|group| Parent { group_id: *group, list: list(*group) }).collect())
}

fn read(
    conn: &mut Conn,
    sight: &Sight,
    way: Way,
    parents: &[Parent],
    disclosed: bool,
    listing: &Listing<'_>,
) -> Result<HashMap<i64, Page<i64>>, Error> {
    let rows = match parents {
        [] => return Ok(HashMap::new()),
        [parent] => {
            let sql = keyed(conn.dialect(), sight, way, &Source::Bound(&parent.list), disclosed, listing)?;
            let rows = sql.load::<(Text, BigInt), (String, i64)>(conn)?;
            rows.into_iter().map(|(_, id)| (parent.group_id, id)).collect()
        }
        parents => {
            of_each(conn.dialect(), sight, way, parents, disclosed, listing)?.load::<(BigInt, BigInt), _>(conn)?
        }
    };
    let mut by_group: HashMap<i64, Vec<i64>> = HashMap::new();
    for (group, participant) in rows {
        by_group.entry(group).or_default().push(participant);
    }
    Ok(by_group.into_iter().map(|(group, rows)| (group, listing.window.page(rows))).collect())
}

/// A page for each of many parents, in one statement.
fn of_each(
    dialect: Dialect,
    sight: &Sight,
    way: Way,
    parents: &[Parent],
    disclosed: bool,
    listing: &Listing<'_>,
) -> Result<Sql, Error> {
    const OUTER: &[(&str, KeyType)] = &[("x.sort_key", KeyType::Text), ("x.id", KeyType::Int)];
    let page = keyed(dialect, sight, way, &Source::Parent, disclosed, listing)?;
    let sql = Sql::new("SELECT r.group_id, x.id FROM ").then(rows(dialect, parents)?);
    let sql = match dialect {
        Dialect::Sqlite => {
            sql.text(" CROSS JOIN participants x ON x.id IN (SELECT k.id FROM (").then(page).text(") k)")
        }
        Dialect::Postgres => sql.text(" CROSS JOIN LATERAL (").then(page).text(") x"),
    };
    let order = Order { columns: OUTER, ..name_order(listing.descending) };
    Ok(listing.window.order_by(sql, &order))
}

/// The parents as something to select from, called `r`.
fn rows(dialect: Dialect, parents: &[Parent]) -> Result<Sql, Error> {
    const COLUMNS: &[Column] = &[("group_id", Type::Int), ("list", Type::Ints)];
    batch::rows(dialect, COLUMNS, parents)
}

/// The list that a page is read from.
enum Source<'s> {
    /// Of the one group.
    Bound(&'s [i64]),
    /// That of the parent at hand.
    Parent,
}

impl Source<'_> {
    /// Appends a condition: what comes before is in the list.
    fn holds(&self, dialect: Dialect, sql: Sql) -> Sql {
        match (self, dialect) {
            (Self::Bound(list), _) => sql.in_ids(list),
            (Self::Parent, Dialect::Sqlite) => sql.text(" IN (SELECT value FROM json_each(r.list))"),
            (Self::Parent, Dialect::Postgres) => sql.text(" = ANY(r.list)"),
        }
    }
}

/// The names and keys of one page.
fn keyed(
    dialect: Dialect,
    sight: &Sight,
    way: Way,
    source: &Source<'_>,
    disclosed: bool,
    listing: &Listing<'_>,
) -> Result<Sql, Error> {
    let order = name_order(listing.descending);
    let sql = match way {
        Way::Sorted => sorted(dialect, sight, source, listing.on),
        Way::Walked => walked(dialect, sight, source, listing.on),
        Way::Known => source.holds(dialect, Sql::new("SELECT p.sort_key, p.id FROM participants p WHERE p.id")),
    };
    // Of groups that are not disclosed, the list holds what may be told.
    let sql = if disclosed { sight.participants(sql, "p") } else { sql };
    let sql = listing.window.conditions(sql, &order)?;
    Ok(listing.window.order_by(sql, &order).text(" LIMIT ").int(listing.window.fetch()))
}

/// The groups among these whose unions have few memberships.
fn few(conn: &mut Conn, parents: &[Parent], on: NaiveDate) -> Result<HashSet<i64>, Error> {
    if parents.is_empty() {
        return Ok(HashSet::new());
    }
    let dialect = conn.dialect();
    let sql = Sql::new("SELECT r.group_id, (SELECT COUNT(*) FROM (SELECT 1 AS one FROM ");
    let sql = match dialect {
        Dialect::Sqlite => {
            Source::Parent.holds(dialect, in_force(sql.text("memberships m WHERE "), on).text(" AND m.group_id"))
        }
        // A join takes the groups one after another; a list of thousands would be planned and sorted first.
        Dialect::Postgres => {
            in_force(sql.text("unnest(r.list) g (id) JOIN memberships m ON m.group_id = g.id WHERE "), on)
        }
    };
    let sql = sql.text(" LIMIT ").int(SMALL).text(") few) FROM ").then(rows(dialect, parents)?);
    let counts = sql.load::<(BigInt, BigInt), (i64, i64)>(conn)?;
    Ok(counts.into_iter().filter(|(_, number)| *number < SMALL).map(|(group, _)| group).collect())
}

fn sorted(dialect: Dialect, sight: &Sight, source: &Source<'_>, on: NaiveDate) -> Sql {
    let text = if sight.is_unlimited() {
        "SELECT p.sort_key, p.id FROM (SELECT DISTINCT m.member_key AS sort_key, m.participant_id AS id FROM memberships m WHERE "
    } else {
        "SELECT p.sort_key, p.id FROM (SELECT DISTINCT q.* FROM memberships m JOIN participants q ON q.id = m.participant_id WHERE "
    };
    let sql = source.holds(dialect, in_force(Sql::new(text), on).text(" AND m.group_id"));
    sight.discreet(sql, "m").text(") p WHERE 1 = 1")
}

fn walked(dialect: Dialect, sight: &Sight, source: &Source<'_>, on: NaiveDate) -> Sql {
    match (dialect, source) {
        // The plus keeps the list of groups out of the index search: somebody has few memberships, the list may be
        // long, and going through it would mean one search for each group of the list.
        (Dialect::Sqlite, _) => {
            let sql = in_force(
                Sql::new(
                    "SELECT p.sort_key, p.id FROM participants p WHERE EXISTS \
                     (SELECT 1 FROM memberships m WHERE m.participant_id = p.id AND ",
                ),
                on,
            );
            sight.discreet(source.holds(dialect, sql.text(" AND +m.group_id")), "m").text(")")
        }
        // The LIMIT keeps the planner from turning the probe into a join over every membership, and IS TRUE from
        // turning the list into a join that is hashed anew for everybody: so it is hashed once.
        (Dialect::Postgres, source) => {
            let sql = in_force(
                Sql::new(
                    "SELECT p.sort_key, p.id FROM participants p CROSS JOIN LATERAL \
                     (SELECT 1 FROM memberships m WHERE m.participant_id = p.id AND ",
                ),
                on,
            );
            let sql = match source {
                Source::Bound(groups) => {
                    sql.text(" AND (m.group_id IN (SELECT unnest(").id_array(groups).text("))) IS TRUE")
                }
                Source::Parent => source.holds(dialect, sql.text(" AND m.group_id")),
            };
            sight.discreet(sql, "m").text(" LIMIT 1) found WHERE 1 = 1")
        }
    }
}
