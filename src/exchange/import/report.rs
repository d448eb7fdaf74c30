//! What an import did, or would do.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::exchange::bundle::At;
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
    /// Its membership was declared a mistake by an administrator, and stays one (M6).
    Annulled,
    /// Its participant has left the group by themselves, and stays out, or has joined by themselves since (S5).
    OptedOut,
    /// All that it says was stored already.
    Unchanged,
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
    /// Components taken out of their composite, of which the file has no row.
    pub removed: u64,
    /// Memberships that an administrator had declared a mistake and that were left so.
    pub annulled: u64,
    /// Memberships of participants who have left or joined the group by themselves, and were left as they are.
    pub opted_out: u64,
    /// Records that were stored just so already.
    pub unchanged: u64,
}

impl Tally {
    /// Whether anything was written.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.created + self.updated + self.ended + self.removed == 0
    }

    fn figures(&self) -> [u64; 7] {
        [self.created, self.updated, self.ended, self.removed, self.annulled, self.opted_out, self.unchanged]
    }

    fn add(&mut self, outcome: Outcome) {
        let figure = match outcome {
            Outcome::Created => &mut self.created,
            Outcome::Updated => &mut self.updated,
            Outcome::Ended => &mut self.ended,
            Outcome::Annulled => &mut self.annulled,
            Outcome::OptedOut => &mut self.opted_out,
            Outcome::Unchanged => &mut self.unchanged,
        };
        *figure += 1;
    }
}

/// What became of one row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RowReport {
    /// Where the row begins, as `file:line:column`.
    #[serde(serialize_with = "as_text")]
    pub at: At,
    /// What became of it.
    pub outcome: Outcome,
    /// The fields of a stored record that changed, by their names in the graph.
    pub changed: Vec<String>,
}

pub(super) fn as_text<S: Serializer>(at: &At, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(at)
}

/// What an import did, or, of a dry run, would do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whether nothing of it was kept.
    pub dry_run: bool,
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
    /// What became of each row, by file and line; only if it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<Vec<RowReport>>,
}

/// How wide a column of figures is.
const WIDTH: usize = 9;
/// How wide the names of the rows are.
const NAME: usize = 12;

const HEADINGS: [&str; 7] = ["created", "updated", "ended", "removed", "annulled", "opted out", "unchanged"];

impl Report {
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

    /// Counts a row.
    pub(super) fn count(&mut self, at: At, outcome: Outcome, changes: &[Change]) {
        let tally = match at.file {
            "categories.csv" => &mut self.categories,
            "participants.csv" => &mut self.participants,
            "groups.csv" => &mut self.groups,
            "group_components.csv" => &mut self.components,
            "memberships.csv" => &mut self.memberships,
            "residencies.csv" => &mut self.residencies,
            _ => &mut self.guardians,
        };
        tally.add(outcome);
        if let Some(rows) = &mut self.rows {
            let fields = changes.iter().filter(|_| outcome != Outcome::Created).map(|change| change.field.clone());
            rows.push(RowReport { at, outcome, changed: fields.collect() });
        }
    }
}

impl fmt::Display for Report {
    /// A small table of the files that had rows, without the columns in which there is nothing.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows: Vec<(&str, [u64; 7])> = self
            .tallies()
            .into_iter()
            .map(|(name, tally)| (name, tally.figures()))
            .filter(|(_, figures)| figures.iter().any(|figure| *figure > 0))
            .collect();
        table(f, if self.dry_run { "dry run" } else { "" }, &HEADINGS, &rows)?;
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
