//! Lunch stays as the graph shows them.

use async_graphql::ID;

use super::{PupilRecord, Shared, WARNINGS, by_ids, deleted, kept, warnings};
use crate::error::Error;
use crate::graphql::engine::{Edge, Entity, Exec, Field, Keyed, Listed, Obj, inline_list, one, ty};
use crate::graphql::scalars::Date;
use crate::graphql::types::payload::{PayloadRow, UserError, Warning, payload};
use crate::id::Kind;
use crate::school::rules::Recorded;
use crate::school::store::{self, Row};

/// That a pupil stays at school over lunch on a day.
pub struct LunchStay;

impl Entity for LunchStay {
    const NAME: &'static str = "LunchStay";
    const DOC: &'static str = "That a pupil stays at school over lunch on a day. It is seen by the pupil's guardians, by the leaders of the \
         group and by those who work for the organization that owns the group, and by nobody else.";
    const INTERFACES: &'static [&'static str] = &["Node"];
    type Row = Row<store::LunchStay>;

    fn fields() -> &'static [Field<Self>] {
        FIELDS
    }
}

const FIELDS: &[Field<LunchStay>] = &[
    Shared::<LunchStay>::ID,
    Field::<LunchStay>::value("date", ty::<Date>, "The day.", |row, out| out.date(Some(row.common.date))),
    Shared::<LunchStay>::SCHOOL_YEAR,
    Shared::<LunchStay>::GROUP,
    Shared::<LunchStay>::PARTICIPANT,
    Shared::<LunchStay>::PARTICIPANT_NAME,
    Shared::<LunchStay>::MADE_BY_NAME,
    Shared::<LunchStay>::CREATED_AT,
];

impl PupilRecord for LunchStay {
    type Record = store::LunchStay;
    const ID: Kind = Kind::LunchStay;
}

impl Keyed for LunchStay {
    fn by_ids(exec: &mut Exec<'_>, ids: &[i64], _details: bool) -> Result<Vec<Self::Row>, Error> {
        by_ids(exec, ids)
    }

    fn key(row: &Self::Row) -> i64 {
        row.common.id
    }
}

impl Listed for LunchStay {
    type Node = Self;
    const CONNECTION: &'static str = "LunchStayConnection";
    const CONNECTION_DOC: &'static str = "A page of lunch stays, the newest day first.";
    const EDGE: &'static str = "LunchStayEdge";

    fn edge_fields() -> &'static [Field<Edge<Self>>] {
        Edge::<Self>::BASIC
    }

    fn node(row: &Self::Row) -> &Self::Row {
        row
    }
}

payload!(
    LunchStayPayload,
    Recorded,
    "What became of a lunch stay.",
    [
        Field::<LunchStayPayload>::link(
            "lunchStay",
            ty::<Option<Obj<LunchStay>>>,
            "The stay; null when it is gone or the mutation was refused.",
            |pick| one::<PayloadRow<Recorded>, LunchStay>(pick, kept),
        ),
        Field::<LunchStayPayload>::value(
            "deletedId",
            ty::<Option<ID>>,
            "The identifier of the stay that was cancelled; null when none was.",
            |row, out| out.opt_str(deleted(Kind::LunchStay, row).as_deref()),
        ),
        Field::<LunchStayPayload>::link("warnings", ty::<Vec<Obj<Warning>>>, WARNINGS, warnings::<LunchStayPayload>),
    ]
);
