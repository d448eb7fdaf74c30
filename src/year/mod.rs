//! From one school year to the next (Y1 to Y8).
//!
//! ```text
//! planning   what is to become of each group and of pupils of whom it is otherwise; kept until it is applied
//! plan       what becomes of each membership: pure, from facts to decisions, figures and warnings
//! starts     which memberships are made for those who go to a group
//! preview    the facts, the plan worked out over them, and a token that says which facts these were
//! token      what such a token holds, and what has changed since
//! apply      all of it in one transaction: links broken, records erased, memberships ended and started
//! relink     content that is shown again
//! undo       memberships and links as they were
//! moving     pupils who move during the year
//! behind     content that does not move along with them
//! ```
//!
//! Nothing follows from the calendar: a school year is over for a group when its transition is applied and not before,
//! so there is no moment at which pupils stand in the groups of one year and see what belongs to another. The same plan
//! that a preview shows is worked out again under the locks of its groups; if anything that it rests on has changed,
//! nothing is done.

pub mod apply;
pub mod behind;
pub mod moving;
pub mod plan;
pub mod planning;
pub mod preview;
pub mod relink;
mod starts;
pub mod token;
pub mod undo;

use chrono::{NaiveDate, NaiveDateTime};
use serde::{Deserialize, Serialize};

use crate::db::text_enum::text_enum;
use crate::school::year::SchoolYear;

text_enum! {
    /// Where a transition stands.
    Status {
        /// It is planned and can be applied.
        Planned = "PLANNED",
        /// A newer plan took its place.
        Superseded = "SUPERSEDED",
        /// It was withdrawn before it was applied.
        Withdrawn = "WITHDRAWN",
        /// It was applied.
        Applied = "APPLIED",
        /// It was applied and undone.
        Undone = "UNDONE",
    }
}

text_enum! {
    /// What becomes of a member of a year group.
    Outcome {
        /// Goes to another group.
        Moves = "MOVES",
        /// Stays in the group.
        Stays = "STAYS",
        /// Leaves and goes to no other group.
        Leaves = "LEAVES",
    }
}

/// How long a transition can be undone, in days.
pub const UNDO_DAYS: i64 = 30;
/// How many groups, or rows, one statement is about at most, so that none of them takes long.
const CHUNK: usize = 5_000;

/// A transition.
#[derive(Clone, Debug)]
pub struct TransitionRow {
    pub id: i64,
    pub organization_id: i64,
    pub from_year: SchoolYear,
    pub effective_on: NaiveDate,
    pub status: Status,
    pub created_at: NaiveDateTime,
    pub created_by: String,
    pub applied_at: Option<NaiveDateTime>,
    pub applied_by: Option<String>,
    pub preview_token: Option<String>,
    pub undone_at: Option<NaiveDateTime>,
    pub undone_by: Option<String>,
}

impl TransitionRow {
    /// Until when it can be undone, if it was applied.
    pub fn undoable_until(&self) -> Option<NaiveDateTime> {
        let applied = self.applied_at.filter(|_| self.status == Status::Applied)?;
        Some(applied + chrono::Duration::days(UNDO_DAYS))
    }
}

/// Where the members of a group go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Move {
    pub group_id: i64,
    /// The group to which they go; none when they leave.
    pub to_group_id: Option<i64>,
    /// Whether the leaders go along.
    pub with_leaders: bool,
}

/// Of whom it is otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exception {
    pub participant_id: i64,
    /// In which of the plan's groups; in all of them when none is named.
    pub group_id: Option<i64>,
    pub outcome: Outcome,
    pub to_group_id: Option<i64>,
}

/// How far long work is, for whoever waits for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    pub step: &'static str,
    pub done: usize,
    pub total: usize,
}

/// Hears how far the work is.
pub type Listener<'l> = &'l mut dyn FnMut(Progress);

/// A number of things as it is stored and shown.
fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
