//! Each child has the guardians that the sender names, as far as bundles made them.

use kring::exchange::import::{FAIL_SAFE_FLOOR, NoteKind, Options};
use serde_json::json;

use super::{Report, deliver, deliver_with, known, notes, refused};
use crate::harness::{World, both, text};

const FAMILY: (&str, &str) =
    ("participants.csv", "external_id,kind,family_name\nK,PERSON,Kind\nP1,PERSON,Een\nP2,PERSON,Twee\nP3,PERSON,Drie");

fn family(world: &World, lines: &[&str]) -> Report {
    let file = [&["child,guardian"], lines].concat().join("\n");
    let report = deliver(world, &[FAMILY, ("guardians.csv", &file)]);
    assert!(deliver(world, &[FAMILY, ("guardians.csv", &file)]).is_idle());
    report
}

/// The names of a person's guardians.
fn guardians(world: &World, who: &str) -> Vec<String> {
    let query = "query($id: ID!) { participant(id: $id) { ... on Person { guardians { displayName } } } }";
    let data = world.data(query, json!({ "id": known(world, "participants", who) }));
    let guardians = data["participant"]["guardians"].as_array().unwrap();
    let mut names: Vec<String> = guardians.iter().map(|node| text(&node["displayName"])).collect();
    names.sort();
    names
}

fn by_hand(world: &World, mutation: &str, child: &str, guardian: &str) {
    let [child, guardian] = [child, guardian].map(|id| known(world, "participants", id));
    world.done(mutation, "clientMutationId", json!({ "childId": child, "guardianId": guardian }));
}

both! {
    fn p6_a_child_has_the_guardians_that_the_sender_names(world) {
        family(world, &["K,P1", "K,P2"]);
        by_hand(world, "addGuardian", "K", "P3");
        let report = family(world, &["K,P1"]);
        assert_eq!((report.guardians.removed, report.guardians.unchanged), (1, 1), "{report}");
        assert_eq!(guardians(world, "K"), ["Drie", "Een"], "whom somebody added in Kring stays");
        let dry = deliver_with(world, &[FAMILY, ("guardians.csv", "child,guardian")], &Options { dry_run: true, ..Options::default() });
        assert!(dry.to_string().contains("\nguardians.csv: removed \"P1\" of \"K\": guardian P1 → (empty)"), "{dry}");
        // Without the file nothing is said of guardians, and nothing of children who are not in the bundle.
        deliver(world, &[FAMILY]);
        deliver(world, &[("guardians.csv", "child,guardian\nK,P2")]);
        assert_eq!(guardians(world, "K"), ["Drie", "Een", "Twee"]);
    }

    fn p6_whom_somebody_took_away_stays_away(world) {
        family(world, &["K,P1", "K,P2"]);
        by_hand(world, "removeGuardian", "K", "P2");
        let report = family(world, &["K,P1", "K,P2"]);
        assert_eq!((report.guardians.kept, report.guardians.unchanged), (1, 1));
        assert_eq!(notes(&report, NoteKind::Kept), ["guardians.csv:3:1 \"P2\" was taken away from \"K\" in Kring, and stays away"]);
        assert_eq!(guardians(world, "K"), ["Een"]);
    }

    fn p6_links_that_came_the_wrong_way_round_are_mended(world) {
        family(world, &["P1,K", "P2,K"]);
        let report = family(world, &["K,P1", "K,P2"]);
        assert_eq!((report.guardians.created, report.guardians.removed), (2, 2));
        assert_eq!((guardians(world, "K"), guardians(world, "P1")), (vec!["Een".to_owned(), "Twee".to_owned()], vec![]));
        by_hand(world, "addGuardian", "P3", "K");
        let report = family(world, &["K,P1", "K,P2", "K,P3"]);
        assert_eq!((report.guardians.refused, report.guardians.unchanged), (1, 2), "what was made by hand stays, and stops no other row");
    }

    fn p6_a_file_that_lost_its_guardians_is_refused(world) {
        let number = usize::try_from(FAIL_SAFE_FLOOR).unwrap();
        let people: String = (0..number).map(|n| format!("\nC{n},PERSON,C{n}")).collect();
        let people = format!("{}{people}", FAMILY.1);
        let links: String = (0..number).map(|n| format!("\nC{n},P1")).collect();
        deliver(world, &[("participants.csv", &people), ("guardians.csv", &format!("child,guardian{links}"))]);
        let empty = [("participants.csv", people.as_str()), ("guardians.csv", "child,guardian")];
        assert_eq!(refused(world, &empty, &Options::default()), ["guardians.csv TOO_MANY_REMOVED"]);
        assert_eq!(deliver_with(world, &empty, &Options { end_limit: 100, ..Options::default() }).guardians.removed, FAIL_SAFE_FLOOR);
    }
}
