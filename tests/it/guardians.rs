//! Who looks after whom counts for the organizations that recorded or confirmed it, until the child is of age (V4).

use chrono::{DateTime, Duration, TimeZone, Utc};
use kring::access::{Role, Viewer};
use kring::exchange::bundle::{self, Limits, Memory};
use kring::exchange::import::{Options, Owner, import};
use kring::id::{self, Kind};
use kring::scope::{Clock, Scope};
use serde_json::{Value, json};

use crate::harness::{Single, World, both, ids, now, text};

/// A child and a mother whose records one organization keeps, and a school of which the child is a pupil.
struct Town {
    keeper: String,
    school: String,
    class: String,
    child: String,
    mother: String,
}

impl Town {
    fn new(world: &World) -> Self {
        let [keeper, school] = ["Vereniging", "School"].map(|name| world.organization(name));
        let person = |given: &str, born: Option<&str>| {
            let details = json!({ "givenName": given, "familyName": "Jansen", "birthDate": born });
            let input = json!({ "details": { "person": details }, "organizationId": keeper });
            text(&world.done("createParticipant", "participant { id }", input)["participant"]["id"])
        };
        let (child, mother) = (person("Kind", Some("2017-03-04")), person("Moeder", None));
        let settings = json!({ "name": "Groep 6", "yearGroup": 6, "subscriptionGroup": false });
        let class = world.group_with(Some(&school), settings);
        world.add(&class, &[&child], "2026-08-24");
        Self { keeper, school, class, child, mother }
    }

    fn administrator(&self, world: &World, of: &str) -> String {
        world.token(Role::MembershipAdministrator, None, Some(of))
    }

    fn pair(&self) -> Value {
        json!({ "childId": self.child, "guardianId": self.mother })
    }

    fn guardian(&self, world: &World) -> String {
        world.token(Role::Participant, Some(&self.mother), None)
    }

    /// The guardianships of the child as somebody reads them: whether each was recorded, and whether it counts.
    fn told(&self, world: &World, token: &str) -> Vec<(String, bool, bool)> {
        let query = "query($id: ID!) { participant(id: $id) { ... on Person { guardianships { guardianName recorded counts } } } }";
        let found = world.data_as(token, query, json!({ "id": self.child }));
        let lines = found["participant"]["guardianships"].as_array().unwrap().clone();
        let line = |line: &Value| {
            (text(&line["guardianName"]), line["recorded"] == json!(true), line["counts"] == json!(true))
        };
        lines.iter().map(line).collect()
    }
}

/// What the guardian sees of the school: the class, its memberships of the child, its content, its records.
fn seen(world: &World, town: &Town) -> [usize; 5] {
    let query = "query($class: ID!, $child: ID!) { groups { edges { node { id } } } viewer { feed { edges { node { id } } } } \
                 group(id: $class) { absenceReports { edges { node { id reason } } } } \
                 memberships(filter: { groupId: $class }) { edges { node { id } } } \
                 participant(id: $child) { effectiveGroups { edges { node { id } } } } }";
    let found = world.data_as(&town.guardian(world), query, json!({ "class": town.class, "child": town.child }));
    let records = &found["group"]["absenceReports"];
    [
        ids(&found["groups"]).len(),
        ids(&found["viewer"]["feed"]).len(),
        if records.is_null() { 0 } else { ids(records).len() },
        ids(&found["memberships"]).len(),
        ids(&found["participant"]["effectiveGroups"]).len(),
    ]
}

/// Something of everything that a school has of a pupil; answers with a round's slot, a form, and a group to join.
fn fill(world: &World, town: &Town) -> (String, String, String) {
    let token = town.administrator(world, &town.school);
    let make = |content: Value, availability: Value| {
        let query = "mutation($input: CreateContentInput!) { createContent(input: $input) { content { id } userErrors { message } } }";
        let made = world.data_as(&token, query, json!({ "input": content }))["createContent"].take();
        let id = text(&made["content"]["id"]);
        world.done_as(
            &token,
            "publishContent",
            "content { id }",
            json!({ "contentId": id, "availability": availability }),
        );
        id
    };
    let class = json!({ "groupIds": [town.class] });
    make(json!({ "newsItem": { "title": "Uitje", "body": "Naar zee" } }), class.clone());
    make(
        json!({ "newsItem": { "title": "Verslag", "body": "Goed gewerkt" } }),
        json!({ "participantIds": [town.child] }),
    );
    make(json!({ "newsItem": { "title": "Studiedag", "body": "Vrij" } }), json!({ "organization": true }));
    let round = make(json!({ "conversationRound": { "title": "Gesprekken" } }), class.clone());
    let slots = json!({ "contentId": round, "slots": [{ "startsAt": "2026-10-02T08:00:00Z", "endsAt": "2026-10-02T08:15:00Z" }] });
    let slot = text(&world.done_as(&token, "addConversationSlots", "slots { id }", slots)["slots"][0]["id"]);
    let form = make(json!({ "signUpForm": { "title": "Schoolreis" } }), class);
    let absence = json!({ "participantId": town.child, "groupId": town.class, "date": "2026-09-16", "reason": "Ziek" });
    world.done_as(&token, "reportAbsence", "absenceReport { id }", absence);
    let club = world.group_with(
        Some(&town.school),
        json!({ "name": "Schaakclub", "subscriptionGroup": true, "visibleOnPortal": true, "restrictedToId": town.class }),
    );
    (slot, form, club)
}

