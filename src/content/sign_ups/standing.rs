//! Which entries of forms hold or wait for a place, in their order.
//!
//! An entry that was withdrawn holds none. Neither does one of somebody to whom the form was no longer shown on some day
//! since: it has lapsed, the place is free, and the next moves up.

use std::collections::{HashMap, HashSet};

use super::store;
use crate::content::staying::{Taken, lost};
use crate::db::Conn;
use crate::error::Error;
use crate::groups::composition::Compositions;
use crate::scope::Scope;

/// The entries of some forms that were not withdrawn.
#[derive(Debug, Default)]
pub struct Standing {
    /// Of each form, how many hold or wait for a place.
    counts: HashMap<i64, i64>,
    /// Where each of those stands in the order of its form, from 1.
    ranks: HashMap<i64, i64>,
    lapsed: HashSet<i64>,
}

impl Standing {
    /// Of these forms, in a number of statements that does not depend on how many entries they have.
    ///
    /// # Errors
    /// What the database answers.
    pub fn load(conn: &mut Conn, scope: &Scope, compositions: &Compositions, forms: &[i64]) -> Result<Self, Error> {
        let entries = if forms.is_empty() { Vec::new() } else { store::open_entries(conn, forms)? };
        let taken: Vec<Taken> = entries
            .iter()
            .map(|entry| Taken {
                content: entry.content_id,
                participant: entry.participant_id,
                since: scope.day(entry.created_at),
            })
            .collect();
        let lost = lost(conn, scope, compositions, &taken)?;
        let mut standing = Self::default();
        for entry in entries {
            if lost.contains(&(entry.content_id, entry.participant_id)) {
                standing.lapsed.insert(entry.id);
                continue;
            }
            let count = standing.counts.entry(entry.content_id).or_default();
            *count += 1;
            standing.ranks.insert(entry.id, *count);
        }
        Ok(standing)
    }

    /// How many hold or wait for a place.
    pub fn count(&self, form: i64) -> i64 {
        self.counts.get(&form).copied().unwrap_or_default()
    }

    /// Where an entry stands among them, from 1; none when it was withdrawn or has lapsed.
    pub fn rank(&self, entry: i64) -> Option<i64> {
        self.ranks.get(&entry).copied()
    }

    /// Whether an entry has lapsed.
    pub fn is_lapsed(&self, entry: i64) -> bool {
        self.lapsed.contains(&entry)
    }

    /// The entries that have lapsed.
    pub fn lapsed(&self) -> Vec<i64> {
        let mut lapsed: Vec<i64> = self.lapsed.iter().copied().collect();
        lapsed.sort_unstable();
        lapsed
    }
}
