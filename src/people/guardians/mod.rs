//! Recording, confirming and ending guardianships, each organization for itself (V4).

pub mod store;

use chrono::NaiveDate;

use super::commands::administered;
use super::{ParticipantKind, store as people};
use crate::access::guardians::{OF_AGE, OLD_ENOUGH, born_by};
use crate::check::Checks;
use crate::db::Conn;
use crate::db::announce;
use crate::error::{Code, Error, Rejection};
use crate::history::{self, Action, Change, Entity};
use crate::id::{self, Kind};
use crate::scope::Scope;
use store::Record;

const CHILD: &str = "input.childId";
const GUARDIAN: &str = "input.guardianId";

/// Whose guardianship of whom, and as far as which organization is concerned.
#[derive(Clone, Copy, Debug)]
pub struct Guardianship {
    pub child: i64,
    pub guardian: i64,
    /// The organization that is named; see [`for_whom`].
    pub organization: Option<i64>,
    /// The first day on which it is over, if one is set.
    pub ends_on: Option<NaiveDate>,
}

/// Records that somebody looks after a child. It counts for the organization that records it.
///
/// # Errors
/// `NotFound`, `Forbidden`, `WrongKind`, or `CycleDetected` when they would look after each other.
pub fn add(conn: &mut Conn, scope: &Scope, wanted: &Guardianship) -> Result<(i64, i64), Error> {
    let (child_kind, child) = administered(conn, scope, wanted.child, CHILD)?;
    let (guardian_kind, _) = administered(conn, scope, wanted.guardian, GUARDIAN)?;
    let organization = for_whom(scope, wanted, child.organization_id)?;
    let mut checks = Checks::default();
    for (kind, field) in [(child_kind, CHILD), (guardian_kind, GUARDIAN)] {
        if kind != ParticipantKind::Person {
            checks.refuse(Code::WrongKind, field, "Only persons look after each other.");
        }
    }
    let mutual = store::is_recorded(conn, wanted.guardian, wanted.child, organization)?;
    if wanted.child == wanted.guardian || mutual {
        checks.refuse(Code::CycleDetected, GUARDIAN, "Nobody looks after their own guardian.");
    }
    let stored = store::record(conn, wanted.child, wanted.guardian, organization)?;
    let ends_on = wanted.ends_on.or(stored.and_then(|stored| stored.ends_on));
    if ends_on.is_none() && child.birth_date.is_some_and(|born| born <= born_by(scope.today, OF_AGE)) {
        let message = "This person is of age: nobody looks after them unless you set a day on which that ends.";
        checks.refuse(Code::InvalidValue, CHILD, message);
    }
    check_end(scope, wanted.ends_on, &mut checks);
    checks.done()?;
    record(conn, scope, wanted, organization, child.organization_id, ends_on)
}

/// Confirms for an organization that somebody looks after one of its people, as another organization recorded.
///
/// # Errors
/// `NotFound` for whom the organization has nothing to do with, and for a guardianship that nobody recorded.
pub fn confirm(conn: &mut Conn, scope: &Scope, wanted: &Guardianship) -> Result<(i64, i64), Error> {
    let (organization, keeper) = concerned(conn, scope, wanted)?;
    let known = store::is_known(conn, wanted.child, wanted.guardian)?;
    let stored = store::record(conn, wanted.child, wanted.guardian, organization)?;
    if !known && stored.is_none() {
        return Err(missing());
    }
    let mut checks = Checks::default();
    check_end(scope, wanted.ends_on, &mut checks);
    checks.done()?;
    let ends_on = wanted.ends_on.or(stored.and_then(|stored| stored.ends_on));
    record(conn, scope, wanted, organization, keeper, ends_on)
}

/// Ends a guardianship for the organization that says so, at once or on a day to come; for all, when whoever administers
/// everything names none. Nothing happens when there is none.
///
/// # Errors
/// `NotFound` or `Forbidden`.
pub fn end(conn: &mut Conn, scope: &Scope, wanted: &Guardianship) -> Result<(i64, i64), Error> {
    let (organization, keeper) = concerned(conn, scope, wanted)?;
    let later = wanted.ends_on.filter(|end| *end > scope.today);
    let stored = store::record(conn, wanted.child, wanted.guardian, organization)?;
    let counted = stored.map_or_else(
        || store::is_recorded(conn, wanted.child, wanted.guardian, organization),
        |stored| Ok(!stored.ended && stored.ends_on.is_none_or(|end| end > scope.today)),
    )?;
    if !counted && stored.is_none() && organization.is_some() {
        return Ok((wanted.child, wanted.guardian));
    }
    let pair = (wanted.child, wanted.guardian);
    match (organization, later) {
        (None, Some(end)) => store::set_end(conn, scope, pair, end)?,
        (None, None) => store::end_for_all(conn, scope, pair)?,
        _ => store::put(conn, scope, pair, organization, Record { ends_on: later, ended: later.is_none() })?,
    };
    if counted {
        announce::guardianship(conn, wanted.guardian)?;
        let name = id::encode(Kind::Participant, wanted.guardian);
        note(conn, scope, wanted, (organization, keeper), (Some(name), later.map(|end| format!("until {end}"))))?;
    }
    Ok((wanted.child, wanted.guardian))
}

