//! What people say: answers to surveys, and contributions to discussions.

use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object, Result};

use super::engine::Obj;
use super::mutation::{identifier, run};
use super::session::Session;
use super::text::{Line, Prose};
use super::types::content::posts::DiscussionPayload;
use super::types::content::responses::SurveyResponsePayload;
use crate::check::given;
use crate::content::discussions;
use crate::content::surveys::{self, Answer, Request};
use crate::id::Kind;

/// The answer to one question: choices for a choice, a number for a scale, a text for a text.
#[derive(InputObject, Clone, Debug)]
pub struct SurveyAnswerInput {
    /// The place of the question, from 1 on.
    question: i32,
    /// The places of the options that are chosen, from 1 on.
    #[graphql(default)]
    choices: Vec<i32>,
    /// The number on the scale, from 1 to 5.
    scale: Option<i32>,
    /// The text, at most 5,000 characters.
    text: Option<Prose>,
}

/// The answers to a survey.
#[derive(InputObject, Clone, Debug)]
pub struct AnswerSurveyInput {
    /// The survey.
    content_id: ID,
    /// For whom it is answered: you when absent.
    participant_id: Option<ID>,
    /// The answers; questions that need not be answered may be left out.
    answers: Vec<SurveyAnswerInput>,
    /// An identifier of your own: a repeated request with the same one is answered as it was the first time.
    client_mutation_id: Option<String>,
}

/// A topic to be begun.
#[derive(InputObject, Clone, Debug)]
pub struct CreateTopicInput {
    /// The discussion.
    content_id: ID,
    /// What it is about, at most 200 characters.
    title: Line,
    /// What is said, at most 10,000 characters of plain text.
    body: Prose,
    /// An identifier of your own: a repeated request with the same one is answered as it was the first time.
    client_mutation_id: Option<String>,
}

/// A reply to be made.
#[derive(InputObject, Clone, Debug)]
pub struct CreateReplyInput {
    /// The topic.
    topic_id: ID,
    /// What is said, at most 10,000 characters of plain text.
    body: Prose,
    /// An identifier of your own: a repeated request with the same one is answered as it was the first time.
    client_mutation_id: Option<String>,
}

/// A topic or reply to be changed.
#[derive(InputObject, Clone, Debug)]
pub struct UpdatePostInput {
    /// The topic or the reply.
    post_id: ID,
    /// What a topic is about; it stays as it is when absent.
    title: Option<Line>,
    /// What is said, at most 10,000 characters of plain text.
    body: Prose,
    /// An identifier of your own: a repeated request with the same one is answered as it was the first time.
    client_mutation_id: Option<String>,
}

/// A topic or reply of which the text is to be taken away.
#[derive(InputObject, Clone, Debug)]
pub struct RemovePostInput {
    /// The topic or the reply.
    post_id: ID,
    /// An identifier of your own: a repeated request with the same one is answered as it was the first time.
    client_mutation_id: Option<String>,
}

/// A topic.
#[derive(InputObject, Clone, Debug)]
pub struct TopicInput {
    /// The topic.
    topic_id: ID,
    /// An identifier of your own: a repeated request with the same one is answered as it was the first time.
    client_mutation_id: Option<String>,
}

/// The root of mutations, as far as it is about what people say.
#[derive(Default)]
pub struct TalkMutation;

