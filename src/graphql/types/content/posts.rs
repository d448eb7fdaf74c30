//! Topics and replies of discussions as the graph shows them.

use std::collections::HashMap;

use async_graphql::{ID, ServerResult};

use super::{Content, ContentRow};
use crate::content::discussions::Posted;
use crate::content::discussions::store::{self, List, PostRow};
use crate::error::Error;
use crate::graphql::engine::{
    Connection, Edge, Entity, Exec, Field, Keyed, Link, Listed, Obj, PAGE_ARGS, Pages, Pick, Values, connection,
    inline_list, one, page_args, ty,
};
use crate::graphql::scalars::DateTime;
use crate::graphql::types::participant::Participant;
use crate::graphql::types::payload::{PayloadRow, UserError, payload};
use crate::graphql::types::{aligned, totals};
use crate::id::Kind;

/// A topic of a discussion.
pub struct DiscussionTopic;
/// A reply to a topic.
pub struct DiscussionReply;

/// The fields that topics and replies have alike.
macro_rules! post_fields {
    ($post:ident, [$($field:expr),* $(,)?]) => {
        &[
            Field::<$post>::value("id", ty::<ID>, "The global identifier.", |row, out| out.id(Kind::DiscussionPost, row.id)),
            Field::<$post>::value("body", ty::<String>, "The text, which is plain; empty when it was removed.", |row, out| out.str(&row.body)),
            Field::<$post>::value("authorName", ty::<String>, "The name of who wrote it; empty for whoever is not signed in.", |row, out| out.str(&row.author_name)),
            Field::<$post>::link(
                "author",
                ty::<Option<Obj<Participant>>>,
                "Who wrote it; null for a programme, or when you may not see the participant.",
                |pick| one::<PostRow, Participant>(pick, |row| row.author_id),
            ),
            Field::<$post>::value("createdAt", ty::<DateTime>, "When it was written.", |row, out| out.instant(row.created_at)),
            Field::<$post>::value("editedAt", ty::<Option<DateTime>>, "When it was last changed; null when it never was.", |row, out| {
                out.opt_instant(row.edited_at);
            }),
            Field::<$post>::value("removed", ty::<bool>, "Whether its text was taken away.", |row, out| out.bool(row.removed_at.is_some())),
            Field::<$post>::value("canEdit", ty::<bool>, "Whether you wrote it, and may change it.", |row, out| {
                out.bool(row.mine && row.removed_at.is_none());
            }),
            Field::<$post>::value("canRemove", ty::<bool>, "Whether you may take its text away: because you wrote it or keep order here.", |row, out| {
                out.bool((row.mine || row.moderated) && row.removed_at.is_none());
            }),
            $($field),*
        ]
    };
}

const TOPIC: &[Field<DiscussionTopic>] = post_fields!(
    DiscussionTopic,
    [
        Field::<DiscussionTopic>::value(
            "title",
            ty::<String>,
            "What it is about; empty when it was removed.",
            |row, out| {
                out.str(row.title.as_deref().unwrap_or_default());
            }
        ),
        Field::<DiscussionTopic>::value("closed", ty::<bool>, "Whether nobody can reply any more.", |row, out| {
            out.bool(row.closed);
        }),
        Field::<DiscussionTopic>::value(
            "lastPostAt",
            ty::<DateTime>,
            "When something was last said here.",
            |row, out| {
                out.opt_instant(row.last_post_at);
            }
        ),
        Field::<DiscussionTopic>::value(
            "canClose",
            ty::<bool>,
            "Whether you keep order here, and may close it.",
            |row, out| {
                out.bool(row.moderated);
            }
        ),
        Field::<DiscussionTopic>::link("replyCount", ty::<i32>, "How many replies there are.", |_| {
            Ok(Box::new(Counted::<PostRow> { list: List::Replies, key: |row| row.id }))
        }),
        Field::<DiscussionTopic>::link(
            "replies",
            ty::<Option<Obj<Connection<DiscussionReply>>>>,
            "The replies, the first one first.",
            |pick| { listed::<PostRow, DiscussionReply>(pick, List::Replies, |row| row.id) }
        )
        .args(&PAGE_ARGS),
    ]
);

const REPLY: &[Field<DiscussionReply>] = post_fields!(DiscussionReply, []);

