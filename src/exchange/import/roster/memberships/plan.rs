//! What is to become of memberships, from what the file says and what is stored. Nothing here touches the database.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::NaiveDate;

use super::{Pair, in_force};
use crate::exchange::bundle::At;
use crate::exchange::edexml::Stay;
use crate::exchange::import::memberships::{Said, Stored};
use crate::members::{Origin, Role};
use crate::school::year::SchoolYear;

/// What the file says of a pair.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    pub at: At,
    pub role: Role,
    pub stay: Stay,
    /// Since when the person is at the school, if the file says so.
    pub joined: Option<NaiveDate>,
}

impl Wanted {
    /// Whether the person is a member from the day of the file or a later one on.
    pub(super) fn is_there(&self) -> bool {
        matches!(self.stay, Stay::Within { .. })
    }

    /// Whether the person is a member on a day.
    pub(super) fn is_there_on(&self, day: NaiveDate) -> bool {
        match self.stay {
            Stay::Within { from, until } => from <= day && until.is_none_or(|until| until > day),
            Stay::Left(_) => false,
        }
    }
}

/// A membership that is over, or was declared a mistake.
pub(super) struct Past {
    pub row: Stored,
    pub annulled: bool,
}

impl Past {
    /// The day up to which it tells something.
    pub(super) fn day(&self) -> NaiveDate {
        let Said { start_date, end_date, .. } = self.row.said;
        if self.annulled { start_date } else { end_date.unwrap_or(start_date) }
    }
}

/// What is known when the decisions are made.
pub(super) struct Facts<'t, 'd> {
    /// The day of the file.
    pub date: NaiveDate,
    pub today: NaiveDate,
    pub wanted: &'t BTreeMap<Pair, Wanted>,
    /// Who is in the file and no longer at the school, and since when if it says so.
    pub left: &'t HashMap<i64, Option<NaiveDate>>,
    /// What is not over on the day of the file, by start.
    pub stored: &'d [Stored],
    /// The last of what is over or was declared a mistake, of pairs that have nothing else.
    pub past: &'d HashMap<Pair, Past>,
    /// Who has left by themselves, and since when.
    pub opt_outs: &'t HashMap<Pair, NaiveDate>,
    pub start_reason: i64,
    pub end_reason: i64,
}

/// What somebody has done by hand and the file says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Ended, on this day; the file goes on.
    Ended(NaiveDate),
    /// Declared a mistake; the file says it still.
    Annulled,
    /// Given an end, or none; the file has another.
    Until { stored: Option<NaiveDate>, said: Option<NaiveDate> },
    /// Given an end; the file says that it is over.
    Kept(NaiveDate),
}

/// What is to be written.
#[derive(Default)]
pub(super) struct Plan<'d> {
    pub annul: Vec<&'d Stored>,
    /// Memberships that get other dates or another role.
    pub change: Vec<(&'d Stored, Said)>,
    pub start: Vec<(Said, At)>,
    pub stands: Vec<(Pair, Standing)>,
    pub unchanged: u64,
    pub opted_out: u64,
    /// The memberships of which it matters who gave them their end.
    pub asked: Vec<i64>,
}

/// Makes all decisions. `by_hand` are the memberships that got the end that they have, or none, from somebody's hand.
pub(super) fn plan<'d>(facts: &Facts<'_, 'd>, by_hand: &HashSet<i64>) -> Plan<'d> {
    let mut planner = Planner { facts, by_hand, plan: Plan::default() };
    let mut of_pair: HashMap<Pair, Vec<&'d Stored>> = HashMap::new();
    for row in facts.stored {
        of_pair.entry(row.said.span().pair).or_default().push(row);
    }
    for (pair, wanted) in facts.wanted {
        let rows = of_pair.get(pair).map(Vec::as_slice).unwrap_or_default();
        match wanted.stay {
            Stay::Within { from, until } => planner.within(*pair, wanted, rows, from, until),
            Stay::Left(left) => planner.left(*pair, rows, left),
        }
    }
    for row in facts.stored.iter().filter(|row| !facts.wanted.contains_key(&row.said.span().pair)) {
        planner.gone(row, None);
    }
    planner.plan
}

/// Whether a membership is the roster's to change.
pub(super) fn is_ours(row: &Stored) -> bool {
    matches!(row.origin, Origin::Import | Origin::YearTransition)
}

