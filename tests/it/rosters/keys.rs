//! By which keys people and groups are found again, and what of before is adopted.

use kring::exchange::import::roster::{Figures, RosterOptions};
use serde_json::json;

use super::{Desk, File, pupil, pupil_with, teacher};
use crate::harness::{World, both};

pub fn known(world: &World, desk: &Desk<'_>, external_id: Option<&str>, name: &str, born: Option<&str>) -> String {
    let (first, last) = name.split_once(' ').unwrap();
    let input = json!({ "organizationId": desk.organization, "externalId": external_id,
        "details": { "person": { "givenName": first, "familyName": last, "birthDate": born } } });
    crate::harness::text(&world.done("createParticipant", "participant { id }", input)["participant"]["id"])
}

fn with_eck(key: &str, eck: &str, name: &str, class: &str) -> String {
    pupil(key, name, class).replace("<leerling ", &format!("<leerling eckid=\"{eck}\" "))
}

both! {
    /// Pupils, teachers and groups may have the same keys and are still others.
    fn each_kind_has_keys_of_its_own(world) {
        let desk = Desk::new(world);
        let class = |tag: &str, name: &str| format!("<{tag} key=\"1\"><naam>{name}</naam></{tag}>");
        let file = File {
            groups: [class("groep", "Klas"), class("samengestelde_groep", "Koor")].concat(),
            pupils: pupil_with("1", "Anna Bos", "<groep key=\"1\"/><samengestelde_groepen><samengestelde_groep key=\"1\"/></samengestelde_groepen>"),
            teachers: teacher("1", "Juf Bos", "1"),
            ..File::new(&[])
        };
        desk.import(&file.xml());
        assert_eq!(desk.members("Klas"), ["Anna Bos", "Juf Bos"]);
        assert_eq!(desk.members("Koor"), ["Anna Bos"]);
        assert!(desk.import(&file.xml()).is_idle());
    }

    /// The eckid comes first: whoever has it is the same person, whatever the sender's key is now, even when two changed
    /// keys with each other.
    fn a_person_keeps_the_eckid_when_the_key_changes(world) {
        let desk = Desk::new(world);
        desk.import(&File::new(&[with_eck("1", "e1", "Anna Bos", "3a"), with_eck("2", "e2", "Bram Vos", "3a")]).xml());
        let (anna, bram) = (desk.person("Anna Bos"), desk.person("Bram Vos"));
        let swapped = File::new(&[with_eck("2", "e1", "Anna Pol", "3a"), with_eck("1", "e2", "Bram Vos", "3a")]).xml();
        let report = desk.import(&swapped);
        assert_eq!(report.pupils, Figures { updated: 1, unchanged: 1, ..Figures::default() });
        assert_eq!((desk.person("Anna Pol"), desk.person("Bram Vos")), (anna.clone(), bram));
        assert!(desk.import(&swapped).is_idle());
        // From now on the new key alone leads there too.
        let report = desk.import(&File::new(&[pupil("2", "Anna Pol", "3a"), pupil("1", "Bram Vos", "3a")]).xml());
        assert_eq!(report.pupils, Figures { unchanged: 2, ..Figures::default() });
        assert_eq!(desk.person("Anna Pol"), anna);
    }

    /// A key that the sender gave to another child must not turn one child into the other.
    fn a_key_that_was_given_to_another_child_makes_another_person(world) {
        let desk = Desk::new(world);
        desk.import(&File::new(&[with_eck("1", "e1", "Anna Bos", "3a")]).xml());
        let anna = desk.person("Anna Bos");
        let options = RosterOptions { each_row: true, ..desk.options() };
        let report = desk.import_with(&File::new(&[with_eck("1", "e9", "Cas Pol", "3a")]).on("2026-09-15").xml(), &options);
        assert_eq!(report.rows.iter().flatten().last().unwrap().to_string(), "EDEXML: pupil e1 left; left 3a");
        assert_eq!((report.pupils.created, report.pupils.left), (1, 1));
        assert!(report.warnings.iter().any(|warning| warning.contains("was given to another pupil")), "{report}");
        assert_eq!(desk.members("3a"), ["Cas Pol"]);
        assert_eq!(desk.person("Anna Bos"), anna, "her record is kept as it was");
        // With the same name and birth date it is the same child, whose pseudonym was corrected.
        let report = desk.import(&File::new(&[with_eck("1", "e10", "Cas Pol", "3a")]).on("2026-09-15").xml());
        assert_eq!(report.pupils, Figures { unchanged: 1, ..Figures::default() });
        assert!(report.warnings.iter().any(|warning| warning.contains("another eckid")), "{report}");
    }

    fn two_that_claim_the_same_person_are_refused(world) {
        let desk = Desk::new(world);
        desk.import(&File::new(&[with_eck("1", "e1", "Anna Bos", "3a")]).xml());
        let file = File::new(&[with_eck("5", "e1", "Anna Bos", "3a"), pupil("1", "Anna Bos", "3b")]);
        assert_eq!(desk.refused(&file.xml()), ["EDEXML:11:1 SAME_PERSON"]);
        let twice = File::new(&[with_eck("1", "e1", "Anna Bos", "3a"), with_eck("2", "e1", "Anna Bos", "3a"), pupil("1", "Cas Pol", "3a")]);
        assert_eq!(desk.refused(&twice.xml()), ["EDEXML:11:1 SAME_PERSON", "EDEXML:13:1 DUPLICATE_ID"]);
    }

    /// Without pseudonyms, a key stands for somebody else when the name and the birth date both do. One of the two alone is
    /// a correction.
    fn a_key_without_eckid_may_have_been_given_away(world) {
        for (first, second) in [("", ""), ("e1", ""), ("", "e2")] {
            let desk = Desk { world, organization: world.organization(&format!("School {first} {second}")) };
            let one = |eck: &str, name: &str, born: &str| {
                let xml = if eck.is_empty() { pupil("1", name, "3a") } else { with_eck("1", eck, name, "3a") };
                File::new(&[xml.replace("2018-05-02", born)])
            };
            desk.import(&one(first, "Anna Bos", "2018-05-02").on("2026-09-01").xml());
            let anna = desk.person("Anna Bos");
            desk.import(&one(first, "Anna Pol", "2018-05-02").on("2026-09-02").xml());
            desk.import(&one(first, "Anna Pol", "2018-06-02").on("2026-09-03").xml());
            assert_eq!(desk.person("Anna Pol"), anna, "corrected twice");
            let options = RosterOptions { each_row: true, ..desk.options() };
            let report = desk.import_with(&one(second, "Cas Dam", "2017-01-01").on("2026-09-04").xml(), &options);
            assert_eq!((report.pupils.created, report.pupils.left), (1, 1), "{report}");
            let told = "EDEXML:9:1: the key \"1\" was given to another pupil, by name and by birth date; they are kept apart";
            assert_eq!(report.warnings, [told]);
            assert_eq!((desk.members("3a"), desk.person("Anna Pol")), (vec!["Cas Dam".to_owned()], anna));
            // Whoever left is named by what is left.
            let row = report.rows.iter().flatten().last().unwrap().to_string();
            let name = if first.is_empty() { "Anna Pol" } else { first };
            assert_eq!(row, format!("EDEXML: pupil {name} left; left 3a"));
        }
    }

    /// Rosters do not say when teachers were born: with both names the same it is the same teacher, with both others not.
    fn teachers_are_told_apart_by_their_names(world) {
        let desk = Desk::new(world);
        let file = |day, eck: &str, name: &str| {
            let teachers = teacher("7", name, "3a").replace("<leerkracht ", &if eck.is_empty() { "<leerkracht ".to_owned() } else { format!("<leerkracht eckid=\"{eck}\" ") });
            File { teachers, ..File::new(&[pupil("1", "Anna Bos", "3a")]) }.on(day).xml()
        };
        desk.import(&file("2026-09-01", "t1", "Mies Vries"));
        let mies = desk.person("Mies Vries");
        let report = desk.import(&file("2026-09-02", "t2", "Mies Vries"));
        assert_eq!((report.teachers, report.warnings.len()), (Figures { unchanged: 1, ..Figures::default() }, 1), "{report}");
        assert!(report.warnings[0].contains("the teacher 7 has another eckid now"), "{report}");
        desk.import(&file("2026-09-03", "", "Mies Pol"));
        assert_eq!(desk.person("Mies Pol"), mies, "married");
        let report = desk.import(&file("2026-09-04", "t3", "Mies Dam"));
        assert_eq!((report.teachers.created, report.teachers.left), (1, 1), "another eckid and another name");
        let report = desk.import(&file("2026-09-05", "", "Jan Smit"));
        assert_eq!((report.teachers.created, report.teachers.left), (1, 1));
        assert!(report.warnings[0].contains("was given to another teacher, by both names"), "{report}");
        assert_eq!(desk.members("3a"), ["Anna Bos", "Jan Smit"]);
    }

    /// A record that was handed to another organization is no longer the roster's to change.
    fn what_another_organization_keeps_is_refused(world) {
        let desk = Desk::new(world);
        let file = File::new(&[pupil("1", "Anna Bos", "3a")]);
        desk.import(&file.xml());
        let other = world.organization("De Els");
        world.done("updateParticipant", "participant { id }", json!({ "participantId": desk.person("Anna Bos"), "organizationId": other }));
        world.done("updateGroup", "group { id }", json!({ "groupId": desk.group("4a"), "organizationId": other, "settings": {} }));
        assert_eq!(desk.refused(&file.xml()), ["EDEXML:6:1 OTHER_ORGANIZATION", "EDEXML:9:1 OTHER_ORGANIZATION"]);
    }

    /// A group of a roster is closed rather than deleted (G7), and known all the same; one that is gone from the file stays.
    fn groups_come_back_and_stay(world) {
        let desk = Desk::new(world);
        let file = File::new(&[pupil("1", "Anna Bos", "3a")]);
        desk.import(&file.xml());
        assert_eq!(world.done("deleteGroup", "closed", json!({ "groupId": desk.group("4a") }))["closed"], true);
        let report = desk.import(&file.xml());
        assert_eq!((report.groups.created, report.groups.unchanged), (0, 3));
        let fewer = File { groups: "<groep key=\"3a\"><naam>Drie A</naam><jaargroep>4</jaargroep></groep>".to_owned(), ..file };
        let report = desk.import(&fewer.xml());
        assert_eq!(report.warnings, ["3 groups are no longer in the file and were left as they are: 3b, 4a, Plus"]);
        assert_eq!(desk.groups().len(), 4);
        assert_eq!(desk.members("Drie A"), ["Anna Bos"]);
    }
}
