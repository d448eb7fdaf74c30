//! Automatic participation: memberships that follow from a source group or from where people live (A1 to A5).

use kring::access::{Role, Viewer};
use kring::db::{Dialect, Sql};
use kring::exchange::bundle::{self, Limits, Memory};
use kring::exchange::import::{Options, Report, import};
use kring::id::{self, Kind};
use kring::scope::{Clock, Scope};
use serde_json::{Value, json};

use crate::harness::{Single, World, both, ids, now, text};

/// Of a group: who has which membership, as "name origin status start end".
fn rows(world: &World, group: &str) -> Vec<String> {
    let query = "query($id: ID!) { group(id: $id) { memberships(first: 100, filter: { status: ANY }, \
                 orderBy: { field: PARTICIPANT_NAME, direction: ASC }) { edges { node { origin status startDate endDate \
                 endReason { code } participant { displayName } } } } } }";
    let data = world.data(query, json!({ "id": group }));
    let edges = data["group"]["memberships"]["edges"].as_array().unwrap().clone();
    edges
        .iter()
        .map(|edge| {
            let node = &edge["node"];
            let of = |value: &Value| value.as_str().unwrap_or("-").to_owned();
            format!(
                "{} {} {} {} {} {}",
                of(&node["participant"]["displayName"]),
                of(&node["origin"]),
                of(&node["status"]),
                of(&node["startDate"]),
                of(&node["endDate"]),
                of(&node["endReason"]["code"])
            )
        })
        .collect()
}

fn fed(world: &World, name: &str, source: &str) -> String {
    world.group_with(None, json!({ "name": name, "sourceGroupId": source }))
}

fn at_home(world: &World, name: &str) -> String {
    world.group_with(None, json!({ "name": name, "viaHomeAddress": true }))
}

fn register(world: &World, who: &str, address: &str, start: &str, end: Option<&str>) -> String {
    let input = json!({ "participantId": who, "addressId": address, "startDate": start, "endDate": end });
    text(&world.done("registerResidency", "residency { id }", input)["residency"]["id"])
}

fn membership_of(world: &World, group: &str, name: &str) -> String {
    let query = "query($id: ID!) { group(id: $id) { memberships(first: 100) { edges { node { id participant { displayName } } } } } }";
    let data = world.data(query, json!({ "id": group }));
    let edges = data["group"]["memberships"]["edges"].as_array().unwrap().clone();
    let found = edges.iter().find(|edge| edge["node"]["participant"]["displayName"] == name);
    text(&found.unwrap_or_else(|| panic!("{name} is no member"))["node"]["id"])
}

/// Imports a bundle as the harness's day.
fn delivered(world: &World, files: &[(&str, &str)]) -> Report {
    let files: Memory = files.iter().copied().collect();
    let bundle = bundle::read_from(&files, &Limits::default()).unwrap_or_else(|errors| panic!("{errors}"));
    let scope = Scope::new(Viewer::operator("tests"), Clock::Fixed(now()), chrono_tz::Europe::Amsterdam);
    import(&world.db, &scope, &bundle, &Options::default(), &mut |_| {}).unwrap_or_else(|failure| panic!("{failure}"))
}

/// A group or participant by the sender's key.
fn known(world: &World, list: &str, external_id: &str) -> String {
    let query =
        format!("query($id: String!) {{ {list}(filter: {{ externalIds: [$id] }}) {{ edges {{ node {{ id }} }} }} }}");
    text(&world.data(&query, json!({ "id": external_id }))[list]["edges"][0]["node"]["id"])
}

