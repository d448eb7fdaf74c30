//! Decisions over generated memberships: what is written is what the file says, and writing it twice writes nothing.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{Days, NaiveDate, NaiveDateTime};
use proptest::prelude::*;

use super::{Facts, Past, Wanted, is_ours, plan};
use crate::exchange::bundle::At;
use crate::exchange::edexml::Stay;
use crate::exchange::import::memberships::{Said, Stored};
use crate::members::{Origin, Role};

const PAIR: (i64, i64) = (1, 2);
const IMPORTED: i64 = 9;
/// The day of the file, and how many days there are.
const DATE: u64 = 6;
const DAYS: u64 = 16;

fn day(number: u64) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 10, 1).and_then(|first| first.checked_add_days(Days::new(number))).expect("a date")
}

fn stored(id: i64, origin: Origin, start: u64, end: Option<u64>) -> Stored {
    let said = Said {
        group_id: PAIR.0,
        participant_id: PAIR.1,
        start_date: day(start),
        start_reason_id: 1,
        end_date: end.map(day),
        end_reason_id: end.map(|_| IMPORTED),
        role: Role::Member,
    };
    Stored { id, updated_at: NaiveDateTime::default(), origin, end_note: None, said }
}

type Period = (Origin, u64, Option<u64>);

fn rows(periods: &[Period]) -> Vec<Stored> {
    periods.iter().zip(1..).map(|((origin, start, end), id)| stored(id, *origin, *start, *end)).collect()
}

/// Periods one after the other, of which the last may be open.
fn periods() -> impl Strategy<Value = Vec<Period>> {
    let origin = prop_oneof![
        4 => Just(Origin::Import),
        1 => Just(Origin::YearTransition),
        1 => Just(Origin::Manual),
        1 => Just(Origin::Subscription),
    ];
    (prop::collection::vec((0..4u64, 0..5u64, origin), 0..4), any::<bool>()).prop_map(|(spans, open)| {
        let mut from = 0;
        let last = spans.len();
        let periods = spans.into_iter().zip(1..).map(|((gap, length, origin), n)| {
            let (start, end) = (from + gap, from + gap + length);
            from = end;
            (origin, start, (n != last || !open).then_some(end))
        });
        periods.collect()
    })
}

fn stay() -> impl Strategy<Value = Option<Stay>> {
    prop_oneof![
        1 => Just(None),
        1 => prop::option::of(0..=DATE).prop_map(|left| Some(Stay::Left(left.map(day)))),
        4 => (DATE..DAYS, prop::option::of(1..6u64)).prop_map(|(from, length)| {
            let from = if from < DATE + 5 { DATE } else { from };
            Some(Stay::Within { from: day(from), until: length.map(|length| day(from + length)) })
        }),
    ]
}

/// What the file says of the pair, as the planner takes it.
struct Case {
    wanted: BTreeMap<(i64, i64), Wanted>,
    left: HashMap<i64, Option<NaiveDate>>,
    today: NaiveDate,
    by_hand: HashSet<i64>,
}

impl Case {
    fn new(stay: Option<Stay>, today: u64, by_hand: HashSet<i64>) -> Self {
        let wanted = stay.map(|stay| (PAIR, Wanted { at: At::file("x"), role: Role::Member, stay, joined: None }));
        let left = match stay {
            Some(Stay::Left(left)) => Some((PAIR.1, left)),
            _ => None,
        };
        Self { wanted: wanted.into_iter().collect(), left: left.into_iter().collect(), today: day(today), by_hand }
    }

