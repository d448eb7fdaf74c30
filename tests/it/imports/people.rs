//! Records of people and groups: what empty cells leave, what was changed in Kring, and what the report tells.

use kring::exchange::import::{FAIL_SAFE_FLOOR, NoteKind, Options, Tally};
use serde_json::json;

use super::{BASE, deliver, deliver_with, known, notes, refused};
use crate::harness::{World, both};

const BLANK: (&str, &str) = (
    "participants.csv",
    "external_id,kind,given_name,name_prefix,family_name,birth_date,gender,name,email\n\
     ORG,ORGANIZATION,,,,,,Vereniging,\nA,PERSON,Anna,,Aalders,,,,\nB,PERSON,Bram,van der,Berg,,,,\nC,PERSON,Clara,,Cohen,,,,",
);

fn person(world: &World, who: &str) -> serde_json::Value {
    let query = "query($id: ID!) { participant(id: $id) { displayName ... on Person { email birthDate phone } } }";
    world.data(query, json!({ "id": known(world, "participants", who) }))["participant"].take()
}

both! {
    /// Section 8: an empty cell leaves what is stored; cleared it is only where that was asked for.
    fn empty_cells_leave_what_is_stored(world) {
        deliver(world, BASE);
        let report = deliver(world, &[BLANK]);
        assert_eq!(report.participants, Tally { unchanged: 4, ..Tally::default() });
        assert_eq!(person(world, "A")["email"], "anna@example.org");
        let clear = |dry_run| Options { empty_clears: true, dry_run, ..Options::default() };
        let dry = deliver_with(world, &[BLANK], &clear(true));
        assert!(dry.to_string().contains("\nparticipants.csv:3:1: updated \"A\": birth_date 1980-01-01 → (empty); gender FEMALE → (empty); email anna@example.org → (empty)\n"), "{dry}");
        assert_eq!(person(world, "A")["email"], "anna@example.org", "a dry run changes nothing");
        assert_eq!(deliver_with(world, &[BLANK], &clear(false)).participants.updated, 3);
        assert_eq!(person(world, "A"), json!({ "displayName": "Anna Aalders", "email": null, "birthDate": null, "phone": null }));
        // What tells somebody from others cannot be emptied.
        let nameless = [("participants.csv", "external_id,given_name,family_name\nA,,")];
        assert_eq!(refused(world, &nameless, &clear(false)), ["participants.csv:2:1 MISSING_VALUE"]);
    }

    fn p6_a_file_that_lost_its_addresses_is_refused(world) {
        let number = usize::try_from(FAIL_SAFE_FLOOR).unwrap();
        let people = |mail: &dyn Fn(usize) -> String| {
            let rows: String = (0..number).map(|n| format!("\nL{n},PERSON,{n},{}", mail(n))).collect();
            format!("external_id,kind,family_name,email{rows}")
        };
        deliver(world, &[("participants.csv", &people(&|n| format!("l{n}@example.org")))]);
        let empty = people(&|_| String::new());
        let options = |empty_limit| Options { empty_clears: true, empty_limit, ..Options::default() };
        assert_eq!(refused(world, &[("participants.csv", &empty)], &options(25)), ["participants.csv TOO_MANY_EMPTIED"]);
        assert_eq!(deliver_with(world, &[("participants.csv", &empty)], &options(100)).participants.updated, FAIL_SAFE_FLOOR);
    }

    /// P6: what was corrected in Kring since stays, field by field; a record that was made by hand gets what the sender knows.
    fn p6_what_was_corrected_in_kring_stays(world) {
        deliver(world, BASE);
        let id = known(world, "participants", "A");
        world.done("updateParticipant", "participant { id }", json!({ "participantId": id, "details": { "person": { "email": "anna@new.example" } } }));
        let group = known(world, "groups", "L");
        world.done("updateGroup", "group { id }", json!({ "groupId": group, "settings": { "name": "Alle leden" } }));
        world.done("createParticipant", "participant { id }", json!({ "externalId": "D", "details": { "person": { "givenName": "Dirk" } } }));
        let files = [
            ("participants.csv", "external_id,kind,given_name,family_name,phone,email\nA,PERSON,Anna,Aalders,06-12345678,anna@old.example\nD,PERSON,Dirk,Dekker,,\nB,PERSON,Bram,Berg,,"),
            ("groups.csv", "external_id,name,description\nL,Leden,Iedereen"),
        ];
        let report = deliver(world, &files);
        assert_eq!(report.participants, Tally { updated: 2, kept: 1, unchanged: 1, ..Tally::default() });
        assert_eq!(report.groups, Tally { updated: 1, kept: 1, ..Tally::default() });
        assert_eq!(notes(&report, NoteKind::Kept), [
            "groups.csv:2:1 \"L\": name stays Alle leden, not Leden",
            "participants.csv:2:1 \"A\": email stays anna@new.example, not anna@old.example",
        ]);
        assert_eq!(person(world, "A"), json!({ "displayName": "Anna Aalders", "email": "anna@new.example", "birthDate": "1980-01-01", "phone": "06-12345678" }));
        assert_eq!(person(world, "D")["displayName"], "Dirk Dekker");
        assert!(deliver(world, &files).is_idle());
        // A closed group stays closed, and one whose settings nobody touched follows the sender.
        world.done("closeGroup", "group { id }", json!({ "groupId": group }));
        let report = deliver(world, &[("groups.csv", "external_id,closed,subscription_group\nL,false,\nN,true,false")]);
        assert_eq!(report.groups, Tally { updated: 1, kept: 1, ..Tally::default() });
    }

    /// Section 8: what a new record needs is asked of new records only, by its place.
    fn a_new_record_needs_what_tells_it_from_others(world) {
        deliver(world, BASE);
        assert!(deliver(world, &[("participants.csv", "external_id\nA"), ("groups.csv", "external_id\nL")]).is_idle());
        let files = [
            ("participants.csv", "external_id,kind,family_name,name,house_number\nX,,,,\nY,PERSON,,,\nZ,ORGANIZATION,,,\nQ,ADDRESS,,,1\nA,,,Anna BV,"),
            ("groups.csv", "external_id,name\nX,"),
            ("categories.csv", "external_id\nX"),
        ];
        assert_eq!(refused(world, &files, &Options::default()), [
            "categories.csv:2:1 MISSING_VALUE", "groups.csv:2:3 MISSING_VALUE", "participants.csv:2:3 MISSING_VALUE",
            "participants.csv:3:10 MISSING_VALUE", "participants.csv:4:17 MISSING_VALUE", "participants.csv:5:13 MISSING_VALUE",
            "participants.csv:6:1 FIELD_NOT_ALLOWED",
        ]);
    }

    /// P6: each row is told by its place, with what became of it.
    fn p6_each_row_is_told(world) {
        let each = Options { each_row: true, dry_run: true, ..Options::default() };
        let report = deliver_with(world, BASE, &each);
        assert!(report.to_string().contains("\nparticipants.csv:2:1: created \"ORG\"\nparticipants.csv:3:1: created \"A\"\n"), "{report}");
        deliver(world, BASE);
        let files = [("groups.csv", "external_id,organization,category,restricted_to\nN,ORG,,L"), ("memberships.csv", "group,participant,start_date\nL,A,2026-01-01")];
        let report = deliver_with(world, &files, &Options { each_row: true, ..Options::default() });
        assert!(report.to_string().contains("\ngroups.csv:2:1: updated \"N\": restricted_to (empty) → L\nmemberships.csv:2:1: created \"A\" in \"L\""), "{report}");
    }

    /// P1: who is registered anew and is probably known already is told, also within the bundle; families are not.
    fn p1_probable_duplicates_are_noted(world) {
        deliver(world, BASE);
        let people = "external_id,kind,given_name,name_prefix,family_name,birth_date,email\n\
                      CRM-1,PERSON,Anna,,Aalders,1980-01-01,\nCRM-2,PERSON,B.,,Berg,,BRAM@example.org\n\
                      CRM-3,PERSON,Kind,,Cohen,2015-01-01,clara@example.org\nCRM-4,PERSON,Anna,,AALDERS,1980-01-01,";
        let files = [("participants.csv", people)];
        let report = deliver(world, &files);
        assert_eq!(notes(&report, NoteKind::Duplicate), [
            "participants.csv:2:1 \"CRM-1\" (Anna Aalders) is probably a duplicate of \"A\" (Anna Aalders): the same name and birth date",
            "participants.csv:3:1 \"CRM-2\" (B. Berg) is probably a duplicate of \"B\" (Bram van der Berg): the same e-mail address, and no other given name",
            "participants.csv:5:1 \"CRM-4\" (Anna AALDERS) is probably a duplicate of \"A\" (Anna Aalders): the same name and birth date",
            "participants.csv:5:1 \"CRM-4\" (Anna AALDERS) is probably a duplicate of \"CRM-1\" (Anna Aalders): the same name and birth date",
        ]);
        assert!(report.to_string().contains("\nnote: participants.csv:2:1: \"CRM-1\""), "{report}");
        assert_eq!(notes(&deliver(world, &files), NoteKind::Duplicate), [""; 0], "nobody is new the second time");
    }
}
