//! Effective membership (G3, G5, G6): who belongs to a group directly or through its components, on any date.
//!
//! This is the one door: nothing else decides who belongs. It reads the direct memberships in the transaction of its
//! caller and combines them as the composition of that same transaction says, so it is right after every commit.

use std::collections::{HashMap, HashSet};

use chrono::NaiveDate;
use diesel::sql_types::{BigInt, Nullable, Text};
use roaring::RoaringTreemap;

use crate::access::sight::{Sight, people_of};
use crate::db::{Conn, Sql};
use crate::error::Error;
use crate::groups::composition::{Compositions, Members};
use crate::people::filter::ParticipantFilter;
use crate::people::place_store::Looking;

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
    told_of_participants(conn, compositions, &Sight::unlimited(), participants, on)
}

/// The same as far as it may be told: whoever is shielded from the viewer belongs to groups as if they lived nowhere (V7).
///
/// # Errors
/// What the database answers.
pub fn told_of_participants(
    conn: &mut Conn,
    compositions: &Compositions,
    sight: &Sight,
    participants: &[i64],
    on: NaiveDate,
) -> Result<Standing, Error> {
    if participants.is_empty() {
        return Ok(Standing::default());
    }
    let mut direct = Members::new();
    let sql = in_force(Sql::new("SELECT m.group_id, m.participant_id FROM memberships m WHERE "), on)
        .text(" AND m.participant_id")
        .in_ids(participants);
    gather(&mut direct, sight.discreet(sql, "m").load::<(BigInt, BigInt), (i64, i64)>(conn)?);
    let hand_made = direct.clone();
    computed(conn, compositions, sight, participants, on, &mut direct)?;
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

    /// Every group to which the participant belongs.
    pub fn groups_of(&self, participant: i64) -> HashSet<i64> {
        self.effective.keys().copied().filter(|group| self.belongs(*group, participant)).collect()
    }

    /// The groups in which each of the participants stands, by a membership or by the group's filter, in order.
    pub fn stands_in(&self) -> HashMap<i64, Vec<i64>> {
        let mut stands: HashMap<i64, Vec<i64>> = HashMap::new();
        for (group, members) in &self.direct {
            for participant in members.iter().filter_map(|id| i64::try_from(id).ok()) {
                stands.entry(participant).or_default().push(*group);
            }
        }
        for groups in stands.values_mut() {
            groups.sort_unstable();
        }
        stands
    }

    /// Which of these participants belong to the group, in their order.
    pub fn among(&self, group: i64, participants: &[i64]) -> Vec<i64> {
        participants.iter().copied().filter(|participant| self.belongs(group, *participant)).collect()
    }
}

fn contains(members: &Members, group: i64, participant: i64) -> bool {
    let Ok(participant) = u64::try_from(participant) else { return false };
    members.get(&group).is_some_and(|members| members.contains(participant))
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
    let members = sets(conn, compositions, groups, on)?;
    let of = |group: &i64| members.get(group).into_iter().flatten().filter_map(|id| i64::try_from(id).ok()).collect();
    Ok(groups.iter().map(|group| (*group, of(group))).collect())
}

/// The same as sets; of the groups below them too.
///
/// # Errors
/// What the database answers.
pub fn sets(conn: &mut Conn, compositions: &Compositions, groups: &[i64], on: NaiveDate) -> Result<Members, Error> {
    told_sets(conn, compositions, &Sight::unlimited(), groups, on)
}

/// The same as far as it may be told: whoever is shielded from the viewer belongs to groups as if they lived nowhere (V7).
///
/// # Errors
/// What the database answers.
pub fn told_sets(
    conn: &mut Conn,
    compositions: &Compositions,
    sight: &Sight,
    groups: &[i64],
    on: NaiveDate,
) -> Result<Members, Error> {
    let direct = direct(conn, compositions, sight, &compositions.descendants(groups), on)?;
    Ok(compositions.evaluate(groups, &direct))
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
    sight: &Sight,
    groups: &[i64],
    on: NaiveDate,
) -> Result<Members, Error> {
    let mut members = Members::new();
    let sql = in_force(Sql::new("SELECT m.group_id, m.participant_id FROM memberships m WHERE "), on)
        .text(" AND m.group_id")
        .in_ids(groups);
    gather(&mut members, sight.discreet(sql, "m").load::<(BigInt, BigInt), (i64, i64)>(conn)?);
    let dynamic: Vec<i64> =
        groups.iter().copied().filter(|group| compositions.node(*group).is_some_and(|node| node.dynamic)).collect();
    if !dynamic.is_empty() {
        let filters = filters(conn, |sql| sql.text("g.id").in_ids(&dynamic))?;
        gather(&mut members, told_passing(conn, sight, &filters, on, None)?);
    }
    Ok(members)
}

