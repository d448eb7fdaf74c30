//! What an import did, or would do.

use std::fmt;

use serde::{Serialize, Serializer};

use super::Step;
use super::notes::{Note, NoteKind, Notes};
use super::rows::RowReport;
use crate::exchange::bundle::{At, ErrorCode};
use crate::history::Change;

/// What became of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Outcome {
    /// Its record was not there and was made.
    Created,
    /// Its record was there and was changed.
    Updated,
    /// Its membership or residency was open and was ended.
    Ended,
    /// A link of which the file has no row was taken away.
    Removed,
    /// Its membership was declared a mistake by an administrator, and stays one (M6).
    Annulled,
    /// Its participant has left the group by themselves, and stays out, or has joined by themselves since (S5).
    OptedOut,
    /// Its record was changed in Kring since, and stays as it is there (P6).
    Kept,
    /// It was left out; the other rows were not.
    Refused,
    /// All that it says was stored already.
    Unchanged,
}

impl Outcome {
    /// The word for it in a line of the report.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Ended => "ended",
            Self::Removed => "removed",
            Self::Annulled => "annulled",
            Self::OptedOut => "opted out",
            Self::Kept => "kept",
            Self::Refused => "refused",
            Self::Unchanged => "unchanged",
        }
    }
}

/// How many rows of a file became what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Records made.
    pub created: u64,
    /// Records changed.
    pub updated: u64,
    /// Memberships and residencies ended.
    pub ended: u64,
    /// Links taken away of which the file has no row: components of their composite, guardians of their child.
    pub removed: u64,
    /// Memberships that an administrator had declared a mistake and that were left so.
    pub annulled: u64,
    /// Memberships of participants who have left or joined the group by themselves, and were left as they are.
    pub opted_out: u64,
    /// Rows of which something was left as it was done in Kring. If the rest was written, they count there as well.
    pub kept: u64,
    /// Rows that were left out.
    pub refused: u64,
    /// Records that were stored just so already.
    pub unchanged: u64,
}

impl Tally {
    /// Whether anything was written.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.created + self.updated + self.ended + self.removed == 0
    }

    fn figures(&self) -> [u64; 9] {
        let Self { created, updated, ended, removed, annulled, opted_out, kept, refused, unchanged } = *self;
        [created, updated, ended, removed, annulled, opted_out, kept, refused, unchanged]
    }

    fn add(&mut self, outcome: Outcome) {
        let figure = match outcome {
            Outcome::Created => &mut self.created,
            Outcome::Updated => &mut self.updated,
            Outcome::Ended => &mut self.ended,
            Outcome::Removed => &mut self.removed,
            Outcome::Annulled => &mut self.annulled,
            Outcome::OptedOut => &mut self.opted_out,
            Outcome::Kept => &mut self.kept,
            Outcome::Refused => &mut self.refused,
            Outcome::Unchanged => &mut self.unchanged,
        };
        *figure += 1;
    }
}

pub(super) fn as_text<S: Serializer>(at: &At, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(at)
}

/// What became of a row, on its way into the report.
pub(super) struct Fate<'f> {
    pub step: Step,
    pub at: At,
    /// By which people know the row.
    pub key: &'f dyn fmt::Display,
    pub outcome: Outcome,
    pub changes: &'f [Change],
}

/// What of a row was not taken over, since it was changed in Kring.
pub(super) struct Kept {
    field: String,
    stays: Option<String>,
    said: Option<String>,
}

impl Kept {
    pub(super) fn new(field: &str, stays: Option<String>, said: Option<String>) -> Self {
        Self { field: field.to_owned(), stays, said }
    }

    /// What stays, in words.
    pub(super) fn list(kept: &[Self]) -> String {
        let word = |value: &Option<String>| value.clone().unwrap_or_else(|| EMPTY.to_owned());
        let one =
            |Self { field, stays, said }: &Self| format!("{} stays {}, not {}", column(field), word(stays), word(said));
        kept.iter().map(one).collect::<Vec<_>>().join("; ")
    }
}

/// How a value is shown that is not there.
pub(super) const EMPTY: &str = "(empty)";

/// The column of a field that has a name in the graph: `birthDate` is `birth_date`.
pub(super) fn column(field: &str) -> String {
    let mut column = String::with_capacity(field.len() + 2);
    for letter in field.chars() {
        if letter.is_ascii_uppercase() {
            column.push('_');
        }
        column.push(letter.to_ascii_lowercase());
    }
    column
}

/// What an import did, or, of a dry run, would do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whether nothing of it was kept.
    pub dry_run: bool,
    /// Whether it lists every row; else a dry run lists those that would change what is stored.
    pub each_row: bool,
    /// `categories.csv`.
    pub categories: Tally,
    /// `participants.csv`.
    pub participants: Tally,
    /// `groups.csv`.
    pub groups: Tally,
    /// `group_components.csv`.
    pub components: Tally,
    /// Codes of reasons that were made because a membership has them.
    pub reasons: Tally,
    /// `memberships.csv`.
    pub memberships: Tally,
    /// `residencies.csv`.
    pub residencies: Tally,
    /// `guardians.csv`.
    pub guardians: Tally,
    /// External ids of groups that are in no `groups.csv` any more and were made, closed, to keep the memberships that
    /// people had in them.
    pub placeholders: Vec<String>,
    /// What did not stop the import and may still not be what the sender meant.
    pub warnings: Vec<String>,
    /// What was left as it is in Kring, what was left out, and what else is worth knowing, row by row.
    pub notes: Notes,
    /// What became of the rows that are listed, by file and line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<Vec<RowReport>>,
}

