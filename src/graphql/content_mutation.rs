//! What can be changed about content.

use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, Result};

use super::engine::Obj;
use super::errors::resolver_error;
use super::mutation::{identifier, run};
use super::scalars::DateTime;
use super::session::Session;
use super::text::{Line, Prose};
use super::types::content::CreateContentInput;
use super::types::payload::{ContentFilePayload, ContentPayload};
use crate::check::given;
use crate::content::{Availability, commands, files};
use crate::id::Kind;
use crate::repeat::Saved;

/// An item to be changed.
#[derive(InputObject, Clone, Debug)]
pub struct UpdateContentInput {
    /// The item.
    content_id: ID,
    /// The item as it is to be, whole and of the same kind.
    content: CreateContentInput,
    /// An identifier of your own: a repeated request with the same one is answered as it was the first time.
    client_mutation_id: Option<String>,
}

/// To whom an item is to be shown: any mix of these.
#[derive(InputObject, Clone, Debug)]
pub struct AvailabilityInput {
    /// To everybody, signed in or not.
    #[graphql(default)]
    everyone: bool,
    /// To all who belong to the organization, and the guardians of children who do.
    #[graphql(default)]
    organization: bool,
    /// To those who work for the organization.
    #[graphql(default)]
    staff: bool,
    /// To those who belong to these groups, their guardians and the groups' leaders; at most 1,000.
    #[graphql(default)]
    group_ids: Vec<ID>,
    /// To these participants, and the guardians of children among them; at most 10,000.
    #[graphql(default)]
    participant_ids: Vec<ID>,
}

/// An item to be published.
#[derive(InputObject, Clone, Debug)]
pub struct PublishContentInput {
    /// The item.
    content_id: ID,
    /// To whom it is to be shown, in place of the audience that it has.
    availability: AvailabilityInput,
    /// From when on it is to be shown: now, or since it was published first, when absent.
    publish_at: Option<DateTime>,
    /// An identifier of your own: a repeated request with the same one is answered as it was the first time.
    client_mutation_id: Option<String>,
}

/// An item to be withdrawn.
#[derive(InputObject, Clone, Debug)]
pub struct WithdrawContentInput {
    /// The item.
    content_id: ID,
    /// An identifier of your own: a repeated request with the same one is answered as it was the first time.
    client_mutation_id: Option<String>,
}

impl AvailabilityInput {
    fn resolve(&self) -> Result<Availability> {
        let keys = |kind: Kind, ids: &[ID], name: &str| {
            ids.iter().map(|id| identifier(kind, id, name)).collect::<Result<Vec<i64>>>()
        };
        Ok(Availability {
            everyone: self.everyone,
            organization: self.organization,
            staff: self.staff,
            groups: keys(Kind::Group, &self.group_ids, "groupIds")?,
            participants: keys(Kind::Participant, &self.participant_ids, "participantIds")?,
        })
    }
}

/// A file to be changed; what is left out stays as it is.
#[derive(InputObject, Clone, Debug)]
pub struct UpdateContentFileInput {
    /// The file.
    file_id: ID,
    /// Its name.
    name: Option<Line>,
    /// What it shows, at most 1,000 characters; null takes the caption away.
    caption: MaybeUndefined<Prose>,
    /// Its place among the files of the item, from 1 on.
    position: Option<i32>,
    /// An identifier of your own: a repeated request with the same one is answered as it was the first time.
    client_mutation_id: Option<String>,
}

/// A file to be deleted.
#[derive(InputObject, Clone, Debug)]
pub struct DeleteContentFileInput {
    /// The file.
    file_id: ID,
    /// An identifier of your own: a repeated request with the same one is answered as it was the first time.
    client_mutation_id: Option<String>,
}

/// The root of mutations, as far as it is about content.
#[derive(Default)]
pub struct ContentMutation;

#[Object]
#[allow(
    clippy::unused_async,
    reason = "resolvers are asynchronous by contract; these talk to the database on their own thread"
)]
impl ContentMutation {
    /// Makes an item of content. Nobody but its makers sees it until it is published.
    async fn create_content(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be made.")] input: CreateContentInput,
    ) -> Result<Obj<ContentPayload>> {
        let (wanted, client_mutation_id) = input.wanted().map_err(|error| resolver_error(&error))?;
        let cache = ctx.data_unchecked::<Arc<Session>>().compositions();
        run(ctx, client_mutation_id, move |conn, scope| commands::create(conn, scope, cache, &wanted).map(Saved::new))
    }

    /// Changes an item of content: it becomes what is given, and what is left out is emptied. Whom it is shown to stays.
    async fn update_content(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The item, and what it is to be.")] input: UpdateContentInput,
    ) -> Result<Obj<ContentPayload>> {
        let content = identifier(Kind::Content, &input.content_id, "contentId")?;
        let (wanted, inner) = input.content.wanted().map_err(|error| resolver_error(&error))?;
        let cache = ctx.data_unchecked::<Arc<Session>>().compositions();
        let client_mutation_id = input.client_mutation_id.or(inner);
        run(ctx, client_mutation_id, move |conn, scope| commands::update(conn, scope, cache, content, &wanted))
    }

    /// Shows an item to an audience, now or from a later moment on. The audience takes the place of the one that it had; links
    /// that are in neither are broken and kept in `links`.
    async fn publish_content(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The item, and to whom it is to be shown.")] input: PublishContentInput,
    ) -> Result<Obj<ContentPayload>> {
        let content = identifier(Kind::Content, &input.content_id, "contentId")?;
        let availability = input.availability.resolve()?;
        let at = input.publish_at.map(|at| at.0);
        let cache = ctx.data_unchecked::<Arc<Session>>().compositions();
        run(ctx, input.client_mutation_id, move |conn, scope| {
            commands::publish(conn, scope, cache, content, &availability, at).map(Saved::new)
        })
    }

    /// Changes the name, the caption or the place of a file.
    async fn update_content_file(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The file, and what to change.")] input: UpdateContentFileInput,
    ) -> Result<Obj<ContentFilePayload>> {
        let file = identifier(Kind::ContentFile, &input.file_id, "fileId")?;
        let change = files::Change {
            name: input.name.map(Into::into),
            caption: match input.caption {
                MaybeUndefined::Undefined => None,
                MaybeUndefined::Null => Some(None),
                MaybeUndefined::Value(caption) => Some(given(Some(caption))),
            },
            position: input.position,
        };
        let cache = ctx.data_unchecked::<Arc<Session>>().compositions();
        run(ctx, input.client_mutation_id, move |conn, scope| files::update(conn, scope, cache, file, &change))
    }

    /// Deletes a file of an item. It cannot be had back.
    async fn delete_content_file(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The file to be deleted.")] input: DeleteContentFileInput,
    ) -> Result<Obj<ContentFilePayload>> {
        let file = identifier(Kind::ContentFile, &input.file_id, "fileId")?;
        let cache = ctx.data_unchecked::<Arc<Session>>().compositions();
        run(ctx, input.client_mutation_id, move |conn, scope| files::delete(conn, scope, cache, file))
    }

    /// Takes an item away from everybody. Its makers keep it, and can publish it again.
    async fn withdraw_content(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The item to be withdrawn.")] input: WithdrawContentInput,
    ) -> Result<Obj<ContentPayload>> {
        let content = identifier(Kind::Content, &input.content_id, "contentId")?;
        let cache = ctx.data_unchecked::<Arc<Session>>().compositions();
        run(ctx, input.client_mutation_id, move |conn, scope| {
            commands::withdraw(conn, scope, cache, content).map(Saved::new)
        })
    }
}
