//! Content: making, publishing, withdrawing, and who sees it when.

use chrono::{Duration, TimeZone, Utc};
use kring::access::Role;
use serde_json::{Value, json};

use crate::harness::{World, both, now, text};

const OPERATIONS: &str = include_str!("operations/content.graphql");

/// A school: a class with a child, its mother, a teacher who leads the class, and somebody who has nothing to do with it.
pub struct School {
    pub organization: String,
    pub class: String,
    pub whole: String,
    pub child: String,
    pub mother: String,
    pub teacher: String,
    pub stranger: String,
    pub membership: String,
}

impl School {
    pub fn new(world: &World) -> Self {
        let organization = world.organization("De Wilg");
        let of = Some(organization.as_str());
        let [child, teacher] = ["Kind", "Juf"].map(|name| world.person_of(of, name, "Wilg"));
        let [mother, stranger] = ["Moeder", "Vreemd"].map(|name| world.person(name, "Buiten"));
        world.done("addGuardian", "child { id }", json!({ "childId": child, "guardianId": mother }));
        let class = world.group_with(of, json!({ "name": "Groep 2" }));
        let whole = world.group_with(of, json!({ "name": "Onderbouw" }));
        world.compose(&whole, "ANY", &[(&class, "INCLUDE")]);
        let membership = world.add(&class, &[&child], "2026-08-01").remove(0);
        let leading =
            json!({ "groupId": class, "participantIds": [teacher], "startDate": "2026-08-01", "role": "LEADER" });
        world.done("addMemberships", "added", leading);
        Self { organization, class, whole, child, mother, teacher, stranger, membership }
    }

    pub fn administrator(&self, world: &World) -> String {
        world.token(Role::MembershipAdministrator, None, Some(&self.organization))
    }

    pub fn staff(&self, world: &World) -> String {
        world.token(Role::Staff, None, Some(&self.organization))
    }
}

pub fn person(world: &World, id: &str) -> String {
    world.token(Role::Participant, Some(id), None)
}

/// Sends one operation of the document that clients send.
pub fn send(world: &World, token: &str, operation: &str, variables: Value) -> Value {
    let body = json!({ "query": OPERATIONS, "operationName": operation, "variables": variables }).to_string();
    let (status, answer) = crate::harness::RUNTIME.block_on(world.send(World::post(Some(token), body)));
    assert_eq!(status, 200, "{answer}");
    let mut answer: Value = serde_json::from_str(&answer).unwrap();
    assert!(answer.get("errors").is_none(), "{answer:#}");
    answer["data"].take()
}

/// Makes an item with the input of its kind and answers with its id.
pub fn make(world: &World, token: &str, input: Value) -> String {
    text(&world.done_as(token, "createContent", "content { id }", input)["content"]["id"])
}

/// A news item for the organization.
pub fn news(world: &World, school: &School, title: &str) -> String {
    let input = json!({ "newsItem": { "title": title, "body": "Lees dit.", "organizationId": school.organization } });
    make(world, &school.administrator(world), input)
}

pub fn publish(world: &World, token: &str, content: &str, availability: Value) {
    let input = json!({ "contentId": content, "availability": availability });
    world.done_as(token, "publishContent", "content { id }", input);
}

/// The titles in the feed of a viewer, after checking that the other paths agree.
pub fn feed(world: &World, token: Option<&str>) -> Vec<String> {
    const QUERY: &str = "{ viewer { feed(first: 100) { totalCount edges { node { id title } } } } \
                         contents(first: 100, filter: { states: [PUBLISHED] }) { totalCount edges { node { id } } } }";
    let answer = world.ask_as(token, QUERY, json!({}));
    assert!(answer.get("errors").is_none(), "{answer:#}");
    let found = &answer["data"]["viewer"]["feed"];
    let edges = found["edges"].as_array().unwrap();
    assert_eq!(found["totalCount"], json!(edges.len()), "the count of the feed");
    assert_eq!(answer["data"]["contents"]["totalCount"], found["totalCount"], "the list");
    for edge in edges {
        let query = "query($id: ID!) { content(id: $id) { id } node(id: $id) { id } }";
        let single = world.ask_as(token, query, json!({ "id": edge["node"]["id"] }));
        assert_eq!(single["data"]["content"], single["data"]["node"]);
        assert_eq!(single["data"]["content"]["id"], edge["node"]["id"]);
    }
    edges.iter().map(|edge| text(&edge["node"]["title"])).collect()
}

