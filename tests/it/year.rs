//! From one school year to the next: plan, preview, apply, link again, undo; and moves during the year.

mod after;
mod moving;

use chrono::Duration;
use http_body_util::BodyExt;
use kring::access::Role;
use kring::id::{self, Kind};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::content::{make, publish};
use crate::harness::{RUNTIME, World, both, ids, now, text};

const OPERATIONS: &str = include_str!("operations/year_transition.graphql");

/// A school in which groups are kept and pupils move through them.
pub struct School {
    pub organization: String,
    /// Groups 1, 2 and 8, by name.
    pub first: String,
    pub second: String,
    pub last: String,
    /// No year group.
    pub choir: String,
    pub pupils: Vec<String>,
    pub guardians: Vec<String>,
    pub teacher: String,
}

/// The day on which the year ends here; it is past at the tests' moment.
pub const DAY: &str = "2026-08-24";

impl School {
    /// Two pupils in each of the groups, each with a guardian; the first of each sings in the choir. Content for each group.
    pub fn new(world: &World) -> Self {
        let organization = world.organization("De Wilg");
        let of = Some(organization.as_str());
        let group = |name: &str, year: Option<i32>| world.group_with(of, json!({ "name": name, "yearGroup": year }));
        let [first, second, last] =
            [("Groep 1", 1), ("Groep 2", 2), ("Groep 8", 8)].map(|(name, year)| group(name, Some(year)));
        let choir = group("Koor", None);
        let (mut pupils, mut guardians) = (Vec::new(), Vec::new());
        for (n, group) in [&first, &first, &second, &second, &last, &last].into_iter().enumerate() {
            let pupil = world.person_of(of, &format!("Kind{n}"), "Wilg");
            let guardian = world.person(&format!("Ouder{n}"), "Wilg");
            world.done("addGuardian", "child { id }", json!({ "childId": pupil, "guardianId": guardian }));
            world.add(group, &[&pupil], "2025-08-18");
            if n % 2 == 0 {
                world.add(&choir, &[&pupil], "2025-09-01");
            }
            pupils.push(pupil);
            guardians.push(guardian);
        }
        let teacher = world.person_of(of, "Juf", "Wilg");
        let leading =
            json!({ "groupId": first, "participantIds": [teacher], "startDate": "2025-08-18", "role": "LEADER" });
        world.done("addMemberships", "added", leading);
        Self { organization, first, second, last, choir, pupils, guardians, teacher }
    }

    pub fn administrator(&self, world: &World) -> String {
        world.token(Role::MembershipAdministrator, None, Some(&self.organization))
    }

    /// A news item for these groups.
    pub fn news(&self, world: &World, title: &str, groups: &[&String]) -> String {
        let token = self.administrator(world);
        let input = json!({ "newsItem": { "title": title, "body": "Lees dit.", "organizationId": self.organization } });
        let id = make(world, &token, input);
        publish(world, &token, &id, json!({ "groupIds": groups }));
        id
    }

    /// The plan that moves everybody one group up.
    pub fn plan(&self) -> Value {
        json!({
            "organizationId": self.organization, "fromSchoolYear": "2025-2026", "toSchoolYear": "2026-2027", "effectiveOn": DAY,
            "moves": [{ "groupId": self.first, "toGroupId": self.second }, { "groupId": self.second, "toGroupId": self.last }, { "groupId": self.last, "leaving": true }],
        })
    }
}

/// Sends an operation of the document that clients send, as the administrator of the school.
pub fn send(world: &World, token: &str, operation: &str, variables: Value) -> Value {
    let body = json!({ "query": OPERATIONS, "operationName": operation, "variables": variables }).to_string();
    let (status, answer) = RUNTIME.block_on(world.send(World::post(Some(token), body)));
    assert_eq!(status, 200, "{answer}");
    let mut answer: Value = serde_json::from_str(&answer).unwrap();
    assert!(answer.get("errors").is_none(), "{answer:#}");
    answer["data"].take()
}

/// Plans and answers with the transition.
pub fn planned(world: &World, token: &str, input: Value) -> Value {
    let mut payload = send(world, token, "Plan", json!({ "input": input }))["planYearTransition"].take();
    assert_eq!(payload["userErrors"], json!([]));
    payload["yearTransition"].take()
}

/// Applies what a preview showed.
pub fn apply(world: &World, token: &str, transition: &Value) -> Value {
    let input = json!({ "yearTransitionId": transition["id"], "previewToken": transition["preview"]["token"] });
    send(world, token, "Apply", json!({ "input": input }))["applyYearTransition"].take()
}

/// The titles in somebody's feed.
pub fn feed(world: &World, viewer: &str) -> Vec<String> {
    crate::content::feed(world, Some(&crate::content::person(world, viewer)))
}

