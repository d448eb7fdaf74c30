//! Memberships are found again, corrected, and left as they were changed in Kring.

use kring::access::Role;
use kring::db::Sql;
use kring::exchange::import::{FAIL_SAFE_FLOOR, NoteKind, Options, Tally};
use serde_json::json;

use super::{BASE, MEMBERS, deliver, deliver_with, known, membership, memberships, notes, refused, rows};
use crate::harness::{World, both};

fn tally(figures: &[(&str, u64)]) -> Tally {
    let mut tally = Tally::default();
    for (name, figure) in figures {
        *match *name {
            "created" => &mut tally.created,
            "updated" => &mut tally.updated,
            "ended" => &mut tally.ended,
            "annulled" => &mut tally.annulled,
            "opted_out" => &mut tally.opted_out,
            "kept" => &mut tally.kept,
            "refused" => &mut tally.refused,
            "unchanged" => &mut tally.unchanged,
            name => panic!("{name}"),
        } = *figure;
    }
    tally
}

fn correct(world: &World, id: &str, what: serde_json::Value) {
    let mut input = what;
    input["membershipId"] = json!(id);
    world.done("updateMembership", "membership { id }", input);
}

/// A group that another one feeds, with memberships that the feeding made.
fn feed(world: &World) {
    deliver(
        world,
        &[
            ("groups.csv", "external_id,name,source_group\nS,Source,\nF,Fed,S"),
            ("memberships.csv", "group,participant,start_date\nS,A,2025-01-01\nS,B,2025-01-01"),
        ],
    );
}

