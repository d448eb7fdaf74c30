//! Which memberships are to be made for those who go to a group: pure, beside those in which they are anyhow.

use std::collections::{BTreeMap, HashMap};

use chrono::NaiveDate;

use super::Outcome;
use super::plan::{Decision, Facts, NewEnd, Plan, Row, Start};
use crate::members::Role;

/// The memberships that are to be made, and where none has to be.
#[derive(Default)]
pub struct Started {
    /// By group, participant and day.
    pub starts: Vec<Start>,
    /// By group: whose membership of the target stands already, and who has one of a later day.
    pub standing: BTreeMap<i64, usize>,
    pub scheduled: BTreeMap<i64, usize>,
    /// By group: who led the group that they leave and is an ordinary member of this one already.
    pub followers: BTreeMap<i64, usize>,
}

impl Started {
    /// Who moves to a group from several is in it once; whoever is in it already stays as they are.
    pub fn work_out(plan: &Plan, facts: &Facts, decisions: &[Decision]) -> Self {
        let decided: HashMap<i64, &Decision> = decisions.iter().map(|it| (it.membership_id, it)).collect();
        let mut wanted: BTreeMap<(i64, i64), Joining> = BTreeMap::new();
        let mut standing: HashMap<(i64, i64), Vec<&Row>> = HashMap::new();
        for row in &facts.rows {
            match decided.get(&row.id).map(|decision| (decision.outcome, decision.to_group_id)) {
                Some((Outcome::Moves, Some(to))) => {
                    wanted.entry((to, row.participant)).or_default().add(begin(plan, to, row));
                }
                Some((Outcome::Leaves, _)) => {}
                _ if row.derived => {}
                _ => standing.entry((row.group, row.participant)).or_default().push(row),
            }
        }
        let mut started = Self::default();
        for (key, joining) in wanted {
            let mut stands = standing.remove(&key).unwrap_or_default();
            stands.sort_by_key(|row| row.start);
            let mut standing = stands.iter().filter(|row| row.start <= plan.effective_on).peekable();
            if standing.peek().is_some() {
                *started.standing.entry(key.0).or_default() += 1;
                if joining.leads.is_some() && standing.all(|row| row.role == Role::Member) {
                    *started.followers.entry(key.0).or_default() += 1;
                }
            }
            let starts: Vec<Start> = joining.starts().iter().flat_map(|start| around(start, &stands)).collect();
            if starts.iter().any(|start| matches!(start.end, Some(NewEnd::Followed(_)))) {
                *started.scheduled.entry(key.0).or_default() += 1;
            }
            started.starts.extend(starts);
        }
        started
    }
}

fn begin(plan: &Plan, group: i64, row: &Row) -> Start {
    let end = row.end.clone().map(NewEnd::Kept);
    Start { group, participant: row.participant, role: row.role, from: plan.effective_on, end }
}

/// The days of it that those that stand already leave: whoever goes to a group is in it for as long as they would have
/// been where they come from, whatever they are in it for anyhow.
fn around(start: &Start, stands: &[&Row]) -> Vec<Start> {
    let lasts = |day: NaiveDate| start.end.as_ref().is_none_or(|end| end.date() > day);
    let (mut starts, mut from) = (Vec::new(), start.from);
    for row in stands {
        if row.start > from && !lasts(row.start) {
            break;
        }
        if row.start > from {
            starts.push(Start { from, end: Some(NewEnd::Followed(row.start)), ..start.clone() });
        }
        match &row.end {
            None => return starts,
            Some(end) => from = from.max(end.date),
        }
    }
    if lasts(from) {
        starts.push(Start { from, ..start.clone() });
    }
    starts
}

/// How somebody comes to a group, from one group or from several: as what they were there, each for as long as the longest of
/// these would have lasted.
#[derive(Default)]
struct Joining {
    leads: Option<Start>,
    belongs: Option<Start>,
}

impl Joining {
    fn add(&mut self, start: Start) {
        let place = match start.role {
            Role::Leader => &mut self.leads,
            Role::Member => &mut self.belongs,
        };
        if place.as_ref().is_none_or(|stands| outlasts(&start, stands)) {
            *place = Some(start);
        }
    }

