//! The entries of sign-up forms as the graph shows them.

use std::collections::HashMap;

use async_graphql::{Enum, ID, ServerResult};

use super::slots::family;
use super::{Content, ContentRow};
use crate::content::kind::Of;
use crate::content::kinds::sign_up_form::SignUpForm;
use crate::content::sign_ups::store::{self, EntryRow};
use crate::content::sign_ups::{self, Entered};
use crate::error::Error;
use crate::graphql::engine::{
    Argument, Edge, Entity, Exec, Field, Keyed, Link, Listed, Obj, PAGE_ARGS, Pages, Pick, Values, arg, connection,
    inline_list, input, many, one, page_args, ty,
};
use crate::graphql::scalars::DateTime;
use crate::graphql::types::participant::Participant;
use crate::graphql::types::payload::{PayloadRow, UserError, payload};
use crate::graphql::types::{aligned, totals};
use crate::id::Kind;

/// Where an entry of a sign-up form stands. It follows from the order of the entries and the number of places, so that
/// whoever waits moves up as soon as a place comes free.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "sign_ups::Status")]
pub enum SignUpStatus {
    /// It has a place.
    Placed,
    /// It is on the waiting list.
    Waiting,
    /// It holds no place any more: the form was no longer shown to the one who signed up, for instance because they left the
    /// group. It may be withdrawn. Who comes back signs up anew.
    Lapsed,
    /// It was withdrawn.
    Withdrawn,
}

/// Somebody who signed up.
pub struct SignUpEntry;

impl Entity for SignUpEntry {
    const NAME: &'static str = "SignUpEntry";
    const DOC: &'static str =
        "Somebody who signed up. It is seen by that family and by who manages the form, and by nobody else.";
    const INTERFACES: &'static [&'static str] = &["Node"];
    type Row = EntryRow;

    fn fields() -> &'static [Field<Self>] {
        FIELDS
    }
}

const FIELDS: &[Field<SignUpEntry>] = &[
    Field::<SignUpEntry>::value("id", ty::<ID>, "The global identifier.", |row, out| {
        out.id(Kind::SignUpEntry, row.id);
    }),
    Field::<SignUpEntry>::link(
        "participant",
        ty::<Option<Obj<Participant>>>,
        "Who signed up; null when you may not see the participant.",
        |pick| one::<EntryRow, Participant>(pick, |row| Some(row.participant_id)),
    ),
    Field::<SignUpEntry>::value("participantName", ty::<String>, "The name of who signed up.", |row, out| {
        out.str(&row.participant_name);
    }),
    Field::<SignUpEntry>::value(
        "note",
        ty::<Option<String>>,
        "What was said along with it; null when nothing was, or where another guardian of the child said it.",
        |row, out| out.opt_str(row.note.as_deref()),
    ),
    Field::<SignUpEntry>::value("status", ty::<SignUpStatus>, "Where it stands now.", |row, out| {
        out.str(row.status().as_str());
    }),
    Field::<SignUpEntry>::value(
        "position",
        ty::<Option<i32>>,
        "Its place among those that have one, or on the waiting list, where 1 is the next to move up; null when it was \
         withdrawn or has lapsed.",
        |row, out| out.opt_int(row.position()),
    ),
    Field::<SignUpEntry>::value("createdAt", ty::<DateTime>, "When it was made.", |row, out| {
        out.instant(row.created_at);
    }),
    Field::<SignUpEntry>::value(
        "enteredByName",
        ty::<String>,
        "The name of who made it; empty where another guardian of the child did.",
        |row, out| {
            out.str(&row.entered_by);
        },
    ),
    Field::<SignUpEntry>::value(
        "withdrawnAt",
        ty::<Option<DateTime>>,
        "When it was withdrawn; null while it stands.",
        |row, out| out.opt_instant(row.withdrawn_at),
    ),
];

impl Keyed for SignUpEntry {
    fn by_ids(exec: &mut Exec<'_>, ids: &[i64], _details: bool) -> Result<Vec<EntryRow>, Error> {
        let vision = exec.vision()?;
        let family = family(exec)?;
        let forms = store::forms_of(exec.conn, ids)?;
        let standing = exec.sign_ups(&forms)?;
        store::by_ids(exec.conn, exec.scope, &standing, &vision, &family, ids)
    }

    fn key(row: &EntryRow) -> i64 {
        row.id
    }
}

impl Listed for SignUpEntry {
    type Node = Self;
    const CONNECTION: &'static str = "SignUpEntryConnection";
    const CONNECTION_DOC: &'static str = "A page of those who signed up, the first to do so first.";
    const EDGE: &'static str = "SignUpEntryEdge";