both! {
    fn a1_a_source_feeds_a_chain_and_its_components_count(world) {
        let [cell, source] = ["Cell", "Source"].map(|name| world.group(name));
        world.compose(&source, "ANY", &[(&cell, "INCLUDE")]);
        let fed_group = fed(world, "Fed", &source);
        let chained = fed(world, "Chained", &fed_group);
        let anna = world.person("Anna", "Aa");
        let added = world.add(&cell, &[&anna], "2026-09-15");
        assert_eq!(rows(world, &fed_group), ["Anna Aa SOURCE_GROUP ACTIVE 2026-09-15 - -"]);
        assert_eq!(rows(world, &chained), ["Anna Aa SOURCE_GROUP ACTIVE 2026-09-15 - -"]);
        world.end(&added[0], "2026-09-15");
        for group in [&fed_group, &chained] {
            assert_eq!(rows(world, group), ["Anna Aa SOURCE_GROUP ENDED 2026-09-15 2026-09-15 LEFT_SOURCE_GROUP"]);
            assert_eq!(world.members(group, None), [""; 0]);
        }
        let bas = world.person("Bas", "Bb");
        world.add(&source, &[&bas], "2026-01-01");
        assert_eq!(world.members(&chained, None), ["Bas Bb"], "a member of long ago is one from today on");
        world.compose(&source, "ANY", &[(&cell, "EXCLUDE")]);
        world.add(&cell, &[&bas], "2026-09-15");
        assert_eq!(world.members(&chained, None), [""; 0], "a component that keeps people out keeps them out below");
        world.compose(&source, "ANY", &[]);
        assert_eq!(world.members(&chained, None), ["Bas Bb"], "components are followed when they change");
    }

    fn a1_a_membership_of_a_later_day_is_followed_on_that_day(world) {
        let source = world.group("Source");
        let group = fed(world, "Fed", &source);
        let anna = world.person("Anna", "Aa");
        let added = world.add(&source, &[&anna], "2026-10-01");
        assert_eq!(rows(world, &group), ["Anna Aa SOURCE_GROUP SCHEDULED 2026-10-01 - -"]);
        assert_eq!((world.members(&group, None).len(), world.members(&group, Some("2026-10-01")).len()), (0, 1));
        let update = |start: &str, end: Option<&str>| {
            let input = json!({ "membershipId": added[0], "startDate": start, "endDate": end, "endReasonCode": end.map(|_| "LEFT") });
            world.done("updateMembership", "membership { id }", input);
        };
        update("2026-09-01", Some("2026-12-01"));
        assert_eq!(rows(world, &group), ["Anna Aa SOURCE_GROUP ACTIVE 2026-09-15 2026-12-01 LEFT_SOURCE_GROUP"]);
        update("2026-09-01", Some("2026-11-01"));
        assert_eq!(rows(world, &group), ["Anna Aa SOURCE_GROUP ACTIVE 2026-09-15 2026-11-01 LEFT_SOURCE_GROUP"]);
        update("2026-09-01", None);
        assert_eq!(rows(world, &group), ["Anna Aa SOURCE_GROUP ACTIVE 2026-09-15 - -"]);
        world.done("annulMembership", "membership { id }", json!({ "membershipId": added[0] }));
        assert_eq!(rows(world, &group), ["Anna Aa SOURCE_GROUP ENDED 2026-09-15 2026-09-15 LEFT_SOURCE_GROUP"]);
    }

    fn a1_a_dynamic_group_feeds_too(world) {
        let club = world.group("Club");
        let utrecht = world.group_with(None, json!({ "name": "Utrecht", "memberFilter": { "kinds": ["PERSON"], "search": "aa", "currentGroupId": club } }));
        let group = fed(world, "Fed", &utrecht);
        let anna = world.person("Anna", "Aa");
        assert_eq!(world.members(&group, None), [""; 0]);
        let added = world.add(&club, &[&anna], "2026-11-01");
        assert_eq!(rows(world, &group), ["Anna Aa SOURCE_GROUP SCHEDULED 2026-11-01 - -"]);
        let rename = |family: &str| {
            let input = json!({ "participantId": anna, "details": { "person": { "familyName": family } } });
            world.done("updateParticipant", "participant { id }", input);
        };
        rename("Bb");
        assert_eq!(rows(world, &group), [""; 0], "what never came into force is in no list");
        rename("Aa");
        assert_eq!(world.members(&group, Some("2026-11-01")), ["Anna Aa"]);
        world.done("annulMembership", "membership { id }", json!({ "membershipId": added[0] }));
        assert_eq!(rows(world, &group), [""; 0]);
        let all = world.group_with(None, json!({ "name": "All", "memberFilter": { "kinds": ["PERSON"] } }));
        let everybody = fed(world, "Everybody", &all);
        assert_eq!(world.members(&everybody, None), ["Anna Aa"]);
        world.person("Bas", "Bb");
        assert_eq!(world.members(&everybody, None), ["Anna Aa", "Bas Bb"]);
    }

    fn a2_whoever_lives_at_a_member_address_is_a_member(world) {
        let group = at_home(world, "Complex");
        let chained = fed(world, "Chained", &group);
        let address = world.address(None, "Dorpsstraat", "1");
        let [anna, bas] = [("Anna", "Aa"), ("Bas", "Bb")].map(|(given, family)| world.person(given, family));
        register(world, &bas, &address, "2020-01-01", Some("2026-12-31"));
        let added = world.add(&group, &[&address], "2026-09-15");
        assert_eq!(rows(world, &group)[..1], ["Bas Bb HOME_ADDRESS ACTIVE 2026-09-15 2026-12-31 MOVED_OUT"]);
        let residency = register(world, &anna, &address, "2026-10-01", None);
        assert_eq!(rows(world, &group)[..1], ["Anna Aa HOME_ADDRESS SCHEDULED 2026-10-01 - -"]);
        assert_eq!(world.members(&chained, Some("2026-10-01")).len(), 3, "two people and their address");
        world.done("endResidency", "residency { id }", json!({ "residencyId": residency, "endDate": "2026-11-01" }));
        assert_eq!(rows(world, &chained)[..1], ["Anna Aa SOURCE_GROUP SCHEDULED 2026-10-01 2026-11-01 LEFT_SOURCE_GROUP"]);
        world.end(&added[0], "2026-09-15");
        assert_eq!((world.members(&group, None), world.members(&chained, Some("2026-10-15"))), (vec![], vec![]));
        assert!(rows(world, &group).contains(&"Bas Bb HOME_ADDRESS ENDED 2026-09-15 2026-09-15 MOVED_OUT".to_owned()));
    }

    fn a2_an_address_that_a_source_feeds_brings_its_residents(world) {
        let addresses = world.group("Addresses");
        let group = world.group_with(None, json!({ "name": "Complex", "viaHomeAddress": true, "sourceGroupId": addresses }));
        let address = world.address(None, "Dorpsstraat", "1");
        let anna = world.person("Anna", "Aa");
        register(world, &anna, &address, "2026-01-01", None);
        world.add(&addresses, &[&address], "2026-09-15");
        assert_eq!(world.members(&group, None).len(), 2);
        world.add(&addresses, &[&anna], "2026-09-15");
        assert_eq!(rows(world, &group).iter().filter(|row| row.starts_with("Anna") && row.contains("ACTIVE")).count(), 1, "one membership, whichever way");
    }

    fn a3_a_membership_made_by_hand_outlives_the_source(world) {
        let source = world.group("Source");
        let group = fed(world, "Fed", &source);
        let [anna, bas] = [("Anna", "Aa"), ("Bas", "Bb")].map(|(given, family)| world.person(given, family));
        let first = world.add(&group, &[&anna], "2026-09-01");
        let sources = world.add(&source, &[&anna, &bas], "2026-09-15");
        assert_eq!(rows(world, &group), ["Anna Aa MANUAL ACTIVE 2026-09-01 - -", "Bas Bb SOURCE_GROUP ACTIVE 2026-09-15 - -"]);
        let permanent = json!({ "groupId": group, "participantIds": [bas], "startDate": "2026-10-01", "makePermanent": true });
        let by_hand = ids(&world.done("addMemberships", "memberships(first: 1) { edges { node { id } } }", permanent)["memberships"]);
        assert_eq!(rows(world, &group)[1..], [
            "Bas Bb SOURCE_GROUP ACTIVE 2026-09-15 2026-10-01 LEFT_SOURCE_GROUP".replace("LEFT_SOURCE_GROUP", "TAKEN_OVER"),
            "Bas Bb MANUAL SCHEDULED 2026-10-01 - -".to_owned(),
        ]);
        for membership in &sources {
            world.end(membership, "2026-09-15");
        }
        assert_eq!(world.members(&group, None), ["Anna Aa"]);
        assert_eq!(world.members(&group, Some("2026-10-01")), ["Anna Aa", "Bas Bb"]);
        world.add(&source, &[&anna, &bas], "2026-09-15");
        world.end(&first[0], "2026-09-15");
        world.done("annulMembership", "membership { id }", json!({ "membershipId": by_hand[0] }));
        assert_eq!(world.members(&group, None), ["Anna Aa", "Bas Bb"], "the source takes over again");
    }

    fn a3_a_derived_membership_is_ended_by_hand_for_good_and_not_corrected(world) {
        let source = world.group("Source");
        let group = fed(world, "Fed", &source);
        let anna = world.person("Anna", "Aa");
        world.add(&source, &[&anna], "2026-09-15");
        let derived = membership_of(world, &group, "Anna Aa");
        let update = json!({ "membershipId": derived, "startDate": "2026-01-01" });
        assert_eq!(world.refused("updateMembership", update), ["DERIVED_MEMBERSHIP"]);
        assert_eq!(world.refused("annulMembership", json!({ "membershipId": derived })), ["DERIVED_MEMBERSHIP"]);
        world.done("updateMembership", "membership { role }", json!({ "membershipId": derived, "role": "LEADER" }));
        world.end(&derived, "2026-12-01");
        assert_eq!(rows(world, &group), ["Anna Aa SOURCE_GROUP ACTIVE 2026-09-15 2026-12-01 LEFT"]);
        let input = json!({ "groupId": group, "settings": { "description": "x" } });
        world.done("updateGroup", "group { id }", input);
        world.compose(&source, "ANY", &[]);
        assert_eq!(rows(world, &group), ["Anna Aa SOURCE_GROUP ACTIVE 2026-09-15 2026-12-01 LEFT"], "nothing brings it back");
    }

    fn a4_switching_on_fills_and_switching_off_ends_with_a_dry_run_of_both(world) {
        let source = world.group("Source");
        let group = world.group("Group");
        let [anna, bas, cor] = [("Anna", "Aa"), ("Bas", "Bb"), ("Cor", "Cc")].map(|(given, family)| world.person(given, family));
        world.add(&source, &[&anna, &bas], "2026-09-01");
        world.add(&source, &[&cor], "2026-12-01");
        world.add(&group, &[&anna], "2026-09-01");
        let switch = |source: Option<&str>, dry_run: bool| {
            let input = json!({ "groupId": group, "settings": { "sourceGroupId": source }, "dryRun": dry_run });
            let done = world.done("updateGroup", "membershipsStarted membershipsEnded dryRun group { sourceGroup { name } memberCount }", input);
            assert_eq!(done["dryRun"], json!(dry_run));
            (done["membershipsStarted"].as_i64().unwrap(), done["membershipsEnded"].as_i64().unwrap())
        };
        let history = world.rows("history");
        assert_eq!(switch(Some(&source), true), (2, 0));
        assert_eq!((world.members(&group, None), world.rows("history")), (vec!["Anna Aa".to_owned()], history));
        assert_eq!(switch(Some(&source), false), (2, 0));
        assert_eq!(world.members(&group, None), ["Anna Aa", "Bas Bb"]);
        assert_eq!(world.members(&group, Some("2026-12-01")), ["Anna Aa", "Bas Bb", "Cor Cc"]);
        assert_eq!(switch(Some(&source), false), (0, 0), "switched on already");
        assert_eq!(switch(None, true), (0, 2));
        assert_eq!(world.members(&group, None), ["Anna Aa", "Bas Bb"]);
        assert_eq!(switch(None, false), (0, 2));
        assert_eq!(world.members(&group, Some("2026-12-01")), ["Anna Aa"]);
    }

    fn a5_what_follows_is_written_with_its_cause_or_not_at_all(world) {
        let source = world.group("Source");
        let group = fed(world, "Fed", &source);
        let anna = world.person("Anna", "Aa");
        let input = json!({ "groupId": source, "participantIds": [anna, "UGVyc29uOjk5OTk"], "startDate": "2026-09-15" });
        assert_eq!(world.refused("addMemberships", input), ["INVALID_VALUE"], "an id of no kind");
        let dry = json!({ "groupId": source, "participantIds": [anna], "dryRun": true });
        world.done("addMemberships", "added", dry);
        assert_eq!((world.rows("memberships"), world.members(&group, None).len()), (0, 0));
        world.add(&source, &[&anna], "2026-09-15");
        let query = "query($id: ID!) { membership(id: $id) { history(first: 5) { edges { node { action actor { displayName } changes { field after } } } } } }";
        let data = world.data(query, json!({ "id": membership_of(world, &group, "Anna Aa") }));
        let entry = &data["membership"]["history"]["edges"][0]["node"];
        assert_eq!((&entry["action"], &entry["actor"]["displayName"]), (&json!("CREATED"), &json!("Tester")));
        assert!(entry["changes"].as_array().unwrap().contains(&json!({ "field": "startReason", "after": "JOINED_SOURCE_GROUP" })));
    }

    fn a5_when_what_follows_fails_its_cause_is_not_there_either(world) {
        let source = world.group("Source");
        let group = at_home(world, "Fed");
        world.done("updateGroup", "group { id }", json!({ "groupId": group, "settings": { "sourceGroupId": source } }));
        let [anna, bas] = [("Anna", "Aa"), ("Bas", "Bb")].map(|(given, family)| world.person(given, family));
        let address = world.address(None, "Dorpsstraat", "1");
        world.add(&group, &[&address], "2026-09-15");
        let added = world.add(&source, &[&bas], "2026-09-15");
        world.db.write(|conn| {
            for table in ["memberships", "history"] {
                let trigger = match conn.dialect() {
                    Dialect::Sqlite => vec![format!("CREATE TRIGGER fail_{table} BEFORE INSERT ON {table} WHEN (SELECT armed FROM fault) = '{table}' \
                        BEGIN SELECT RAISE(ABORT, 'injected'); END")],
                    Dialect::Postgres => vec![
                        format!("CREATE FUNCTION fail_{table}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                            IF (SELECT armed FROM fault) = '{table}' THEN RAISE EXCEPTION 'injected'; END IF; RETURN NEW; END $$"),
                        format!("CREATE TRIGGER fail_{table} BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION fail_{table}()"),
                    ],
                };
                if table == "memberships" {
                    Sql::new("CREATE TABLE fault (armed TEXT)").execute(conn)?;
                    Sql::new("INSERT INTO fault VALUES ('none')").execute(conn)?;
                }
                for statement in trigger {
                    Sql::new(statement).execute(conn)?;
                }
            }
            Ok(())
        }).unwrap();
        let arm = |what: &'static str| {
            world.db.write(|conn| Ok(Sql::new("UPDATE fault SET armed = ").string(what).execute(conn)?)).unwrap();
        };
        let before = || (rows(world, &group), rows(world, &source), world.rows("history"), world.rows("residencies"), world.rows("opt_outs"));
        let expected = before();
        let causes = [
            ("addMemberships(input: $input) { added }", "AddMembershipsInput", json!({ "groupId": source, "participantIds": [anna] })),
            ("registerResidency(input: $input) { residency { id } }", "RegisterResidencyInput", json!({ "participantId": anna, "addressId": address, "startDate": "2026-09-15" })),
            ("endMembership(input: $input) { membership { id } }", "EndMembershipInput", json!({ "membershipId": added[0], "endReasonCode": "LEFT" })),
            ("updateGroup(input: $input) { group { id } }", "UpdateGroupInput", json!({ "groupId": group, "settings": { "sourceGroupId": null } })),
        ];
        for armed in ["memberships", "history"] {
            for (mutation, input_type, input) in &causes {
                if armed == "memberships" && (mutation.starts_with("end") || mutation.starts_with("update")) {
                    continue;
                }
                arm(armed);
                let query = format!("mutation($input: {input_type}!) {{ {mutation} }}");
                let answer = world.ask(&query, json!({ "input": input }));
                assert_eq!(answer["errors"][0]["extensions"]["code"], "INTERNAL", "{mutation}: {answer}");
                arm("none");
                assert_eq!(before(), expected, "{mutation} with {armed}");
            }
        }
    }

    fn a1_whose_group_it_is_decides_who_passes_a_filter_that_feeds(world) {
        let [here, elsewhere] = ["Hier", "Daar"].map(|name| world.organization(name));
        let everybody = world.group_with(Some(&elsewhere), json!({ "name": "All", "memberFilter": { "kinds": ["PERSON"] } }));
        let group = fed(world, "Fed", &everybody);
        let choir = world.group_with(Some(&here), json!({ "name": "Choir" }));
        let anna = world.person_of(Some(&here), "Anna", "Aa");
        world.add(&choir, &[&anna], "2026-09-01");
        let hand = |organization: &str| {
            let input = json!({ "groupId": choir, "organizationId": organization, "settings": {} });
            world.done("updateGroup", "membershipsStarted membershipsEnded", input)
        };
        assert_eq!(world.members(&group, None), [""; 0]);
        assert_eq!(hand(&elsewhere)["membershipsStarted"], 1);
        assert_eq!((world.members(&everybody, None), world.members(&group, None)), (vec!["Anna Aa".to_owned()], vec!["Anna Aa".to_owned()]));
        assert_eq!(hand(&here)["membershipsEnded"], 1);
        assert_eq!(world.members(&group, None), [""; 0]);
    }

    fn s5_an_opt_out_survives_every_later_delivery(world) {
        let files = [
            ("categories.csv", "external_id,name\nc,C"),
            ("participants.csv", "external_id,kind,given_name,name_prefix,family_name,birth_date,gender,street,house_number\n\
                                  anna,PERSON,Anna,,Aa,,,,\nbas,PERSON,Bas,,Bb,,,,\nhome,ADDRESS,,,,,,Dorpsstraat,1"),
            ("groups.csv", "external_id,name,description,category,subscription_group,source_group,via_home_address\n\
                            source,Source,,c,,,\nnews,News,,c,true,source,\nstreet,Street,,c,true,,true\nchoir,Choir,,c,true,,"),
            ("memberships.csv", "group,participant,start_date,start_reason,end_date,end_reason,role\n\
                                 source,anna,2026-09-01,JOINED,,,\nsource,bas,2026-09-01,JOINED,,,\n\
                                 choir,anna,2026-09-01,JOINED,,,\nstreet,home,2026-09-01,JOINED,,,"),
            ("residencies.csv", "participant,address,start_date,end_date\nanna,home,2026-09-01,"),
        ];
        delivered(world, &files);
        let [news, street, choir] = ["news", "street", "choir"].map(|group| known(world, "groups", group));
        let token = world.token(Role::Participant, Some(&known(world, "participants", "anna")), None);
        assert!([&news, &street, &choir].iter().all(|group| world.members(group, None).contains(&"Anna Aa".to_owned())));
        for group in [&news, &street, &choir] {
            world.done_as(&token, "unsubscribe", "membership { id }", json!({ "groupId": group }));
        }
        let without = |world: &World| {
            assert_eq!((world.members(&news, None), world.members(&choir, None)), (vec!["Bas Bb".to_owned()], vec![]));
            assert_eq!(world.members(&street, None).len(), 1, "the address alone");
            assert_eq!(world.members(&news, Some("2027-09-15")), ["Bas Bb"]);
        };
        let again = delivered(world, &files);
        assert_eq!((again.memberships.opted_out, again.memberships.unchanged), (1, 3));
        without(world);
        let more = [
            ("memberships.csv", "group,participant,start_date,start_reason,end_date,end_reason,role\n\
                                 source,anna,2025-01-01,JOINED,2026-01-01,LEFT,\nnews,anna,2026-10-01,JOINED,,,\n\
                                 choir,anna,2027-01-01,JOINED,,,\nchoir,anna,2020-01-01,JOINED,2021-01-01,LEFT,"),
            ("residencies.csv", "participant,address,start_date,end_date\nbas,home,2020-01-01,2021-01-01"),
        ];
        let later = delivered(world, &more);
        assert_eq!((later.memberships.opted_out, later.memberships.created), (2, 2), "what is over is only history");
        without(world);
        world.done_as(&token, "subscribe", "membership { id }", json!({ "groupId": choir }));
        let again = delivered(world, &files);
        assert!(again.is_idle(), "whoever has joined again is in no delivery's way: {again}");
        assert_eq!(world.members(&choir, None), ["Anna Aa"], "until joining again");
        world.done_as(&token, "subscribe", "membership { id }", json!({ "groupId": news }));
        assert!(delivered(world, &files).is_idle());
        assert_eq!(world.members(&news, None), ["Anna Aa", "Bas Bb"]);
    }

    fn g2_a_closed_group_takes_no_new_members_from_a_delivery_either(world) {
        let organization = world.organization("Vereniging");
        let group = world.group_with(Some(&organization), json!({ "name": "Koor", "externalId": "koor" }));
        let input = json!({ "details": { "person": { "givenName": "Anna", "familyName": "Aa" } }, "externalId": "anna" });
        world.done("createParticipant", "participant { id }", input);
        world.done("closeGroup", "group { id }", json!({ "groupId": group }));
        let header = "group,participant,start_date,start_reason,end_date,end_reason,role";
        let deliver = |line: &str| {
            let text = format!("{header}\n{line}");
            let files: Memory = [("memberships.csv", text.as_str())].into_iter().collect();
            let bundle = bundle::read_from(&files, &Limits::default()).unwrap();
            let scope = Scope::new(Viewer::operator("tests"), Clock::Fixed(now()), chrono_tz::Europe::Amsterdam);
            import(&world.db, &scope, &bundle, &Options::default(), &mut |_| {}).map_err(|failure| failure.to_string())
        };
        assert!(deliver("koor,anna,2020-01-01,JOINED,2021-01-01,LEFT,").is_ok(), "closed changes no rule");
        let input = json!({ "participantId": organization, "details": { "organization": { "enforcePortalSettings": true } } });
        world.done("updateParticipant", "participant { id }", input);
        let report = deliver("koor,anna,2026-09-01,JOINED,,,").unwrap();
        assert_eq!((report.memberships.refused, report.memberships.created), (1, 0));
        let told = report.to_string();
        assert!(told.contains("memberships.csv:2:1") && told.contains("takes no new members"), "{told}");
        assert!(deliver("koor,anna,2022-01-01,JOINED,2023-01-01,LEFT,").is_ok(), "what is over is only history");
        assert_eq!(world.rows("memberships"), 2);
    }

    fn a5_a_database_that_goes_away_in_the_middle_leaves_nothing_half_done(world) {
        if !world.is_postgres() {
            return;
        }
        let source = world.group("Source");
        let group = world.group_with(None, json!({ "name": "Fed", "sourceGroupId": source, "subscriptionGroup": true }));
        let [anna, bas] = [("Anna", "Aa"), ("Bas", "Bb")].map(|(given, family)| world.person(given, family));
        let token = world.token(Role::Participant, Some(&bas), None);
        let before = || (world.rows("memberships"), world.rows("history"), world.rows("outbox"), world.rows("opt_outs"));
        // The server ends the connection once the cause is written and what follows from it is under way.
        let set = |statement: &str| world.db.write(|conn| Ok(Sql::new(statement.to_owned()).execute(conn)?)).unwrap();
        set("CREATE FUNCTION hang_up() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END $$");
        set(&format!("CREATE TRIGGER hang_up BEFORE INSERT ON memberships FOR EACH ROW WHEN (NEW.group_id = {}) \
                      EXECUTE FUNCTION hang_up()", id::decode_as(Kind::Group, &group).unwrap()));
        let expected = before();
        let add = json!({ "groupId": source, "participantIds": [anna], "startDate": "2026-09-15", "clientMutationId": "1" });
        let join = json!({ "groupId": group, "clientMutationId": "1" });
        let adding = "mutation($input: AddMembershipsInput!) { addMemberships(input: $input) { added } }";
        let joining = "mutation($input: SubscribeInput!) { subscribe(input: $input) { membership { id } userErrors { code } } }";
        let administrator = world.administrator();
        for (token, query, input) in [(&administrator, adding, &add), (&token, joining, &join)] {
            let answer = world.ask_as(Some(token), query, json!({ "input": input }));
            assert_eq!(answer["errors"][0]["extensions"]["code"], "UNAVAILABLE", "{answer}");
            assert_eq!(before(), expected);
        }
        set("DROP TRIGGER hang_up ON memberships");
        world.data_as(&administrator, adding, json!({ "input": add }));
        world.data_as(&token, joining, json!({ "input": join }));
        assert_eq!(world.members(&group, None), ["Anna Aa", "Bas Bb"], "the same requests again are carried out");
    }

    fn g4_a_source_that_leads_back_is_refused(world) {
        let source = world.group("Source");
        let group = fed(world, "Fed", &source);
        let input = json!({ "groupId": source, "settings": { "sourceGroupId": group } });
        assert_eq!(world.refused("updateGroup", input), ["CYCLE_DETECTED"]);
        let input = json!({ "groupId": source, "components": [{ "groupId": group, "mode": "EXCLUDE" }] });
        assert_eq!(world.refused("setGroupComponents", input), ["CYCLE_DETECTED"]);
    }

    fn g2_a_closed_group_takes_new_members_unless_its_organization_says_otherwise(world) {
        let organization = world.organization("Vereniging");
        let source = world.group_with(Some(&organization), json!({ "name": "Source" }));
        let group = world.group_with(Some(&organization), json!({ "name": "Fed", "sourceGroupId": source }));
        let [anna, bas, cor] = [("Anna", "Aa"), ("Bas", "Bb"), ("Cor", "Cc")].map(|(given, family)| world.person_of(Some(&organization), given, family));
        world.done("closeGroup", "group { id }", json!({ "groupId": group }));
        let sources = world.add(&source, &[&anna], "2026-09-15");
        world.add(&group, &[&cor], "2026-09-15");
        assert_eq!(world.members(&group, None), ["Anna Aa", "Cor Cc"], "closed describes the group and changes no rule");
        let enforce = |enforce: bool| {
            let input = json!({ "participantId": organization, "details": { "organization": { "enforcePortalSettings": enforce } } });
            world.done("updateParticipant", "participant { id ... on Organization { enforcePortalSettings } }", input);
        };
        enforce(true);
        world.add(&source, &[&bas], "2026-09-15");
        assert_eq!(world.members(&group, None), ["Anna Aa", "Cor Cc"], "nobody new");
        let input = json!({ "groupId": group, "participantIds": [bas] });
        assert_eq!(world.refused("addMemberships", input), ["GROUP_CLOSED"]);
        world.end(&sources[0], "2026-09-15");
        assert_eq!(world.members(&group, None), ["Cor Cc"], "leaving goes on");
        enforce(false);
        assert_eq!(world.members(&group, None), ["Bas Bb", "Cor Cc"]);
        enforce(true);
        world.done("reopenGroup", "group { id }", json!({ "groupId": group }));
        let staff = world.token(Role::Staff, None, Some(&organization));
        let input = json!({ "participantId": organization, "details": { "organization": { "enforcePortalSettings": false } } });
        let answer = world.ask_as(Some(&staff), "mutation($input: UpdateParticipantInput!) { updateParticipant(input: $input) { participant { id } } }", json!({ "input": input }));
        assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN");
    }

    fn a_composite_that_feeds_nobody_is_changed_without_a_look_at_its_members(world) {
        let [composite, cell] = ["Composite", "Cell"].map(|name| world.group(name));
        let people: Vec<String> = (0..20).map(|n| world.person(&format!("P{n}"), "Aa")).collect();
        world.add(&cell, &people.iter().map(String::as_str).collect::<Vec<_>>(), "2026-01-01");
        let count = |components: Value| {
            let before = world.db.statements();
            world.done("setGroupComponents", "membershipsStarted", json!({ "groupId": composite, "components": components }));
            world.db.statements() - before
        };
        let unfed = count(json!([{ "groupId": cell }]));
        fed(world, "Fed", &composite);
        count(json!([]));
        assert!(count(json!([{ "groupId": cell }])) >= unfed + 8, "what is followed takes more");
        assert!(unfed <= 16, "{unfed}");
    }

    fn the_number_of_statements_depends_neither_on_people_nor_on_depth(world) {
        let people: Vec<String> = (0..60).map(|n| world.person(&format!("P{n}"), "Aa")).collect();
        let count = |depth: usize, people: &[String]| {
            let source = world.group(&format!("Source {depth} {}", people.len()));
            let mut last = source.clone();
            for n in 0..depth {
                last = fed(world, &format!("Fed {depth} {} {n}", people.len()), &last);
            }
            let before = world.db.statements();
            world.add(&source, &people.iter().map(String::as_str).collect::<Vec<_>>(), "2026-09-15");
            assert_eq!(world.members(&last, None).len(), people.len());
            world.db.statements() - before
        };
        let few = count(1, &people[..2]);
        assert_eq!((count(6, &people[..2]), count(6, &people[..50])), (few, few));
        assert!(few < 40, "{few}");
    }
}

