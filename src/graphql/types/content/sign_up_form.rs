//! Sign-up forms as the graph shows them.

use super::{Content, face, input};
use crate::check::trimmed;
use crate::content::kind::Of;
use crate::content::kinds::sign_up_form::SignUpForm;
use crate::graphql::engine::{Field, ty};
use crate::graphql::scalars::DateTime;

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
    ]
);

input!(SignUpFormInput, SignUpForm,
/// A sign-up form.
{
    /// What it is about, at most 10,000 characters.
    description: Option<String>,
    /// How many can take part, from 0 to 1,000,000; as many as want to when absent.
    places: Option<i32>,
    /// From when one can sign up.
    opens_at: Option<DateTime>,
    /// Until when one can sign up and withdraw.
    closes_at: Option<DateTime>,
}, |input| SignUpForm {
    description: trimmed(input.description),
    places: input.places,
    opens_at: input.opens_at.map(|at| at.0),
    closes_at: input.closes_at.map(|at| at.0),
});
