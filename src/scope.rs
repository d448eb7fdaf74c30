//! Who asks, and as of which moment.

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use chrono_tz::Tz;

use crate::access::Viewer;
use crate::access::link::Links;
use crate::db::text_enum::text_enum;

text_enum! {
    /// What brings in data of other systems. History keeps it beside each change.
    Source {
        /// A bundle of CSV files.
        Bundle = "BUNDLE",
        /// The roster of a school.
        Roster = "ROSTER",
    }
}

/// Where the time comes from; tests set their own.
#[derive(Clone, Copy, Debug, Default)]
pub enum Clock {
    /// The machine's clock.
    #[default]
    System,
    /// Always this moment.
    Fixed(DateTime<Utc>),
}

impl Clock {
    /// The present moment.
    #[expect(clippy::disallowed_methods, reason = "the one place where the machine's clock is read")]
    pub fn now(self) -> DateTime<Utc> {
        match self {
            Self::System => Utc::now(),
            Self::Fixed(moment) => moment,
        }
    }
}

/// What one request knows about itself; it travels with every read and write.
#[derive(Clone, Debug)]
pub struct Scope {
    /// Who asks.
    pub viewer: Viewer,
    /// When, in UTC.
    pub now: DateTime<Utc>,
    /// What says how late it is by now.
    pub clock: Clock,
    /// The calendar date of that moment where the organization is.
    pub today: NaiveDate,
    /// Whether new members can be written to.
    pub mail: bool,
    /// Where the organization is.
    pub zone: Tz,
    /// What makes links to files; none where no files are kept.
    pub links: Option<Links>,
    /// The import that is at work; none where people do something in Kring itself.
    pub source: Option<Source>,
}

impl Scope {
    /// The scope of one request or command.
    pub fn new(viewer: Viewer, clock: Clock, zone: Tz) -> Self {
        let now = clock.now();
        let today = now.with_timezone(&zone).date_naive();
        Self { viewer, now, clock, today, mail: false, zone, links: None, source: None }
    }

    /// The same where new members can be written to, or not.
    #[must_use]
    pub fn with_mail(self, mail: bool) -> Self {
        Self { mail, ..self }
    }

    /// The same where files are kept.
    #[must_use]
    pub fn with_links(self, links: Option<Links>) -> Self {
        Self { links, ..self }
    }

    /// The same for what an import does.
    #[must_use]
    pub fn importing(&self, source: Source) -> Self {
        Self { source: Some(source), ..self.clone() }
    }

    /// The moment as it is stored.
    pub fn instant(&self) -> NaiveDateTime {
        stored(self.now)
    }

    /// The calendar date of a stored moment where the organization is.
    pub fn day(&self, at: NaiveDateTime) -> NaiveDate {
        at.and_utc().with_timezone(&self.zone).date_naive()
    }

    /// When what is at work now is surely kept, as it is stored: a tenth of the time is left for that.
    pub fn settled(&self) -> NaiveDateTime {
        let now = self.clock.now();
        stored(now + (now - self.now).max(chrono::Duration::zero()) / 10)
    }
}

/// SQLite keeps text: a fixed number of digits keeps its order the order of time.
fn stored(moment: DateTime<Utc>) -> NaiveDateTime {
    DateTime::from_timestamp_micros(moment.timestamp_micros()).unwrap_or(moment).naive_utc()
}
