//! Which derived memberships follow from who belongs where: pure, from facts to what is to be written.
//!
//! Groups are taken in the order in which they follow from each other, so that a chain of any length, through
//! components and filters, is worked out in one go. Everything is worked out for the days from today on: what is past
//! stays as it was, and what is known of the future is written now, so that nobody has to do anything on the day.

use std::collections::{HashMap, HashSet};

use chrono::NaiveDate;

use super::spans::{Span, Spans};
use crate::groups::composition::{Composition, Mode};
use crate::members::Origin;

/// A group as far as it matters here.
#[derive(Clone, Debug)]
pub struct Node {
    pub composition: Composition,
    pub components: Vec<(i64, Mode)>,
    pub source: Option<i64>,
    pub via_home_address: bool,
    /// The filter from which its members follow, if they do.
    pub filter: Option<Filtering>,
    /// Whether it takes no new members (G2).
    pub frozen: bool,
    /// Whether its derived memberships are to be brought up to date; otherwise they are taken as they are stored.
    pub affected: bool,
}

/// What a filter asks of other memberships.
#[derive(Clone, Copy, Debug)]
pub struct Filtering {
    /// The group whose members alone can pass it; anybody when there is none.
    pub named: Option<i64>,
}

/// Groups, each with all that it follows from.
#[derive(Debug, Default)]
pub struct Graph {
    nodes: HashMap<i64, Node>,
    order: Vec<i64>,
    named: HashSet<i64>,
}

impl Graph {
    /// Puts the groups in the order in which they follow from each other; there are no circles among them (G4).
    pub fn new(nodes: HashMap<i64, Node>) -> Self {
        let named: HashSet<i64> = nodes.values().filter_map(|node| node.filter?.named).collect();
        let mut order = Vec::with_capacity(nodes.len());
        let mut entered = HashSet::new();
        let mut stack: Vec<(i64, bool)> = nodes.keys().map(|group| (*group, false)).collect();
        while let Some((group, done)) = stack.pop() {
            if done {
                order.push(group);
            } else if let Some(node) = nodes.get(&group)
                && entered.insert(group)
            {
                stack.push((group, true));
                stack.extend(node.components.iter().map(|(component, _)| (*component, false)));
                stack.extend(
                    node.source
                        .into_iter()
                        .chain(node.filter.and_then(|filter| filter.named))
                        .map(|group| (group, false)),
                );
            }
        }
        Self { nodes, order, named }
    }

    /// Every group of which memberships matter.
    pub fn groups(&self) -> Vec<i64> {
        let mut groups: Vec<i64> = self.nodes.keys().chain(&self.named).copied().collect();
        groups.sort_unstable();
        groups.dedup();
        groups
    }

    /// Whether anybody belongs to one of the affected groups by living somewhere.
    pub fn has_homes(&self) -> bool {
        self.nodes.values().any(|node| node.affected && node.via_home_address)
    }

    /// Whether the filter of a dynamic group names a group.
    pub fn names_group(&self, group: i64) -> bool {
        self.node(group).is_some_and(|node| node.filter.is_some_and(|filter| filter.named.is_some()))
    }

    fn node(&self, group: i64) -> Option<&Node> {
        self.nodes.get(&group)
    }
}

/// A stored membership that is not over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub id: i64,
    pub group: i64,
    pub participant: i64,
    pub start: NaiveDate,
    pub end: Option<NaiveDate>,
    pub origin: Origin,
}

/// All that is known of some participants.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    pub rows: Vec<Row>,
    /// From when on somebody stays out of a group.
    pub opt_outs: HashMap<(i64, i64), NaiveDate>,
    /// Who is registered at which address, and when.
    pub residencies: Vec<(i64, i64, Span)>,
    /// Who passes the filter of a dynamic group, and when, whatever group it names left aside.
    pub passing: HashMap<i64, Vec<(i64, Spans)>>,
}

/// A membership that gets another end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    pub row: Row,
    pub end: Option<NaiveDate>,
}

/// A membership that is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    pub group: i64,
    pub participant: i64,
    pub span: Span,
    pub origin: Origin,
}

