//! Content as the graph shows it: one interface, and a file for the fields and the input of each kind.

mod activity;
mod availability;
mod book;
mod calendar_item;
pub mod conversation_round;
mod discussion;
mod dossier;
mod download;
pub mod entries;
pub mod files;
pub mod lists;
mod news_item;
mod newsletter;
mod page;
mod photo_album;
pub mod posts;
pub mod recipients;
pub mod responses;
mod sign_up_form;
pub mod slots;
pub mod survey;

use std::sync::LazyLock;

use async_graphql::{ID, OneofObject};

use super::history::{HistoryEntry, history_of};
use super::participant::Participant;
use crate::access::table::Rule;
use crate::content::commands::Wanted;
use crate::content::kind::{ContentKind, Details};
use crate::content::store;
pub use crate::content::store::ContentRow;
use crate::error::Error;
use crate::graphql::engine::{Connection, Edge, Entity, Exec, Field, Keyed, Listed, Obj, PAGE_ARGS, Variant, one, ty};
use crate::graphql::enums::{ContentKind as KindName, ContentState};
use crate::graphql::scalars::DateTime;
use crate::history::Entity as Object;
use crate::id::Kind;
use availability::{Availability, ContentLink};

/// An item of any kind.
pub struct Content;

impl ContentRow {
    /// The fields of its kind, if they were read.
    fn details(&self) -> Option<&Details> {
        self.details.as_ref()
    }
}

/// The face of a kind: its type in the graph, and the fields that only this type has.
macro_rules! face {
    ($kind:ident, $doc:literal, [$($field:expr),+ $(,)?]) => {
        /// The type.
        pub const VARIANT: $crate::graphql::engine::Variant =
            $crate::graphql::engine::Variant { name: stringify!($kind), doc: $doc, interfaces: &["Node"] };
        /// Its fields.
        pub const FIELDS: &[Field<Content>] = &[$($field),+];
    };
}
use face;

