//! What holds for any input at all.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use proptest::collection::{btree_map, btree_set, vec};
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::exchange::bundle::scan::{Record, Scanner};

/// What a CSV file is made of, so that a random text is often nearly one.
fn fragments() -> impl Strategy<Value = String> {
    let fragment = prop_oneof![
        4 => select(vec![",", "\n", "\r\n", "\"", "\"\"", "A", "é", " ", "\0", "\u{feff}", "\r"]),
        1 => select(vec!["child,guardian\n", "external_id,name\n", "2020-01-01", "true", "PERSON"]),
    ];
    vec(fragment, 0..60).prop_map(|parts| parts.concat())
}

/// Every record of a text, or nothing when the scanner refuses any of them.
fn scanned(text: &str) -> Option<Vec<Vec<String>>> {
    let limits = Limits::default();
    let mut scanner = Scanner::new(text.as_bytes(), &limits);
    let mut record = Record::default();
    let mut records = Vec::new();
    while scanner.next(&mut record).ok()? {
        records.push(record.fields().map(|field| field.text.to_owned()).collect());
    }
    Some(records)
}

/// Whether any two periods of one group share a day, told day by day.
fn share_a_day(periods: &[(u32, u32, u32)]) -> bool {
    let mut taken = BTreeSet::new();
    periods
        .iter()
        .flat_map(|(group, start, length)| (*start..start + length).map(move |day| (group, day)))
        .any(|day| !taken.insert(day))
}

/// Whether following edges leads back to where one started, told by following all of them.
fn has_circle(edges: &BTreeSet<(u32, u32)>) -> bool {
    let mut reached = edges.clone();
    loop {
        let further: BTreeSet<_> = reached
            .iter()
            .flat_map(|(from, via)| edges.iter().filter(move |edge| edge.0 == *via).map(move |edge| (*from, edge.1)))
            .collect();
        let known = reached.len();
        reached.extend(further);
        if reached.len() == known {
            return reached.iter().any(|(from, to)| from == to);
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(
        files in vec((select(layout::ALL.to_vec()), vec(any::<u8>(), 0..200)), 1..4),
    ) {
        let memory: Memory = files
            .into_iter()
            .map(|(layout, bytes)| (layout.file, bytes))
            .collect();
        let _ = read_from(&memory, &Limits::default());
    }

    #[test]
    fn nothing_like_a_file_makes_it_panic_and_every_error_has_its_place(
        files in vec((select(layout::ALL.to_vec()), fragments(), any::<bool>()), 1..4),
    ) {
        let memory: Memory = files
            .iter()
            .map(|(layout, text, headed)| {
                let header = layout.columns().collect::<Vec<_>>().join(",");
                let text = if *headed { format!("{header}\n{text}") } else { text.clone() };
                (layout.file, text)
            })
            .collect();
        if let Err(refused) = read_from(&memory, &Limits::default()) {
            prop_assert!(refused.total > 0 && refused.errors.is_sorted());
            for error in refused.errors {
                prop_assert!(error.at.line > 0 && error.at.column > 0, "{error}");
            }
        }
    }

    #[test]
    fn what_the_scanner_accepts_the_csv_crate_reads_alike(text in fragments()) {
        // Byte order marks within and lone carriage returns are where the crate has its own ways.
        let text = text.replace(['\u{feff}', '\r'], "");
        if let Some(records) = scanned(&text) {
            let mut reader = csv::ReaderBuilder::new()
                .has_headers(false)
                .flexible(true)
                .from_reader(text.as_bytes());
            let expected: Vec<Vec<String>> = reader
                .records()
                .map(|record| record.expect("UTF-8").iter().map(str::to_owned).collect())
                .collect();
            prop_assert_eq!(records, expected);
        }
    }

    /// M2.
    #[test]
    fn periods_are_refused_exactly_when_they_share_a_day(
        periods in vec((0..2u32, 1..20u32, 0..8u32), 1..7),
    ) {
        let mut text = String::from(
            "group,participant,start_date,start_reason,end_date,end_reason,role\n",
        );
        for (group, start, length) in &periods {
            let end = start + length;
            writeln!(text, "G{group},P,2020-01-{start:02},IMPORTED,2020-01-{end:02},LEFT,")?;
        }
        let outcome = read_texts(&[("memberships.csv", &text)]);
        let overlap = outcome.err().is_some_and(|refused| {
            let codes = refused.errors.iter().map(|error| error.code);
            codes.into_iter().any(|code| code == ErrorCode::OverlappingPeriods)
        });
        prop_assert_eq!(overlap, share_a_day(&periods));
    }

    /// G4.
    #[test]
    fn groups_are_refused_exactly_when_they_go_round_in_a_circle(
        components in btree_set((0..7u32, 0..7u32), 0..9),
        sources in btree_map(0..7u32, 0..7u32, 0..4),
    ) {
        let mut text = String::from("composite,component\n");
        for (outer, inner) in components.iter().filter(|(outer, inner)| outer != inner) {
            writeln!(text, "G{outer},G{inner}")?;
        }
        let mut groups = String::from("external_id,name,description,category,source_group\n");
        for (group, source) in sources.iter().filter(|(group, source)| group != source) {
            writeln!(groups, "G{group},Groep,,,G{source}")?;
        }
        let outcome = read_texts(&[("group_components.csv", &text), ("groups.csv", &groups)]);
        let all: BTreeSet<_> = components
            .into_iter()
            .chain(sources)
            .filter(|(from, to)| from != to)
            .collect();
        prop_assert_eq!(outcome.is_err(), has_circle(&all));
    }
}
