//! Leave requests as the graph shows them.

use async_graphql::Enum;

use super::{FROM, PUPIL, PupilRecord, Shared, UNTIL, WARNINGS, by_ids, kept, warnings};
use crate::error::Error;
use crate::graphql::engine::{
    Argument, Edge, Entity, Exec, Field, Keyed, Listed, Obj, PAGE_ARGS, arg, inline_list, input, one, ty,
};
use crate::graphql::scalars::{Date, DateTime};
use crate::graphql::types::payload::{PayloadRow, UserError, Warning, payload};
use crate::id::Kind;
use crate::school::leave::Status;
use crate::school::rules::Recorded;
use crate::school::store::{self, Row};

/// Where a leave request stands.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "Status")]
pub enum LeaveRequestStatus {
    /// Nobody has decided on it.
    Requested,
    /// The school grants it.
    Granted,
    /// The school refuses it.
    Refused,
    /// It was withdrawn.
    Withdrawn,
}

/// What the school says to a leave request.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaveDecision {
    /// The pupil has leave.
    Granted,
    /// The pupil has no leave.
    Refused,
}

/// A pupil's leave from one day to another.
pub struct LeaveRequest;

impl Entity for LeaveRequest {
    const NAME: &'static str = "LeaveRequest";
    const DOC: &'static str = "A pupil's leave that was asked for. It is seen by the pupil's guardians, by the leaders of the group and by \
         those who work for the organization that owns the group, and by nobody else.";
    const INTERFACES: &'static [&'static str] = &["Node"];
    type Row = Row<store::LeaveRequest>;

    fn fields() -> &'static [Field<Self>] {
        FIELDS
    }
}

const FIELDS: &[Field<LeaveRequest>] = &[
    Shared::<LeaveRequest>::ID,
    Field::<LeaveRequest>::value("from", ty::<Date>, "The first day.", |row, out| out.date(Some(row.common.date))),
    Field::<LeaveRequest>::value("until", ty::<Date>, "The last day.", |row, out| out.date(Some(row.own.until))),
    Field::<LeaveRequest>::value(
        "reason",
        ty::<Option<String>>,
        "What the leave is for; null where another guardian of the child wrote it.",
        |row, out| out.opt_str(row.own.reason.as_deref()),
    ),
    Field::<LeaveRequest>::value("status", ty::<LeaveRequestStatus>, "Where it stands.", |row, out| {
        out.str(row.own.status.as_str());
    }),
    Field::<LeaveRequest>::value(
        "decisionNote",
        ty::<Option<String>>,
        "What was said along with the decision; null when nothing was, or where another guardian of the child asked for it.",
        |row, out| out.opt_str(row.own.note.as_deref()),
    ),
    Field::<LeaveRequest>::value(
        "decidedByName",
        ty::<Option<String>>,
        "The name of who decided on it or withdrew it; null while nobody did, or where another guardian of the child withdrew it.",
        |row, out| out.opt_str(row.own.decided_by.as_deref()),
    ),
    Field::<LeaveRequest>::value(
        "decidedAt",
        ty::<Option<DateTime>>,
        "When it was decided on or withdrawn; null while it was not.",
        |row, out| out.opt_instant(row.own.decided_at),
    ),
    Shared::<LeaveRequest>::SCHOOL_YEAR,
    Shared::<LeaveRequest>::GROUP,
    Shared::<LeaveRequest>::PARTICIPANT,
    Shared::<LeaveRequest>::PARTICIPANT_NAME,
    Shared::<LeaveRequest>::MADE_BY_NAME,
    Shared::<LeaveRequest>::CREATED_AT,
];

impl PupilRecord for LeaveRequest {
    type Record = store::LeaveRequest;
    const ID: Kind = Kind::LeaveRequest;
}

impl Keyed for LeaveRequest {
    fn by_ids(exec: &mut Exec<'_>, ids: &[i64], _details: bool) -> Result<Vec<Self::Row>, Error> {
        by_ids(exec, ids)
    }

    fn key(row: &Self::Row) -> i64 {
        row.common.id
    }
}

impl Listed for LeaveRequest {
    type Node = Self;
    const CONNECTION: &'static str = "LeaveRequestConnection";
    const CONNECTION_DOC: &'static str = "A page of leave requests, the newest first day first.";
    const EDGE: &'static str = "LeaveRequestEdge";

    fn edge_fields() -> &'static [Field<Edge<Self>>] {
        Edge::<Self>::BASIC
    }

    fn node(row: &Self::Row) -> &Self::Row {
        row
    }
}

/// The arguments of the list of leave requests.
pub const ARGS: &[Argument] = &[
    PAGE_ARGS[0],
    PAGE_ARGS[1],
    PAGE_ARGS[2],
    PAGE_ARGS[3],
    FROM,
    UNTIL,
    PUPIL,
    arg("status", input::<Option<LeaveRequestStatus>>, "Only requests that stand like this; all when absent."),
];

payload!(
    LeaveRequestPayload,
    Recorded,
    "What became of a leave request.",
    [
        Field::<LeaveRequestPayload>::link(
            "leaveRequest",
            ty::<Option<Obj<LeaveRequest>>>,
            "The request as it is now; null when the mutation was refused.",
            |pick| one::<PayloadRow<Recorded>, LeaveRequest>(pick, kept),
        ),
        Field::<LeaveRequestPayload>::link(
            "warnings",
            ty::<Vec<Obj<Warning>>>,
            WARNINGS,
            warnings::<LeaveRequestPayload>
        ),
    ]
);
