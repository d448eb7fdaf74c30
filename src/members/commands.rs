//! Ending, correcting and annulling memberships.

use chrono::NaiveDate;

use super::Role;
use super::add::overlap;
use super::derive::store::opt_out;
use super::derive::{self, Derivation, Seeds, Wanted, Whom};
use super::joining::store::opted_out;
use super::reasons::usable;
use super::store::{self, Change, MembershipRow, ReasonTable};
use crate::check::{Checks, TEXT};
use crate::db::Conn;
use crate::db::announce::announce;
use crate::error::{Code, Error, Rejection};
use crate::groups::reach::{administered, may_know};
use crate::history::{self, Action, Entity, Fields};
use crate::people::commands::NOBODY;
use crate::repeat::Saved;
use crate::scope::Scope;

/// What ends a membership.
#[derive(Clone, Debug)]
pub struct Ending {
    pub membership_id: i64,
    pub end_date: Option<NaiveDate>,
    pub end_reason: Option<String>,
    pub note: Option<String>,
    /// Let it take the place of an earlier end, too.
    pub replace_end: bool,
    /// Let it bring back somebody who opted out.
    pub include_opted_out: bool,
}

/// Ends a membership (M1, M3). An end that is known already and earlier is kept, unless it is to be replaced (M5b). Of a
/// membership that follows from another group or from an address, the member stays out until joining again.
///
/// # Errors
/// A rejection for each rule that is broken.
pub fn end(conn: &mut Conn, scope: &Scope, ending: &Ending) -> Result<Saved, Error> {
    let (row, derivation) = within_reach(conn, scope, ending.membership_id)?;
    let end = ending.end_date.unwrap_or(scope.today);
    check_ending(conn, scope, &row, ending, end)?;
    let code = ending.end_reason.as_deref().unwrap_or_default();
    let reason = usable(conn, ReasonTable::End, code, "input.endReasonCode")?;
    if let Some(known) = row.end_date.filter(|known| *known < end && !ending.replace_end) {
        return Ok(Saved { id: row.id, warnings: vec![kept(known, ending.note.is_some())] });
    }
    let (end_note, warning) = note_of(&row, ending.note.as_ref());
    let change = Change {
        end_date: Some(Some(end)),
        end_reason_id: Some(Some(reason)),
        end_note: Some(end_note),
        updated_at: Some(scope.instant()),
        ..Change::default()
    };
    if row.origin.is_derived() {
        // What it follows from stays, and would bring it back.
        opt_out(conn, scope, row.group_id, row.participant_id, end)?;
    }
    let id = write(conn, scope, &row, &change, Action::Ended, &derivation)?;
    Ok(Saved { id, warnings: warning.into_iter().collect() })
}

fn check_ending(
    conn: &mut Conn,
    scope: &Scope,
    row: &MembershipRow,
    ending: &Ending,
    end: NaiveDate,
) -> Result<(), Error> {
    let mut checks = Checks::default();
    checks.prose("input.note", ending.note.as_deref(), TEXT);
    if end < row.start_date {
        let message =
            format!("The membership starts on {}, after this date. Annul it if it was a mistake.", row.start_date);
        checks.refuse(Code::InvalidDate, "input.endDate", message);
    }
    if let Some(ended) = row.end_date.filter(|ended| *ended <= scope.today && !ending.replace_end) {
        let message = format!("The membership ended on {ended} already. Set `replaceEnd` to give it another end.");
        checks.refuse(Code::InvalidDate, "input.membershipId", message);
    }
    if row.origin.is_derived() && row.end_date.is_some_and(|known| known < end) && ending.replace_end {
        checks.refuse(Code::DerivedMembership, "input.membershipId", FOLLOWS);
    }
    if ending.end_reason.is_none() {
        checks.refuse(Code::ReasonRequired, "input.endReasonCode", "An ended membership has an end reason.");
    }
    check_consent(conn, row, Some(end), ending.include_opted_out || !ending.replace_end, &mut checks)?;
    checks.done()
}

/// That an earlier end was kept, and a note that was given was not written.
fn kept(known: NaiveDate, noted: bool) -> Rejection {
    let note = if noted { " The note that was given is not written." } else { "" };
    let message = format!(
        "The membership ends on {known} already. This earlier end is kept, with its reason and note.{note} Set `replaceEnd` to \
         postpone it."
    );
    Rejection::new(Code::EndedEarlier, message)
}