/// Says that somebody goes on looking after oneself although one is of age, or no longer.
///
/// # Errors
/// `Required`, `NotFound`, or `InvalidValue` for whoever is too young to say so.
pub fn agree(conn: &mut Conn, scope: &Scope, guardian: i64, agreed: bool) -> Result<(i64, i64), Error> {
    let own = scope.viewer.participant.ok_or_else(|| {
        Rejection::new(Code::Required, "This token is not that of a participant, who alone may say so.")
    })?;
    let details = people::lock(conn, own)?.map(|(_, details)| details).ok_or_else(missing)?;
    if !store::is_known(conn, own, guardian)? {
        return Err(missing());
    }
    if agreed && details.birth_date.is_some_and(|born| born > born_by(scope.today, OLD_ENOUGH)) {
        let message = format!("Whoever is {OLD_ENOUGH} or older may say so.");
        return Err(Rejection::new(Code::InvalidValue, message).at("input.agreed").into());
    }
    if store::set_agreement(conn, scope, own, guardian, agreed)? {
        announce::guardianship(conn, guardian)?;
        let name = Some(id::encode(Kind::Participant, guardian));
        let (before, after) = if agreed { (None, name) } else { (name, None) };
        let changes = [Change { field: "agreesToGuardian".to_owned(), before, after }];
        history::record(conn, scope, Action::Updated, Entity::Participant, &[own], &changes)?;
    }
    Ok((own, guardian))
}

fn missing() -> Error {
    Rejection::new(Code::NotFound, "There is no such guardianship.").at(GUARDIAN).into()
}

fn check_end(scope: &Scope, ends_on: Option<NaiveDate>, checks: &mut Checks) {
    if ends_on.is_some_and(|end| end <= scope.today) {
        checks.refuse(Code::InvalidDate, "input.endsOn", "This day is not to come, so it would be over already.");
    }
}

/// For which organization it is to count or to end: the one that is named, else the one that keeps the child's record, else
/// the only one that the viewer administers. Whoever administers everything and names none means all.
fn for_whom(scope: &Scope, wanted: &Guardianship, keeper: Option<i64>) -> Result<Option<i64>, Error> {
    let viewer = &scope.viewer;
    let refuse = |code: Code, message: &str| Rejection::new(code, message).at("input.organizationId").into();
    match (wanted.organization, viewer.administers.as_slice()) {
        (Some(named), _) if viewer.may_administer(Some(named)) => Ok(Some(named)),
        (Some(_), _) => Err(refuse(Code::Forbidden, "You do not administer this organization.")),
        (None, _) if viewer.administrator => Ok(None),
        (None, administers) if keeper.is_some_and(|id| administers.contains(&id)) => Ok(keeper),
        (None, [only]) => Ok(Some(*only)),
        (None, _) => Err(refuse(Code::Required, "Say for which of the organizations that you administer.")),
    }
}

/// The organization concerned, of whose people the child is, and the one that keeps the child's record.
fn concerned(conn: &mut Conn, scope: &Scope, wanted: &Guardianship) -> Result<(Option<i64>, Option<i64>), Error> {
    let unknown = || Error::from(Rejection::new(Code::NotFound, "There is no such participant.").at(CHILD));
    let child = people::lock(conn, wanted.child)?;
    let keeper = child.as_ref().and_then(|(_, details)| details.organization_id);
    let organization = for_whom(scope, wanted, keeper)?;
    // Whoever is not there and whoever is none of the organization's people are looked for in the same way.
    let theirs = match organization {
        Some(organization) => store::is_one_of(conn, wanted.child, organization, scope.today)?,
        None => child.is_some(),
    };
    if theirs { Ok((organization, keeper)) } else { Err(unknown()) }
}

/// Writes down that a guardianship counts, and tells it where it did not count before.
fn record(
    conn: &mut Conn,
    scope: &Scope,
    wanted: &Guardianship,
    organization: Option<i64>,
    keeper: Option<i64>,
    ends_on: Option<NaiveDate>,
) -> Result<(i64, i64), Error> {
    let before = store::record(conn, wanted.child, wanted.guardian, organization)?;
    let after = Record { ends_on, ended: false };
    if before != Some(after) {
        store::put(conn, scope, (wanted.child, wanted.guardian), organization, after)?;
        announce::guardianship(conn, wanted.guardian)?;
        let name = id::encode(Kind::Participant, wanted.guardian);
        let stood = before.filter(|before| !before.ended).map(|_| name.clone());
        let until = wanted.ends_on.map(|end| format!("{name} until {end}"));
        note(conn, scope, wanted, (organization, keeper), (stood, Some(until.unwrap_or(name))))?;
    }
    Ok((wanted.child, wanted.guardian))
}

/// The history of a child's record is told to the organization that keeps it. What another organization confirms or ends for
/// itself is not that one's business; it stands beside the guardianship itself.
fn note(
    conn: &mut Conn,
    scope: &Scope,
    wanted: &Guardianship,
    (organization, keeper): (Option<i64>, Option<i64>),
    (before, after): (Option<String>, Option<String>),
) -> Result<(), Error> {
    if (organization.is_some() && organization != keeper) || before == after {
        return Ok(());
    }
    let changes = [Change { field: "guardian".to_owned(), before, after }];
    history::record(conn, scope, Action::Updated, Entity::Participant, &[wanted.child], &changes)
}
