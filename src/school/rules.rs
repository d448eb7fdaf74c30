//! What making and changing records of pupils have in common: for whom it is done, where, and on which day.

use chrono::{Datelike, Days, NaiveDate, Weekday};
use serde::{Deserialize, Serialize};

use super::readers::Readers;
use super::records::RecordKind;
use super::store;
use super::year::SchoolYear;
use crate::access::sight::Sight;
use crate::check::Checks;
use crate::db::Conn;
use crate::error::{Code, Error, Rejection};
use crate::groups::store::CompositionCache;
use crate::members::effective;
use crate::people;
use crate::scope::Scope;

/// A pupil in a group.
#[derive(Clone, Copy, Debug)]
pub struct Pupil {
    pub participant_id: i64,
    pub group_id: i64,
}

/// For so many days guardians report what has been. What is further back the school looks into itself.
const DAYS_BACK: u64 = 14;

/// In whose name a record is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Maker {
    /// A guardian of the pupil.
    Guardian,
    /// Whoever works for the organization that owns the group.
    Staff,
}

/// A record that was made, changed or deleted. Its key is all that may be remembered of it; the warnings say nothing of its
/// pupil or its days.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Recorded {
    pub id: i64,
    pub deleted: bool,
    /// What the maker should know about it.
    #[serde(default)]
    pub warnings: Vec<Rejection>,
}

impl Recorded {
    /// A record that is there.
    pub fn kept(id: i64) -> Self {
        Self { id, deleted: false, warnings: Vec::new() }
    }

    /// A record that is gone.
    pub fn deleted(id: i64) -> Self {
        Self { id, deleted: true, warnings: Vec::new() }
    }

    /// The same with what its maker should know.
    #[must_use]
    pub fn warned(self, warnings: Vec<Rejection>) -> Self {
        Self { warnings, ..self }
    }
}

/// Whoever may make a record of this pupil in this group gets past: a guardian of the pupil, and whoever works for the
/// organization that owns the group. The group is held, so that no transition to the next school year comes in between.
/// Returns in whose name the record is made.
///
/// # Errors
/// `NotFound` for what is out of sight, `Forbidden` for somebody else's child.
pub(super) fn admit(conn: &mut Conn, scope: &Scope, cache: &CompositionCache, pupil: Pupil) -> Result<Maker, Error> {
    let sight = Sight::load(conn, &scope.viewer, scope.today, |conn, sight, own| {
        let compositions = cache.read(conn)?;
        Ok(effective::told_of_participants(conn, &compositions, sight, own, scope.today)?.pairs())
    })?;
    let refuse = |code: Code, field: &str, message: &str| Err(Rejection::new(code, message).at(field).into());
    let Some(owner) = store::hold_group(conn, &sight, pupil.group_id)? else {
        return refuse(Code::NotFound, "input.groupId", "There is no such group.");
    };
    // The group may have been waited for, and whoever was a guardian then need not be one now.
    let viewer = Readers::load(conn, scope)?;
    let works = viewer.works_for(owner);
    if viewer.is_guardian_of(pupil.participant_id, owner) {
        return Ok(if works { Maker::Staff } else { Maker::Guardian });
    }
    if !works {
        let message = "You may do this for children whose guardian you are.";
        return refuse(Code::Forbidden, "input.participantId", message);
    }
    if people::store::by_ids(conn, &sight, false, &[pupil.participant_id])?.is_empty() {
        let message = "There is no such participant, or you may not act for them.";
        return refuse(Code::NotFound, "input.participantId", message);
    }
    Ok(Maker::Staff)
}

/// Refuses a pupil who is no member of the group on a day, and a day of a school year that is over for the group.
///
/// # Errors
/// What the database answers.
pub(super) fn check_member(conn: &mut Conn, pupil: Pupil, on: NaiveDate, checks: &mut Checks) -> Result<(), Error> {
    if !store::is_member(conn, pupil, on)? {
        let message = format!("The participant is not a member of this group on {on}.");
        checks.refuse(Code::NotAMember, "input.groupId", message);
    } else if let Some(end) = store::year_ended(conn, pupil.group_id, on)? {
        // What is erased with its year must not come back afterwards, when nothing would erase it any more.
        let message =
            format!("The school year of this group ended on {end}; its records are erased, and none are made.");
        checks.refuse(Code::InvalidDate, "input.groupId", message);
    }
    Ok(())
}

