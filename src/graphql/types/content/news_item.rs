//! News items as the graph shows them.

use super::files::ATTACHMENTS;
use super::{Content, face, input};
use crate::check::given;
use crate::content::kind::Of;
use crate::content::kinds::news_item::NewsItem;
use crate::graphql::engine::{Field, ty};
use crate::graphql::text::Prose;

face!(
    NewsItem,
    "A message to read.",
    [
        Field::<Content>::value(
            "summary",
            ty::<Option<String>>,
            "What it is about, in a few words; null when nothing is said.",
            |row, out| {
                out.opt_str(NewsItem::of(row.details()).and_then(|item| item.summary.as_deref()));
            }
        ),
        Field::<Content>::value("body", ty::<String>, "The message.", |row, out| {
            out.str(NewsItem::of(row.details()).map_or("", |item| &item.body));
        }),
        ATTACHMENTS,
    ]
);

input!(NewsItemInput, NewsItem,
/// A news item.
{
    /// What it is about, in a few words.
    summary: Option<Prose>,
    /// The message, at most 10,000 characters.
    body: Prose,
}, |input| NewsItem { summary: given(input.summary), body: input.body.into() });