macro_rules! post {
    ($post:ident, $fields:ident, $doc:literal, $connection:literal, $connection_doc:literal, $edge:literal) => {
        impl Entity for $post {
            const NAME: &'static str = stringify!($post);
            const DOC: &'static str = $doc;
            type Row = PostRow;

            fn fields() -> &'static [Field<Self>] {
                $fields
            }
        }

        impl Keyed for $post {
            fn by_ids(exec: &mut Exec<'_>, ids: &[i64], _details: bool) -> Result<Vec<PostRow>, Error> {
                let vision = exec.vision()?;
                store::by_ids(exec.conn, exec.scope, &vision, ids)
            }

            fn key(row: &PostRow) -> i64 {
                row.id
            }
        }

        impl Listed for $post {
            type Node = Self;
            const CONNECTION: &'static str = $connection;
            const CONNECTION_DOC: &'static str = $connection_doc;
            const EDGE: &'static str = $edge;

            fn edge_fields() -> &'static [Field<Edge<Self>>] {
                Edge::<Self>::BASIC
            }

            fn node(row: &PostRow) -> &PostRow {
                row
            }
        }
    };
}

post!(
    DiscussionTopic,
    TOPIC,
    "A topic of a discussion: something that somebody began to talk about.",
    "DiscussionTopicConnection",
    "A page of topics, the one that was spoken in last first.",
    "DiscussionTopicEdge"
);
post!(
    DiscussionReply,
    REPLY,
    "A reply to a topic of a discussion.",
    "DiscussionReplyConnection",
    "A page of replies, the first one first.",
    "DiscussionReplyEdge"
);

struct Counted<R> {
    list: List,
    key: fn(&R) -> i64,
}

impl<R> Link<R> for Counted<R> {
    fn follow(&self, exec: &mut Exec<'_>, rows: &[&R]) -> Result<Values, Error> {
        let ids: Vec<i64> = rows.iter().map(|row| (self.key)(row)).collect();
        let counts = store::counts(exec.conn, self.list, &ids)?;
        let mut values = Values::with_capacity(rows.len());
        for id in ids {
            values.push(|out| out.int(counts.get(&id).copied().unwrap_or_default()));
        }
        Ok(values)
    }
}

fn listed<R: 'static, L: Listed<Row = PostRow>>(
    pick: &Pick<'_>,
    list: List,
    key: fn(&R) -> i64,
) -> ServerResult<Box<dyn Link<R>>> {
    let window = page_args(pick)?;
    connection::<R, L>(
        pick,
        Box::new(move |exec: &mut Exec<'_>, rows, asked| {
            let ids: Vec<i64> = rows.iter().map(|row| key(row)).collect();
            let vision = exec.vision()?;
            let found = if asked.rows {
                store::pages(exec.conn, exec.scope, &vision, list, &ids, &window)?
            } else {
                HashMap::new()
            };
            let count = |ids: &[i64]| store::counts(exec.conn, list, ids);
            let totals = asked.count.then(|| totals(&ids, asked.rows.then_some(&found), &window, count)).transpose()?;
            let pages = aligned(&ids, found, totals.as_ref());
            Ok(Pages { pages, cursor: Box::new(move |row: &PostRow| list.keys(row)) })
        }),
    )
}

/// Leads from discussions to how many topics they have.
///
/// # Errors
/// None.
pub fn topic_count(_: &Pick<'_>) -> ServerResult<Box<dyn Link<ContentRow>>> {
    Ok(Box::new(Counted::<ContentRow> { list: List::Topics, key: |row| row.id }))
}

/// Leads from discussions to their topics.
///
/// # Errors
/// When an argument does not fit its type.
pub fn topics(pick: &Pick<'_>) -> ServerResult<Box<dyn Link<ContentRow>>> {
    listed::<ContentRow, DiscussionTopic>(pick, List::Topics, |row| row.id)
}

payload!(
    DiscussionPayload,
    Posted,
    "What became of a contribution to a discussion.",
    [
        Field::<DiscussionPayload>::link(
            "topic",
            ty::<Option<Obj<DiscussionTopic>>>,
            "The topic as it is now; null when the mutation was refused.",
            |pick| one::<PayloadRow<Posted>, DiscussionTopic>(pick, |row| row.done.map(|done| done.topic_id)),
        ),
        Field::<DiscussionPayload>::link(
            "reply",
            ty::<Option<Obj<DiscussionReply>>>,
            "The reply as it is now; null when it is about the topic itself or the mutation was refused.",
            |pick| {
                one::<PayloadRow<Posted>, DiscussionReply>(pick, |row| {
                    row.done.filter(|done| done.id != done.topic_id).map(|done| done.id)
                })
            },
        ),
        Field::<DiscussionPayload>::link(
            "content",
            ty::<Option<Obj<Content>>>,
            "The discussion; null when the mutation was refused.",
            |pick| one::<PayloadRow<Posted>, Content>(pick, |row| row.done.map(|done| done.content_id)),
        ),
    ]
);