    /// A leader is no member besides, and is one afterwards, if that lasts longer.
    fn starts(self) -> Vec<Start> {
        match (self.leads, self.belongs) {
            (Some(leads), Some(belongs)) if outlasts(&belongs, &leads) => {
                let from = leads.end.as_ref().map_or(belongs.from, NewEnd::date);
                vec![leads, Start { from, ..belongs }]
            }
            (leads, belongs) => leads.or(belongs).into_iter().collect(),
        }
    }
}

fn outlasts(one: &Start, other: &Start) -> bool {
    match (&one.end, &other.end) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(one), Some(other)) => one.date() > other.date(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::year::plan::End;

    fn day(n: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 9, n).unwrap_or_default()
    }

    fn row(group: i64, start: u32, end: Option<u32>) -> Row {
        let end = end.map(|end| End { date: day(end), reason: 1, note: None });
        Row { id: 1, group, participant: 7, start: day(start), end, role: Role::Member, derived: false }
    }

    #[test]
    fn whoever_moves_is_in_the_group_for_as_long_as_they_would_have_been_where_they_come_from() {
        let plan = Plan { effective_on: day(5), moves: Vec::new(), exceptions: Vec::new() };
        let all = |until: Option<u32>, stands: &[(u32, Option<u32>)]| -> Vec<(NaiveDate, Option<NaiveDate>)> {
            let stands: Vec<Row> = stands.iter().map(|(start, end)| row(2, *start, *end)).collect();
            let starts = around(&begin(&plan, 2, &row(1, 1, until)), &stands.iter().collect::<Vec<_>>());
            starts.iter().map(|start| (start.from, start.end.as_ref().map(NewEnd::date))).collect()
        };
        let spans = |spans: &[(u32, Option<u32>)]| -> Vec<(NaiveDate, Option<NaiveDate>)> {
            spans.iter().map(|(from, until)| (day(*from), until.map(day))).collect()
        };
        for (until, stands, expected) in [
            (None, &[][..], &[(5, None)][..]),
            (Some(9), &[], &[(5, Some(9))]),
            (None, &[(1, None)], &[]),
            (None, &[(1, Some(9))], &[(9, None)]),
            (Some(9), &[(1, Some(9))], &[]),
            (None, &[(12, None)], &[(5, Some(12))]),
            (None, &[(12, Some(15))], &[(5, Some(12)), (15, None)]),
            (Some(14), &[(12, Some(15))], &[(5, Some(12))]),
            (Some(12), &[(12, Some(15))], &[(5, Some(12))]),
            (Some(9), &[(12, Some(15))], &[(5, Some(9))]),
            (None, &[(1, Some(7)), (7, Some(9)), (12, Some(15)), (20, None)], &[(9, Some(12)), (15, Some(20))]),
        ] {
            assert_eq!(all(until, stands), spans(expected), "{until:?} beside {stands:?}");
        }
    }

    #[test]
    fn a_leader_until_a_known_day_is_a_member_afterwards_and_no_leader_for_good() {
        let plan = Plan { effective_on: day(5), moves: Vec::new(), exceptions: Vec::new() };
        let of = |role, end: Option<u32>| begin(&plan, 2, &Row { role, ..row(1, 1, end) });
        let (leads, belongs) = (|end| of(Role::Leader, end), |end| of(Role::Member, end));
        for (parts, expected) in [
            (vec![belongs(None)], vec![(Role::Member, 5, None)]),
            (vec![belongs(Some(9)), belongs(Some(12))], vec![(Role::Member, 5, Some(12))]),
            (vec![leads(Some(9)), belongs(None)], vec![(Role::Leader, 5, Some(9)), (Role::Member, 9, None)]),
            (vec![belongs(Some(12)), leads(Some(9))], vec![(Role::Leader, 5, Some(9)), (Role::Member, 9, Some(12))]),
            (vec![belongs(Some(9)), leads(Some(9))], vec![(Role::Leader, 5, Some(9))]),
            (vec![belongs(None), leads(None)], vec![(Role::Leader, 5, None)]),
            (vec![leads(Some(7)), leads(None), belongs(Some(9))], vec![(Role::Leader, 5, None)]),
        ] {
            let mut joining = Joining::default();
            for start in parts {
                joining.add(start);
            }
            let starts =
                joining.starts().into_iter().map(|start| (start.role, start.from, start.end.map(|end| end.date())));
            let expected =
                expected.into_iter().map(|(role, from, end): (_, _, Option<u32>)| (role, day(from), end.map(day)));
            assert_eq!(starts.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
        }
    }
}