/// How wide a column of figures is.
const WIDTH: usize = 9;
/// How wide the names of the rows are.
const NAME: usize = 12;

const HEADINGS: [&str; 9] =
    ["created", "updated", "ended", "removed", "annulled", "opted out", "kept", "refused", "unchanged"];

impl Report {
    pub(super) fn new(dry_run: bool, each_row: bool, warnings: Vec<String>) -> Self {
        let rows = (each_row || dry_run).then(Vec::new);
        Self { dry_run, each_row, warnings, rows, ..Self::default() }
    }

    /// Whether nothing was written.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.placeholders.is_empty() && self.tallies().iter().all(|(_, tally)| tally.is_idle())
    }

    fn tallies(&self) -> [(&'static str, &Tally); 8] {
        [
            ("categories", &self.categories),
            ("participants", &self.participants),
            ("groups", &self.groups),
            ("components", &self.components),
            ("reasons", &self.reasons),
            ("memberships", &self.memberships),
            ("residencies", &self.residencies),
            ("guardians", &self.guardians),
        ]
    }

    fn tally(&mut self, step: Step) -> &mut Tally {
        match step {
            Step::Categories => &mut self.categories,
            Step::Participants => &mut self.participants,
            Step::Groups => &mut self.groups,
            Step::Components => &mut self.components,
            Step::Memberships => &mut self.memberships,
            Step::Residencies => &mut self.residencies,
            Step::Guardians => &mut self.guardians,
        }
    }

    /// Counts a row that was stored just so.
    pub(super) fn unchanged(&mut self, step: Step, at: At, key: &dyn fmt::Display) {
        self.count(&Fate { step, at, key, outcome: Outcome::Unchanged, changes: &[] }, None);
    }

    /// Counts a row. A note says what of it was left as it is in Kring.
    pub(super) fn count(&mut self, fate: &Fate<'_>, note: Option<&str>) {
        let Fate { step, at, outcome, .. } = *fate;
        self.tally(step).add(outcome);
        if let Some(note) = note {
            if matches!(outcome, Outcome::Created | Outcome::Updated | Outcome::Ended) {
                self.tally(step).kept += 1;
            }
            self.notes.add(Note { at, kind: NoteKind::Kept, message: note.to_owned(), code: None });
        }
        self.list(fate, note);
    }

    /// Counts a row that was left out, and says why.
    pub(super) fn refuse(&mut self, step: Step, at: At, key: &dyn fmt::Display, code: ErrorCode, message: &str) {
        self.tally(step).refused += 1;
        self.notes.add(Note { at, kind: NoteKind::Refused, message: message.to_owned(), code: Some(code) });
        self.list(&Fate { step, at, key, outcome: Outcome::Refused, changes: &[] }, Some(message));
    }

    fn list(&mut self, fate: &Fate<'_>, note: Option<&str>) {
        let wanted = self.each_row || matches!(fate.outcome, Outcome::Updated | Outcome::Ended | Outcome::Removed);
        let Some(rows) = self.rows.as_mut().filter(|_| wanted) else { return };
        let changed = if fate.outcome == Outcome::Created { Vec::new() } else { fate.changes.to_vec() };
        rows.push(RowReport {
            at: fate.at,
            key: fate.key.to_string(),
            outcome: fate.outcome,
            changed,
            note: note.map(ToOwned::to_owned),
        });
    }
}

impl fmt::Display for Report {
    /// A small table of the files that had rows, without the columns in which there is nothing; then the rows if there
    /// are any, the notes and the warnings.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows: Vec<(&str, [u64; 9])> = self
            .tallies()
            .into_iter()
            .map(|(name, tally)| (name, tally.figures()))
            .filter(|(_, figures)| figures.iter().any(|figure| *figure > 0))
            .collect();
        table(f, if self.dry_run { "dry run" } else { "" }, &HEADINGS, &rows)?;
        for row in self.rows.iter().flatten() {
            write!(f, "\n{row}")?;
        }
        write!(f, "{}", self.notes)?;
        for warning in &self.warnings {
            write!(f, "\nwarning: {warning}")?;
        }
        Ok(())
    }
}

/// A table of figures without the columns in which there is nothing.
pub(super) fn table<const N: usize>(
    f: &mut fmt::Formatter<'_>,
    title: &str,
    headings: &[&str; N],
    rows: &[(&str, [u64; N])],
) -> fmt::Result {
    let columns: Vec<(&str, usize)> = headings
        .iter()
        .enumerate()
        .filter(|(place, _)| rows.iter().any(|(_, figures)| figures.get(*place).is_some_and(|figure| *figure > 0)))
        .map(|(place, heading)| (*heading, place))
        .collect();
    write!(f, "{title:<NAME$}")?;
    for (heading, _) in &columns {
        write!(f, "  {heading:>WIDTH$}")?;
    }
    for (name, figures) in rows {
        write!(f, "\n{name:<NAME$}")?;
        for figure in columns.iter().filter_map(|(_, place)| figures.get(*place)) {
            write!(f, "  {figure:>WIDTH$}")?;
        }
    }
    Ok(())
}