/// What is to be written, in this order, so that no two periods overlap on the way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Memberships that will never come into force.
    pub annul: Vec<Row>,
    pub shorten: Vec<Ending>,
    pub lengthen: Vec<Ending>,
    pub start: Vec<Start>,
}

impl Plan {
    /// Whether everything is as it should be.
    pub fn is_empty(&self) -> bool {
        self.annul.is_empty() && self.shorten.is_empty() && self.lengthen.is_empty() && self.start.is_empty()
    }
}

/// When somebody is in a group, by participant.
type People = HashMap<i64, Spans>;

/// Works out what is to be written so that every affected group is right from today on (A1 to A4).
pub fn plan(graph: &Graph, facts: &Facts, today: NaiveDate) -> Plan {
    let mut work = Work::new(graph, facts, today);
    for group in &graph.order {
        work.group(*group);
    }
    work.plan
}

struct Work<'f> {
    graph: &'f Graph,
    facts: &'f Facts,
    today: NaiveDate,
    rows: HashMap<i64, Vec<&'f Row>>,
    residents: HashMap<i64, Vec<(i64, Span)>>,
    /// Who is in the groups that filters name, components left aside.
    direct: HashMap<i64, People>,
    effective: HashMap<i64, People>,
    plan: Plan,
}

impl<'f> Work<'f> {
    fn new(graph: &'f Graph, facts: &'f Facts, today: NaiveDate) -> Self {
        let mut rows: HashMap<i64, Vec<&Row>> = HashMap::new();
        for row in &facts.rows {
            rows.entry(row.group).or_default().push(row);
        }
        let mut residents: HashMap<i64, Vec<(i64, Span)>> = HashMap::new();
        for (participant, address, span) in &facts.residencies {
            residents.entry(*address).or_default().push((*participant, *span));
        }
        let mut work = Self {
            graph,
            facts,
            today,
            rows,
            residents,
            direct: HashMap::new(),
            effective: HashMap::new(),
            plan: Plan::default(),
        };
        // Groups that a filter names and that are not worked out here are as they are stored.
        for group in graph.named.iter().filter(|group| graph.node(**group).is_none()) {
            let stored = work.stored(*group, |_| true);
            work.direct.insert(*group, stored);
        }
        work
    }

    fn stored(&self, group: i64, which: impl Fn(Origin) -> bool) -> People {
        let mut people = People::new();
        for row in self.rows.get(&group).into_iter().flatten().filter(|row| which(row.origin)) {
            let span = Spans::since(self.today, (row.start, row.end));
            people.entry(row.participant).or_default().unite(&span);
        }
        people
    }

    fn group(&mut self, group: i64) {
        let graph = self.graph;
        let Some(node) = graph.node(group) else { return };
        let direct = if let Some(filter) = node.filter {
            self.filtered(group, filter.named)
        } else if node.affected {
            self.fed(group, node)
        } else {
            self.stored(group, |_| true)
        };
        let effective = self.combine(node, direct.clone());
        if graph.named.contains(&group) {
            self.direct.insert(group, direct);
        }
        self.effective.insert(group, effective);
    }

    fn filtered(&self, group: i64, named: Option<i64>) -> People {
        let passing = self.facts.passing.get(&group).into_iter().flatten();
        let within = |participant: &i64, days: &Spans| match named {
            None => days.clone(),
            Some(named) => {
                let members = self.direct.get(&named).and_then(|people| people.get(participant));
                members.map(|members| members.intersect(days)).unwrap_or_default()
            }
        };
        passing
            .map(|(participant, days)| (*participant, within(participant, days)))
            .filter(|(_, spans)| !spans.is_empty())
            .collect()
    }

