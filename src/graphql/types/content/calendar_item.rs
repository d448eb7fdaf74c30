//! Calendar items as the graph shows them.

use super::files::{ATTACHMENTS, I_CALENDAR, I_CALENDAR_URL};
use super::{Content, face, input};
use crate::check::given;
use crate::content::kind::Of;
use crate::content::kinds::calendar_item::CalendarItem;
use crate::graphql::engine::{Field, ty};
use crate::graphql::scalars::DateTime;
use crate::graphql::text::{Line, Prose};

face!(
    CalendarItem,
    "Something that stands in the calendar.",
    [
        Field::<Content>::value("startsAt", ty::<DateTime>, "When it starts.", |row, out| {
            out.opt_instant(CalendarItem::of(row.details()).map(|item| item.starts_at));
        }),
        Field::<Content>::value(
            "endsAt",
            ty::<Option<DateTime>>,
            "When it ends; null when nothing is said.",
            |row, out| {
                out.opt_instant(CalendarItem::of(row.details()).and_then(|item| item.ends_at));
            }
        ),
        Field::<Content>::value(
            "allDay",
            ty::<bool>,
            "Whether it is about whole days, whatever the hours are.",
            |row, out| {
                out.bool(CalendarItem::of(row.details()).is_some_and(|item| item.all_day));
            }
        ),
        Field::<Content>::value(
            "location",
            ty::<Option<String>>,
            "Where it is; null when nothing is said.",
            |row, out| {
                out.opt_str(CalendarItem::of(row.details()).and_then(|item| item.location.as_deref()));
            }
        ),
        Field::<Content>::value(
            "description",
            ty::<Option<String>>,
            "What it is about; null when nothing is said.",
            |row, out| {
                out.opt_str(CalendarItem::of(row.details()).and_then(|item| item.description.as_deref()));
            }
        ),
        I_CALENDAR,
        I_CALENDAR_URL,
        ATTACHMENTS,
    ]
);

input!(CalendarItemInput, CalendarItem,
/// A calendar item.
{
    /// When it starts.
    starts_at: DateTime,
    /// When it ends.
    ends_at: Option<DateTime>,
    /// Whether it is about whole days, whatever the hours are.
    #[graphql(default)]
    all_day: bool,
    /// Where it is.
    location: Option<Line>,
    /// What it is about, at most 10,000 characters.
    description: Option<Prose>,
}, |input| CalendarItem {
    starts_at: input.starts_at.0,
    ends_at: input.ends_at.map(|at| at.0),
    all_day: input.all_day,
    location: given(input.location),
    description: given(input.description),
});
