//! Records that were there before the sender's first roster: which of them is meant is never guessed.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

/// What was found for records that have no key yet.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The stored record of each, by its place among them.
    pub adopted: HashMap<usize, i64>,
    /// Those that more than one stored record fits, or that are not alone in fitting one.
    pub ambiguous: HashSet<usize>,
}

impl Found {
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
            let settled = self.adopted.contains_key(&place) || self.ambiguous.contains(&place);
            if !settled && fitting.contains_key(&key) {
                asking.entry(key).or_default().push(place);
            }
        }
        for (key, places) in asking {
            let ids = fitting.get(&key).map(Vec::as_slice).unwrap_or_default();
            match (places.as_slice(), ids) {
                ([place], [id]) => drop(self.adopted.insert(*place, *id)),
                _ => self.ambiguous.extend(places),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Found;

    fn paired(records: &[(usize, &str)], stored: &[(&str, i64)]) -> (Vec<(usize, i64)>, Vec<usize>) {
        let mut found = Found::default();
        found.pair(records.iter().copied(), stored.iter().copied());
        let mut adopted: Vec<_> = found.adopted.into_iter().collect();
        let mut ambiguous: Vec<_> = found.ambiguous.into_iter().collect();
        adopted.sort_unstable();
        ambiguous.sort_unstable();
        (adopted, ambiguous)
    }

    #[test]
    fn one_record_and_one_stored_record_that_fit_each_other_alone_are_paired() {
        assert_eq!(paired(&[(0, "a"), (1, "b"), (2, "c")], &[("a", 7), ("b", 8)]), (vec![(0, 7), (1, 8)], vec![]));
    }

    #[test]
    fn whatever_leaves_a_choice_is_not_paired() {
        assert_eq!(paired(&[(0, "a")], &[("a", 7), ("a", 8)]), (vec![], vec![0]));
        assert_eq!(paired(&[(0, "a"), (1, "a")], &[("a", 7)]), (vec![], vec![0, 1]));
    }

    #[test]
    fn what_was_paired_before_is_not_paired_again() {
        let mut found = Found::default();
        found.pair([(0, "a")].into_iter(), [("a", 7)].into_iter());
        found.pair([(0, "x"), (1, "x")].into_iter(), [("x", 7), ("x", 8)].into_iter());
        assert_eq!(found.adopted.get(&1), Some(&8));
    }
}
