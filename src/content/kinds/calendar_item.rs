//! Calendar items.

use chrono::NaiveDateTime;
use serde::{Deserialize, Serialize};

use crate::check::{Checks, NAME, TEXT};
use crate::content::kind::{Files, Happening, Kind, check_order};

/// Something that stands in the calendar. Moments are in UTC.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CalendarItem {
    pub description: Option<String>,
    pub starts_at: NaiveDateTime,
    pub ends_at: Option<NaiveDateTime>,
    /// Whether it is about whole days, whatever the hours are.
    pub all_day: bool,
    pub location: Option<String>,
}

impl Kind for CalendarItem {
    const FIELD: &'static str = "calendarItem";
    const FILES: Files = Files::Documents;

    fn check(&self, checks: &mut Checks) {
        checks.prose(&Self::at("description"), self.description.as_deref(), TEXT);
        checks.line(&Self::at("location"), self.location.as_deref(), NAME);
        check_order(checks, &Self::at("endsAt"), Some(self.starts_at), self.ends_at);
    }

    fn texts(&self) -> Vec<&str> {
        [&self.description, &self.location].into_iter().flatten().map(String::as_str).collect()
    }

    fn happens(&self) -> Option<Happening> {
        Some((self.starts_at, self.ends_at))
    }
}
