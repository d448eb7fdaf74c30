//! What the transition from one school year to the next erases, and what it leaves.
//!
//! It erases, of its groups, the records of the school year that ends and those of days before it takes effect, whatever
//! the calendar says of these. Records of earlier years and of later days stay.

pub mod store;

use super::records::RecordKind;

/// The records of one kind that a group has, sorted by what becomes of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    pub group_id: i64,
    pub kind: RecordKind,
    /// How many are erased.
    pub number: i64,
    /// A figure that is another one when others are erased, be they as many.
    pub checksum: i64,
    /// How many are of earlier years.
    pub earlier: i64,
    /// How many are of days of a later year on which the transition has taken effect.
    pub later: i64,
}
