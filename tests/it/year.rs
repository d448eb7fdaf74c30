//! From one school year to the next: plan, preview, apply, link again, undo; and moves during the year.

use kring::access::Role;
use serde_json::{Value, json};

use crate::content::{make, publish};
use crate::harness::{RUNTIME, World, both, text};

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
        let [first, second, last] = [("Groep 1", 1), ("Groep 2", 2), ("Groep 8", 8)].map(|(name, year)| group(name, Some(year)));
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
        let leading = json!({ "groupId": first, "participantIds": [teacher], "startDate": "2025-08-18", "role": "LEADER" });
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
}