both! {
    /// Whoever only leads groups has no say over what is shown to others, even if they made it.
    fn a_leader_changes_what_the_own_groups_are_shown_and_nothing_else(world) {
        let school = School::new(world);
        let (token, teacher) = (school.administrator(world), person(world, &school.teacher));
        let form = json!({ "signUpForm": { "title": "Ouderavond", "organizationId": school.organization } });
        let item = make(world, &teacher, form);
        publish(world, &teacher, &item, json!({ "groupIds": [school.class] }));
        let note = json!({ "contentId": item, "participantId": school.child, "note": "Noten" });
        world.done_as(&person(world, &school.mother), "signUp", "entry { id }", note);
        let change = json!({ "contentId": item, "content": { "signUpForm": { "title": "Kijkavond" } } });
        let may = || {
            let entries = "query($id: ID!) { content(id: $id) { canEdit ... on SignUpForm { entries(first: 5) { totalCount } } } }";
            let found = world.data_as(&teacher, entries, json!({ "id": item }))["content"].take();
            let input = json!({ "input": change });
            let query = "mutation($input: UpdateContentInput!) { updateContent(input: $input) { userErrors { code } } }";
            let codes = world.data_as(&teacher, query, input)["updateContent"]["userErrors"].take();
            assert_eq!(found["canEdit"], json!(codes == json!([])), "{found} {codes}");
            assert_eq!(found["entries"].is_null(), codes != json!([]), "{found}");
            codes == json!([])
        };
        assert!(may());
        let group = world.group_with(Some(&school.organization), json!({ "name": "Groep 3" }));
        for (what, availability, expected) in [
            ("a group that others lead too", json!({ "groupIds": [school.class, group] }), false),
            ("everyone", json!({ "everyone": true, "groupIds": [school.class] }), false),
            ("the organization", json!({ "organization": true, "groupIds": [school.class] }), false),
            ("the own group and a member of it", json!({ "participantIds": [school.child], "groupIds": [school.class] }), true),
        ] {
            publish(world, &token, &item, availability);
            assert_eq!(may(), expected, "{what}");
        }
    }

    fn the_documents_that_clients_send(world) {
        let school = School::new(world);
        let token = school.administrator(world);
        let input = json!({ "newsItem": { "title": "Schoolreis", "body": "Naar zee." } });
        let made = send(world, &token, "CreateContent", json!({ "input": input }));
        let item = &made["createContent"]["content"];
        let nobody = json!({ "everyone": false, "organization": false, "staff": false, "groups": [], "participants": [] });
        assert_eq!((&item["kind"], &item["title"], &item["availability"]), (&json!("NEWS_ITEM"), &json!("Schoolreis"), &nobody));
        let availability = json!({ "staff": true, "groupIds": [school.class], "participantIds": [school.child] });
        let input = json!({ "contentId": item["id"], "availability": availability });
        let published = send(world, &token, "Publish", json!({ "input": input }));
        let shown = &published["publishContent"]["content"];
        assert_eq!(shown["publishedAt"], "2026-09-15T10:00:00Z");
        assert_eq!(shown["availability"], json!({ "everyone": false, "organization": false, "staff": true,
            "groups": [{ "id": school.class, "name": "Groep 2" }], "participants": [{ "id": school.child }] }));
        let listed = send(world, &token, "GroupContent", json!({ "id": school.class, "first": 5 }));
        assert_eq!(listed["group"]["content"], json!({ "totalCount": 1, "edges": [{ "linkedAt": "2026-09-15T10:00:00Z",
            "node": { "id": item["id"], "kind": "NEWS_ITEM", "title": "Schoolreis" } }] }));
    }

    /// K1: any mix of audiences, each seen by those it names and by nobody else.
    fn k1_each_audience_is_seen_by_whom_it_names(world) {
        let school = School::new(world);
        let token = school.administrator(world);
        for (title, availability) in [
            ("everyone", json!({ "everyone": true })),
            ("organization", json!({ "organization": true })),
            ("staff", json!({ "staff": true })),
            ("teacher", json!({ "participantIds": [school.teacher] })),
            ("child", json!({ "participantIds": [school.child] })),
            ("class", json!({ "groupIds": [school.class] })),
        ] {
            publish(world, &token, &news(world, &school, title), availability);
        }
        news(world, &school, "draft");
        let all = ["class", "child", "teacher", "staff", "organization", "everyone"];
        assert_eq!(feed(world, None), ["everyone"]);
        assert_eq!(feed(world, Some(&person(world, &school.stranger))), ["everyone"]);
        assert_eq!(feed(world, Some(&person(world, &school.child))), ["class", "child", "organization", "everyone"]);
        assert_eq!(feed(world, Some(&person(world, &school.mother))), ["class", "child", "organization", "everyone"]);
        assert_eq!(feed(world, Some(&person(world, &school.teacher))), ["class", "teacher", "organization", "everyone"]);
        assert_eq!(feed(world, Some(&school.staff(world))), ["staff", "organization", "everyone"]);
        assert_eq!(feed(world, Some(&token)), all);
        assert_eq!(feed(world, Some(&world.administrator())), all);
    }

    /// K2: from the day on which they belong until the day on which they do not.
    fn k2_a_group_shows_its_content_from_day_to_day(world) {
        let mut world = if world.is_postgres() { World::postgres() } else { World::sqlite() };
        let school = School::new(&world);
        let item = news(&world, &school, "class");
        publish(&world, &school.administrator(&world), &item, json!({ "groupIds": [school.class] }));
        let key = kring::id::decode(&school.mother).unwrap().1;
        let mother = world.keys.sign(Some(key), &[(Role::Participant, None)], "Moeder", now(), Duration::days(9)).unwrap();
        assert_eq!(feed(&world, Some(&mother)), ["class"]);
        world.end(&school.membership, "2026-09-15");
        assert_eq!(feed(&world, Some(&mother)), [""; 0]);
        world.add(&school.class, &[&school.child], "2026-09-16");
        assert_eq!(feed(&world, Some(&mother)), [""; 0]);
        // A second before midnight in Amsterdam, and at midnight.
        let midnight = Utc.with_ymd_and_hms(2026, 9, 15, 22, 0, 0).unwrap();
        world.turn_clock(midnight - Duration::seconds(1), chrono_tz::Europe::Amsterdam);
        assert_eq!(feed(&world, Some(&mother)), [""; 0]);
        world.turn_clock(midnight, chrono_tz::Europe::Amsterdam);
        assert_eq!(feed(&world, Some(&mother)), ["class"]);
    }

    /// K3: what may not be seen does not exist: not as a node, and in no refusal.
    fn k3_what_may_not_be_seen_does_not_exist(world) {
        let school = School::new(world);
        let item = news(world, &school, "class");
        publish(world, &school.administrator(world), &item, json!({ "groupIds": [school.class] }));
        let never = kring::id::encode(kring::id::Kind::Content, 999_999);
        for token in [person(world, &school.stranger), school.staff(world)] {
            for id in [&item, &never] {
                let query = "query($id: ID!) { content(id: $id) { id } node(id: $id) { id } nodes(ids: [$id]) { id } }";
                let answer = world.data_as(&token, query, json!({ "id": id }));
                assert_eq!(answer, json!({ "content": null, "node": null, "nodes": [null] }));
                let publishing = json!({ "contentId": id, "availability": { "everyone": true } });
                assert_eq!(world.refused_as(&token, "publishContent", publishing), ["NOT_FOUND"]);
                assert_eq!(world.refused_as(&token, "withdrawContent", json!({ "contentId": id })), ["NOT_FOUND"]);
                let content = json!({ "newsItem": { "title": "x", "body": "x" } });
                assert_eq!(world.refused_as(&token, "updateContent", json!({ "contentId": id, "content": content })), ["NOT_FOUND"]);
            }
        }
        // The mother reads it, and is told that it is not hers to change.
        let mother = person(world, &school.mother);
        assert_eq!(world.refused_as(&mother, "withdrawContent", json!({ "contentId": item })), ["FORBIDDEN"]);
        let query = "query($id: ID!) { content(id: $id) { title canEdit availability { everyone } links { totalCount } history { totalCount } } }";
        let seen = world.data_as(&mother, query, json!({ "id": item }));
        assert_eq!(seen["content"], json!({ "title": "class", "canEdit": false, "availability": null, "links": null, "history": null }));
    }

    /// K4: newest first, and why.
    fn k4_the_feed_says_why(world) {
        let school = School::new(world);
        let token = school.administrator(world);
        publish(world, &token, &news(world, &school, "first"), json!({ "groupIds": [school.whole], "everyone": true }));
        publish(world, &token, &news(world, &school, "second"), json!({ "groupIds": [school.class] }));
        let query = "{ viewer { feed(first: 1) { pageInfo { hasNextPage endCursor } edges { node { title } \
                     via { audience participant { id } groups { name } } } } } }";
        let mother = person(world, &school.mother);
        let page = &world.data_as(&mother, query, json!({}))["viewer"]["feed"];
        assert_eq!(page["edges"], json!([{ "node": { "title": "second" },
            "via": [{ "audience": "GROUP", "participant": { "id": school.child }, "groups": [{ "name": "Groep 2" }] }] }]));
        assert_eq!(page["pageInfo"]["hasNextPage"], true);
        // Something newer comes before the next page is read, which stays the same.
        publish(world, &token, &news(world, &school, "third"), json!({ "groupIds": [school.class] }));
        let query = "query($after: String) { viewer { feed(first: 5, after: $after) { edges { node { title } \
                     via { audience participant { id } groups { name } } } } } }";
        let page = &world.data_as(&mother, query, json!({ "after": page["pageInfo"]["endCursor"] }))["viewer"]["feed"];
        assert_eq!(page["edges"], json!([{ "node": { "title": "first" }, "via": [
            { "audience": "EVERYONE", "participant": null, "groups": [] },
            { "audience": "GROUP", "participant": { "id": school.child }, "groups": [{ "name": "Onderbouw" }, { "name": "Groep 2" }] },
        ] }]));
    }

    /// K5: a composite carries content to all below it, and to nobody whom it keeps out.
    fn k5_a_composite_carries_content_down(world) {
        let school = School::new(world);
        let token = school.administrator(world);
        publish(world, &token, &news(world, &school, "whole"), json!({ "groupIds": [school.whole] }));
        let mother = person(world, &school.mother);
        assert_eq!(feed(world, Some(&mother)), ["whole"]);
        let out = world.group_with(Some(&school.organization), json!({ "name": "Uit" }));
        world.add(&out, &[&school.child], "2026-09-01");
        world.compose(&school.whole, "ANY", &[(&school.class, "INCLUDE"), (&out, "EXCLUDE")]);
        assert_eq!(feed(world, Some(&mother)), [""; 0]);
        assert_eq!(feed(world, Some(&person(world, &school.teacher))), ["whole"]);
    }

    /// K2: a group's leaders see its content, one who is kept out as a member too.
    fn k2_leaders_see_what_their_group_shows(world) {
        let school = School::new(world);
        let token = school.administrator(world);
        let out = world.group_with(Some(&school.organization), json!({ "name": "Uit" }));
        world.add(&out, &[&school.teacher], "2026-09-01");
        let leading = json!({ "groupId": school.whole, "participantIds": [school.teacher], "startDate": "2026-08-01", "role": "LEADER" });
        world.done("addMemberships", "added", leading);
        world.compose(&school.whole, "ANY", &[(&school.class, "INCLUDE"), (&out, "EXCLUDE")]);
        publish(world, &token, &news(world, &school, "whole"), json!({ "groupIds": [school.whole] }));
        let teacher = person(world, &school.teacher);
        assert_eq!(feed(world, Some(&teacher)), ["whole"]);
        let query = "{ viewer { feed(first: 1) { edges { via { audience groups { name } } } } } }";
        let via = &world.data_as(&teacher, query, json!({}))["viewer"]["feed"]["edges"][0]["via"];
        assert_eq!(*via, json!([{ "audience": "GROUP", "groups": [{ "name": "Onderbouw" }] }]));
    }

    fn an_item_is_scheduled_changed_withdrawn_and_published_again(world) {
        let mut world = if world.is_postgres() { World::postgres() } else { World::sqlite() };
        let school = School::new(&world);
        let key = kring::id::decode(&school.organization).unwrap().1;
        let token = world.keys.sign(None, &[(Role::MembershipAdministrator, Some(key))], "Beheer", now(), Duration::days(9)).unwrap();
        let key = kring::id::decode(&school.mother).unwrap().1;
        let mother = world.keys.sign(Some(key), &[(Role::Participant, None)], "Moeder", now(), Duration::days(9)).unwrap();
        let item = make(&world, &token, json!({ "page": { "title": "Regels", "body": "Geen kauwgom." } }));
        let publishing = |at: Value, groups: &[&str]| json!({ "contentId": item, "publishAt": at, "availability": { "groupIds": groups } });
        assert_eq!(world.refused_as(&token, "publishContent", publishing(json!("2026-09-15T09:59:59Z"), &[&school.class])), ["INVALID_DATE"]);
        let later = publishing(json!("2026-09-15T13:00:00+02:00"), &[&school.class]);
        let state = |world: &World| world.data_as(&token, "query($id: ID!) { content(id: $id) { state publishedAt } }", json!({ "id": item }))["content"].clone();
        world.done_as(&token, "publishContent", "content { state }", later);
        assert_eq!(state(&world), json!({ "state": "SCHEDULED", "publishedAt": "2026-09-15T11:00:00Z" }));
        assert_eq!(feed(&world, Some(&mother)), [""; 0]);
        world.turn_clock(now() + Duration::hours(1), chrono_tz::Europe::Amsterdam);
        assert_eq!(feed(&world, Some(&mother)), ["Regels"]);
        let content = json!({ "page": { "title": "Huisregels", "body": "Geen kauwgom." } });
        world.done_as(&token, "updateContent", "content { id }", json!({ "contentId": item, "content": content }));
        assert_eq!(feed(&world, Some(&mother)), ["Huisregels"]);
        let other = json!({ "newsItem": { "title": "x", "body": "x" } });
        assert_eq!(world.refused_as(&token, "updateContent", json!({ "contentId": item, "content": other })), ["WRONG_KIND"]);
        world.done_as(&token, "publishContent", "content { id }", publishing(Value::Null, &[&school.whole]));
        world.done_as(&token, "withdrawContent", "content { id }", json!({ "contentId": item }));
        assert_eq!(state(&world), json!({ "state": "WITHDRAWN", "publishedAt": null }));
        assert_eq!(feed(&world, Some(&mother)), [""; 0]);
        world.done_as(&token, "publishContent", "content { id }", publishing(Value::Null, &[&school.class]));
        assert_eq!(feed(&world, Some(&mother)), ["Huisregels"]);
        let query = "query($id: ID!) { content(id: $id) { links(first: 10) { totalCount edges { node { audience group { name } unlinkReason linkedBy } } } history(first: 10) { totalCount } } }";
        let kept = &world.data_as(&token, query, json!({ "id": item }))["content"];
        let link = |group: &str, reason: Value| json!({ "node": { "audience": "GROUP", "group": { "name": group }, "unlinkReason": reason, "linkedBy": "Beheer" } });
        assert_eq!(kept["links"], json!({ "totalCount": 3, "edges": [
            link("Groep 2", Value::Null), link("Onderbouw", json!("WITHDRAWN")), link("Groep 2", json!("CHANGED")) ] }));
        assert_eq!(kept["history"]["totalCount"], 6);
    }

    fn who_makes_and_publishes_what(world) {
        let school = School::new(world);
        let teacher = person(world, &school.teacher);
        let staff = school.staff(world);
        let other = world.group_with(Some(&school.organization), json!({ "name": "Groep 3" }));
        let elsewhere = world.organization("Elders");
        let foreign = world.group_with(Some(&elsewhere), json!({ "name": "Vreemde groep" }));
        let input = json!({ "newsItem": { "title": "Van juf", "body": "x" } });
        assert_eq!(world.refused_as(&person(world, &school.mother), "createContent", input.clone()), ["FORBIDDEN"]);
        let item = make(world, &teacher, input.clone());
        let publishing = |item: &str, availability: Value| json!({ "contentId": item, "availability": availability });
        for (availability, code) in [
            (json!({ "everyone": true }), "FORBIDDEN"), (json!({ "organization": true }), "FORBIDDEN"), (json!({ "staff": true }), "FORBIDDEN"),
            (json!({ "groupIds": [other] }), "NOT_FOUND"), (json!({ "groupIds": [school.whole] }), "NOT_FOUND"),
            (json!({ "groupIds": [foreign] }), "NOT_FOUND"), (json!({ "participantIds": [school.mother] }), "NOT_FOUND"), (json!({}), "REQUIRED"),
        ] {
            assert_eq!(world.refused_as(&teacher, "publishContent", publishing(&item, availability.clone())), [code], "{availability}");
        }
        publish(world, &teacher, &item, json!({ "groupIds": [school.class], "participantIds": [school.child] }));
        // What staff makes is theirs, and what the teacher made is not.
        assert_eq!(world.refused_as(&staff, "withdrawContent", json!({ "contentId": item })), ["NOT_FOUND"]);
        let theirs = make(world, &staff, input);
        assert_eq!(world.refused_as(&staff, "publishContent", publishing(&theirs, json!({ "groupIds": [foreign] }))), ["NOT_FOUND"]);
        publish(world, &staff, &theirs, json!({ "organization": true, "groupIds": [other] }));
        // Who leads no more has nothing to say about what was made then.
        let leading = world.data("query($id: ID!) { group(id: $id) { memberships(first: 9, filter: { role: LEADER }) { edges { node { id } } } } }", json!({ "id": school.class }));
        let leading = text(&leading["group"]["memberships"]["edges"][0]["node"]["id"]);
        world.end(&leading, "2026-09-15");
        assert_eq!(world.refused_as(&teacher, "withdrawContent", json!({ "contentId": item })), ["NOT_FOUND"]);
        assert_eq!(feed(world, Some(&teacher)), ["Van juf"], "what is for the whole organization");
    }

    /// G7: a group that shows or showed content is kept.
    fn g7_a_group_with_content_is_closed_and_not_deleted(world) {
        let organization = world.organization("De Wilg");
        let group = world.group_with(Some(&organization), json!({ "name": "Leeg" }));
        let token = world.token(Role::MembershipAdministrator, None, Some(&organization));
        let item = make(world, &token, json!({ "dossier": { "title": "Notulen" } }));
        publish(world, &token, &item, json!({ "groupIds": [group] }));
        world.done_as(&token, "withdrawContent", "content { id }", json!({ "contentId": item }));
        let kept = world.done_as(&token, "deleteGroup", "closed heldBy { kind count }", json!({ "groupId": group }));
        assert_eq!((&kept["closed"], &kept["heldBy"]), (&json!(true), &json!([{ "kind": "CONTENT", "count": 1 }])));
    }

    fn every_kind_is_made_and_read_back(world) {
        let school = School::new(world);
        let token = school.administrator(world);
        let kinds = [
            ("newsItem", json!({ "summary": "Kort", "body": "Lang" }), "NewsItem { summary body }"),
            ("photoAlbum", json!({ "description": "Zee" }), "PhotoAlbum { description }"),
            ("book", json!({ "author": "A. Schmidt", "isbn": "9789062657681", "publisher": "Q", "publishedYear": 1953, "description": "Jip" }), "Book { author isbn publisher publishedYear description }"),
            ("calendarItem", json!({ "startsAt": "2026-10-01T08:00:00Z", "endsAt": "2026-10-01T09:00:00Z", "allDay": false, "location": "Zaal", "description": "D" }), "CalendarItem { startsAt endsAt allDay location description }"),
            ("conversationRound", json!({ "description": "D", "bookingOpensAt": null, "bookingClosesAt": "2026-10-01T09:00:00Z" }), "ConversationRound { description bookingOpensAt bookingClosesAt }"),
            ("signUpForm", json!({ "description": "D", "places": 3, "opensAt": null, "closesAt": null }), "SignUpForm { description places opensAt closesAt }"),
            ("dossier", json!({ "description": "D" }), "Dossier { description }"),
            ("activity", json!({ "startsAt": null, "endsAt": null, "location": "Bos", "organizer": "O", "description": "D" }), "Activity { startsAt endsAt location organizer description }"),
            ("newsletter", json!({ "summary": null, "body": "B" }), "Newsletter { summary body }"),
            ("survey", json!({ "description": null, "anonymous": true, "closesAt": null, "questions": [{ "text": "?", "kind": "SINGLE_CHOICE", "options": ["ja", "nee"], "required": true }] }),
                "Survey { description anonymous closesAt questions { text kind options required } }"),
            ("page", json!({ "slug": "over-ons", "body": "B" }), "Page { slug body }"),
            ("download", json!({ "description": "D" }), "Download { description }"),
            ("discussion", json!({ "description": "D", "closed": false }), "Discussion { description closed }"),
        ];
        for (kind, fields, selection) in kinds {
            let mut input = fields.clone();
            input["title"] = json!(kind);
            let id = make(world, &token, json!({ kind: input }));
            let query = format!("query($id: ID!) {{ content(id: $id) {{ title state ... on {selection} }} }}");
            let mut expected = fields;
            (expected["title"], expected["state"]) = (json!(kind), json!("DRAFT"));
            assert_eq!(world.data_as(&token, &query, json!({ "id": id }))["content"], expected);
        }
        for input in [
            json!({ "newsItem": { "title": " ", "body": "x" } }), json!({ "newsItem": { "title": "x", "body": "" } }),
            json!({ "book": { "title": "x", "isbn": "9789062657680" } }), json!({ "page": { "title": "x", "body": "x", "slug": "A b" } }),
            json!({ "calendarItem": { "title": "x", "startsAt": "2026-10-01T09:00:00Z", "endsAt": "2026-10-01T08:00:00Z" } }),
            json!({ "survey": { "title": "x", "questions": [] } }),
            json!({ "survey": { "title": "x", "questions": [{ "text": "?", "kind": "SINGLE_CHOICE", "options": ["a"] }] } }),
            json!({ "signUpForm": { "title": "x", "places": -1 } }),
        ] {
            assert!(["REQUIRED", "INVALID_VALUE", "INVALID_DATE"].contains(&world.refused_as(&token, "createContent", input.clone())[0].as_str()), "{input}");
        }
        let two = world.ask_as(Some(&token), "mutation($i: CreateContentInput!) { createContent(input: $i) { content { id } } }",
            json!({ "i": { "page": { "title": "x", "body": "x" }, "dossier": { "title": "x" } } }));
        assert_eq!(two["errors"][0]["extensions"]["code"], "BAD_USER_INPUT");
    }
}
