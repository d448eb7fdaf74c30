//! Effective membership (G3, G5, G6): who belongs to a group directly or through its components, on any date.
//!
//! This is the one door: nothing else decides who belongs. It reads the direct memberships in the transaction of its
//! caller and combines them as the composition of that same transaction says, so it is right after every commit.

use std::collections::{HashMap, HashSet};

use chrono::NaiveDate;
use diesel::sql_types::{BigInt, Nullable, Text};
use roaring::RoaringTreemap;

use crate::access::sight::{Disclosed, Sight, people_of};
use crate::db::{Conn, Dialect, Sql};
use crate::error::Error;
use crate::groups::composition::{Compositions, Members};
use crate::page::{KeyType, Order, Page, Window};
use crate::people::filter::ParticipantFilter;
use crate::people::place_store::Looking;

/// The most chains of groups that are named for one member.
pub const MAX_CHAINS: usize = 100;

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
    let direct = direct(conn, compositions, &compositions.descendants(&composed), on, None)?;
    let members = compositions.evaluate(&composed, &direct);
    for group in composed {
        let number = members.get(&group).map_or(0, RoaringTreemap::len);
        counts.insert(group, i64::try_from(number).unwrap_or(i64::MAX));
    }
    Ok(counts)
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

/// Of these participants, who belongs to which group.
///
/// # Errors
/// What the database answers.
pub fn of_participants(
    conn: &mut Conn,
    compositions: &Compositions,
    participants: &[i64],
    on: NaiveDate,
) -> Result<Standing, Error> {
    let mut direct = Members::new();
    let sql = in_force(Sql::new("SELECT m.group_id, m.participant_id FROM memberships m WHERE "), on)
        .text(" AND m.participant_id")
        .in_ids(participants);
    gather(&mut direct, sql.load::<(BigInt, BigInt), (i64, i64)>(conn)?);
    let hand_made = direct.clone();
    computed(conn, compositions.dynamic(), on, Some(participants), &mut direct)?;
    let effective = compositions.evaluate_upwards(&direct);
    Ok(Standing { hand_made, direct, effective })
}

/// Where some participants stand.
#[derive(Debug, Default)]
pub struct Standing {
    hand_made: Members,
    direct: Members,
    effective: Members,
}

impl Standing {
    /// Whether the participant belongs to the group.
    pub fn belongs(&self, group: i64, participant: i64) -> bool {
        contains(&self.effective, group, participant)
    }

    /// Whether a membership of the participant in this very group is in force.
    pub fn is_direct(&self, group: i64, participant: i64) -> bool {
        contains(&self.hand_made, group, participant)
    }

    /// Every group to which some of the participants belong.
    pub fn groups(&self) -> Vec<i64> {
        self.effective.iter().filter(|(_, members)| !members.is_empty()).map(|(group, _)| *group).collect()
    }

    /// The same, each group with everybody among them who belongs to it.
    pub fn pairs(&self) -> Vec<(i64, i64)> {
        let of = |(group, members): (&i64, &RoaringTreemap)| {
            let group = *group;
            members.iter().filter_map(move |id| i64::try_from(id).ok()).map(move |id| (group, id)).collect::<Vec<_>>()
        };
        self.effective.iter().flat_map(of).collect()
    }

    /// Every chain of groups by which the participant belongs to the group.
    pub fn chains(&self, compositions: &Compositions, group: i64, participant: i64) -> Vec<Vec<i64>> {
        let of = |members: &Members| -> Vec<i64> {
            let mut groups: Vec<i64> =
                members.keys().copied().filter(|group| contains(members, *group, participant)).collect();
            groups.sort_unstable();
            groups
        };
        let belongs: HashSet<i64> = of(&self.effective).into_iter().collect();
        compositions.chains(group, MAX_CHAINS, &of(&self.direct), &belongs)
    }
}

/// What may be told of chains of groups: groups that `told` refuses are left out, and chains that have become the same
/// are one, so that their number says nothing either.
pub fn told(chains: Vec<Vec<i64>>, told: impl Fn(i64) -> bool) -> Vec<Vec<i64>> {
    let mut seen = HashSet::new();
    let told = chains.into_iter().map(|chain| chain.into_iter().filter(|group| told(*group)).collect::<Vec<_>>());
    told.filter(|chain| !chain.is_empty() && seen.insert(chain.clone())).collect()
}

fn contains(members: &Members, group: i64, participant: i64) -> bool {
    let Ok(participant) = u64::try_from(participant) else { return false };
    members.get(&group).is_some_and(|members| members.contains(participant))
}

