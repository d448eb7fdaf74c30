//! Who is in which group after a roster, whatever was there before it.

use kring::exchange::import::roster::{Figures, RosterOptions};
use serde_json::json;

use super::{Desk, File, date, pupil, pupil_with, teacher};
use crate::harness::both;

both! {
    /// What the roster says takes the place of what it said before, from the date of the file on.
    fn memberships_follow_the_roster(world) {
        let desk = Desk::new(world);
        desk.import(&File::new(&[pupil("1", "Anna Bos", "3a"), pupil("2", "Bram Vos", "3a"), pupil("3", "Cas Pol", "4a")]).on("2026-09-01").xml());
        let report = desk.import(&File::new(&[pupil("1", "Anna Bos", "3b"), pupil("3", "Cas Pol", "4a")]).on("2026-09-10").xml());
        assert_eq!(report.memberships, Figures { started: 1, ended: 2, unchanged: 1, ..Figures::default() });
        assert_eq!(desk.memberships("3a"), [
            "Anna Bos MEMBER 2026-09-01 IMPORTED 2026-09-10 IMPORTED IMPORT ENDED",
            "Bram Vos MEMBER 2026-09-01 IMPORTED 2026-09-10 IMPORTED IMPORT ENDED",
        ]);
        assert_eq!(desk.memberships("3b"), ["Anna Bos MEMBER 2026-09-10 IMPORTED - - IMPORT ACTIVE"]);
        // Whoever is no longer in the file is kept, and is found again.
        let report = desk.import(&File::new(&[pupil("1", "Anna Bos", "3b"), pupil("2", "Bram Vos", "3b"), pupil("3", "Cas Pol", "4a")]).on("2026-09-12").xml());
        assert_eq!((report.pupils.created, report.memberships.started), (0, 1));
    }

    /// A file without a date holds for today, one for a day to come is refused, and `date` goes before either.
    fn the_date_is_that_of_the_file(world) {
        let desk = Desk::new(world);
        let file = File::new(&[pupil("1", "Anna Bos", "3a")]);
        assert_eq!(desk.refused(&file.clone().on("2026-09-16").xml()), ["EDEXML:2:1 FUTURE_DATE"]);
        let options = RosterOptions { date: Some(date("2026-09-16")), ..desk.options() };
        assert_eq!(desk.refused_with(&file.xml(), &options), ["EDEXML:2:1 FUTURE_DATE"]);
        let options = RosterOptions { date: Some(date("2026-09-03")), ..desk.options() };
        desk.import_with(&file.xml(), &options);
        assert_eq!(desk.memberships("3a"), ["Anna Bos MEMBER 2026-09-03 IMPORTED - - IMPORT ACTIVE"]);
        desk.import(&File::new(&[pupil("1", "Anna Bos", "3b")]).on("").xml());
        assert_eq!(desk.memberships("3b"), ["Anna Bos MEMBER 2026-09-15 IMPORTED - - IMPORT ACTIVE"]);
    }

    /// A membership that began on the date of the file or later and is not in it was a mistake (M6).
    fn a_correction_annuls_what_began_on_the_same_day(world) {
        let desk = Desk::new(world);
        desk.import(&File::new(&[pupil("1", "Anna Bos", "3a")]).xml());
        let corrected = File { made: "2026-09-14T21:00:00", ..File::new(&[pupil("1", "Anna Bos", "3b")]) };
        let report = desk.import(&corrected.xml());
        assert_eq!(report.memberships, Figures { started: 1, annulled: 1, ..Figures::default() });
        assert_eq!((desk.memberships("3a"), desk.members("3b")), (Vec::new(), vec!["Anna Bos".to_owned()]));
        assert!(desk.import(&corrected.xml()).is_idle());
        // The correction was a mistake itself.
        let report = desk.import(&File { made: "2026-09-14T22:00:00", ..File::new(&[pupil("1", "Anna Bos", "3a")]) }.xml());
        assert_eq!(report.memberships, Figures { started: 1, annulled: 1, ..Figures::default() });
        assert_eq!(desk.memberships("3a"), ["Anna Bos MEMBER 2026-09-14 IMPORTED - - IMPORT ACTIVE"]);
    }

    /// What people did by hand stays: whoever was put into a group is not taken out, and is not put in twice.
    fn what_was_done_by_hand_stays(world) {
        let desk = Desk::new(world);
        desk.import(&File::new(&[pupil("1", "Anna Bos", "3a"), pupil("2", "Bram Vos", "3a")]).on("2026-09-01").xml());
        let (anna, bram) = (desk.person("Anna Bos"), desk.person("Bram Vos"));
        world.add(&desk.group("4a"), &[&anna], "2026-09-02");
        world.add(&desk.group("3b"), &[&bram], "2026-09-02");
        let guest = world.person_of(Some(&desk.organization), "Gast", "Lid");
        world.add(&desk.group("3a"), &[&guest], "2026-09-02");
        let report = desk.import(&File::new(&[pupil("1", "Anna Bos", "3a"), pupil("2", "Bram Vos", "3b")]).on("2026-09-10").xml());
        assert_eq!(report.memberships, Figures { ended: 1, unchanged: 2, ..Figures::default() });
        assert_eq!(report.warnings, ["EDEXML:9:1: the pupil \"1\" stays in 4a, where they were put by hand"]);
        assert_eq!(desk.memberships("4a"), ["Anna Bos MEMBER 2026-09-02 JOINED - - MANUAL ACTIVE"]);
        assert_eq!(desk.memberships("3b"), ["Bram Vos MEMBER 2026-09-02 JOINED - - MANUAL ACTIVE"]);
        assert_eq!(desk.members("3a"), ["Anna Bos", "Gast Lid"]);
    }

    /// Whoever the file does not have in a class and who stays there is told, also when they are gone from the file. A
    /// cross-year group is no other class.
    fn whoever_stays_in_another_class_is_told(world) {
        let desk = Desk::new(world);
        let all = [pupil("1", "Anna Bos", "3a"), pupil("2", "Bram Vos", "3a"), pupil("3", "Cas Pol", "3a"), pupil("4", "Dirk Dam", "3a")];
        desk.import(&File { teachers: teacher("7", "Juf Mies", "3a"), ..File::new(&all).on("2026-09-01") }.xml());
        let [anna, bram, cas, dirk, mies] = ["Anna Bos", "Bram Vos", "Cas Pol", "Dirk Dam", "Juf Mies"].map(|name| desk.person(name));
        world.done("updateGroup", "group { id }", json!({ "groupId": desk.group("4a"), "settings": { "subscriptionGroup": true } }));
        world.done("subscribe", "membership { id }", json!({ "groupId": desk.group("4a"), "participantId": anna }));
        world.add(&desk.group("3b"), &[&bram, &mies], "2026-09-02");
        world.add(&desk.group("Plus"), &[&cas], "2026-09-02");
        world.end(&world.add(&desk.group("3b"), &[&dirk], "2026-09-02")[0], "2026-09-12");
        let file = File { teachers: teacher("7", "Juf Mies", "3a"), ..File::new(&[&all[0..1], &all[2..4]].concat()).on("2026-09-10") };
        let expected = [
            "the pupil \"2\", who is no longer in the file, stays in 3b, where they were put by hand",
            "EDEXML:9:1: the pupil \"1\" stays in 4a, where they signed up",
        ];
        assert_eq!(desk.import(&file.xml()).warnings, expected);
        assert_eq!(desk.import(&file.xml()).warnings, expected, "as long as it is so");
        assert_eq!(desk.members("3b"), ["Juf Mies", "Bram Vos"]);
    }

    /// A membership that is to start later keeps its place (M2): the roster fills the days before it.
    fn what_is_to_start_later_keeps_its_place(world) {
        let desk = Desk::new(world);
        desk.import(&File::new(&[pupil("1", "Anna Bos", "3a")]).on("2026-09-01").xml());
        world.add(&desk.group("3b"), &[&desk.person("Anna Bos")], "2026-10-01");
        let file = File::new(&[pupil("1", "Anna Bos", "3b")]).on("2026-09-10").xml();
        desk.import(&file);
        let expected = ["Anna Bos MEMBER 2026-09-10 IMPORTED 2026-10-01 IMPORTED IMPORT ACTIVE", "Anna Bos MEMBER 2026-10-01 JOINED - - MANUAL SCHEDULED"];
        assert_eq!(desk.memberships("3b"), expected);
        assert!(desk.import(&file).is_idle());
    }

    /// A1, A3: a fed group gives way to what the roster says, and groups fed by a class follow at once.
    fn derived_memberships_follow_and_give_way(world) {
        let desk = Desk::new(world);
        let of = Some(desk.organization.as_str());
        desk.import(&File::new(&[pupil("1", "Anna Bos", "3a")]).on("2026-09-01").xml());
        let fed = world.group_with(of, json!({ "name": "Nieuwsbrief", "sourceGroupId": desk.group("3a") }));
        assert_eq!(world.members(&fed, None), ["Anna Bos"]);
        let input = json!({ "groupId": desk.group("Plus"), "settings": { "sourceGroupId": desk.group("3a") } });
        world.done("updateGroup", "group { id }", input);
        let plus = "<geboortedatum>2018-05-02</geboortedatum><groep key=\"3b\"/><samengestelde_groepen><samengestelde_groep key=\"plus\"/></samengestelde_groepen>";
        let file = File::new(&[pupil_with("1", "Anna Bos", plus), pupil("2", "Bram Vos", "3a")]).on("2026-09-10").xml();
        desk.import(&file);
        assert_eq!(world.members(&fed, None), ["Bram Vos"]);
        assert_eq!(desk.members("Plus"), ["Anna Bos", "Bram Vos"]);
        let plus: Vec<String> = desk.memberships("Plus").into_iter().filter(|row| row.ends_with("ACTIVE")).collect();
        assert_eq!(plus, ["Anna Bos MEMBER 2026-09-10 IMPORTED - - IMPORT ACTIVE", "Bram Vos MEMBER 2026-09-15 JOINED_SOURCE_GROUP - - SOURCE_GROUP ACTIVE"]);
        assert!(desk.import(&file).is_idle());
    }

    /// S5: whoever left a group by themselves is not brought back by the next roster.
    fn s5_whoever_opted_out_stays_out(world) {
        let desk = Desk::new(world);
        desk.import(&File::new(&[pupil("1", "Anna Bos", "3a")]).on("2026-09-01").xml());
        let source = world.group_with(Some(&desk.organization), json!({ "name": "Allen" }));
        let (class, anna) = (desk.group("3a"), desk.person("Anna Bos"));
        world.done("updateGroup", "group { id }", json!({ "groupId": class, "settings": { "subscriptionGroup": true, "sourceGroupId": source } }));
        world.done("unsubscribe", "clientMutationId", json!({ "groupId": class, "participantId": anna }));
        let report = desk.import(&File::new(&[pupil("1", "Anna Bos", "3a")]).on("2026-09-15").xml());
        assert_eq!(report.memberships, Figures { opted_out: 1, ..Figures::default() });
        assert_eq!(desk.members("3a"), Vec::<String>::new());
    }

    /// G2: where the portal settings are enforced, a closed group takes nobody in; whoever is in it stays.
    fn g2_closed_groups_take_nobody_in(world) {
        let desk = Desk::new(world);
        desk.import(&File::new(&[pupil("1", "Anna Bos", "3a")]).on("2026-09-01").xml());
        world.done("closeGroup", "group { id }", json!({ "groupId": desk.group("3a") }));
        let both_in = File::new(&[pupil("1", "Anna Bos", "3a"), pupil("2", "Bram Vos", "3a")]).on("2026-09-10").xml();
        let change = json!({ "participantId": desk.organization, "details": { "organization": { "name": "De Wilg", "enforcePortalSettings": true } } });
        world.done("updateParticipant", "participant { id }", change);
        assert_eq!(desk.refused(&both_in), ["EDEXML:11:113 GROUP_CLOSED"]);
        world.done("reopenGroup", "group { id }", json!({ "groupId": desk.group("3a") }));
        desk.import(&both_in);
        assert_eq!(desk.members("3a"), ["Anna Bos", "Bram Vos"]);
    }

    /// G1: a group that became dynamic has no memberships to give.
    fn g1_dynamic_groups_are_refused(world) {
        let desk = Desk::new(world);
        desk.import(&File::new(&[pupil("1", "Anna Bos", "3a")]).xml());
        let input = json!({ "groupId": desk.group("4a"), "settings": { "memberFilter": { "kinds": ["PERSON"] } } });
        world.done("updateGroup", "group { id }", input);
        assert_eq!(desk.refused(&File::new(&[pupil("1", "Anna Bos", "4a")]).on("2026-09-15").xml()), ["EDEXML:9:113 DYNAMIC_GROUP"]);
    }

    /// Teachers lead their groups; a role that was changed is put right, except where it was given by hand.
    fn teachers_lead_their_groups(world) {
        let desk = Desk::new(world);
        let file = File { teachers: teacher("7", "Juf Mies", "3a"), ..File::new(&[pupil("1", "Anna Bos", "3a")]) };
        desk.import(&file.xml());
        let query = "query($id: ID!) { group(id: $id) { memberships(first: 9, filter: { role: LEADER }) { edges { node { id } } } } }";
        let found = world.data(query, json!({ "id": desk.group("3a") }));
        let leading = &found["group"]["memberships"]["edges"][0]["node"]["id"];
        world.done("updateMembership", "membership { id }", json!({ "membershipId": leading, "role": "MEMBER" }));
        let report = desk.import(&file.xml());
        assert_eq!(report.memberships, Figures { updated: 1, unchanged: 1, ..Figures::default() });
        assert!(desk.memberships("3a")[1].starts_with("Juf Mies LEADER"), "{:?}", desk.memberships("3a"));
    }
}
