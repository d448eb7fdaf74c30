//! What was there before the first roster: what is taken for the same, and what is left alone.

use kring::exchange::import::roster::{RosterOptions, RosterReport};
use serde_json::json;

use super::keys::known;
use super::{Desk, File, pupil, pupil_with, teacher};
use crate::harness::both;

const BORN: Option<&str> = Some("2018-05-02");

fn warned(report: &RosterReport, what: &str) -> Vec<String> {
    report.warnings.iter().filter(|warning| warning.contains(what)).cloned().collect()
}

both! {
    /// What was there before the first roster is adopted when nothing else can be meant.
    fn records_of_before_are_adopted(world) {
        let desk = Desk::new(world);
        let by_key = known(world, &desk, Some("1"), "ANNA Bos", None);
        let by_name = known(world, &desk, None, "bram VOS", BORN);
        let class = world.group_with(Some(&desk.organization), json!({ "name": "3a", "yearGroup": 3, "description": "Van ons" }));
        let keyed = world.group_with(Some(&desk.organization), json!({ "name": "Derde B", "externalId": "3b", "yearGroup": 3 }));
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
            known(world, &desk, None, "Anna Bos", BORN);
            world.group_with(Some(&desk.organization), json!({ "name": "3a", "yearGroup": 3 }));
        }
        known(world, &desk, None, "Bram Vos", Some("2018-05-03"));
        known(world, &desk, Some("3"), "Somebody Else", Some("1950-01-01"));
        known(world, &desk, None, "Dirk Dam", BORN);
        world.group_with(Some(&desk.organization), json!({ "name": "3b", "yearGroup": 4 }));
        let elsewhere = Desk { world, organization: world.organization("De Els") };
        known(world, &elsewhere, Some("9"), "Cas Pol", BORN);
        let pupils = [pupil("1", "Anna Bos", "3a"), pupil("2", "Bram Vos", "3a"), pupil("3", "Cas Pol", "3a"), pupil("4", "Dirk Dam", "3a"), pupil("5", "Dirk Dam", "3a")];
        let report = desk.import(&File::new(&pupils).xml());
        assert_eq!((report.pupils.adopted, report.pupils.created), (0, 5));
        assert_eq!((report.groups.adopted, report.groups.created), (0, 3));
        assert_eq!(report.warnings, [
            "EDEXML:4:1: several groups could be group \"3a\"; none of them was taken, and a new one made",
            "EDEXML:13:1: another person is registered under the external id \"3\", the key of this pupil, and was left alone",
            "EDEXML:9:1: several registered people could be the pupil \"1\"; none of them was taken, and a new one registered",
            "EDEXML:15:1: the pupil \"4\" and others of this file could be the same registered person, who was not taken; a new one was registered",
            "EDEXML:17:1: the pupil \"5\" and others of this file could be the same registered person, who was not taken; a new one was registered",
        ]);
    }

    /// The key of one system is no proof that an external id of another means the same person: the names have to bear it
    /// out.
    fn an_external_id_alone_makes_nobody_the_same(world) {
        let desk = Desk::new(world);
        let strangers = [
            known(world, &desk, Some("1"), "Karel Groot", None),
            known(world, &desk, Some("2"), "Bram Vos", Some("2011-01-01")),
            known(world, &desk, Some("3"), "Kees Pol", BORN),
            known(world, &desk, Some("4"), "Dirk Smit", None),
        ];
        let married = known(world, &desk, Some("5"), "Emma Smit", BORN);
        let undated = known(world, &desk, Some("6"), "Fien Kok", None);
        let by_name = known(world, &desk, None, "Cas Pol", BORN);
        let names = [("1", "Anna Bos"), ("2", "Bram Vos"), ("3", "Cas Pol"), ("4", "Dirk Dam"), ("5", "Emma Kok"), ("6", "Fien Kok")];
        let file = File::new(&names.map(|(key, name)| pupil(key, name, "3a"))).xml();
        let report = desk.import(&file);
        assert_eq!((report.pupils.adopted, report.pupils.created), (3, 3), "{report}");
        let told = warned(&report, "is registered under the external id");
        assert_eq!(told.len(), 4, "{report}");
        assert_eq!(told[0], "EDEXML:9:1: another person is registered under the external id \"1\", the key of this pupil, and was left alone");
        assert_eq!((desk.person("Emma Kok"), desk.person("Fien Kok"), desk.person("Cas Pol")), (married, undated, by_name));
        for (stranger, name) in strangers.iter().zip(["Karel Groot", "Bram Vos", "Kees Pol", "Dirk Smit"]) {
            let person = desk.people().into_iter().find(|person| person["id"] == **stranger).unwrap();
            assert_eq!(person["displayName"], name);
        }
        assert_eq!(desk.members("3a"), ["Anna Bos", "Dirk Dam", "Emma Kok", "Fien Kok", "Cas Pol", "Bram Vos"]);
        assert!(desk.import(&file).is_idle());
    }

    /// Who is called by another given name than they are registered under, leads the pupils' council or sings in a choir is
    /// the same nevertheless; and who cannot be is told.
    fn what_says_little_keeps_nobody_from_being_found(world) {
        let desk = Desk::new(world);
        let of = Some(desk.organization.as_str());
        let called = known(world, &desk, Some("1"), "Jelle Bos", BORN);
        let council = known(world, &desk, None, "Eva Smit", BORN);
        let class = world.group_with(of, json!({ "name": "Groep 8", "yearGroup": 8 }));
        world.add(&class, &[&council], "2025-09-01");
        let pupils = world.group_with(of, json!({ "name": "Leerlingenraad" }));
        let leading = json!({ "groupId": pupils, "participantIds": [council], "startDate": "2025-09-01", "role": "LEADER" });
        world.done("addMemberships", "added", leading);
        let guardian = known(world, &desk, None, "Bram Vos", BORN);
        let child = known(world, &desk, None, "Fien Kok", None);
        world.done("addGuardian", "child { id }", json!({ "childId": child, "guardianId": guardian }));
        let file = File::new(&[pupil("1", "Jel Bos", "3a"), pupil("2", "Eva Smit", "3a"), pupil("3", "Bram Vos", "3a")]).xml();
        let report = desk.import(&file);
        assert_eq!((report.pupils.adopted, report.pupils.created), (2, 1), "{report}");
        assert_eq!((desk.person("Jel Bos"), desk.person("Eva Smit")), (called, council));
        assert_eq!(warned(&report, "is a guardian or leads a group and was left alone").len(), 1, "{report}");
    }

    /// A teacher is no child, and a pupil is nobody's guardian and leads no group, whatever the key and the name say.
    fn children_and_adults_are_not_taken_for_each_other(world) {
        let desk = Desk::new(world);
        let of = Some(desk.organization.as_str());
        let child = known(world, &desk, Some("1"), "Juf Mies", None);
        let parent = known(world, &desk, Some("2"), "Bram Vos", BORN);
        world.done("addGuardian", "child { id }", json!({ "childId": child, "guardianId": parent }));
        let class = world.group_with(of, json!({ "name": "Groep 8", "yearGroup": 8 }));
        let member = known(world, &desk, Some("3"), "Meester Jan", None);
        world.add(&class, &[&member], "2026-09-01");
        let leader = known(world, &desk, Some("4"), "Dirk Dam", BORN);
        let leading = json!({ "groupId": world.group_with(of, json!({ "name": "Koor" })), "participantIds": [leader], "startDate": "2026-09-01", "role": "LEADER" });
        world.done("addMemberships", "added", leading);
        let colleague = known(world, &desk, Some("5"), "Juf Eva", None);
        let teachers = [teacher("1", "Juf Mies", "3a"), teacher("3", "Meester Jan", "3a"), teacher("5", "Juf Eva", "3a")].concat();
        let file = File { teachers, ..File::new(&[pupil("2", "Bram Vos", "3a"), pupil("4", "Dirk Dam", "3a")]) };
        let report = desk.import(&file.xml());
        assert_eq!((report.pupils.adopted, report.pupils.created, report.teachers.adopted, report.teachers.created), (0, 2, 1, 2), "{report}");
        assert_eq!(warned(&report, "and was left alone").len(), 4, "{report}");
        assert_eq!(desk.person("Juf Eva"), colleague);
    }

    /// Pupils and teachers have keys of their own, so that a key may be in a file twice.
    fn a_key_of_a_pupil_and_a_teacher_is_told_apart(world) {
        let desk = Desk::new(world);
        let eva = known(world, &desk, Some("1"), "Eva Bos", None);
        let jan = known(world, &desk, Some("2"), "Meester Jan", None);
        let lot = known(world, &desk, Some("3"), "Lot Kok", BORN);
        known(world, &desk, Some("4"), "Sam Kok", None);
        let teachers = [("1", "Juf Mies"), ("2", "Meester Jan"), ("3", "Lot Kok"), ("4", "Sam Kok")].map(|(key, name)| teacher(key, name, "3a"));
        let pupils = [("1", "Eva Bos"), ("2", "Bram Vos"), ("3", "Lot Kok"), ("4", "Sam Kok")].map(|(key, name)| pupil(key, name, "3a"));
        let report = desk.import(&File { teachers: teachers.concat(), ..File::new(&pupils) }.xml());
        assert_eq!((report.pupils.adopted, report.teachers.adopted), (2, 1), "{report}");
        assert_eq!((desk.person("Eva Bos"), desk.person("Meester Jan")), (eva, jan));
        let query = "query($id: ID!) { participant(id: $id) { ... on Person { birthDate memberships(first: 9) { edges { node { role } } } } } }";
        let data = world.data(query, json!({ "id": lot }));
        assert_eq!(data["participant"]["memberships"]["edges"], json!([{ "node": { "role": "MEMBER" } }]));
        assert_eq!(warned(&report, "could be the same registered person").len(), 2, "{report}");
        assert_eq!(report.warnings.len(), 2, "{report}");
    }

    /// The key of a group is no proof either: it is one that members are put into, and has the same name or year group.
    fn a_group_is_not_taken_by_its_external_id_alone(world) {
        let desk = Desk::new(world);
        let of = Some(desk.organization.as_str());
        let source = world.group_with(of, json!({ "name": "Allen" }));
        let board = world.group_with(of, json!({ "name": "Bestuur", "externalId": "3a" }));
        let fed = world.group_with(of, json!({ "name": "3b", "yearGroup": 3, "externalId": "3b", "sourceGroupId": source }));
        let composite = world.group_with(of, json!({ "name": "Vier", "yearGroup": 4, "externalId": "4a" }));
        world.compose(&composite, "ANY", &[(&source, "INCLUDE")]);
        let filter = world.group_with(of, json!({ "name": "Plus", "externalId": "plus", "memberFilter": { "kinds": ["PERSON"] } }));
        let plus = "<geboortedatum>2018-05-02</geboortedatum><groep key=\"4a\"/><samengestelde_groepen><samengestelde_groep key=\"plus\"/></samengestelde_groepen>";
        let file = File::new(&[pupil("1", "Anna Bos", "3a"), pupil("2", "Bram Vos", "3b"), pupil_with("3", "Cas Pol", plus)]).xml();
        let report = desk.import(&file);
        assert_eq!((report.groups.adopted, report.groups.created, report.cross_year_groups.created), (0, 3, 1), "{report}");
        assert_eq!(report.warnings, [
            "EDEXML:4:1: the external id of the group \"Bestuur\" is the key \"3a\" of this group, but it has another name and year group; it was left alone",
            "EDEXML:5:1: the external id of the group \"3b\" is the key \"3b\" of this group, but it gets its members from elsewhere; it was left alone",
            "EDEXML:6:1: the external id of the group \"Vier\" is the key \"4a\" of this group, but it gets its members from elsewhere; it was left alone",
            "EDEXML:7:1: the external id of the group \"Plus\" is the key \"plus\" of this cross-year group, but it gets its members from elsewhere; it was left alone",
        ]);
        for group in [&board, &fed, &composite] {
            assert_eq!(world.members(group, None), Vec::<String>::new());
        }
        assert_eq!(world.members(&filter, None).len(), 3, "the filter takes all");
        assert!(desk.import(&file).is_idle());
    }

    /// However many there are, no more than a hundred are told one by one.
    fn warnings_of_the_same_kind_have_an_end(world) {
        let desk = Desk::new(world);
        let file = |made, from: usize| {
            let pupil = |n: usize| pupil(&(from + n).to_string(), &format!("Kind{n} Bos"), "3a");
            File { made, ..File::new(&(0..130).map(pupil).collect::<Vec<_>>()) }.xml()
        };
        desk.import(&file("2026-09-14T20:00:00", 0));
        let report = desk.import_with(&file("2026-09-14T21:00:00", 1_000), &RosterOptions { end_limit: 100, ..desk.options() });
        assert_eq!((report.pupils.created, report.warnings.len()), (130, 101));
        assert!(report.warnings[0].starts_with("EDEXML:9:1: the pupil \"1000\" looks like \"0\""), "{report}");
        assert_eq!(report.warnings[100], "and 30 more warnings like the last one");
    }

    /// The sender says that they are others, so that they are; whether that is so is for people to see.
    fn whoever_looks_like_somebody_of_an_earlier_roster_is_told(world) {
        let desk = Desk::new(world);
        desk.import(&File::new(&[pupil("1", "Anna Bos", "3a"), pupil("2", "Bram Vos", "3a")]).xml());
        let next = File::new(&[pupil("9", "ANNA Bos", "3a"), pupil("2", "Bram Vos", "3a"), pupil("8", "Bram Vos", "3b")]);
        let report = desk.import(&next.on("2026-09-15").xml());
        assert_eq!((report.pupils.created, report.pupils.left), (2, 1));
        assert_eq!(report.warnings, ["EDEXML:9:1: the pupil \"9\" looks like \"1\", whom an earlier roster knew under another key; registered anew"]);
    }
}
