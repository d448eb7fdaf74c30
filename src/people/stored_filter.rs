//! Filters as the database holds them: written as JSON, and read back whatever stands there.
//!
//! A filter that cannot be read is its own group's misfortune and nobody else's: statements compute the filters of many
//! groups at once, of all organizations. So reading never fails; what comes of such a filter finds nobody.

use std::collections::HashSet;
use std::sync::{LazyLock, Mutex, PoisonError};

use super::filter::ParticipantFilter;
use crate::error::Error;

impl ParticipantFilter {
    /// Reads the stored filter of a group.
    pub fn read(group: i64, text: &str) -> Self {
        let reason = match serde_json::from_str::<Self>(text) {
            Ok(filter) if filter.can_be_compared() => return filter,
            Ok(_) => "it holds a NUL character".to_owned(),
            Err(error) => error.to_string(),
        };
        report(group, &reason);
        Self { unreadable: Some(text.to_owned()), ..Self::default() }
    }

    /// The filter as it is stored.
    ///
    /// # Errors
    /// `Internal` when it cannot be written as JSON.
    pub fn write(&self) -> Result<String, Error> {
        match &self.unreadable {
            Some(text) => Ok(text.clone()),
            None => serde_json::to_string(self).map_err(|error| Error::internal(error.to_string())),
        }
    }

    /// Whether its texts can be sent to the database: PostgreSQL takes no text with a NUL.
    fn can_be_compared(&self) -> bool {
        let texts = [&self.search, &self.complex_number, &self.dwelling_type, &self.city, &self.postal_code];
        let ids = self.external_ids.iter().flatten();
        texts.into_iter().flatten().chain(ids).all(|text| !text.contains('\0'))
    }
}

/// Tells the log once, and not with every statement that computes the group.
fn report(group: i64, reason: &str) {
    static TOLD: LazyLock<Mutex<HashSet<i64>>> = LazyLock::new(Mutex::default);
    if TOLD.lock().unwrap_or_else(PoisonError::into_inner).insert(group) {
        tracing::warn!(group, reason, "the filter of this group cannot be read, so that nobody is a member of it");
    }
}
