//! What can be changed about groups, people and memberships.

use std::sync::Arc;

use async_graphql::{Context, ID, Object, Result};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::engine::{Entity, Obj};
use super::errors::resolver_error;
use super::inputs::{date, key};
use super::membership_inputs::{
    AddMembershipsInput, AnnulMembershipInput, EndMembershipInput, SubscribeInput, UnsubscribeInput,
    UpdateMembershipInput,
};
use super::mutation_inputs::{
    CreateGroupCategoryInput, CreateGroupInput, CreateParticipantInput, CreateReasonInput, DeleteGroupCategoryInput,
    DeleteReasonInput, EndResidencyInput, GroupInput, RegisterResidencyInput, RetryOutboxMessageInput,
    SetGroupComponentsInput, UpdateGroupCategoryInput, UpdateGroupInput, UpdateParticipantInput, UpdateReasonInput,
};

use super::session::Session;
use super::types::adding::AddMembershipsPayload;
use super::types::deleted_group::DeleteGroupPayload;
use super::types::payload::{
    Coded, EndReasonPayload, GroupCategoryPayload, GroupPayload, MembershipPayload, OutboxMessagePayload,
    ParticipantPayload, PayloadRow, ResidencyPayload, StartReasonPayload,
};
use crate::check::given;
use crate::db::Conn;
use crate::error::Error;
use crate::groups::{Settings, categories};
use crate::id::Kind;
use crate::mail;
use crate::members::add;
use crate::members::causes::{self, Changed};
use crate::members::store::ReasonTable;
use crate::members::{self, reasons};
use crate::people::Details;
use crate::repeat::{self, Repeatable};
use crate::scope::Scope;
use crate::subscriptions;

/// The root of mutations, as far as it is about groups, people and memberships.
#[derive(Default)]
pub struct MembershipMutation;

/// Carries out a command in a transaction of its own, once for each `clientMutationId`, and answers with its payload.
pub(super) fn run<T, P>(
    ctx: &Context<'_>,
    client_mutation_id: Option<String>,
    command: impl FnOnce(&mut Conn, &Scope) -> Result<T, Error>,
) -> Result<Obj<P>>
where
    T: Serialize + DeserializeOwned,
    P: Entity<Row = PayloadRow<T>>,
{
    rehearse(ctx, client_mutation_id, false, command)
}

/// The same, or in a dry run all of it without a trace.
pub(super) fn rehearse<T, P>(
    ctx: &Context<'_>,
    client_mutation_id: Option<String>,
    dry_run: bool,
    command: impl FnOnce(&mut Conn, &Scope) -> Result<T, Error>,
) -> Result<Obj<P>>
where
    T: Serialize + DeserializeOwned,
    P: Entity<Row = PayloadRow<T>>,
{
    let session = ctx.data_unchecked::<Arc<Session>>();
    let scope = session.scope();
    let repeatable = Repeatable { id: client_mutation_id.clone(), request: fingerprint(ctx)?, rehearsal: dry_run };
    let done = session.write_if(|conn| {
        let done = repeat::once(conn, scope, &repeatable, |conn| command(conn, scope))?;
        Ok((done, !dry_run))
    });
    payload(client_mutation_id, done)
}

fn payload<T, P: Entity<Row = PayloadRow<T>>>(
    client_mutation_id: Option<String>,
    done: Result<T, Error>,
) -> Result<Obj<P>> {
    match done {
        Ok(done) => Ok(Obj::row(PayloadRow { done: Some(done), errors: Vec::new(), client_mutation_id })),
        Err(Error::Rejected(errors)) => Ok(Obj::row(PayloadRow { done: None, errors, client_mutation_id })),
        Err(error) => Err(resolver_error(&error)),
    }
}

/// A digest of the mutation and its arguments, to recognize a repetition.
fn fingerprint(ctx: &Context<'_>) -> Result<String> {
    let field = ctx.field();
    let arguments = field.arguments()?.into_iter().map(|(name, value)| format!("{name}:{value}")).collect::<Vec<_>>();
    let digest = Sha256::digest(format!("{}({})", field.name(), arguments.join(",")));
    Ok(URL_SAFE_NO_PAD.encode(digest))
}

pub(super) fn identifier(kind: Kind, id: &ID, name: &str) -> Result<i64> {
    key(kind, id, name).map_err(|error| resolver_error(&error))
}

fn optional(id: Option<&ID>, name: &str) -> Result<Option<i64>> {
    id.map(|id| identifier(Kind::Participant, id, name)).transpose()
}