fn gather(members: &mut Members, pairs: Vec<(i64, i64)>) {
    for (group, participant) in pairs {
        if let Ok(participant) = u64::try_from(participant) {
            members.entry(group).or_default().insert(participant);
        }
    }
}

/// Adds whoever of these participants passes the filters of dynamic groups.
///
/// # Errors
/// What the database answers.
pub fn computed(
    conn: &mut Conn,
    compositions: &Compositions,
    sight: &Sight,
    participants: &[i64],
    on: NaiveDate,
    members: &mut Members,
) -> Result<(), Error> {
    if participants.is_empty() || compositions.dynamic().is_empty() {
        return Ok(());
    }
    let filters = filters(conn, |sql| within_reach(sql, participants))?;
    gather(members, told_passing(conn, sight, &filters, on, Some(participants))?);
    Ok(())
}

/// The filter of a dynamic group, with the group and the organization that owns it.
pub type Filter = (i64, ParticipantFilter, Option<i64>);

/// The filters of dynamic groups.
fn filters(conn: &mut Conn, narrow: impl FnOnce(Sql) -> Sql) -> Result<Vec<Filter>, Error> {
    const FILTERS: &str =
        "SELECT g.id, g.member_filter, g.organization_id FROM groups g WHERE g.member_filter IS NOT NULL AND ";
    let rows = narrow(Sql::new(FILTERS)).load::<(BigInt, Text, Nullable<BigInt>), (i64, String, Option<i64>)>(conn)?;
    let filter =
        |(group, text, organization): (i64, String, _)| (group, ParticipantFilter::read(group, &text), organization);
    Ok(rows.into_iter().map(filter).collect())
}

/// Appends that some of the participants may pass the filter of group `g`: an organization's filter finds its own people
/// only, so what others have made is not looked at.
fn within_reach(sql: Sql, participants: &[i64]) -> Sql {
    sql.text("(g.organization_id IS NULL OR g.organization_id")
        .in_ids(participants)
        .text(" OR g.organization_id IN (SELECT o.organization_id FROM participants o WHERE o.id")
        .in_ids(participants)
        .text(
            " UNION SELECT mg.organization_id FROM memberships m JOIN groups mg ON mg.id = m.group_id \
             WHERE m.annulled_at IS NULL AND m.participant_id",
        )
        .in_ids(participants)
        .text("))")
}

/// Who passes the filters of dynamic groups; as many filters in one statement as SQLite compounds.
///
/// # Errors
/// What the database answers.
pub fn passing(
    conn: &mut Conn,
    filters: &[Filter],
    on: NaiveDate,
    among: Option<&[i64]>,
) -> Result<Vec<(i64, i64)>, Error> {
    told_passing(conn, &Sight::unlimited(), filters, on, among)
}

/// The same as far as it may be told.
fn told_passing(
    conn: &mut Conn,
    sight: &Sight,
    filters: &[Filter],
    on: NaiveDate,
    among: Option<&[i64]>,
) -> Result<Vec<(i64, i64)>, Error> {
    let mut pairs = Vec::new();
    for chunk in filters.chunks(100) {
        // Which filters come together is told by the groups that there are.
        let mut sql = if chunk.len() > 1 { Sql::default().once() } else { Sql::default() };
        for (n, (group, filter, organization)) in chunk.iter().enumerate() {
            sql = sql
                .text(if n > 0 { " UNION ALL SELECT " } else { "SELECT " })
                .text("CAST(")
                .int(*group)
                .text(" AS BIGINT) AS group_id, p.id FROM participants p WHERE 1 = 1");
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
            if filter.reads_homes() {
                sql = sight.unshielded(sql, "p");
            }
        }
        pairs.append(&mut sql.load::<(BigInt, BigInt), (i64, i64)>(conn)?);
    }
    Ok(pairs)
}
