//! Texts that files bring come in by the same door as those of requests (G10).

use kring::exchange::edexml;
use kring::exchange::import::Options;
use serde_json::json;

use super::{deliver, known, refused, rows, try_read};
use crate::harness::{both, once};
use crate::rosters::File;

both! {
    /// G10: zero-width characters are lost, wherever they stand; what looks the same is the same.
    fn g10_what_cannot_be_seen_makes_no_difference(world) {
        let files = |z: &str| {
            [
                ("participants.csv", format!(
                    "external_id,kind,given_name,family_name,birth_date,gender,email\n\
                     {z}A,PERSON{z},An{z}na,Aal{z}ders,1980-{z}01-01,FE{z}MALE,an{z}na@example.org"
                )),
                ("groups.csv", format!("external_id,name,subscription_group\nL{z},Le{z}den,{z}true")),
                ("memberships.csv", format!("group,participant,start_date,start_reason,role\n{z}L,A{z},2026-01-0{z}1,JO{z}INED,LEA{z}DER")),
            ]
        };
        let bring = |z: &str| {
            let files = files(z);
            deliver(world, &files.each_ref().map(|(name, text)| (*name, text.as_str())))
        };
        bring("\u{200b}");
        let again = bring("");
        assert!(again.is_idle(), "{again}");
        let query = "query($id: ID!) { participant(id: $id) { displayName ... on Person { email birthDate gender } } }";
        let person = world.data(query, json!({ "id": known(world, "participants", "A") }));
        let expected = json!({ "displayName": "Anna Aalders", "email": "anna@example.org", "birthDate": "1980-01-01", "gender": "FEMALE" });
        assert_eq!(person["participant"], expected);
        assert_eq!(rows(world, "L"), ["A 2026-01-01 JOINED - - LEADER IMPORT"]);
    }

    /// G10: control characters and what turns the direction of reading are refused with their place.
    fn g10_what_turns_the_direction_of_reading_is_refused(world) {
        let places = |files: &[(&str, &str)]| -> Vec<String> {
            let errors = try_read(files).expect_err("refused").errors;
            errors.iter().map(|error| format!("{} {}", error.at, error.message)).collect()
        };
        let turned = "external_id,kind,given_name,family_name\nA,PERSON,Anna,gro.\u{202e}elpmaxe";
        assert_eq!(places(&[("participants.csv", turned)]), [
            "participants.csv:2:15 family_name holds U+202E, which turns the direction of reading",
        ]);
        let groups = "external_id,name,description\nL,Leden,een\ttab en \u{2066}zo\u{2069}\nM,Meer,\u{202e}om";
        assert_eq!(places(&[("groups.csv", groups)]), [
            "groups.csv:3:8 description holds U+202E, which turns the direction of reading",
        ]);
        let options = Options::default();
        assert_eq!(refused(world, &[("groups.csv", "external_id,name\nL,\u{200b}")], &options), ["groups.csv:2:3 MISSING_VALUE"]);
    }
}

once! {
    /// G10: the same of rosters, in texts and in keys.
    fn g10_rosters_come_in_by_the_same_door() {
        let read = |key: &str, name: &str| {
            let pupil = format!(
                "<leerling key=\"{key}\">\n<achternaam>{name}</achternaam>\n<roepnaam>Noor</roepnaam>\n<groep key=\"3a\"/>\n</leerling>"
            );
            edexml::read_from(File::new(&[pupil]).xml().as_bytes())
        };
        for (key, name, line) in [("1", "Ho\u{202e}ek", 10), ("1\u{202e}", "Hoek", 9)] {
            let errors = read(key, name).expect_err("refused").errors;
            assert_eq!(errors.len(), 1, "{errors:?}");
            assert_eq!(errors[0].at.line, line, "{errors:?}");
            assert!(errors[0].message.contains("U+202E"), "{errors:?}");
        }
        assert_eq!(read("1\u{200b}", "Ho\u{200b}ek").unwrap(), read("1", "Hoek").unwrap());
    }
}