    /// Who is in a group that is fed, and what is to be written so that it is so.
    fn fed(&mut self, group: i64, node: &Node) -> People {
        let by_hand = self.stored(group, |origin| !origin.is_derived());
        let derived = node.frozen.then(|| self.stored(group, Origin::is_derived));
        let allowed = |participant: i64, spans: &Spans, taken: &[&People]| {
            let mut spans = spans.clone();
            if let Some(since) = self.facts.opt_outs.get(&(group, participant)) {
                spans = spans.until(*since);
            }
            for people in taken {
                if let Some(taken) = people.get(&participant) {
                    spans = spans.without(taken);
                }
            }
            match &derived {
                Some(derived) => spans.intersect(derived.get(&participant).unwrap_or(&Spans::default())),
                None => spans,
            }
        };
        let nobody = People::new();
        let source = node.source.and_then(|source| self.effective.get(&source)).unwrap_or(&nobody);
        let from_source: People = source.iter().map(|(who, spans)| (*who, allowed(*who, spans, &[&by_hand]))).collect();
        let mut direct = by_hand.clone();
        add(&mut direct, &from_source);
        let mut from_home = People::new();
        if node.via_home_address {
            let homes = self.at_home(&self.combine(node, direct.clone()));
            from_home =
                homes.iter().map(|(who, spans)| (*who, allowed(*who, spans, &[&by_hand, &from_source]))).collect();
            add(&mut direct, &from_home);
        }
        self.compare(group, Origin::SourceGroup, &from_source);
        self.compare(group, Origin::HomeAddress, &from_home);
        direct
    }

    /// When somebody is registered at an address that is in the group.
    fn at_home(&self, people: &People) -> People {
        let mut homes = People::new();
        for (address, spans) in people {
            for (resident, span) in self.residents.get(address).into_iter().flatten() {
                let both = Spans::since(self.today, *span).intersect(spans);
                homes.entry(*resident).or_default().unite(&both);
            }
        }
        homes
    }

    /// G3, day by day.
    fn combine(&self, node: &Node, direct: People) -> People {
        let nobody = People::new();
        let of = |mode: Mode| {
            let found = node.components.iter().filter(move |(_, found)| *found == mode);
            found.map(|(component, _)| self.effective.get(component).unwrap_or(&nobody))
        };
        let mut people = direct;
        match node.composition {
            Composition::Any => of(Mode::Include).for_each(|component| add(&mut people, component)),
            Composition::All => {
                let components: Vec<&People> = of(Mode::Include).collect();
                for (participant, spans) in components.first().into_iter().copied().flatten() {
                    let all = components.iter().skip(1).fold(spans.clone(), |all, component| {
                        component.get(participant).map_or_else(Spans::default, |spans| all.intersect(spans))
                    });
                    people.entry(*participant).or_default().unite(&all);
                }
            }
        }
        for component in of(Mode::Exclude) {
            for (participant, spans) in component {
                if let Some(left) = people.get_mut(participant) {
                    *left = left.without(spans);
                }
            }
        }
        people.retain(|_, spans| !spans.is_empty());
        people
    }

    /// Holds what should be against the derived memberships that are stored.
    fn compare(&mut self, group: i64, origin: Origin, wanted: &People) {
        let mut left: HashMap<i64, Vec<Span>> =
            wanted.iter().map(|(participant, spans)| (*participant, spans.iter().collect())).collect();
        let mut stored: Vec<&Row> =
            self.rows.get(&group).into_iter().flatten().copied().filter(|row| row.origin == origin).collect();
        stored.sort_unstable_by_key(|row| (row.participant, row.start, row.id));
        for row in stored {
            let start = row.start.max(self.today);
            let spans = left.entry(row.participant).or_default();
            match spans.iter().position(|span| span.0 == start) {
                Some(place) => {
                    let (_, end) = spans.remove(place);
                    if end != row.end {
                        let ending = Ending { row: row.clone(), end };
                        let shorter = end.unwrap_or(NaiveDate::MAX) < row.end.unwrap_or(NaiveDate::MAX);
                        if shorter { &mut self.plan.shorten } else { &mut self.plan.lengthen }.push(ending);
                    }
                }
                None if row.start > self.today => self.plan.annul.push(row.clone()),
                None => self.plan.shorten.push(Ending { row: row.clone(), end: Some(self.today) }),
            }
        }
        let mut starts: Vec<Start> = left
            .into_iter()
            .flat_map(|(participant, spans)| {
                spans.into_iter().map(move |span| Start { group, participant, span, origin })
            })
            .collect();
        starts.sort_unstable_by_key(|start| (start.participant, start.span.0));
        self.plan.start.append(&mut starts);
    }
}

fn add(people: &mut People, more: &People) {
    for (participant, spans) in more {
        people.entry(*participant).or_default().unite(spans);
    }
}