both! {
    fn v4_whom_one_organization_sets_reads_and_does_nothing_elsewhere(world) {
        let town = Town::new(world);
        let (slot, form, club) = fill(world, &town);
        let keeper = town.administrator(world, &town.keeper);
        world.done_as(&keeper, "addGuardian", "child { id } guardian { id }", town.pair());
        assert_eq!(seen(world, &town)[1..], [0; 4], "nothing of the school");
        let guardian = town.guardian(world);
        let nothing = "query($class: ID!) { group(id: $class) { id } viewer { subscriptions(participantId: \"CHILD\") { totalCount } participant { ... on Person { children { displayName birthDate: displayName } } } } }";
        let found = world.data_as(&guardian, &nothing.replace("CHILD", &town.child), json!({ "class": town.class }));
        assert_eq!(found["group"], Value::Null);
        assert_eq!(found["viewer"]["subscriptions"]["totalCount"], 0, "no group of the school is offered for the child");
        assert_eq!(found["viewer"]["participant"]["children"][0]["displayName"], "Kind Jansen");
        let absent = |day: &str| json!({ "participantId": town.child, "groupId": town.class, "date": day });
        let acts = [
            ("reportAbsence", absent("2026-09-17")),
            ("registerLunchStay", absent("2026-09-17")),
            ("requestLeave", json!({ "participantId": town.child, "groupId": town.class, "from": "2026-10-05", "until": "2026-10-06", "reason": "Bruiloft" })),
            ("bookConversationSlot", json!({ "slotId": slot, "participantId": town.child })),
            ("signUp", json!({ "contentId": form, "participantId": town.child })),
            ("subscribe", json!({ "groupId": club, "participantId": town.child })),
        ];
        for (mutation, input) in &acts {
            let codes = world.refused_as(&guardian, mutation, input.clone());
            assert!(codes.iter().all(|code| code == "NOT_FOUND" || code == "FORBIDDEN"), "{mutation}: {codes:?}");
        }
        // The school sees that somebody looks after its pupil elsewhere, and confirms it for itself.
        let school = town.administrator(world, &town.school);
        assert_eq!(town.told(world, &school), [("Moeder Jansen".to_owned(), false, false)]);
        world.done_as(&school, "confirmGuardian", "child { id }", town.pair());
        assert_eq!(town.told(world, &school), [("Moeder Jansen".to_owned(), true, true)]);
        assert_eq!(town.told(world, &keeper), [("Moeder Jansen".to_owned(), true, true)]);
        assert_eq!(seen(world, &town), [2, 5, 1, 1, 1]);
        for (mutation, input) in acts {
            world.done_as(&guardian, mutation, "clientMutationId", input);
        }
        // The school ends it for itself; at the other organization it goes on.
        world.done_as(&school, "removeGuardian", "child { id }", town.pair());
        assert_eq!(seen(world, &town)[1..], [0; 4]);
        assert_eq!(town.told(world, &school), [("Moeder Jansen".to_owned(), true, false)]);
        assert_eq!(town.told(world, &keeper), [("Moeder Jansen".to_owned(), true, true)]);
        assert_eq!(world.refused_as(&guardian, "cancelConversationBooking", json!({ "slotId": slot })), ["NOT_FOUND"]);
    }

    fn v4_the_own_record_of_a_child_is_read_where_its_keeper_says_so(world) {
        let town = Town::new(world);
        world.done("addGuardian", "child { id }", json!({ "childId": town.child, "guardianId": town.mother, "organizationId": town.school }));
        let query = "query($id: ID!) { participant(id: $id) { displayName ... on Person { birthDate residencies { id } } history { totalCount } } }";
        let read = || world.data_as(&town.guardian(world), query, json!({ "id": town.child }))["participant"].take();
        assert_eq!(read(), json!({ "displayName": "Kind Jansen", "birthDate": null, "residencies": null, "history": null }));
        assert_eq!(seen(world, &town)[3], 1, "for the school it counts");
        world.done_as(&town.administrator(world, &town.keeper), "confirmGuardian", "child { id }", town.pair());
        assert_eq!(read()["birthDate"], "2017-03-04");
    }

    fn v4_what_the_operator_records_for_all_each_ends_for_itself(world) {
        let town = Town::new(world);
        fill(world, &town);
        world.done("addGuardian", "child { id }", town.pair());
        assert_eq!(seen(world, &town)[1..3], [5, 1]);
        let [keeper, school] = [&town.keeper, &town.school].map(|of| town.administrator(world, of));
        assert_eq!(town.told(world, &school), [("Moeder Jansen".to_owned(), false, true)]);
        world.done_as(&school, "removeGuardian", "child { id }", town.pair());
        assert_eq!(seen(world, &town)[1..3], [0, 0]);
        assert_eq!(town.told(world, &keeper), [("Moeder Jansen".to_owned(), false, true)]);
        // Whoever administers everything ends it for all, and what the school has ended for itself stays ended.
        world.done("removeGuardian", "child { id }", town.pair());
        assert_eq!(town.told(world, &keeper), [] as [(String, bool, bool); 0]);
        world.done("addGuardian", "child { id }", town.pair());
        assert_eq!(seen(world, &town)[1..3], [0, 0]);
        assert_eq!(town.told(world, &keeper), [("Moeder Jansen".to_owned(), false, true)]);
    }

    fn v4_nobody_confirms_for_others_nor_what_nobody_recorded(world) {
        let town = Town::new(world);
        let stranger = world.organization("Vreemde");
        let school = town.administrator(world, &town.school);
        assert_eq!(world.refused_as(&school, "confirmGuardian", town.pair()), ["NOT_FOUND"], "nobody recorded it");
        assert_eq!(world.refused_as(&school, "addGuardian", town.pair()), ["FORBIDDEN"], "the records are kept elsewhere");
        world.done_as(&town.administrator(world, &town.keeper), "addGuardian", "child { id }", town.pair());
        let foreign = town.administrator(world, &stranger);
        for mutation in ["confirmGuardian", "removeGuardian"] {
            assert_eq!(world.refused_as(&foreign, mutation, town.pair()), ["NOT_FOUND"], "{mutation}");
            let mut named = town.pair();
            named["organizationId"] = json!(town.school);
            assert_eq!(world.refused_as(&foreign, mutation, named), ["FORBIDDEN"], "{mutation}");
        }
        assert_eq!(town.told(world, &world.token(Role::Staff, None, Some(&town.school))), []);
        // That it is confirmed elsewhere is not the keeper's business.
        world.done_as(&school, "confirmGuardian", "child { id }", town.pair());
        let query = "query($id: ID!) { participant(id: $id) { history { edges { node { changes { field after } } } } } }";
        let found = world.data_as(&town.administrator(world, &town.keeper), query, json!({ "id": town.child }));
        let guardian = json!([{ "field": "guardian", "after": town.mother }]);
        let entries = found["participant"]["history"]["edges"].as_array().unwrap();
        assert_eq!(entries.iter().filter(|entry| entry["node"]["changes"] == guardian).count(), 1, "{found}");
        // Once the child is no pupil any more, the school has no say.
        let membership = ids(&world.data("query($g: ID!) { memberships(filter: { groupId: $g }) { edges { node { id } } } }", json!({ "g": town.class }))["memberships"]);
        world.end(&membership[0], "2026-09-15");
        assert_eq!(world.refused_as(&school, "confirmGuardian", town.pair()), ["NOT_FOUND"]);
    }

    fn v4_recipients_are_guardians_for_the_organization_that_sends(world) {
        let town = Town::new(world);
        let school = town.administrator(world, &town.school);
        let query = "mutation($input: CreateContentInput!) { createContent(input: $input) { content { id } } }";
        let made = world.data_as(&school, query, json!({ "input": { "newsletter": { "title": "Brief", "body": "Hallo" } } }));
        let letter = text(&made["createContent"]["content"]["id"]);
        let availability = json!({ "groupIds": [town.class], "organization": true, "participantIds": [town.child] });
        world.done_as(&school, "publishContent", "content { id }", json!({ "contentId": letter, "availability": availability }));
        world.done_as(&town.administrator(world, &town.keeper), "addGuardian", "child { id }", town.pair());
        let names = || {
            let query = "query($id: ID!) { content(id: $id) { ... on Newsletter { recipients { edges { node { name } } } } } }";
            let found = world.data_as(&school, query, json!({ "id": letter }));
            found["content"]["recipients"]["edges"].as_array().unwrap().iter().map(|edge| text(&edge["node"]["name"])).collect::<Vec<_>>()
        };
        assert_eq!(names(), ["Kind Jansen", "School"]);
        world.done_as(&school, "confirmGuardian", "child { id }", town.pair());
        assert_eq!(names(), ["Kind Jansen", "Moeder Jansen", "School"]);
    }

    fn v4_a_bundle_records_for_the_organization_it_is_imported_for(world) {
        let school = world.organization("School");
        world.done("updateParticipant", "participant { id }", json!({ "participantId": school, "externalId": "S" }));
        let files = [
            ("participants.csv", "external_id,kind,given_name,name_prefix,family_name,birth_date,gender\n\
                                  kind,PERSON,Kind,,Aa,2017-01-01,\nmoeder,PERSON,Moeder,,Aa,,"),
            ("guardians.csv", "child,guardian\nkind,moeder"),
        ];
        let deliver = |organization: Option<&str>| {
            let files: Memory = files.iter().copied().collect();
            let bundle = bundle::read_from(&files, &Limits::default()).unwrap_or_else(|errors| panic!("{errors}"));
            let scope = Scope::new(Viewer::operator("tests"), Clock::Fixed(now()), chrono_tz::Europe::Amsterdam);
            let options = Options { organization: organization.map(|id| Owner::ExternalId(id.to_owned())), ..Options::default() };
            import(&world.db, &scope, &bundle, &options, &mut |_| {}).unwrap_or_else(|failure| panic!("{failure}"))
        };
        assert_eq!(deliver(Some("S")).guardians.created, 1);
        let find = |external: &str| {
            let query = "query($id: String!) { participants(filter: { externalIds: [$id] }) { edges { node { id ... on Person { guardianships { counts organization { id } } } } } } }";
            world.data(query, json!({ "id": external }))["participants"]["edges"][0]["node"].take()
        };
        assert_eq!(find("kind")["guardianships"], json!([{ "counts": true, "organization": { "id": school } }]));
        assert_eq!(deliver(Some("S")).guardians.unchanged, 1);
        // What was ended by hand since stands.
        let pair = json!({ "childId": find("kind")["id"], "guardianId": find("moeder")["id"] });
        let token = world.token(Role::MembershipAdministrator, None, Some(&school));
        world.done_as(&token, "removeGuardian", "child { id }", pair);
        assert_eq!(deliver(Some("S")).guardians.kept, 1);
        assert_eq!(find("kind")["guardianships"][0]["counts"], false);
        // Without an organization it is recorded for all others.
        assert_eq!(deliver(None).guardians.created, 1);
        let all = find("kind")["guardianships"].take();
        assert!(all.as_array().unwrap().contains(&json!({ "counts": true, "organization": null })), "{all}");
        assert!(all.as_array().unwrap().contains(&json!({ "counts": false, "organization": { "id": school } })), "{all}");
    }
}