struct Planner<'p, 'd> {
    facts: &'p Facts<'p, 'd>,
    by_hand: &'p HashSet<i64>,
    plan: Plan<'d>,
}

impl<'d> Planner<'_, 'd> {
    /// Whether a file of this day could change a membership. What a year transition made for later is not of this day.
    fn may_change(&self, row: &Stored) -> bool {
        is_ours(row) && !(row.origin == Origin::YearTransition && row.said.start_date > self.facts.date)
    }

    /// Whether a membership was given another end by hand than the file says.
    fn is_fixed(&mut self, row: &Stored, until: Option<NaiveDate>) -> bool {
        self.may_change(row) && row.said.end_date.is_some() && row.said.end_date != until && self.is_by_hand(row)
    }

    fn is_by_hand(&mut self, row: &Stored) -> bool {
        self.plan.asked.push(row.id);
        self.by_hand.contains(&row.id)
    }

    /// The person is in the group, from a day on.
    fn within(&mut self, pair: Pair, wanted: &Wanted, rows: &[&'d Stored], from: NaiveDate, until: Option<NaiveDate>) {
        let mut ours: Vec<&'d Stored> = Vec::new();
        let mut others: Vec<&'d Stored> = Vec::new();
        for row in rows {
            let is_fixed = self.is_fixed(row, until);
            if let Some(end) = row.said.end_date.filter(|_| is_fixed) {
                let (before, covers) = (end <= from, in_force(&row.said, from));
                let standing =
                    if before { Standing::Kept(end) } else { Standing::Until { stored: Some(end), said: until } };
                self.plan.stands.extend((before || covers).then_some((pair, standing)));
            }
            if is_fixed || !self.may_change(row) { &mut others } else { &mut ours }.push(row);
        }
        // A membership to which somebody gave the end that the file says comes before all others.
        let mut agreed = ours.iter().position(|row| row.said.end_date.is_some() && self.is_by_hand(row));
        if let Some(place) = agreed
            && !ours.get(place).is_some_and(|row| self.is_meant(row, from))
        {
            others.push(ours.remove(place));
            agreed = None;
        }
        let (matched, written) = if others.iter().any(|row| in_force(&row.said, from)) {
            // Where a membership that was made or ended by hand covers what the file says, nothing is added to it.
            self.plan.unchanged += 1;
            (None, None)
        } else {
            // One that somebody else made for later keeps its place (M2).
            let next = others.iter().map(|row| row.said.start_date).filter(|start| *start > from).min();
            let end = until.into_iter().chain(next).min();
            // One that has its start already comes first, so that the same file again changes nothing.
            let begins = ours.iter().filter(|row| row.said.start_date == from);
            let first = agreed.and_then(|place| ours.get(place)).into_iter().chain(begins).chain(&ours);
            let matched = first.copied().find(|row| self.is_meant(row, from));
            let written = match matched {
                Some(row) => Some(self.compare(row, wanted.role, from, end, until)),
                None => self.start(pair, wanted, from, end),
            };
            (matched, written)
        };
        for row in ours.into_iter().filter(|row| matched.is_none_or(|matched| matched.id != row.id)) {
            self.gone(row, written.as_ref());
        }
    }

    /// Whether a membership is the one that the file means: it goes on, or it was to begin and has another start now.
    fn is_meant(&self, row: &Stored, from: NaiveDate) -> bool {
        let begins_later = row.said.start_date >= self.facts.date && row.origin == Origin::Import;
        (from == self.facts.date && row.said.start_date <= from) || begins_later
    }

    /// Corrects a membership, and returns what it is from now on.
    fn compare(
        &mut self,
        row: &'d Stored,
        role: Role,
        from: NaiveDate,
        end: Option<NaiveDate>,
        said: Option<NaiveDate>,
    ) -> Said {
        let before = &row.said;
        let goes_on = from == self.facts.date && before.start_date <= from;
        let start_date = if goes_on { before.start_date } else { from };
        let mut after = Said { start_date, role, ..before.clone() };
        if before.end_date != end {
            if self.is_by_hand(row) {
                let pair = before.span().pair;
                self.plan.stands.push((pair, Standing::Until { stored: before.end_date, said }));
                // With its end it keeps its start: somebody looked at the whole of it.
                after.start_date = before.start_date;
            } else {
                after.end_date = end;
                after.end_reason_id = end.map(|_| self.facts.end_reason);
            }
        }
        if after == *before {
            self.plan.unchanged += 1;
        } else {
            self.plan.change.push((row, after.clone()));
        }
        after
    }

    /// Starts a membership, unless the person or somebody else decided otherwise, and returns it.
    fn start(&mut self, pair: Pair, wanted: &Wanted, from: NaiveDate, end: Option<NaiveDate>) -> Option<Said> {
        let facts = self.facts;
        if facts.opt_outs.get(&pair).is_some_and(|since| end.is_none_or(|end| end > *since)) {
            self.plan.opted_out += 1;
            return None;
        }
        if let Some(standing) = facts.past.get(&pair).and_then(|past| self.standing(past, wanted)) {
            self.plan.stands.push((pair, standing));
            return None;
        }
        let (group_id, participant_id) = pair;
        let said = Said {
            group_id,
            participant_id,
            start_date: from,
            start_reason_id: facts.start_reason,
            end_date: end,
            end_reason_id: end.map(|_| facts.end_reason),
            role: wanted.role,
        };
        self.plan.start.push((said.clone(), wanted.at));
        Some(said)
    }

    /// What was done by hand stands for the rest of the school year, unless the person came to the school anew since. That
    /// somebody took back what was made by hand is no word against the roster.
    fn standing(&mut self, past: &Past, wanted: &Wanted) -> Option<Standing> {
        let day = past.day();
        let came_anew = wanted.joined.is_some_and(|joined| joined > day);
        let counts = !past.annulled || is_ours(&past.row);
        if came_anew || !counts || SchoolYear::of(day) != SchoolYear::of(self.facts.date) || !self.is_by_hand(&past.row)
        {
            return None;
        }
        Some(if past.annulled { Standing::Annulled } else { Standing::Ended(day) })
    }

    /// The person is in the file and no longer at the school.
    fn left(&mut self, pair: Pair, rows: &[&'d Stored], left: Option<NaiveDate>) {
        for row in rows {
            self.gone(row, None);
        }
        let facts = self.facts;
        let (Some(left), Some(past)) = (left, facts.past.get(&pair)) else { return };
        // What is over was ended by a roster of before, which knew another day.
        let said = &past.row.said;
        let differs = said.end_date != Some(left) && said.end_reason_id == Some(facts.end_reason);
        let has_room = said.start_date < left && rows.iter().all(|row| row.said.start_date >= left);
        if differs && has_room && !past.annulled && is_ours(&past.row) && !self.is_by_hand(&past.row) {
            self.plan.change.push((&past.row, Said { end_date: Some(left), ..said.clone() }));
        }
    }

    /// What is stored, is the roster's to end, and is not in the file any more. It ends when the person left, or else on the
    /// day of the file; what began later was a mistake. What a year transition made is never taken for one: it ends on the
    /// day on which it began, which leaves a period of no days, so that the row and its history can still be read. What is
    /// over today is left alone, unless the membership that takes its place overlaps it (M2).
    fn gone(&mut self, row: &'d Stored, instead: Option<&Said>) {
        let Facts { date, today, left, end_reason, .. } = *self.facts;
        let said = &row.said;
        let left = left.get(&said.participant_id).copied().flatten();
        let is_covered = instead.is_some_and(|instead| instead.span().overlaps(said.span()));
        let counts = in_force(said, today) || said.start_date > today || left.is_some() || is_covered;
        if !counts || !self.may_change(row) {
            return;
        }
        if let Some(end) = said.end_date
            && self.is_by_hand(row)
        {
            self.plan.stands.push((said.span().pair, Standing::Kept(end)));
            return;
        }
        let last = left.unwrap_or(date);
        let never_was = said.start_date >= date || left.is_some_and(|left| said.start_date >= left);
        if never_was && row.origin == Origin::Import {
            self.plan.annul.push(row);
        } else {
            let end_date = Some(last.max(said.start_date));
            self.plan.change.push((row, Said { end_date, end_reason_id: Some(end_reason), ..said.clone() }));
        }
    }
}

#[cfg(test)]
mod tests;
