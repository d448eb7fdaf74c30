//! Discussions as the graph shows them.

use super::posts::{self, DiscussionTopic};
use super::{Content, face, input};
use crate::check::given;
use crate::content::kind::Of;
use crate::content::kinds::discussion::Discussion;
use crate::graphql::engine::{Connection, Field, Obj, PAGE_ARGS, ty};
use crate::graphql::text::Prose;

face!(
    Discussion,
    "A place to talk, in topics with replies.",
    [
        Field::<Content>::value(
            "description",
            ty::<Option<String>>,
            "What it is about; null when nothing is said.",
            |row, out| {
                out.opt_str(Discussion::of(row.details()).and_then(|item| item.description.as_deref()));
            }
        ),
        Field::<Content>::value("closed", ty::<bool>, "Whether nobody can write any more.", |row, out| {
            out.bool(Discussion::of(row.details()).is_some_and(|item| item.closed));
        }),
        Field::<Content>::link("topicCount", ty::<i32>, "How many topics there are.", posts::topic_count),
        Field::<Content>::link(
            "topics",
            ty::<Option<Obj<Connection<DiscussionTopic>>>>,
            "The topics, the one that was spoken in last first.",
            posts::topics,
        )
        .args(&PAGE_ARGS),
    ]
);

input!(DiscussionInput, Discussion,
/// A discussion.
{
    /// What it is about, at most 10,000 characters.
    description: Option<Prose>,
    /// Whether nobody can write any more.
    #[graphql(default)]
    closed: bool,
}, |input| Discussion { description: given(input.description), closed: input.closed });