both! {
    /// A renewal, an end taken back, an earlier and a later start, another reason and another role.
    fn p6_what_differs_is_corrected(world) {
        deliver(world, BASE);
        memberships(world, &["L,A,2025-01-01,JOINED,2026-01-01,EXPIRED,", "L,B,2025-02-01,JOINED,2026-03-01,EXPIRED,", "L,C,2025-03-01,JOINED,,,"]);
        let report = memberships(world, &[
            "L,A,2025-01-01,JOINED,2027-01-01,EXPIRED,",
            "L,B,2025-02-01,JOINED,,,",
            "L,C,2024-12-01,FOUNDER,2026-08-01,LEFT,LEADER",
        ]);
        assert_eq!(report.memberships, tally(&[("updated", 2), ("ended", 1)]));
        assert_eq!(report.notes.list(), []);
        assert_eq!(rows(world, "L"), [
            "C 2024-12-01 FOUNDER 2026-08-01 LEFT LEADER IMPORT",
            "A 2025-01-01 JOINED 2027-01-01 EXPIRED MEMBER IMPORT",
            "B 2025-02-01 JOINED - - MEMBER IMPORT",
        ]);
        // M7: each change is in the history, and told as what it is.
        let query = "query($id: ID!) { node(id: $id) { ... on Membership { history(first: 10) { edges { node { action changes { field before after } } } } } } }";
        let history = world.data(query, json!({ "id": membership(world, "L", "B") }));
        let newest = &history["node"]["history"]["edges"][0]["node"];
        assert_eq!(newest["action"], "UPDATED");
        assert_eq!(newest["changes"], json!([
            { "field": "endDate", "before": "2026-03-01", "after": null }, { "field": "endReason", "before": "EXPIRED", "after": null },
        ]));
        // A later start, and an end before the one that was known.
        memberships(world, &["L,A,2025-06-01,JOINED,2026-12-01,EXPIRED,"]);
        assert_eq!(rows(world, "L")[2], "A 2025-06-01 JOINED 2026-12-01 EXPIRED MEMBER IMPORT");
    }

    /// Two periods that share a border may move it either way, and a third may come in between.
    fn m2_periods_of_one_pair_move_together(world) {
        deliver(world, BASE);
        let border = |day: &str| [format!("L,A,2024-01-01,JOINED,{day},EXPIRED,"), format!("L,A,{day},JOINED,2027-01-01,EXPIRED,")];
        for day in ["2025-01-01", "2025-07-01", "2024-06-01"] {
            let lines = border(day);
            memberships(world, &lines.each_ref().map(String::as_str));
            assert_eq!(rows(world, "L"), [
                format!("A 2024-01-01 JOINED {day} EXPIRED MEMBER IMPORT"),
                format!("A {day} JOINED 2027-01-01 EXPIRED MEMBER IMPORT"),
            ]);
        }
        let report = memberships(world, &[
            "L,A,2024-01-01,JOINED,2024-03-01,EXPIRED,", "L,A,2024-03-01,JOINED,2024-06-01,EXPIRED,", "L,A,2024-06-01,JOINED,,,",
        ]);
        assert_eq!(report.memberships, tally(&[("created", 1), ("updated", 2)]));
        // Two rows share what was one period: the earlier corrects it, the later is new.
        let report = memberships(world, &["L,A,2024-05-01,JOINED,2024-06-01,EXPIRED,", "L,A,2024-07-01,JOINED,2024-08-01,EXPIRED,", "L,A,2024-09-01,JOINED,,,"]);
        assert_eq!(report.memberships, tally(&[("created", 1), ("ended", 1), ("updated", 1)]));
        assert_eq!(rows(world, "L").len(), 4);
    }

    /// A row that overlaps two stored periods and starts with neither is left out; the others are not.
    fn a_row_that_overlaps_two_is_refused_alone(world) {
        deliver(world, BASE);
        memberships(world, &["L,A,2020-01-01,JOINED,2021-01-01,LEFT,", "L,A,2022-01-01,JOINED,2023-01-01,LEFT,"]);
        let report = memberships(world, &["L,A,2020-06-01,JOINED,2022-06-01,LEFT,", "L,B,2025-01-01,JOINED,,,"]);
        assert_eq!(report.memberships, tally(&[("created", 1), ("refused", 1)]));
        assert_eq!(notes(&report, NoteKind::Refused), [
            "memberships.csv:2:1 the period 2020-06-01 to 2022-06-01 of \"A\" in \"L\" overlaps two that are stored (2020-01-01 to 2021-01-01, and 2022-01-01 to 2023-01-01), and neither starts on the same day [OVERLAPPING_PERIODS]",
        ]);
        assert!(report.to_string().contains("\nrefused: memberships.csv:2:1: the period"), "{report}");
        assert_eq!(rows(world, "L").len(), 3);
    }

    /// What was ended, postponed, reopened or otherwise changed by hand stays, part by part, and stops nobody else's row.
    fn p6_what_was_changed_by_hand_stays(world) {
        deliver(world, BASE);
        memberships(world, &["L,A,2025-01-01,JOINED,,,", "L,B,2025-01-01,JOINED,2026-12-01,EXPIRED,", "N,A,2025-01-01,JOINED,,,", "N,B,2025-01-01,JOINED,2026-01-01,EXPIRED,"]);
        world.end(&membership(world, "L", "A"), "2026-09-10");
        correct(world, &membership(world, "L", "B"), json!({ "endDate": "2027-06-01", "note": "as agreed" }));
        correct(world, &membership(world, "N", "A"), json!({ "role": "LEADER", "startDate": "2025-02-01" }));
        correct(world, &membership(world, "N", "B"), json!({ "endDate": null }));
        let report = memberships(world, &[
            "L,A,2025-01-01,FOUNDER,,,", "L,B,2025-01-01,JOINED,2027-12-01,EXPIRED,", "L,C,2026-09-01,JOINED,,,",
            "N,A,2024-01-01,JOINED,,,MEMBER", "N,B,2025-01-01,JOINED,2026-01-01,EXPIRED,",
        ]);
        assert_eq!(report.memberships, tally(&[("created", 1), ("updated", 1), ("kept", 4)]));
        assert_eq!(rows(world, "L"), [
            "A 2025-01-01 FOUNDER 2026-09-10 LEFT MEMBER IMPORT",
            "B 2025-01-01 JOINED 2027-06-01 EXPIRED MEMBER IMPORT",
            "C 2026-09-01 JOINED - - MEMBER IMPORT",
        ]);
        assert_eq!(rows(world, "N"), ["B 2025-01-01 JOINED - - MEMBER IMPORT", "A 2025-02-01 JOINED - - LEADER IMPORT"]);
        assert_eq!(notes(&report, NoteKind::Kept), [
            "memberships.csv:2:1 \"A\" in \"L\": end_date stays 2026-09-10, not (empty); end_reason stays LEFT, not (empty)",
            "memberships.csv:3:1 \"B\" in \"L\": end_date stays 2027-06-01, not 2027-12-01",
            "memberships.csv:5:1 \"A\" in \"N\": start_date stays 2025-02-01, not 2024-01-01; role stays LEADER, not MEMBER",
            "memberships.csv:6:1 \"B\" in \"N\": end_date stays (empty), not 2026-01-01; end_reason stays (empty), not EXPIRED",
        ]);
    }

    /// Whoever takes back what they did leaves the membership to the sender again.
    fn p6_what_was_taken_back_is_the_senders_again(world) {
        deliver(world, BASE);
        memberships(world, &["L,A,2025-01-01,JOINED,,,"]);
        let id = membership(world, "L", "A");
        world.end(&id, "2026-09-20");
        correct(world, &id, json!({ "endDate": null }));
        assert_eq!(memberships(world, &["L,A,2025-01-01,JOINED,2026-08-01,LEFT,"]).memberships, tally(&[("ended", 1)]));
    }

    /// A membership that was made by hand is not the sender's to change.
    fn p6_what_was_made_by_hand_stays(world) {
        deliver(world, BASE);
        let group = known(world, "groups", "L");
        world.add(&group, &[&known(world, "participants", "A")], "2026-03-01");
        world.add(&group, &[&known(world, "participants", "B")], "2026-03-01");
        let report = memberships(world, &["L,A,2026-01-01,JOINED,2026-09-01,LEFT,", "L,B,2026-03-01,JOINED,2026-09-01,LEFT,", "L,C,2026-01-01,JOINED,,,"]);
        assert_eq!(report.memberships, tally(&[("created", 1), ("kept", 2)]));
        assert_eq!(rows(world, "L")[1..], ["A 2026-03-01 JOINED - - MEMBER MANUAL", "B 2026-03-01 JOINED - - MEMBER MANUAL"]);
        // A period besides it is the sender's.
        assert_eq!(memberships(world, &["L,A,2025-01-01,JOINED,2025-06-01,LEFT,"]).memberships, tally(&[("created", 1)]));
    }

    /// M6: what was declared a mistake stays one when the sender renews it or moves its start, and stops nobody who joins later.
    fn m6_a_mistake_stays_one_however_its_dates_change(world) {
        deliver(world, BASE);
        memberships(world, &["L,A,2025-01-01,JOINED,,,", "L,B,2025-01-01,JOINED,,,"]);
        world.done("annulMembership", "membership { id }", json!({ "membershipId": membership(world, "L", "A") }));
        for line in ["L,A,2025-01-01,JOINED,2027-01-01,LEFT,", "L,A,2024-12-01,JOINED,,,", "L,A,2025-02-01,JOINED,,,"] {
            let report = memberships(world, &[line, "L,B,2025-01-01,JOINED,,,"]);
            assert_eq!(report.memberships, tally(&[("annulled", 1), ("unchanged", 1)]), "{line}");
            assert_eq!(notes(&report, NoteKind::Kept), ["memberships.csv:2:1 \"A\" in \"L\" was declared a mistake on 2026-09-15, and stays one"]);
        }
        assert_eq!(rows(world, "L").len(), 1);
        assert_eq!(memberships(world, &["L,A,2026-10-01,JOINED,,,"]).memberships, tally(&[("created", 1)]));
    }

    /// S5: whoever left by themselves stays out, also of what the sender renews; what the sender says of the past is taken.
    fn s5_whoever_left_stays_out(world) {
        deliver(world, BASE);
        memberships(world, &["N,A,2025-01-01,JOINED,,,", "N,B,2025-01-01,JOINED,,,"]);
        let token = world.token(Role::Participant, Some(&known(world, "participants", "A")), None);
        world.done_as(&token, "unsubscribe", "membership { id }", json!({ "groupId": known(world, "groups", "N") }));
        for (line, outcome) in [("N,A,2025-01-01,JOINED,2027-01-01,LEFT,", "opted_out"), ("N,A,2026-10-01,JOINED,,,", "opted_out"), ("N,A,2024-06-01,JOINED,,,", "updated")] {
            let report = memberships(world, &[line, "N,B,2025-01-01,JOINED,,,"]);
            let kept = u64::from(outcome == "updated");
            assert_eq!(report.memberships, tally(&[(outcome, 1), ("kept", kept), ("unchanged", 1)]), "{line}");
            assert_eq!(notes(&report, NoteKind::Kept).len(), 1, "{report}");
        }
        assert_eq!(rows(world, "N")[0], "A 2024-06-01 JOINED 2026-09-15 SELF_UNSUBSCRIBED MEMBER IMPORT");
        assert_eq!(world.members(&known(world, "groups", "N"), None), ["Bram van der Berg"]);
    }

    /// A3: memberships that follow from a source give way to what is corrected, and lose no day of the past.
    fn a3_what_follows_gives_way_to_a_correction(world) {
        deliver(world, BASE);
        deliver(world, &[("groups.csv", "external_id,name,source_group\nS,Source,\nF,Fed,"), ("memberships.csv", "group,participant,start_date\nS,A,2025-01-01\nS,B,2025-01-01")]);
        memberships(world, &["F,A,2025-02-01,JOINED,2026-09-01,LEFT,"]);
        let fed = known(world, "groups", "F");
        world.done("updateGroup", "group { id }", json!({ "groupId": fed, "settings": { "sourceGroupId": known(world, "groups", "S") } }));
        assert_eq!(rows(world, "F"), [
            "A 2025-02-01 JOINED 2026-09-01 LEFT MEMBER IMPORT",
            "A 2026-09-15 JOINED_SOURCE_GROUP - - MEMBER SOURCE_GROUP", "B 2026-09-15 JOINED_SOURCE_GROUP - - MEMBER SOURCE_GROUP",
        ]);
        let report = memberships(world, &["F,A,2025-02-01,JOINED,2027-01-01,LEFT,"]);
        assert_eq!(report.memberships, tally(&[("updated", 1)]));
        assert_eq!(rows(world, "F")[..2], [
            "A 2025-02-01 JOINED 2027-01-01 LEFT MEMBER IMPORT", "B 2026-09-15 JOINED_SOURCE_GROUP - - MEMBER SOURCE_GROUP",
        ]);
        assert_eq!(rows(world, "F")[2], "A 2027-01-01 JOINED_SOURCE_GROUP - - MEMBER SOURCE_GROUP");
        assert_eq!(world.members(&fed, None), ["Anna Aalders", "Bram van der Berg"]);
    }

    /// A period that is over does not take from those that follow the days after it.
    fn a3_no_day_of_the_past_is_lost_to_a_row(world) {
        deliver(world, BASE);
        feed(world);
        world.db.write(|conn| Ok(Sql::new("UPDATE memberships SET start_date = '2026-01-01' WHERE origin = 'SOURCE_GROUP'").execute(conn)?)).unwrap();
        let report = memberships(world, &["F,A,2026-02-01,JOINED,2026-03-01,LEFT,", "F,B,2026-02-01,JOINED,,,"]);
        assert_eq!(report.memberships, tally(&[("created", 1), ("refused", 1)]));
        assert_eq!(rows(world, "F"), [
            "A 2026-01-01 JOINED_SOURCE_GROUP - - MEMBER SOURCE_GROUP",
            "B 2026-01-01 JOINED_SOURCE_GROUP 2026-02-01 TAKEN_OVER MEMBER SOURCE_GROUP", "B 2026-02-01 JOINED - - MEMBER IMPORT",
        ]);
    }

    /// G2 and M3: a group that was closed and a reason that was retired in Kring stop their own rows only.
    fn p6_what_was_closed_or_retired_stops_its_own_rows_only(world) {
        deliver(world, BASE);
        memberships(world, &["L,A,2025-01-01,JOINED,,,", "L,B,2025-01-01,JOINED,2026-01-01,EXPIRED,"]);
        let organization = known(world, "participants", "ORG");
        world.done("updateParticipant", "participant { id }", json!({ "participantId": organization, "details": { "organization": { "enforcePortalSettings": true } } }));
        world.done("closeGroup", "group { id }", json!({ "groupId": known(world, "groups", "L") }));
        let report = memberships(world, &["L,A,2025-01-01,JOINED,2027-01-01,LEFT,", "L,B,2025-01-01,JOINED,,,", "L,C,2026-09-01,JOINED,,,", "N,C,2026-09-01,JOINED,,,"]);
        assert_eq!(report.memberships, tally(&[("created", 1), ("ended", 1), ("refused", 2)]));
        assert_eq!(notes(&report, NoteKind::Refused), [
            "memberships.csv:3:1 the group \"L\" is closed and takes no new members [GROUP_CLOSED]",
            "memberships.csv:4:1 the group \"L\" is closed and takes no new members [GROUP_CLOSED]",
        ]);
        let reasons = world.data("{ endReasons { id code } }", json!({}));
        let expired = reasons["endReasons"].as_array().unwrap().iter().find(|reason| reason["code"] == "EXPIRED").unwrap();
        world.done("updateEndReason", "clientMutationId", json!({ "reasonId": expired["id"], "retired": true }));
        let report = memberships(world, &["N,C,2026-09-01,JOINED,2026-09-10,EXPIRED,", "L,B,2025-01-01,JOINED,2026-01-01,EXPIRED,", "N,A,2026-09-01,JOINED,,,"]);
        assert_eq!(report.memberships, tally(&[("created", 1), ("unchanged", 1), ("refused", 1)]));
        assert_eq!(notes(&report, NoteKind::Refused), ["memberships.csv:2:1 the reason \"EXPIRED\" is retired and can no longer be given [REASON_RETIRED]"]);
    }

    /// Section 8: only the key columns have to be there; an absent column and an empty cell leave what is stored.
    fn a_file_of_key_columns_leaves_the_rest_as_it_is(world) {
        deliver(world, BASE);
        memberships(world, &["L,A,2025-01-01,FOUNDER,2026-01-01,EXPIRED,LEADER", "L,B,2025-01-01,FOUNDER,2026-01-01,EXPIRED,LEADER"]);
        let keys = "group,participant,start_date\nL,A,2025-01-01\nL,B,2024-01-01\nL,C,2026-09-01";
        let report = deliver(world, &[("memberships.csv", keys)]);
        assert_eq!(report.memberships, tally(&[("created", 1), ("updated", 1), ("unchanged", 1)]));
        assert!(deliver(world, &[("memberships.csv", keys)]).is_idle());
        assert_eq!(rows(world, "L"), [
            "B 2024-01-01 FOUNDER 2026-01-01 EXPIRED LEADER IMPORT",
            "A 2025-01-01 FOUNDER 2026-01-01 EXPIRED LEADER IMPORT",
            "C 2026-09-01 IMPORTED - - MEMBER IMPORT",
        ]);
        // Empty cells: the end is taken back, and a new one needs no reason.
        memberships(world, &["L,A,2025-01-01,,2026-02-01,,", "L,B,2024-01-01,,,,", "L,C,2026-09-01,,2026-09-02,,"]);
        assert_eq!(rows(world, "L"), [
            "B 2024-01-01 FOUNDER - - LEADER IMPORT",
            "A 2025-01-01 FOUNDER 2026-02-01 EXPIRED LEADER IMPORT",
            "C 2026-09-01 IMPORTED 2026-09-02 IMPORTED MEMBER IMPORT",
        ]);
    }

    /// P6: a bundle that lost something at its source ends nothing, also where it only shortens; nor does it reopen all.
    fn p6_fail_safes_stop_what_went_wrong_at_the_source(world) {
        let number = usize::try_from(FAIL_SAFE_FLOOR).unwrap() * 2;
        let people: String = (0..number).map(|n| format!("\nL{n},PERSON,{n}")).collect();
        let people = format!("external_id,kind,family_name{people}");
        let members = |end: &str| {
            let lines: String = (0..number).map(|n| format!("\nL,L{n},2020-01-01,JOINED,{end},,")).collect();
            format!("{MEMBERS}{lines}")
        };
        deliver(world, BASE);
        deliver(world, &[("participants.csv", &people), ("memberships.csv", &members("2027-01-01"))]);
        let usual = Options::default();
        let all = Options { end_limit: 100, ..Options::default() };
        assert_eq!(refused(world, &[("memberships.csv", &members("2026-01-01"))], &usual), ["memberships.csv TOO_MANY_ENDED"]);
        assert_eq!(deliver(world, &[("memberships.csv", &members("2028-01-01"))]).memberships.updated, u64::try_from(number).unwrap());
        deliver_with(world, &[("memberships.csv", &members("2026-01-01"))], &all);
        assert_eq!(refused(world, &[("memberships.csv", &members(""))], &usual), ["memberships.csv TOO_MANY_REOPENED"]);
        assert_eq!(deliver_with(world, &[("memberships.csv", &members(""))], &all).memberships.updated, u64::try_from(number).unwrap());
    }
}
