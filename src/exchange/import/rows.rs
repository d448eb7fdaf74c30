//! What became of each row.

use std::collections::HashMap;
use std::fmt;

use serde::Serialize;

use super::Run;
use super::report::{EMPTY, Outcome, as_text, column};
use crate::exchange::bundle::At;
use crate::history::Change;
use crate::id::{self, Kind};

/// What became of one row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RowReport {
    /// Where the row begins, as `file:line:column`.
    #[serde(serialize_with = "as_text")]
    pub at: At,
    /// By which people know the row.
    pub key: String,
    /// What became of it.
    pub outcome: Outcome,
    /// The fields of a stored record that changed, by their names in the graph, from what to what.
    pub changed: Vec<Change>,
    /// What of it was not taken over, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl fmt::Display for RowReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} {}", self.at, self.outcome.word(), self.key)?;
        let value = |value: &Option<String>| value.clone().unwrap_or_else(|| EMPTY.to_owned());
        for (place, Change { field, before, after }) in self.changed.iter().enumerate() {
            let sign = if place == 0 { ':' } else { ';' };
            write!(f, "{sign} {} {} → {}", column(field), value(before), value(after))?;
        }
        match &self.note {
            Some(note) => write!(f, " ({note})"),
            None => Ok(()),
        }
    }
}

impl Run<'_> {
    /// Puts the rows of the report in the order of the files, and writes external ids in place of our own.
    pub(super) fn finish_rows(&mut self) {
        let known = &self.known;
        let Some(rows) = &mut self.report.rows else { return };
        if rows.is_empty() && !self.report.each_row {
            self.report.rows = None;
            return;
        }
        rows.sort_by_key(|row| row.at);
        let participants = known.participants.iter().map(|(external, party)| (Kind::Participant, party.id, external));
        let groups = known.groups.iter().map(|(external, place)| (Kind::Group, place.id, external));
        let categories = known.categories.iter().map(|(external, id)| (Kind::GroupCategory, *id, external));
        let external: HashMap<(Kind, i64), &str> = participants
            .chain(groups)
            .chain(categories)
            .map(|(kind, id, external)| ((kind, id), external.as_str()))
            .collect();
        for change in rows.iter_mut().flat_map(|row| &mut row.changed) {
            for value in [&mut change.before, &mut change.after].into_iter().flatten() {
                *value = readable(value, &external);
            }
        }
    }
}

/// A value with external ids in place of the ids of the graph.
fn readable(value: &str, external: &HashMap<(Kind, i64), &str>) -> String {
    let word = |word: &str| {
        let bare = word.trim_end_matches(',');
        let known = id::decode(bare).and_then(|found| external.get(&found));
        known.map_or_else(|| word.to_owned(), |known| word.replacen(bare, known, 1))
    };
    if value.split(' ').any(|word| id::decode(word.trim_end_matches(',')).is_some()) {
        value.split(' ').map(word).collect::<Vec<_>>().join(" ")
    } else {
        value.to_owned()
    }
}