/// The input of a kind: what all kinds have, and around it what only this kind has.
macro_rules! input {
    ($name:ident, $kind:ident, $(#[$doc:meta])+ { $($(#[$meta:meta])+ $field:ident: $ty:ty),+ $(,)? }, |$input:ident| $make:expr) => {
        $(#[$doc])+
        #[derive(async_graphql::InputObject, Clone, Debug)]
        pub struct $name {
            /// The title, at most 200 characters.
            title: $crate::graphql::text::Line,
            /// The organization for which it is made: the only one that you work for, or in which you lead a group, when absent.
            /// It cannot be changed.
            organization_id: Option<async_graphql::ID>,
            $($(#[$meta])+ $field: $ty,)+
            /// An identifier of your own: a repeated creation with the same one is answered as it was the first time.
            client_mutation_id: Option<String>,
        }

        impl $name {
            /// What is wanted, and under which identifier of the client.
            ///
            /// # Errors
            /// `BadInput` when an identifier is of another kind.
            pub fn wanted(
                self,
            ) -> Result<($crate::content::commands::Wanted, Option<String>), $crate::error::Error> {
                let organization = self.organization_id.as_ref();
                let organization_id = organization
                    .map(|id| $crate::graphql::inputs::key($crate::id::Kind::Participant, id, "organizationId"))
                    .transpose()?;
                let title = String::from(self.title.clone());
                let client_mutation_id = self.client_mutation_id.clone();
                let make = |$input: Self| $make;
                let details = $crate::content::kind::Details::$kind(make(self));
                Ok(($crate::content::commands::Wanted { title, details, organization_id }, client_mutation_id))
            }
        }
    };
}
use input;

macro_rules! faces {
    ($($(#[$doc:meta])+ $kind:ident($input:ident) in $module:ident),+ $(,)?) => {
        const VARIANTS: &[Variant] = &[$($module::VARIANT),+];

        fn own_fields() -> impl Iterator<Item = Field<Content>> {
            [$((ContentKind::$kind, $module::FIELDS)),+].into_iter().flat_map(|(kind, fields)| {
                // They stand in the column that is read only when one of them is selected.
                fields.iter().map(move |field| field.clone().details().on(1 << variant(kind)))
            })
        }

        $(pub use $module::$input;)+

        /// What is to be made: exactly one of these.
        #[derive(OneofObject, Clone, Debug)]
        pub enum CreateContentInput { $($(#[$doc])+ $kind($input)),+ }

        impl CreateContentInput {
            /// What is wanted, and under which identifier of the client.
            ///
            /// # Errors
            /// `BadInput` when an identifier is of another kind.
            pub fn wanted(self) -> Result<(Wanted, Option<String>), Error> {
                match self { $(Self::$kind(input) => input.wanted()),+ }
            }
        }
    };
}

// Every kind, in the order of the domain's list.
faces! {
    /// A message to read.
    NewsItem(NewsItemInput) in news_item,
    /// Photos that belong together.
    PhotoAlbum(PhotoAlbumInput) in photo_album,
    /// A book of the bookcase.
    Book(BookInput) in book,
    /// Something that stands in the calendar.
    CalendarItem(CalendarItemInput) in calendar_item,
    /// Talks about children, for which guardians book slots.
    ConversationRound(ConversationRoundInput) in conversation_round,
    /// Something to sign up for.
    SignUpForm(SignUpFormInput) in sign_up_form,
    /// Documents that belong together.
    Dossier(DossierInput) in dossier,
    /// Something that people do together.
    Activity(ActivityInput) in activity,
    /// A letter to all whom it is available to.
    Newsletter(NewsletterInput) in newsletter,
    /// Questions, which each answers once.
    Survey(SurveyInput) in survey,
    /// A page of the website or of the portal.
    Page(PageInput) in page,
    /// Files to take along.
    Download(DownloadInput) in download,
    /// A place to talk, in topics with replies.
    Discussion(DiscussionInput) in discussion,
}

/// The place of a kind among the variants.
fn variant(kind: ContentKind) -> usize {
    kind as usize
}

/// The fields that all kinds have.
const COMMON: &[Field<Content>] = &[
    Field::<Content>::value("id", ty::<ID>, "The global identifier.", |row, out| out.id(Kind::Content, row.id)),
    Field::<Content>::value("kind", ty::<KindName>, "What it is.", |row, out| out.str(row.kind.as_str())),
    Field::<Content>::value("title", ty::<String>, "The title.", |row, out| out.str(&row.title)),
    Field::<Content>::value("state", ty::<ContentState>, "Where it stands now.", |row, out| {
        out.str(row.state.as_str())
    }),
    Field::<Content>::value(
        "publishedAt",
        ty::<Option<DateTime>>,
        "From when on it is shown to its audience, which may be later than now; null when it is a draft or was withdrawn.",
        |row, out| out.opt_instant(row.published_at),
    ),
    Field::<Content>::value(
        "withdrawnAt",
        ty::<Option<DateTime>>,
        "When it was taken away from everybody; null otherwise.",
        |row, out| out.opt_instant(row.withdrawn_at),
    ),
    Field::<Content>::link(
        "organization",
        ty::<Option<Obj<Participant>>>,
        "The organization for which it was made; null when there is none, or when you may not see it.",
        |pick| one::<ContentRow, Participant>(pick, |row| row.organization_id),
    ),
    Field::<Content>::value("creatorName", ty::<String>, "The name of its maker.", |row, out| {
        out.str(&row.author_name)
    }),
    Field::<Content>::link(
        "creator",
        ty::<Option<Obj<Participant>>>,
        "Its maker; null for a programme, or when you may not see the participant.",
        |pick| one::<ContentRow, Participant>(pick, |row| row.author_id),
    ),
    Field::<Content>::link(
        "availability",
        ty::<Option<Obj<Availability>>>,
        "Whom it is shown to; null when it is not yours to change.",
        availability::availability,
    ),
    Field::<Content>::link(
        "links",
        ty::<Option<Obj<Connection<ContentLink>>>>,
        "To whom it was ever shown, from when to when, and why no longer; null when it is not yours to change.",
        availability::links,
    )
    .args(&PAGE_ARGS),
    Field::<Content>::value("canEdit", ty::<bool>, "Whether you may change, publish and withdraw it.", |row, out| {
        out.bool(row.managed);
    }),
    Field::<Content>::value("createdAt", ty::<DateTime>, "When it was made.", |row, out| out.instant(row.created_at)),
    Field::<Content>::value("updatedAt", ty::<DateTime>, "When it was last changed.", |row, out| {
        out.instant(row.updated_at);
    }),
    Field::<Content>::link(
        "history",
        ty::<Option<Obj<Connection<HistoryEntry>>>>,
        "Every change of it; null when it is not yours to change.",
        |pick| history_of::<ContentRow>(pick, Object::Content, |row| row.id),
    )
    .args(&PAGE_ARGS),
];

static FIELDS: LazyLock<Vec<Field<Content>>> = LazyLock::new(|| COMMON.iter().cloned().chain(own_fields()).collect());

impl Entity for Content {
    const NAME: &'static str = "Content";
    const DOC: &'static str = "Something that is shown to people: to everybody, to an organization, to those who work for it, to \
                               participants or to groups. It is seen by whoever belongs to its audience, from the day on which they \
                               do until the day on which they do not; for everybody else it does not exist.";
    const INTERFACES: &'static [&'static str] = &["Node"];
    const VARIANTS: &'static [Variant] = VARIANTS;
    type Row = ContentRow;

    fn fields() -> &'static [Field<Self>] {
        &FIELDS
    }

    fn variant(row: &ContentRow) -> usize {
        variant(row.kind)
    }

    fn opens(row: &ContentRow, _: Rule) -> bool {
        row.managed
    }
}

impl Keyed for Content {
    fn by_ids(exec: &mut Exec<'_>, ids: &[i64], details: bool) -> Result<Vec<ContentRow>, Error> {
        let vision = exec.vision()?;
        store::by_ids(exec.conn, &vision, exec.scope.instant(), details, ids)
    }

    fn key(row: &ContentRow) -> i64 {
        row.id
    }
}

impl Listed for Content {
    type Node = Self;
    const CONNECTION: &'static str = "ContentConnection";
    const CONNECTION_DOC: &'static str = "A page of content.";
    const EDGE: &'static str = "ContentEdge";

    fn edge_fields() -> &'static [Field<Edge<Self>>] {
        Edge::<Self>::BASIC
    }

    fn node(row: &ContentRow) -> &ContentRow {
        row
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_own_type() {
        for kind in ContentKind::ALL {
            assert_eq!(VARIANTS[variant(*kind)].name, format!("{kind:?}"));
        }
    }
}