fn at(y: i32, m: u32, d: u32) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(y, m, d, 10, 0, 0).unwrap()
}

/// Whether a guardian sees the class of somebody at a moment, asked with a token of that moment.
fn sees(world: &mut World, guardian: &str, class: &str, moment: DateTime<Utc>) -> bool {
    world.turn_clock(moment, chrono_tz::Europe::Amsterdam);
    let key = id::decode_as(Kind::Participant, guardian);
    let token = world.keys.sign(key, &[(Role::Participant, None)], "G", moment, Duration::hours(1)).unwrap();
    let found = world.data_as(&token, "query($id: ID!) { group(id: $id) { id } }", json!({ "id": class }));
    !found["group"].is_null()
}

/// A child of whom everything is known but the date of birth, with a guardian in a class of a school.
fn family(world: &World, born: Option<&str>, ends_on: Option<&str>) -> (String, String, String) {
    let school = world.organization("School");
    let person = |details: Value| {
        let input = json!({ "details": { "person": details }, "organizationId": school });
        text(&world.done("createParticipant", "participant { id }", input)["participant"]["id"])
    };
    let child = person(json!({ "givenName": "Kind", "birthDate": born }));
    let guardian = person(json!({ "givenName": "Ouder" }));
    let class = world.group_with(Some(&school), json!({ "name": "Groep" }));
    world.add(&class, &[&child], "2026-01-01");
    let input = json!({ "childId": child, "guardianId": guardian, "endsOn": ends_on });
    world.done("addGuardian", "child { id }", input);
    (child, guardian, class)
}

