//! What a school keeps of its pupils for one school year, as the graph shows it.

pub mod absence;
pub mod leave;
pub mod lunch;

use std::collections::HashMap;
use std::marker::PhantomData;

use async_graphql::{ID, ServerResult};

use super::group::Group;
use super::participant::Participant;
use super::payload::{PayloadRow, Warning};
use super::{aligned, totals};
use crate::error::Error;
use crate::graphql::engine::{
    Argument, Entity, Exec, Field, Link, Listed, Obj, PAGE_ARGS, Pages, Pick, arg, connection, inline_list, input, one,
    page_args, ty,
};
use crate::graphql::inputs;
use crate::graphql::scalars::{Date, DateTime, SchoolYear};
use crate::groups::store::GroupRow;
use crate::id::{self, Kind};
use crate::school::readers::Readers;
use crate::school::rules::Recorded;
use crate::school::store::{self, Filter, Record, Row};

/// A type whose objects are records of pupils.
pub trait PupilRecord: Entity<Row = Row<Self::Record>> {
    /// What it has of its own.
    type Record: Record;
    /// Its kind of identifier.
    const ID: Kind;
}

/// The fields of every such type.
struct Shared<E>(PhantomData<E>);

impl<E: PupilRecord> Shared<E> {
    const ID: Field<E> = Field::<E>::value("id", ty::<ID>, "The global identifier.", |row, out| {
        out.id(E::ID, row.common.id);
    });
    const SCHOOL_YEAR: Field<E> = Field::<E>::value(
        "schoolYear",
        ty::<SchoolYear>,
        "The school year that it belongs to. It is erased when that year is over.",
        |row, out| {
            let first = row.common.school_year;
            out.str(&format!("{first}-{}", first + 1));
        },
    );
    const GROUP: Field<E> =
        Field::<E>::link("group", ty::<Option<Obj<Group>>>, "The group; null when you may not see it.", |pick| {
            one::<Row<E::Record>, Group>(pick, |row| Some(row.common.group_id))
        });
    const PARTICIPANT: Field<E> = Field::<E>::link(
        "participant",
        ty::<Option<Obj<Participant>>>,
        "The pupil; null when you may not see the participant.",
        |pick| one::<Row<E::Record>, Participant>(pick, |row| Some(row.common.participant_id)),
    );
    const PARTICIPANT_NAME: Field<E> =
        Field::<E>::value("participantName", ty::<String>, "The name of the pupil.", |row, out| {
            out.str(&row.common.participant_name);
        });
    const MADE_BY_NAME: Field<E> = Field::<E>::value(
        "madeByName",
        ty::<String>,
        "The name of who made it; empty where another guardian of the child did.",
        |row, out| {
            out.str(&row.common.made_by);
        },
    );
    const CREATED_AT: Field<E> = Field::<E>::value("createdAt", ty::<DateTime>, "When it was made.", |row, out| {
        out.instant(row.common.created_at);
    });
}

const FROM: Argument = arg("from", input::<Option<Date>>, "Only what is on this day or later; all when absent.");
const UNTIL: Argument = arg("until", input::<Option<Date>>, "Only what is on this day or earlier; all when absent.");
const PUPIL: Argument = arg("participantId", input::<Option<ID>>, "Only what is of this pupil; of all when absent.");

/// The arguments of the lists of records.
pub const ARGS: &[Argument] = &[PAGE_ARGS[0], PAGE_ARGS[1], PAGE_ARGS[2], PAGE_ARGS[3], FROM, UNTIL, PUPIL];

fn readers(exec: &mut Exec<'_>) -> Result<Readers, Error> {
    let (sight, vision) = (exec.sight()?, exec.vision()?);
    Ok(Readers::new(&exec.scope.viewer, sight.family(), vision.led()))
}

fn by_ids<R: Record>(exec: &mut Exec<'_>, ids: &[i64]) -> Result<Vec<Row<R>>, Error> {
    let readers = readers(exec)?;
    store::by_ids(exec.conn, &readers, ids)
}

/// Leads from groups to their records of one kind.
///
/// # Errors
/// When an argument does not fit its type.
pub fn of_groups<E: PupilRecord + Listed>(pick: &Pick<'_>) -> ServerResult<Box<dyn Link<GroupRow>>> {
    let window = page_args(pick)?;
    let participant: Option<ID> = pick.arg("participantId")?;
    let participant = participant.map(|id| inputs::key(Kind::Participant, &id, "participantId")).transpose();
    let filter = Filter {
        from: inputs::date(pick.arg("from")?),
        until: inputs::date(pick.arg("until")?),
        participant_id: participant.map_err(|error| pick.error(&error))?,
        status: pick.arg::<Option<leave::LeaveRequestStatus>>("status")?.map(Into::into),
    };
    connection::<GroupRow, E>(
        pick,
        Box::new(move |exec: &mut Exec<'_>, rows, asked| {
            let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
            let readers = readers(exec)?;
            let found = if asked.rows {
                store::pages::<E::Record>(exec.conn, &readers, &ids, &filter, &window)?
            } else {
                HashMap::new()
            };
            let count = |ids: &[i64]| store::counts(exec.conn, &readers, E::Record::KIND, ids, &filter);
            let totals = asked.count.then(|| totals(&ids, asked.rows.then_some(&found), &window, count)).transpose()?;
            let pages = aligned(&ids, found, totals.as_ref());
            Ok(Pages { pages, cursor: Box::new(Row::keys) })
        }),
    )
}

/// The record that a mutation left.
fn kept(row: &PayloadRow<Recorded>) -> Option<i64> {
    row.done.as_ref().filter(|done| !done.deleted).map(|done| done.id)
}

/// The identifier of the record that a mutation deleted.
fn deleted(kind: Kind, row: &PayloadRow<Recorded>) -> Option<String> {
    row.done.as_ref().filter(|done| done.deleted).map(|done| id::encode(kind, done.id))
}

const WARNINGS: &str = "What you should know about what was done all the same.";

/// Leads to what the maker of a record should know.
fn warnings<P: Entity<Row = PayloadRow<Recorded>>>(pick: &Pick<'_>) -> ServerResult<Box<dyn Link<P::Row>>> {
    inline_list::<PayloadRow<Recorded>, Warning>(pick, |row| {
        row.done.as_ref().map_or(&[], |done| done.warnings.as_slice())
    })
}
