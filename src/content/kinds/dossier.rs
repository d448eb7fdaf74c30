//! Dossiers.

use serde::{Deserialize, Serialize};

use crate::check::{Checks, TEXT};
use crate::content::kind::{Files, Kind};

/// Documents that belong together, such as those of a meeting.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dossier {
    pub description: Option<String>,
}

impl Kind for Dossier {
    const FIELD: &'static str = "dossier";
    const FILES: Files = Files::Documents;

    fn check(&self, checks: &mut Checks) {
        checks.prose(&Self::at("description"), self.description.as_deref(), TEXT);
    }

    fn texts(&self) -> Vec<&str> {
        self.description.as_deref().into_iter().collect()
    }
}
