//! Newsletters as the graph shows them.

use super::files::ATTACHMENTS;
use super::recipients::{self, NewsletterRecipient};
use super::{Content, face, input};
use crate::check::given;
use crate::content::kind::Of;
use crate::content::kinds::newsletter::Newsletter;
use crate::graphql::engine::{Connection, Field, Obj, ty};
use crate::graphql::text::Prose;

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
        Field::<Content>::link(
            "recipientCount",
            ty::<Option<i32>>,
            "To how many it goes, each counted once; null when the newsletter is not yours to change.",
            recipients::count,
        ),
        Field::<Content>::link(
            "recipientAddressCount",
            ty::<Option<i32>>,
            "How many different e-mail addresses they have together; null when the newsletter is not yours to change.",
            recipients::address_count,
        ),
        Field::<Content>::link(
            "recipients",
            ty::<Option<Obj<Connection<NewsletterRecipient>>>>,
            "To whom it goes, each once however many groups lead there: who belongs to its groups, their leaders, the participants, \
             who belongs to the organization, and the guardians of all of these. Everybody and staff cannot be listed. Null when \
             the newsletter is not yours to change.",
            recipients::recipients,
        )
        .args(recipients::ARGS),
]
);

input!(NewsletterInput, Newsletter,
/// A newsletter.
{
    /// What it is about, in a few words.
    summary: Option<Prose>,
    /// The letter, at most 50,000 characters.
    body: Prose,
}, |input| Newsletter { summary: given(input.summary), body: input.body.into() });
