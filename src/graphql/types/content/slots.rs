//! The slots of conversation rounds as the graph shows them.

use std::collections::HashMap;

use async_graphql::{ID, ServerResult};

use super::{Content, ContentRow};
use crate::access::guardians::Family;
use crate::content::rounds::store::{self, Onlooker, SlotRow};
use crate::content::rounds::{Added, Booked, Removed};
use crate::error::Error;
use crate::graphql::engine::{
    Argument, Edge, Entity, Exec, Field, Keyed, Link, Listed, Obj, PAGE_ARGS, Pages, Pick, Values, arg, connection,
    inline_list, input, many, one, page_args, ty,
};
use crate::graphql::scalars::DateTime;
use crate::graphql::types::participant::Participant;
use crate::graphql::types::payload::{PayloadRow, UserError, Warning, payload};
use crate::graphql::types::{aligned, totals};
use crate::id::Kind;

/// A time at which a talk can take place.
pub struct ConversationSlot;

impl Entity for ConversationSlot {
    const NAME: &'static str = "ConversationSlot";
    const DOC: &'static str = "A time at which a talk can take place. Whoever sees the round sees its slots and which are available; for \
                               whom a slot is booked is told to that family and to who manages the round, and to nobody else.";
    const INTERFACES: &'static [&'static str] = &["Node"];
    type Row = SlotRow;

    fn fields() -> &'static [Field<Self>] {
        FIELDS
    }
}

const FIELDS: &[Field<ConversationSlot>] = &[
    Field::<ConversationSlot>::value("id", ty::<ID>, "The global identifier.", |row, out| {
        out.id(Kind::ConversationSlot, row.id);
    }),
    Field::<ConversationSlot>::value("startsAt", ty::<DateTime>, "When it starts.", |row, out| {
        out.instant(row.starts_at);
    }),
    Field::<ConversationSlot>::value("endsAt", ty::<DateTime>, "When it ends.", |row, out| out.instant(row.ends_at)),
    Field::<ConversationSlot>::value(
        "location",
        ty::<Option<String>>,
        "Where the talk takes place, or with whom; null when nothing is said.",
        |row, out| out.opt_str(row.location.as_deref()),
    ),
    Field::<ConversationSlot>::value(
        "available",
        ty::<bool>,
        "Whether nobody has booked it and it is still to come. From when to when it can be booked is said by the round.",
        |row, out| out.bool(row.available),
    ),
    Field::<ConversationSlot>::value(
        "mine",
        ty::<bool>,
        "Whether it is booked for you or for a child of yours.",
        |row, out| out.bool(row.mine),
    ),
    Field::<ConversationSlot>::link(
        "bookedFor",
        ty::<Option<Obj<Participant>>>,
        "For whom it is booked; null when it is not booked or it is not yours to know, or when you may not see the participant.",
        |pick| one::<SlotRow, Participant>(pick, |row| row.booked.as_ref().map(|booked| booked.participant_id)),
    ),
    Field::<ConversationSlot>::value(
        "bookedForName",
        ty::<Option<String>>,
        "The name of whom it is booked for; null when it is not booked or it is not yours to know.",
        |row, out| out.opt_str(row.booked.as_ref().map(|booked| booked.participant_name.as_str())),
    ),
    Field::<ConversationSlot>::value(
        "bookedByName",
        ty::<Option<String>>,
        "The name of who booked it; null when it is not booked or it is not yours to know, empty where another guardian of the child did.",
        |row, out| out.opt_str(row.booked.as_ref().map(|booked| booked.by.as_str())),
    ),
    Field::<ConversationSlot>::value(
        "bookedAt",
        ty::<Option<DateTime>>,
        "When it was booked; null when it is not booked or it is not yours to know.",
        |row, out| out.opt_instant(row.booked.as_ref().map(|booked| booked.at)),
    ),
];

/// Runs a reading with what the viewer sees and the viewer's family.
fn looking<T>(
    exec: &mut Exec<'_>,
    read: impl FnOnce(&mut Exec<'_>, &Onlooker<'_>) -> Result<T, Error>,
) -> Result<T, Error> {
    let vision = exec.vision()?;
    let family = family(exec)?;
    let now = exec.scope.instant();
    read(exec, &Onlooker { vision: &vision, family: &family, now })
}

/// The viewer and the viewer's children.
///
/// # Errors
/// What the database answers.
pub fn family(exec: &mut Exec<'_>) -> Result<Family, Error> {
    Ok(exec.sight()?.family().clone())
}

impl Keyed for ConversationSlot {
    fn by_ids(exec: &mut Exec<'_>, ids: &[i64], _details: bool) -> Result<Vec<SlotRow>, Error> {
        looking(exec, |exec, onlooker| store::by_ids(exec.conn, onlooker, ids))
    }

    fn key(row: &SlotRow) -> i64 {
        row.id
    }
}

impl Listed for ConversationSlot {
    type Node = Self;
    const CONNECTION: &'static str = "ConversationSlotConnection";
    const CONNECTION_DOC: &'static str = "A page of the slots of a conversation round, the first to start first.";
    const EDGE: &'static str = "ConversationSlotEdge";

    fn edge_fields() -> &'static [Field<Edge<Self>>] {
        Edge::<Self>::BASIC
    }

    fn node(row: &SlotRow) -> &SlotRow {
        row
    }
}

/// The arguments of the list of slots.
pub const ARGS: &[Argument] = &[
    PAGE_ARGS[0],
    PAGE_ARGS[1],
    PAGE_ARGS[2],
    PAGE_ARGS[3],
    arg(
        "available",
        input::<Option<bool>>,
        "Only slots that are available, or only those that are not; all when absent.",
    ),
];

