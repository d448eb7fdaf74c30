//! Schools made at random: who is in which group and when, what is planned, what is shown to whom, what is kept.

use std::collections::BTreeSet;

use chrono::{Days, NaiveDate};

use crate::harness::today;
use crate::races::Dice;

/// The kinds of content that are drawn.
pub const KINDS: [&str; 3] = ["DOSSIER", "NEWS_ITEM", "PAGE"];
/// The tables of school records, and how their kinds are called.
pub const RECORDS: [(&str, &str); 3] =
    [("absence_reports", "ABSENCE_REPORT"), ("leave_requests", "LEAVE_REQUEST"), ("lunch_stays", "LUNCH_STAY")];

#[derive(Clone, Debug, Default)]
pub struct Group {
    pub year: Option<usize>,
    /// Whether it belongs to another organization.
    pub elsewhere: bool,
    pub all: bool,
    /// Components, and whether each is included.
    pub components: Vec<(usize, bool)>,
    pub source: Option<usize>,
    pub restricted: Option<usize>,
}

#[derive(Clone, Debug)]
pub struct Membership {
    pub group: usize,
    pub person: usize,
    pub start: NaiveDate,
    pub end: Option<NaiveDate>,
    pub leads: bool,
    pub annulled: bool,
}

#[derive(Clone, Copy, Debug)]
pub struct Move {
    pub group: usize,
    pub to: Option<usize>,
    pub leaders: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Stays,
    Leaves,
    Moves(usize),
}

#[derive(Clone, Copy, Debug)]
pub struct Exception {
    pub person: usize,
    pub group: Option<usize>,
    pub fate: Fate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Audience {
    Everyone,
    Organization,
    Participant(usize),
    Group(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Published,
    Scheduled,
    Withdrawn,
}

#[derive(Clone, Debug)]
pub struct Item {
    pub kind: usize,
    /// Whether another organization made it.
    pub elsewhere: bool,
    pub state: State,
    pub links: BTreeSet<Audience>,
}

#[derive(Clone, Copy, Debug)]
pub struct Record {
    pub kind: usize,
    pub group: usize,
    pub person: usize,
    pub year: i32,
    pub date: NaiveDate,
}

/// A school, and what is to become of it.
#[derive(Clone, Debug)]
pub struct Drawn {
    pub effective: NaiveDate,
    pub groups: Vec<Group>,
    /// Pupils, then teachers, then guardians.
    pub pupils: usize,
    pub teachers: usize,
    pub guardians: usize,
    /// Child and guardian.
    pub pairs: Vec<(usize, usize)>,
    pub memberships: Vec<Membership>,
    pub opt_outs: Vec<(usize, usize)>,
    pub moves: Vec<Move>,
    pub exceptions: Vec<Exception>,
    pub items: Vec<Item>,
    pub records: Vec<Record>,
}

pub fn day(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).unwrap()
}

/// When most memberships began.
pub fn long_ago() -> NaiveDate {
    day(2025, 8, 18)
}

type Period = (NaiveDate, Option<NaiveDate>);

/// When somebody is in one group: mostly all the time, but in every way that the effective date can fall.
fn periods(dice: &mut Dice, effective: NaiveDate) -> Vec<Period> {
    let after = |days: u64| effective + Days::new(days);
    let later = |days: u64| today() + Days::new(days);
    match dice.roll(16) {
        0 => vec![(long_ago(), Some(day(2026, 3, 1)))],
        1 => vec![(long_ago(), Some(effective))],
        2 => vec![(long_ago(), Some(after(1)))],
        3 => vec![(long_ago(), Some(later(40)))],
        4 => vec![(effective, None)],
        5 => vec![(after(7), None)],
        6 => vec![(long_ago(), Some(later(10))), (later(10), None)],
        7 => vec![(long_ago(), Some(day(2026, 5, 1))), (later(20), Some(later(60)))],
        8 => vec![(effective, Some(effective)), (later(5), Some(later(5)))],
        _ => vec![(long_ago(), None)],
    }
}

/// When somebody is in a group to which they may go: from a later day, or now but not for good.
fn scheduled(dice: &mut Dice, effective: NaiveDate) -> Vec<Period> {
    let later = |days: u64| today() + Days::new(days);
    match dice.roll(5) {
        0 => vec![(later(20), None)],
        1 => vec![(later(20), Some(later(60)))],
        2 => vec![(long_ago(), Some(later(20))), (later(30), Some(later(50)))],
        3 => vec![(effective, Some(later(20)))],
        _ => vec![(long_ago(), None)],
    }
}

impl Drawn {
    pub fn new(dice: &mut Dice) -> Self {
        let effective = *dice.of(&[day(2026, 8, 24), day(2026, 9, 1), today()]);
        let mut drawn = Self {
            effective,
            groups: groups(dice),
            pupils: 5 + dice.roll(5),
            teachers: 1 + dice.roll(3),
            guardians: 3,
            pairs: Vec::new(),
            memberships: Vec::new(),
            opt_outs: Vec::new(),
            moves: Vec::new(),
            exceptions: Vec::new(),
            items: Vec::new(),
            records: Vec::new(),
        };
        drawn.moves(dice);
        drawn.people(dice);
        drawn.exceptions(dice);
        drawn.items(dice);
        drawn.records(dice);
        drawn
    }