/// The note beside a new end, and a warning where it takes the place of another. A note stays where none is given.
pub fn note_of(row: &MembershipRow, given: Option<&String>) -> (Option<String>, Option<Rejection>) {
    let warning =
        || Rejection::new(Code::NoteReplaced, "The note beside the earlier end is replaced. The history keeps it.");
    match (given, &row.end_note) {
        (Some(given), Some(stored)) if given != stored => (Some(given.clone()), Some(warning())),
        (given, stored) => (given.or(stored.as_ref()).cloned(), None),
    }
}

/// Refuses a later end, or none, for somebody who left by themselves and stays out (S5), unless that is asked for.
fn check_consent(
    conn: &mut Conn,
    row: &MembershipRow,
    end: Option<NaiveDate>,
    allowed: bool,
    checks: &mut Checks,
) -> Result<(), Error> {
    let later = row.end_date.is_some_and(|known| end.is_none_or(|end| known < end));
    if later && !allowed && !opted_out(conn, row.group_id, &[row.participant_id])?.is_empty() {
        let message = "The participant left this group and stays out until joining again. Set `includeOptedOut` if this is \
                       what the participant wants.";
        checks.refuse(Code::OptedOut, "input.membershipId", message);
    }
    Ok(())
}

/// A correction: absent fields stay as they are, an empty end reopens the membership.
#[derive(Clone, Debug, Default)]
pub struct Correction {
    pub membership_id: i64,
    pub start_date: Option<NaiveDate>,
    pub start_reason: Option<String>,
    pub end_date: Option<Option<NaiveDate>>,
    pub end_reason: Option<String>,
    pub note: Option<Option<String>>,
    pub role: Option<Role>,
    /// Let it bring back somebody who opted out.
    pub include_opted_out: bool,
}

/// Corrects a membership.
///
/// # Errors
/// A rejection for each rule that is broken.
pub fn update(conn: &mut Conn, scope: &Scope, correction: &Correction) -> Result<Saved, Error> {
    let (row, derivation) = within_reach(conn, scope, correction.membership_id)?;
    let start = correction.start_date.unwrap_or(row.start_date);
    let end = correction.end_date.unwrap_or(row.end_date);
    check_correction(conn, &row, correction, (start, end))?;
    let start_reason = match correction.start_reason.as_deref() {
        Some(code) => Some(usable(conn, ReasonTable::Start, code, "input.startReasonCode")?),
        None => None,
    };
    let end_reason = match (end, correction.end_reason.as_deref()) {
        (None, _) => None,
        (Some(_), Some(code)) => Some(usable(conn, ReasonTable::End, code, "input.endReasonCode")?),
        (Some(_), None) => row.end_reason_id,
    };
    let note = match (end, &correction.note) {
        (None, _) => None,
        (Some(_), Some(note)) => note.clone(),
        (Some(_), None) => row.end_note.clone(),
    };
    let change = Change {
        start_date: Some(start),
        start_reason_id: start_reason,
        end_date: Some(end),
        end_reason_id: Some(end_reason),
        end_note: Some(note),
        role: correction.role,
        updated_at: Some(scope.instant()),
        annulled_at: None,
    };
    if !row.origin.is_derived() && derivation.reaches(row.group_id) {
        let (group_id, participant_id) = (row.group_id, row.participant_id);
        derive::make_room(conn, scope, &[Wanted { group_id, participant_id, start_date: start, end_date: end }])?;
    }
    let removed = end.is_none() && row.end_note.is_some() && correction.note.is_none();
    let message = "With the end, the note beside it is removed. The history keeps it.";
    let warnings = removed.then(|| Rejection::new(Code::NoteReplaced, message)).into_iter().collect();
    Ok(Saved { id: write(conn, scope, &row, &change, Action::Updated, &derivation)?, warnings })
}

fn check_correction(
    conn: &mut Conn,
    row: &MembershipRow,
    correction: &Correction,
    (start, end): (NaiveDate, Option<NaiveDate>),
) -> Result<(), Error> {
    let note = correction.note.as_ref().and_then(Option::as_deref);
    let mut checks = Checks::default();
    checks.prose("input.note", note, TEXT);
    if row.origin.is_derived() && (start, end) != (row.start_date, row.end_date) {
        checks.refuse(Code::DerivedMembership, "input.membershipId", FOLLOWS);
    }
    if end.is_some_and(|end| end < start) {
        checks.refuse(Code::InvalidDate, "input.endDate", "The end comes before the start.");
    }
    if end.is_some() && row.end_reason_id.is_none() && correction.end_reason.is_none() {
        checks.refuse(Code::ReasonRequired, "input.endReasonCode", "An ended membership has an end reason.");
    }
    for (given, field, message) in [
        (correction.end_reason.is_some(), "input.endReasonCode", "A membership without an end has no end reason."),
        (note.is_some(), "input.note", "A membership without an end has no note beside it."),
    ] {
        if given && end.is_none() {
            checks.refuse(Code::InvalidValue, field, message);
        }
    }
    check_consent(conn, row, end, correction.include_opted_out, &mut checks)?;
    checks.done()
}

