//! Pages.

use serde::{Deserialize, Serialize};

use crate::check::{Checks, LABEL, TEXT};
use crate::content::kind::{Files, Kind};
use crate::error::Code;

/// A page of the website or of the portal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// The last part of its address.
    pub slug: Option<String>,
    pub body: String,
}

impl Kind for Page {
    const FIELD: &'static str = "page";
    const FILES: Files = Files::Documents;

    fn check(&self, checks: &mut Checks) {
        checks.required_prose(&Self::at("body"), Some(&self.body), 5 * TEXT);
        checks.line(&Self::at("slug"), self.slug.as_deref(), LABEL);
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if self.slug.as_deref().is_some_and(|slug| !slug.chars().all(plain)) {
            let message = "This may hold lower-case letters, digits and hyphens.";
            checks.refuse(Code::InvalidValue, &Self::at("slug"), message);
        }
    }

    fn texts(&self) -> Vec<&str> {
        vec![&self.body]
    }
}
