//! Residencies are found again, corrected, and left as they were changed in Kring.

use kring::exchange::import::NoteKind;
use serde_json::{Value, json};

use super::{deliver, known, notes};
use crate::harness::{World, both, text};

const HOMES: [(&str, &str); 1] = [(
    "participants.csv",
    "external_id,kind,family_name,street,house_number\nA,PERSON,Aalders,,\nB,PERSON,Berg,,\nH,ADDRESS,,Dorpsstraat,1",
)];

fn stays(world: &World, lines: &[&str]) -> kring::exchange::import::Report {
    let file = [&["participant,address,start_date,end_date"], lines].concat().join("\n");
    let report = deliver(world, &[("residencies.csv", &file)]);
    assert!(deliver(world, &[("residencies.csv", &file)]).is_idle());
    report
}

fn nodes(world: &World, who: &str) -> Vec<Value> {
    let query = "query($id: ID!) { participant(id: $id) { ... on Person { residencies { id startDate endDate } } } }";
    let data = world.data(query, json!({ "id": known(world, "participants", who) }));
    data["participant"]["residencies"].as_array().unwrap().clone()
}

fn periods(world: &World, who: &str) -> Vec<String> {
    let word = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let mut periods: Vec<String> = nodes(world, who)
        .iter()
        .map(|node| format!("{} {}", word(&node["startDate"]), word(&node["endDate"])))
        .collect();
    periods.sort();
    periods
}

both! {
    fn p6_residencies_are_corrected(world) {
        deliver(world, &HOMES);
        stays(world, &["A,H,2020-01-01,2021-01-01", "A,H,2021-01-01,2022-01-01", "B,H,2020-01-01,2021-01-01"]);
        let report = stays(world, &["A,H,2020-01-01,2020-06-01", "A,H,2020-06-01,", "B,H,2019-01-01,"]);
        assert_eq!((report.residencies.updated, report.residencies.ended), (3, 0));
        assert_eq!(periods(world, "A"), ["2020-01-01 2020-06-01", "2020-06-01 -"]);
        assert_eq!(periods(world, "B"), ["2019-01-01 -"]);
        let report = stays(world, &["A,H,2020-03-01,2020-09-01", "B,H,2019-01-01,2026-01-01"]);
        assert_eq!((report.residencies.refused, report.residencies.ended), (1, 1), "{report}");
        assert!(notes(&report, NoteKind::Refused)[0].ends_with("[OVERLAPPING_PERIODS]"), "{report}");
        // Without the column nothing is said of ends.
        let keys = "participant,address,start_date\nB,H,2018-01-01";
        assert_eq!(deliver(world, &[("residencies.csv", keys)]).residencies.updated, 1);
        assert_eq!(periods(world, "B"), ["2018-01-01 2026-01-01"]);
    }

    fn p6_who_moved_out_in_kring_stays_out(world) {
        deliver(world, &HOMES);
        stays(world, &["A,H,2020-01-01,"]);
        let id = text(&nodes(world, "A")[0]["id"]);
        world.done("endResidency", "residency { id }", json!({ "residencyId": id, "endDate": "2026-09-01" }));
        let report = stays(world, &["A,H,2019-01-01,", "B,H,2020-01-01,"]);
        assert_eq!((report.residencies.created, report.residencies.updated, report.residencies.kept), (1, 1, 1));
        assert_eq!(notes(&report, NoteKind::Kept), ["residencies.csv:2:1 \"A\" at \"H\": end_date stays 2026-09-01, not (empty)"]);
        assert_eq!(periods(world, "A"), ["2019-01-01 2026-09-01"]);
    }
}
