//! Dossiers as the graph shows them.

use super::files::{ContentFile, files};
use super::{Content, face, input};
use crate::check::given;
use crate::content::kind::Of;
use crate::content::kinds::dossier::Dossier;
use crate::graphql::engine::{Field, Obj, ty};
use crate::graphql::text::Prose;

face!(
    Dossier,
    "Documents that belong together, such as those of a meeting.",
    [
        Field::<Content>::value(
            "description",
            ty::<Option<String>>,
            "What it is about; null when nothing is said.",
            |row, out| {
                out.opt_str(Dossier::of(row.details()).and_then(|item| item.description.as_deref()));
            }
        ),
        Field::<Content>::link("documents", ty::<Vec<Obj<ContentFile>>>, "The documents, in their order.", files),
    ]
);

input!(DossierInput, Dossier,
/// A dossier; documents are uploaded to it.
{
    /// What it is about, at most 10,000 characters.
    description: Option<Prose>,
}, |input| Dossier { description: given(input.description) });