/// The keys of one page of a group's effective members by name, as far as they are disclosed.
///
/// # Errors
/// `BadInput` for a cursor of another list; what the database answers.
pub fn page(
    conn: &mut Conn,
    compositions: &Compositions,
    sight: &Sight,
    group: i64,
    on: NaiveDate,
    descending: bool,
    window: &Window,
    disclosed: &Disclosed,
) -> Result<Page<i64>, Error> {
    let order = name_order(descending);
    let sql = match compositions.plain_union(group) {
        Some(groups) if is_small(conn, &groups, on)? => sorted(&groups, sight, on),
        Some(groups) => walked(conn.dialect(), &groups, on),
        None => {
            let members = of_group(conn, compositions, group, on)?;
            Sql::new("SELECT p.sort_key, p.id FROM participants p WHERE p.id").in_ids(&members)
        }
    };
    let sql = window.conditions(sight.members(sql, "p", group, disclosed), &order)?;
    let sql = window.order_by(sql, &order).text(" LIMIT ").int(window.fetch());
    let rows = sql.load::<(Text, BigInt), (String, i64)>(conn)?;
    Ok(window.page(rows.into_iter().map(|(_, id)| id).collect()))
}

/// How many of a group's effective members the viewer may see.
///
/// # Errors
/// What the database answers.
pub fn count_in_sight(
    conn: &mut Conn,
    compositions: &Compositions,
    sight: &Sight,
    group: i64,
    on: NaiveDate,
    disclosed: &Disclosed,
) -> Result<i64, Error> {
    if sight.is_unlimited() {
        return Ok(counts(conn, compositions, &[group], on)?.get(&group).copied().unwrap_or_default());
    }
    let members = of_group(conn, compositions, group, on)?;
    let sql = Sql::new("SELECT COUNT(*) FROM participants p WHERE p.id").in_ids(&members);
    Ok(sight.members(sql, "p", group, disclosed).first::<BigInt, i64>(conn)?.unwrap_or_default())
}

/// Who belongs to each of the groups.
///
/// # Errors
/// What the database answers.
pub fn of_groups(
    conn: &mut Conn,
    compositions: &Compositions,
    groups: &[i64],
    on: NaiveDate,
) -> Result<HashMap<i64, HashSet<i64>>, Error> {
    let direct = direct(conn, compositions, &compositions.descendants(groups), on, None)?;
    let members = compositions.evaluate(groups, &direct);
    let of = |group: &i64| members.get(group).into_iter().flatten().filter_map(|id| i64::try_from(id).ok()).collect();
    Ok(groups.iter().map(|group| (*group, of(group))).collect())
}

fn of_group(conn: &mut Conn, compositions: &Compositions, group: i64, on: NaiveDate) -> Result<Vec<i64>, Error> {
    let direct = direct(conn, compositions, &compositions.descendants(&[group]), on, None)?;
    let members = compositions.evaluate(&[group], &direct).remove(&group).unwrap_or_default();
    Ok(members.iter().filter_map(|id| i64::try_from(id).ok()).collect())
}

fn is_small(conn: &mut Conn, groups: &[i64], on: NaiveDate) -> Result<bool, Error> {
    const ONES: &str = "SELECT COUNT(*) FROM (SELECT 1 AS one FROM ";
    let sql = match conn.dialect() {
        Dialect::Sqlite => {
            in_force(Sql::new(ONES).text("memberships m WHERE "), on).text(" AND m.group_id").in_ids(groups)
        }
        // A join takes the groups one after another; a list of thousands would be planned and sorted first.
        Dialect::Postgres => {
            let sql = Sql::new(ONES).text("unnest(").id_array(groups);
            in_force(sql.text(") g (id) JOIN memberships m ON m.group_id = g.id WHERE "), on)
        }
    };
    let sql = sql.text(" LIMIT ").int(SMALL).text(") few");
    Ok(sql.first::<BigInt, i64>(conn)?.unwrap_or_default() < SMALL)
}

/// Few memberships: read them by the index that holds the names, and sort.
fn sorted(groups: &[i64], sight: &Sight, on: NaiveDate) -> Sql {
    let source = if sight.is_unlimited() {
        "SELECT p.sort_key, p.id FROM (SELECT DISTINCT m.member_key AS sort_key, m.participant_id AS id FROM memberships m WHERE "
    } else {
        "SELECT p.sort_key, p.id FROM (SELECT DISTINCT q.* FROM memberships m JOIN participants q ON q.id = m.participant_id WHERE "
    };
    in_force(Sql::new(source), on).text(" AND m.group_id").in_ids(groups).text(") p WHERE 1 = 1")
}

