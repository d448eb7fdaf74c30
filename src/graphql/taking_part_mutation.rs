//! What people do with content that they take part in: booking slots and signing up.

use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object, Result};

use super::engine::Obj;
use super::mutation::{identifier, run};
use super::session::Session;
use super::text::Prose;
use super::types::content::conversation_round::ConversationSlotInput;
use super::types::content::entries::SignUpPayload;
use super::types::content::slots::{
    AddConversationSlotsPayload, ConversationSlotPayload, RemoveConversationSlotPayload,
};
use crate::check::given;
use crate::content::rounds::{self, Booking};
use crate::content::sign_ups::{self, Request};
use crate::id::Kind;

/// Slots to be added to a conversation round.
#[derive(InputObject, Clone, Debug)]
pub struct AddConversationSlotsInput {
    /// The conversation round.
    content_id: ID,
    /// The slots, from 1 to 500; a round has at most 2,000. They may overlap, such as those of several teachers.
    slots: Vec<ConversationSlotInput>,
    /// An identifier of your own: a repeated request with the same one is answered as it was the first time.
    client_mutation_id: Option<String>,
}

/// A slot to be removed.
#[derive(InputObject, Clone, Debug)]
pub struct RemoveConversationSlotInput {
    /// The slot.
    slot_id: ID,
    /// An identifier of your own: a repeated request with the same one is answered as it was the first time.
    client_mutation_id: Option<String>,
}

/// A slot to be booked.
#[derive(InputObject, Clone, Debug)]
pub struct BookConversationSlotInput {
    /// The slot.
    slot_id: ID,
    /// For whom: you when absent.
    participant_id: Option<ID>,
    /// Whether a slot of the same round that is booked for the same participant is given back for this one.
    #[graphql(default)]
    replace: bool,
    /// An identifier of your own: a repeated request with the same one is answered as it was the first time.
    client_mutation_id: Option<String>,
}

/// A slot to be given back.
#[derive(InputObject, Clone, Debug)]
pub struct CancelConversationBookingInput {
    /// The slot.
    slot_id: ID,
    /// An identifier of your own: a repeated request with the same one is answered as it was the first time.
    client_mutation_id: Option<String>,
}

/// Who signs up for what.
#[derive(InputObject, Clone, Debug)]
pub struct SignUpInput {
    /// The sign-up form.
    content_id: ID,
    /// Who signs up: you when absent.
    participant_id: Option<ID>,
    /// Something to say along with it, at most 1,000 characters. It is shown to who manages the form.
    note: Option<Prose>,
    /// An identifier of your own: a repeated request with the same one is answered as it was the first time.
    client_mutation_id: Option<String>,
}

/// An entry to be withdrawn.
#[derive(InputObject, Clone, Debug)]
pub struct WithdrawSignUpInput {
    /// The entry.
    entry_id: ID,
    /// An identifier of your own: a repeated request with the same one is answered as it was the first time.
    client_mutation_id: Option<String>,
}

fn whom(id: Option<&ID>) -> Result<Option<i64>> {
    id.map(|id| identifier(Kind::Participant, id, "participantId")).transpose()
}

/// The root of mutations, as far as it is about taking part in content.
#[derive(Default)]
pub struct TakingPartMutation;

#[Object]
#[allow(
    clippy::unused_async,
    reason = "resolvers are asynchronous by contract; these talk to the database on their own thread"
)]
impl TakingPartMutation {
    /// Adds slots to a conversation round.
    async fn add_conversation_slots(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The round, and its new slots.")] input: AddConversationSlotsInput,
    ) -> Result<Obj<AddConversationSlotsPayload>> {
        let content = identifier(Kind::Content, &input.content_id, "contentId")?;
        let slots: Vec<_> = input.slots.into_iter().map(ConversationSlotInput::slot).collect();
        let cache = ctx.data_unchecked::<Arc<Session>>().compositions();
        run(ctx, input.client_mutation_id, move |conn, scope| rounds::add(conn, scope, cache, content, &slots))
    }

    /// Removes a slot that is not booked. A booking must be cancelled first, so that nobody loses it without notice.
    async fn remove_conversation_slot(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The slot to be removed.")] input: RemoveConversationSlotInput,
    ) -> Result<Obj<RemoveConversationSlotPayload>> {
        let slot = identifier(Kind::ConversationSlot, &input.slot_id, "slotId")?;
        let cache = ctx.data_unchecked::<Arc<Session>>().compositions();
        run(ctx, input.client_mutation_id, move |conn, scope| rounds::remove(conn, scope, cache, slot))
    }

    /// Books a slot of a conversation round for you or for a child whose guardian you are; whoever manages the round books
    /// for everybody whom it is for, outside the booking times as well. Each has at most one slot of a round. Everything
    /// that stands in the way is in `userErrors`.
    async fn book_conversation_slot(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The slot, and for whom it is to be booked.")] input: BookConversationSlotInput,
    ) -> Result<Obj<ConversationSlotPayload>> {
        let booking = Booking {
            slot_id: identifier(Kind::ConversationSlot, &input.slot_id, "slotId")?,
            participant_id: whom(input.participant_id.as_ref())?,
            replace: input.replace,
        };
        let cache = ctx.data_unchecked::<Arc<Session>>().compositions();
        run(ctx, input.client_mutation_id, move |conn, scope| rounds::book(conn, scope, cache, &booking))
    }

    /// Gives a slot back that is booked for you or for a child of yours, until booking closes; whoever manages the round
    /// cancels any booking until the slot starts.
    async fn cancel_conversation_booking(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The slot to be given back.")] input: CancelConversationBookingInput,
    ) -> Result<Obj<ConversationSlotPayload>> {
        let slot = identifier(Kind::ConversationSlot, &input.slot_id, "slotId")?;
        let cache = ctx.data_unchecked::<Arc<Session>>().compositions();
        run(ctx, input.client_mutation_id, move |conn, scope| rounds::cancel(conn, scope, cache, slot))
    }

    /// Signs you or a child whose guardian you are up for something; whoever manages the form signs up everybody whom it is
    /// for, outside its times as well. When no place is left, the entry goes to the end of the waiting list. Everything that
    /// stands in the way is in `userErrors`.
    async fn sign_up(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who signs up for what.")] input: SignUpInput,
    ) -> Result<Obj<SignUpPayload>> {
        let request = Request {
            content_id: identifier(Kind::Content, &input.content_id, "contentId")?,
            participant_id: whom(input.participant_id.as_ref())?,
            note: given(input.note),
        };
        let cache = ctx.data_unchecked::<Arc<Session>>().compositions();
        run(ctx, input.client_mutation_id, move |conn, scope| sign_ups::sign_up(conn, scope, cache, &request))
    }

    /// Withdraws an entry of you or of a child of yours, until the form closes, also when the form is no longer shown to you;
    /// whoever manages the form withdraws any. The first on the waiting list moves up at once. Signing up again starts at the
    /// end.
    async fn withdraw_sign_up(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The entry to be withdrawn.")] input: WithdrawSignUpInput,
    ) -> Result<Obj<SignUpPayload>> {
        let entry = identifier(Kind::SignUpEntry, &input.entry_id, "entryId")?;
        let cache = ctx.data_unchecked::<Arc<Session>>().compositions();
        run(ctx, input.client_mutation_id, move |conn, scope| sign_ups::withdraw(conn, scope, cache, entry))
    }
}