#[Object]
#[allow(
    clippy::unused_async,
    reason = "resolvers are asynchronous by contract; these talk to the database on their own thread"
)]
impl MembershipMutation {
    /// Makes a group.
    async fn create_group(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The group to be made.")] input: CreateGroupInput,
    ) -> Result<Obj<GroupPayload>> {
        let organization = optional(input.organization_id.as_ref(), "organizationId")?;
        let patch = match input.settings.patch() {
            Ok(patch) => patch,
            Err(error) => return payload(input.client_mutation_id, Err(error)),
        };
        run(ctx, input.client_mutation_id, move |conn, scope| {
            let mut settings = Settings { organization_id: organization, ..Settings::default() };
            patch(&mut settings);
            causes::create_group(conn, scope, settings)
        })
    }

    /// Changes the settings of a group.
    async fn update_group(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The group to be changed.")] input: UpdateGroupInput,
    ) -> Result<Obj<GroupPayload>> {
        let group = identifier(Kind::Group, &input.group_id, "groupId")?;
        let organization = optional(input.organization_id.as_ref(), "organizationId")?;
        let patch = match input.settings.patch() {
            Ok(patch) => patch,
            Err(error) => return payload(input.client_mutation_id, Err(error)),
        };
        let dry_run = input.dry_run;
        rehearse(ctx, input.client_mutation_id, dry_run, move |conn, scope| {
            let patch = Box::new(move |settings: &mut Settings| {
                patch(settings);
                settings.organization_id = organization.or(settings.organization_id);
            });
            let changed = causes::update_group(conn, scope, group, patch)?;
            Ok(Changed { dry_run, ..changed })
        })
    }

    /// Closes a group: it is kept with all its memberships, and left out of lists.
    async fn close_group(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The group to be closed.")] input: GroupInput,
    ) -> Result<Obj<GroupPayload>> {
        let group = identifier(Kind::Group, &input.group_id, "groupId")?;
        run(ctx, input.client_mutation_id, move |conn, scope| causes::set_group_closed(conn, scope, group, true))
    }

    /// Opens a closed group again.
    async fn reopen_group(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The group to be opened again.")] input: GroupInput,
    ) -> Result<Obj<GroupPayload>> {
        let group = identifier(Kind::Group, &input.group_id, "groupId")?;
        run(ctx, input.client_mutation_id, move |conn, scope| causes::set_group_closed(conn, scope, group, false))
    }

    /// Deletes a group that nothing holds. A group that something holds is closed instead: then `closed` is true, and `heldBy`
    /// says what holds it.
    async fn delete_group(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The group to be deleted.")] input: GroupInput,
    ) -> Result<Obj<DeleteGroupPayload>> {
        let group = identifier(Kind::Group, &input.group_id, "groupId")?;
        run(ctx, input.client_mutation_id, move |conn, scope| causes::delete_group(conn, scope, group))
    }

    /// Replaces what a group is made of. A composition that would go round in a circle is refused.
    async fn set_group_components(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What the group is to be made of.")] input: SetGroupComponentsInput,
    ) -> Result<Obj<GroupPayload>> {
        let group = identifier(Kind::Group, &input.group_id, "groupId")?;
        let components = input.components.iter().map(|component| {
            Ok((identifier(Kind::Group, &component.group_id, "components.groupId")?, component.mode.into()))
        });
        let components = components.collect::<Result<Vec<_>>>()?;
        let composition = input.composition.map(Into::into);
        run(ctx, input.client_mutation_id, move |conn, scope| {
            causes::set_components(conn, scope, group, composition, &components)
        })
    }

    /// Adds members to a group, many at once: all of them or nobody, unless a partial addition is allowed. Whoever is a member
    /// already stays as they are, and whoever left by themselves stays out; both are counted and refuse nobody else.
    async fn add_memberships(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who is to be added to which group.")] input: AddMembershipsInput,
    ) -> Result<Obj<AddMembershipsPayload>> {
        let client_mutation_id = input.client_mutation_id.clone();
        let done = input.addition()?.and_then(|addition| {
            let session = ctx.data_unchecked::<Arc<Session>>();
            let scope = session.scope();
            let repeatable = Repeatable {
                id: input.client_mutation_id.clone(),
                request: fingerprint(ctx).map_err(|error| Error::BadInput(error.message))?,
                rehearsal: addition.dry_run,
            };
            session.write_if(|conn| {
                let added = repeat::once(conn, scope, &repeatable, |conn| add::add(conn, scope, &addition))?;
                let keep = added.keep();
                Ok((added, keep))
            })
        });
        match done {
            Ok(mut added) => {
                let errors = std::mem::take(&mut added.errors);
                Ok(Obj::row(PayloadRow { done: Some(Arc::new(added)), errors, client_mutation_id }))
            }
            Err(error) => payload(client_mutation_id, Err(error)),
        }
    }

