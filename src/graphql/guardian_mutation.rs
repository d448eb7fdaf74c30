//! What can be changed about who looks after whom.

use async_graphql::{Context, ID, InputObject, Object, Result};

use super::engine::Obj;
use super::inputs::date;
use super::mutation::{identifier, run};
use super::scalars::Date;
use super::types::payload::GuardianPayload;
use crate::id::Kind;
use crate::people::guardians::{self, Guardianship};

/// Who looks after whom.
#[derive(InputObject, Clone, Debug)]
pub struct GuardianInput {
    /// The child.
    pub child_id: ID,
    /// Who looks after the child.
    pub guardian_id: ID,
    /// The organization for which it counts or ends. When absent: the one that keeps the child's record, if you administer it,
    /// else the only one that you administer. Whoever administers everything and names none means all organizations.
    pub organization_id: Option<ID>,
    /// The first day on which it no longer counts. When absent it ends on the day on which the child is 18, or, where it is
    /// to be ended, at once.
    pub ends_on: Option<Date>,
    /// An identifier of the client's own: the same mutation with the same one is carried out once.
    pub client_mutation_id: Option<String>,
}

/// Whether one agrees that somebody goes on looking after oneself.
#[derive(InputObject, Clone, Debug)]
pub struct AgreeToGuardianInput {
    /// Who looks after you.
    pub guardian_id: ID,
    /// Whether you agree; false takes it back.
    pub agreed: bool,
    /// An identifier of the client's own: the same mutation with the same one is carried out once.
    pub client_mutation_id: Option<String>,
}

fn wanted(input: &GuardianInput) -> Result<Guardianship> {
    let participant = |id: &ID, name: &str| identifier(Kind::Participant, id, name);
    Ok(Guardianship {
        child: participant(&input.child_id, "childId")?,
        guardian: participant(&input.guardian_id, "guardianId")?,
        organization: input.organization_id.as_ref().map(|id| participant(id, "organizationId")).transpose()?,
        ends_on: date(input.ends_on),
    })
}

/// The root of mutations, as far as it is about guardians.
#[derive(Default)]
pub struct GuardianMutation;

#[Object]
#[allow(
    clippy::unused_async,
    reason = "resolvers are asynchronous by contract; these talk to the database on their own thread"
)]
impl GuardianMutation {
    /// Records that somebody looks after a child. The guardian then sees what the organization that records it shows to the
    /// child, and acts for the child there. You must keep the records of both.
    async fn add_guardian(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who is to look after whom.")] input: GuardianInput,
    ) -> Result<Obj<GuardianPayload>> {
        let wanted = wanted(&input)?;
        run(ctx, input.client_mutation_id, move |conn, scope| guardians::add(conn, scope, &wanted))
    }

    /// Confirms for your organization that somebody looks after one of its people, as another organization recorded. It counts
    /// for your organization from then on. What you have ended for your organization can be confirmed again.
    async fn confirm_guardian(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who looks after whom.")] input: GuardianInput,
    ) -> Result<Obj<GuardianPayload>> {
        let wanted = wanted(&input)?;
        run(ctx, input.client_mutation_id, move |conn, scope| guardians::confirm(conn, scope, &wanted))
    }

    /// Ends a guardianship for your organization. Other organizations end it for themselves.
    async fn remove_guardian(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who is no longer to look after whom.")] input: GuardianInput,
    ) -> Result<Obj<GuardianPayload>> {
        let wanted = wanted(&input)?;
        run(ctx, input.client_mutation_id, move |conn, scope| guardians::end(conn, scope, &wanted))
    }

    /// Says that somebody goes on looking after you although you are 18 or older, or no longer. Nobody but you may say so, from
    /// the age of 16 on.
    async fn agree_to_guardian(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who goes on looking after you.")] input: AgreeToGuardianInput,
    ) -> Result<Obj<GuardianPayload>> {
        let guardian = identifier(Kind::Participant, &input.guardian_id, "guardianId")?;
        run(ctx, input.client_mutation_id, move |conn, scope| guardians::agree(conn, scope, guardian, input.agreed))
    }
}
