//! Activities.

use chrono::NaiveDateTime;
use serde::{Deserialize, Serialize};

use crate::check::{Checks, NAME, TEXT};
use crate::content::kind::{Files, Happening, Kind, check_order};

/// Something that people do together. Moments are in UTC.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activity {
    pub description: Option<String>,
    pub starts_at: Option<NaiveDateTime>,
    pub ends_at: Option<NaiveDateTime>,
    pub location: Option<String>,
    pub organizer: Option<String>,
}

impl Kind for Activity {
    const FIELD: &'static str = "activity";
    const FILES: Files = Files::Documents;

    fn check(&self, checks: &mut Checks) {
        checks.prose(&Self::at("description"), self.description.as_deref(), TEXT);
        checks.line(&Self::at("location"), self.location.as_deref(), NAME);
        checks.line(&Self::at("organizer"), self.organizer.as_deref(), NAME);
        if self.starts_at.is_none() && self.ends_at.is_some() {
            checks.required(&Self::at("startsAt"), None, TEXT);
        }
        check_order(checks, &Self::at("endsAt"), self.starts_at, self.ends_at);
    }

    fn texts(&self) -> Vec<&str> {
        [&self.description, &self.location, &self.organizer].into_iter().flatten().map(String::as_str).collect()
    }

    fn happens(&self) -> Option<Happening> {
        self.starts_at.map(|start| (start, self.ends_at))
    }
}