    /// Carries the decisions out and answers with the rows and how many were written.
    fn carry_out(&self, rows: Vec<Stored>) -> (Vec<Stored>, usize) {
        let date = day(DATE);
        let is_over = |row: &Stored| row.said.end_date.is_some_and(|end| end <= date || end == row.said.start_date);
        let (over, live): (Vec<Stored>, Vec<Stored>) = rows.into_iter().partition(is_over);
        let (mut kept, mut past) = (over, HashMap::new());
        let goes_on = live.iter().any(|row| row.said.start_date <= date);
        if (!goes_on || self.wanted.values().any(|wanted| !wanted.is_there()))
            && let Some(last) = (0..kept.len()).max_by_key(|n| kept.get(*n).map(|row| (row.said.end_date, row.id)))
        {
            past.insert(PAIR, Past { row: kept.swap_remove(last), annulled: false });
        }
        let facts = Facts {
            date,
            today: self.today,
            wanted: &self.wanted,
            left: &self.left,
            stored: &live,
            past: &past,
            opt_outs: &HashMap::new(),
            start_reason: 1,
            end_reason: IMPORTED,
        };
        let found = plan(&facts, &self.by_hand);
        let written = found.annul.len() + found.change.len() + found.start.len();
        let annulled: HashSet<i64> = found.annul.iter().map(|row| row.id).collect();
        let changed: HashMap<i64, Said> = found.change.iter().map(|(row, said)| (row.id, said.clone())).collect();
        assert_eq!(changed.len(), found.change.len(), "one change of a membership");
        let starts: Vec<Said> = found.start.iter().map(|(said, _)| said.clone()).collect();
        let before = kept.drain(..).chain(past.into_values().map(|past| past.row)).chain(live);
        let mut after: Vec<Stored> = before
            .filter(|row| !annulled.contains(&row.id))
            .map(|row| Stored { said: changed.get(&row.id).unwrap_or(&row.said).clone(), ..row })
            .collect();
        let new = starts.into_iter().zip(100..).map(|(said, id)| Stored {
            end_note: None,
            id,
            updated_at: NaiveDateTime::default(),
            origin: Origin::Import,
            said,
        });
        after.extend(new);
        after.sort_by_key(|row| (row.said.start_date, row.id));
        (after, written)
    }
}

fn is_in(rows: &[Stored], on: NaiveDate) -> bool {
    rows.iter().any(|row| super::in_force(&row.said, on))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// P6, M2: whatever is stored, no two periods overlap afterwards, a second run writes nothing, and what was made or ended
    /// by hand is as it was.
    #[test]
    fn writing_it_twice_writes_nothing(periods in periods(), stay in stay(), ahead in 0..3u64, hands in prop::collection::hash_set(1..4i64, 0..3)) {
        let case = Case::new(stay, DATE + ahead, hands);
        let rows = rows(&periods);
        let before: Vec<(i64, Origin, Said)> = rows.iter().map(|row| (row.id, row.origin, row.said.clone())).collect();
        let (after, _) = case.carry_out(rows);
        for (n, row) in after.iter().enumerate() {
            prop_assert!(row.said.end_date.is_none_or(|end| end >= row.said.start_date));
            for other in after.iter().skip(n + 1) {
                prop_assert!(!row.said.span().overlaps(other.said.span()), "{:?} and {:?}", row.said, other.said);
            }
        }
        for (id, origin, said) in before {
            let found = after.iter().find(|row| row.id == id);
            if !matches!(origin, Origin::Import | Origin::YearTransition) {
                prop_assert_eq!(found.map(|row| &row.said), Some(&said));
            } else if case.by_hand.contains(&id) && said.end_date.is_some() {
                prop_assert_eq!(found.map(|row| row.said.end_date), Some(said.end_date));
            }
        }
        let (_, written) = case.carry_out(after);
        prop_assert_eq!(written, 0);
    }

    /// P6: where nobody did anything by hand, who is in the group from today on is who the file says.
    #[test]
    fn what_the_file_says_is_so(periods in periods(), stay in stay(), ahead in 0..3u64) {
        let rows = rows(&periods).into_iter().map(|row| Stored { origin: Origin::Import, ..row }).collect();
        let case = Case::new(stay, DATE + ahead, HashSet::new());
        let (after, _) = case.carry_out(rows);
        prop_assert!(after.iter().all(is_ours));
        for on in (DATE + ahead..DAYS + 8).map(day) {
            let said = matches!(stay, Some(Stay::Within { from, until }) if from <= on && until.is_none_or(|until| until > on));
            prop_assert_eq!(is_in(&after, on), said, "on {}", on);
        }
    }
}
