//! What a roster looks like, and what it makes.

use kring::exchange::edexml;
use kring::exchange::import::roster::{Figures, RosterOptions, RosterReport};
use serde_json::{Value, json};

use super::generator::School;
use super::{Desk, File, SAMPLE, dump, pupil, pupil_with, read};
use crate::harness::{both, once};

fn made(created: u64) -> Figures {
    Figures { created, ..Figures::default() }
}

fn kept(unchanged: u64) -> Figures {
    Figures { unchanged, ..Figures::default() }
}

both! {
    /// P6: every field of the sample ends up where it belongs, and what must not be kept is nowhere.
    fn the_sample_is_stored_as_it_is_written(world) {
        let desk = Desk::new(world);
        let report = desk.import(SAMPLE);
        assert_eq!((report.pupils, report.teachers, report.groups, report.cross_year_groups), (made(4), made(2), made(3), made(1)));
        assert_eq!(report.memberships, Figures { started: 9, ..Figures::default() });
        assert_eq!(report.warnings, Vec::<String>::new());
        assert_eq!(desk.groups(), [("3a".to_owned(), json!(3)), ("3b".to_owned(), json!(3)), ("Kangoeroes".to_owned(), Value::Null), ("Taalklas".to_owned(), Value::Null)]);
        assert_eq!(desk.memberships("3a"), [
            "Anna van den Berg MEMBER 2026-09-14 IMPORTED - - IMPORT ACTIVE",
            "Emre Can Özdemir MEMBER 2026-09-14 IMPORTED - - IMPORT ACTIVE",
            "Juf Mies de Vries LEADER 2026-09-14 IMPORTED - - IMPORT ACTIVE",
        ]);
        assert_eq!(desk.members("Kangoeroes"), ["Anna van den Berg", "J.P. Jansen & Zoon", "Juf Mies de Vries"]);
        let people = desk.people();
        let of = |name: &str| people.iter().find(|person| person["displayName"] == name).unwrap_or_else(|| panic!("{name}")).clone();
        let anna = of("Anna van den Berg");
        assert_eq!(
            (&anna["givenName"], &anna["namePrefix"], &anna["familyName"], &anna["birthDate"], &anna["gender"], &anna["email"], &anna["organization"]["id"]),
            (&json!("Anna"), &json!("van den"), &json!("Berg"), &json!("2018-05-02"), &json!("FEMALE"), &json!("anna@dewilg.example"), &json!(desk.organization))
        );
        for (name, gender) in [("Emre Can Özdemir", json!("MALE")), ("J.P. Jansen & Zoon", json!("OTHER")), ("Sem Visser", json!("UNKNOWN")), ("Henk Smit", Value::Null)] {
            assert_eq!(of(name)["gender"], gender, "{name}");
        }
        let stored = dump(world).join("\n");
        for secret in ["123456782", "fotos.example", "avandenberg"] {
            assert!(!stored.contains(secret), "{secret} is kept");
        }
        // M7: every record and membership has its history, by name of who imported.
        let created = "query($id: ID!) { participant(id: $id) { ... on Person { history(first: 5) { edges { node { action actor { displayName } changes { field } } } } } } }";
        let history = world.data(created, json!({ "id": anna["id"] }));
        let entry = &history["participant"]["history"]["edges"][0]["node"];
        assert_eq!((&entry["action"], &entry["actor"]["displayName"]), (&json!("CREATED"), &json!("kring import")));
    }

    /// P6: the same roster in a message of UWLR says the same.
    fn a_roster_in_a_message_says_the_same(world) {
        let (plain, message) = (School::new(60), School { message: true, ..School::new(60) });
        let (plain, message) = (plain.xml(), message.xml());
        assert!(message.contains("<u:leerling key=") && message.contains("</s:Body>"), "{message}");
        let strip = |xml: &str| {
            let roster = read(xml).unwrap_or_else(|errors| panic!("{errors}"));
            let people: Vec<_> = roster.people.into_iter().map(|mut person| {
                person.at = edexml_start();
                person.groups.iter_mut().for_each(|group| group.at = edexml_start());
                person
            }).collect();
            let groups: Vec<_> = roster.groups.into_iter().map(|mut group| { group.at = edexml_start(); group }).collect();
            (people, groups, roster.warnings)
        };
        assert_eq!(strip(&plain), strip(&message));
        let desk = Desk::new(world);
        desk.import(&message);
        let stored = dump(world);
        assert!(desk.import(&plain).is_idle());
        assert_eq!(dump(world), stored);
    }

    /// P6: the same file again writes nothing at all, in no table.
    fn the_same_file_again_changes_nothing(world) {
        let desk = Desk::new(world);
        desk.import(SAMPLE);
        let stored = dump(world);
        let again = desk.import(SAMPLE);
        assert!(again.is_idle(), "{again}");
        assert_eq!((again.pupils, again.teachers, again.groups, again.cross_year_groups, again.memberships), (kept(4), kept(2), kept(3), kept(1), kept(9)));
        assert_eq!(dump(world), stored);
    }

    /// P6: a dry run has the figures of the real one, and leaves nothing behind.
    fn a_dry_run_is_the_same_work_taken_back(world) {
        let desk = Desk::new(world);
        desk.import(&File::new(&[pupil("1", "Anna Bos", "3a"), pupil("2", "Bram Vos", "3a"), pupil("9", "Dirk Dam", "4a")]).xml());
        let next = File { made: "2026-09-15T08:00:00", ..File::new(&[pupil("1", "Anna Bos", "3b"), pupil("3", "Cas Pol", "4a"), pupil("9", "Dirk Dam", "4a")]).on("2026-09-15") }.xml();
        let before = dump(world);
        let rehearsed = desk.import_with(&next, &RosterOptions { dry_run: true, each_row: true, ..desk.options() });
        assert_eq!(dump(world), before);
        let report = desk.import_with(&next, &RosterOptions { each_row: true, ..desk.options() });
        assert_eq!(RosterReport { dry_run: false, ..rehearsed }, report);
        assert_eq!(report.pupils, Figures { created: 1, left: 1, moved: 1, unchanged: 2, ..Figures::default() });
        assert_eq!(report.memberships, Figures { started: 2, ended: 2, unchanged: 1, ..Figures::default() });
        let rows: Vec<String> = report.rows.iter().flatten().map(ToString::to_string).collect();
        assert_eq!(rows, [
            "EDEXML:4:1: group 3a unchanged", "EDEXML:5:1: group 3b unchanged", "EDEXML:6:1: group 4a unchanged",
            "EDEXML:7:1: cross-year group plus unchanged",
            "EDEXML:9:1: pupil 1 unchanged; joined 3b; left 3a", "EDEXML:13:1: pupil 9 unchanged",
            "EDEXML:11:1: pupil 3 created; joined 4a", "EDEXML: pupil 2 left; left 3a",
        ]);
    }

    /// P6: an element that is absent leaves what is stored, and so does an empty one; a family name is said with its prefix.
    fn what_the_file_does_not_say_stays(world) {
        let desk = Desk::new(world);
        let whole = "<voorvoegsel>van</voorvoegsel><geboortedatum>2018-05-02</geboortedatum><geslacht>2</geslacht><emailadres>a@b.example</emailadres>";
        desk.import(&File::new(&[pupil_with("1", "Anna Bos", whole)]).xml());
        let empty = "<voornamen/><geboortedatum> </geboortedatum><geslacht/><emailadres/><groep key=\"\"/><samengestelde_groepen/>";
        let silent = File::new(&[pupil_with("1", "Anna Bos", empty)]).xml();
        let report = desk.import(&silent);
        assert_eq!(report.pupils, Figures { updated: 1, ..Figures::default() });
        let anna = desk.people().remove(0);
        assert_eq!((&anna["displayName"], &anna["birthDate"], &anna["gender"], &anna["email"]), (&json!("Anna Bos"), &json!("2018-05-02"), &json!("FEMALE"), &json!("a@b.example")));
        let groups = desk.group("3a");
        world.done("updateGroup", "group { id }", json!({ "groupId": groups, "settings": { "description": "Zelf geschreven", "memberDirectory": true } }));
        assert!(desk.import(&silent).is_idle());
    }

    /// The number of statements follows from the number of chunks, never from that of pupils.
    fn the_statements_do_not_grow_with_the_school(world) {
        let spent = |pupils: usize, name: &str| {
            let desk = Desk { world, organization: world.organization(name) };
            let before = world.db.statements();
            desk.import(&School::new(pupils).xml());
            let first = world.db.statements() - before;
            let moved = School { moved: 40, made: "2026-09-14T21:00:00", date: "2026-09-15", ..School::new(pupils) };
            let options = RosterOptions { end_limit: 100, ..desk.options() };
            let before = world.db.statements();
            let report = desk.import_with(&moved.xml(), &options);
            assert_eq!(report.pupils.moved, 40);
            let second = world.db.statements() - before;
            let before = world.db.statements();
            assert!(desk.import_with(&moved.xml(), &options).is_idle());
            (first, second, world.db.statements() - before)
        };
        let small = spent(100, "Klein");
        assert_eq!(small, spent(1_000, "Groot"));
        assert!(small.0 < 60 && small.1 < 60 && small.2 < 40, "{small:?}");
    }

    /// Nor does it with people who are known by their keys alone, adopted, or looked for among those of before.
    fn the_statements_do_not_grow_with_doubts(world) {
        let spent = |pupils: usize, name: &str| {
            let desk = Desk { world, organization: world.organization(name) };
            let keys_alone = |xml: &str| {
                let mut pieces = xml.split(" eckid=\"");
                let first = pieces.next().unwrap().to_owned();
                pieces.fold(first, |xml, piece| xml + piece.split_once('"').unwrap().1)
            };
            let options = RosterOptions { end_limit: 100, ..desk.options() };
            let count = |xml: &str| {
                let before = world.db.statements();
                let report = desk.import_with(xml, &options);
                (world.db.statements() - before, report)
            };
            let xml = keys_alone(&School::new(pupils).xml());
            desk.import(&xml);
            let (again, report) = count(&xml);
            assert!(report.is_idle(), "{report}");
            let others = xml.replace("<leerling key=\"", "<leerling key=\"9").replace("T20:00:00<", "T21:00:00<");
            let (renumbered, report) = count(&others);
            assert!(report.warnings.iter().any(|warning| warning.contains("looks like")), "{report}");
            (again, renumbered)
        };
        let small = spent(100, "Klein");
        assert_eq!(small, spent(1_000, "Groot"));
        assert!(small.0 < 40 && small.1 < 60, "{small:?}");
    }
}

