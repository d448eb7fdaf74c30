//! Pages as the graph shows them.

use super::files::ATTACHMENTS;
use super::{Content, face, input};
use crate::check::given;
use crate::content::kind::Of;
use crate::content::kinds::page::Page;
use crate::graphql::engine::{Field, ty};
use crate::graphql::text::{Line, Prose};

face!(
    Page,
    "A page of the website or of the portal.",
    [
        Field::<Content>::value(
            "slug",
            ty::<Option<String>>,
            "The last part of its address; null when it has none.",
            |row, out| {
                out.opt_str(Page::of(row.details()).and_then(|item| item.slug.as_deref()));
            }
        ),
        Field::<Content>::value("body", ty::<String>, "What stands on it.", |row, out| {
            out.str(Page::of(row.details()).map_or("", |item| &item.body));
        }),
        ATTACHMENTS,
    ]
);

input!(PageInput, Page,
/// A page.
{
    /// The last part of its address: lower-case letters, digits and hyphens.
    slug: Option<Line>,
    /// What stands on it, at most 50,000 characters.
    body: Prose,
}, |input| Page { slug: given(input.slug), body: input.body.into() });
