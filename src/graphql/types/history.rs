//! History as the graph shows it.

use async_graphql::{ID, ServerResult};

use super::participant::Participant;
use super::{aligned, totals};
use crate::access::sight::Sight;
use crate::error::Error;
use crate::graphql::engine::{
    Edge, Entity, Exec, Field, Link, Listed, Obj, Pages, Pick, connection, inline, inline_list, one, page_args, ty,
};
use crate::graphql::enums::HistoryAction;
use crate::graphql::scalars::DateTime;
use crate::history::{self, Change, Entity as Object, HistoryRow};
use crate::id::Kind;
use crate::page::{Key, position};

/// An entry with its changes read.
#[derive(Clone)]
pub struct EntryRow {
    row: HistoryRow,
    changes: Vec<Change>,
}

/// One entry of a history.
pub struct HistoryEntry;
/// Whoever made a change.
pub struct Actor;
/// One field that changed.
pub struct FieldChange;

impl Entity for HistoryEntry {
    const NAME: &'static str = "HistoryEntry";
    const DOC: &'static str =
        "One change of an object: who did what, when. It is written together with the change itself.";
    type Row = EntryRow;

    fn fields() -> &'static [Field<Self>] {
        const FIELDS: &[Field<HistoryEntry>] = &[
            Field::<HistoryEntry>::value("id", ty::<ID>, "The global identifier.", |row, out| {
                out.id(Kind::HistoryEntry, row.row.id)
            }),
            Field::<HistoryEntry>::value("at", ty::<DateTime>, "When it was done.", |row, out| out.instant(row.row.at)),
            Field::<HistoryEntry>::link("actor", ty::<Obj<Actor>>, "Who did it.", |pick| {
                inline::<EntryRow, Actor>(pick, |row| &row.row)
            }),
            Field::<HistoryEntry>::value("action", ty::<HistoryAction>, "What was done.", |row, out| {
                out.str(row.row.action.as_str())
            }),
            Field::<HistoryEntry>::link("changes", ty::<Vec<Obj<FieldChange>>>, "The fields that changed.", |pick| {
                inline_list::<EntryRow, FieldChange>(pick, |row| row.changes.as_slice())
            }),
        ];
        FIELDS
    }
}

impl Entity for Actor {
    const NAME: &'static str = "Actor";
    const DOC: &'static str = "Whoever made a change: a participant, or a programme such as an import.";
    type Row = HistoryRow;

    fn fields() -> &'static [Field<Self>] {
        const FIELDS: &[Field<Actor>] = &[
            Field::<Actor>::value(
                "displayName",
                ty::<String>,
                "The name that the bearer of the token had at that time.",
                |row, out| out.str(&row.actor_name),
            ),
            Field::<Actor>::link(
                "participant",
                ty::<Option<Obj<Participant>>>,
                "The participant who was signed in; null for a programme, or when you may not see the participant.",
                |pick| one::<HistoryRow, Participant>(pick, |row| row.actor_id),
            ),
        ];
        FIELDS
    }
}

impl Entity for FieldChange {
    const NAME: &'static str = "FieldChange";
    const DOC: &'static str = "One field that changed.";
    type Row = Change;

    fn fields() -> &'static [Field<Self>] {
        const FIELDS: &[Field<FieldChange>] = &[
            Field::<FieldChange>::value("field", ty::<String>, "The name of the field in this schema.", |row, out| {
                out.str(&row.field)
            }),
            Field::<FieldChange>::value(
                "before",
                ty::<Option<String>>,
                "The value before, as text; null when there was none.",
                |row, out| {
                    out.opt_str(row.before.as_deref());
                },
            ),
            Field::<FieldChange>::value(
                "after",
                ty::<Option<String>>,
                "The value after, as text; null when there is none.",
                |row, out| {
                    out.opt_str(row.after.as_deref());
                },
            ),
        ];
        FIELDS
    }
}

impl Listed for HistoryEntry {
    type Node = Self;
    const CONNECTION: &'static str = "HistoryConnection";
    const CONNECTION_DOC: &'static str = "A page of history, the newest entry first.";
    const EDGE: &'static str = "HistoryEdge";

    fn edge_fields() -> &'static [Field<Edge<Self>>] {
        Edge::<Self>::BASIC
    }

    fn node(row: &EntryRow) -> &EntryRow {
        row
    }
}

/// Leads to the history of an object.
///
/// # Errors
/// When an argument does not fit its type.
pub fn history_of<R: 'static>(pick: &Pick<'_>, object: Object, key: fn(&R) -> i64) -> ServerResult<Box<dyn Link<R>>> {
    told_history_of(pick, object, key, |_, _, _| true)
}

/// Whether a change of an object is told to the viewer.
pub type IsTold<R> = fn(&Sight, &R, &Change) -> bool;

/// The same, of the changes only those that are told.
///
/// # Errors
/// When an argument does not fit its type.
pub fn told_history_of<R: 'static>(
    pick: &Pick<'_>,
    object: Object,
    key: fn(&R) -> i64,
    is_told: IsTold<R>,
) -> ServerResult<Box<dyn Link<R>>> {
    let window = page_args(pick)?;
    connection::<R, HistoryEntry>(
        pick,
        Box::new(move |exec: &mut Exec<'_>, rows, asked| {
            let ids: Vec<i64> = rows.iter().map(|row| key(row)).collect();
            let found = if asked.rows { history::pages(exec.conn, object, &ids, &window)? } else { Default::default() };
            let count = |ids: &[i64]| history::counts(exec.conn, object, ids);
            let totals = asked.count.then(|| totals(&ids, asked.rows.then_some(&found), &window, count)).transpose()?;
            let sight = exec.sight()?;
            let pages = aligned(&ids, found, totals.as_ref()).into_iter().zip(rows);
            let pages = pages.map(|(page, row)| read(page, |change| is_told(&sight, row, change)));
            let pages = pages.collect::<Result<_, Error>>()?;
            Ok(Pages { pages, cursor: Box::new(|entry: &EntryRow| position("newest", [Key::Int(entry.row.id)])) })
        }),
    )
}

fn read(
    page: crate::page::Page<HistoryRow>,
    is_told: impl Fn(&Change) -> bool,
) -> Result<crate::page::Page<EntryRow>, Error> {
    let entries = page.rows.into_iter().map(|row| {
        let mut changes: Vec<Change> = serde_json::from_str(&row.changes)
            .map_err(|error| Error::internal(format!("history entry {} is unreadable: {error}", row.id)))?;
        changes.retain(&is_told);
        Ok(EntryRow { row, changes })
    });
    Ok(crate::page::Page {
        rows: entries.collect::<Result<_, Error>>()?,
        has_next: page.has_next,
        has_previous: page.has_previous,
        total: page.total,
    })
}