fn edexml_start() -> kring::exchange::bundle::At {
    kring::exchange::bundle::At::file(edexml::FILE)
}

once! {
    fn the_encodings_that_are_read() {
        let xml = |encoding: &str| SAMPLE.replacen("UTF-8", encoding, 1);
        let plain = read(SAMPLE).unwrap();
        let mut marked = b"\xEF\xBB\xBF".to_vec();
        marked.extend_from_slice(SAMPLE.as_bytes());
        assert_eq!(edexml::read_from(marked.as_slice()).unwrap(), plain, "a byte order mark takes up no column");
        let latin: Vec<u8> = xml("ISO-8859-1").chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
        let mut read_latin = edexml::read_from(latin.as_slice()).unwrap();
        assert_eq!(read_latin.people, plain.people);
        read_latin.people.clear();
        let euro = xml("windows-1252").replace("Visser", "Vis\u{1}ser");
        let euro: Vec<u8> = euro.chars().map(|c| if c == '\u{1}' { 0x80 } else { u8::try_from(u32::from(c)).unwrap() }).collect();
        let roster = edexml::read_from(euro.as_slice()).unwrap();
        assert!(roster.people.iter().any(|person| person.family_name.value().is_some_and(|name| name == "Vis€ser")));
        let utf16: Vec<u8> = SAMPLE.encode_utf16().flat_map(u16::to_le_bytes).collect();
        for bytes in [utf16, xml("ISO-8859-15").into_bytes(), xml("EBCDIC").into_bytes()] {
            let errors = edexml::read_from(bytes.as_slice()).unwrap_err();
            assert_eq!(errors.errors[0].code.as_str(), "UNSUPPORTED_ENCODING", "{errors}");
        }
    }

    /// What is not known is passed over and told once, with its number and first place; what is secret is not even told.
    fn the_unknown_is_passed_over_and_told() {
        let more = "<toestemming soort=\"3\"><diep/></toestemming><bsn>123456782</bsn><bsn_ondwnr-4>1</bsn_ondwnr-4>";
        let pupils = [pupil_with("1", "Anna Bos", more), pupil_with("2", "Bram Vos", more)];
        let roster = read(&File::new(&pupils).xml().replace("<EDEX>", "<EDEX versie=\"9\">")).unwrap();
        let warnings: Vec<String> = roster.warnings.iter().map(ToString::to_string).collect();
        assert_eq!(warnings, [
            "EDEXML:9:72: the element \"toestemming\" is not known here and was passed over, 2 times; this is the first place [UNKNOWN_ELEMENT]",
            "EDEXML:9:1: 2 pupils are in no group; this is the first [UNUSUAL]",
        ]);
    }
}