/// Refuses a day that is not in the present school year; whether it is.
pub(super) fn check_day(scope: &Scope, day: NaiveDate, field: &str, checks: &mut Checks) -> bool {
    let year = SchoolYear::of(scope.today);
    let present = SchoolYear::of(day) == year;
    if !present {
        let last = year.end() - Days::new(1);
        let message = format!("This must be a day of the present school year, from {} to {last}.", year.start());
        checks.refuse(Code::InvalidDate, field, message);
    }
    present
}

/// Refuses days of the present school year that make no sense: those without school, and for guardians those of long ago.
/// Whoever works for the organization may put right what was long ago, and is warned.
pub(super) fn check_sense(
    scope: &Scope,
    maker: Maker,
    (from, until): (NaiveDate, NaiveDate),
    field: &str,
    checks: &mut Checks,
) -> Vec<Rejection> {
    let has_school = |day: &NaiveDate| !matches!(day.weekday(), Weekday::Sat | Weekday::Sun);
    // Of three days in a row one has school.
    if !from.iter_days().take_while(|day| *day <= until).take(3).any(|day| has_school(&day)) {
        checks.refuse(Code::NoSchoolDay, field, "There is no school on Saturdays and Sundays.");
    }
    let too_long_ago = until < scope.today - Days::new(DAYS_BACK);
    if too_long_ago && maker == Maker::Guardian {
        let message = format!("This is more than {DAYS_BACK} days ago. Please ask the school.");
        checks.refuse(Code::TooLongAgo, field, message);
    }
    let warning = || Rejection::new(Code::TooLongAgo, format!("This is more than {DAYS_BACK} days ago."));
    (too_long_ago && maker == Maker::Staff).then(warning).into_iter().collect()
}

/// The record that was made, unless there was one for that day already; that is refused as the caller says.
///
/// # Errors
/// The refusal.
pub(super) fn once(made: Option<i64>, (code, message): (Code, &str)) -> Result<Recorded, Error> {
    made.map(Recorded::kept).ok_or_else(|| Rejection::new(code, message).at("input.date").into())
}

/// Whose record it is, if the viewer may change it; the group is held, as by [`admit`]. Leaders of a group read its
/// records, and leave them as they are.
///
/// # Errors
/// `NotFound` for a record that the viewer does not read, `Forbidden` for one that is only to be read.
pub(super) fn within_reach(
    conn: &mut Conn,
    scope: &Scope,
    kind: RecordKind,
    id: i64,
    by: impl FnOnce(&Readers, Pupil, Option<i64>) -> bool,
) -> Result<Pupil, Error> {
    let readers = Readers::load(conn, scope)?;
    let pupil = store::pupil_of(conn, &readers, kind, id)?.ok_or_else(|| missing(kind))?;
    let owner = store::hold_group(conn, &Sight::unlimited(), pupil.group_id)?.flatten();
    // While the group was waited for, the viewer may have ceased to be who may.
    let readers = Readers::load(conn, scope)?;
    let pupil = store::pupil_of(conn, &readers, kind, id)?.ok_or_else(|| missing(kind))?;
    if by(&readers, pupil, owner) {
        return Ok(pupil);
    }
    Err(Rejection::new(Code::Forbidden, "You may read this, but not change it.").at(field_of(kind)).into())
}

/// Guardians of the pupil, and whoever works for the organization.
pub(super) fn makers(readers: &Readers, pupil: Pupil, owner: Option<i64>) -> bool {
    readers.is_guardian_of(pupil.participant_id, owner) || readers.works_for(owner)
}

/// There is no such record, or none that the viewer reads.
pub(super) fn missing(kind: RecordKind) -> Error {
    let message = match kind {
        RecordKind::AbsenceReport => "There is no such absence report.",
        RecordKind::LeaveRequest => "There is no such leave request.",
        RecordKind::LunchStay => "There is no such lunch stay.",
    };
    Rejection::new(Code::NotFound, message).at(field_of(kind)).into()
}

/// The field of an input that names a record.
pub(super) fn field_of(kind: RecordKind) -> &'static str {
    match kind {
        RecordKind::AbsenceReport => "input.absenceReportId",
        RecordKind::LeaveRequest => "input.leaveRequestId",
        RecordKind::LunchStay => "input.lunchStayId",
    }
}

/// Deletes a record without a trace, for its makers.
///
/// # Errors
/// `NotFound` or `Forbidden`.
pub(super) fn delete(conn: &mut Conn, scope: &Scope, kind: RecordKind, id: i64) -> Result<Recorded, Error> {
    within_reach(conn, scope, kind, id, makers)?;
    if store::delete(conn, kind, id)? { Ok(Recorded::deleted(id)) } else { Err(missing(kind)) }
}