/// Leads from rounds to their slots.
///
/// # Errors
/// When an argument does not fit its type.
pub fn slots(pick: &Pick<'_>) -> ServerResult<Box<dyn Link<ContentRow>>> {
    let window = page_args(pick)?;
    let available: Option<bool> = pick.arg("available")?;
    connection::<ContentRow, ConversationSlot>(
        pick,
        Box::new(move |exec: &mut Exec<'_>, rows, asked| {
            let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
            let read = |exec: &mut Exec<'_>, onlooker: &Onlooker<'_>| {
                store::pages(exec.conn, onlooker, &ids, available, &window)
            };
            let found = if asked.rows { looking(exec, read)? } else { HashMap::new() };
            let now = exec.scope.instant();
            let count = |ids: &[i64]| store::counts(exec.conn, now, ids, available);
            let totals = asked.count.then(|| totals(&ids, asked.rows.then_some(&found), &window, count)).transpose()?;
            let pages = aligned(&ids, found, totals.as_ref());
            Ok(Pages { pages, cursor: Box::new(SlotRow::keys) })
        }),
    )
}

struct Free;

/// Leads from rounds to the number of their slots that are available.
///
/// # Errors
/// None.
pub fn free(_: &Pick<'_>) -> ServerResult<Box<dyn Link<ContentRow>>> {
    Ok(Box::new(Free))
}

impl Link<ContentRow> for Free {
    fn follow(&self, exec: &mut Exec<'_>, rows: &[&ContentRow]) -> Result<Values, Error> {
        let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
        let counts = store::counts(exec.conn, exec.scope.instant(), &ids, Some(true))?;
        let mut values = Values::with_capacity(rows.len());
        for id in ids {
            values.push(|out| out.int(counts.get(&id).copied().unwrap_or_default()));
        }
        Ok(values)
    }
}

/// Leads from rounds to the slots that are booked for the viewer and the viewer's children.
///
/// # Errors
/// When an argument does not fit its type.
pub fn of_viewer(pick: &Pick<'_>) -> ServerResult<Box<dyn Link<ContentRow>>> {
    many::<ContentRow, ConversationSlot>(
        pick,
        Box::new(|exec, rows, _| {
            let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
            let found = looking(exec, |exec, onlooker| store::of_family(exec.conn, onlooker, &ids))?;
            let of = |id: i64| found.iter().filter(|slot| slot.content_id == id).cloned().collect();
            Ok(ids.into_iter().map(of).collect())
        }),
    )
}

payload!(
    ConversationSlotPayload,
    Booked,
    "What became of a booking.",
    [
        Field::<ConversationSlotPayload>::link(
            "slot",
            ty::<Option<Obj<ConversationSlot>>>,
            "The slot as it is now; null when the mutation was refused.",
            |pick| one::<PayloadRow<Booked>, ConversationSlot>(pick, |row| row.done.as_ref().map(|done| done.slot_id)),
        ),
        Field::<ConversationSlotPayload>::link(
            "content",
            ty::<Option<Obj<Content>>>,
            "The round as it is now; null when the mutation was refused.",
            |pick| one::<PayloadRow<Booked>, Content>(pick, |row| row.done.as_ref().map(|done| done.content_id)),
        ),
        Field::<ConversationSlotPayload>::link(
            "warnings",
            ty::<Vec<Obj<Warning>>>,
            "What you should know about the booking, such as another one at the same time.",
            |pick| {
                inline_list::<PayloadRow<Booked>, Warning>(pick, |row| {
                    row.done.as_ref().map_or(&[], |done| done.warnings.as_slice())
                })
            }
        ),
    ]
);

payload!(
    AddConversationSlotsPayload,
    Added,
    "What became of an addition of slots.",
    [
        Field::<AddConversationSlotsPayload>::link(
            "slots",
            ty::<Vec<Obj<ConversationSlot>>>,
            "The slots that were added, the first to start first; empty when the mutation was refused.",
            |pick| many::<PayloadRow<Added>, ConversationSlot>(pick, Box::new(added)),
        ),
        Field::<AddConversationSlotsPayload>::link(
            "content",
            ty::<Option<Obj<Content>>>,
            "The round as it is now; null when the mutation was refused.",
            |pick| one::<PayloadRow<Added>, Content>(pick, |row| row.done.as_ref().map(|done| done.content_id)),
        ),
    ]
);

fn added(exec: &mut Exec<'_>, rows: &[&PayloadRow<Added>], details: bool) -> Result<Vec<Vec<SlotRow>>, Error> {
    let of = |row: &&PayloadRow<Added>| {
        let ids = row.done.as_ref().map_or(&[][..], |done| done.slots.as_slice());
        let mut slots = ConversationSlot::by_ids(exec, ids, details)?;
        slots.sort_by_key(|slot| (slot.starts_at, slot.id));
        Ok(slots)
    };
    rows.iter().map(of).collect()
}

payload!(
    RemoveConversationSlotPayload,
    Removed,
    "What became of a removal of a slot.",
    [
        Field::<RemoveConversationSlotPayload>::value(
            "deletedId",
            ty::<Option<ID>>,
            "The identifier of the slot that is gone; null when the mutation was refused.",
            |row, out| match &row.done {
                Some(done) => out.id(Kind::ConversationSlot, done.slot_id),
                None => out.null(),
            }
        ),
        Field::<RemoveConversationSlotPayload>::link(
            "content",
            ty::<Option<Obj<Content>>>,
            "The round as it is now; null when the mutation was refused.",
            |pick| one::<PayloadRow<Removed>, Content>(pick, |row| row.done.as_ref().map(|done| done.content_id)),
        ),
    ]
);
