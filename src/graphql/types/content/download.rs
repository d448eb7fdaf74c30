//! Downloads as the graph shows them.

use super::files::{ContentFile, files};
use super::{Content, face, input};
use crate::check::given;
use crate::content::kind::Of;
use crate::content::kinds::download::Download;
use crate::graphql::engine::{Field, Obj, ty};
use crate::graphql::text::Prose;

face!(
    Download,
    "Files to take along.",
    [
        Field::<Content>::value(
            "description",
            ty::<Option<String>>,
            "What it is about; null when nothing is said.",
            |row, out| {
                out.opt_str(Download::of(row.details()).and_then(|item| item.description.as_deref()));
            }
        ),
        Field::<Content>::link("files", ty::<Vec<Obj<ContentFile>>>, "The files, in their order.", files),
    ]
);

input!(DownloadInput, Download,
/// A download; files are uploaded to it.
{
    /// What it is about, at most 10,000 characters.
    description: Option<Prose>,
}, |input| Download { description: given(input.description) });
