//! Absence reports as the graph shows them.

use async_graphql::ID;

use super::{PupilRecord, Shared, WARNINGS, by_ids, deleted, kept, warnings};
use crate::error::Error;
use crate::graphql::engine::{Edge, Entity, Exec, Field, Keyed, Listed, Obj, inline_list, one, ty};
use crate::graphql::scalars::Date;
use crate::graphql::types::payload::{PayloadRow, UserError, Warning, payload};
use crate::id::Kind;
use crate::school::rules::Recorded;
use crate::school::store::{self, Row};

/// That a pupil is absent on a day.
pub struct AbsenceReport;

impl Entity for AbsenceReport {
    const NAME: &'static str = "AbsenceReport";
    const DOC: &'static str = "That a pupil is absent on a day. It is seen by the pupil's guardians, by the leaders of the group and by \
         those who work for the organization that owns the group, and by nobody else.";
    const INTERFACES: &'static [&'static str] = &["Node"];
    type Row = Row<store::AbsenceReport>;

    fn fields() -> &'static [Field<Self>] {
        FIELDS
    }
}

const FIELDS: &[Field<AbsenceReport>] = &[
    Shared::<AbsenceReport>::ID,
    Field::<AbsenceReport>::value("date", ty::<Date>, "The day.", |row, out| out.date(Some(row.common.date))),
    Field::<AbsenceReport>::value(
        "reason",
        ty::<Option<String>>,
        "Why the pupil is absent; null when nothing was said, or where another guardian of the child said it.",
        |row, out| out.opt_str(row.own.reason.as_deref()),
    ),
    Shared::<AbsenceReport>::SCHOOL_YEAR,
    Shared::<AbsenceReport>::GROUP,
    Shared::<AbsenceReport>::PARTICIPANT,
    Shared::<AbsenceReport>::PARTICIPANT_NAME,
    Shared::<AbsenceReport>::MADE_BY_NAME,
    Shared::<AbsenceReport>::CREATED_AT,
];

impl PupilRecord for AbsenceReport {
    type Record = store::AbsenceReport;
    const ID: Kind = Kind::AbsenceReport;
}

impl Keyed for AbsenceReport {
    fn by_ids(exec: &mut Exec<'_>, ids: &[i64], _details: bool) -> Result<Vec<Self::Row>, Error> {
        by_ids(exec, ids)
    }

    fn key(row: &Self::Row) -> i64 {
        row.common.id
    }
}

impl Listed for AbsenceReport {
    type Node = Self;
    const CONNECTION: &'static str = "AbsenceReportConnection";
    const CONNECTION_DOC: &'static str = "A page of absence reports, the newest day first.";
    const EDGE: &'static str = "AbsenceReportEdge";

    fn edge_fields() -> &'static [Field<Edge<Self>>] {
        Edge::<Self>::BASIC
    }

    fn node(row: &Self::Row) -> &Self::Row {
        row
    }
}

payload!(
    AbsenceReportPayload,
    Recorded,
    "What became of an absence report.",
    [
        Field::<AbsenceReportPayload>::link(
            "absenceReport",
            ty::<Option<Obj<AbsenceReport>>>,
            "The report; null when it is gone or the mutation was refused.",
            |pick| one::<PayloadRow<Recorded>, AbsenceReport>(pick, kept),
        ),
        Field::<AbsenceReportPayload>::value(
            "deletedId",
            ty::<Option<ID>>,
            "The identifier of the report that was withdrawn; null when none was.",
            |row, out| out.opt_str(deleted(Kind::AbsenceReport, row).as_deref()),
        ),
        Field::<AbsenceReportPayload>::link(
            "warnings",
            ty::<Vec<Obj<Warning>>>,
            WARNINGS,
            warnings::<AbsenceReportPayload>
        ),
    ]
);
