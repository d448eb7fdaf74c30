//! Making, changing, publishing and withdrawing content.

use std::collections::HashSet;

use chrono::NaiveDateTime;

use super::kind::Details;
use super::rounds;
use super::store::{self, ContentRow, NewLink, Written};
use super::visibility::{Vision, audience_of, key_of};
use super::{Audience, Availability, State, UnlinkReason, sign_ups, surveys};
use crate::check::{Checks, NAME};
use crate::db::Conn;
use crate::db::announce::{self, ContentChange};
use crate::error::{Code, Error, Rejection};
use crate::groups::store::CompositionCache;
use crate::history::{self, Action, Entity, Fields};
use crate::id::{self, Kind};
use crate::members::effective;
use crate::people::{self, ParticipantKind};
use crate::repeat::Saved;
use crate::scope::Scope;

/// The most groups to which one item is linked at once.
pub const MAX_GROUPS: usize = 1_000;
/// The most participants to whom one item is given.
pub const MAX_PARTICIPANTS: usize = 10_000;

/// What a new item is, or a stored one is to become.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub title: String,
    pub details: Details,
    /// The organization for which it is made; the only one that the viewer works for when absent.
    pub organization_id: Option<i64>,
}

/// Makes an item, which nobody but its makers sees until it is published, and answers with its key.
///
/// # Errors
/// A rejection for each rule that is broken.
pub fn create(conn: &mut Conn, scope: &Scope, cache: &CompositionCache, wanted: &Wanted) -> Result<i64, Error> {
    let vision = Vision::of_viewer(conn, scope, cache)?;
    let organization = maker_for(conn, &vision, wanted)?;
    check(wanted)?;
    let written = Written { title: &wanted.title, details: &wanted.details };
    let id = store::insert(conn, scope, organization, &written)?;
    let changes = history::diff(&[], &fields(&wanted.title, &wanted.details)?);
    history::record(conn, scope, Action::Created, Entity::Content, &[id], &changes)?;
    rounds::begin(conn, scope, id, &wanted.details)?;
    Ok(id)
}

/// The organization for which the viewer makes an item.
fn maker_for(conn: &mut Conn, vision: &Vision, wanted: &Wanted) -> Result<Option<i64>, Error> {
    let field = format!("input.{}.organizationId", wanted.details.kind().field());
    let organization = match (wanted.organization_id, vision.works_for()) {
        (None, [only]) if !vision.is_unlimited() => Some(*only),
        (organization, _) => organization,
    };
    let may = vision.is_unlimited() || organization.is_some_and(|id| vision.works_for().contains(&id));
    if !may {
        let message = "You may only make content for an organization that you work for, or in which you lead a group.";
        return Err(Rejection::new(Code::Forbidden, message).at(&field).into());
    }
    if let Some(id) = organization {
        let found = people::store::lock(conn, id)?;
        if found.is_none_or(|(kind, _)| kind != ParticipantKind::Organization) {
            return Err(Rejection::new(Code::NotFound, "There is no such organization.").at(&field).into());
        }
    }
    Ok(organization)
}

fn check(wanted: &Wanted) -> Result<(), Error> {
    let mut checks = Checks::default();
    let field = format!("input.{}.title", wanted.details.kind().field());
    checks.required(&field, Some(&wanted.title), NAME);
    wanted.details.check(&mut checks);
    checks.done()
}

/// The item as history shows it.
fn fields(title: &str, details: &Details) -> Result<Fields, Error> {
    Ok(vec![
        ("kind", Some(details.kind().as_str().to_owned())),
        ("title", Some(title.to_owned())),
        ("details", Some(details.json()?)),
    ])
}

/// An item that the viewer may change, locked.
///
/// # Errors
/// `NotFound` when the viewer does not see it, `Forbidden` when it is not the viewer's to change.
pub fn managed(conn: &mut Conn, scope: &Scope, vision: &Vision, id: i64) -> Result<ContentRow, Error> {
    if let Some(row) = store::lock(conn, vision, scope.instant(), id)? {
        return Ok(row);
    }
    // An item out of sight takes the same steps as one that does not exist.
    let seen = !store::by_ids(conn, vision, scope.instant(), false, &[id])?.is_empty();
    let rejection = if seen {
        Rejection::new(Code::Forbidden, "This is not yours to change.")
    } else {
        Rejection::new(Code::NotFound, "There is no such content.")
    };
    Err(rejection.at("input.contentId").into())
}

