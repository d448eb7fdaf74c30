//! Brings a roster into the database: all of it in one transaction, or nothing.
//!
//! What a roster says takes the place of what the roster before it said; what people did by hand stays. Its people and
//! groups are found again by the sender's keys, which are kept in tables of their own.
//!
//! ```text
//! order        for which organization and day it is, and whether a newer one was there before
//! keys         the sender's keys, as they are stored
//! adopt        which record is meant of those that were there before the first roster; never a guess
//! likeness     whether two records are of the same person
//! again        people whom an earlier roster brought
//! registered   people who were registered otherwise
//! groups, people   compare, refuse, write what differs
//! memberships  who joins, who leaves, and what stands as it was done by hand
//! gone         who is no longer in the file, and who stays where they were put by hand
//! moved        who went from one group to another, and what did not move along (Y8)
//! report       what became of all of it
//! ```
//!
//! Every step does its work even after something was refused, leaving that out, so that all that is wrong is told at
//! once; nothing is kept then. A dry run is the same work, taken back.

mod adopt;
mod again;
mod gone;
mod groups;
mod keys;
mod likeness;
mod memberships;
mod moved;
mod order;
mod people;
mod registered;
mod report;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use chrono::NaiveDate;

use super::journal::Journal;
use super::{Failure, Owner, Progress, Step};
use crate::db::{Conn, Db};
use crate::error::Error;
use crate::exchange::bundle::{At, BundleErrors, ErrorCode, Log};
use crate::exchange::edexml::{FILE, GroupKind, PersonKind, Roster};
use crate::members::derive::{Derivation, Seeds, Whom};
use crate::scope::{Scope, Source};

use groups::Place;
pub use report::{Became, Figures, LeftBehind, RosterReport, Row};

/// How to import a roster.
#[derive(Clone, Debug)]
pub struct RosterOptions {
    /// The organization of which it is the roster.
    pub organization: Owner,
    /// Only say what would happen.
    pub dry_run: bool,
    /// The fail-safe against a file that went wrong at its source: the largest share, in percent, of the memberships in
    /// force that a roster of the organization could end. A file by which more would be over today is refused, unless these
    /// are fewer than [`ROSTER_END_FLOOR`] and at most one person is in no group of the file any more: then it is the school
    /// that is small. Ends that are still to come do not count.
    pub end_limit: u8,
    /// Whether the report says what became of each pupil, teacher and group.
    pub each_row: bool,
    /// The date on which memberships start and end, in place of the one that the file names.
    pub date: Option<NaiveDate>,
    /// Whether a file may be older than one that was imported before.
    pub allow_older: bool,
    /// Whether content of a group that pupils left is linked to the one that they came to.
    pub link_content: bool,
}

/// The share of memberships that a roster may end when nothing else is said, in percent.
pub const ROSTER_END_LIMIT: u8 = 20;
/// Fewer memberships than this may end whatever share of all they are, if no more than one person leaves altogether.
pub const ROSTER_END_FLOOR: usize = 5;

/// How many warnings of the same kind are told one by one.
const TOLD: usize = 100;

impl RosterOptions {
    /// The defaults for an organization.
    pub fn new(organization: Owner) -> Self {
        Self {
            organization,
            dry_run: false,
            end_limit: ROSTER_END_LIMIT,
            each_row: false,
            date: None,
            allow_older: false,
            link_content: false,
        }
    }
}

