//! What a transition does, as plainly as it can be said: day by day, from the rules and not from the code.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Days, NaiveDate};

use super::drawn::{Audience, Drawn, Fate, KINDS, RECORDS, State};
use crate::harness::today;

/// No period that is drawn reaches so far; who is in a group then is so for good.
const HORIZON: u64 = 400;

/// An end, why, and the note on it.
pub type End = (NaiveDate, &'static str, Option<&'static str>);

/// A membership by hand.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row {
    pub group: usize,
    pub person: usize,
    pub start: NaiveDate,
    pub end: Option<End>,
    pub leads: bool,
    pub origin: &'static str,
    pub reason: &'static str,
}

impl Row {
    pub fn holds(&self, day: NaiveDate) -> bool {
        self.start <= day && self.end.is_none_or(|(end, ..)| day < end)
    }

    fn lasts(&self, day: NaiveDate) -> bool {
        self.end.is_none_or(|(end, ..)| end > day && end > self.start)
    }
}

/// How an end that is drawn is written.
pub const LEFT: (&str, Option<&str>) = ("LEFT", Some("Verhuizing"));
const TRANSITION: &str = "YEAR_TRANSITION";

/// Everything that counts, at one moment.
#[derive(Clone, Debug)]
pub struct Rules<'d> {
    pub drawn: &'d Drawn,
    pub rows: Vec<Row>,
    pub states: Vec<State>,
    /// Open links.
    pub links: BTreeSet<(usize, Audience)>,
    /// Links that the transition broke.
    pub broken: BTreeSet<(usize, usize)>,
    /// Links that were made in their place.
    pub relinked: BTreeSet<(usize, usize)>,
    /// Items whose makers have said since to whom they are shown.
    pub touched: BTreeSet<usize>,
    /// The places of the records that are kept.
    pub records: BTreeSet<usize>,
}

/// What a preview says of one group: by kind of content and of records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    pub fates: BTreeMap<(usize, usize), Vec<Fate>>,
    pub links: BTreeMap<&'static str, usize>,
    pub records: BTreeMap<&'static str, usize>,
}

impl Figures {
    pub fn count(&self, which: impl Fn(&Fate) -> bool) -> usize {
        self.fates.values().flatten().filter(|fate| which(fate)).count()
    }
}

impl<'d> Rules<'d> {
    pub fn new(drawn: &'d Drawn) -> Self {
        let rows = drawn.memberships.iter().filter(|one| !one.annulled).map(|one| Row {
            group: one.group,
            person: one.person,
            start: one.start,
            end: one.end.map(|end| (end, LEFT.0, LEFT.1)),
            leads: one.leads,
            origin: "MANUAL",
            reason: "JOINED",
        });
        let open = drawn.items.iter().enumerate().filter(|(_, item)| item.state != State::Withdrawn);
        Self {
            drawn,
            rows: rows.collect(),
            states: drawn.items.iter().map(|item| item.state).collect(),
            links: open.flat_map(|(n, item)| item.links.iter().map(move |link| (n, *link))).collect(),
            broken: BTreeSet::new(),
            relinked: BTreeSet::new(),
            touched: BTreeSet::new(),
            records: (0..drawn.records.len()).collect(),
        }
    }

    /// What becomes of a membership; nothing of one that the plan says nothing about.
    fn fate(&self, row: &Row) -> Option<Fate> {
        let effective = self.drawn.effective;
        let planned = self.drawn.moves.iter().find(|planned| planned.group == row.group)?;
        if !row.lasts(effective) {
            return None;
        }
        if row.start >= effective {
            return Some(Fate::Stays);
        }
        let named = |group| {
            self.drawn.exceptions.iter().find(|one| one.person == row.person && one.group == group).map(|one| one.fate)
        };
        let general = || match planned.to {
            _ if row.leads && !planned.leaders => Fate::Stays,
            Some(to) => Fate::Moves(to),
            None => Fate::Leaves,
        };
        let fate = named(Some(row.group)).or_else(|| named(None)).unwrap_or_else(general);
        Some(if fate == Fate::Moves(row.group) { Fate::Stays } else { fate })
    }

    /// What a preview is to say of each group of the plan.
    pub fn preview(&self) -> BTreeMap<usize, Figures> {
        let mut all: BTreeMap<usize, Figures> =
            self.drawn.moves.iter().map(|planned| (planned.group, Figures::default())).collect();
        for row in &self.rows {
            if let Some(fate) = self.fate(row) {
                all.get_mut(&row.group).unwrap().fates.entry((row.group, row.person)).or_default().push(fate);
            }
        }
        for (group, person) in self.derived_later() {
            if let Some(figures) = all.get_mut(&group) {
                figures.fates.entry((group, person)).or_default().push(Fate::Stays);
            }
        }
        for (item, link) in &self.links {
            if let Audience::Group(group) = link
                && let Some(figures) = all.get_mut(group)
            {
                *figures.links.entry(KINDS[self.drawn.items[*item].kind]).or_default() += 1;
            }
        }
        for record in &self.records {
            let record = self.drawn.records[*record];
            if let Some(figures) = all.get_mut(&record.group).filter(|_| self.ends(&record)) {
                *figures.records.entry(RECORDS[record.kind].1).or_default() += 1;
            }
        }
        all
    }

