//! What the rules look at, found out for many groups at once.

use std::collections::{HashMap, HashSet};

use super::rule::{Acting, Facts, Standing};
use super::store;
use crate::db::Conn;
use crate::error::Error;
use crate::groups::Settings;
use crate::groups::store::{CompositionCache, GroupRow};
use crate::members::effective;
use crate::members::store::{self as members, MembershipRow};
use crate::members::{Status, status};
use crate::scope::Scope;

/// A group as far as joining and leaving go.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    pub id: i64,
    pub organization_id: Option<i64>,
    pub restricted_to_id: Option<i64>,
    pub subscription_group: bool,
    pub closed: bool,
    pub visible_on_portal: bool,
    pub changeable_on_portal: bool,
}

impl Place {
    /// What matters of a group that was read with all that is known of it.
    pub fn of_row(row: &GroupRow) -> Option<Self> {
        let more = row.more.as_deref()?;
        Some(Self {
            id: row.id,
            organization_id: more.organization_id,
            restricted_to_id: more.restricted_to_id,
            subscription_group: more.subscription_group,
            closed: row.closed,
            visible_on_portal: more.visible_on_portal,
            changeable_on_portal: more.changeable_on_portal,
        })
    }

    /// What matters of a group's settings.
    pub fn new(id: i64, settings: &Settings) -> Self {
        Self {
            id,
            organization_id: settings.organization_id,
            restricted_to_id: settings.restricted_to_id,
            subscription_group: settings.subscription_group,
            closed: settings.closed,
            visible_on_portal: settings.visible_on_portal,
            changeable_on_portal: settings.changeable_on_portal,
        }
    }
}

/// What was found out about one participant and one group.
#[derive(Clone, Debug)]
pub struct Found {
    pub facts: Facts,
    /// The membership in force or, if there is none, the one that was the last.
    pub membership: Option<i64>,
    /// Whether the group is one that the participant may know of.
    pub within_reach: bool,
}

/// About one group.
///
/// # Errors
/// What the database answers.
pub fn of_one(
    conn: &mut Conn,
    cache: &CompositionCache,
    scope: &Scope,
    participant: i64,
    group: i64,
    settings: &Settings,
    acting: Acting,
) -> Result<Found, Error> {
    let place = Place::new(group, settings);
    let found = of_many(conn, cache, scope, participant, &[place], |_| acting)?;
    found.into_iter().next().ok_or_else(|| Error::internal("nothing was found out"))
}

/// About each of the groups, in a fixed number of statements.
///
/// # Errors
/// What the database answers.
pub fn of_many(
    conn: &mut Conn,
    cache: &CompositionCache,
    scope: &Scope,
    participant: i64,
    places: &[Place],
    acting: impl Fn(&Place) -> Acting,
) -> Result<Vec<Found>, Error> {
    let compositions = cache.read(conn)?;
    let standing = effective::of_participants(conn, &compositions, &[participant], scope.today)?;
    let organizations = store::organizations(conn, participant)?;
    let enforcing: HashSet<i64> = store::enforcing(conn, places)?.into_iter().collect();
    let groups: Vec<i64> = places.iter().map(|place| place.id).collect();
    let mut memberships: HashMap<i64, Vec<MembershipRow>> = HashMap::new();
    for row in members::of_participant_in(conn, participant, &groups, scope.today)? {
        memberships.entry(row.group_id).or_default().push(row);
    }
    let found = places.iter().map(|place| {
        let rows = memberships.get(&place.id).map(Vec::as_slice).unwrap_or_default();
        let implicit = standing.belongs(place.id, participant);
        let (standing_here, membership) = standing_of(rows, implicit, scope);
        let eligible = place.restricted_to_id.is_none_or(|group| standing.belongs(group, participant));
        let facts = Facts {
            acting: acting(place),
            subscription_group: place.subscription_group,
            eligible,
            enforced: place.organization_id.is_some_and(|organization| enforcing.contains(&organization)),
            closed: place.closed,
            visible_on_portal: place.visible_on_portal,
            changeable_on_portal: place.changeable_on_portal,
            standing: standing_here,
        };
        let near = place.organization_id.is_none_or(|organization| organizations.contains(&organization));
        let invited =
            place.subscription_group && (place.visible_on_portal || place.restricted_to_id.is_some() && eligible);
        Found { facts, membership, within_reach: near || invited || implicit || !rows.is_empty() }
    });
    Ok(found.collect())
}

/// Where somebody stands, and by which membership; the rows are ordered by their start.
fn standing_of(rows: &[MembershipRow], implicit: bool, scope: &Scope) -> (Standing, Option<i64>) {
    let of =
        |wanted: Status| rows.iter().filter(move |row| status(row.start_date, row.end_date, scope.today) == wanted);
    if let Some(row) = of(Status::Active).next() {
        return (Standing::Member, Some(row.id));
    }
    let last = of(Status::Ended).next_back().map(|row| row.id);
    // A period without a day never comes.
    let comes = |row: &&MembershipRow| row.end_date.is_none_or(|end| row.start_date < end);
    let next = of(Status::Scheduled).filter(comes).find(|row| !row.origin.is_derived());
    match next {
        Some(next) => (Standing::Scheduled(next.start_date), Some(next.id)),
        None if implicit => (Standing::Implicit, last),
        None => (Standing::None, last),
    }
}
