//! Plans: where the members of each year group go (Y1).

pub mod store;

use std::collections::{HashMap, HashSet};

use chrono::NaiveDate;

use self::store::Known;
use super::{Exception, Move, Outcome, Status, TransitionRow};
use crate::check::Checks;
use crate::db::{Conn, Violation, violation};
use crate::error::{Code, Error, Rejection};
use crate::people::store::enforces_portal_settings;
use crate::people::{self, ParticipantKind};
use crate::school::year::SchoolYear;
use crate::scope::Scope;

/// The most groups of one plan.
pub const MAX_MOVES: usize = 10_000;
/// The most exceptions of one plan.
pub const MAX_EXCEPTIONS: usize = 10_000;
/// The most groups that are named in one answer.
const MAX_NAMED: usize = 50;

/// A plan as it is asked for.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub organization_id: i64,
    pub from_year: SchoolYear,
    pub to_year: SchoolYear,
    pub effective_on: NaiveDate,
    pub moves: Vec<Move>,
    pub exceptions: Vec<Exception>,
}

/// Stores a plan in place of one of the same year that was not applied, and answers with its key. Nothing else changes.
///
/// # Errors
/// A rejection for each rule that is broken; each year group without a place to go to among them.
pub fn plan(conn: &mut Conn, scope: &Scope, wanted: &Wanted) -> Result<i64, Error> {
    may_administer(scope, wanted.organization_id)?;
    // As whoever applies a plan: the transitions first, then the groups; and as whoever changes a group: then the organization.
    store::lock_all(conn, wanted.organization_id)?;
    if wanted.moves.len() <= MAX_MOVES && wanted.exceptions.len() <= MAX_EXCEPTIONS {
        store::hold_groups(conn, wanted.organization_id, &groups_of(wanted))?;
    }
    hold_organization(conn, wanted.organization_id)?;
    // Another plan may have come while the organization was waited for.
    let others = store::lock_all(conn, wanted.organization_id)?;
    let mut checks = Checks::default();
    check_years(wanted, &others, &mut checks);
    if !check_sizes(wanted, &mut checks) {
        return Err(checks.into_error());
    }
    let own = check_groups(conn, wanted, &mut checks)?;
    check_unmapped(conn, wanted, &mut checks)?;
    check_exceptions(conn, wanted, &own, &mut checks)?;
    checks.done()?;
    store::supersede(conn, wanted.organization_id, wanted.from_year)?;
    let id = store::insert(conn, scope, wanted.organization_id, wanted.from_year, wanted.effective_on);
    let id = id.map_err(|error| match violation(&error) {
        Some(Violation::Unique(_)) => Error::rejected(
            Code::Conflict,
            "Somebody else planned the same transition at the same moment. Please look at that plan first.",
        ),
        _ => error.into(),
    })?;
    store::insert_parts(conn, id, &wanted.moves, &wanted.exceptions)?;
    Ok(id)
}

/// Whether the organization is the viewer's to administer.
fn may_administer(scope: &Scope, organization: i64) -> Result<(), Error> {
    if scope.viewer.may_administer(Some(organization)) {
        Ok(())
    } else if scope.viewer.staff_of.contains(&organization) {
        let message = "You do not administer this organization.";
        Err(Rejection::new(Code::Forbidden, message).at("input.organizationId").into())
    } else {
        Err(no_organization())
    }
}

fn no_organization() -> Error {
    Rejection::new(Code::NotFound, "There is no such organization.").at("input.organizationId").into()
}

/// Two plans of one organization are made one after the other.
fn hold_organization(conn: &mut Conn, organization: i64) -> Result<(), Error> {
    match people::store::lock(conn, organization)? {
        Some((ParticipantKind::Organization, _)) => Ok(()),
        _ => Err(no_organization()),
    }
}

fn groups_of(wanted: &Wanted) -> Vec<i64> {
    let moves = wanted.moves.iter().flat_map(|planned| [Some(planned.group_id), planned.to_group_id]);
    let exceptions = wanted.exceptions.iter().flat_map(|exception| [exception.group_id, exception.to_group_id]);
    moves.chain(exceptions).flatten().collect()
}

