//! What takes place, for other calendars (RFC 5545).

use chrono::{Days, NaiveDateTime};
use chrono_tz::Tz;
use icalendar::{Calendar, Component, Event, EventLike};

use super::kind::Details;
use super::store::ContentRow;
use crate::id::{self, Kind};

/// The item as a calendar of one event; nothing for items that do not take place. Whole days are those of the zone.
pub fn text(row: &ContentRow, zone: Tz) -> Option<String> {
    let details = row.details.as_ref()?;
    let (start, end) = details.happens()?;
    let (description, location, all_day) = match details {
        Details::CalendarItem(item) => (item.description.as_deref(), item.location.as_deref(), item.all_day),
        Details::Activity(item) => (item.description.as_deref(), item.location.as_deref(), false),
        _ => (None, None, false),
    };
    let mut event = Event::new();
    event.uid(&format!("{}@kring", id::encode(Kind::Content, row.id)));
    event.summary(&row.title).timestamp(row.updated_at.and_utc()).last_modified(row.updated_at.and_utc());
    if all_day {
        let day = |at: NaiveDateTime| at.and_utc().with_timezone(&zone).date_naive();
        let last = end.map_or(day(start), day);
        // The end is the first day that is free again.
        event.starts(day(start)).ends(last.checked_add_days(Days::new(1)).unwrap_or(last));
    } else {
        event.starts(start.and_utc());
        if let Some(end) = end {
            event.ends(end.and_utc());
        }
    }
    if let Some(description) = description {
        event.description(description);
    }
    if let Some(location) = location {
        event.location(location);
    }
    Some(Calendar::new().push(event.done()).done().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::State;
    use crate::content::kind::ContentKind;
    use crate::content::kinds::calendar_item::CalendarItem;

    fn row(item: CalendarItem) -> ContentRow {
        let at = "2026-09-01T06:00:00".parse().unwrap();
        ContentRow {
            id: 7,
            kind: ContentKind::CalendarItem,
            title: "Ouderavond; groep 2, hal\nDe Wilg".to_owned(),
            sort_key: String::new(),
            starts_at: Some(item.starts_at),
            organization_id: None,
            author_id: None,
            author_name: String::new(),
            published_at: None,
            withdrawn_at: None,
            created_at: at,
            updated_at: at,
            state: State::Draft,
            managed: false,
            details: Some(Details::CalendarItem(item)),
        }
    }

    #[test]
    fn an_event_is_written_as_the_standard_says() {
        let item = CalendarItem {
            starts_at: "2026-10-01T17:30:00".parse().unwrap(),
            ends_at: "2026-10-01T19:00:00".parse().ok(),
            location: Some("é".repeat(80)),
            ..CalendarItem::default()
        };
        let text = text(&row(item), chrono_tz::Europe::Amsterdam).unwrap();
        for line in [
            "BEGIN:VCALENDAR",
            "VERSION:2.0",
            "DTSTART:20261001T173000Z",
            "DTEND:20261001T190000Z",
            "DTSTAMP:20260901T060000Z",
        ] {
            assert!(text.contains(&format!("{line}\r\n")), "{line} in {text}");
        }
        assert!(text.contains("SUMMARY:Ouderavond\\; groep 2\\, hal\\nDe Wilg\r\n"), "{text}");
        assert!(text.lines().all(|line| line.len() <= 75), "{text}");
        assert!(text.ends_with("END:VCALENDAR\r\n") && text.matches('\n').count() == text.matches("\r\n").count());
    }

    #[test]
    fn whole_days_are_those_of_the_organization() {
        let item = CalendarItem {
            starts_at: "2026-09-30T22:30:00".parse().unwrap(),
            ends_at: "2026-10-02T20:00:00".parse().ok(),
            all_day: true,
            ..CalendarItem::default()
        };
        let text = text(&row(item), chrono_tz::Europe::Amsterdam).unwrap();
        assert!(
            text.contains("DTSTART;VALUE=DATE:20261001\r\n") && text.contains("DTEND;VALUE=DATE:20261003\r\n"),
            "{text}"
        );
    }
}
