//! Exports of other systems, read through a map (section 8). The examples are those of the documentation.

use std::path::{Path, PathBuf};

use kring::exchange::bundle::{self, Bundle, BundleErrors, Folder, Limits, Memory, Reading};
use kring::exchange::import::{Options, Owner, Report, import};
use serde_json::{Value, json};

use super::{known, rows, scope};
use crate::harness::{World, both, once, text};

fn folder(system: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/import").join(system)
}

fn example(system: &str, last_day: bool) -> Bundle {
    let folder = folder(system);
    let map = bundle::read_map(&folder.join("map.toml")).unwrap_or_else(|errors| panic!("{errors}"));
    let reading = Reading { map: Some(&map), last_day };
    bundle::read_with(&Folder::new(&folder), &Limits::default(), &reading).unwrap_or_else(|errors| panic!("{errors}"))
}

fn bring(world: &World, bundle: &Bundle, organization: &str) -> Report {
    let options = Options { organization: Some(Owner::named(organization.to_owned())), ..Options::default() };
    import(&world.db, &scope(), bundle, &options, &mut |_| {}).unwrap_or_else(|failure| panic!("{failure}"))
}

/// Imports an example, and makes sure that doing so again changes nothing.
fn twice(world: &World, system: &str, last_day: bool, organization: &str) -> Report {
    let report = bring(world, &example(system, last_day), organization);
    let again = bring(world, &example(system, last_day), organization);
    assert!(again.is_idle(), "a second time: {again}");
    report
}

fn person(world: &World, who: &str) -> Value {
    let query = "query($id: ID!) { participant(id: $id) { displayName organization { displayName } ... on Person { birthDate gender email phone \
                 postalAddress { street houseNumber postalCode city } } } }";
    world.data(query, json!({ "id": known(world, "participants", who) }))["participant"].take()
}

fn guardians(world: &World, child: &str) -> Vec<String> {
    let query =
        "query($id: ID!) { participant(id: $id) { ... on Person { guardianships { guardian { displayName } } } } }";
    let data = world.data(query, json!({ "id": known(world, "participants", child) }));
    let found = data["participant"]["guardianships"].as_array().unwrap().iter();
    let mut names: Vec<String> = found.map(|of| text(&of["guardian"]["displayName"])).collect();
    names.sort();
    names
}

both! {
    /// Section 8: Windows-1252, semicolons, days first, and the last day at school.
    fn section8_a_school_administration(world) {
        let report = twice(world, "parnassys", false, "SCHOOL");
        assert_eq!((report.participants.created, report.guardians.created), (7, 5));
        assert!(report.warnings.iter().any(|warning| warning.contains("\"Opmerking\"")), "{:?}", report.warnings);
        assert_eq!(person(world, "1001"), json!({
            "displayName": "Noor van den Berg", "organization": { "displayName": "Basisschool De Wilg" },
            "birthDate": "2018-02-03", "gender": "FEMALE", "email": null, "phone": null,
            "postalAddress": { "street": "Dorpsstraat", "houseNumber": "12", "postalCode": "3511 AB", "city": "Utrecht" },
        }));
        assert_eq!(person(world, "1003")["displayName"], "Zoë Yilmaz");
        assert_eq!(person(world, "ouder-501")["displayName"], "Élise van den Berg");
        assert_eq!(guardians(world, "1001"), ["Ruben Jansen", "Élise van den Berg"]);
        assert_eq!(guardians(world, "1002"), ["Ruben Jansen", "Élise van den Berg"]);
        assert_eq!(guardians(world, "1003"), ["Deniz Yilmaz"]);
        assert_eq!(rows(world, "groep-4A"), ["1001 2022-09-01 IMPORTED - - MEMBER IMPORT"]);
        // The last day was 31 July.
        assert_eq!(rows(world, "groep-6B").iter().map(|row| row.split(' ').take(4).collect::<Vec<_>>().join(" ")).collect::<Vec<_>>(), ["1002 2020-09-01 IMPORTED -", "1003 2020-09-01 IMPORTED 2024-08-01"]);
    }

    /// Section 8: words for kinds of members and roles, and 31-12-9999 for what goes on.
    fn section8_an_association(world) {
        twice(world, "e-captain", false, "VERENIGING");
        assert_eq!(person(world, "L0001")["displayName"], "Anna de Vries");
        assert_eq!(person(world, "L0003")["displayName"], "Sam van 't Hof");
        assert_eq!(person(world, "L0003")["gender"], "UNKNOWN");
        assert_eq!(rows(world, "leden"), ["L0001 1998-01-01 IMPORTED - - MEMBER IMPORT", "L0002 2019-03-15 IMPORTED 2026-01-01 LEFT MEMBER IMPORT"]);
        assert_eq!(rows(world, "donateurs"), ["L0003 2024-07-01 IMPORTED - - MEMBER IMPORT"]);
        assert_eq!(rows(world, "commissie-Bestuur"), ["L0001 2024-01-01 IMPORTED - - LEADER IMPORT"]);
        assert!(rows(world, "commissie-Feestcommissie")[0].starts_with("L0003 2024-09-01 IMPORTED 2025-07-01 "));
    }

    /// Section 8: rows of some kinds only, a time behind the date, and `--last-day`.
    fn section8_customer_relations(world) {
        twice(world, "civicrm", true, "contact-7");
        assert_eq!(person(world, "contact-22")["displayName"], "Pieter van der Meer, Sr.");
        assert_eq!(person(world, "contact-21")["organization"]["displayName"], "Energie Coöperatie Zonnedal");
        assert_eq!(person(world, "contact-21")["birthDate"], "1975-08-14");
        let lid = rows(world, "type-Lid");
        assert!(lid[0].starts_with("contact-22 2020-01-01 IMPORTED 2025-01-01 "), "{lid:?}");
        assert_eq!(lid[1], "contact-21 2023-04-01 IMPORTED - - MEMBER IMPORT");
        assert_eq!(rows(world, "type-Werkgroep Wind"), ["contact-21 2024-02-01 IMPORTED - - MEMBER IMPORT"]);
    }
}