fn coming_of_age(mut world: World) {
    let (child, guardian, class) = family(&world, Some("2008-10-01"), None);
    let (_, for_good, other) = family(&world, None, None);
    let (_, until, third) = family(&world, Some("2017-01-01"), Some("2026-09-20"));
    let (adult, longer, fourth) = family(&world, Some("1990-01-01"), Some("2027-01-01"));
    assert!(sees(&mut world, &guardian, &class, at(2026, 9, 30)), "17 years old");
    assert!(!sees(&mut world, &guardian, &class, at(2026, 10, 1)), "18 years old");
    assert!(sees(&mut world, &for_good, &other, at(2026, 10, 1)), "nobody knows how old");
    assert!(sees(&mut world, &until, &third, at(2026, 9, 19)) && !sees(&mut world, &until, &third, at(2026, 9, 20)));
    assert!(
        sees(&mut world, &longer, &fourth, at(2026, 12, 31)) && !sees(&mut world, &longer, &fourth, at(2027, 1, 1))
    );
    // The person alone may say that it goes on, and take it back.
    let moment = at(2026, 10, 1);
    world.turn_clock(moment, chrono_tz::Europe::Amsterdam);
    let sign = |world: &World, id: &str| {
        let key = id::decode_as(Kind::Participant, id);
        world.keys.sign(key, &[(Role::Participant, None)], "K", moment, Duration::hours(1)).unwrap()
    };
    let agree = |agreed: bool| json!({ "guardianId": guardian, "agreed": agreed });
    let (own, others) = (sign(&world, &child), sign(&world, &adult));
    assert_eq!(world.refused_as(&others, "agreeToGuardian", agree(true)), ["NOT_FOUND"]);
    assert_eq!(world.refused_as(&sign(&world, &guardian), "agreeToGuardian", agree(true)), ["NOT_FOUND"]);
    world.done_as(&own, "agreeToGuardian", "child { id }", agree(true));
    assert!(sees(&mut world, &guardian, &class, moment));
    world.done_as(&own, "agreeToGuardian", "child { id }", agree(false));
    assert!(!sees(&mut world, &guardian, &class, moment));
}