/// Announces a change of an item to whoever follows content.
fn announce(conn: &mut Conn, scope: &Scope, row: &ContentRow) -> Result<(), Error> {
    let was_published = row.state == State::Published;
    announce::content(conn, &[ContentChange { content: row.id, at: scope.instant(), was_published }])
}

/// Changes an item to what is wanted; what it is and for whom stays.
///
/// # Errors
/// A rejection for each rule that is broken.
pub fn update(
    conn: &mut Conn,
    scope: &Scope,
    cache: &CompositionCache,
    id: i64,
    wanted: &Wanted,
) -> Result<Saved, Error> {
    let vision = Vision::of_viewer(conn, scope, cache)?;
    let row = managed(conn, scope, &vision, id)?;
    let field = |name: &str| format!("input.content.{}.{name}", wanted.details.kind().field());
    if row.kind != wanted.details.kind() {
        let message = format!("This is of kind {}, which cannot be changed.", row.kind.as_str());
        return Err(Rejection::new(Code::WrongKind, message).at("input.content").into());
    }
    if wanted.organization_id.is_some() && wanted.organization_id != row.organization_id {
        let message = "Content stays with the organization for which it was made.";
        return Err(Rejection::new(Code::InvalidValue, message).at(&field("organizationId")).into());
    }
    check(wanted)?;
    rounds::check_change(&wanted.details)?;
    let before = row.details.as_ref().ok_or_else(|| Error::internal("content was read without its details"))?;
    surveys::check_change(conn, id, before, &wanted.details)?;
    let changes = history::diff(&fields(&row.title, before)?, &fields(&wanted.title, &wanted.details)?);
    let warning = sign_ups::check_places(conn, scope, cache, id, before, &wanted.details)?;
    if !changes.is_empty() {
        store::update(conn, scope, id, &Written { title: &wanted.title, details: &wanted.details })?;
        history::record(conn, scope, Action::Updated, Entity::Content, &[id], &changes)?;
        announce(conn, scope, &row)?;
    }
    Ok(Saved { id, warnings: warning.into_iter().collect() })
}

/// Shows an item to an audience, now or from a later moment on, in place of the audience that it had (K1).
///
/// # Errors
/// A rejection for each rule that is broken.
pub fn publish(
    conn: &mut Conn,
    scope: &Scope,
    cache: &CompositionCache,
    id: i64,
    availability: &Availability,
    at: Option<NaiveDateTime>,
) -> Result<i64, Error> {
    let vision = hold_audience(conn, scope, cache, id, &availability.groups)?;
    let row = managed(conn, scope, &vision, id)?;
    let now = scope.instant();
    let mut checks = Checks::default();
    if store::has_moved_on(conn, &availability.groups, now)? {
        let message = "The members of a group have gone to the next school year meanwhile. Please look again to whom this \
                       is to be shown.";
        checks.refuse(Code::Conflict, "input.availability.groupIds", message);
    }
    if at.is_some_and(|at| at < now) {
        checks.refuse(Code::InvalidDate, "input.publishAt", "This moment is past.");
    }
    check_audience(conn, scope, cache, &vision, &row, availability, &mut checks)?;
    checks.done()?;
    let published = match (at, row.published_at) {
        (Some(at), _) => at,
        (None, Some(stored)) if stored <= now => stored,
        _ => now,
    };
    if row.state == State::Withdrawn || row.published_at != Some(published) {
        store::set_published(conn, scope, id, published)?;
    }
    let before: HashSet<i64> = store::open_links(conn, id)?.into_iter().collect();
    let wanted = targets(&row, availability);
    let after: HashSet<i64> = wanted.iter().map(|(audience, target)| key_of(*audience, *target)).collect();
    let mut gone: Vec<i64> = before.difference(&after).copied().collect();
    gone.sort_unstable();
    store::unlink(conn, scope, id, &gone, UnlinkReason::Changed)?;
    let new = wanted.iter().filter(|(audience, target)| !before.contains(&key_of(*audience, *target)));
    let new: Vec<NewLink> = new.map(|(audience, target)| NewLink::new(id, *audience, *target)).collect();
    store::link(conn, scope, &new)?;
    store::claim(conn, id)?;
    let state = |at: Option<NaiveDateTime>, keys: &HashSet<i64>| {
        vec![("publishedAt", at.map(|at| at.and_utc().to_rfc3339())), ("availability", Some(written(keys)))]
    };
    let changes = history::diff(&state(row.published_at, &before), &state(Some(published), &after));
    if !changes.is_empty() {
        history::record(conn, scope, Action::Updated, Entity::Content, &[id], &changes)?;
        announce(conn, scope, &row)?;
    }
    Ok(id)
}

