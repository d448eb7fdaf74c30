//! Taking part in an item: for whom somebody may do it, and when. What the item is about has modules of its own.

pub mod store;

use chrono::NaiveDateTime;

use super::commands::within_reach;
use super::kind::{ContentKind, Details};
use super::store::{self as contents, ContentRow};
use super::visibility::Vision;
use crate::access::guardians::{self, Family};
use crate::check::Checks;
use crate::db::Conn;
use crate::error::{Code, Error, Rejection};
use crate::groups::store::CompositionCache;
use crate::members::effective;
use crate::scope::Scope;

/// The field that names for whom it is.
const PARTICIPANT: &str = "input.participantId";

/// An item that the viewer sees, locked until the transaction ends, so that of many requests each sees what the one
/// before did.
///
/// # Errors
/// What the database answers.
pub fn lock(conn: &mut Conn, scope: &Scope, vision: &Vision, id: i64) -> Result<Option<ContentRow>, Error> {
    contents::lock_seen(conn, vision, scope.instant(), id)
}

/// An item as far as giving back what one has in it goes.
pub struct Held {
    /// Whether the viewer manages it, and is not bound to its times.
    pub managed: bool,
    pub organization_id: Option<i64>,
    pub details: Option<Details>,
}

/// An item, locked until the transaction ends, for whoever gives back what they have in it: it is seen by the viewer, or it is
/// published and what is given back is the viewer's own, as `is_own` says for the organization of the item. So who no longer
/// sees it can withdraw all the same.
///
/// # Errors
/// What the database answers.
pub fn lock_to_give_back(
    conn: &mut Conn,
    scope: &Scope,
    vision: &Vision,
    id: i64,
    is_own: impl FnOnce(Option<i64>) -> bool,
) -> Result<Option<Held>, Error> {
    if let Some(ContentRow { managed, organization_id, details, .. }) = lock(conn, scope, vision, id)? {
        return Ok(Some(Held { managed, organization_id, details }));
    }
    let Some(organization_id) = store::organization_of(conn, id)?.filter(|organization| is_own(*organization)) else {
        return Ok(None);
    };
    let details = store::hold_published(conn, scope, id)?;
    Ok(details.map(|details| Held { managed: false, organization_id, details: Some(details) }))
}

/// Refuses an item of another kind.
///
/// # Errors
/// `WrongKind`.
pub fn check_kind(row: &ContentRow, kind: ContentKind, message: &str) -> Result<(), Error> {
    if row.kind == kind {
        return Ok(());
    }
    Err(Rejection::new(Code::WrongKind, message).at("input.contentId").into())
}

/// The viewer and the children whose guardian the viewer is.
///
/// # Errors
/// What the database answers.
pub fn family(conn: &mut Conn, scope: &Scope) -> Result<Family, Error> {
    Family::load(conn, scope.viewer.participant, scope.today)
}

/// For whom it is: the one who is named, or the viewer. It must be the viewer, a child whose guardian the viewer is for the
/// organization of the item, or somebody to whom the viewer may show the item; nothing else is told about anybody else.
///
/// # Errors
/// `Required`, `Forbidden` or `NotFound`.
pub fn for_whom(
    conn: &mut Conn,
    scope: &Scope,
    cache: &CompositionCache,
    vision: &Vision,
    row: &ContentRow,
    named: Option<i64>,
) -> Result<i64, Error> {
    let refuse = |code: Code, message: &str| Error::from(Rejection::new(code, message).at(PARTICIPANT));
    let Some(participant) = named.or(scope.viewer.participant) else {
        return Err(refuse(Code::Required, "Say who it is for: this token is not that of a participant."));
    };
    let own = match scope.viewer.participant {
        Some(viewer) => {
            viewer == participant
                || guardians::is_guardian(conn, participant, viewer, row.organization_id, scope.today)?
        }
        None => false,
    };
    if own {
        return Ok(participant);
    }
    if !row.managed {
        let message = "You may do this for yourself and for children whose guardian you are.";
        return Err(refuse(Code::Forbidden, message));
    }
    if within_reach(conn, scope, cache, vision, row.organization_id, &[participant])?.is_empty() {
        return Err(refuse(Code::NotFound, "There is no such participant, or you may not act for them."));
    }
    Ok(participant)
}

/// Refuses whoever the item is not shown to in their own right: that a guardian sees it, for this child or for another,
/// is not enough.
///
/// # Errors
/// What the database answers.
pub fn check_invited(
    conn: &mut Conn,
    scope: &Scope,
    cache: &CompositionCache,
    row: &ContentRow,
    participant: i64,
    checks: &mut Checks,
) -> Result<(), Error> {
    let vision = if scope.viewer.participant == Some(participant) {
        // What a token grants beside is one's own as well: what is for staff, staff take part in.
        let compositions = cache.read(conn)?;
        let standing = effective::of_participants(conn, &compositions, &[participant], scope.today)?;
        Vision::load(conn, scope, &Family::alone(participant, scope.today), &standing)?
    } else {
        Vision::of_participant(conn, scope, cache, participant)?
    };
    if !store::is_addressed(conn, &vision, row.id)? {
        let message = if row.published_at.is_none_or(|at| at > scope.instant()) {
            "This has not been published, so nobody can take part in it."
        } else {
            "This is not meant for this participant."
        };
        checks.refuse(Code::NotInvited, PARTICIPANT, message);
    }
    Ok(())
}

/// Refuses what comes too early or too late, at a field of the input. Whoever manages the item is not bound to its times.
pub fn check_open(
    managed: bool,
    now: NaiveDateTime,
    (opens, closes): (Option<NaiveDateTime>, Option<NaiveDateTime>),
    (what, field): (&str, &str),
    checks: &mut Checks,
) {
    if managed {
        return;
    }
    if opens.is_some_and(|opens| now < opens) {
        checks.refuse(Code::NotOpenYet, field, format!("It is too early {what}: this opens later."));
    }
    if closes.is_some_and(|closes| closes <= now) {
        checks.refuse(Code::NoLongerOpen, field, format!("It is too late {what}: this is closed."));
    }
}
