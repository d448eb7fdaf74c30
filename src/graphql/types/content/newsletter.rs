//! Newsletters as the graph shows them.

use super::files::ATTACHMENTS;
use super::{Content, face, input};
use crate::check::trimmed;
use crate::content::kind::Of;
use crate::content::kinds::newsletter::Newsletter;
use crate::graphql::engine::{Field, ty};

face!(
    Newsletter,
    "A letter to all whom it is available to.",
    [
        Field::<Content>::value(
            "summary",
            ty::<Option<String>>,
            "What it is about, in a few words; null when nothing is said.",
            |row, out| {
                out.opt_str(Newsletter::of(row.details()).and_then(|item| item.summary.as_deref()));
            }
        ),
        Field::<Content>::value("body", ty::<String>, "The letter.", |row, out| {
            out.str(Newsletter::of(row.details()).map_or("", |item| &item.body));
        }),
        ATTACHMENTS,
    ]
);

input!(NewsletterInput, Newsletter,
/// A newsletter.
{
    /// What it is about, in a few words.
    summary: Option<String>,
    /// The letter, at most 50,000 characters.
    body: String,
}, |input| Newsletter { summary: trimmed(input.summary), body: input.body });
