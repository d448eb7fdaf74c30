//! Records that were there before the sender's first roster: which of them is meant is never guessed.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

/// Why a record was not adopted that could have been.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doubt {
    /// More than one stored record fits.
    Several,
    /// The only one that fits is fitting for others, too.
    Shared,
}

/// What was found for records that have no key yet.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The stored record of each, by its place among them.
    pub adopted: HashMap<usize, i64>,
    /// Those of which it cannot be told.
    pub doubts: HashMap<usize, Doubt>,
    /// Those that are not alone in having the key of a stored record, which something else may yet tell apart.
    undecided: Vec<(usize, i64)>,
}

impl Found {
    /// Begins with the stored records whose external ids are keys of the file. Records of two kinds may have the same key.
    pub(super) fn by_key(meant: &[(usize, i64)]) -> Self {
        let mut found = Self::default();
        let ids: HashSet<i64> = meant.iter().map(|(_, id)| *id).collect();
        found.pair(meant.iter().copied(), ids.into_iter().map(|id| (id, id)));
        let doubts = std::mem::take(&mut found.doubts);
        found.undecided = meant.iter().copied().filter(|(place, _)| doubts.contains_key(place)).collect();
        found
    }

    /// Leaves in doubt what nothing told apart, and answers with the stored records that were adopted.
    pub(super) fn settle(&mut self) -> HashSet<i64> {
        let taken: HashSet<i64> = self.adopted.values().copied().collect();
        for (place, id) in std::mem::take(&mut self.undecided) {
            if !self.adopted.contains_key(&place) && !taken.contains(&id) {
                self.doubts.entry(place).or_insert(Doubt::Shared);
            }
        }
        taken
    }

    /// Adopts, of the records that have nothing yet, those that exactly one stored record fits that fits no other.
    pub(super) fn pair<K: Hash + Eq>(
        &mut self,
        records: impl Iterator<Item = (usize, K)>,
        stored: impl Iterator<Item = (K, i64)>,
    ) {
        let taken: HashSet<i64> = self.adopted.values().copied().collect();
        let mut fitting: HashMap<K, Vec<i64>> = HashMap::new();
        for (key, id) in stored.filter(|(_, id)| !taken.contains(id)) {
            fitting.entry(key).or_default().push(id);
        }
        let mut asking: HashMap<K, Vec<usize>> = HashMap::new();
        for (place, key) in records {
            let settled = self.adopted.contains_key(&place) || self.doubts.contains_key(&place);
            if !settled && fitting.contains_key(&key) {
                asking.entry(key).or_default().push(place);
            }
        }
        for (key, places) in asking {
            let ids = fitting.get(&key).map(Vec::as_slice).unwrap_or_default();
            match (places.as_slice(), ids) {
                ([place], [id]) => drop(self.adopted.insert(*place, *id)),
                (_, [_]) => self.doubts.extend(places.into_iter().map(|place| (place, Doubt::Shared))),
                _ => self.doubts.extend(places.into_iter().map(|place| (place, Doubt::Several))),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Doubt::{Several, Shared};
    use super::{Doubt, Found};

    type Outcome = (Vec<(usize, i64)>, Vec<(usize, Doubt)>);

    fn paired(records: &[(usize, &str)], stored: &[(&str, i64)]) -> Outcome {
        let mut found = Found::default();
        found.pair(records.iter().copied(), stored.iter().copied());
        let mut adopted: Vec<_> = found.adopted.into_iter().collect();
        let mut doubts: Vec<_> = found.doubts.into_iter().collect();
        adopted.sort_unstable();
        doubts.sort_unstable_by_key(|(place, _)| *place);
        (adopted, doubts)
    }

    #[test]
    fn one_record_and_one_stored_record_that_fit_each_other_alone_are_paired() {
        assert_eq!(paired(&[(0, "a"), (1, "b"), (2, "c")], &[("a", 7), ("b", 8)]), (vec![(0, 7), (1, 8)], vec![]));
    }

    #[test]
    fn whatever_leaves_a_choice_is_not_paired() {
        assert_eq!(paired(&[(0, "a")], &[("a", 7), ("a", 8)]), (vec![], vec![(0, Several)]));
        assert_eq!(paired(&[(0, "a"), (1, "a")], &[("a", 7)]), (vec![], vec![(0, Shared), (1, Shared)]));
    }

    #[test]
    fn what_was_paired_before_is_not_paired_again() {
        let mut found = Found::default();
        found.pair([(0, "a")].into_iter(), [("a", 7)].into_iter());
        found.pair([(0, "x"), (1, "x")].into_iter(), [("x", 7), ("x", 8)].into_iter());
        assert_eq!(found.adopted.get(&1), Some(&8));
    }
    #[test]
    fn what_has_the_same_key_may_be_told_apart_by_name() {
        let told = |name: &'static str| {
            let mut found = Found::by_key(&[(0, 7), (1, 7), (2, 8)]);
            found.pair([(1, "x")].into_iter(), [(name, 7)].into_iter());
            (found.settle(), found.adopted.get(&1).copied(), found.doubts)
        };
        assert_eq!(told("x"), ([7, 8].into(), Some(7), [].into()));
        assert_eq!(told("y"), ([8].into(), None, [(0, Shared), (1, Shared)].into()));
    }
}
