//! What groups are made of: nesting, cycles, and which people follow from it.
//!
//! The composition of all groups is small next to their memberships, so it is held in memory ([`Compositions`]) and
//! compared with the database's revision inside every transaction that uses it. Who belongs to a group (G3) is then
//! set arithmetic over direct memberships, exact on empty sets and independent of the number of paths.

use std::collections::{BTreeSet, HashMap, HashSet};

use roaring::RoaringTreemap;

use crate::db::text_enum::text_enum;

text_enum! {
    /// How the included components of a group combine.
    Composition {
        /// Whoever is in at least one of them.
        Any = "ANY",
        /// Whoever is in every one of them.
        All = "ALL",
    }
}

text_enum! {
    /// What a component does to the group it is part of.
    Mode {
        /// Its members count.
        Include = "INCLUDE",
        /// Its members are kept out.
        Exclude = "EXCLUDE",
    }
}

/// One group as the composition knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    pub composition: Composition,
    pub dynamic: bool,
    pub components: Vec<(i64, Mode)>,
}

impl Default for Node {
    fn default() -> Self {
        Self { composition: Composition::Any, dynamic: false, components: Vec::new() }
    }
}

/// The composition of all groups at one revision. Groups that are neither made of others nor part of one, nor
/// dynamic, are left out.
#[derive(Clone, Debug, Default)]
pub struct Compositions {
    nodes: HashMap<i64, Node>,
    parents: HashMap<i64, Vec<(i64, Mode)>>,
    dynamic: Vec<i64>,
}

/// Sets of participants by group.
pub type Members = HashMap<i64, RoaringTreemap>;

impl Compositions {
    /// Builds the graph.
    pub fn new(nodes: HashMap<i64, Node>) -> Self {
        let mut parents: HashMap<i64, Vec<(i64, Mode)>> = HashMap::new();
        for (composite, node) in &nodes {
            for (component, mode) in &node.components {
                parents.entry(*component).or_default().push((*composite, *mode));
            }
        }
        let mut dynamic: Vec<i64> = nodes.iter().filter(|(_, node)| node.dynamic).map(|(group, _)| *group).collect();
        dynamic.sort_unstable();
        Self { nodes, parents, dynamic }
    }

    /// The node of a group, if the graph has one.
    pub fn node(&self, group: i64) -> Option<&Node> {
        self.nodes.get(&group)
    }

    /// Whether the group has components.
    pub fn is_composite(&self, group: i64) -> bool {
        self.node(group).is_some_and(|node| !node.components.is_empty())
    }

    /// Every dynamic group.
    pub fn dynamic(&self) -> &[i64] {
        &self.dynamic
    }

    pub(super) fn components(&self, group: i64) -> &[(i64, Mode)] {
        self.node(group).map_or(&[], |node| &node.components)
    }

    fn parents(&self, group: i64) -> &[(i64, Mode)] {
        self.parents.get(&group).map_or(&[], Vec::as_slice)
    }

    /// The groups themselves and all below them, each once.
    pub fn descendants(&self, groups: &[i64]) -> Vec<i64> {
        reach(groups, |group| self.components(group).iter().map(|(component, _)| *component).collect())
    }

    /// The groups themselves and all above them, each once.
    pub fn ancestors(&self, groups: &[i64]) -> Vec<i64> {
        reach(groups, |group| self.parents(group).iter().map(|(composite, _)| *composite).collect())
    }

    /// The groups whose direct members together are the members of this one, if nothing below it intersects,
    /// excludes or computes. `None` when set arithmetic is needed.
    pub fn plain_union(&self, group: i64) -> Option<Vec<i64>> {
        let below = self.descendants(&[group]);
        let plain = below.iter().all(|group| {
            self.node(*group).is_none_or(|node| {
                let unites = node.composition == Composition::Any || node.components.is_empty();
                !node.dynamic && unites && node.components.iter().all(|(_, mode)| *mode == Mode::Include)
            })
        });
        plain.then_some(below)
    }

    /// Who belongs to each of the groups and to each group below, given who is directly (or by filter) in each.
    ///
    /// G3: `ANY` or `ALL` of the included components, and whoever is a direct member, minus whoever is in an excluded
    /// component. `ALL` of nothing is nobody.
    pub fn evaluate(&self, groups: &[i64], direct: &Members) -> Members {
        self.evaluate_where(groups, direct, |_| true)
    }

