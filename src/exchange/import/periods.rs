//! Rows and stored periods of the same pair: a participant in a group, or at an address.

use std::collections::HashMap;

use chrono::NaiveDate;

/// A period of a pair (M1). An open one has no end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Span {
    pub pair: (i64, i64),
    pub start: NaiveDate,
    pub end: Option<NaiveDate>,
}

impl Span {
    pub(super) fn overlaps(self, other: Self) -> bool {
        let before = |one: NaiveDate, end: Option<NaiveDate>| end.is_none_or(|end| one < end);
        let starts_within = before(self.start, other.end) && before(other.start, self.end);
        // A period of no day overlaps nothing.
        starts_within && before(self.start, self.end) && before(other.start, other.end)
    }

    /// The period as messages show it.
    pub(super) fn describe(&self) -> String {
        match self.end {
            Some(end) => format!("{} to {end}", self.start),
            None => format!("from {}", self.start),
        }
    }
}

/// What a row is to what is stored, which is named by its place in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Match {
    /// Stored just so.
    Same(usize),
    /// Stored as open, and the row has its end.
    Ends(usize),
    /// Not stored, and cannot be: the periods overlap (M2).
    Overlaps(usize),
    /// Not stored.
    New,
}

/// Holds rows, which do not overlap each other, against what is stored.
pub(super) fn matches(rows: &[Span], stored: &[Span]) -> Vec<Match> {
    let mut of_pair: HashMap<(i64, i64), Vec<(usize, Span)>> = HashMap::new();
    for (place, span) in stored.iter().enumerate() {
        of_pair.entry(span.pair).or_default().push((place, *span));
    }
    let mut found = vec![Match::New; rows.len()];
    // First what is stored just so: a period of no day could else end one that starts on the same day and goes on.
    for (row, found) in rows.iter().zip(&mut found) {
        if let Some(place) = take(&mut of_pair, row, |span| span.end == row.end) {
            *found = Match::Same(place);
        }
    }
    for (row, found) in rows.iter().zip(&mut found).filter(|(row, found)| **found == Match::New && row.end.is_some()) {
        if let Some(place) = take(&mut of_pair, row, |span| span.end.is_none()) {
            *found = Match::Ends(place);
        }
    }
    // What is left of the stored periods is not in the bundle and stays as it is.
    for (row, found) in rows.iter().zip(&mut found).filter(|(_, found)| **found == Match::New) {
        let left = of_pair.get(&row.pair).into_iter().flatten();
        if let Some((place, _)) = left.copied().find(|(_, span)| span.overlaps(*row)) {
            *found = Match::Overlaps(place);
        }
    }
    found
}

/// Takes a period that starts as the row does, so that no other row finds it.
fn take(
    of_pair: &mut HashMap<(i64, i64), Vec<(usize, Span)>>,
    row: &Span,
    fits: impl Fn(&Span) -> bool,
) -> Option<usize> {
    let spans = of_pair.get_mut(&row.pair)?;
    let place = spans.iter().position(|(_, span)| span.start == row.start && fits(span))?;
    Some(spans.swap_remove(place).0)
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
            span(2, "2020-01-01", "2021-01-01"),
            span(3, "2020-01-01", "2022-01-01"),
            span(5, "2020-01-01", ""),
        ];
        assert_eq!(matches(&rows, &stored), [Match::Same(0), Match::Same(1), Match::Ends(2), Match::New]);
    }

    #[test]
    fn m2_a_new_row_must_not_overlap_what_stays_as_it_is() {
        let stored = [span(1, "2020-01-01", "2021-01-01"), span(1, "2022-01-01", "")];
        let rows = |start, end| matches(&[span(1, start, end)], &stored);
        assert_eq!(rows("2019-01-01", "2020-01-01"), [Match::New]);
        assert_eq!(rows("2019-01-01", "2020-01-02"), [Match::Overlaps(0)]);
        assert_eq!(rows("2020-12-31", "2022-01-01"), [Match::Overlaps(0)]);
        assert_eq!(rows("2021-01-01", "2022-01-01"), [Match::New]);
        assert_eq!(rows("2021-06-01", ""), [Match::Overlaps(1)]);
        assert_eq!(rows("2020-01-01", ""), [Match::Overlaps(0)]);
        assert_eq!(rows("2020-06-01", "2020-06-01"), [Match::New]);
    }

    #[test]
    fn whoever_comes_back_after_an_end_in_the_same_bundle_overlaps_nothing() {
        let stored = [span(1, "2020-01-01", "")];
        let rows = [span(1, "2020-01-01", "2021-01-01"), span(1, "2023-01-01", "")];
        assert_eq!(matches(&rows, &stored), [Match::Ends(0), Match::New]);
    }

    #[test]
    fn a_period_of_no_day_does_not_end_the_one_that_goes_on() {
        let stored = [span(1, "2020-01-01", "")];
        let rows = [span(1, "2020-01-01", "2020-01-01"), span(1, "2020-01-01", "")];
        assert_eq!(matches(&rows, &stored), [Match::New, Match::Same(0)]);
    }
}
