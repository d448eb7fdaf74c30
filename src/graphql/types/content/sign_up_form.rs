//! Sign-up forms as the graph shows them.

use super::entries::{self, SignUpEntry};
use super::{Content, face, input};
use crate::check::given;
use crate::content::kind::Of;
use crate::content::kinds::sign_up_form::SignUpForm;
use crate::graphql::engine::{Connection, Field, Obj, ty};
use crate::graphql::scalars::DateTime;
use crate::graphql::text::Prose;

face!(
    SignUpForm,
    "Something to sign up for.",
    [
        Field::<Content>::value(
            "description",
            ty::<Option<String>>,
            "What it is about; null when nothing is said.",
            |row, out| {
                out.opt_str(SignUpForm::of(row.details()).and_then(|item| item.description.as_deref()));
            }
        ),
        Field::<Content>::value(
            "places",
            ty::<Option<i32>>,
            "How many can take part; as many as want to when null.",
            |row, out| {
                out.opt_int(SignUpForm::of(row.details()).and_then(|item| item.places).map(i64::from));
            }
        ),
        Field::<Content>::value(
            "opensAt",
            ty::<Option<DateTime>>,
            "From when one can sign up; from the start when null.",
            |row, out| {
                out.opt_instant(SignUpForm::of(row.details()).and_then(|item| item.opens_at));
            }
        ),
        Field::<Content>::value(
            "closesAt",
            ty::<Option<DateTime>>,
            "Until when one can sign up and withdraw; always when null.",
            |row, out| {
                out.opt_instant(SignUpForm::of(row.details()).and_then(|item| item.closes_at));
            }
        ),
        Field::<Content>::link(
            "entryCount",
            ty::<i32>,
            "How many have signed up, with a place or on the waiting list.",
            entries::count,
        ),
        Field::<Content>::link("waitingCount", ty::<i32>, "How many are on the waiting list.", entries::waiting),
        Field::<Content>::link(
            "placesLeft",
            ty::<Option<i32>>,
            "How many places are left; null when as many can take part as want to.",
            entries::left,
        ),
        Field::<Content>::link(
            "viewerEntries",
            ty::<Vec<Obj<SignUpEntry>>>,
            "The latest entry of you and of each of your children, as far as there is one; it may have been withdrawn.",
            entries::of_viewer,
        ),
        Field::<Content>::link(
            "entries",
            ty::<Option<Obj<Connection<SignUpEntry>>>>,
            "All who signed up, the first to do so first; null when the form is not yours to change.",
            entries::entries,
        )
        .args(entries::ARGS),
    ]
);

input!(SignUpFormInput, SignUpForm,
/// A sign-up form.
{
    /// What it is about, at most 10,000 characters.
    description: Option<Prose>,
    /// How many can take part, from 0 to 1,000,000; as many as want to when absent. When it is raised, those who wait move up
    /// at once; when it is lowered, the last who have a place go to the front of the waiting list.
    places: Option<i32>,
    /// From when one can sign up.
    opens_at: Option<DateTime>,
    /// Until when one can sign up and withdraw.
    closes_at: Option<DateTime>,
}, |input| SignUpForm {
    description: given(input.description),
    places: input.places,
    opens_at: input.opens_at.map(|at| at.0),
    closes_at: input.closes_at.map(|at| at.0),
});