/// Imports a roster in one transaction. `progress` hears how far it is.
///
/// # Errors
/// [`Failure::Refused`] names everything that cannot be imported, by line and column; [`Failure::Error`] is a viewer who
/// may not import, somebody else's change in the meantime, or the database. Nothing is kept then.
pub fn import_roster(
    db: &Db,
    scope: &Scope,
    roster: &Roster,
    options: &RosterOptions,
    progress: &mut dyn FnMut(Progress),
) -> Result<RosterReport, Failure> {
    let scope = &scope.importing(Source::Roster);
    let outcome = db.write_if(|conn| {
        // Taken before anything else is locked, since whoever waits for it holds no rows.
        Derivation::prepare_alone(conn, Seeds::Everything)?;
        let organization = order::take_turn(conn, scope, &options.organization)?;
        let date = options.date.or(roster.school.reference_date).unwrap_or(scope.today);
        let mut intake = Intake {
            conn,
            scope,
            roster,
            options,
            progress,
            organization,
            date,
            report: RosterReport::new(date, options, roster),
            log: Log::default(),
            journal: Journal::default(),
            groups: HashMap::new(),
            people: HashMap::new(),
            created: HashSet::new(),
            rows: HashMap::new(),
            touched: BTreeSet::new(),
        };
        intake.everything()?;
        let outcome = intake.finish();
        let keep = outcome.is_ok() && !options.dry_run;
        Ok((outcome, keep))
    })?;
    Ok(outcome?)
}

/// One import at work.
struct Intake<'r> {
    conn: &'r mut Conn,
    scope: &'r Scope,
    roster: &'r Roster,
    options: &'r RosterOptions,
    progress: &'r mut dyn FnMut(Progress),
    /// Of which it is the roster.
    organization: i64,
    /// On which memberships start and end.
    date: NaiveDate,
    report: RosterReport,
    log: Log,
    journal: Journal,
    /// The groups of the file, as far as they were not refused.
    groups: HashMap<(GroupKind, Arc<str>), Place>,
    /// The people of the file, as far as they were not refused.
    people: HashMap<(PersonKind, Arc<str>), i64>,
    /// Who was registered by this import.
    created: HashSet<i64>,
    /// The place of each participant's row in the report.
    rows: HashMap<i64, usize>,
    /// Whose record or memberships were changed.
    touched: BTreeSet<i64>,
}

impl Intake<'_> {
    fn everything(&mut self) -> Result<(), Error> {
        self.check_order()?;
        self.take_in_groups()?;
        self.take_in_people()?;
        let changed = self.take_in_memberships()?;
        self.moved(&changed)?;
        self.note_import()?;
        let touched: Vec<i64> = self.touched.iter().copied().collect();
        let derivation = Derivation::prepare(self.conn, Seeds::Everything)?;
        if !touched.is_empty() {
            derivation.follow(self.conn, self.scope, Whom::These(&touched))?;
        }
        Ok(())
    }

    fn finish(self) -> Result<RosterReport, BundleErrors> {
        let Self { log, report, roster, .. } = self;
        if log.is_empty() {
            return Ok(report);
        }
        Err(BundleErrors { what: "file", ..log.into_errors(roster.warnings.clone()) })
    }

    /// Refuses the file as a whole.
    fn refuse(&mut self, at: At, code: ErrorCode, message: impl Into<String>) {
        self.log.report(at, code, message);
    }

    fn warn(&mut self, at: At, message: &str) {
        self.report.warnings.push(if at == At::file(FILE) { message.to_owned() } else { format!("{at}: {message}") });
    }

    /// Warns of each of these, in the order of the file; of no more than [`TOLD`] one by one.
    fn warn_each(&mut self, mut warnings: Vec<(At, String)>) {
        warnings.sort_unstable();
        let more = warnings.len().saturating_sub(TOLD);
        warnings.truncate(TOLD);
        for (at, message) in warnings {
            self.warn(at, &message);
        }
        if more > 0 {
            self.warn(At::file(FILE), &format!("and {more} more warnings like the last one"));
        }
    }

    fn tell(&mut self, step: Step, done: usize, total: usize) {
        let number = |value: usize| u64::try_from(value).unwrap_or(u64::MAX);
        (self.progress)(Progress { step, done: number(done), total: number(total) });
    }

    fn add_row(&mut self, row: Row) -> Option<usize> {
        let rows = self.report.rows.as_mut()?;
        rows.push(row);
        Some(rows.len() - 1)
    }
}