    fn edge_fields() -> &'static [Field<Edge<Self>>] {
        Edge::<Self>::BASIC
    }

    fn node(row: &EntryRow) -> &EntryRow {
        row
    }
}

/// The arguments of the list of entries.
pub const ARGS: &[Argument] = &[
    PAGE_ARGS[0],
    PAGE_ARGS[1],
    PAGE_ARGS[2],
    PAGE_ARGS[3],
    arg(
        "includeWithdrawn",
        input::<Option<bool>>,
        "Whether entries that were withdrawn or have lapsed are listed as well; they are not when absent.",
    ),
];

/// Leads from forms to all who signed up.
///
/// # Errors
/// When an argument does not fit its type.
pub fn entries(pick: &Pick<'_>) -> ServerResult<Box<dyn Link<ContentRow>>> {
    let window = page_args(pick)?;
    let all = pick.arg::<Option<bool>>("includeWithdrawn")?.unwrap_or_default();
    connection::<ContentRow, SignUpEntry>(
        pick,
        Box::new(move |exec: &mut Exec<'_>, rows, asked| {
            let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
            let standing = exec.sign_ups(&ids)?;
            let found =
                if asked.rows { store::pages(exec.conn, &standing, &ids, all, &window)? } else { HashMap::new() };
            let count = |ids: &[i64]| {
                if all {
                    store::counts(exec.conn, ids)
                } else {
                    Ok(ids.iter().map(|id| (*id, standing.count(*id))).collect())
                }
            };
            let totals = asked.count.then(|| totals(&ids, asked.rows.then_some(&found), &window, count)).transpose()?;
            let pages = aligned(&ids, found, totals.as_ref());
            Ok(Pages { pages, cursor: Box::new(EntryRow::keys) })
        }),
    )
}

/// Leads from forms to the entries of the viewer and the viewer's children.
///
/// # Errors
/// When an argument does not fit its type.
pub fn of_viewer(pick: &Pick<'_>) -> ServerResult<Box<dyn Link<ContentRow>>> {
    many::<ContentRow, SignUpEntry>(
        pick,
        Box::new(|exec, rows, _| {
            let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
            let (vision, family) = (exec.vision()?, family(exec)?);
            let standing = exec.sign_ups(&ids)?;
            let found = store::of_family(exec.conn, &standing, &vision, &family, &ids)?;
            let of = |id: i64| found.iter().filter(|entry| entry.content_id == id).cloned().collect();
            Ok(ids.into_iter().map(of).collect())
        }),
    )
}

/// A number that follows from how many signed up and how many places there are.
struct Tally(fn(i64, Option<i64>) -> Option<i64>);

impl Link<ContentRow> for Tally {
    fn follow(&self, exec: &mut Exec<'_>, rows: &[&ContentRow]) -> Result<Values, Error> {
        let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
        let standing = exec.sign_ups(&ids)?;
        let mut values = Values::with_capacity(rows.len());
        for row in rows {
            let places = SignUpForm::of(row.details()).and_then(|form| form.places).map(i64::from);
            let entries = standing.count(row.id);
            values.push(|out| out.opt_int((self.0)(entries, places)));
        }
        Ok(values)
    }
}

/// Leads from forms to how many signed up.
///
/// # Errors
/// None.
pub fn count(_: &Pick<'_>) -> ServerResult<Box<dyn Link<ContentRow>>> {
    Ok(Box::new(Tally(|entries, _| Some(entries))))
}

/// Leads from forms to how many wait.
///
/// # Errors
/// None.
pub fn waiting(_: &Pick<'_>) -> ServerResult<Box<dyn Link<ContentRow>>> {
    Ok(Box::new(Tally(|entries, places| Some(sign_ups::waiting(entries, places)))))
}

/// Leads from forms to how many places are left.
///
/// # Errors
/// None.
pub fn left(_: &Pick<'_>) -> ServerResult<Box<dyn Link<ContentRow>>> {
    Ok(Box::new(Tally(sign_ups::left)))
}

payload!(
    SignUpPayload,
    Entered,
    "What became of a sign-up.",
    [
        Field::<SignUpPayload>::link(
            "entry",
            ty::<Option<Obj<SignUpEntry>>>,
            "The entry as it is now; null when the mutation was refused.",
            |pick| one::<PayloadRow<Entered>, SignUpEntry>(pick, |row| row.done.as_ref().map(|done| done.entry_id)),
        ),
        Field::<SignUpPayload>::link(
            "content",
            ty::<Option<Obj<Content>>>,
            "The form as it is now; null when the mutation was refused.",
            |pick| one::<PayloadRow<Entered>, Content>(pick, |row| row.done.as_ref().map(|done| done.content_id)),
        ),
    ]
);