/// Withdraws a plan that was not applied, and answers with its key. Withdrawing twice is no error.
///
/// # Errors
/// `NotFound`, and `TransitionAlreadyApplied`.
pub fn withdraw(conn: &mut Conn, scope: &Scope, id: i64) -> Result<i64, Error> {
    let transition = reachable(conn, scope, id)?;
    let all = store::lock_all(conn, transition.organization_id)?;
    match all.iter().find(|row| row.id == id).map(|row| row.status) {
        Some(Status::Applied | Status::Undone) => {
            let message = "This transition was applied; it can be undone, not withdrawn.";
            Err(Rejection::new(Code::TransitionAlreadyApplied, message).at("input.yearTransitionId").into())
        }
        _ => store::withdraw(conn, id).map(|()| id),
    }
}

fn check_years(wanted: &Wanted, others: &[TransitionRow], checks: &mut Checks) {
    if wanted.to_year != wanted.from_year.next() {
        let message = format!("After {} comes {}.", wanted.from_year, wanted.from_year.next());
        checks.refuse(Code::InvalidValue, "input.toSchoolYear", message);
    }
    let (from, until) = (wanted.from_year.middle(), wanted.from_year.next().end());
    if !(from..until).contains(&wanted.effective_on) {
        let message = format!(
            "A school year ends in its second half or later, and the next one before it ends: from {from} on, and before {until}."
        );
        checks.refuse(Code::InvalidDate, "input.effectiveOn", message);
    }
    let applied = others.iter().filter(|other| other.status == Status::Applied);
    for other in applied.filter(|other| other.from_year >= wanted.from_year) {
        let message = format!(
            "The transition from {} was applied already. It can be undone while nothing stands in the way.",
            other.from_year
        );
        checks.refuse(Code::TransitionAlreadyApplied, "input.fromSchoolYear", message);
    }
}

fn check_sizes(wanted: &Wanted, checks: &mut Checks) -> bool {
    let mut fits = true;
    for (number, limit, field) in
        [(wanted.moves.len(), MAX_MOVES, "input.moves"), (wanted.exceptions.len(), MAX_EXCEPTIONS, "input.exceptions")]
    {
        if number > limit {
            checks.refuse(Code::TooMany, field, format!("There may be at most {limit} of these."));
            fits = false;
        }
    }
    fits
}

/// Whether every group can be in the plan: of the organization, and with memberships of its own (G1). Answers with those that
/// are of the organization: of the members of others nothing may be told.
fn check_groups(conn: &mut Conn, wanted: &Wanted, checks: &mut Checks) -> Result<HashSet<i64>, Error> {
    let named: Vec<(i64, String)> = wanted
        .moves
        .iter()
        .enumerate()
        .flat_map(|(n, planned)| {
            // Who stays together in a group does not join it.
            let target = planned.to_group_id.filter(|to| *to != planned.group_id);
            let target = target.map(|to| (to, format!("input.moves.{n}.toGroupId")));
            std::iter::once((planned.group_id, format!("input.moves.{n}.groupId"))).chain(target)
        })
        .chain(wanted.exceptions.iter().enumerate().filter_map(|(n, exception)| {
            exception.to_group_id.map(|to| (to, format!("input.exceptions.{n}.toGroupId")))
        }))
        .collect();
    let ids: Vec<i64> = named.iter().map(|(group, _)| *group).collect();
    let known = store::known(conn, &ids)?;
    let enforced = enforces_portal_settings(conn, wanted.organization_id)?;
    let mut own = HashSet::new();
    for (group, field) in &named {
        match known.get(group).filter(|group| group.organization_id == Some(wanted.organization_id)) {
            None => checks.refuse(Code::NotFound, field, "There is no such group of this organization."),
            Some(known) => {
                own.insert(*group);
                check_group(known, field, enforced, checks);
            }
        }
    }
    let mut seen = HashSet::new();
    for (n, planned) in wanted.moves.iter().enumerate() {
        if !seen.insert(planned.group_id) {
            checks.refuse(Code::InvalidValue, &format!("input.moves.{n}.groupId"), "This group is named twice.");
        }
    }
    Ok(own)
}

fn check_group(known: &Known, field: &str, enforced: bool, checks: &mut Checks) {
    if known.dynamic {
        let message = format!("{} is a dynamic group; its members follow from its filter.", known.name);
        checks.refuse(Code::DynamicGroup, field, message);
    } else if enforced && known.closed && field.ends_with("toGroupId") {
        checks.refuse(Code::GroupClosed, field, format!("{} is closed and takes no new members.", known.name));
    }
}