both! {
    fn the_documents_that_clients_send(world) {
        let school = School::new(world);
        let token = school.administrator(world);
        let trip = school.news(world, "Schoolreis", &[&school.second, &school.choir]);
        school.news(world, "Luizen", &[&school.second]);
        school.news(world, "Musical", &[&school.last]);
        let transition = planned(world, &token, school.plan());
        assert_eq!((&transition["status"], &transition["fromSchoolYear"], &transition["toSchoolYear"], &transition["effectiveOn"], &transition["appliedAt"]),
            (&json!("PLANNED"), &json!("2025-2026"), &json!("2026-2027"), &json!(DAY), &Value::Null));
        let group = |n: usize| transition["preview"]["groups"][n].clone();
        assert_eq!(group(0), json!({ "group": { "id": school.first, "name": "Groep 1", "yearGroup": 1 }, "toGroup": { "id": school.second, "name": "Groep 2" },
            "moving": 2, "staying": 1, "leaving": 0, "linksToBreak": [], "recordsToErase": [] }));
        assert_eq!(group(1)["linksToBreak"], json!([{ "kind": "NEWS_ITEM", "count": 2 }]));
        assert_eq!((&group(2)["leaving"], &group(2)["toGroup"]), (&json!(2), &Value::Null));
        assert_eq!(transition["preview"]["warnings"], json!([{ "code": "UNUSUAL_TARGET", "message": "Groep 2 (year 2) goes to Groep 8 (year 8).", "group": { "id": school.second } }]));
        assert_eq!(transition["unlinkedContent"], json!({ "totalCount": 0, "edges": [] }));
        let again = send(world, &token, "Preview", json!({ "id": transition["id"] }))["yearTransition"].take();
        assert_eq!(again, transition);
        let applied = apply(world, &token, &transition);
        assert_eq!(applied["userErrors"], json!([]));
        let applied = &applied["yearTransition"];
        assert_eq!((&applied["status"], &applied["appliedAt"]), (&json!("APPLIED"), &json!("2026-09-15T10:00:00Z")));
        assert_eq!(applied["preview"], transition["preview"]);
        let unlinked = &applied["unlinkedContent"];
        assert_eq!((&unlinked["totalCount"], &unlinked["edges"][0]["group"]["name"], &unlinked["edges"][0]["node"]["title"]), (&json!(3), &json!("Groep 2"), &json!("Schoolreis")));
        assert_eq!(world.members(&school.second, None), ["Kind0 Wilg", "Kind1 Wilg"]);
        assert_eq!(world.members(&school.first, None), ["Juf Wilg"]);
        let input = json!({ "yearTransitionId": transition["id"], "links": [{ "contentId": trip, "groupId": school.last }] });
        let relinked = send(world, &token, "Relink", json!({ "input": input }))["relinkContent"].take();
        assert_eq!(relinked, json!({ "relinked": 1, "userErrors": [] }));
        assert_eq!(feed(world, &school.guardians[3]), ["Schoolreis"]);
    }

    /// Y1: every rule of a plan, each told with its place, and all at once.
    fn y1_a_plan_says_of_every_year_group_where_its_members_go(world) {
        let school = School::new(world);
        let token = school.administrator(world);
        let strange = world.group("Nog een");
        let filtered = world.group_with(Some(&school.organization), json!({ "name": "Gefilterd", "memberFilter": { "kinds": ["PERSON"] } }));
        let refuse = |change: Value| {
            let mut input = school.plan();
            input.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            let mut payload = send(world, &token, "Plan", json!({ "input": input }))["planYearTransition"].take();
            assert_eq!(payload["yearTransition"], Value::Null);
            let errors = payload["userErrors"].as_array_mut().unwrap();
            errors.iter_mut().map(|error| (text(&error["code"]), error["field"].as_array().unwrap().iter().skip(1).map(text).collect::<Vec<_>>().join("."))).collect::<Vec<_>>()
        };
        let only = |code: &str, field: &str| vec![(code.to_owned(), field.to_owned())];
        let (first, second, last) = (&school.first, &school.second, &school.last);
        let moves = |first_line: Value| json!({ "moves": [first_line, { "groupId": second, "toGroupId": last }, { "groupId": last, "leaving": true }] });
        let exceptions = |line: Value| json!({ "exceptions": [line] });
        let child = &school.pupils[0];
        for (change, expected) in [
            (json!({ "moves": [{ "groupId": second, "toGroupId": last }] }), [only("UNMAPPED_YEAR_GROUP", "moves"), only("UNMAPPED_YEAR_GROUP", "moves")].concat()),
            (json!({ "toSchoolYear": "2027-2028" }), only("INVALID_VALUE", "toSchoolYear")),
            (json!({ "effectiveOn": "2025-07-31" }), only("INVALID_DATE", "effectiveOn")),
            (json!({ "effectiveOn": "2027-08-01" }), only("INVALID_DATE", "effectiveOn")),
            (moves(json!({ "groupId": first })), only("REQUIRED", "moves.0.toGroupId")),
            (moves(json!({ "groupId": first, "toGroupId": second, "leaving": true })), only("REQUIRED", "moves.0.toGroupId")),
            (moves(json!({ "groupId": first, "toGroupId": strange })), only("NOT_FOUND", "moves.0.toGroupId")),
            (moves(json!({ "groupId": first, "toGroupId": filtered })), only("DYNAMIC_GROUP", "moves.0.toGroupId")),
            (moves(json!({ "groupId": second, "toGroupId": last })), [only("INVALID_VALUE", "moves.1.groupId"), only("UNMAPPED_YEAR_GROUP", "moves")].concat()),
            (exceptions(json!({ "participantId": child })), only("REQUIRED", "exceptions.0")),
            (exceptions(json!({ "participantId": child, "stays": true, "leaving": true })), only("REQUIRED", "exceptions.0")),
            (exceptions(json!({ "participantId": school.guardians[0], "stays": true })), only("NOT_A_MEMBER", "exceptions.0.participantId")),
            (exceptions(json!({ "participantId": child, "groupId": second, "stays": true })), only("NOT_A_MEMBER", "exceptions.0.participantId")),
            (exceptions(json!({ "participantId": child, "groupId": school.choir, "stays": true })), only("INVALID_VALUE", "exceptions.0.groupId")),
            (exceptions(json!({ "participantId": child, "toGroupId": strange })), only("NOT_FOUND", "exceptions.0.toGroupId")),
            (json!({ "exceptions": [{ "participantId": child, "stays": true }, { "participantId": child, "leaving": true }] }), only("INVALID_VALUE", "exceptions.1.participantId")),
        ] {
            assert_eq!(refuse(change.clone()), expected, "{change}");
        }
        assert_eq!(world.rows("year_transitions"), 0);
        // A closed year group without members needs no line; a closed target is refused where portal settings are enforced.
        world.done("updateParticipant", "participant { id }", json!({ "participantId": school.organization, "details": { "organization": { "enforcePortalSettings": true } } }));
        world.done("closeGroup", "group { id }", json!({ "groupId": own_closed(world, &school) }));
        planned(world, &token, school.plan());
        world.done("closeGroup", "group { id }", json!({ "groupId": second }));
        assert_eq!(refuse(json!({})), only("GROUP_CLOSED", "moves.0.toGroupId"));
    }

    /// A plan is for who administers the organization; a newer one takes its place.
    fn y1_a_newer_plan_takes_the_place_of_the_older(world) {
        let school = School::new(world);
        let token = school.administrator(world);
        let older = planned(world, &token, school.plan());
        let newer = planned(world, &token, school.plan());
        let query = "query($id: ID!) { yearTransition(id: $id) { status preview { token } } node(id: $id) { id } yearTransitions(first: 5) { totalCount edges { node { id status } } } }";
        let old = apply(world, &token, &older);
        assert_eq!(old["userErrors"][0]["code"], "TRANSITION_OVER");
        // A plan of the wrong year is withdrawn, so that it stands in nobody's way.
        let mut wrong = school.plan();
        for (name, value) in [("fromSchoolYear", "2024-2025"), ("toSchoolYear", "2025-2026"), ("effectiveOn", "2025-08-24")] {
            wrong[name] = json!(value);
        }
        let wrong = planned(world, &token, wrong);
        assert_eq!(apply(world, &token, &newer)["userErrors"][0]["code"], "TRANSITION_OUT_OF_ORDER");
        for _ in ["once", "again"] {
            let done = world.done_as(&token, "withdrawYearTransition", "yearTransition { status preview { token } }", json!({ "yearTransitionId": wrong["id"] }));
            assert_eq!(done["yearTransition"], json!({ "status": "WITHDRAWN", "preview": null }));
        }
        assert_eq!(apply(world, &token, &wrong)["userErrors"][0]["code"], "TRANSITION_OVER");
        // A group of a plan is kept.
        let kept = "mutation($id: ID!) { deleteGroup(input: { groupId: $id }) { deletedId closed heldBy { kind } userErrors { code } } }";
        let empty = world.group_with(Some(&school.organization), json!({ "name": "Groep 7", "yearGroup": 7 }));
        let mut more = school.plan();
        more["moves"].as_array_mut().unwrap().push(json!({ "groupId": empty, "leaving": true }));
        planned(world, &token, more);
        assert_eq!(world.data_as(&token, kept, json!({ "id": empty }))["deleteGroup"], json!({ "deletedId": null, "closed": true, "heldBy": [{ "kind": "YEAR_TRANSITION" }], "userErrors": [] }));
        let newer = planned(world, &token, school.plan());
        let seen = world.data_as(&token, query, json!({ "id": older["id"] }));
        assert_eq!(seen["yearTransition"], json!({ "status": "SUPERSEDED", "preview": null }));
        assert_eq!((&seen["yearTransitions"]["totalCount"], &seen["yearTransitions"]["edges"][0]["node"]), (&json!(5), &json!({ "id": newer["id"], "status": "PLANNED" })));
        // For others it does not exist, and neither does the organization.
        let other = world.organization("Een andere");
        let stranger = world.token(Role::MembershipAdministrator, None, Some(&other));
        let never = id::encode(Kind::YearTransition, 999_999);
        for id in [newer["id"].as_str().unwrap(), &never] {
            let seen = world.data_as(&stranger, query, json!({ "id": id }));
            assert_eq!(seen, json!({ "yearTransition": null, "node": null, "yearTransitions": { "totalCount": 0, "edges": [] } }));
            for (mutation, input) in [
                ("applyYearTransition", json!({ "yearTransitionId": id, "previewToken": newer["preview"]["token"] })),
                ("undoYearTransition", json!({ "yearTransitionId": id })),
                ("withdrawYearTransition", json!({ "yearTransitionId": id })),
                ("relinkContent", json!({ "yearTransitionId": id, "mapping": [{ "fromGroupId": school.first, "toGroupId": school.second }] })),
            ] {
                assert_eq!(world.refused_as(&stranger, mutation, input), ["NOT_FOUND"], "{mutation}");
            }
        }
        let mut input = school.plan();
        assert_eq!(send(world, &stranger, "Plan", json!({ "input": input }))["planYearTransition"]["userErrors"][0]["code"], "NOT_FOUND");
        input["organizationId"] = json!(id::encode(Kind::Participant, 999_999));
        assert_eq!(send(world, &stranger, "Plan", json!({ "input": input }))["planYearTransition"]["userErrors"][0]["code"], "NOT_FOUND");
        let staff = world.token(Role::Staff, None, Some(&school.organization));
        let answer = world.ask_as(Some(&staff), query, json!({ "id": newer["id"] }));
        assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN");
    }

    /// Y3: links are broken, memberships end and start with their reasons, what follows from them follows; the rest stays.
    fn y3_applying_moves_members_and_breaks_links(world) {
        let school = School::new(world);
        let token = school.administrator(world);
        let [c0, c1, c2, c3, c4, c5] = [0, 1, 2, 3, 4, 5].map(|n| school.pupils[n].clone());
        // Fed by group 2; one of group 1 leaves in December; one of group 2 stays, one joined for the new year.
        let fed = world.group_with(Some(&school.organization), json!({ "name": "Ouders 2", "sourceGroupId": school.second }));
        world.end(&membership(world, &school.first, &c1), "2026-12-01");
        let newcomer = world.person_of(Some(&school.organization), "Nieuw", "Wilg");
        world.add(&school.second, &[&newcomer], DAY);
        let trip = school.news(world, "Schoolreis", &[&school.second, &school.choir]);
        school.news(world, "Luizen", &[&school.second]);
        let mut input = school.plan();
        input["exceptions"] = json!([{ "participantId": c2, "stays": true }, { "participantId": c4, "toGroupId": school.first }, { "participantId": school.teacher, "toGroupId": school.second }]);
        let transition = planned(world, &token, input);
        let numbers = |n: usize| ["moving", "staying", "leaving"].map(|name| transition["preview"]["groups"][n][name].as_i64().unwrap());
        assert_eq!([numbers(0), numbers(1), numbers(2)], [[3, 0, 0], [1, 2, 0], [1, 0, 1]]);
        let codes: Vec<String> = transition["preview"]["warnings"].as_array().unwrap().iter().map(|it| text(&it["code"])).collect();
        assert_eq!(codes, ["JOINED_ON_OR_AFTER", "UNUSUAL_TARGET"]);
        assert_eq!(apply(world, &token, &transition)["userErrors"], json!([]));
        assert_eq!(world.members(&school.first, None), ["Kind4 Wilg"]);
        assert_eq!(world.members(&school.second, None), ["Juf Wilg", "Kind0 Wilg", "Kind1 Wilg", "Kind2 Wilg", "Nieuw Wilg"]);
        assert_eq!(world.members(&school.last, None), ["Kind3 Wilg"]);
        assert_eq!(world.members(&school.second, Some("2026-08-23")), ["Kind2 Wilg", "Kind3 Wilg"]);
        assert_eq!(world.members(&school.choir, None), ["Kind0 Wilg", "Kind2 Wilg", "Kind4 Wilg"]);
        // From today on: what is past stays.
        assert_eq!(world.members(&fed, None), ["Juf Wilg", "Kind0 Wilg", "Kind1 Wilg", "Kind2 Wilg", "Nieuw Wilg"]);
        let of = |child: &str, group: &str| {
            let query = "query($id: ID!, $g: ID!) { participant(id: $id) { memberships(first: 10, filter: { groupId: $g, status: ANY }) { edges { node { startDate startReason { code } endDate endReason { code } role origin history(first: 5) { edges { node { action } } } } } } } }";
            let found = world.data(query, json!({ "id": child, "g": group }))["participant"]["memberships"]["edges"].take();
            found.as_array().unwrap().iter().map(|edge| edge["node"].clone()).collect::<Vec<_>>()
        };
        let moved = of(&c1, &school.second);
        assert_eq!(moved[0], json!({ "startDate": DAY, "startReason": { "code": "YEAR_TRANSITION" }, "endDate": "2026-12-01", "endReason": { "code": "LEFT" },
            "role": "MEMBER", "origin": "YEAR_TRANSITION", "history": { "edges": [{ "node": { "action": "CREATED" } }] } }));
        let ended = of(&c5, &school.last);
        assert_eq!((&ended[0]["endDate"], &ended[0]["endReason"]["code"], &ended[0]["history"]["edges"][0]["node"]["action"]), (&json!(DAY), &json!("YEAR_TRANSITION"), &json!("ENDED")));
        assert_eq!(of(&school.teacher, &school.second)[0]["role"], "LEADER");
        assert_eq!(of(&c2, &school.second)[0]["origin"], "MANUAL");
        // Who sings in the choir sees the trip still, and nobody else does.
        for (n, expected) in [(0, vec!["Schoolreis"]), (1, vec![]), (2, vec!["Schoolreis"]), (3, vec![]), (4, vec!["Schoolreis"])] {
            assert_eq!(feed(world, &school.guardians[n]), expected, "{n}");
        }
        let query = "query($id: ID!) { content(id: $id) { links(first: 5) { edges { node { group { id } unlinkReason unlinkedBy } } } } }";
        let links = world.data_as(&token, query, json!({ "id": trip }))["content"]["links"]["edges"].take();
        let broken: Vec<&Value> = links.as_array().unwrap().iter().map(|edge| &edge["node"]).filter(|link| link["unlinkReason"] != Value::Null).collect();
        assert_eq!(broken, [&json!({ "group": { "id": school.second }, "unlinkReason": "YEAR_TRANSITION", "unlinkedBy": "Tester" })]);
        let members = "query($id: ID!) { yearTransition(id: $id) { preview { groups { members(first: 10) { totalCount edges { node { outcome participant { id } toGroup { id } } } } } } } }";
        let listed = world.data_as(&token, members, json!({ "id": transition["id"] }))["yearTransition"]["preview"]["groups"][2]["members"].take();
        assert_eq!(listed, json!({ "totalCount": 2, "edges": [{ "node": { "outcome": "MOVES", "participant": { "id": c4 }, "toGroup": { "id": school.first } } },
            { "node": { "outcome": "LEAVES", "participant": { "id": c5 }, "toGroup": null } }] }));
        assert_eq!(of(&c0, &school.first)[0]["endDate"], DAY);
        assert_eq!(of(&c3, &school.second)[0]["endDate"], DAY);
    }

    /// K3: a plan that names another organization's group learns nothing of who is in it.
    fn k3_a_plan_tells_nothing_of_the_groups_of_others(world) {
        let school = School::new(world);
        let other = world.organization("De Vereniging");
        let token = world.token(Role::MembershipAdministrator, None, Some(&other));
        let refusals = |pupil: &String| {
            let input = json!({ "organizationId": other, "fromSchoolYear": "2025-2026", "toSchoolYear": "2026-2027", "effectiveOn": DAY,
                "moves": [{ "groupId": school.first, "leaving": true }],
                "exceptions": [{ "participantId": pupil, "groupId": school.first, "stays": true }, { "participantId": pupil, "stays": true }] });
            send(world, &token, "Plan", json!({ "input": input }))["planYearTransition"]["userErrors"].take()
        };
        let member = refusals(&school.pupils[0]);
        assert_eq!(member.as_array().map(Vec::len), Some(1), "{member}");
        assert_eq!(member[0]["code"], "NOT_FOUND");
        assert_eq!(member, refusals(&school.pupils[4]));
    }

    /// K3: with whom an organization has nothing to do any more is not named to it by its plans.
    fn k3_a_preview_names_nobody_who_is_out_of_sight(world) {
        let school = School::new(world);
        let token = school.administrator(world);
        let stranger = world.person("Geheime", "Naam");
        let mistaken = world.add(&school.first, &[&stranger], "2025-09-01").remove(0);
        let mut plan = school.plan();
        plan["exceptions"] = json!([{ "participantId": stranger, "groupId": school.first, "stays": true }]);
        let planned = planned(world, &token, plan);
        world.done("annulMembership", "membership { id }", json!({ "membershipId": mistaken }));
        let query = "query($id: ID!, $who: ID!) { participant(id: $who) { displayName } yearTransition(id: $id) { preview { warnings { code message } } } }";
        let found = world.data_as(&token, query, json!({ "id": planned["id"], "who": stranger }));
        assert_eq!(found["participant"], Value::Null);
        let warnings = found["yearTransition"]["preview"]["warnings"].to_string();
        assert!(warnings.contains("Somebody is among the exceptions") && !warnings.contains("Geheime"), "{warnings}");
    }

    /// Y3: records of the year are erased with it, and only their number is kept.
    fn y3_records_of_the_year_are_erased(world) {
        let school = School::new(world);
        let token = school.administrator(world);
        // Of the year that ends, of the one before, of days of the new one before and after the effective date; of the choir.
        for (group, date, year) in [(&school.first, "2026-03-02", 2025), (&school.first, "2025-03-03", 2024), (&school.first, "2026-08-20", 2026), (&school.first, "2026-08-21", 2026), (&school.first, "2026-09-01", 2026), (&school.choir, "2026-03-02", 2025)] {
            record(world, &school.pupils[0], group, date, year);
        }
        let transition = planned(world, &token, school.plan());
        assert_eq!(transition["preview"]["groups"][0]["recordsToErase"], json!([{ "kind": "ABSENCE_REPORT", "count": 3 }, { "kind": "LEAVE_REQUEST", "count": 3 }, { "kind": "LUNCH_STAY", "count": 3 }]));
        let warnings = transition["preview"]["warnings"].as_array().unwrap();
        assert_eq!(warnings.iter().map(|it| text(&it["code"])).take(3).collect::<Vec<_>>(), ["RECORDS_ARE_ERASED", "EARLIER_RECORDS", "LATER_RECORDS"]);
        let tables = ["absence_reports", "leave_requests", "lunch_stays"];
        assert_eq!(tables.map(|table| world.rows(table)), [6, 6, 6]);
        let applied = apply(world, &token, &transition);
        assert_eq!(tables.map(|table| world.rows(table)), [3, 3, 3]);
        assert_eq!(applied["yearTransition"]["preview"]["groups"][0]["recordsToErase"], transition["preview"]["groups"][0]["recordsToErase"]);
        world.done_as(&token, "undoYearTransition", "yearTransition { status }", json!({ "yearTransitionId": transition["id"] }));
        assert_eq!(tables.map(|table| world.rows(table)), [3, 3, 3]);
    }

    /// Y3: what is erased with its year does not come back after it, when nothing would erase it any more.
    fn y3_no_record_is_made_of_a_year_that_is_over_for_the_group(world) {
        let school = School::new(world);
        let token = school.administrator(world);
        let guardian = crate::content::person(world, &school.guardians[0]);
        let of = |date: &str| json!({ "participantId": school.pupils[0], "groupId": school.first, "date": date });
        let leave = json!({ "participantId": school.pupils[0], "groupId": school.first, "from": "2026-08-20", "until": "2026-08-21", "reason": "Feest" });
        world.done_as(&token, "registerLunchStay", "lunchStay { id }", of("2026-08-20"));
        let planned = planned(world, &token, school.plan());
        assert_eq!(apply(world, &token, &planned)["userErrors"], json!([]));
        assert_eq!(world.refused_as(&token, "registerLunchStay", of("2026-08-20")), ["INVALID_DATE"]);
        assert_eq!(world.refused_as(&token, "reportAbsence", of("2026-08-21")), ["INVALID_DATE"]);
        assert_eq!(world.refused_as(&token, "requestLeave", leave), ["INVALID_DATE"]);
        let now = json!({ "participantId": school.pupils[0], "groupId": school.second, "date": "2026-09-16" });
        world.done_as(&guardian, "registerLunchStay", "lunchStay { id }", now);
        assert_eq!(world.rows("lunch_stays") + world.rows("absence_reports") + world.rows("leave_requests"), 1);
    }

    /// Y4: not before its day, not when something changed, and not twice.
    fn y4_only_what_the_preview_showed_is_done_and_once(world) {
        let mut world = if world.is_postgres() { World::postgres() } else { World::sqlite() };
        let school = School::new(&world);
        let token = school.administrator(&world);
        let mut input = school.plan();
        input["effectiveOn"] = json!("2026-09-16");
        let early = planned(&world, &token, input);
        assert_eq!(apply(&world, &token, &early)["userErrors"][0]["code"], "TRANSITION_NOT_DUE");
        let transition = planned(&world, &token, school.plan());
        school.news(&world, "Luizen", &[&school.second]);
        world.add(&school.last, &[&school.pupils[0]], "2026-01-01");
        let stale = apply(&world, &token, &transition);
        let told: Vec<(String, String)> = stale["userErrors"].as_array().unwrap().iter().map(|it| (text(&it["code"]), text(&it["message"]))).collect();
        assert_eq!(told, [("PREVIEW_STALE".to_owned(), "Changed since the preview: linked content of Groep 2.".to_owned()), ("PREVIEW_STALE".to_owned(), "Changed since the preview: members of Groep 8.".to_owned())]);
        assert_eq!(world.members(&school.first, None), ["Juf Wilg", "Kind0 Wilg", "Kind1 Wilg"]);
        for token_of in ["", "x", "AQ"] {
            let input = json!({ "yearTransitionId": transition["id"], "previewToken": token_of });
            assert_eq!(world.refused_as(&token, "applyYearTransition", input), ["PREVIEW_STALE"], "{token_of}");
        }
        // A year group that was made meanwhile must have its place.
        let extra = world.group_with(Some(&school.organization), json!({ "name": "Groep 3", "yearGroup": 3 }));
        let now_seen = send(&world, &token, "Preview", json!({ "id": transition["id"] }))["yearTransition"].take();
        assert_eq!(apply(&world, &token, &now_seen)["userErrors"][0]["code"], "UNMAPPED_YEAR_GROUP");
        world.done("deleteGroup", "deletedId", json!({ "groupId": extra }));
        let applied = apply(&world, &token, &now_seen);
        assert_eq!(applied["userErrors"], json!([]));
        world.turn_clock(now() + Duration::minutes(10), chrono_tz::Europe::Amsterdam);
        assert_eq!(apply(&world, &token, &transition), applied);
        // The next year cannot go before this one is done, nor this one again.
        assert_eq!(send(&world, &token, "Plan", json!({ "input": school.plan() }))["planYearTransition"]["userErrors"][0]["code"], "TRANSITION_ALREADY_APPLIED");
    }

    fn y4_transitions_go_in_the_order_of_their_years(world) {
        let mut world = if world.is_postgres() { World::postgres() } else { World::sqlite() };
        let school = School::new(&world);
        let token = school.administrator(&world);
        let this = planned(&world, &token, school.plan());
        let mut input = school.plan();
        for (name, value) in [("fromSchoolYear", "2026-2027"), ("toSchoolYear", "2027-2028"), ("effectiveOn", "2027-08-30")] {
            input[name] = json!(value);
        }
        let next = planned(&world, &token, input);
        let later = chrono::DateTime::parse_from_rfc3339("2027-09-01T10:00:00Z").unwrap().to_utc();
        world.turn_clock(later, chrono_tz::Europe::Amsterdam);
        let keys = &world.keys;
        let token = keys.sign(None, &[(Role::Administrator, None)], "Tester", later, Duration::hours(1)).unwrap();
        assert_eq!(apply(&world, &token, &next)["userErrors"][0]["code"], "TRANSITION_OUT_OF_ORDER");
        assert_eq!(apply(&world, &token, &this)["userErrors"], json!([]));
        let next = send(&world, &token, "Preview", json!({ "id": next["id"] }))["yearTransition"].take();
        assert_eq!(apply(&world, &token, &next)["userErrors"], json!([]));
        assert_eq!(world.refused_as(&token, "undoYearTransition", json!({ "yearTransitionId": this["id"] })), ["TRANSITION_OUT_OF_ORDER"]);
    }

    /// A plan as a file, as the command line reads it.
    fn a_plan_in_a_file_names_groups_and_pupils(world) {
        let school = School::new(world);
        let key = |text: &str| id::decode(text).unwrap().1;
        let [first, second] = [&school.first, &school.second].map(|group| key(group));
        let input = json!({ "participantId": school.pupils[0], "externalId": "K0" });
        world.done("updateParticipant", "participant { id }", input);
        world.done("updateGroup", "group { id }", json!({ "groupId": school.second, "settings": { "externalId": "G2" } }));
        world.group_with(Some(&school.organization), json!({ "name": "Koor" }));
        let read = |text: &str| {
            let text = text.to_owned();
            world.db.read(|conn| kring::exchange::year_plan::read(conn, key(&school.organization), text.as_bytes()))
        };
        let lines = read("\u{feff}group,participant,to_group,include_leaders\nGroep 1,, G2 ,true\nG2,,STAYS,\n,K0,LEAVING,\n").unwrap();
        let line = |group_id, to_group_id, with_leaders| kring::year::Move { group_id, to_group_id, with_leaders };
        assert_eq!(lines.moves, [line(first, Some(second), true), line(second, Some(second), false)]);
        assert_eq!(lines.exceptions, [kring::year::Exception { participant_id: key(&school.pupils[0]), group_id: None, outcome: kring::year::Outcome::Leaves, to_group_id: None }]);
        for (text, fault) in [
            ("group;to_group\nGroep 1;G2\n", "Line 1: the fields are not separated by commas."),
            ("group,to_group\nGroep 9,G2\n", "Line 2: the organization has no group called \"Groep 9\"."),
            ("group,to_group\nGroep 1,G2\nKoor,G2\n", "Line 3: there are several groups called \"Koor\"; use the external id."),
            ("group,to_group\nGroep 1,\n", "Line 2: it does not say where to."),
            ("group,participant,to_group\n,,G2\n", "Line 2: it names neither a group nor a participant."),
            ("group,participant,to_group\n,K9,G2\n", "Line 2: the organization has no participant called \"K9\"."),
            ("group,participant,to_group,include_leaders\n,K0,G2,true\n", "Line 2: whether leaders go along is said of groups only."),
        ] {
            assert_eq!(read(text).unwrap_err().to_string(), fault, "{text}");
        }
        for text in ["group,to_group\nGroep 1\n", "group,to_group,nope\na,b,c\n", "group,to_group\n\"Groep 1,G2\n", "group,to_group\n\u{0},G2\n"] {
            assert!(read(text).is_err(), "{text}");
        }
        assert_eq!(read("").unwrap(), kring::exchange::year_plan::Lines::default());
    }

    fn what_is_wrong_with_a_plan_in_a_file_is_told_with_its_line(world) {
        let school = School::new(world);
        let key = |id: &str| id::decode(id).unwrap().1;
        let text = "group,participant,to_group\nGroep 1,,Groep 2\nGroep 2,,Groep 8\n\nGroep 8,,LEAVING\nGroep 1,,LEAVING\nGroep 8,leerling,STAYS\n";
        let pupil = json!({ "participantId": school.pupils[0], "externalId": "leerling", "details": { "person": {} } });
        world.done("updateParticipant", "participant { id }", pupil);
        let scope = kring::app::operator("test", chrono_tz::Europe::Amsterdam);
        let refused = world.db.write(|conn| {
            let lines = kring::exchange::year_plan::read(conn, key(&school.organization), text.as_bytes())?;
            let (places, from_year) = (lines.places, kring::school::year::SchoolYear::new(2025).unwrap());
            let wanted = kring::year::planning::Wanted {
                organization_id: key(&school.organization),
                from_year,
                to_year: from_year.next(),
                effective_on: DAY.parse().unwrap(),
                moves: lines.moves,
                exceptions: lines.exceptions,
            };
            kring::year::planning::plan(conn, &scope, &wanted).map_err(|error| places.locate(error))
        });
        let kring::error::Error::Rejected(refusals) = refused.unwrap_err() else { panic!("no refusals") };
        let messages: Vec<&str> = refusals.iter().map(|refusal| refusal.message.as_str()).collect();
        assert_eq!(messages, ["Line 6 (Groep 1): This group is named twice.", "Line 7 (leerling Groep 8): This is no member of the group."]);
    }

    /// Y5: what was meant for last year's members is not shown to this year's because it was asked for while a transition was
    /// at work.
    fn y5_content_that_waited_for_the_transition_is_not_shown_to_those_who_came(world) {
        let school = School::new(world);
        let token = school.administrator(world);
        let [item, other] = ["Afscheid", "Optreden"].map(|title| school.news(world, title, &[&school.choir]));
        let planned = planned(world, &token, school.plan());
        let id = id::decode(planned["id"].as_str().unwrap()).unwrap().1;
        let preview = planned["preview"]["token"].as_str().unwrap();
        let real = world.in_real_time();
        let key = |id: &str| id::decode_as(Kind::Participant, id);
        let grants = [(Role::MembershipAdministrator, key(&school.organization))];
        let signed = world.keys.sign(None, &grants, "Bestuur", kring::scope::Clock::System.now(), Duration::hours(1)).unwrap();
        let publish = |item: &str, group: &str| {
            let query = "mutation($input: PublishContentInput!) { publishContent(input: $input) { userErrors { code } } }";
            let input = json!({ "contentId": item, "availability": { "groupIds": [group] } });
            let request = World::post(Some(&signed), json!({ "query": query, "variables": { "input": input } }).to_string());
            let bytes = RUNTIME.block_on(async {
                let response = real.clone().oneshot(request).await.unwrap();
                response.into_body().collect().await.unwrap().to_bytes()
            });
            serde_json::from_slice::<Value>(&bytes).unwrap()["data"]["publishContent"]["userErrors"].take()
        };
        let scope = kring::app::operator("test", chrono_tz::Europe::Amsterdam);
        let refused = std::thread::scope(|threads| {
            let mut asked = None;
            // It is asked for while the groups are held, and waits.
            let mut listener = |_: kring::year::Progress| {
                if asked.is_none() {
                    asked = Some(threads.spawn(|| publish(&item, &school.second)));
                    std::thread::sleep(std::time::Duration::from_millis(500));
                }
            };
            world.db.write(|conn| kring::year::apply::apply(conn, &scope, id, preview, &mut listener)).unwrap();
            asked.unwrap().join().unwrap()
        });
        assert_eq!(refused, json!([{ "code": "CONFLICT" }]));
        // Whoever asks afterwards knows whom it is for; groups that moved nowhere are as they were.
        std::thread::sleep(std::time::Duration::from_millis(200));
        assert_eq!(publish(&item, &school.second), json!([]));
        assert_eq!(publish(&other, &school.choir), json!([]));
    }

    /// The number of statements of plan, preview, apply and undo does not follow from the size of the school.
    fn large_schools_take_as_many_statements_as_small_ones(world) {
        let mut spent = Vec::new();
        for (groups, pupils) in [(2_usize, 2_usize), (12, 20)] {
            let organization = world.organization("School");
            let of = Some(organization.as_str());
            let all: Vec<String> = (0..groups).map(|n| world.group_with(of, json!({ "name": format!("Groep {n}"), "yearGroup": n % 8 + 1 }))).collect();
            for group in &all {
                let people: Vec<String> = (0..pupils).map(|n| world.person_of(of, &format!("Kind{n}"), "Wilg")).collect();
                world.add(group, &people.iter().map(String::as_str).collect::<Vec<_>>(), "2025-08-18");
            }
            let token = world.token(Role::MembershipAdministrator, None, Some(&organization));
            for group in &all {
                let id = make(world, &token, json!({ "newsItem": { "title": "x", "body": "x", "organizationId": organization } }));
                publish(world, &token, &id, json!({ "groupIds": [group] }));
            }
            let moves: Vec<Value> = all.iter().enumerate().map(|(n, group)| match all.get(n + 1) {
                Some(to) => json!({ "groupId": group, "toGroupId": to }),
                None => json!({ "groupId": group, "leaving": true }),
            }).collect();
            let input = json!({ "organizationId": organization, "fromSchoolYear": "2025-2026", "toSchoolYear": "2026-2027", "effectiveOn": DAY, "moves": moves });
            let mut before = world.db.statements();
            let mut lap = || {
                let now = world.db.statements();
                now - std::mem::replace(&mut before, now)
            };
            let transition = planned(world, &token, input);
            let plan = lap();
            send(world, &token, "Preview", json!({ "id": transition["id"] }));
            let preview = lap();
            assert_eq!(apply(world, &token, &transition)["userErrors"], json!([]));
            let apply = lap();
            let mapping: Vec<Value> = all.iter().map(|group| json!({ "fromGroupId": group, "toGroupId": group })).collect();
            world.done_as(&token, "relinkContent", "relinked", json!({ "yearTransitionId": transition["id"], "mapping": mapping }));
            let relink = lap();
            world.done_as(&token, "undoYearTransition", "linksRestored", json!({ "yearTransitionId": transition["id"] }));
            spent.push([plan, preview, apply, relink, lap()]);
        }
        assert_eq!(spent[0], spent[1]);
        let budget = [40, 20, 70, 20, 50];
        assert!(spent[0].iter().zip(budget).all(|(spent, budget)| *spent <= budget), "{:?}", spent[0]);
    }
}