    /// Derived memberships of the plan's groups that last, one for each uninterrupted time.
    fn derived_later(&self) -> Vec<(usize, usize)> {
        let mut found = Vec::new();
        for group in self.drawn.moves.iter().map(|planned| planned.group) {
            if self.drawn.groups[group].source.is_none() {
                continue;
            }
            let mut before = BTreeSet::new();
            for n in 0..HORIZON {
                let now = self.derived(group, self.drawn.effective + Days::new(n));
                found.extend(now.difference(&before).map(|person| (group, *person)));
                before = now;
            }
        }
        found
    }

    fn ends(&self, record: &super::drawn::Record) -> bool {
        record.year == 2025 || record.year > 2025 && record.date < self.drawn.effective
    }

    /// Y3.
    pub fn apply(&mut self) {
        let effective = self.drawn.effective;
        let fates: Vec<Option<Fate>> = self.rows.iter().map(|row| self.fate(row)).collect();
        let mut coming: BTreeMap<(usize, usize), Vec<Row>> = BTreeMap::new();
        for (row, fate) in self.rows.iter_mut().zip(fates) {
            if let Some(Fate::Moves(to)) = fate {
                coming.entry((to, row.person)).or_default().push(row.clone());
            }
            if matches!(fate, Some(Fate::Moves(_) | Fate::Leaves)) {
                // A note that stands beside a known end stays (M5b).
                row.end = Some((effective, TRANSITION, row.end.and_then(|(.., note)| note)));
            }
        }
        for ((group, person), from) in coming {
            let made = self.start(group, person, &from);
            self.rows.extend(made);
        }
        let broken: Vec<(usize, usize)> = self
            .links
            .iter()
            .filter_map(|(item, link)| match link {
                Audience::Group(group) if self.drawn.is_planned(*group) => Some((*item, *group)),
                _ => None,
            })
            .collect();
        self.links.retain(|(_, link)| !matches!(link, Audience::Group(group) if self.drawn.is_planned(*group)));
        self.broken = broken.into_iter().collect();
        let drawn = self.drawn;
        let erased: Vec<usize> = self
            .records
            .iter()
            .copied()
            .filter(|n| drawn.is_planned(drawn.records[*n].group) && self.ends(&drawn.records[*n]))
            .collect();
        self.records.retain(|n| !erased.contains(n));
    }

    /// Whoever goes to a group is in it on every day on which they would have been where they come from, and on every day
    /// on which they are in it anyhow.
    fn start(&self, group: usize, person: usize, from: &[Row]) -> Vec<Row> {
        let effective = self.drawn.effective;
        let longest_of = |rows: &[&Row]| {
            let mut longest = rows.first().map(|row| row.end);
            for row in rows {
                let longer = match (longest.flatten(), row.end) {
                    (None, _) => false,
                    (_, None) => true,
                    (Some((one, ..)), Some((other, ..))) => other > one,
                };
                longest = if longer { Some(row.end) } else { longest };
            }
            longest
        };
        let longest = longest_of(&from.iter().collect::<Vec<_>>()).flatten();
        let leading = longest_of(&from.iter().filter(|row| row.leads).collect::<Vec<_>>());
        let leads_on = |day: NaiveDate| leading.is_some_and(|end| end.is_none_or(|(end, ..)| day < end));
        let stands =
            |day: NaiveDate| self.rows.iter().any(|row| row.group == group && row.person == person && row.holds(day));
        let mut made: Vec<Row> = Vec::new();
        let mut since: Option<(NaiveDate, bool)> = None;
        for n in 0..=HORIZON {
            let day = effective + Days::new(n);
            let over = longest.is_some_and(|(end, ..)| day >= end) || n == HORIZON;
            let wanted = !over && !stands(day);
            match since {
                None if wanted => since = Some((day, leads_on(day))),
                Some((start, leads)) if wanted && leads != leads_on(day) => {
                    let end = leading.flatten();
                    made.push(Row { group, person, start, end, leads, origin: TRANSITION, reason: TRANSITION });
                    since = Some((day, false));
                }
                Some((start, leads)) if !wanted => {
                    let end = match longest {
                        _ if n == HORIZON => None,
                        Some(end) if over => Some(end),
                        // Another membership begins on the very day on which leading would have ended.
                        _ if leads && !leads_on(day) => leading.flatten(),
                        _ => Some((day, TRANSITION, None)),
                    };
                    made.push(Row { group, person, start, end, leads, origin: TRANSITION, reason: TRANSITION });
                    since = None;
                }
                _ => {}
            }
        }
        made
    }

    /// Y6: the links that are to be made.
    pub fn relink(&mut self, wanted: &[(usize, usize)]) -> usize {
        let mut made = 0;
        for (item, group) in wanted {
            let shown = self.states[*item] != State::Withdrawn;
            if shown && self.links.insert((*item, Audience::Group(*group))) {
                self.relinked.insert((*item, *group));
                made += 1;
            }
        }
        made
    }