/// Keeps groups as they are until an item is shown to them: before the item, as whoever takes groups and then shows content
/// to them. Nobody waits for groups who may not change the item, nor for groups of others. Answers with what the viewer sees
/// once they are held.
fn hold_audience(
    conn: &mut Conn,
    scope: &Scope,
    cache: &CompositionCache,
    id: i64,
    groups: &[i64],
) -> Result<Vision, Error> {
    let vision = Vision::of_viewer(conn, scope, cache)?;
    if groups.is_empty() || groups.len() > MAX_GROUPS {
        return Ok(vision);
    }
    let row = store::by_ids(conn, &vision, scope.instant(), false, &[id])?.into_iter().next();
    let Some(row) = row.filter(|row| row.managed) else { return Ok(vision) };
    store::owners(conn, groups, usable_of(&vision, &row))?;
    Vision::of_viewer(conn, scope, cache)
}

/// Of which organization groups are that an item can be shown to; of any, for an administrator.
fn usable_of(vision: &Vision, row: &ContentRow) -> Option<i64> {
    if vision.is_unlimited() { None } else { Some(row.organization_id.unwrap_or_default()) }
}

/// The audiences that are asked for, each once.
fn targets(row: &ContentRow, availability: &Availability) -> Vec<(Audience, i64)> {
    let organization = row.organization_id.unwrap_or_default();
    let mut targets: Vec<(Audience, i64)> = [
        (availability.everyone, Audience::Everyone, 0),
        (availability.organization, Audience::Organization, organization),
        (availability.staff, Audience::Staff, organization),
    ]
    .into_iter()
    .filter(|(wanted, ..)| *wanted)
    .map(|(_, audience, target)| (audience, target))
    .collect();
    targets.extend(availability.groups.iter().map(|group| (Audience::Group, *group)));
    targets.extend(availability.participants.iter().map(|participant| (Audience::Participant, *participant)));
    targets.sort_unstable();
    targets.dedup();
    targets
}

/// An audience as history shows it.
pub(crate) fn written(keys: &HashSet<i64>) -> String {
    let mut keys: Vec<i64> = keys.iter().copied().collect();
    keys.sort_unstable();
    let word = |key: &i64| match audience_of(*key) {
        (Audience::Group, group) => id::encode(Kind::Group, group),
        (Audience::Participant, participant) => id::encode(Kind::Participant, participant),
        (audience, _) => audience.as_str().to_owned(),
    };
    keys.iter().map(word).collect::<Vec<_>>().join(" ")
}

