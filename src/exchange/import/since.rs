//! What was done in Kring itself since a bundle said something of a record: it stands (P6).
//!
//! History tells it. A value that is still what a bundle made of it last is the sender's to correct. Any other was
//! changed since, by a person, by a year transition or by the roster of a school.

use std::collections::{HashMap, HashSet};

use super::batch::CHUNK;
use crate::db::Conn;
use crate::error::Error;
use crate::history::{self, Action, Entity, Fields, Past};
use crate::scope::Source;

/// Where a stored value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Maker {
    /// A bundle.
    Bundle,
    /// Whoever made the record in Kring; nobody has changed the value since.
    Creation,
    /// Somebody changed it in Kring.
    Hand,
    /// History does not know.
    Unknown,
}

/// The history of one record.
#[derive(Debug, Default)]
struct Record {
    /// Whether a bundle made it.
    by_bundle: bool,
    /// What bundles made of fields last.
    bundle: HashMap<String, Option<String>>,
    /// Fields that were changed in Kring.
    touched: HashSet<String>,
}

/// The histories of records.
#[derive(Debug, Default)]
pub(super) struct Since {
    records: HashMap<i64, Record>,
    /// The values that a new record has and of which its history says nothing.
    unsaid: Fields,
}

impl Since {
    /// Reads the histories of these records.
    ///
    /// # Errors
    /// What the database answers.
    pub(super) fn load(conn: &mut Conn, entity: Entity, ids: &[i64]) -> Result<Self, Error> {
        let mut since = Self::default();
        for ids in ids.chunks(CHUNK) {
            for past in history::pasts(conn, entity, ids)? {
                since.add(past);
            }
        }
        Ok(since)
    }

    /// The same where the history of a new record leaves out some values.
    #[must_use]
    pub(super) fn with_unsaid(self, unsaid: Fields) -> Self {
        Self { unsaid, ..self }
    }

    fn add(&mut self, past: Past) {
        let record = self.records.entry(past.entity_id).or_default();
        let by_bundle = past.source == Some(Source::Bundle);
        record.by_bundle |= by_bundle && past.action == Action::Created;
        for change in past.changes {
            if by_bundle {
                record.bundle.insert(change.field, change.after);
            } else if past.action != Action::Created {
                record.touched.insert(change.field);
            }
        }
    }

    /// Where the value of a field comes from, which history writes as `current`.
    pub(super) fn maker(&self, id: i64, field: &str, current: Option<&str>) -> Maker {
        let Some(record) = self.records.get(&id) else { return Maker::Unknown };
        let said = match record.bundle.get(field) {
            Some(said) => said.as_deref(),
            // A field that is not in the entry of the creation was left as it is in a new record.
            None if record.by_bundle => {
                let unsaid = self.unsaid.iter().find(|(unsaid, _)| *unsaid == field);
                unsaid.and_then(|(_, value)| value.as_deref())
            }
            None if record.touched.contains(field) => return Maker::Hand,
            None => return Maker::Creation,
        };
        if said == current { Maker::Bundle } else { Maker::Hand }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Change;

    fn past(action: Action, source: Option<Source>, changes: &[(&str, Option<&str>)]) -> Past {
        let change = |(field, after): &(&str, Option<&str>)| Change {
            field: (*field).to_owned(),
            before: None,
            after: after.map(ToOwned::to_owned),
        };
        Past { entity_id: 1, action, source, changes: changes.iter().map(change).collect() }
    }

    fn since(pasts: impl IntoIterator<Item = Past>) -> Since {
        let mut since = Since::default();
        pasts.into_iter().for_each(|past| since.add(past));
        since
    }

    #[test]
    fn p6_what_a_bundle_said_last_is_the_senders_and_all_else_is_not() {
        let bundle = Some(Source::Bundle);
        let made = || past(Action::Created, bundle, &[("role", Some("MEMBER"))]);
        let ended = || past(Action::Ended, None, &[("endDate", Some("2026-11-30"))]);
        let reopened = || past(Action::Updated, None, &[("endDate", None)]);
        let kept = since([made(), ended()]);
        assert_eq!(kept.maker(1, "endDate", Some("2026-11-30")), Maker::Hand);
        assert_eq!(kept.maker(1, "role", Some("MEMBER")), Maker::Bundle);
        assert_eq!(kept.maker(2, "role", Some("MEMBER")), Maker::Unknown);
        // Somebody took back what they had done: the value is again what the bundle said.
        assert_eq!(since([made(), ended(), reopened()]).maker(1, "endDate", None), Maker::Bundle);
        let by_hand = past(Action::Created, None, &[("role", Some("MEMBER"))]);
        let by_hand = since([by_hand, ended()]);
        assert_eq!(by_hand.maker(1, "role", Some("MEMBER")), Maker::Creation);
        assert_eq!(by_hand.maker(1, "endDate", Some("2026-11-30")), Maker::Hand);
        let roster = since([made(), past(Action::Ended, Some(Source::Roster), &[("endDate", Some("2026-10-01"))])]);
        assert_eq!(roster.maker(1, "endDate", Some("2026-10-01")), Maker::Hand);
    }
}
