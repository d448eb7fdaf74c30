//! Photo albums as the graph shows them.

use super::files::{ContentFile, files};
use super::{Content, face, input};
use crate::check::given;
use crate::content::kind::Of;
use crate::content::kinds::photo_album::PhotoAlbum;
use crate::graphql::engine::{Field, Obj, ty};
use crate::graphql::text::Prose;

face!(
    PhotoAlbum,
    "Photos that belong together.",
    [
        Field::<Content>::value(
            "description",
            ty::<Option<String>>,
            "What it is about; null when nothing is said.",
            |row, out| {
                out.opt_str(PhotoAlbum::of(row.details()).and_then(|item| item.description.as_deref()));
            }
        ),
        Field::<Content>::link("photos", ty::<Vec<Obj<ContentFile>>>, "The photos, in their order.", files),
    ]
);

input!(PhotoAlbumInput, PhotoAlbum,
/// A photo album; photos are uploaded to it.
{
    /// What it is about, at most 10,000 characters.
    description: Option<Prose>,
}, |input| PhotoAlbum { description: given(input.description) });
