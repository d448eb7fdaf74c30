//! Guesses what a misspelt name was meant to be.

/// The known name that `name` probably stands for: one that differs only in case, else the nearest
/// within a third of its length (and three edits at most).
pub(super) fn nearest(name: &str, known: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    let folded = name.to_lowercase();
    let reach = (folded.chars().count() / 3).clamp(1, 3);
    // Longer than any name within reach: not worth a comparison that grows with its length.
    if folded.len() > 100 {
        return None;
    }
    known
        .map(|candidate| (distance(&folded, candidate), candidate))
        .filter(|(distance, _)| *distance <= reach)
        .min()
        .map(|(_, candidate)| candidate)
}

/// The least number of characters to put in, leave out or change to get from `a` to `b`.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        let mut cells = row.iter_mut();
        if let Some(first) = cells.next() {
            *first = left;
        }
        for (cell, to) in cells.zip(b.chars()) {
            let changed = diagonal + usize::from(from != to);
            diagonal = *cell;
            left = changed.min(*cell + 1).min(left + 1);
            *cell = left;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILES: [&str; 3] = ["memberships.csv", "groups.csv", "group_components.csv"];

    #[test]
    fn the_nearest_name_is_found_and_far_ones_are_not() {
        let cases = [
            ("membership.csv", Some("memberships.csv")),
            ("Memberships.CSV", Some("memberships.csv")),
            ("group.csv", Some("groups.csv")),
            ("invoices.csv", None),
            ("", None),
        ];
        for (name, expected) in cases {
            assert_eq!(nearest(name, FILES.into_iter()), expected, "{name}");
        }
    }

    #[test]
    fn distance_counts_edits() {
        let cases = [("", "", 0), ("", "abc", 3), ("abc", "", 3), ("kitten", "sitting", 3), ("group", "groups", 1)];
        for (a, b, expected) in cases {
            assert_eq!(distance(a, b), expected, "{a} {b}");
        }
    }
}
