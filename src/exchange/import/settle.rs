//! Which of the periods that a bundle asks for can stand beside each other and beside what stays (M2).
//!
//! The rows of a bundle do not overlap each other. What they make of stored periods can, where a part of a period was
//! changed in Kring and stays.

use std::collections::HashMap;

use chrono::NaiveDate;

use super::periods::{Pair, Span};

/// What a row makes of the periods of its pair.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wish {
    /// The stored period that it changes, if it found one.
    pub before: Option<Span>,
    /// What it makes of it.
    pub after: Span,
}

impl Wish {
    fn changes(&self) -> bool {
        self.before != Some(self.after)
    }
}

/// What is stored of a pair besides the periods that rows found.
#[derive(Clone, Debug, Default)]
pub(super) struct Around {
    /// Periods that stay as they are.
    pub standing: Vec<Span>,
    /// Periods that follow from another group or an address (A3). They give way, but for days of the past.
    pub derived: Vec<Span>,
}

/// The wishes that cannot be granted, by their places in the list, each with the period that is in the way.
pub(super) fn refused(wishes: &[Wish], around: impl Fn(Pair) -> Around, today: NaiveDate) -> HashMap<usize, Span> {
    let mut of_pair: HashMap<Pair, Vec<usize>> = HashMap::new();
    for (place, wish) in wishes.iter().enumerate() {
        of_pair.entry(wish.after.pair).or_default().push(place);
    }
    let mut refused = HashMap::new();
    for (pair, places) in of_pair {
        let around = around(pair);
        let lone = places.len() == 1 && around.standing.is_empty() && around.derived.is_empty();
        if !lone {
            Table { wishes, around: &around, today, refused: HashMap::new() }.settle(&places, &mut refused);
        }
    }
    refused
}

/// The periods of one pair.
struct Table<'w> {
    wishes: &'w [Wish],
    around: &'w Around,
    today: NaiveDate,
    refused: HashMap<usize, Span>,
}

