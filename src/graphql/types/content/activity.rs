//! Activities as the graph shows them.

use super::files::{ATTACHMENTS, I_CALENDAR, I_CALENDAR_URL};
use super::{Content, face, input};
use crate::check::given;
use crate::content::kind::Of;
use crate::content::kinds::activity::Activity;
use crate::graphql::engine::{Field, ty};
use crate::graphql::scalars::DateTime;
use crate::graphql::text::{Line, Prose};

face!(
    Activity,
    "Something that people do together.",
    [
        Field::<Content>::value(
            "startsAt",
            ty::<Option<DateTime>>,
            "When it starts; null when nothing is said.",
            |row, out| {
                out.opt_instant(Activity::of(row.details()).and_then(|item| item.starts_at));
            }
        ),
        Field::<Content>::value(
            "endsAt",
            ty::<Option<DateTime>>,
            "When it ends; null when nothing is said.",
            |row, out| {
                out.opt_instant(Activity::of(row.details()).and_then(|item| item.ends_at));
            }
        ),
        Field::<Content>::value(
            "location",
            ty::<Option<String>>,
            "Where it is; null when nothing is said.",
            |row, out| {
                out.opt_str(Activity::of(row.details()).and_then(|item| item.location.as_deref()));
            }
        ),
        Field::<Content>::value(
            "organizer",
            ty::<Option<String>>,
            "Who organizes it; null when nothing is said.",
            |row, out| {
                out.opt_str(Activity::of(row.details()).and_then(|item| item.organizer.as_deref()));
            }
        ),
        Field::<Content>::value(
            "description",
            ty::<Option<String>>,
            "What it is about; null when nothing is said.",
            |row, out| {
                out.opt_str(Activity::of(row.details()).and_then(|item| item.description.as_deref()));
            }
        ),
        I_CALENDAR,
        I_CALENDAR_URL,
        ATTACHMENTS,
    ]
);

input!(ActivityInput, Activity,
/// An activity.
{
    /// When it starts.
    starts_at: Option<DateTime>,
    /// When it ends.
    ends_at: Option<DateTime>,
    /// Where it is.
    location: Option<Line>,
    /// Who organizes it.
    organizer: Option<Line>,
    /// What it is about, at most 10,000 characters.
    description: Option<Prose>,
}, |input| Activity {
    starts_at: input.starts_at.map(|at| at.0),
    ends_at: input.ends_at.map(|at| at.0),
    location: given(input.location),
    organizer: given(input.organizer),
    description: given(input.description),
});
