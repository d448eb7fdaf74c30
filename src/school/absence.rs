//! Absence reports: that a pupil is absent on a day.

use chrono::NaiveDate;

use super::records::RecordKind;
use super::rules::{self, Pupil, Recorded};
use super::store;
use crate::check::{Checks, TEXT};
use crate::db::Conn;
use crate::error::{Code, Error};
use crate::groups::store::CompositionCache;
use crate::scope::Scope;

const TWICE: (Code, &str) = (Code::AlreadyReported, "This absence was reported already.");

/// Who is absent when, and why.
#[derive(Clone, Debug)]
pub struct Absence {
    pub pupil: Pupil,
    pub date: NaiveDate,
    pub reason: Option<String>,
}

/// Reports that a pupil is absent, once for each day.
///
/// # Errors
/// A rejection for each rule that stands in the way.
pub fn report(conn: &mut Conn, scope: &Scope, cache: &CompositionCache, absence: &Absence) -> Result<Recorded, Error> {
    let Absence { pupil, date, reason } = absence;
    let maker = rules::admit(conn, scope, cache, *pupil)?;
    let mut checks = Checks::default();
    checks.prose("input.reason", reason.as_deref(), TEXT);
    let mut warnings = Vec::new();
    if rules::check_day(scope, *date, "input.date", &mut checks) {
        warnings = rules::check_sense(scope, maker, (*date, *date), "input.date", &mut checks);
    }
    rules::check_member(conn, *pupil, *date, &mut checks)?;
    if store::is_recorded(conn, RecordKind::AbsenceReport, *pupil, *date)? {
        checks.refuse(TWICE.0, "input.date", TWICE.1);
    }
    checks.done()?;
    // Of two at once, the second comes to nothing here.
    let made = rules::once(store::insert_absence_report(conn, scope, *pupil, *date, reason.as_deref())?, TWICE)?;
    Ok(made.warned(warnings))
}

/// Withdraws a report; nothing of it is kept.
///
/// # Errors
/// `NotFound` or `Forbidden`.
pub fn withdraw(conn: &mut Conn, scope: &Scope, id: i64) -> Result<Recorded, Error> {
    rules::delete(conn, scope, RecordKind::AbsenceReport, id)
}
