//! Leave requests: a pupil's leave from one day to another, which the school grants or refuses.

pub mod store;

use store::{Period, Standing};

use super::readers::Readers;
use super::records::RecordKind;
use super::rules::{self, Maker, Pupil, Recorded, field_of, makers, missing};
use super::store::lock_participant;
use crate::check::{Checks, TEXT};
use crate::db::Conn;
use crate::db::text_enum::text_enum;
use crate::error::{Code, Error, Rejection};
use crate::groups::store::CompositionCache;
use crate::scope::Scope;

text_enum! {
    /// Where a leave request stands.
    Status {
        /// Nobody has decided on it.
        Requested = "REQUESTED",
        /// The school grants it.
        Granted = "GRANTED",
        /// The school refuses it.
        Refused = "REFUSED",
        /// It was withdrawn.
        Withdrawn = "WITHDRAWN",
    }
}

impl Status {
    /// Whether the pupil counts on it, so that no other request may overlap it.
    pub fn stands(self) -> bool {
        matches!(self, Self::Requested | Self::Granted)
    }
}

/// Who asks for leave, from when to when and why.
#[derive(Clone, Debug)]
pub struct Request {
    pub pupil: Pupil,
    /// The first day and the last.
    pub period: Period,
    pub reason: String,
}

/// What the school says to a request.
#[derive(Clone, Debug)]
pub struct Decision {
    pub granted: bool,
    pub note: Option<String>,
}

/// Asks for leave. Of one pupil in one group no two requests that stand overlap.
///
/// # Errors
/// A rejection for each rule that stands in the way.
pub fn request(conn: &mut Conn, scope: &Scope, cache: &CompositionCache, request: &Request) -> Result<Recorded, Error> {
    let Request { pupil, period, reason } = request;
    let maker = rules::admit(conn, scope, cache, *pupil)?;
    // Of many requests each sees what the one before did.
    lock_participant(conn, pupil.participant_id)?;
    let mut checks = Checks::default();
    checks.required_prose("input.reason", Some(reason), TEXT);
    let warnings = check_period(scope, maker, *period, &mut checks);
    rules::check_member(conn, *pupil, period.from, &mut checks)?;
    check_free(conn, *pupil, *period, None, "input.from", &mut checks)?;
    checks.done()?;
    Ok(Recorded::kept(store::insert_request(conn, scope, *pupil, *period, reason)?).warned(warnings))
}

/// Refuses a period that makes no sense, and returns what the maker should know about it.
fn check_period(scope: &Scope, maker: Maker, period: Period, checks: &mut Checks) -> Vec<Rejection> {
    let begins = rules::check_day(scope, period.from, "input.from", checks);
    if period.until < period.from {
        checks.refuse(Code::InvalidDate, "input.until", "Leave does not end before it begins.");
        return Vec::new();
    }
    if rules::check_day(scope, period.until, "input.until", checks) && begins {
        return rules::check_sense(scope, maker, (period.from, period.until), "input.from", checks);
    }
    Vec::new()
}

fn check_free(
    conn: &mut Conn,
    pupil: Pupil,
    period: Period,
    besides: Option<i64>,
    field: &str,
    checks: &mut Checks,
) -> Result<(), Error> {
    if let Some(other) = store::overlapping(conn, pupil, period, besides)? {
        let message = format!("Leave from {} to {} was asked for already.", other.from, other.until);
        checks.refuse(Code::AlreadyRequested, field, message);
    }
    Ok(())
}

/// Withdraws a request that stands and is not over.
///
/// # Errors
/// A rejection for each rule that stands in the way.
pub fn withdraw(conn: &mut Conn, scope: &Scope, id: i64) -> Result<Recorded, Error> {
    let (_, leave) = lock(conn, scope, id, makers)?;
    let mut checks = Checks::default();
    let field = field_of(RecordKind::LeaveRequest);
    match leave.status {
        Status::Withdrawn => checks.refuse(Code::AlreadyWithdrawn, field, "This request was withdrawn already."),
        Status::Refused => {
            checks.refuse(Code::AlreadyRefused, field, "This request was refused, so there is nothing to withdraw.");
        }
        Status::Requested | Status::Granted if leave.period.until < scope.today => {
            checks.refuse(Code::NoLongerOpen, field, "This leave is over, so it is too late to withdraw it.");
        }
        Status::Requested | Status::Granted => {}
    }
    checks.done()?;
    store::settle(conn, scope, id, Status::Withdrawn, None)?;
    Ok(Recorded::kept(id))
}

/// Grants or refuses a request, or decides otherwise than before. Only whoever works for the organization does.
///
/// # Errors
/// A rejection for each rule that stands in the way.
pub fn decide(conn: &mut Conn, scope: &Scope, id: i64, decision: &Decision) -> Result<Recorded, Error> {
    let (pupil, leave) = lock(conn, scope, id, |readers, _, owner| readers.works_for(owner))?;
    let mut checks = Checks::default();
    checks.prose("input.note", decision.note.as_deref(), TEXT);
    let field = field_of(RecordKind::LeaveRequest);
    let status = if decision.granted { Status::Granted } else { Status::Refused };
    if leave.status == Status::Withdrawn {
        let message = "This request was withdrawn, so there is nothing to decide.";
        checks.refuse(Code::AlreadyWithdrawn, field, message);
    } else if status.stands() && !leave.status.stands() {
        // Since it was refused, other leave may have been asked for on the same days.
        check_free(conn, pupil, leave.period, Some(id), field, &mut checks)?;
    }
    checks.done()?;
    store::settle(conn, scope, id, status, decision.note.as_deref())?;
    Ok(Recorded::kept(id))
}

/// A request that the viewer may change, locked with all other requests of its pupil until the transaction ends.
fn lock(
    conn: &mut Conn,
    scope: &Scope,
    id: i64,
    by: impl FnOnce(&Readers, Pupil, Option<i64>) -> bool,
) -> Result<(Pupil, Standing), Error> {
    let pupil = rules::within_reach(conn, scope, RecordKind::LeaveRequest, id, by)?;
    lock_participant(conn, pupil.participant_id)?;
    let leave = store::lock(conn, id)?.ok_or_else(|| missing(RecordKind::LeaveRequest))?;
    Ok((pupil, leave))
}
