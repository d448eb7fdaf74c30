//! By which keys people and groups are found again, and what of before is adopted.

use kring::exchange::import::roster::Figures;
use serde_json::json;

use super::{Desk, File, pupil, pupil_with, teacher};
use crate::harness::{World, both};

fn known(world: &World, desk: &Desk<'_>, external_id: Option<&str>, name: &str, born: Option<&str>) -> String {
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
        let report = desk.import(&File::new(&[with_eck("1", "e9", "Cas Pol", "3a")]).on("2026-09-15").xml());
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

    /// What was there before the first roster is adopted when nothing else can be meant.
    fn records_of_before_are_adopted(world) {
        let desk = Desk::new(world);
        let by_key = known(world, &desk, Some("1"), "Anneke Bosch", None);
        let by_name = known(world, &desk, None, "bram VOS", Some("2018-05-02"));
        let class = world.group_with(Some(&desk.organization), json!({ "name": "3a", "yearGroup": 3, "description": "Van ons" }));
        let keyed = world.group_with(Some(&desk.organization), json!({ "name": "Derde B", "externalId": "3b" }));
        let report = desk.import(&File::new(&[pupil("1", "Anna Bos", "3a"), pupil("2", "Bram Vos", "3b")]).xml());
        assert_eq!((report.pupils.adopted, report.pupils.created, report.groups.adopted, report.groups.created), (2, 0, 2, 1));
        assert_eq!((desk.person("Anna Bos"), desk.person("Bram Vos")), (by_key, by_name));
        assert_eq!((desk.group("3a"), desk.group("3b")), (class, keyed));
        assert!(desk.import(&File::new(&[pupil("1", "Anna Bos", "3a"), pupil("2", "Bram Vos", "3b")]).xml()).is_idle());
    }

    /// Nothing is adopted on a guess: not of two that fit, not of one that two fit, not of another birth date, school or
    /// year group.
    fn what_is_ambiguous_is_not_adopted(world) {
        let desk = Desk::new(world);
        for _ in 0..2 {
            known(world, &desk, None, "Anna Bos", Some("2018-05-02"));
            world.group_with(Some(&desk.organization), json!({ "name": "3a", "yearGroup": 3 }));
        }
        known(world, &desk, None, "Bram Vos", Some("2018-05-03"));
        known(world, &desk, Some("3"), "Somebody Else", Some("1950-01-01"));
        known(world, &desk, None, "Dirk Dam", Some("2018-05-02"));
        world.group_with(Some(&desk.organization), json!({ "name": "3b", "yearGroup": 4 }));
        let elsewhere = Desk { world, organization: world.organization("De Els") };
        known(world, &elsewhere, Some("9"), "Cas Pol", Some("2018-05-02"));
        let pupils = [pupil("1", "Anna Bos", "3a"), pupil("2", "Bram Vos", "3a"), pupil("3", "Cas Pol", "3a"), pupil("4", "Dirk Dam", "3a"), pupil("5", "Dirk Dam", "3a")];
        let report = desk.import(&File::new(&pupils).xml());
        assert_eq!((report.pupils.adopted, report.pupils.created), (0, 5));
        assert_eq!((report.groups.adopted, report.groups.created), (0, 3));
        let warned = |what: &str| report.warnings.iter().filter(|warning| warning.contains(what)).count();
        assert_eq!((warned("several registered people"), warned("several groups")), (3, 1), "{report}");
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

    /// A group that was deleted by hand is made again; one that is gone from the file stays.
    fn groups_come_back_and_stay(world) {
        let desk = Desk::new(world);
        let file = File::new(&[pupil("1", "Anna Bos", "3a")]);
        desk.import(&file.xml());
        world.done("deleteGroup", "group { id }", json!({ "groupId": desk.group("4a") }));
        let report = desk.import(&file.xml());
        assert_eq!((report.groups.created, report.groups.unchanged), (1, 2));
        let fewer = File { groups: "<groep key=\"3a\"><naam>Drie A</naam><jaargroep>4</jaargroep></groep>".to_owned(), ..file };
        let report = desk.import(&fewer.xml());
        assert_eq!(report.warnings, ["3 groups are no longer in the file and were left as they are: 3b, 4a, Plus"]);
        assert_eq!(desk.groups().len(), 4);
        assert_eq!(desk.members("Drie A"), ["Anna Bos"]);
    }
}
