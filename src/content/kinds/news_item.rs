//! News items.

use serde::{Deserialize, Serialize};

use crate::check::{Checks, TEXT};
use crate::content::kind::{Files, Kind};

/// A message to read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewsItem {
    pub summary: Option<String>,
    pub body: String,
}

impl Kind for NewsItem {
    const FIELD: &'static str = "newsItem";
    const FILES: Files = Files::Documents;

    fn check(&self, checks: &mut Checks) {
        checks.prose(&Self::at("summary"), self.summary.as_deref(), 1_000);
        checks.required_prose(&Self::at("body"), Some(&self.body), TEXT);
    }

    fn texts(&self) -> Vec<&str> {
        self.summary.as_deref().into_iter().chain([self.body.as_str()]).collect()
    }
}