/// Many memberships: walk everybody by name and keep whoever is in one of the groups, until the page is full.
fn walked(dialect: Dialect, groups: &[i64], on: NaiveDate) -> Sql {
    match dialect {
        // The plus keeps the list of groups out of the index search: somebody has few memberships, the list may be
        // long, and going through it would mean one search for each group of the list.
        Dialect::Sqlite => in_force(
            Sql::new(
                "SELECT p.sort_key, p.id FROM participants p WHERE EXISTS \
                 (SELECT 1 FROM memberships m WHERE m.participant_id = p.id AND ",
            ),
            on,
        )
        .text(" AND +m.group_id")
        .in_ids(groups)
        .text(")"),
        // The LIMIT keeps the planner from turning the probe into a join over every membership, and IS TRUE from
        // turning the list into a join that is hashed anew for everybody: so it is hashed once.
        Dialect::Postgres => in_force(
            Sql::new(
                "SELECT p.sort_key, p.id FROM participants p CROSS JOIN LATERAL \
                 (SELECT 1 FROM memberships m WHERE m.participant_id = p.id AND ",
            ),
            on,
        )
        .text(" AND (m.group_id IN (SELECT unnest(")
        .id_array(groups)
        .text("))) IS TRUE LIMIT 1) found WHERE 1 = 1"),
    }
}

/// Appends that membership `m` is in force on a date (M1) and not annulled (M6).
pub fn in_force(sql: Sql, on: NaiveDate) -> Sql {
    sql.text("m.annulled_at IS NULL AND m.start_date <= ")
        .date(on)
        .text(" AND (m.end_date IS NULL OR m.end_date > ")
        .date(on)
        .text(")")
}

/// Who is in each of the groups by a membership in force or by the group's filter.
fn direct(
    conn: &mut Conn,
    compositions: &Compositions,
    groups: &[i64],
    on: NaiveDate,
    among: Option<&[i64]>,
) -> Result<Members, Error> {
    let mut members = Members::new();
    let sql = in_force(Sql::new("SELECT m.group_id, m.participant_id FROM memberships m WHERE "), on)
        .text(" AND m.group_id")
        .in_ids(groups);
    gather(&mut members, sql.load::<(BigInt, BigInt), (i64, i64)>(conn)?);
    let dynamic: Vec<i64> =
        groups.iter().copied().filter(|group| compositions.node(*group).is_some_and(|node| node.dynamic)).collect();
    computed(conn, &dynamic, on, among, &mut members)?;
    Ok(members)
}

fn gather(members: &mut Members, pairs: Vec<(i64, i64)>) {
    for (group, participant) in pairs {
        if let Ok(participant) = u64::try_from(participant) {
            members.entry(group).or_default().insert(participant);
        }
    }
}

/// Adds whoever passes the filters of dynamic groups; as many filters in one statement as SQLite compounds.
///
/// # Errors
/// What the database answers.
pub fn computed(
    conn: &mut Conn,
    dynamic: &[i64],
    on: NaiveDate,
    among: Option<&[i64]>,
    members: &mut Members,
) -> Result<(), Error> {
    if dynamic.is_empty() {
        return Ok(());
    }
    let filters =
        Sql::new("SELECT id, member_filter, organization_id FROM groups WHERE member_filter IS NOT NULL AND id")
            .in_ids(dynamic)
            .load::<(BigInt, Text, Nullable<BigInt>), (i64, String, Option<i64>)>(conn)?
            .into_iter()
            .map(|(group, text, organization)| (group, ParticipantFilter::read(group, &text), organization))
            .collect::<Vec<_>>();
    gather(members, passing(conn, &filters, on, among)?);
    Ok(())
}

/// Who passes the filters of dynamic groups, each given with the organization that owns the group; as many filters in
/// one statement as SQLite compounds.
///
/// # Errors
/// What the database answers.
pub fn passing(
    conn: &mut Conn,
    filters: &[(i64, ParticipantFilter, Option<i64>)],
    on: NaiveDate,
    among: Option<&[i64]>,
) -> Result<Vec<(i64, i64)>, Error> {
    let mut pairs = Vec::new();
    for chunk in filters.chunks(100) {
        let mut sql = Sql::default();
        for (n, (group, filter, organization)) in chunk.iter().enumerate() {
            sql = sql
                .text(if n > 0 { " UNION ALL SELECT " } else { "SELECT " })
                .text(format!("CAST({group} AS BIGINT)"))
                .text(" AS group_id, p.id FROM participants p WHERE 1 = 1");
            if let Some(organization) = organization {
                // An organization's filter finds its own people, whatever else the gateway holds.
                sql = people_of(sql.text(" AND "), "p", &[*organization]);
            }
            if let Some(among) = among {
                sql = sql.text(" AND p.id").in_ids(among);
            }
            // Whoever wrote the filter could see what it names; that it still holds is no matter of who asks now.
            let looking = if among.is_some() { Looking::OneByOne } else { Looking::ByPlace };
            sql = filter.conditions_looking(sql, &Sight::unlimited(), on, looking);
        }
        pairs.append(&mut sql.load::<(BigInt, BigInt), (i64, i64)>(conn)?);
    }
    Ok(pairs)
}
