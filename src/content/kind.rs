//! What a kind of content is, and the list of all of them.

use chrono::NaiveDateTime;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::kinds;
use crate::check::Checks;
use crate::db::text_enum::text_enum;
use crate::error::Error;

/// Which files an item of a kind can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Files {
    /// None.
    None,
    /// Photos.
    Photos,
    /// Documents of any type that is accepted.
    Documents,
}

/// When something takes place: from a moment on, and until which if it is known.
pub type Happening = (NaiveDateTime, Option<NaiveDateTime>);

/// The fields of one kind of content, beside those that all kinds have. What an item has many of, such as slots or
/// entries, is not among them: it has a table of its own.
pub trait Kind: Serialize + DeserializeOwned + Clone {
    /// The name of the kind's field in the input.
    const FIELD: &'static str;
    /// Which files an item can hold.
    const FILES: Files = Files::None;

    /// Collects everything that is wrong.
    fn check(&self, checks: &mut Checks);

    /// The texts that are searched besides the title.
    fn texts(&self) -> Vec<&str>;

    /// When it takes place, if it does.
    fn happens(&self) -> Option<Happening> {
        None
    }

    /// Names a field of the input in a refusal.
    fn at(name: &str) -> String {
        format!("input.{}.{name}", Self::FIELD)
    }
}

/// Says that something cannot end before it starts.
pub fn check_order(checks: &mut Checks, field: &str, start: Option<NaiveDateTime>, end: Option<NaiveDateTime>) {
    if let (Some(start), Some(end)) = (start, end)
        && end < start
    {
        checks.refuse(crate::error::Code::InvalidDate, field, "The end comes before the start.");
    }
}

/// The fields of a kind, taken out of those of any kind.
pub trait Of: Kind {
    /// The fields, if they are of this kind.
    fn of(details: Option<&Details>) -> Option<&Self>;
}

macro_rules! kinds {
    ($($variant:ident = $word:literal in $module:ident),+ $(,)?) => {
        text_enum! {
            /// What an item is.
            ContentKind { $($variant = $word),+ }
        }

        /// The fields of an item of any kind.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Details { $($variant(kinds::$module::$variant)),+ }

        impl Details {
            /// Of which kind they are.
            pub fn kind(&self) -> ContentKind {
                match self { $(Self::$variant(_) => ContentKind::$variant),+ }
            }

            /// Reads what is stored.
            ///
            /// # Errors
            /// `Internal` when it does not fit the kind.
            pub fn parse(kind: ContentKind, text: &str) -> Result<Self, Error> {
                match kind { $(ContentKind::$variant => serde_json::from_str(text).map(Self::$variant)),+ }
                    .map_err(|error| Error::internal(format!("unreadable details of a {kind:?}: {error}")))
            }

            /// As it is stored.
            ///
            /// # Errors
            /// `Internal` when it cannot be written as JSON.
            pub fn json(&self) -> Result<String, Error> {
                match self { $(Self::$variant(details) => serde_json::to_string(details)),+ }
                    .map_err(|error| Error::internal(error.to_string()))
            }

            /// Collects everything that is wrong.
            pub fn check(&self, checks: &mut Checks) {
                match self { $(Self::$variant(details) => details.check(checks)),+ }
            }

            /// The texts that are searched besides the title.
            pub fn texts(&self) -> Vec<&str> {
                match self { $(Self::$variant(details) => details.texts()),+ }
            }

            /// When it takes place, if it does.
            pub fn happens(&self) -> Option<Happening> {
                match self { $(Self::$variant(details) => details.happens()),+ }
            }
        }

        impl ContentKind {
            /// The name of the kind's field in the input.
            pub fn field(self) -> &'static str {
                match self { $(Self::$variant => kinds::$module::$variant::FIELD),+ }
            }

            /// Which files an item can hold.
            pub fn files(self) -> Files {
                match self { $(Self::$variant => kinds::$module::$variant::FILES),+ }
            }
        }

        $(impl Of for kinds::$module::$variant {
            fn of(details: Option<&Details>) -> Option<&Self> {
                match details {
                    Some(Details::$variant(found)) => Some(found),
                    _ => None,
                }
            }
        })+
    };
}

// Every kind. A new one is a file in `kinds`, a line here, and its face in the graph.
kinds! {
    NewsItem = "NEWS_ITEM" in news_item,
    PhotoAlbum = "PHOTO_ALBUM" in photo_album,
    Book = "BOOK" in book,
    CalendarItem = "CALENDAR_ITEM" in calendar_item,
    ConversationRound = "CONVERSATION_ROUND" in conversation_round,
    SignUpForm = "SIGN_UP_FORM" in sign_up_form,
    Dossier = "DOSSIER" in dossier,
    Activity = "ACTIVITY" in activity,
    Newsletter = "NEWSLETTER" in newsletter,
    Survey = "SURVEY" in survey,
    Page = "PAGE" in page,
    Download = "DOWNLOAD" in download,
    Discussion = "DISCUSSION" in discussion,
}