fn too_young_to_agree(world: &World) {
    let (child, guardian, _) = family(world, Some("2011-09-15"), None);
    let token = world.token(Role::Participant, Some(&child), None);
    let input = json!({ "guardianId": guardian, "agreed": true });
    assert_eq!(world.refused_as(&token, "agreeToGuardian", input.clone()), ["INVALID_VALUE"], "15 years old");
    let older = json!({ "participantId": child, "details": { "person": { "birthDate": "2010-09-15" } } });
    world.done("updateParticipant", "participant { id }", older);
    world.done_as(&token, "agreeToGuardian", "guardian { id }", input);
    let adult = world.person("Al", "Groot");
    let born = json!({ "participantId": adult, "details": { "person": { "birthDate": "2008-09-15" } } });
    world.done("updateParticipant", "participant { id }", born);
    let pair = json!({ "childId": adult, "guardianId": guardian });
    assert_eq!(world.refused("addGuardian", pair), ["INVALID_VALUE"], "18 years old, and no day is set");
    let past = json!({ "childId": adult, "guardianId": guardian, "endsOn": "2026-09-15" });
    assert_eq!(world.refused("addGuardian", past), ["INVALID_DATE"]);
}

both! {
    fn v4_who_is_old_enough_agrees(world) {
        too_young_to_agree(world);
    }
}

inventory::submit! {
    Single { name: "it::guardians::v4_it_ends_when_the_child_comes_of_age_sqlite", run: || coming_of_age(World::sqlite()), missing: || false }
}

inventory::submit! {
    Single {
        name: "it::guardians::v4_it_ends_when_the_child_comes_of_age_postgres",
        run: || coming_of_age(World::postgres()),
        missing: || std::env::var_os("KRING_TEST_POSTGRES").is_none_or(|url| url.is_empty()),
    }
}