    pub fn people_count(&self) -> usize {
        self.pupils + self.teachers + self.guardians
    }

    pub fn years(&self) -> usize {
        self.groups.iter().filter(|group| group.year.is_some()).count()
    }

    /// A group that keeps its content and its members.
    pub fn choir(&self) -> usize {
        self.years()
    }

    pub fn council(&self) -> usize {
        self.years() + 1
    }

    pub fn is_planned(&self, group: usize) -> bool {
        self.moves.iter().any(|planned| planned.group == group)
    }

    /// Groups of the school that can have memberships.
    fn targets(&self) -> Vec<usize> {
        (0..self.groups.len()).filter(|group| !self.groups[*group].elsewhere).collect()
    }

    fn moves(&mut self, dice: &mut Dice) {
        let years = self.years();
        for group in 0..years {
            let year = self.groups[group].year.unwrap();
            let next: Vec<usize> = (0..years).filter(|other| self.groups[*other].year == Some(year + 1)).collect();
            let to = match dice.roll(8) {
                0 => Some(group),
                1 => None,
                2 if group > 0 => self.moves[group - 1].to,
                2 | 3 => Some(dice.roll(years)),
                4 => Some(*dice.of(&self.targets())),
                _ if next.is_empty() => None,
                _ => Some(*dice.of(&next)),
            };
            self.moves.push(Move { group, to, leaders: dice.roll(2) == 0 });
        }
        if dice.roll(4) == 0 {
            let to = *dice.of(&[Some(self.choir()), Some(self.council()), None]);
            self.moves.push(Move { group: self.choir(), to, leaders: false });
        }
    }

    fn join(&mut self, group: usize, person: usize, leads: bool, periods: Vec<Period>) {
        if self.memberships.iter().any(|one| one.group == group && one.person == person && !one.annulled) {
            return;
        }
        self.memberships.extend(periods.into_iter().map(|(start, end)| Membership {
            group,
            person,
            start,
            end,
            leads,
            annulled: false,
        }));
    }

    fn people(&mut self, dice: &mut Dice) {
        let (years, effective) = (self.years(), self.effective);
        for pupil in 0..self.pupils {
            let group = dice.roll(years);
            self.join(group, pupil, false, periods(dice, effective));
            if dice.roll(2) == 0 {
                // Best one of which the members go to the same group.
                let to = self.moves[group].to;
                let along = (0..years).find(|other| *other != group && to.is_some() && self.moves[*other].to == to);
                match along {
                    Some(other) => {
                        let lasting = [vec![(long_ago(), None)], vec![(long_ago(), Some(today() + Days::new(40)))]];
                        let leads = self.moves[other].leaders || dice.roll(2) == 0;
                        self.join(other, pupil, leads, dice.of(&lasting).clone());
                    }
                    None => {
                        let other = dice.roll(years);
                        self.join(other, pupil, dice.roll(5) == 0, periods(dice, effective));
                    }
                }
            }
            let target = self.moves[group].to;
            if let Some(target) = target.filter(|_| dice.roll(3) == 0) {
                self.join(target, pupil, false, scheduled(dice, effective));
            }
            if dice.roll(2) == 0 {
                self.join(self.choir(), pupil, false, periods(dice, effective));
            }
            if dice.roll(6) == 0 {
                let start = long_ago();
                let annulled = Membership { group, person: pupil, start, end: None, leads: false, annulled: true };
                self.memberships.push(annulled);
            }
            for guardian in [dice.roll(self.guardians), dice.roll(self.guardians)] {
                let pair = (pupil, self.pupils + self.teachers + guardian);
                if !self.pairs.contains(&pair) {
                    self.pairs.push(pair);
                }
            }
        }
        for teacher in self.pupils..self.pupils + self.teachers {
            for _ in 0..2 {
                let group = dice.roll(years);
                self.join(group, teacher, true, periods(dice, effective));
            }
        }
        for group in years..self.groups.len() {
            let person = dice.roll(self.people_count());
            self.join(group, person, dice.roll(3) == 0, periods(dice, effective));
            if self.groups[group].source.is_some() {
                let out = dice.roll(self.pupils);
                self.opt_outs.push((group, out));
            }
        }
    }