/// Whether the viewer may show an item to these. Who works for an organization reaches its groups and people; whoever
/// only leads groups reaches those.
fn check_audience(
    conn: &mut Conn,
    scope: &Scope,
    cache: &CompositionCache,
    vision: &Vision,
    row: &ContentRow,
    availability: &Availability,
    checks: &mut Checks,
) -> Result<(), Error> {
    let field = |name: &str| format!("input.availability.{name}");
    if availability.is_empty() {
        checks.refuse(Code::Required, "input.availability", "Say whom it is for; to show it to nobody, withdraw it.");
    }
    for (number, limit, name) in [
        (availability.groups.len(), MAX_GROUPS, "groupIds"),
        (availability.participants.len(), MAX_PARTICIPANTS, "participantIds"),
    ] {
        if number > limit {
            checks.refuse(Code::TooMany, &field(name), format!("At most {limit} can be named at once."));
            return Ok(());
        }
    }
    let works = vision.administers(row.organization_id)
        || row.organization_id.is_some_and(|id| scope.viewer.staff_of.contains(&id));
    for (wanted, name) in [
        (availability.everyone, "everyone"),
        (availability.organization, "organization"),
        (availability.staff, "staff"),
    ] {
        if wanted && !works {
            checks.refuse(Code::Forbidden, &field(name), "Whoever leads groups may show content to these groups only.");
        } else if wanted && name != "everyone" && row.organization_id.is_none() {
            checks.refuse(Code::InvalidValue, &field(name), "This content belongs to no organization.");
        }
    }
    let owners = store::owners(conn, &availability.groups, usable_of(vision, row))?;
    let reached = |group: &i64| match owners.get(group) {
        None => false,
        Some(_) if vision.is_unlimited() => true,
        Some(owner) => owner.is_some() && *owner == row.organization_id && (works || vision.led().contains(group)),
    };
    if !availability.groups.iter().all(reached) {
        let message = "There is no such group, or it is not yours to show content to.";
        checks.refuse(Code::NotFound, &field("groupIds"), message);
    }
    let participants = &availability.participants;
    let reached = within_reach(conn, scope, cache, vision, row.organization_id, participants)?;
    if !participants.iter().all(|participant| reached.contains(participant)) {
        let message = "There is no such participant, or you may not show content to them.";
        checks.refuse(Code::NotFound, &field("participantIds"), message);
    }
    Ok(())
}

/// Of these participants, those to whom the viewer may show content of an organization, and for whom the viewer may act
/// in it: its people for whoever works for it, the members of their groups for whoever only leads groups.
///
/// # Errors
/// What the database answers.
pub fn within_reach(
    conn: &mut Conn,
    scope: &Scope,
    cache: &CompositionCache,
    vision: &Vision,
    organization: Option<i64>,
    participants: &[i64],
) -> Result<HashSet<i64>, Error> {
    let works = |id: i64| vision.administers(Some(id)) || scope.viewer.staff_of.contains(&id);
    Ok(match organization {
        _ if participants.is_empty() => HashSet::new(),
        _ if vision.is_unlimited() => store::existing(conn, participants)?.into_iter().collect(),
        Some(organization) if works(organization) => {
            store::people_among(conn, participants, organization)?.into_iter().collect()
        }
        _ => {
            let compositions = cache.read(conn)?;
            let standing = effective::of_participants(conn, &compositions, participants, scope.today)?;
            let led = |participant: &i64| vision.led().iter().any(|group| standing.belongs(*group, *participant));
            participants.iter().copied().filter(led).collect()
        }
    })
}

/// Takes an item away from everybody; its makers keep it.
///
/// # Errors
/// `NotFound` or `Forbidden`.
pub fn withdraw(conn: &mut Conn, scope: &Scope, cache: &CompositionCache, id: i64) -> Result<i64, Error> {
    let vision = Vision::of_viewer(conn, scope, cache)?;
    let row = managed(conn, scope, &vision, id)?;
    if row.published_at.is_none() {
        return Ok(id);
    }
    let open = store::open_links(conn, id)?;
    store::unlink(conn, scope, id, &open, UnlinkReason::Withdrawn)?;
    store::set_withdrawn(conn, scope, id)?;
    let at = |at: Option<NaiveDateTime>| vec![("publishedAt", at.map(|at| at.and_utc().to_rfc3339()))];
    let changes = history::diff(&at(row.published_at), &at(None));
    history::record(conn, scope, Action::Ended, Entity::Content, &[id], &changes)?;
    announce(conn, scope, &row)?;
    Ok(id)
}
