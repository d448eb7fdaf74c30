//! Cycles among groups (G4).

use std::collections::HashMap;
use std::slice;

use super::error::{At, ErrorCode, Log};
use super::model::Bundle;

/// How many groups of a cycle a message names.
const NAMED: usize = 50;

/// How many cycles are reported of one kind; more would say nothing new.
const REPORTED: usize = 100;

/// A row or field by which one group depends on another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Edge<'b> {
    from: &'b str,
    to: &'b str,
    at: At,
    relation: Relation,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Relation {
    Component,
    Source,
    Restriction,
}

impl Relation {
    fn code(self) -> ErrorCode {
        match self {
            Self::Component => ErrorCode::ComponentCycle,
            Self::Source => ErrorCode::SourceCycle,
            Self::Restriction => ErrorCode::RestrictionCycle,
        }
    }

    fn describe(self) -> &'static str {
        match self {
            Self::Component => "composite groups contain each other in a circle",
            Self::Source => "groups feed each other in a circle (a composite is fed by its components)",
            Self::Restriction => "subscription groups restrict each other in a circle",
        }
    }
}

/// Reports every kind of cycle among the groups of a bundle.
///
/// A source group hands on its effective members, those of its components included. So a cycle
/// made of sources and components together also feeds itself, and whoever is in it would never get
/// out; sources are therefore looked at along with components.
pub(super) fn check(bundle: &Bundle, log: &mut Log) {
    let components = bundle.components.iter().map(|row| Edge {
        from: &row.composite.id,
        to: &row.component.id,
        at: row.at,
        relation: Relation::Component,
    });
    let sources = bundle.groups.iter().filter_map(|row| {
        row.source_group.as_ref().map(|source| Edge {
            from: &row.external_id,
            to: &source.id,
            at: source.at,
            relation: Relation::Source,
        })
    });
    let restrictions = bundle.groups.iter().filter_map(|row| {
        row.restricted_to.as_ref().map(|restricting| Edge {
            from: &row.external_id,
            to: &restricting.id,
            at: restricting.at,
            relation: Relation::Restriction,
        })
    });
    let components: Vec<_> = components.collect();
    report(Relation::Component, &components, log);
    let feeding: Vec<_> = sources.chain(components).collect();
    report(Relation::Source, &feeding, log);
    report(Relation::Restriction, &restrictions.collect::<Vec<_>>(), log);
}

/// Reports the cycles that have an edge of `relation`, each at the last of those edges: the row
/// that closes the circle when the file is read from the top.
fn report(relation: Relation, edges: &[Edge<'_>], log: &mut Log) {
    for cycle in cycles(edges) {
        let closing =
            cycle.iter().enumerate().filter(|(_, edge)| edge.relation == relation).max_by_key(|(_, edge)| edge.at);
        if let Some((position, edge)) = closing {
            let message = format!("{}: {}", relation.describe(), path(&cycle, position));
            log.report(edge.at, relation.code(), message);
        }
    }
}

/// The groups of a cycle, from the one that the edge at `position` leaves back to itself.
fn path(cycle: &[Edge<'_>], position: usize) -> String {
    let groups = cycle.iter().cycle().skip(position).map(|edge| edge.from);
    let mut names: Vec<_> = groups.take(cycle.len() + 1).collect();
    let last = names.pop();
    if names.len() > NAMED {
        names.truncate(NAMED);
        names.push("…");
    }
    names.extend(last);
    names.join(" → ")
}

/// How far a group has been looked into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    OnPath,
    Done,
}

/// A group on the path, and those of its edges that are still to be followed.
struct Step<'g, 'b> {
    group: &'b str,
    pending: slice::Iter<'g, Edge<'b>>,
}

/// Finds a cycle for every edge that closes one in a walk from group to group; none exactly when
/// there is no cycle. The walk keeps a stack of its own, so that a long chain cannot exhaust the
/// thread's.
fn cycles<'b>(edges: &[Edge<'b>]) -> Vec<Vec<Edge<'b>>> {
    let mut outgoing: HashMap<&str, Vec<Edge<'b>>> = HashMap::new();
    for edge in edges {
        outgoing.entry(edge.from).or_default().push(*edge);
    }
    let leaving = |group: &str| outgoing.get(group).map(Vec::as_slice).unwrap_or_default();

    let mut found = Vec::new();
    let mut progress = HashMap::new();
    for start in edges {
        if progress.contains_key(start.from) {
            continue;
        }
        progress.insert(start.from, Progress::OnPath);
        let mut path: Vec<Edge<'b>> = Vec::new();
        let mut steps = vec![Step { group: start.from, pending: leaving(start.from).iter() }];
        while let Some(step) = steps.last_mut() {
            let Some(edge) = step.pending.next() else {
                progress.insert(step.group, Progress::Done);
                steps.pop();
                path.pop();
                continue;
            };
            match progress.get(edge.to) {
                Some(Progress::Done) => {}
                Some(Progress::OnPath) => {
                    let before = path.iter().take_while(|passed| passed.from != edge.to).count();
                    found.push(path.iter().skip(before).chain([edge]).copied().collect());
                    if found.len() == REPORTED {
                        return found;
                    }
                }
                None => {
                    progress.insert(edge.to, Progress::OnPath);
                    path.push(*edge);
                    steps.push(Step { group: edge.to, pending: leaving(edge.to).iter() });
                }
            }
        }
    }
    found
}
