//! What is not read, and how often it stands in a file.

use std::collections::BTreeMap;

use super::model::PassedOver;
use crate::exchange::bundle::{At, Warning, WarningCode};

/// How many different things of each sort are named. A file can make up as many names as it likes.
const NAMED: usize = 100;

/// Counts what is passed over.
#[derive(Debug, Default)]
pub(super) struct Passed {
    known: BTreeMap<String, u64>,
    unknown: BTreeMap<String, (At, u64)>,
}

impl Passed {
    /// Counts something that the standard knows and that is not kept.
    pub(super) fn known(&mut self, what: String) {
        if let Some(times) = self.known.get_mut(&what) {
            *times += 1;
        } else if self.known.len() < NAMED {
            self.known.insert(what, 1);
        }
    }

    /// Counts something that nobody knows here.
    pub(super) fn unknown(&mut self, at: At, what: String) {
        if let Some((_, times)) = self.unknown.get_mut(&what) {
            *times += 1;
        } else if self.unknown.len() < NAMED {
            self.unknown.insert(what, (at, 1));
        }
    }

    /// What was known, and a warning for each thing that was not.
    pub(super) fn finish(self) -> (Vec<PassedOver>, Vec<Warning>) {
        let known = self.known.into_iter().map(|(what, times)| PassedOver { what, times }).collect();
        (known, self.unknown.into_iter().map(warning).collect())
    }
}

fn warning((what, (at, times)): (String, (At, u64))) -> Warning {
    let times = if times == 1 { "once".to_owned() } else { format!("{times} times") };
    let message = format!("the {what} is not known here and was passed over, {times}; this is the first place");
    Warning { code: WarningCode::UnknownElement, file: at.to_string(), message }
}
