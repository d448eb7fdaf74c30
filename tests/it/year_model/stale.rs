//! Y4: whatever has changed since the preview that it rests on, nothing is done and the group is named; and what it does not
//! rest on may change.

use kring::db::Sql;
use kring::id::{self, Kind};
use serde_json::{Value, json};

use super::dump::{assert_unchanged, dump};
use crate::content::{make, publish};
use crate::harness::{World, both, text};
use crate::year::{School, apply, planned};

/// A school with everything that a plan can rest on.
struct Stage<'w> {
    world: &'w World,
    school: School,
    token: String,
    /// Memberships of the two pupils of the second group; the plan makes an exception of the last.
    memberships: Vec<String>,
    trip: String,
    spare: String,
}

type Change = fn(&Stage<'_>);

impl<'w> Stage<'w> {
    fn new(world: &'w World) -> Self {
        let school = School::new(world);
        let token = school.administrator(world);
        let trip = school.news(world, "Schoolreis", &[&school.second, &school.choir]);
        school.news(world, "Musical", &[&school.last]);
        let spare = make(
            world,
            &token,
            json!({ "newsItem": { "title": "Reserve", "body": "Lees dit.", "organizationId": school.organization } }),
        );
        let membership = |pupil: &String| {
            let query = "query($of: ID!, $group: ID!) { memberships(first: 1, filter: { participantId: $of, groupId: $group }) { edges { node { id } } } }";
            let found = world.data(query, json!({ "of": pupil, "group": school.second }));
            text(&found["memberships"]["edges"][0]["node"]["id"])
        };
        let memberships = school.pupils[2..4].iter().map(membership).collect();
        let stage = Self { world, school, token, memberships, trip, spare };
        stage.record("absence_reports", &stage.school.first, 0, "2026-03-02");
        stage
    }

    fn record(&self, table: &str, group: &str, pupil: usize, date: &str) {
        let key = |kind, id: &str| id::decode_as(kind, id).unwrap();
        let sql = format!(
            "INSERT INTO {table} (participant_id, group_id, school_year, date, made_by_name, created_at) VALUES ({}, {}, 2025, '{date}', 'Ouder', '2026-03-02 08:00:00.000000')",
            key(Kind::Participant, &self.school.pupils[pupil]),
            key(Kind::Group, group)
        );
        self.world.db.write(|conn| Ok(Sql::new(sql).execute(conn)?)).unwrap();
    }

    fn run(&self, sql: &'static str) {
        assert!(self.world.db.write(|conn| Ok(Sql::new(sql).execute(conn)?)).unwrap() > 0, "{sql}");
    }

    fn done(&self, mutation: &str, selection: &str, input: Value) {
        self.world.done(mutation, selection, input);
    }

    fn plan(&self) -> Value {
        let mut plan = self.school.plan();
        plan["exceptions"] = json!([{ "participantId": self.school.pupils[3], "toGroupId": self.school.choir }]);
        planned(self.world, &self.token, plan)
    }
}

/// What makes a preview stale, and what the refusal says.
const MATTERS: &[(&str, &str, Change)] = &[
    ("a member was added", "members of Groep 2", |stage| {
        let newcomer = stage.world.person("Nieuw", "Wilg");
        stage.world.add(&stage.school.second, &[&newcomer], "2026-02-01");
    }),
    ("a member of a later day was added", "members of Groep 1", |stage| {
        let newcomer = stage.world.person("Later", "Wilg");
        stage.world.add(&stage.school.first, &[&newcomer], "2026-10-01");
    }),
    ("a membership gets an end", "members of Groep 2", |stage| stage.world.end(&stage.memberships[0], "2026-12-01")),
    ("it gets another end", "members of Groep 2", |stage| {
        let input = json!({ "membershipId": stage.memberships[0], "endDate": "2026-12-24" });
        stage.done("updateMembership", "membership { id }", input);
    }),
    ("its note is another one", "members of Groep 2", |stage| {
        let input = json!({ "membershipId": stage.memberships[0], "note": "Verhuist" });
        stage.done("updateMembership", "membership { id }", input);
    }),
    ("a member becomes a leader", "members of Groep 2", |stage| {
        let input = json!({ "membershipId": stage.memberships[1], "role": "LEADER" });
        stage.done("updateMembership", "membership { id }", input);
    }),
    ("a membership was annulled", "members of Groep 2", |stage| {
        stage.done("annulMembership", "membership { id }", json!({ "membershipId": stage.memberships[0] }));
    }),
    ("a member was moved", "members of Groep 1 | members of Groep 8", |stage| {
        let input = json!({ "fromGroupId": stage.school.first, "toGroupId": stage.school.last, "participantIds": [stage.school.pupils[0]] });
        stage.done("moveMembers", "moved", input);
    }),
    ("somebody is in the target of an exception already", "groups to which members go have changed", |stage| {
        stage.world.add(&stage.school.choir, &[&stage.school.pupils[3]], "2026-09-02");
    }),
    ("a group to which members go was closed", "or what it warns of", |stage| {
        stage.done("closeGroup", "group { id }", json!({ "groupId": stage.school.choir }));
    }),
    ("a group is of another year", "or what it warns of", |stage| {
        let settings = json!({ "groupId": stage.school.second, "settings": { "yearGroup": 4 } });
        stage.done("updateGroup", "group { id }", settings);
    }),
    ("another group shows content to those who move", "or what it warns of", |stage| {
        let composite = stage.world.group_with(Some(&stage.school.organization), json!({ "name": "Bovenbouw" }));
        stage.world.compose(&composite, "ANY", &[(&stage.school.last, "INCLUDE")]);
        publish(stage.world, &stage.token, &stage.spare, json!({ "groupIds": [composite] }));
    }),
    ("content was linked", "linked content of Groep 8", |stage| {
        publish(stage.world, &stage.token, &stage.spare, json!({ "groupIds": [stage.school.last] }));
    }),
    ("one item took the place of another", "linked content of Groep 2", |stage| {
        publish(
            stage.world,
            &stage.token,
            &stage.spare,
            json!({ "groupIds": [stage.school.last, stage.school.second] }),
        );
        publish(stage.world, &stage.token, &stage.trip, json!({ "groupIds": [stage.school.choir] }));
    }),
    ("content was withdrawn", "linked content of Groep 2 | linked content of Groep 8", |stage| {
        stage.done("withdrawContent", "content { id }", json!({ "contentId": stage.spare }));
    }),
    ("a record was made", "school records of Groep 1", |stage| {
        stage.record("lunch_stays", &stage.school.first, 1, "2026-03-03")
    }),
    ("a record was taken back", "school records of Groep 1", |stage| stage.run("DELETE FROM lunch_stays")),
    ("a record took the place of another", "school records of Groep 1", |stage| {
        stage.run("DELETE FROM absence_reports");
        stage.record("absence_reports", &stage.school.first, 0, "2026-03-04");
    }),
    (
        "members and content and records",
        "members of Groep 1 | members and linked content and school records of Groep 2",
        |stage| {
            let newcomer = stage.world.person("Nog een", "Wilg");
            stage.world.add(&stage.school.second, &[&newcomer], "2026-02-01");
            stage.world.add(&stage.school.first, &[&newcomer], "2026-02-01");
            publish(stage.world, &stage.token, &stage.spare, json!({ "groupIds": [stage.school.second] }));
            stage.record("lunch_stays", &stage.school.second, 2, "2026-03-03");
        },
    ),
];

/// What a plan does not rest on.
const MATTERS_NOT: &[(&str, Change)] = &[
    ("another group's members", |stage| {
        let singer = stage.world.person("Zanger", "Wilg");
        stage.world.add(&stage.school.choir, &[&singer], "2026-09-02");
    }),
    ("another group's content", |stage| {
        publish(stage.world, &stage.token, &stage.spare, json!({ "groupIds": [stage.school.choir] }));
    }),
    ("another group's records", |stage| stage.record("lunch_stays", &stage.school.choir, 0, "2026-03-05")),
    ("names", |stage| {
        for (group, name) in [(&stage.school.second, "De Vossen"), (&stage.school.choir, "Zangvogels")] {
            stage.done("updateGroup", "group { id }", json!({ "groupId": group, "settings": { "name": name } }));
        }
        let details = json!({ "person": { "givenName": "Anders" } });
        let input = json!({ "participantId": stage.school.pupils[2], "details": details });
        stage.done("updateParticipant", "participant { id }", input);
    }),
    ("what an item says", |stage| {
        let input =
            json!({ "contentId": stage.trip, "content": { "newsItem": { "title": "Kamp", "body": "Lees dit." } } });
        stage.world.done_as(&stage.token, "updateContent", "content { id }", input);
    }),
    ("a guardian", |stage| {
        let guardian = stage.world.person("Opa", "Wilg");
        let pair = json!({ "childId": stage.school.pupils[2], "guardianId": guardian });
        stage.done("addGuardian", "child { id }", pair);
    }),
    ("a membership that is over before", |stage| {
        let once = stage.world.person("Ooit", "Wilg");
        let membership = stage.world.add(&stage.school.first, &[&once], "2025-08-18").remove(0);
        stage.world.end(&membership, "2026-02-01");
    }),
];

both! {
    fn y4_nothing_is_done_when_anything_has_changed_that_it_rests_on(world) {
        let stage = Stage::new(world);
        for (what, expected, change) in MATTERS {
            let transition = stage.plan();
            change(&stage);
            let before = dump(world);
            let refused = apply(world, &stage.token, &transition);
            let errors = refused["userErrors"].as_array().unwrap();
            assert!(!errors.is_empty() && errors.iter().all(|error| error["code"] == "PREVIEW_STALE"), "{what}: {refused}");
            let messages: Vec<String> = errors.iter().map(|error| text(&error["message"])).collect();
            let words: Vec<&str> = expected.split(" | ").collect();
            assert_eq!(messages.len(), words.len(), "{what}: {messages:?}");
            for word in words {
                assert!(messages.iter().any(|message| message.contains(word)), "{what}: {messages:?}");
            }
            assert_unchanged(&before, world, what);
        }
    }

    fn y4_what_it_does_not_rest_on_may_change(world) {
        let stage = Stage::new(world);
        let transition = stage.plan();
        for (what, change) in MATTERS_NOT {
            change(&stage);
            let query = "query($id: ID!) { yearTransition(id: $id) { preview { token } } }";
            let now = world.data(query, json!({ "id": transition["id"] }));
            assert_eq!(now["yearTransition"]["preview"]["token"], transition["preview"]["token"], "{what}");
        }
        assert_eq!(apply(world, &stage.token, &transition)["userErrors"], json!([]));
    }

    /// What is linked is told from as much that has the same sum, and the same sum of squares.
    fn y4_other_content_is_other_content(world) {
        let stage = Stage::new(world);
        let item = |n: usize| json!({ "newsItem": { "title": format!("Nieuws {n}"), "body": "Lees dit.", "organizationId": stage.school.organization } });
        let items: Vec<String> = (0..7).map(|n| make(world, &stage.token, item(n))).collect();
        let show = |places: [usize; 3], group: &String| {
            places.iter().for_each(|n| publish(world, &stage.token, &items[*n], json!({ "groupIds": [group] })));
        };
        show([0, 4, 5], &stage.school.last);
        let transition = stage.plan();
        show([0, 4, 5], &stage.school.choir);
        show([1, 2, 6], &stage.school.last);
        let refused = apply(world, &stage.token, &transition);
        assert_eq!(refused["userErrors"][0]["message"], "Changed since the preview: linked content of Groep 8.", "{refused}");
    }

    /// The token of an older plan, of another one, of none; a year group that the plan does not know; a group that takes no
    /// members any more.
    fn y4_only_what_was_looked_at_is_applied(world) {
        let stage = Stage::new(world);
        let first = stage.plan();
        let mut second = stage.plan();
        let refused = |transition: &Value, code: &str| {
            let before = dump(world);
            let answer = apply(world, &stage.token, transition);
            let codes: Vec<String> = answer["userErrors"].as_array().unwrap().iter().map(|error| text(&error["code"])).collect();
            // That a group is closed is among the warnings too.
            let told = |other: &String| other == code || (code == "GROUP_CLOSED" && other == "PREVIEW_STALE");
            assert!(codes.iter().any(|other| other == code) && codes.iter().all(told), "{code}: {answer}");
            assert_unchanged(&before, world, code);
        };
        refused(&first, "TRANSITION_OVER");
        let token = second["preview"]["token"].clone();
        for other in [first["preview"]["token"].clone(), json!(""), json!("AQ"), json!("Geen token!"), json!(format!("{}AAAA", token.as_str().unwrap()))] {
            second["preview"]["token"] = other;
            refused(&second, "PREVIEW_STALE");
        }
        second["preview"]["token"] = token;
        let settings = json!({ "name": "Groep 3", "yearGroup": 3 });
        let third = world.group_with(Some(&stage.school.organization), settings);
        refused(&second, "UNMAPPED_YEAR_GROUP");
        world.done("updateGroup", "group { id }", json!({ "groupId": third, "settings": { "yearGroup": null } }));
        let enforce = json!({ "participantId": stage.school.organization, "details": { "organization": { "enforcePortalSettings": true } } });
        world.done("updateParticipant", "participant { id }", enforce);
        world.done("closeGroup", "group { id }", json!({ "groupId": stage.school.choir }));
        refused(&second, "GROUP_CLOSED");
        world.done("reopenGroup", "group { id }", json!({ "groupId": stage.school.choir }));
        assert_eq!(apply(world, &stage.token, &second)["userErrors"], json!([]));
    }
}