/// Declares a membership a mistake: it stays in the history and is gone from every list and count (M6).
///
/// # Errors
/// `NotFound` or `Forbidden`. Annulling twice is no error.
pub fn annul(conn: &mut Conn, scope: &Scope, id: i64) -> Result<Saved, Error> {
    let (row, derivation) = reachable(conn, scope, id)?;
    if row.annulled_at.is_some() {
        return Ok(Saved::new(id));
    }
    if row.origin.is_derived() && row.end_date.is_none_or(|end| end > scope.today) {
        return Err(Rejection::new(Code::DerivedMembership, FOLLOWS).at("input.membershipId").into());
    }
    let change =
        Change { annulled_at: Some(Some(scope.instant())), updated_at: Some(scope.instant()), ..Change::default() };
    write(conn, scope, &row, &change, Action::Annulled, &derivation).map(Saved::new)
}

const FOLLOWS: &str = "This membership follows from another group or from an address; its period is that of what it follows \
                       from. End it, and the member stays out of the group until joining again.";

/// The membership, locked, if the viewer administers its group.
fn reachable(conn: &mut Conn, scope: &Scope, id: i64) -> Result<(MembershipRow, Derivation), Error> {
    let missing =
        || Error::from(Rejection::new(Code::NotFound, "There is no such membership.").at("input.membershipId"));
    let group = store::group_of(conn, id)?.unwrap_or(NOBODY);
    if !may_know(conn, scope, group)? {
        return Err(missing());
    }
    let derivation = Derivation::prepare(conn, Seeds::Groups(&[group]))?;
    // The group first, as when members are added: two commands never wait for each other.
    administered(conn, scope, group, "input.membershipId").map_err(|error| match error {
        Error::Rejected(rejections) if rejections.iter().all(|rejection| rejection.code == Code::NotFound) => missing(),
        error => error,
    })?;
    store::lock(conn, scope.today, id)?.map(|row| (row, derivation)).ok_or_else(missing)
}

fn within_reach(conn: &mut Conn, scope: &Scope, id: i64) -> Result<(MembershipRow, Derivation), Error> {
    let (row, derivation) = reachable(conn, scope, id)?;
    if row.annulled_at.is_some() {
        let message = "This membership was annulled and can no longer be changed.";
        return Err(Rejection::new(Code::InvalidValue, message).at("input.membershipId").into());
    }
    Ok((row, derivation))
}

/// Writes a change of a membership with its history, and what follows from it.
///
/// # Errors
/// What the database answers, an overlap among it.
pub fn write(
    conn: &mut Conn,
    scope: &Scope,
    before: &MembershipRow,
    change: &Change,
    action: Action,
    derivation: &Derivation,
) -> Result<i64, Error> {
    store::update(conn, before.id, change).map_err(overlap)?;
    announce(conn, action.announced(), &[before.id])?;
    let missing = || Error::internal(format!("membership {} vanished while it was locked", before.id));
    let after = store::lock(conn, scope.today, before.id)?.ok_or_else(missing)?;
    let changes = history::diff(&fields(conn, before)?, &fields(conn, &after)?);
    if !changes.is_empty() {
        history::record(conn, scope, action, Entity::Membership, &[before.id], &changes)?;
        derivation.follow(conn, scope, Whom::These(&[before.participant_id]))?;
    }
    Ok(before.id)
}

/// The fields of a membership as history shows them.
fn fields(conn: &mut Conn, row: &MembershipRow) -> Result<Fields, Error> {
    let mut code = |table: ReasonTable, id: i64| {
        store::reasons(conn, table, Some(&[id])).map(|rows| rows.into_iter().next().map(|row| row.code))
    };
    let start_reason = code(ReasonTable::Start, row.start_reason_id)?;
    let end_reason = row.end_reason_id.map(|id| code(ReasonTable::End, id)).transpose()?.flatten();
    Ok(vec![
        ("startDate", Some(row.start_date.to_string())),
        ("startReason", start_reason),
        ("endDate", row.end_date.map(|date| date.to_string())),
        ("endReason", end_reason),
        ("endNote", row.end_note.clone()),
        ("role", Some(row.role.as_str().to_owned())),
        ("annulledAt", row.annulled_at.map(|at| at.and_utc().to_rfc3339())),
    ])
}
