//! Rows and stored periods of the same pair: a participant in a group, or at an address.

use std::collections::BTreeMap;

use chrono::NaiveDate;

/// A group and a participant, or a participant and an address.
pub(super) type Pair = (i64, i64);

/// A period of a pair (M1). An open one has no end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Span {
    pub pair: Pair,
    pub start: NaiveDate,
    pub end: Option<NaiveDate>,
}

impl Span {
    pub(super) fn overlaps(self, other: Self) -> bool {
        self.starts_before(other.end) && other.starts_before(self.end) && self.has_days() && other.has_days()
    }

    /// Whether it has any day at all: who joins and leaves on one day leaves a period of no day behind.
    fn has_days(self) -> bool {
        self.starts_before(self.end)
    }

    fn starts_before(self, end: Option<NaiveDate>) -> bool {
        end.is_none_or(|end| self.start < end)
    }

    /// The end as a date, for comparing.
    pub(super) fn until(self) -> NaiveDate {
        self.end.unwrap_or(NaiveDate::MAX)
    }

    /// Whether a day from `today` on is in this period and not in the other.
    pub(super) fn has_more_ahead_than(self, other: Self, today: NaiveDate) -> bool {
        let (start, end) = (self.start.max(today), self.until());
        start < end && (start < other.start.max(today) || end > other.until())
    }

    /// The part that it shares with another period of the pair; if there is none, a period of no day.
    pub(super) fn shared_with(self, other: Self) -> Self {
        let start = self.start.max(other.start);
        let end = match (self.end, other.end) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        Self { start, end: end.map(|end| end.max(start)), ..self }
    }

    /// The period as messages show it.
    pub(super) fn describe(&self) -> String {
        match self.end {
            Some(end) => format!("{} to {end}", self.start),
            None => format!("from {}", self.start),
        }
    }
}

/// What a row is to the stored periods that have its pair and not its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Match {
    /// The row corrects this one, named by its place in the list.
    Found(usize),
    /// The row overlaps these two, and maybe others.
    Several(usize, usize),
    /// The row overlaps none.
    New,
}

/// Stored periods that no row has found yet, each with its place in the list.
pub(super) struct Unclaimed {
    spans: BTreeMap<(Pair, NaiveDate, usize), Span>,
}

impl Unclaimed {
    pub(super) fn new(stored: impl Iterator<Item = Span>) -> Self {
        Self { spans: stored.enumerate().map(|(place, span)| ((span.pair, span.start, place), span)).collect() }
    }

    /// Finds for each row the stored period that starts on the same day, and claims it.
    pub(super) fn by_start(&mut self, rows: &[Span]) -> Vec<Option<usize>> {
        let mut found = vec![None; rows.len()];
        // A period of no day and one that goes on may start on the same day, so the nearest likeness comes first.
        let likenesses: [fn(&Span, &Span) -> bool; 3] =
            [|row, stored| row.end == stored.end, |row, stored| row.has_days() && stored.has_days(), |_, _| true];
        for alike in likenesses {
            for (row, found) in rows.iter().zip(&mut found).filter(|(_, found)| found.is_none()) {
                let of_day = (row.pair, row.start, 0)..=(row.pair, row.start, usize::MAX);
                let key = self.spans.range(of_day).find(|(_, stored)| alike(row, stored)).map(|(key, _)| *key);
                *found = key.and_then(|key| self.claim(key));
            }
        }
        found
    }

    /// Finds the one stored period that a row overlaps, and claims it.
    pub(super) fn by_overlap(&mut self, row: &Span) -> Match {
        let before_its_end = (row.pair, NaiveDate::MIN, 0)..(row.pair, row.until(), 0);
        // Stored periods do not overlap each other: once one is over before the row starts, so are all before it.
        let near = self.spans.range(before_its_end).rev();
        let near = near.take_while(|(_, span)| !span.has_days() || span.until() > row.start);
        let mut overlapped = near.filter(|(_, span)| span.overlaps(*row)).map(|(key, _)| *key);
        match (overlapped.next(), overlapped.next()) {
            (Some((.., one)), Some((.., other))) => Match::Several(other, one),
            (Some(only), None) => self.claim(only).map_or(Match::New, Match::Found),
            (None, _) => Match::New,
        }
    }

    fn claim(&mut self, key: (Pair, NaiveDate, usize)) -> Option<usize> {
        self.spans.remove(&key).map(|_| key.2)
    }

