//! Bundles as they lie in folders.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::*;

fn folder(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

#[test]
fn the_small_bundle_has_every_file_and_column_in_use() {
    let folder = folder("tests/bundle/small");
    let bundle = read(&folder).unwrap_or_else(|errors| panic!("{errors}"));
    assert!(bundle.warnings.is_empty() && bundle.unresolved.is_empty());
    assert_eq!(bundle.files.len(), layout::ALL.len());
    for (file, layout) in bundle.files.iter().zip(layout::ALL) {
        let columns: Vec<_> = layout.columns().collect();
        assert_eq!((file.name, &file.columns), (layout.file, &columns));
    }
    for layout in layout::ALL {
        let mut file = csv::Reader::from_path(folder.join(layout.file)).expect("a file");
        let header = file.headers().expect("a header").clone();
        let rows: Vec<_> = file.records().map(|row| row.expect("a row")).collect();
        for (index, column) in header.iter().enumerate() {
            assert!(rows.iter().any(|row| !row[index].is_empty()), "{column} is in use");
        }
    }
}

#[test]
fn the_small_bundle_reads_as_it_is_written() {
    let bundle = read(&folder("tests/bundle/small")).unwrap_or_else(|errors| panic!("{errors}"));
    let people: BTreeMap<&str, &Participant> = bundle.participants.iter().map(|row| (&*row.external_id, row)).collect();
    let person = people["P02"];
    assert_eq!(person.given_name.as_deref(), Some("Chloé"));
    assert_eq!(person.name_prefix.as_deref(), Some("van den"));
    assert_eq!(person.family_name.as_deref(), Some("Berg"));
    let excluded = |row: &&Component| row.mode == Some(ComponentMode::Exclude);
    assert_eq!(bundle.components.iter().filter(excluded).count(), 1);
    let nested = |row: &&Component| {
        let inner = &row.component.id;
        bundle.components.iter().any(|other| other.composite.id == *inner)
    };
    assert!(bundle.components.iter().any(|row| nested(&row)));
    assert!(bundle.groups.iter().any(|row| row.composition == Some(Composition::All)));
    let information = bundle.groups.iter().filter_map(|row| row.description.as_deref());
    assert!(information.into_iter().any(|text| text.contains('\n') && text.contains('"')));
}

/// Real data that comes with the project's shared material, which not every checkout has beside it.
#[test]
fn the_congress_bundle_is_sound_but_for_groups_that_it_lacks() {
    let folder = folder("../shared/data/congress");
    if !folder.exists() {
        eprintln!("skipped: {} is not there", folder.display());
        return;
    }
    let bundle = read(&folder).unwrap_or_else(|errors| panic!("{errors}"));
    let counts = [
        bundle.categories.len(),
        bundle.participants.len(),
        bundle.groups.len(),
        bundle.components.len(),
        bundle.memberships.len(),
    ];
    assert_eq!(counts, [6, 1138, 676, 671, 31_266]);
    let open = bundle.memberships.iter().filter(|row| row.end_date.is_none());
    assert_eq!(open.count(), 4987);
    // Committees since abolished: people left them, and the list of groups no longer has them.
    assert!(bundle.unresolved.iter().all(|open| open.target == Target::Group));
    let uses: u64 = bundle.unresolved.iter().map(|open| open.uses).sum();
    assert_eq!((bundle.unresolved.len(), uses), (25, 556));
    let first = &bundle.unresolved[0].reference;
    assert_eq!((&*first.id, first.at.to_string()), ("HLIG05", "memberships.csv:4062:1".to_owned()));
}
