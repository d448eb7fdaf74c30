//! Newsletters.

use serde::{Deserialize, Serialize};

use crate::check::{Checks, TEXT};
use crate::content::kind::{Files, Kind};

/// A letter to all whom it is available to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Newsletter {
    pub summary: Option<String>,
    pub body: String,
}

impl Kind for Newsletter {
    const FIELD: &'static str = "newsletter";
    const FILES: Files = Files::Documents;

    fn check(&self, checks: &mut Checks) {
        checks.prose(&Self::at("summary"), self.summary.as_deref(), 1_000);
        checks.required_prose(&Self::at("body"), Some(&self.body), 5 * TEXT);
    }

    fn texts(&self) -> Vec<&str> {
        self.summary.as_deref().into_iter().chain([self.body.as_str()]).collect()
    }
}