    /// Makes a participant a member of a subscription group: the viewer, or a child whose guardian the viewer is;
    /// administrators of the organization that owns the group, anybody they administer. Everything that stands in the way
    /// is in `userErrors`.
    async fn subscribe(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who is to join which group.")] input: SubscribeInput,
    ) -> Result<Obj<MembershipPayload>> {
        let request = input.request()?;
        let cache = ctx.data_unchecked::<Arc<Session>>().compositions();
        run(ctx, input.client_mutation_id, move |conn, scope| subscriptions::subscribe(conn, scope, cache, &request))
    }

    /// Ends the membership of a subscription group that is in force. It is open to every member, also to one who may no longer
    /// join. The participant stays out until joining again, even if another group or addresses feed the group.
    async fn unsubscribe(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who is to leave which group.")] input: UnsubscribeInput,
    ) -> Result<Obj<MembershipPayload>> {
        let request = input.request()?;
        let cache = ctx.data_unchecked::<Arc<Session>>().compositions();
        run(ctx, input.client_mutation_id, move |conn, scope| subscriptions::unsubscribe(conn, scope, cache, &request))
    }

    /// Ends a membership. An end that is known already and earlier is kept, and a warning says so, unless it is to be replaced.
    /// If the membership follows from another group or from an address, the participant stays out until joining again.
    async fn end_membership(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The membership, and how it ends.")] input: EndMembershipInput,
    ) -> Result<Obj<MembershipPayload>> {
        let ending = input.ending()?;
        run(ctx, input.client_mutation_id, move |conn, scope| members::commands::end(conn, scope, &ending))
    }

    /// Corrects a membership.
    async fn update_membership(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The membership, and what to correct.")] input: UpdateMembershipInput,
    ) -> Result<Obj<MembershipPayload>> {
        let correction = input.correction()?;
        run(ctx, input.client_mutation_id, move |conn, scope| members::commands::update(conn, scope, &correction))
    }

    /// Declares a membership a mistake: it stays in the history and is in no list or count any more.
    async fn annul_membership(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The membership that was a mistake.")] input: AnnulMembershipInput,
    ) -> Result<Obj<MembershipPayload>> {
        let membership = identifier(Kind::Membership, &input.membership_id, "membershipId")?;
        run(ctx, input.client_mutation_id, move |conn, scope| members::commands::annul(conn, scope, membership))
    }

    /// Puts an e-mail that was given up back among those to be sent.
    async fn retry_outbox_message(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The e-mail to be tried again.")] input: RetryOutboxMessageInput,
    ) -> Result<Obj<OutboxMessagePayload>> {
        let message = identifier(Kind::OutboxMessage, &input.message_id, "messageId")?;
        run(ctx, input.client_mutation_id, move |conn, scope| mail::retry(conn, scope, message))
    }

    /// Registers a participant.
    async fn create_participant(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The participant to be registered.")] input: CreateParticipantInput,
    ) -> Result<Obj<ParticipantPayload>> {
        let organization = optional(input.organization_id.as_ref(), "organizationId")?;
        run(ctx, input.client_mutation_id, move |conn, scope| {
            let mut details =
                Details { external_id: given(input.external_id), organization_id: organization, ..Details::default() };
            input.details.put(&mut details);
            causes::create_participant(conn, scope, input.details.kind(), details)
        })
    }

    /// Changes a participant.
    async fn update_participant(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The participant to be changed.")] input: UpdateParticipantInput,
    ) -> Result<Obj<ParticipantPayload>> {
        let participant = identifier(Kind::Participant, &input.participant_id, "participantId")?;
        let client_mutation_id = input.client_mutation_id.clone();
        let kind = input.details.as_ref().map(super::mutation_inputs::ParticipantDetailsInput::kind);
        let patch = input.patch().map_err(|error| resolver_error(&error))?;
        run(ctx, client_mutation_id, move |conn, scope| {
            causes::update_participant(conn, scope, participant, kind, patch)
        })
    }

    /// Registers a person or an organization at an address.
    async fn register_residency(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who is to be registered where.")] input: RegisterResidencyInput,
    ) -> Result<Obj<ResidencyPayload>> {
        let participant = identifier(Kind::Participant, &input.participant_id, "participantId")?;
        let address = identifier(Kind::Participant, &input.address_id, "addressId")?;
        run(ctx, input.client_mutation_id, move |conn, scope| {
            let start = date(input.start_date).unwrap_or(scope.today);
            causes::register_residency(conn, scope, participant, address, start, date(input.end_date))
        })
    }