/// Nothing is written from one day to the next, and no job runs.
fn on_their_day(mut world: World) {
    let source = world.group("Source");
    let group = world.group_with(
        None,
        json!({ "name": "Fed", "sourceGroupId": source, "viaHomeAddress": true, "subscriptionGroup": true }),
    );
    let address = world.address(None, "Dorpsstraat", "1");
    let [anna, bas, cor] =
        [("Anna", "Aa"), ("Bas", "Bb"), ("Cor", "Cc")].map(|(given, family)| world.person(given, family));
    world.add(&source, &[&address], "2026-09-15");
    let ending = world.add(&source, &[&anna], "2026-09-15");
    world.end(&ending[0], "2026-10-01");
    world.add(&source, &[&bas], "2026-10-01");
    register(&world, &cor, &address, "2026-09-15", Some("2026-10-01"));
    let key = id::decode_as(Kind::Participant, &bas);
    let days = [
        ("2026-09-30T21:59:59Z", ["Anna Aa", "Cor Cc"].as_slice(), ""),
        ("2026-09-30T22:00:00Z", &["Bas Bb"], "ALREADY_MEMBER"),
    ];
    for (moment, expected, code) in days {
        let moment = chrono::DateTime::parse_from_rfc3339(moment).unwrap().to_utc();
        world.turn_clock(moment, chrono_tz::Europe::Amsterdam);
        let sign = |key, role| world.keys.sign(key, &[(role, None)], "T", moment, chrono::Duration::hours(1)).unwrap();
        let query =
            "query($id: ID!) { group(id: $id) { effectiveMembers(first: 9) { edges { node { displayName } } } } }";
        let data = world.data_as(&sign(None, Role::Administrator), query, json!({ "id": group }));
        let edges = data["group"]["effectiveMembers"]["edges"].as_array().unwrap().iter();
        let names =
            edges.map(|edge| text(&edge["node"]["displayName"])).filter(|name| !name.starts_with("Dorpsstraat"));
        assert_eq!(names.collect::<Vec<_>>(), expected, "{moment}");
        let query =
            "{ viewer { subscriptions { edges { node { membership { status } subscribeErrors { code } } } } } }";
        let data = world.data_as(&sign(key, Role::Participant), query, json!({}));
        let node = &data["viewer"]["subscriptions"]["edges"][0]["node"];
        assert_eq!(node["subscribeErrors"][0]["code"].as_str().unwrap_or_default(), code, "{moment}: {node}");
    }
}

inventory::submit! {
    Single { name: "it::participation::a1_a2_what_is_to_come_comes_on_its_day_sqlite", run: || on_their_day(World::sqlite()), missing: || false }
}

inventory::submit! {
    Single {
        name: "it::participation::a1_a2_what_is_to_come_comes_on_its_day_postgres",
        run: || on_their_day(World::postgres()),
        missing: || std::env::var_os("KRING_TEST_POSTGRES").is_none_or(|url| url.is_empty()),
    }
}