/// Y1: a year group without a place to go to is an error; nobody stays or leaves because a line was missed.
fn check_unmapped(conn: &mut Conn, wanted: &Wanted, checks: &mut Checks) -> Result<(), Error> {
    let unmapped = unmapped(conn, wanted.organization_id, wanted.effective_on, &wanted.moves)?;
    refuse_unmapped(&unmapped, "input.moves", checks);
    Ok(())
}

/// The year groups of an organization for which a plan says nothing.
///
/// # Errors
/// What the database answers.
pub fn unmapped(
    conn: &mut Conn,
    organization: i64,
    on: NaiveDate,
    moves: &[Move],
) -> Result<Vec<(i64, String)>, Error> {
    let mapped: HashSet<i64> = moves.iter().map(|planned| planned.group_id).collect();
    let mut groups = store::year_groups(conn, organization, on)?;
    groups.retain(|(group, _)| !mapped.contains(group));
    Ok(groups)
}

/// Names the year groups for which a plan says nothing.
pub fn refuse_unmapped(unmapped: &[(i64, String)], field: &str, checks: &mut Checks) {
    for (_, name) in unmapped.iter().take(MAX_NAMED) {
        let message = format!("Nothing is said of {name}: say where its members go, or that they leave.");
        checks.refuse(Code::UnmappedYearGroup, field, message);
    }
    if let Some(more) = unmapped.len().checked_sub(MAX_NAMED).filter(|more| *more > 0) {
        checks.refuse(Code::UnmappedYearGroup, field, format!("Nothing is said of {more} more year groups."));
    }
}

fn check_exceptions(conn: &mut Conn, wanted: &Wanted, own: &HashSet<i64>, checks: &mut Checks) -> Result<(), Error> {
    if wanted.exceptions.is_empty() {
        return Ok(());
    }
    let planned: Vec<i64> = wanted.moves.iter().map(|planned| planned.group_id).collect();
    if planned.iter().any(|group| !own.contains(group)) {
        return Ok(());
    }
    let people: Vec<i64> = wanted.exceptions.iter().map(|exception| exception.participant_id).collect();
    let mut groups_of: HashMap<i64, Vec<i64>> = HashMap::new();
    for (participant, group) in store::memberships(conn, &planned, &people, wanted.effective_on)? {
        groups_of.entry(participant).or_default().push(group);
    }
    let mut seen = HashSet::new();
    for (n, exception) in wanted.exceptions.iter().enumerate() {
        let field = |name: &str| format!("input.exceptions.{n}.{name}");
        if !seen.insert((exception.participant_id, exception.group_id)) {
            checks.refuse(Code::InvalidValue, &field("participantId"), "This participant is named twice.");
        }
        let own = groups_of.get(&exception.participant_id).map(Vec::as_slice).unwrap_or_default();
        match exception.group_id {
            Some(group) if !planned.contains(&group) => {
                checks.refuse(Code::InvalidValue, &field("groupId"), "This group is not among the groups that move.");
            }
            Some(group) if !own.contains(&group) => {
                checks.refuse(Code::NotAMember, &field("participantId"), "This is no member of the group.");
            }
            None if own.is_empty() => {
                let message = "This is no member of a group that moves.";
                checks.refuse(Code::NotAMember, &field("participantId"), message);
            }
            _ => {}
        }
    }
    Ok(())
}

/// A transition that is the viewer's to administer, as it is before anything is locked.
///
/// # Errors
/// `NotFound` when there is none, or it is another organization's.
pub fn reachable(conn: &mut Conn, scope: &Scope, id: i64) -> Result<TransitionRow, Error> {
    let found = store::peek(conn, id)?.filter(|row| scope.viewer.may_administer(Some(row.organization_id)));
    found.ok_or_else(|| {
        Rejection::new(Code::NotFound, "There is no such transition.").at("input.yearTransitionId").into()
    })
}

/// What one thing that was asked comes to: exactly one of a group, staying and leaving.
pub fn outcome(to_group: Option<i64>, stays: bool, leaving: bool) -> Option<Outcome> {
    match (to_group, stays, leaving) {
        (Some(_), false, false) => Some(Outcome::Moves),
        (None, true, false) => Some(Outcome::Stays),
        (None, false, true) => Some(Outcome::Leaves),
        _ => None,
    }
}
