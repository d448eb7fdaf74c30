//! A sound bundle, whatever it says, is read as it was written.

use std::collections::BTreeMap;
use std::fmt::Display;

use proptest::collection::{btree_map, btree_set};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};

use super::*;

/// A row, by the names of its columns; empty fields are left out.
type Fields = BTreeMap<&'static str, String>;

/// The rows of a file.
type Table = Vec<Fields>;

fn text() -> impl Strategy<Value = String> {
    // Starts and ends with something that is not trimmed.
    "[a-zé\"',;=@][ -~é\u{5d0}\u{1f600}]{0,20}[a-z\"',;]"
}

fn date() -> impl Strategy<Value = String> {
    (1..=9999, 1..=12, 1..=28).prop_map(|(year, month, day)| format!("{year:04}-{month:02}-{day:02}"))
}

/// A table whose rows have a value in any of `columns` besides those they need.
fn rows_of(
    keys: impl Strategy<Value = Vec<Fields>>,
    columns: Vec<(&'static str, BoxedStrategy<String>)>,
) -> impl Strategy<Value = Table> {
    keys.prop_flat_map(move |keys| {
        let rows: Vec<_> = keys.into_iter().map(|key| row_of(key, &columns)).collect();
        rows
    })
}

fn row_of(key: Fields, columns: &[(&'static str, BoxedStrategy<String>)]) -> BoxedStrategy<Fields> {
    let fields: Vec<_> = columns.iter().map(|(column, value)| (Just(*column), option::of(value.clone()))).collect();
    fields
        .prop_map(move |fields| {
            let given = fields.into_iter().filter_map(|(column, value)| Some((column, value?)));
            key.clone().into_iter().chain(given).collect()
        })
        .boxed()
}

/// People, since they have the most fields that are free.
fn participants() -> impl Strategy<Value = Table> {
    let keys = btree_map(text(), text(), 1..6).prop_map(|people| {
        let row =
            |(id, name)| BTreeMap::from([("external_id", id), ("kind", "PERSON".to_owned()), ("family_name", name)]);
        people.into_iter().map(row).collect()
    });
    let word = |words: Vec<&'static str>| select(words).prop_map(str::to_owned).boxed();
    rows_of(
        keys,
        vec![
            ("given_name", text().boxed()),
            ("name_prefix", text().boxed()),
            ("birth_date", date().boxed()),
            ("gender", word(vec!["MALE", "FEMALE", "OTHER", "UNKNOWN"])),
            ("email", "[a-z0-9']{1,8}@[a-z]{1,8}[.][a-z]{2,4}".boxed()),
            ("phone", "[0-9]{2}[- ][0-9]{4,8}".boxed()),
            ("city", text().boxed()),
        ],
    )
}

fn groups() -> impl Strategy<Value = Table> {
    let keys = btree_map(text(), text(), 1..6).prop_map(|groups| {
        let row = |(id, name)| BTreeMap::from([("external_id", id), ("name", name)]);
        groups.into_iter().map(row).collect()
    });
    let word = |words: Vec<&'static str>| select(words).prop_map(str::to_owned).boxed();
    let flag = || word(vec!["true", "false"]);
    rows_of(
        keys,
        vec![
            ("description", "[a-z\"]([ -~]|\n|\t|é){0,40}[a-z,]".boxed()),
            ("composition", word(vec!["ANY", "ALL"])),
            ("start_date", date().boxed()),
            ("closed", flag()),
            ("analytics_group", flag()),
            ("year_group", "[1-8]".boxed()),
        ],
    )
}

/// A bundle of people, groups nested without a circle, and memberships that do not overlap.
fn bundles() -> impl Strategy<Value = BTreeMap<&'static str, Table>> {
    (participants(), groups()).prop_flat_map(|(participants, groups)| {
        let people: Vec<_> = participants.iter().map(|row| row["external_id"].clone()).collect();
        let ids: Vec<_> = groups.iter().map(|row| row["external_id"].clone()).collect();
        let pairs: Vec<_> = (0..ids.len()).flat_map(|i| (i + 1..ids.len()).map(move |j| (i, j))).collect();
        let count = pairs.len();
        let dates = btree_set(date(), 1..6).prop_map(|dates| dates.into_iter().collect::<Vec<_>>());
        (subsequence(pairs, 0..=count), any::<Index>(), any::<Index>(), dates).prop_map(
            move |(edges, group, person, dates)| {
                let components = edges.into_iter().map(|(outer, inner)| {
                    BTreeMap::from([("composite", ids[outer].clone()), ("component", ids[inner].clone())])
                });
                BTreeMap::from([
                    ("participants.csv", participants.clone()),
                    ("groups.csv", groups.clone()),
                    ("group_components.csv", components.collect()),
                    (
                        "memberships.csv",
                        memberships(&ids[group.index(ids.len())], &people[person.index(people.len())], &dates),
                    ),
                ])
            },
        )
    })
}

/// One membership after the other, each ending on the day on which the next begins.
fn memberships(group: &str, person: &str, dates: &[String]) -> Table {
    let ends = dates.iter().skip(1).map(Some).chain([None]);
    let rows = dates.iter().zip(ends).map(|(start, end)| {
        let mut row = BTreeMap::from([
            ("group", group.to_owned()),
            ("participant", person.to_owned()),
            ("start_date", start.clone()),
            ("start_reason", "IMPORTED".to_owned()),
        ]);
        if let Some(end) = end {
            row.insert("end_date", end.clone());
            row.insert("end_reason", "LEFT".to_owned());
        }
        row
    });
    rows.collect()
}

/// Writes a table with a writer that is not ours, all columns in the order of the format.
fn written(layout: &Layout, table: &Table) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(layout.columns()).expect("memory");
    for row in table {
        let fields = layout.columns().map(|column| row.get(column).map_or("", String::as_str));
        writer.write_record(fields).expect("memory");
    }
    writer.into_inner().expect("memory")
}

fn shown(value: Option<&impl Display>) -> Option<String> {
    value.map(ToString::to_string)
}

fn fields<const N: usize>(columns: [(&'static str, Option<String>); N]) -> Fields {
    let given = |(column, value): (_, Option<_>)| Some((column, value?));
    columns.into_iter().filter_map(given).collect()
}

/// What was read, as tables again.
fn reread(bundle: &Bundle) -> BTreeMap<&'static str, Table> {
    let components = bundle.components.iter().map(|row| {
        fields([("composite", shown(Some(&row.composite.id))), ("component", shown(Some(&row.component.id)))])
    });
    let memberships = bundle.memberships.iter().map(|row| {
        fields([
            ("group", shown(Some(&row.group.id))),
            ("participant", shown(Some(&row.participant.id))),
            ("start_date", shown(Some(&row.start_date))),
            ("start_reason", shown(row.start_reason.as_ref())),
            ("end_date", shown(row.end_date.as_ref())),
            ("end_reason", shown(row.end_reason.as_ref())),
        ])
    });
    BTreeMap::from([
        ("participants.csv", bundle.participants.iter().map(person).collect()),
        ("groups.csv", bundle.groups.iter().map(group).collect()),
        ("group_components.csv", components.collect()),
        ("memberships.csv", memberships.collect()),
    ])
}

fn person(row: &Participant) -> Fields {
    fields([
        ("external_id", shown(Some(&row.external_id))),
        ("kind", shown(row.kind.as_ref())),
        ("given_name", row.given_name.clone()),
        ("name_prefix", row.name_prefix.clone()),
        ("family_name", row.family_name.clone()),
        ("birth_date", shown(row.birth_date.as_ref())),
        ("gender", shown(row.gender.as_ref())),
        ("email", row.email.clone()),
        ("phone", row.phone.clone()),
        ("city", row.city.clone()),
    ])
}

fn group(row: &Group) -> Fields {
    fields([
        ("external_id", shown(Some(&row.external_id))),
        ("name", row.name.clone()),
        ("description", row.description.clone()),
        ("composition", shown(row.composition.as_ref())),
        ("start_date", shown(row.start_date.as_ref())),
        ("closed", shown(row.closed.as_ref())),
        ("analytics_group", shown(row.analytics_group.as_ref())),
        ("year_group", shown(row.year_group.as_ref())),
    ])
}

proptest! {
    #[test]
    fn a_sound_bundle_reads_as_it_was_written(tables in bundles()) {
        let memory: Memory = layout::ALL
            .iter()
            .filter_map(|layout| Some((layout.file, written(layout, tables.get(layout.file)?))))
            .collect();
        let bundle = read_from(&memory, &Limits::default());
        let bundle = bundle.map_err(|errors| TestCaseError::fail(errors.to_string()))?;
        prop_assert!(bundle.unresolved.is_empty());
        prop_assert_eq!(reread(&bundle), tables);
    }
}