impl Table<'_> {
    fn settle(mut self, places: &[usize], refused: &mut HashMap<usize, Span>) {
        for place in places {
            if let Some(loss) = self.loses_the_past(*place) {
                self.refused.insert(*place, loss);
            }
        }
        // Each round refuses at least one more, and what is stored does not overlap itself.
        while self.refuse_overlapping(places) {}
        refused.extend(self.refused);
    }

    /// A derived period that would have to give up days that are past and that the wish does not cover itself.
    fn loses_the_past(&self, place: usize) -> Option<Span> {
        let wish = self.wishes.get(place).filter(|wish| wish.changes())?;
        let end = wish.after.end?;
        let loses = |derived: &&Span| derived.overlaps(wish.after) && end < derived.until().min(self.today);
        self.around.derived.iter().find(loses).copied()
    }

    /// The period of a wish as it is decided by now; none for a new one that was refused.
    fn period(&self, place: usize) -> Option<Span> {
        let wish = self.wishes.get(place)?;
        if self.refused.contains_key(&place) { wish.before } else { Some(wish.after) }
    }

    /// Whether refusing a wish keeps it apart from another period.
    fn refusing_helps(&self, place: usize, other: Span) -> bool {
        let open = !self.refused.contains_key(&place);
        let wish = self.wishes.get(place).filter(|wish| open && wish.changes());
        wish.is_some_and(|wish| wish.before.is_none_or(|before| !before.overlaps(other)))
    }

    /// Walks the periods by their start, and refuses one of every two that overlap. Returns whether it refused any.
    fn refuse_overlapping(&mut self, places: &[usize]) -> bool {
        let standing = self.around.standing.iter().map(|span| (*span, None));
        let mut periods: Vec<(Span, Option<usize>)> =
            standing.chain(places.iter().filter_map(|place| Some((self.period(*place)?, Some(*place))))).collect();
        periods.sort_unstable_by_key(|(span, place)| (span.start, span.until(), *place));
        let mut furthest: Option<(Span, Option<usize>)> = None;
        let mut found = false;
        for (span, place) in periods {
            let Some((other, earlier)) = furthest.filter(|(other, _)| other.overlaps(span)) else {
                if furthest.is_none_or(|(other, _)| other.until() < span.until()) {
                    furthest = Some((span, place));
                }
                continue;
            };
            let later_gives_way = place.is_some_and(|place| self.refusing_helps(place, other));
            let earlier_gives_way = earlier.is_some_and(|earlier| self.refusing_helps(earlier, span));
            match (place, earlier) {
                (Some(place), _) if later_gives_way => {
                    self.refused.insert(place, other);
                    found = true;
                }
                (_, Some(earlier)) if earlier_gives_way => {
                    self.refused.insert(earlier, span);
                    furthest = Some((span, place));
                    found = true;
                }
                // Neither helps alone: both go back to what is stored.
                _ => {
                    let both = [(place, other), (earlier, span)];
                    let open = both.into_iter().filter_map(|(place, other)| Some((place?, other)));
                    let open: Vec<_> = open.filter(|(place, _)| self.is_open(*place)).collect();
                    found |= !open.is_empty();
                    self.refused.extend(open);
                }
            }
        }
        found
    }

    fn is_open(&self, place: usize) -> bool {
        !self.refused.contains_key(&place) && self.wishes.get(place).is_some_and(Wish::changes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(start: &str, end: &str) -> Span {
        let date = |text: &str| text.parse().expect("a date");
        Span { pair: (1, 1), start: date(start), end: (!end.is_empty()).then(|| date(end)) }
    }

    fn settle(wishes: &[Wish], standing: &[Span], derived: &[Span]) -> Vec<usize> {
        let around = Around { standing: standing.to_vec(), derived: derived.to_vec() };
        let today = "2026-11-30".parse().expect("a date");
        let mut places: Vec<usize> = refused(wishes, |_| around.clone(), today).into_keys().collect();
        places.sort_unstable();
        places
    }

    fn new(start: &str, end: &str) -> Wish {
        Wish { before: None, after: span(start, end) }
    }

    fn change(before: (&str, &str), after: (&str, &str)) -> Wish {
        Wish { before: Some(span(before.0, before.1)), after: span(after.0, after.1) }
    }

    #[test]
    fn m2_what_stays_comes_first() {
        let kept = span("2020-01-01", "2021-01-01");
        assert_eq!(settle(&[new("2021-01-01", "")], &[kept], &[]), [0; 0]);
        assert_eq!(settle(&[new("2020-06-01", "")], &[kept], &[]), [0]);
        assert_eq!(settle(&[change(("2021-06-01", ""), ("2020-06-01", ""))], &[kept], &[]), [0]);
        assert_eq!(settle(&[new("2020-06-01", "2020-06-01")], &[kept], &[]), [0; 0]);
    }

    #[test]
    fn m2_periods_can_change_places() {
        let wishes = [
            change(("2020-01-01", "2021-01-01"), ("2020-01-01", "2020-06-01")),
            change(("2021-01-01", ""), ("2020-06-01", "2022-01-01")),
            new("2022-01-01", ""),
        ];
        assert_eq!(settle(&wishes, &[], &[]), [0; 0]);
    }

    #[test]
    fn m2_an_end_that_was_set_in_kring_is_in_the_way_of_the_next_row_only() {
        // The first row moved the start, and its end stays as somebody set it.
        let wishes = [change(("2020-01-01", "2026-11-30"), ("2019-01-01", "2026-11-30")), new("2026-01-01", "")];
        assert_eq!(settle(&wishes, &[], &[]), [1]);
        // A change that overlaps another only by its new start goes back to what is stored.
        let wishes = [
            change(("2022-01-01", ""), ("2020-06-01", "")),
            change(("2020-01-01", "2021-01-01"), ("2020-01-01", "2021-01-01")),
        ];
        assert_eq!(settle(&wishes, &[], &[]), [0]);
    }

    #[test]
    fn m2_refusing_one_can_bring_another_down() {
        // The second wants to begin where the first ends; the first cannot be shortened to that, since it may not begin
        // before what stands.
        let wishes = [
            change(("2021-01-01", "2023-01-01"), ("2020-06-01", "2022-01-01")),
            change(("2023-01-01", ""), ("2022-01-01", "")),
        ];
        assert_eq!(settle(&wishes, &[span("2020-01-01", "2021-01-01")], &[]), [0, 1]);
    }

    #[test]
    fn a3_what_follows_gives_way_but_loses_no_day_of_the_past() {
        let derived = [span("2025-01-01", "")];
        assert_eq!(settle(&[new("2025-06-01", "")], &[], &derived), [0; 0]);
        assert_eq!(settle(&[new("2025-06-01", "2027-01-01")], &[], &derived), [0; 0]);
        assert_eq!(settle(&[new("2025-06-01", "2025-07-01")], &[], &derived), [0]);
        let over = [span("2025-01-01", "2026-01-01")];
        assert_eq!(settle(&[new("2025-06-01", "2026-01-01")], &[], &over), [0; 0]);
        assert_eq!(settle(&[new("2025-06-01", "2025-12-31")], &[], &over), [0]);
        assert_eq!(settle(&[new("2024-06-01", "2025-01-01")], &[], &over), [0; 0]);
    }
}