    /// What a group showed, all of it or of one kind; `own` leaves out what others made.
    pub fn shown_by(&self, group: usize, kinds: Option<&[usize]>, own: bool) -> Vec<usize> {
        let wanted = |item: &usize| {
            let drawn = &self.drawn.items[*item];
            kinds.is_none_or(|kinds| kinds.contains(&drawn.kind)) && !(own && drawn.elsewhere)
        };
        self.broken.iter().filter(|(_, of)| *of == group).map(|(item, _)| *item).filter(wanted).collect()
    }

    /// A maker takes an item away from everybody, or shows it to one group and nobody else.
    pub fn touch(&mut self, item: usize, to: Option<usize>) {
        self.links.retain(|(other, _)| *other != item);
        self.relinked.retain(|(other, _)| *other != item);
        self.touched.insert(item);
        match to {
            Some(group) => drop(self.links.insert((item, Audience::Group(group)))),
            None => self.states[item] = State::Withdrawn,
        }
    }

    /// Y7: links that hold again, and links that stay broken.
    pub fn undo(&mut self, before: &Self) -> (usize, usize) {
        self.rows.clone_from(&before.rows);
        for (item, group) in std::mem::take(&mut self.relinked) {
            self.links.remove(&(item, Audience::Group(group)));
        }
        let touched = &self.touched;
        let (left, back): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.broken).into_iter().partition(|(item, _)| touched.contains(item));
        self.links.extend(back.iter().map(|(item, group)| (*item, Audience::Group(*group))));
        let counts = (back.len(), left.len());
        self.broken = left.into_iter().collect();
        counts
    }

    /// Who is in a group by hand.
    fn by_hand(&self, group: usize, day: NaiveDate) -> BTreeSet<usize> {
        self.rows.iter().filter(|row| row.group == group && row.holds(day)).map(|row| row.person).collect()
    }

    /// A1, A3, S5: who is in a group because of its source.
    pub fn derived(&self, group: usize, day: NaiveDate) -> BTreeSet<usize> {
        let Some(source) = self.drawn.groups[group].source else { return BTreeSet::new() };
        let by_hand = self.by_hand(group, day);
        let out = |person: &usize| self.drawn.opt_outs.contains(&(group, *person));
        self.members(source, day).into_iter().filter(|person| !by_hand.contains(person) && !out(person)).collect()
    }

    /// G3: who belongs to a group.
    pub fn members(&self, group: usize, day: NaiveDate) -> BTreeSet<usize> {
        let direct = &self.by_hand(group, day) | &self.derived(group, day);
        let of = |taken: bool| {
            let parts = self.drawn.groups[group].components.iter().filter(move |(_, included)| *included == taken);
            parts.map(|(below, _)| self.members(*below, day))
        };
        let included: BTreeSet<usize> = if self.drawn.groups[group].all {
            of(true).reduce(|all, one| &all & &one).unwrap_or_default()
        } else {
            of(true).flatten().collect()
        };
        of(false).fold(&direct | &included, |left, out| &left - &out)
    }

    /// The groups that show something to somebody today (K2): own ones, those of children, and those that one leads.
    pub fn shown_to(&self, person: usize) -> BTreeSet<usize> {
        let own = self.own(person);
        let leads = |group: usize| {
            self.rows.iter().any(|row| row.leads && row.group == group && row.person == person && row.holds(today()))
        };
        let groups = 0..self.drawn.groups.len();
        groups.filter(|group| leads(*group) || !self.members(*group, today()).is_disjoint(&own)).collect()
    }

    fn own(&self, person: usize) -> BTreeSet<usize> {
        let children = self.drawn.pairs.iter().filter(|(_, guardian)| *guardian == person).map(|(child, _)| *child);
        children.chain([person]).collect()
    }

    /// Whether somebody, or a child, belongs to the school: it keeps its pupils and teachers, and guardians have a child there.
    fn is_of_the_school(&self, person: usize) -> bool {
        let kept = self.drawn.pupils + self.drawn.teachers;
        let joined = |group: &usize| !self.drawn.groups[*group].elsewhere;
        self.own(person).iter().any(|one| *one < kept) || self.shown_to(person).iter().any(joined)
    }

    /// K1 to K5: the items that somebody sees today.
    pub fn seen(&self, person: usize) -> BTreeSet<usize> {
        let (own, groups) = (self.own(person), self.shown_to(person));
        let reaches = |link: &Audience| match link {
            Audience::Everyone => true,
            Audience::Organization => self.is_of_the_school(person),
            Audience::Participant(who) => own.contains(who),
            Audience::Group(group) => groups.contains(group),
        };
        let published = |item: &usize| self.states[*item] == State::Published;
        self.links.iter().filter(|(item, link)| published(item) && reaches(link)).map(|(item, _)| *item).collect()
    }

    /// What one group shows to whoever it shows anything to.
    pub fn shown(&self, group: usize) -> BTreeSet<usize> {
        let links = self.links.iter().filter(|(_, link)| *link == Audience::Group(group));
        links.map(|(item, _)| *item).filter(|item| self.states[*item] == State::Published).collect()
    }
}