/// A year group that is closed and empty.
fn own_closed(world: &World, school: &School) -> String {
    world.group_with(Some(&school.organization), json!({ "name": "Oud", "yearGroup": 4 }))
}

/// The membership of somebody in a group that is in force.
pub fn membership(world: &World, group: &str, participant: &str) -> String {
    let query = "query($id: ID!, $g: ID!) { participant(id: $id) { memberships(first: 5, filter: { groupId: $g }) { edges { node { id } } } } }";
    ids(&world.data(query, json!({ "id": participant, "g": group }))["participant"]["memberships"]).remove(0)
}

/// One record of each kind.
pub fn record(world: &World, child: &str, group: &str, date: &str, year: i32) {
    let key = |text: &str| id::decode(text).unwrap().1;
    let (child, group) = (key(child), key(group));
    let start = format!("({child}, {group}, {year}");
    world
        .db
        .write(|conn| {
            for (table, columns, values) in [
                ("absence_reports", "date, reason", format!("'{date}', 'ziek'")),
                ("leave_requests", "from_date, until_date, reason", format!("'{date}', '{date}', 'feest'")),
                ("lunch_stays", "date", format!("'{date}'")),
            ] {
                let sql = format!("INSERT INTO {table} (participant_id, group_id, school_year, {columns}, made_by_name, created_at) VALUES {start}, {values}, 'x', '2026-01-01 00:00:00')");
                kring::db::Sql::new(sql).execute(conn)?;
            }
            Ok(())
        })
        .unwrap();
}