/// What is wrong with a map.
fn faults(map: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("map.toml");
    std::fs::write(&path, map).unwrap();
    let errors = bundle::read_map(&path).expect_err("refused");
    errors.errors.iter().map(|error| format!("{} {}", error.at, error.message)).collect()
}

/// What comes of one file read through a map.
fn through(map: &str, file: &[u8]) -> Result<Bundle, BundleErrors> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("map.toml");
    std::fs::write(&path, map).unwrap();
    let map = bundle::read_map(&path).unwrap_or_else(|errors| panic!("{errors}"));
    let files: Memory = [("leden.csv", file.to_vec())].into_iter().collect();
    bundle::read_with(&files, &Limits::default(), &Reading { map: Some(&map), last_day: false })
}

fn told(map: &str, file: &[u8]) -> Vec<String> {
    let errors = through(map, file).expect_err("refused").errors;
    errors.iter().map(|error| format!("{} {}", error.at, error.message)).collect()
}

const MAP: &str = "delimiter = \";\"\ndates = \"dd-mm-yyyy\"\n[participants]\nfile = \"leden.csv\"\n[participants.columns]\n\
                   external_id = \"Nr\"\ngiven_name = \"Naam\"\nbirth_date = \"Geb\"\ngender = \"G\"\n[participants.fixed]\n\
                   kind = \"PERSON\"\n[participants.words]\ngender = { M = \"MALE\" }\n";

once! {
    /// Section 8: what is wrong with a map is told with its line and key.
    fn section8_mistakes_in_a_map_are_told_with_line_and_key() {
        let section = "[participants]\nfile = \"a.csv\"\n";
        for (map, expected) in [
            ("[participants".to_owned(), "map.toml:1:"),
            ("datum = \"dd-mm-yyyy\"\n".to_owned(), "map.toml:1:1 datum: there is no such key; "),
            ("dates = \"dd-mm-yy\"\n".to_owned(), "map.toml:1:9 dates: \"dd-mm-yy\" is not a way to write dates; "),
            ("[members]\nfile = \"a.csv\"\n".to_owned(), "map.toml:1:2 members: there is no such key; "),
            (format!("{section}columns = {{ external_id = \"Nr\", givenname = \"N\" }}\n"), "map.toml:3:33 participants.columns.givenname: participants.csv has no such column; did you mean given_name? "),
            (format!("{section}columns = {{ given_name = \"N\" }}\n"), "map.toml:1:2 participants: the section says nothing of external_id, which every row needs"),
            (format!("{section}columns = {{ external_id = \"{{Nr\" }}\n"), "map.toml:3:27 participants.columns.external_id: this must be the name of a column, "),
            (format!("{section}once = \"yes\"\n"), "map.toml:3:8 participants.once: this must be true or false"),
            (format!("{section}delimiter = \"ab\"\n"), "map.toml:3:13 participants.delimiter: this must be a comma, "),
            (String::new(), "map.toml:1:1 map: there is no section; "),
        ] {
            let told = faults(&map);
            assert!(told.iter().any(|told| told.starts_with(expected)), "{map}: {told:#?}");
        }
    }

    /// Section 8: what is wrong with the export is told with its own file, line and column.
    fn section8_mistakes_in_an_export_are_told_with_its_own_places() {
        assert_eq!(told(MAP, b"Nr;Naam;Geb;G\n1;Anna;31-02-1980;M\n2;Bo;;X\n"), [
            "leden.csv:2:8 birth_date \"31-02-1980\" is not a date written dd-mm-yyyy",
            "leden.csv:3:7 gender \"X\" is not among the words that the map has for it: \"M\"",
        ]);
        assert_eq!(told(MAP, b"Nr;Naam;Geboren;G\n1;Anna;;M\n"), [
            "leden.csv:1:1 there is no column \"Geb\", which map.toml:8 reads; the columns are: \"Nr\", \"Naam\", \"Geboren\", \"G\"",
        ]);
        assert_eq!(told(MAP, b"Nr;Naam;Geb;G\n1;Anna;M\n"), [
            "leden.csv:2:1 the row has 3 fields, the header 4; is a delimiter or a quote missing?",
        ]);
        assert_eq!(told(MAP, b"Nr;Naam;Geb;G\n1;An\xe9;;M\n"), [
            "leden.csv:2:5 byte 0xE9 is not UTF-8; save the file as UTF-8, or name its encoding in a map",
        ]);
        let windows = format!("encoding = \"windows-1252\"\n{MAP}");
        assert_eq!(through(&windows, b"Nr;Naam;Geb;G\n1;An\xe9;;M\n").unwrap().participants[0].given_name.as_deref(), Some("Ané"));
        assert_eq!(told(&windows, "Nr;Naam;Geb;G\n1;Ané;;M\n".as_bytes()), ["leden.csv the file is UTF-8, and the map says windows-1252"]);
        assert_eq!(told(&MAP.replace("leden.csv", "weg.csv"), b"")[0].split(", ").next(), Some("weg.csv the file"));
    }
}
