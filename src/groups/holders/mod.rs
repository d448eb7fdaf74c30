//! What holds a group, so that it is closed instead of deleted (G7).
//!
//! Every foreign key of the database that leads to a group has a line here, which says what becomes of it. A test compares
//! the lines with the catalogues of both databases, so that no key is forgotten.

pub mod store;

use serde::{Deserialize, Serialize};

use crate::db::text_enum::text_enum;

text_enum! {
    /// What holds a group.
    HolderKind {
        Membership = "MEMBERSHIP",
        Content = "CONTENT",
        Composite = "COMPOSITE",
        Component = "COMPONENT",
        RestrictedGroup = "RESTRICTED_GROUP",
        FedGroup = "FED_GROUP",
        Filter = "FILTER",
        AbsenceReport = "ABSENCE_REPORT",
        LeaveRequest = "LEAVE_REQUEST",
        LunchStay = "LUNCH_STAY",
        YearTransition = "YEAR_TRANSITION",
        YearTransitionException = "YEAR_TRANSITION_EXCEPTION",
        YearTransitionMember = "YEAR_TRANSITION_MEMBER",
        Roster = "ROSTER",
    }
}

/// What becomes of rows that name a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Becomes {
    /// They hold it.
    Holds(HolderKind),
    /// They say something of the group alone and go with it.
    Goes,
}

/// A foreign key that leads to a group.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    pub table: &'static str,
    pub column: &'static str,
    pub becomes: Becomes,
}

const fn holds(table: &'static str, column: &'static str, kind: HolderKind) -> Key {
    Key { table, column, becomes: Becomes::Holds(kind) }
}

/// Every key. Keys of one kind stand together and are of one table.
pub const KEYS: &[Key] = &[
    holds("memberships", "group_id", HolderKind::Membership),
    holds("content_links", "group_id", HolderKind::Content),
    holds("group_components", "component_id", HolderKind::Composite),
    holds("group_components", "composite_id", HolderKind::Component),
    holds("groups", "restricted_to_id", HolderKind::RestrictedGroup),
    holds("groups", "source_group_id", HolderKind::FedGroup),
    holds("absence_reports", "group_id", HolderKind::AbsenceReport),
    holds("leave_requests", "group_id", HolderKind::LeaveRequest),
    holds("lunch_stays", "group_id", HolderKind::LunchStay),
    holds("year_transition_moves", "group_id", HolderKind::YearTransition),
    holds("year_transition_moves", "to_group_id", HolderKind::YearTransition),
    holds("year_transition_exceptions", "group_id", HolderKind::YearTransitionException),
    holds("year_transition_exceptions", "to_group_id", HolderKind::YearTransitionException),
    holds("year_transition_members", "group_id", HolderKind::YearTransitionMember),
    holds("year_transition_members", "to_group_id", HolderKind::YearTransitionMember),
    holds("roster_groups", "group_id", HolderKind::Roster),
    Key { table: "opt_outs", column: "group_id", becomes: Becomes::Goes },
];

/// Things of one kind that hold a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    pub kind: HolderKind,
    pub count: i64,
}
