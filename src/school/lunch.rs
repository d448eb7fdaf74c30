//! Lunch stays: that a pupil stays at school over lunch on a day.

use chrono::NaiveDate;

use super::records::RecordKind;
use super::rules::{self, Pupil, Recorded};
use super::store;
use crate::check::Checks;
use crate::db::Conn;
use crate::error::{Code, Error};
use crate::groups::store::CompositionCache;
use crate::scope::Scope;

const TWICE: (Code, &str) = (Code::AlreadyRegistered, "This lunch stay was registered already.");

/// Who stays when.
#[derive(Clone, Copy, Debug)]
pub struct Stay {
    pub pupil: Pupil,
    pub date: NaiveDate,
}

/// Registers that a pupil stays, once for each day.
///
/// # Errors
/// A rejection for each rule that stands in the way.
pub fn register(conn: &mut Conn, scope: &Scope, cache: &CompositionCache, stay: Stay) -> Result<Recorded, Error> {
    let Stay { pupil, date } = stay;
    let maker = rules::admit(conn, scope, cache, pupil)?;
    let mut checks = Checks::default();
    let mut warnings = Vec::new();
    if rules::check_day(scope, date, "input.date", &mut checks) {
        warnings = rules::check_sense(scope, maker, (date, date), "input.date", &mut checks);
    }
    rules::check_member(conn, pupil, date, &mut checks)?;
    if store::is_recorded(conn, RecordKind::LunchStay, pupil, date)? {
        checks.refuse(TWICE.0, "input.date", TWICE.1);
    }
    checks.done()?;
    // Of two at once, the second comes to nothing here.
    let made = rules::once(store::insert_lunch_stay(conn, scope, pupil, date)?, TWICE)?;
    Ok(made.warned(warnings))
}

/// Cancels a stay; nothing of it is kept.
///
/// # Errors
/// `NotFound` or `Forbidden`.
pub fn cancel(conn: &mut Conn, scope: &Scope, id: i64) -> Result<Recorded, Error> {
    rules::delete(conn, scope, RecordKind::LunchStay, id)
}
