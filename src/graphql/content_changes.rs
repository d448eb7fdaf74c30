//! Changes of content, as they are told to whoever follows it.

use async_graphql::{Enum, ID};

use super::engine::{Entity, Field, Obj, inline_opt, ty};
use super::types::content::Content;
use crate::content::following::Telling;
use crate::id::Kind;

/// What became of an item for you.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentChangeKind {
    /// It is shown to you from now on.
    Published,
    /// It was changed, or whom it is shown to, and it is shown to you as before.
    Updated,
    /// It is shown to you no more: it was withdrawn, put off, or is for others now.
    Withdrawn,
}

/// A change of an item of content.
pub struct ContentChange;

impl Entity for ContentChange {
    const NAME: &'static str = "ContentChange";
    const DOC: &'static str = "A change of an item of content, told after it was stored.";
    type Row = Telling;

    fn fields() -> &'static [Field<Self>] {
        const FIELDS: &[Field<ContentChange>] = &[
            Field::<ContentChange>::value(
                "change",
                ty::<ContentChangeKind>,
                "What became of the item for you.",
                |row, out| out.str(row.told.as_str()),
            ),
            Field::<ContentChange>::value("contentId", ty::<ID>, "The item's global identifier.", |row, out| {
                out.id(Kind::Content, row.content);
            }),
            Field::<ContentChange>::link(
                "content",
                ty::<Option<Obj<Content>>>,
                "The item as it is when you are told, which may be after a later change; null when you may not see it any more.",
                |pick| inline_opt::<Telling, Content>(pick, |row| row.row.as_ref()),
            ),
        ];
        FIELDS
    }
}
