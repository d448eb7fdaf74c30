//! What became of a group that was to be deleted, as the graph shows it.

use async_graphql::{Enum, ID};

use super::group::Group;
use super::payload::{PayloadRow, UserError, payload};
use crate::graphql::engine::{Entity, Field, Obj, inline_list, one, ty};
use crate::groups::commands::Deleted;
use crate::groups::holders::{self, Holder};
use crate::id::Kind;

/// What holds a group, so that it is not deleted.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "holders::HolderKind")]
pub enum GroupHolderKind {
    /// Memberships, past, future and annulled ones included.
    Membership,
    /// Content that the group shows or showed.
    Content,
    /// Composites of which the group is a component.
    Composite,
    /// Components of which the group is made.
    Component,
    /// Subscription groups that only members of the group may join.
    RestrictedGroup,
    /// Groups that get their members from the group.
    FedGroup,
    /// Dynamic groups whose filter names the group.
    Filter,
    /// Absence reports of the group.
    AbsenceReport,
    /// Leave requests of the group.
    LeaveRequest,
    /// Lunch stays of the group.
    LunchStay,
    /// Moves of members of the group, or to the group, in year transitions.
    YearTransition,
    /// Exceptions in year transitions that name the group.
    YearTransitionException,
    /// Members of whom a year transition noted that they were in the group or went to it.
    YearTransitionMember,
    /// Rosters by which the group is known.
    Roster,
}

/// Things of one kind that hold a group.
pub struct GroupHolder;

impl Entity for GroupHolder {
    const NAME: &'static str = "GroupHolder";
    const DOC: &'static str = "Things of one kind that hold a group, so that it is not deleted.";
    type Row = Holder;

    fn fields() -> &'static [Field<Self>] {
        const FIELDS: &[Field<GroupHolder>] = &[
            Field::<GroupHolder>::value("kind", ty::<GroupHolderKind>, "What they are.", |row, out| {
                out.str(row.kind.as_str());
            }),
            Field::<GroupHolder>::value("count", ty::<i32>, "How many there are.", |row, out| out.int(row.count)),
        ];
        FIELDS
    }
}

payload!(
    DeleteGroupPayload,
    Deleted,
    "What became of a group that was to be deleted.",
    [
        Field::<DeleteGroupPayload>::value(
            "deletedId",
            ty::<Option<ID>>,
            "The identifier of the group that is gone; null when it was not deleted.",
            |row, out| match row.done.as_ref().filter(|deleted| deleted.gone) {
                Some(deleted) => out.id(Kind::Group, deleted.id),
                None => out.null(),
            },
        ),
        Field::<DeleteGroupPayload>::value(
            "closed",
            ty::<bool>,
            "Whether the group is closed instead, because something holds it.",
            |row, out| out.bool(row.done.as_ref().is_some_and(|deleted| !deleted.gone)),
        ),
        Field::<DeleteGroupPayload>::link(
            "heldBy",
            ty::<Vec<Obj<GroupHolder>>>,
            "What holds the group; empty when it is gone.",
            |pick| {
                inline_list::<PayloadRow<Deleted>, GroupHolder>(pick, |row| {
                    row.done.as_ref().map_or(&[], |deleted| deleted.holders.as_slice())
                })
            },
        ),
        Field::<DeleteGroupPayload>::link(
            "group",
            ty::<Option<Obj<Group>>>,
            "The group that is closed; null when it is gone.",
            |pick| {
                one::<PayloadRow<Deleted>, Group>(pick, |row| {
                    row.done.as_ref().filter(|deleted| !deleted.gone).map(|deleted| deleted.id)
                })
            }
        ),
    ]
);