    /// Of pupils who are in a group of the plan then, as it must be.
    fn exceptions(&mut self, dice: &mut Dice) {
        let there = |one: &&Membership| !one.annulled && one.end.is_none_or(|end| end > self.effective);
        let concerned: Vec<(usize, usize)> = self
            .memberships
            .iter()
            .filter(there)
            .filter(|one| self.is_planned(one.group))
            .map(|one| (one.person, one.group))
            .collect();
        for _ in 0..dice.roll(4) {
            if concerned.is_empty() {
                return;
            }
            let (person, group) = *dice.of(&concerned);
            let named = (dice.roll(2) == 0).then_some(group);
            self.exception(dice, person, named);
            if dice.roll(2) == 0 {
                // What is said of one group goes before what is said of all.
                self.exception(dice, person, Some(group));
                self.exception(dice, person, None);
            }
        }
    }

    fn exception(&mut self, dice: &mut Dice, person: usize, group: Option<usize>) {
        let fate = match dice.roll(4) {
            0 => Fate::Stays,
            1 => Fate::Leaves,
            _ => Fate::Moves(*dice.of(&self.targets())),
        };
        if !self.exceptions.iter().any(|one| (one.person, one.group) == (person, group)) {
            self.exceptions.push(Exception { person, group, fate });
        }
    }

    fn items(&mut self, dice: &mut Dice) {
        let years = self.years();
        for _ in 0..10 {
            let mut links = BTreeSet::new();
            let elsewhere = dice.roll(8) == 0;
            for _ in 0..1 + dice.roll(4) {
                links.insert(match dice.roll(10) {
                    0 if !elsewhere => Audience::Organization,
                    1 if dice.roll(3) == 0 => Audience::Everyone,
                    2 => Audience::Participant(dice.roll(self.people_count())),
                    3 | 4 => Audience::Group(years + dice.roll(self.groups.len() - years)),
                    _ => Audience::Group(dice.roll(years)),
                });
            }
            let state = *dice.of(&[
                State::Published,
                State::Published,
                State::Published,
                State::Published,
                State::Scheduled,
                State::Withdrawn,
            ]);
            self.items.push(Item { kind: dice.roll(KINDS.len()), elsewhere, state, links });
        }
    }

    fn records(&mut self, dice: &mut Dice) {
        let mut seen = BTreeSet::new();
        for _ in 0..14 {
            let group = if dice.roll(4) == 0 { self.choir() } else { dice.roll(self.years()) };
            let (kind, person) = (dice.roll(RECORDS.len()), dice.roll(self.pupils));
            let (year, date) = *dice.of(&[
                (2024, day(2025, 3, 3)),
                (2025, day(2025, 11, 3)),
                (2025, day(2026, 6, 1)),
                (2025, day(2026, 7, 31)),
                (2026, day(2026, 8, 20)),
                (2026, day(2026, 8, 28)),
                (2026, day(2026, 9, 21)),
            ]);
            if seen.insert((kind, group, person, date)) {
                self.records.push(Record { kind, group, person, year, date });
            }
        }
    }
}

/// Year groups; the choir and the parents' council; a group of another organization; two composites; groups that are fed by
/// a year group, by a composite and by each other; a group that only members of a year group may join.
fn groups(dice: &mut Dice) -> Vec<Group> {
    let years = 2 + dice.roll(9);
    let mut groups: Vec<Group> =
        (0..years).map(|_| Group { year: Some(1 + dice.roll(8)), ..Group::default() }).collect();
    let choir = groups.len();
    groups.extend([Group::default(), Group::default(), Group { elsewhere: true, ..Group::default() }]);
    if dice.roll(3) == 0 {
        // What is sung, a class sings.
        groups[0].source = Some(choir);
    }
    for _ in 0..2 {
        let mut components: Vec<(usize, bool)> = Vec::new();
        for _ in 0..1 + dice.roll(4) {
            let part = if dice.roll(4) == 0 { choir } else { dice.roll(years) };
            if !components.iter().any(|(other, _)| *other == part) {
                components.push((part, dice.roll(4) > 0));
            }
        }
        groups.push(Group { all: dice.roll(3) == 0, components, ..Group::default() });
    }
    let composite = groups.len() - 1;
    let class = dice.roll(years);
    groups.push(Group { source: Some(*dice.of(&[class, composite])), ..Group::default() });
    let class = dice.roll(years);
    let second = *dice.of(&[groups.len() - 1, class]);
    groups.push(Group { source: Some(second), ..Group::default() });
    groups.push(Group { restricted: Some(dice.roll(years)), ..Group::default() });
    groups
}