#[Object]
#[allow(
    clippy::unused_async,
    reason = "resolvers are asynchronous by contract; these talk to the database on their own thread"
)]
impl TalkMutation {
    /// Answers a survey, once, for yourself or for a child whose guardian you are.
    async fn answer_survey(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The survey, and the answers.")] input: AnswerSurveyInput,
    ) -> Result<Obj<SurveyResponsePayload>> {
        let content = identifier(Kind::Content, &input.content_id, "contentId")?;
        let participant = input.participant_id.as_ref();
        let answer = |answer: SurveyAnswerInput| Answer {
            question: answer.question,
            choices: answer.choices,
            scale: answer.scale,
            text: given(answer.text),
        };
        let request = Request {
            content_id: content,
            participant_id: participant.map(|id| identifier(Kind::Participant, id, "participantId")).transpose()?,
            answers: input.answers.into_iter().map(answer).collect(),
        };
        let cache = ctx.data_unchecked::<Arc<Session>>().compositions();
        run(ctx, input.client_mutation_id, move |conn, scope| {
            Ok((surveys::answer(conn, scope, cache, &request)?, content))
        })
    }

    /// Begins a topic in a discussion.
    async fn create_topic(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The discussion, and what is said.")] input: CreateTopicInput,
    ) -> Result<Obj<DiscussionPayload>> {
        let content = identifier(Kind::Content, &input.content_id, "contentId")?;
        let (title, body) = (String::from(input.title), String::from(input.body));
        let cache = ctx.data_unchecked::<Arc<Session>>().compositions();
        run(ctx, input.client_mutation_id, move |conn, scope| {
            discussions::create_topic(conn, scope, cache, content, &title, &body)
        })
    }

    /// Replies to a topic.
    async fn create_reply(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The topic, and what is said.")] input: CreateReplyInput,
    ) -> Result<Obj<DiscussionPayload>> {
        let topic = identifier(Kind::DiscussionPost, &input.topic_id, "topicId")?;
        let body = String::from(input.body);
        let cache = ctx.data_unchecked::<Arc<Session>>().compositions();
        run(ctx, input.client_mutation_id, move |conn, scope| {
            discussions::create_reply(conn, scope, cache, topic, &body)
        })
    }

    /// Changes a topic or reply that you wrote.
    async fn update_post(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The topic or reply, and what it is to be.")] input: UpdatePostInput,
    ) -> Result<Obj<DiscussionPayload>> {
        let post = identifier(Kind::DiscussionPost, &input.post_id, "postId")?;
        let (title, body) = (input.title.map(String::from), String::from(input.body));
        let cache = ctx.data_unchecked::<Arc<Session>>().compositions();
        run(ctx, input.client_mutation_id, move |conn, scope| {
            discussions::update_post(conn, scope, cache, post, title.as_deref(), &body)
        })
    }

    /// Takes the text of a topic or reply away; its place stays. Who wrote it may, who leads a group to which the discussion is
    /// linked, and who may change the discussion.
    async fn remove_post(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The topic or reply.")] input: RemovePostInput,
    ) -> Result<Obj<DiscussionPayload>> {
        let post = identifier(Kind::DiscussionPost, &input.post_id, "postId")?;
        let cache = ctx.data_unchecked::<Arc<Session>>().compositions();
        run(ctx, input.client_mutation_id, move |conn, scope| discussions::remove_post(conn, scope, cache, post))
    }

    /// Closes a topic: nobody can reply any more. For who leads a group to which the discussion is linked, and who may change
    /// the discussion.
    async fn close_topic(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The topic to be closed.")] input: TopicInput,
    ) -> Result<Obj<DiscussionPayload>> {
        let topic = identifier(Kind::DiscussionPost, &input.topic_id, "topicId")?;
        let cache = ctx.data_unchecked::<Arc<Session>>().compositions();
        run(ctx, input.client_mutation_id, move |conn, scope| discussions::set_closed(conn, scope, cache, topic, true))
    }

    /// Opens a closed topic again.
    async fn reopen_topic(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The topic to be opened again.")] input: TopicInput,
    ) -> Result<Obj<DiscussionPayload>> {
        let topic = identifier(Kind::DiscussionPost, &input.topic_id, "topicId")?;
        let cache = ctx.data_unchecked::<Arc<Session>>().compositions();
        run(ctx, input.client_mutation_id, move |conn, scope| discussions::set_closed(conn, scope, cache, topic, false))
    }
}
