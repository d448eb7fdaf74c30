//! Brings a bundle into the database: all of it in one transaction, or nothing.
//!
//! Records are found again by their external id and memberships by group, participant and period, so that a bundle can
//! be imported any number of times: what is stored already is left alone, and a second run writes nothing. A row that
//! differs from what is stored corrects it; what was done in Kring itself since stays and is told (P6). What is stored and
//! not in the bundle stays as it is, except for the components of a composite that the bundle names.
//!
//! ```text
//! aliases        the ids that the API prints, where an external id is asked for
//! known          the records that the bundle names, as they are stored
//! references     what the bundle refers to and does not hold itself; groups that are gone
//! categories, participants, groups, components, memberships, residencies, guardians
//!                a file each: compare, refuse, write what differs
//! settings       what a row makes of a group, and the rules that a group keeps
//! cycles         circles among groups, once they are written (G4)
//! periods        rows and stored periods of the same pair
//! reasons        codes, made when new
//! duplicates     people who are probably known already
//! since          what was done in Kring itself, and stays
//! settle         which periods can stand beside each other
//! journal        the history of all of it (M7)
//! batch          many rows in one statement
//! cells          what an empty cell means
//! report         how many rows became what; rows and notes one by one
//! roster         the same for a roster, which says who is where on a day
//! ```
//!
//! Every step does its work even after a row was refused, leaving that row out, so that all that is wrong is told at
//! once; nothing is kept then. A dry run is the same work, taken back.

mod aliases;
mod batch;
mod categories;
mod cells;
mod components;
mod cycles;
mod duplicates;
mod groups;
mod guardians;
mod journal;
mod keeper;
mod known;
mod memberships;
mod notes;
mod participants;
mod periods;
mod reasons;
mod references;
mod report;
mod residencies;
pub mod roster;
mod rows;
mod settings;
mod settle;
mod since;
mod words;

use std::fmt;

use crate::db::{Conn, Db};
use crate::error::Error;
use crate::exchange::bundle::{At, Bundle, BundleErrors, Log};
use crate::groups::store::lock_composition;
use crate::id::{self, Kind};
use crate::members::derive::{Derivation, Seeds, Whom};
use crate::scope::{Scope, Source};

pub use notes::{Note, NoteKind, Notes};
pub use report::{Outcome, Report, Tally};
pub use rows::RowReport;

use cells::Emptied;
use journal::Journal;
use keeper::Keeper;
use known::{Known, Namespace};

/// Fewer memberships than this may end whatever share of all they are.
pub const FAIL_SAFE_FLOOR: u64 = 25;

/// How to import.
#[derive(Clone, Debug)]
pub struct Options {
    /// Only say what would happen.
    pub dry_run: bool,
    /// The organization that gets the participants that are new, and the groups that are new and name none. Records
    /// that another organization keeps are then not the bundle's to change.
    pub organization: Option<Owner>,
    /// The fail-safe against a bundle that went wrong at its source: the largest share, in percent, of the open
    /// memberships of the groups that it names that may end. A run that would end more, and no fewer than
    /// [`FAIL_SAFE_FLOOR`], is refused.
    pub end_limit: u8,
    /// Whether an empty cell empties what is stored. Otherwise it leaves it alone.
    pub empty_clears: bool,
    /// The largest share of the stored values of a column, in percent, that empty cells may empty. A run that would empty
    /// more, and no fewer than [`FAIL_SAFE_FLOOR`], is refused.
    pub empty_limit: u8,
    /// Whether the report says what became of each row, and not only of those that a dry run would change.
    pub each_row: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            dry_run: false,
            organization: None,
            end_limit: 25,
            empty_clears: false,
            empty_limit: 25,
            each_row: false,
        }
    }
}

/// The organization for which a bundle is imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// The participant with this key.
    Id(i64),
    /// The participant with this external id, which may be in the bundle itself.
    ExternalId(String),
}

impl Owner {
    /// The organization with this external id, or with this id as the API prints it.
    #[must_use]
    pub fn named(name: String) -> Self {
        match id::decode_as(Kind::Participant, &name) {
            Some(id) => Self::Id(id),
            None => Self::ExternalId(name),
        }
    }
}

