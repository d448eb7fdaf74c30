//! Which stored membership a row is about: the one of its group, participant and start date, else the one that its period
//! overlaps.

use std::collections::{HashMap, HashSet};

use chrono::NaiveDate;

use super::stored::{Annulled, opt_outs};
use super::{Line, Said, Stored, Verdict, by_pair};
use crate::error::Error;
use crate::exchange::import::Run;
use crate::exchange::import::periods::{Match, Pair, Span, Unclaimed};

/// What is stored of the pairs that rows name.
#[derive(Default)]
pub(super) struct Known {
    /// Memberships that do not follow from others.
    pub stored: Vec<Stored>,
    /// The periods of those that do.
    pub derived: HashMap<Pair, Vec<Span>>,
    /// Memberships that were declared a mistake.
    pub annulled: HashMap<Pair, Vec<Annulled>>,
    /// From when on somebody stays out of a group.
    pub opt_outs: HashMap<Pair, NaiveDate>,
    /// The periods of stored memberships that no row found.
    pub left: HashMap<Pair, Vec<Span>>,
}

impl Known {
    /// The membership that the row of a verdict found, as it is stored.
    pub(super) fn before(&self, verdict: &Verdict) -> Option<&Said> {
        self.stored.get(verdict.stored()?).map(|stored| &stored.said)
    }
}

/// What a row found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A stored membership, by its place in the list.
    Stored(usize),
    /// Two stored memberships, and maybe more, of which none is meant more than another.
    Several(usize, usize),
    /// A membership that was declared a mistake (M6).
    Annulled(NaiveDate),
    /// That the participant stays out of the group since a day (S5).
    OptedOut(NaiveDate),
    /// Nothing.
    New,
}

impl<'r> Run<'r> {
    /// What is stored of the pairs that rows name.
    pub(super) fn known_memberships(&mut self, lines: &[Line<'r>]) -> Result<Known, Error> {
        let (derived, stored): (Vec<Stored>, Vec<Stored>) =
            self.stored_memberships(lines)?.into_iter().partition(|stored| stored.origin.is_derived());
        let groups: HashSet<i64> = lines.iter().map(|line| line.pair.0).collect();
        let groups: Vec<i64> = groups.into_iter().collect();
        let mut annulled: HashMap<Pair, Vec<Annulled>> = HashMap::new();
        for row in self.annulled_memberships(&groups)? {
            annulled.entry(row.span.pair).or_default().push(row);
        }
        Ok(Known {
            stored,
            derived: by_pair(derived.iter().map(|row| row.said.span())),
            annulled,
            opt_outs: opt_outs(self.conn, &groups)?,
            left: HashMap::new(),
        })
    }
}

impl Known {
    /// Finds out what each row is about.
    pub(super) fn find(&mut self, lines: &[Line<'_>]) -> Vec<Found> {
        let mut unclaimed = Unclaimed::new(self.stored.iter().map(|stored| stored.said.span()));
        let rows: Vec<Span> = lines.iter().map(Line::span).collect();
        let by_start = unclaimed.by_start(&rows);
        let mut found: Vec<Found> = by_start.iter().map(|place| place.map_or(Found::New, Found::Stored)).collect();
        // The earlier of two rows that overlap the same stored period is what became of it, and the later one is new.
        let mut open: Vec<usize> = (0..rows.len()).filter(|place| found.get(*place) == Some(&Found::New)).collect();
        open.sort_by_key(|place| rows.get(*place).map(|row| row.start));
        // Of two periods that a row overlaps, another row may claim one; so whoever found several looks again.
        loop {
            let before = open.len();
            open.retain(|place| {
                let (Some(row), Some(found)) = (rows.get(*place), found.get_mut(*place)) else { return false };
                *found = self.elsewhere(row, &mut unclaimed);
                matches!(found, Found::Several(..))
            });
            if open.len() == before {
                break;
            }
        }
        let pairs: HashSet<Pair> = rows.iter().map(|row| row.pair).collect();
        self.left = by_pair(pairs.into_iter().flat_map(|pair| unclaimed.left(pair)));
        found
    }

    /// What a row is about that starts on the day of no stored membership.
    fn elsewhere(&self, row: &Span, unclaimed: &mut Unclaimed) -> Found {
        let annulled = self.annulled.get(&row.pair).map(Vec::as_slice).unwrap_or_default();
        if let Some(same) = annulled.iter().find(|annulled| annulled.span.start == row.start) {
            return Found::Annulled(same.on);
        }
        match unclaimed.by_overlap(row) {
            Match::Found(place) => return Found::Stored(place),
            Match::Several(one, other) => return Found::Several(one, other),
            Match::New => {}
        }
        // Whoever joins after a mistake was put right is no mistake.
        let was_known = |annulled: &&Annulled| annulled.span.overlaps(*row) && row.start <= annulled.on;
        if let Some(annulled) = annulled.iter().find(was_known) {
            return Found::Annulled(annulled.on);
        }
        // Whoever left by themselves is not brought back by the sender's next delivery, which may not know of it.
        match self.opt_outs.get(&row.pair) {
            Some(since) if row.until() > *since => Found::OptedOut(*since),
            _ => Found::New,
        }
    }
}