    /// The periods of a pair that no row has found.
    pub(super) fn left(&self, pair: Pair) -> impl Iterator<Item = Span> + '_ {
        self.spans.range((pair, NaiveDate::MIN, 0)..=(pair, NaiveDate::MAX, usize::MAX)).map(|(_, span)| *span)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(person: i64, start: &str, end: &str) -> Span {
        let date = |text: &str| text.parse().expect("a date");
        Span { pair: (1, person), start: date(start), end: (!end.is_empty()).then(|| date(end)) }
    }

    #[test]
    fn a_row_finds_what_is_stored_of_the_same_start() {
        let stored = [
            span(1, "2020-01-01", ""),
            span(2, "2020-01-01", "2021-01-01"),
            span(3, "2020-01-01", ""),
            span(4, "2020-01-01", ""),
        ];
        let rows = [
            span(1, "2020-01-01", ""),
            span(2, "2020-01-01", ""),
            span(3, "2020-01-01", "2022-01-01"),
            span(5, "2020-01-01", ""),
        ];
        let mut unclaimed = Unclaimed::new(stored.into_iter());
        assert_eq!(unclaimed.by_start(&rows), [Some(0), Some(1), Some(2), None]);
        assert_eq!(unclaimed.left((1, 4)).collect::<Vec<_>>(), [stored[3]]);
        assert_eq!(unclaimed.left((1, 3)).count(), 0);
    }

    #[test]
    fn a_row_of_another_start_finds_the_one_period_that_it_overlaps() {
        let stored =
            [span(1, "2020-01-01", "2021-01-01"), span(1, "2022-01-01", ""), span(1, "2021-06-01", "2021-06-01")];
        let found = |start, end| Unclaimed::new(stored.into_iter()).by_overlap(&span(1, start, end));
        assert_eq!(found("2019-01-01", "2020-01-01"), Match::New);
        assert_eq!(found("2019-01-01", "2020-01-02"), Match::Found(0));
        assert_eq!(found("2020-12-31", "2022-01-01"), Match::Found(0));
        assert_eq!(found("2021-01-01", "2022-01-01"), Match::New);
        assert_eq!(found("2021-06-01", ""), Match::Found(1));
        assert_eq!(found("2020-06-01", ""), Match::Several(0, 1));
        assert_eq!(found("2020-06-01", "2020-06-01"), Match::New, "a period of no day overlaps nothing");
        let mut unclaimed = Unclaimed::new(stored.into_iter());
        assert_eq!(unclaimed.by_overlap(&span(1, "2022-02-01", "2022-03-01")), Match::Found(1));
        assert_eq!(unclaimed.by_overlap(&span(1, "2022-04-01", "")), Match::New, "another row has it already");
    }

    #[test]
    fn a_period_of_no_day_does_not_take_the_place_of_one_that_goes_on() {
        let rows = [span(1, "2020-01-01", "2020-01-01"), span(1, "2020-01-01", "")];
        let stored = |end| Unclaimed::new([span(1, "2020-01-01", end)].into_iter()).by_start(&rows);
        assert_eq!(stored(""), [None, Some(0)]);
        assert_eq!(stored("2021-01-01"), [None, Some(0)]);
        assert_eq!(stored("2020-01-01"), [Some(0), None]);
    }

    #[test]
    fn what_two_periods_share_is_part_of_both() {
        let shared =
            |one: (&str, &str), other: (&str, &str)| span(1, one.0, one.1).shared_with(span(1, other.0, other.1));
        let (year, open) = (("2020-01-01", "2021-01-01"), ("2020-06-01", ""));
        assert_eq!(shared(year, open), span(1, "2020-06-01", "2021-01-01"));
        assert_eq!(shared(open, ("2022-01-01", "")), span(1, "2022-01-01", ""));
        assert_eq!(shared(year, ("2022-01-01", "")), span(1, "2022-01-01", "2022-01-01"));
    }

    #[test]
    fn days_ahead_count_from_today() {
        let ahead = |one: (&str, &str), other: (&str, &str)| {
            span(1, one.0, one.1).has_more_ahead_than(span(1, other.0, other.1), "2026-11-30".parse().expect("a date"))
        };
        let (open, over) = (("2020-01-01", ""), ("2020-01-01", "2026-11-30"));
        assert!(ahead(open, over) && !ahead(over, open) && !ahead(open, open));
        assert!(!ahead(open, ("2021-01-01", "")), "what is past does not count");
        assert!(ahead(open, ("2027-01-01", "")) && !ahead(over, ("2027-01-01", "")));
    }
}