    /// Of the people named in `direct`, who belongs to which group anywhere above them.
    pub fn evaluate_upwards(&self, direct: &Members) -> Members {
        let start: Vec<i64> = direct.keys().copied().collect();
        let above = self.ancestors(&start);
        let relevant: HashSet<i64> = above.iter().copied().collect();
        self.evaluate_where(&above, direct, |group| relevant.contains(&group))
    }

    fn evaluate_where(&self, groups: &[i64], direct: &Members, relevant: impl Fn(i64) -> bool) -> Members {
        let mut known = Members::new();
        for group in self.bottom_up(groups, relevant) {
            let members = self.combine(group, direct, &known);
            known.insert(group, members);
        }
        known
    }

    fn combine(&self, group: i64, direct: &Members, known: &Members) -> RoaringTreemap {
        let nobody = RoaringTreemap::new();
        let mut members = direct.get(&group).cloned().unwrap_or_default();
        let Some(node) = self.node(group) else { return members };
        let of = |mode: Mode| {
            node.components
                .iter()
                .filter(move |(_, found)| *found == mode)
                .map(|(id, _)| known.get(id).unwrap_or(&nobody))
        };
        match node.composition {
            Composition::Any => of(Mode::Include).for_each(|component| members |= component),
            Composition::All => {
                let mut components = of(Mode::Include);
                if let Some(first) = components.next() {
                    members |= components.fold(first.clone(), |all, component| all & component);
                }
            }
        }
        of(Mode::Exclude).for_each(|component| members -= component);
        members
    }

    /// The relevant ones of the groups and all below them, components before what they are part of. Without recursion,
    /// since nesting may be of any depth.
    pub(super) fn bottom_up(&self, groups: &[i64], relevant: impl Fn(i64) -> bool) -> Vec<i64> {
        let mut order = Vec::new();
        let mut entered = HashSet::new();
        let mut stack: Vec<(i64, bool)> = groups.iter().map(|group| (*group, false)).collect();
        while let Some((group, done)) = stack.pop() {
            if done {
                order.push(group);
            } else if relevant(group) && entered.insert(group) {
                stack.push((group, true));
                stack.extend(self.components(group).iter().map(|(component, _)| (*component, false)));
            }
        }
        order
    }

    /// The cycle that would arise if `composite` were made of `components`: the groups on it, ending where it starts.
    pub fn cycle(&self, composite: i64, components: &[i64]) -> Option<Vec<i64>> {
        find_cycle(composite, components, |group| {
            self.components(group).iter().map(|(component, _)| *component).collect()
        })
    }
}

/// The cycle through `start` when it points to `targets` and every other node to what `next` says.
pub fn find_cycle(start: i64, targets: &[i64], next: impl Fn(i64) -> Vec<i64>) -> Option<Vec<i64>> {
    let mut came_from: HashMap<i64, i64> = HashMap::new();
    let mut queue: Vec<i64> = Vec::new();
    for target in targets {
        if *target == start {
            return Some(vec![start, start]);
        }
        if came_from.insert(*target, start).is_none() {
            queue.push(*target);
        }
    }
    while let Some(node) = queue.pop() {
        for target in next(node) {
            if target == start {
                let mut path = vec![start, node];
                let mut at = node;
                while let Some(previous) = came_from.get(&at).copied().filter(|previous| *previous != start) {
                    path.push(previous);
                    at = previous;
                }
                path.push(start);
                path.reverse();
                return Some(path);
            }
            if let std::collections::hash_map::Entry::Vacant(entry) = came_from.entry(target) {
                entry.insert(node);
                queue.push(target);
            }
        }
    }
    None
}

fn reach(start: &[i64], next: impl Fn(i64) -> Vec<i64>) -> Vec<i64> {
    let mut seen: BTreeSet<i64> = start.iter().copied().collect();
    let mut queue: Vec<i64> = seen.iter().copied().collect();
    while let Some(node) = queue.pop() {
        for target in next(node) {
            if seen.insert(target) {
                queue.push(target);
            }
        }
    }
    seen.into_iter().collect()
}
