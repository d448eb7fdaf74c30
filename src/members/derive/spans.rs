//! Arithmetic over half-open periods (M1).

use chrono::NaiveDate;

/// Days from the first on, up to and not including the second; without end when there is none.
pub type Span = (NaiveDate, Option<NaiveDate>);

/// A set of days, as spans that neither overlap nor touch, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spans(Vec<Span>);

/// Comes after every date that can be written.
fn end(span: Span) -> NaiveDate {
    span.1.unwrap_or(NaiveDate::MAX)
}

impl Spans {
    /// The days of one period that are not before `from`; none when it is over by then.
    pub fn since(from: NaiveDate, span: Span) -> Self {
        let clipped = (span.0.max(from), span.1);
        if clipped.0 < end(clipped) { Self(vec![clipped]) } else { Self::default() }
    }

    /// Whether there is no day in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The spans, in order.
    pub fn iter(&self) -> impl Iterator<Item = Span> + '_ {
        self.0.iter().copied()
    }

    /// The days that are in either.
    pub fn unite(&mut self, other: &Self) {
        if other.is_empty() {
            return;
        }
        if self.is_empty() {
            self.clone_from(other);
            return;
        }
        let mut all: Vec<Span> = self.iter().chain(other.iter()).collect();
        all.sort_unstable_by_key(|span| span.0);
        let mut united: Vec<Span> = Vec::with_capacity(all.len());
        for span in all {
            match united.last_mut() {
                Some(last) if span.0 <= end(*last) => {
                    if end(span) > end(*last) {
                        last.1 = span.1;
                    }
                }
                _ => united.push(span),
            }
        }
        self.0 = united;
    }

    /// The days that are in both.
    #[must_use]
    pub fn intersect(&self, other: &Self) -> Self {
        let mut both = Vec::new();
        for one in self.iter() {
            for two in other.iter() {
                let start = one.0.max(two.0);
                let shorter = if end(one) <= end(two) { one.1 } else { two.1 };
                if start < end((start, shorter)) {
                    both.push((start, shorter));
                }
            }
        }
        Self(both)
    }

    /// The days that are not in the other.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        if other.is_empty() {
            return self.clone();
        }
        let mut left = Vec::new();
        for span in self.iter() {
            let mut start = span.0;
            for hole in other.iter() {
                if start < hole.0 && start < end(span) {
                    left.push((start, Some(hole.0.min(end(span)))));
                }
                start = start.max(end(hole));
            }
            if start < end(span) {
                left.push((start, span.1));
            }
        }
        Self(left)
    }

    /// The days before a date.
    #[must_use]
    pub fn until(&self, date: NaiveDate) -> Self {
        self.without(&Self(vec![(date, None)]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn day(n: u32) -> NaiveDate {
        NaiveDate::from_num_days_from_ce_opt(739_000 + i32::try_from(n).unwrap_or_default()).unwrap_or_default()
    }

    fn of(spans: &[(u32, Option<u32>)]) -> Spans {
        let mut all = Spans::default();
        for (start, end) in spans {
            all.unite(&Spans::since(day(0), (day(*start), end.map(day))));
        }
        all
    }

    fn contains(spans: &Spans, on: u32) -> bool {
        spans.iter().any(|(start, end)| start <= day(on) && end.is_none_or(|end| day(on) < end))
    }

    fn tidy(spans: &Spans) -> bool {
        spans.iter().all(|span| span.0 < end(span))
            && spans.0.windows(2).all(|pair| matches!(pair, [one, two] if end(*one) < two.0))
    }

    fn any_spans() -> impl Strategy<Value = Vec<(u32, Option<u32>)>> {
        prop::collection::vec((0_u32..30, prop::option::of(0_u32..30)), 0..6)
    }

    proptest! {
        #[test]
        fn m1_sets_of_days_combine_day_by_day(one in any_spans(), two in any_spans(), cut in 0_u32..30) {
            let (a, b) = (of(&one), of(&two));
            let mut united = a.clone();
            united.unite(&b);
            let (both, left, early) = (a.intersect(&b), a.without(&b), a.until(day(cut)));
            for spans in [&a, &b, &united, &both, &left, &early] {
                prop_assert!(tidy(spans), "{spans:?}");
            }
            for on in 0..40 {
                let (in_a, in_b) = (contains(&a, on), contains(&b, on));
                prop_assert_eq!(contains(&united, on), in_a || in_b);
                prop_assert_eq!(contains(&both, on), in_a && in_b);
                prop_assert_eq!(contains(&left, on), in_a && !in_b);
                prop_assert_eq!(contains(&early, on), in_a && on < cut);
            }
        }
    }
}
