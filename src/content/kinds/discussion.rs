//! Discussions.

use serde::{Deserialize, Serialize};

use crate::check::{Checks, TEXT};
use crate::content::kind::Kind;

/// A place to talk, in topics with replies.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Discussion {
    pub description: Option<String>,
    /// Whether nobody can write any more.
    pub closed: bool,
}

impl Kind for Discussion {
    const FIELD: &'static str = "discussion";

    fn check(&self, checks: &mut Checks) {
        checks.prose(&Self::at("description"), self.description.as_deref(), TEXT);
    }

    fn texts(&self) -> Vec<&str> {
        self.description.as_deref().into_iter().collect()
    }
}