/// Why nothing was imported.
#[derive(Debug)]
pub enum Failure {
    /// Rows of the bundle cannot be imported; each is named with its place.
    Refused(BundleErrors),
    /// Something else stood in the way.
    Error(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl From<BundleErrors> for Failure {
    fn from(errors: BundleErrors) -> Self {
        Self::Refused(errors)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(errors) => errors.fmt(f),
            Self::Error(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Failure {}

/// How far an import is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What is being imported.
    pub step: Step,
    /// How many of its rows are done.
    pub done: u64,
    /// How many there are.
    pub total: u64,
}

/// What is being imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Categories,
    Participants,
    Groups,
    Components,
    Memberships,
    Residencies,
    Guardians,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Categories => "categories",
            Self::Participants => "participants",
            Self::Groups => "groups",
            Self::Components => "components",
            Self::Memberships => "memberships",
            Self::Residencies => "residencies",
            Self::Guardians => "guardians",
        })
    }
}

/// Imports a bundle in one transaction. `progress` hears how far it is.
///
/// # Errors
/// [`Failure::Refused`] names every row that cannot be imported, by file, line and column; [`Failure::Error`] is a
/// viewer who may not import, somebody else's change in the meantime, or the database. Nothing is kept then.
pub fn import(
    db: &Db,
    scope: &Scope,
    bundle: &Bundle,
    options: &Options,
    progress: &mut dyn FnMut(Progress),
) -> Result<Report, Failure> {
    let scope = scope.importing(Source::Bundle);
    let outcome = db.write_if(|conn| {
        let mut run = Run::new(conn, &scope, bundle, options, progress);
        run.everything()?;
        let outcome = run.finish();
        let keep = outcome.is_ok() && !options.dry_run;
        Ok((outcome, keep))
    })?;
    Ok(outcome?)
}

/// One import at work.
struct Run<'r> {
    conn: &'r mut Conn,
    scope: &'r Scope,
    bundle: &'r Bundle,
    options: &'r Options,
    progress: &'r mut dyn FnMut(Progress),
    /// For which organization it is.
    keeper: Keeper,
    /// Whose external ids it speaks of.
    namespace: Namespace,
    /// Whether it changes what groups are made of or lead to, and holds off everybody else who does.
    composes: bool,
    known: Known,
    log: Log,
    report: Report,
    emptied: Emptied,
    /// The people that were registered, and the places of their rows.
    newcomers: Vec<(At, i64)>,
    journal: Journal,
}

impl<'r> Run<'r> {
    fn new(
        conn: &'r mut Conn,
        scope: &'r Scope,
        bundle: &'r Bundle,
        options: &'r Options,
        progress: &'r mut dyn FnMut(Progress),
    ) -> Self {
        let warnings = bundle.warnings.iter().map(ToString::to_string).collect();
        let report = Report::new(options.dry_run, options.each_row, warnings);
        Self {
            conn,
            scope,
            bundle,
            options,
            progress,
            keeper: Keeper::Nobody,
            namespace: Namespace::Anybody,
            composes: false,
            known: Known::default(),
            log: Log::default(),
            report,
            emptied: Emptied::default(),
            newcomers: Vec::new(),
            journal: Journal::default(),
        }
    }

    fn everything(&mut self) -> Result<(), Error> {
        self.look_up()?;
        self.keeper = self.find_keeper()?;
        self.check_aliases();
        let gone = self.references();
        // What groups are made of is locked before anything else is, or not at all: an import that leaves it alone
        // must not hold up others who change it.
        self.composes = self.composes()?;
        if self.composes {
            lock_composition(self.conn)?;
        }
        // Taken now as well, since whoever waits for it holds no other rows.
        Derivation::prepare_alone(self.conn, Seeds::Everything)?;
        self.categories()?;
        self.participants()?;
        self.groups(&gone)?;
        self.components()?;
        if self.composes {
            self.cycles()?;
        }
        self.memberships()?;
        self.residencies()?;
        self.guardians()?;
        self.empty_fail_safe();
        Derivation::prepare(self.conn, Seeds::Everything)?.follow(self.conn, self.scope, Whom::Everybody)?;
        Ok(())
    }

    fn finish(mut self) -> Result<Report, BundleErrors> {
        self.finish_rows();
        let Self { bundle, log, report, .. } = self;
        if log.is_empty() { Ok(report) } else { Err(log.into_errors(bundle.warnings.clone())) }
    }

    fn tell(&mut self, step: Step, done: usize, total: usize) {
        let number = |value: usize| u64::try_from(value).unwrap_or(u64::MAX);
        (self.progress)(Progress { step, done: number(done), total: number(total) });
    }
}
