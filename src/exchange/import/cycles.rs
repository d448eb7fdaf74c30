//! Circles among groups (G4), looked for once all that the bundle says of them is written.

use std::collections::{HashMap, HashSet};

use diesel::sql_types::BigInt;

use super::Run;
use crate::db::Sql;
use crate::error::Error;
use crate::exchange::bundle::{At, ErrorCode};
use crate::groups::composition::find_cycle;
use crate::groups::store::{self, Pointer};
use crate::people::commands::administration_sight;

/// How many circles are reported of one kind; more would say nothing new.
const REPORTED: usize = 100;

/// Where groups lead to.
type Graph = HashMap<i64, Vec<i64>>;

/// A row or field by which one group leads to another.
struct Edge {
    at: At,
    from: i64,
    to: i64,
}

impl Run<'_> {
    /// Refuses rows that close a circle: among components alone, among all by which a group gets its members, or among
    /// restrictions.
    pub(super) fn cycles(&mut self) -> Result<(), Error> {
        let bundle = self.bundle;
        let known = &self.known;
        let components = bundle.components.iter().filter_map(|row| {
            Some(Edge { at: row.at, from: known.group(&row.composite)?, to: known.group(&row.component)? })
        });
        let sources = bundle.groups.iter().filter_map(|row| {
            let source = row.source_group.as_ref()?;
            Some(Edge { at: source.at, from: known.groups.get(&*row.external_id)?.id, to: known.group(source)? })
        });
        let restrictions = bundle.groups.iter().filter_map(|row| {
            let restricting = row.restricted_to.as_ref()?;
            Some(Edge {
                at: restricting.at,
                from: known.groups.get(&*row.external_id)?.id,
                to: known.group(restricting)?,
            })
        });
        let components: Vec<Edge> = components.collect();
        let sources: Vec<Edge> = sources.collect();
        let restrictions: Vec<Edge> = restrictions.collect();

        let rows = Sql::new("SELECT composite_id, component_id FROM group_components")
            .load::<(BigInt, BigInt), (i64, i64)>(self.conn)?;
        let nested = graph(rows);
        let mut found = HashSet::new();
        self.report_cycles(&nested, &components, ErrorCode::ComponentCycle, "are made of each other", &mut found)?;
        let feeding: Vec<Edge> = components.into_iter().chain(sources).collect();
        let fed = store::dependencies(self.conn)?;
        self.report_cycles(&fed, &feeding, ErrorCode::SourceCycle, "get their members from each other", &mut found)?;
        let restricted = graph(store::pointers(self.conn, Pointer::Restriction)?);
        let what = "restrict each other";
        self.report_cycles(&restricted, &restrictions, ErrorCode::RestrictionCycle, what, &mut HashSet::new())
    }

    /// Reports each circle once, at the last of its rows: the one that closes it when the files are read from the top.
    fn report_cycles(
        &mut self,
        graph: &Graph,
        edges: &[Edge],
        code: ErrorCode,
        what: &str,
        found: &mut HashSet<Vec<i64>>,
    ) -> Result<(), Error> {
        if is_acyclic(graph) {
            return Ok(());
        }
        let mut edges: Vec<&Edge> = edges.iter().collect();
        edges.sort_by_key(|edge| std::cmp::Reverse(edge.at));
        let before = found.len();
        for edge in edges {
            if found.len() - before == REPORTED {
                break;
            }
            let next = |group: i64| graph.get(&group).cloned().unwrap_or_default();
            let Some(cycle) = find_cycle(edge.from, &[edge.to], next) else { continue };
            let mut groups = cycle.clone();
            groups.sort_unstable();
            groups.dedup();
            if !found.insert(groups) {
                continue;
            }
            let sight = administration_sight(self.conn, self.scope)?;
            let names = store::names(self.conn, &sight, &cycle)?;
            let hidden = "(a group that you may not see)";
            let path: Vec<&str> = cycle.iter().map(|group| names.get(group).map_or(hidden, String::as_str)).collect();
            self.log.report(edge.at, code, format!("groups {what} in a circle: {}", path.join(" → ")));
        }
        Ok(())
    }
}

fn graph(edges: impl IntoIterator<Item = (i64, i64)>) -> Graph {
    let mut graph = Graph::new();
    for (from, to) in edges {
        graph.entry(from).or_default().push(to);
    }
    graph
}

/// Whether the groups can all be put in an order in which each comes before those that it leads to; told in one pass,
/// unlike where a circle is.
fn is_acyclic(graph: &Graph) -> bool {
    let mut incoming: HashMap<i64, usize> = graph.keys().map(|group| (*group, 0)).collect();
    for to in graph.values().flatten() {
        *incoming.entry(*to).or_default() += 1;
    }
    let mut ready: Vec<i64> = incoming.iter().filter(|(_, number)| **number == 0).map(|(group, _)| *group).collect();
    let mut ordered = 0;
    while let Some(group) = ready.pop() {
        ordered += 1;
        for to in graph.get(&group).into_iter().flatten() {
            if let Some(number) = incoming.get_mut(to) {
                *number -= 1;
                if *number == 0 {
                    ready.push(*to);
                }
            }
        }
    }
    ordered == incoming.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g4_a_circle_of_any_length_is_seen() {
        assert!(is_acyclic(&graph([])));
        assert!(is_acyclic(&graph([(1, 2), (1, 3), (2, 4), (3, 4), (1, 4)])));
        assert!(!is_acyclic(&graph([(1, 1)])));
        assert!(!is_acyclic(&graph([(1, 2), (2, 3), (3, 4), (4, 2)])));
        assert!(!is_acyclic(&graph([(5, 6), (1, 2), (2, 1)])));
    }
}
