//! Conversation rounds as the graph shows them.

use async_graphql::InputObject;

use super::slots::{self, ConversationSlot};
use super::{Content, face, input};
use crate::check::given;
use crate::content::kind::Of;
use crate::content::kinds::conversation_round::{ConversationRound, Slot};
use crate::graphql::engine::{Connection, Field, Obj, ty};
use crate::graphql::scalars::DateTime;
use crate::graphql::text::{Line, Prose};

face!(
    ConversationRound,
    "Talks about children, for which their guardians book slots.",
    [
        Field::<Content>::value(
            "description",
            ty::<Option<String>>,
            "What it is about; null when nothing is said.",
            |row, out| {
                out.opt_str(ConversationRound::of(row.details()).and_then(|item| item.description.as_deref()));
            }
        ),
        Field::<Content>::value(
            "bookingOpensAt",
            ty::<Option<DateTime>>,
            "From when slots can be booked; from the start when null.",
            |row, out| {
                out.opt_instant(ConversationRound::of(row.details()).and_then(|item| item.booking_opens_at));
            }
        ),
        Field::<Content>::value(
            "bookingClosesAt",
            ty::<Option<DateTime>>,
            "Until when slots can be booked and given back; until they start when null.",
            |row, out| {
                out.opt_instant(ConversationRound::of(row.details()).and_then(|item| item.booking_closes_at));
            }
        ),
        Field::<Content>::link(
            "slots",
            ty::<Option<Obj<Connection<ConversationSlot>>>>,
            "The times at which talks can take place, the first to start first.",
            slots::slots,
        )
        .args(slots::ARGS),
        Field::<Content>::link("freeSlotCount", ty::<i32>, "How many slots are available.", slots::free),
        Field::<Content>::link(
            "viewerSlots",
            ty::<Vec<Obj<ConversationSlot>>>,
            "The slots that are booked for you and your children, the first to start first.",
            slots::of_viewer,
        ),
    ]
);

/// A time at which a talk can take place.
#[derive(InputObject, Clone, Debug)]
pub struct ConversationSlotInput {
    /// When it starts, which must be to come.
    starts_at: DateTime,
    /// When it ends, at most 24 hours later.
    ends_at: DateTime,
    /// Where the talk takes place, or with whom, at most 200 characters.
    location: Option<Line>,
}

impl ConversationSlotInput {
    /// The slot as it is wanted.
    pub fn slot(self) -> Slot {
        Slot { starts_at: self.starts_at.0, ends_at: self.ends_at.0, location: given(self.location) }
    }
}

input!(ConversationRoundInput, ConversationRound,
/// A conversation round.
{
    /// What it is about, at most 10,000 characters.
    description: Option<Prose>,
    /// From when slots can be booked.
    booking_opens_at: Option<DateTime>,
    /// Until when slots can be booked and given back.
    booking_closes_at: Option<DateTime>,
    /// The slots with which it begins, at most 500. More are added afterwards; where a round is changed, none can be given.
    #[graphql(default)]
    slots: Vec<ConversationSlotInput>,
}, |input| ConversationRound {
    description: given(input.description),
    booking_opens_at: input.booking_opens_at.map(|at| at.0),
    booking_closes_at: input.booking_closes_at.map(|at| at.0),
    slots: input.slots.into_iter().map(ConversationSlotInput::slot).collect(),
});
