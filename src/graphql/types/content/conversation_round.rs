//! Conversation rounds as the graph shows them.

use super::{Content, face, input};
use crate::check::trimmed;
use crate::content::kind::Of;
use crate::content::kinds::conversation_round::ConversationRound;
use crate::graphql::engine::{Field, ty};
use crate::graphql::scalars::DateTime;

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
    ]
);

input!(ConversationRoundInput, ConversationRound,
/// A conversation round.
{
    /// What it is about, at most 10,000 characters.
    description: Option<String>,
    /// From when slots can be booked.
    booking_opens_at: Option<DateTime>,
    /// Until when slots can be booked and given back.
    booking_closes_at: Option<DateTime>,
}, |input| ConversationRound {
    description: trimmed(input.description),
    booking_opens_at: input.booking_opens_at.map(|at| at.0),
    booking_closes_at: input.booking_closes_at.map(|at| at.0),
});