    /// Ends a registration at an address.
    async fn end_residency(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The registration to be ended.")] input: EndResidencyInput,
    ) -> Result<Obj<ResidencyPayload>> {
        let residency = identifier(Kind::Residency, &input.residency_id, "residencyId")?;
        run(ctx, input.client_mutation_id, move |conn, scope| {
            causes::end_residency(conn, scope, residency, date(input.end_date).unwrap_or(scope.today))
        })
    }

    /// Makes a group category.
    async fn create_group_category(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The category to be made.")] input: CreateGroupCategoryInput,
    ) -> Result<Obj<GroupCategoryPayload>> {
        run(ctx, input.client_mutation_id, move |conn, scope| {
            categories::create(conn, scope, input.name.into(), given(input.external_id))
                .map(|id| Coded { id, gone: false })
        })
    }

    /// Renames a group category.
    async fn update_group_category(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The category to be renamed.")] input: UpdateGroupCategoryInput,
    ) -> Result<Obj<GroupCategoryPayload>> {
        let category = identifier(Kind::GroupCategory, &input.group_category_id, "groupCategoryId")?;
        run(ctx, input.client_mutation_id, move |conn, scope| {
            categories::rename(conn, scope, category, input.name.into()).map(|id| Coded { id, gone: false })
        })
    }

    /// Deletes a group category that no group has.
    async fn delete_group_category(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The category to be deleted.")] input: DeleteGroupCategoryInput,
    ) -> Result<Obj<GroupCategoryPayload>> {
        let category = identifier(Kind::GroupCategory, &input.group_category_id, "groupCategoryId")?;
        run(ctx, input.client_mutation_id, move |conn, scope| {
            categories::delete(conn, scope, category).map(|id| Coded { id, gone: true })
        })
    }

    /// Makes a start reason.
    async fn create_start_reason(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The reason to be made.")] input: CreateReasonInput,
    ) -> Result<Obj<StartReasonPayload>> {
        create_reason(ctx, ReasonTable::Start, input)
    }

    /// Changes a start reason.
    async fn update_start_reason(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The reason to be changed.")] input: UpdateReasonInput,
    ) -> Result<Obj<StartReasonPayload>> {
        let reason = identifier(Kind::StartReason, &input.reason_id, "reasonId")?;
        update_reason(ctx, ReasonTable::Start, reason, input)
    }

    /// Deletes a start reason that was never given. One that was can be retired.
    async fn delete_start_reason(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The reason to be deleted.")] input: DeleteReasonInput,
    ) -> Result<Obj<StartReasonPayload>> {
        let reason = identifier(Kind::StartReason, &input.reason_id, "reasonId")?;
        delete_reason(ctx, ReasonTable::Start, reason, input)
    }

    /// Makes an end reason.
    async fn create_end_reason(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The reason to be made.")] input: CreateReasonInput,
    ) -> Result<Obj<EndReasonPayload>> {
        create_reason(ctx, ReasonTable::End, input)
    }

    /// Changes an end reason.
    async fn update_end_reason(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The reason to be changed.")] input: UpdateReasonInput,
    ) -> Result<Obj<EndReasonPayload>> {
        let reason = identifier(Kind::EndReason, &input.reason_id, "reasonId")?;
        update_reason(ctx, ReasonTable::End, reason, input)
    }

    /// Deletes an end reason that was never given. One that was can be retired.
    async fn delete_end_reason(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The reason to be deleted.")] input: DeleteReasonInput,
    ) -> Result<Obj<EndReasonPayload>> {
        let reason = identifier(Kind::EndReason, &input.reason_id, "reasonId")?;
        delete_reason(ctx, ReasonTable::End, reason, input)
    }
}

fn create_reason<P: Entity<Row = PayloadRow<Coded>>>(
    ctx: &Context<'_>,
    table: ReasonTable,
    input: CreateReasonInput,
) -> Result<Obj<P>> {
    run(ctx, input.client_mutation_id, move |conn, scope| {
        reasons::create(conn, scope, table, &input.code, &input.label).map(|id| Coded { id, gone: false })
    })
}

fn update_reason<P: Entity<Row = PayloadRow<Coded>>>(
    ctx: &Context<'_>,
    table: ReasonTable,
    reason: i64,
    input: UpdateReasonInput,
) -> Result<Obj<P>> {
    run(ctx, input.client_mutation_id, move |conn, scope| {
        reasons::update(conn, scope, table, reason, input.label.as_deref(), input.retired)
            .map(|id| Coded { id, gone: false })
    })
}

fn delete_reason<P: Entity<Row = PayloadRow<Coded>>>(
    ctx: &Context<'_>,
    table: ReasonTable,
    reason: i64,
    input: DeleteReasonInput,
) -> Result<Obj<P>> {
    run(ctx, input.client_mutation_id, move |conn, scope| {
        reasons::delete(conn, scope, table, reason).map(|id| Coded { id, gone: true })
    })
}
