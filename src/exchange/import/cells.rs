//! What an empty cell means, and the fail-safe against files in which too many are.

use std::collections::{BTreeMap, HashSet};

use super::report::column;
use super::{FAIL_SAFE_FLOOR, Run};
use crate::exchange::bundle::{At, ErrorCode};
use crate::history::Fields;

/// The columns of a file, and what its empty cells mean.
#[derive(Clone, Debug)]
pub(super) struct Cells {
    columns: HashSet<&'static str>,
    clear: bool,
}

impl Cells {
    /// What a cell makes of what is stored. A column that is not there leaves it alone, and so does an empty cell unless
    /// empty cells were said to clear.
    pub(super) fn over<T>(&self, column: &str, said: Option<T>, stored: Option<T>) -> Option<T> {
        said.or(if self.clears(column) { None } else { stored })
    }

    /// Whether an empty cell of a column clears what is stored.
    pub(super) fn clears(&self, column: &str) -> bool {
        self.clear && self.columns.contains(column)
    }
}

/// How many values of a column there were, and how many of them a bundle empties.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    emptied: u64,
    stored: u64,
}

/// What a bundle empties, by file and column.
#[derive(Debug, Default)]
pub(super) struct Emptied {
    counts: BTreeMap<(&'static str, &'static str), Count>,
}

impl Emptied {
    /// Counts what a row empties of what is stored.
    pub(super) fn add(&mut self, cells: &Cells, file: &'static str, stored: &Fields, wanted: &Fields) {
        if !cells.clear {
            return;
        }
        for ((field, before), (_, after)) in stored.iter().zip(wanted) {
            if before.is_some() {
                let count = self.counts.entry((file, *field)).or_default();
                count.stored += 1;
                count.emptied += u64::from(after.is_none());
            }
        }
    }
}

impl Run<'_> {
    /// The columns that a file of the bundle has.
    pub(super) fn cells(&self, file: &str) -> Cells {
        let file = self.bundle.files.iter().find(|found| found.name == file);
        let columns = file.map(|file| file.columns.iter().copied().collect()).unwrap_or_default();
        Cells { columns, clear: self.options.empty_clears }
    }

    /// Refuses a bundle that would empty more of a column than the set share.
    pub(super) fn empty_fail_safe(&mut self) {
        let limit = u64::from(self.options.empty_limit);
        for ((file, field), Count { emptied, stored }) in std::mem::take(&mut self.emptied.counts) {
            if emptied >= FAIL_SAFE_FLOOR && emptied.saturating_mul(100) > stored.saturating_mul(limit) {
                let message = format!(
                    "{emptied} of {stored} values of {} would be emptied, more than the {limit} % that may; if this is \
                     meant, allow more (--empty-limit)",
                    column(field)
                );
                self.log.report(At::file(file), ErrorCode::TooManyEmptied, message);
            }
        }
    }
}
