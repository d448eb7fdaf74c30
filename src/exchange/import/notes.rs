//! What of an import is worth a line of its own.

use std::collections::{BTreeMap, BinaryHeap};
use std::fmt;

use serde::{Serialize, Serializer};

use super::report::as_text;
use crate::exchange::bundle::{At, ErrorCode};

/// How many notes of a kind are kept; of the others only their number is.
const KEPT: usize = 100;

/// What a note is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum NoteKind {
    /// Something was left as it was done in Kring.
    Kept,
    /// A row was left out.
    Refused,
    /// A person who was registered is probably known already.
    Duplicate,
}

impl NoteKind {
    /// The word before its notes.
    fn word(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Refused => "refused",
            Self::Duplicate => "note",
        }
    }
}

/// One note.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Note {
    /// The row that it is about.
    #[serde(serialize_with = "as_text")]
    pub at: At,
    /// What it is about.
    pub kind: NoteKind,
    /// What there is to say.
    pub message: String,
    /// The kind of error for which a row was left out.
    #[serde(serialize_with = "as_word", skip_serializing_if = "Option::is_none")]
    pub code: Option<ErrorCode>,
}

#[allow(clippy::ref_option)] // serde gives a reference to the whole field.
fn as_word<S: Serializer>(code: &Option<ErrorCode>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(code.map_or("", ErrorCode::as_str))
}

/// The notes of one kind: the first hundred by place, and the number of all.
#[derive(Clone, Debug, Default)]
struct OfKind {
    first: BinaryHeap<Note>,
    total: u64,
}

/// The notes of an import.
#[derive(Clone, Debug, Default)]
pub struct Notes {
    kinds: BTreeMap<NoteKind, OfKind>,
}

impl Notes {
    pub(super) fn add(&mut self, note: Note) {
        let of_kind = self.kinds.entry(note.kind).or_default();
        of_kind.total += 1;
        of_kind.first.push(note);
        if of_kind.first.len() > KEPT {
            of_kind.first.pop();
        }
    }

    /// The notes that are kept, by kind and place.
    pub fn list(&self) -> Vec<Note> {
        self.kinds.values().flat_map(|of_kind| of_kind.first.clone().into_sorted_vec()).collect()
    }

    /// How many notes of a kind there are.
    pub fn total(&self, kind: NoteKind) -> u64 {
        self.kinds.get(&kind).map_or(0, |of_kind| of_kind.total)
    }
}

impl PartialEq for Notes {
    fn eq(&self, other: &Self) -> bool {
        let totals =
            |notes: &Self| notes.kinds.iter().map(|(kind, of_kind)| (*kind, of_kind.total)).collect::<Vec<_>>();
        totals(self) == totals(other) && self.list() == other.list()
    }
}

impl Eq for Notes {}

impl Serialize for Notes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.list().serialize(serializer)
    }
}

impl fmt::Display for Notes {
    /// A line for each note, and how many more there are of its kind.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (kind, of_kind) in &self.kinds {
            let word = kind.word();
            let notes = of_kind.first.clone().into_sorted_vec();
            for Note { at, message, code, .. } in &notes {
                write!(f, "\n{word}: {at}: {message}")?;
                if let Some(code) = code {
                    write!(f, " [{code}]")?;
                }
            }
            let more = of_kind.total.saturating_sub(u64::try_from(notes.len()).unwrap_or(u64::MAX));
            if more > 0 {
                write!(f, "\n{word}: and {more} more like these; --each-row tells all")?;
            }
        }
        Ok(())
    }
}
