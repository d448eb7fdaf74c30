//! P1: people are found by their names, in every way that these are written.

use kring::access::Viewer;
use kring::exchange::bundle::{self, Limits, Memory};
use kring::exchange::import::{Options, import as import_bundle};
use kring::scope::{Clock, Scope};
use serde_json::{Value, json};

use super::number;
use crate::harness::{World, now, text};

cases!(
    p1_a_name_is_found_as_kring_writes_it,
    p1_every_list_finds_names_alike,
    a_prefix_that_ends_in_an_apostrophe_stands_without_a_space,
);

const PEOPLE: &str = "external_id,kind,given_name,name_prefix,family_name,birth_date,gender\n\
                      1,PERSON,Jan,van den,Berg,,\n2,PERSON,Jeanne,d',Arc,,\n3,PERSON,Piet,v.d.,Linden,,\n\
                      4,PERSON,J.F.,,O’Brien,,\n5,PERSON,Jean-Pierre,,Dupont,,\n6,PERSON,Ann,'t,Hoen,,\n\
                      7,PERSON,Kees,van der,Linden,,\n8,PERSON,Émile,de l’,Hôpital,,\n";

/// Imports people from the text of their file.
pub fn import(world: &World, people: &str) {
    let files = [
        ("categories.csv", "external_id,name"),
        ("participants.csv", people),
        ("groups.csv", "external_id,name,description,category"),
        ("group_components.csv", "composite,component,mode"),
        ("memberships.csv", "group,participant,start_date,start_reason,end_date,end_reason,role"),
    ];
    let files: Memory = files.into_iter().collect();
    let bundle = bundle::read_from(&files, &Limits::default()).unwrap_or_else(|errors| panic!("{errors}"));
    let scope = Scope::new(Viewer::operator("kring import"), Clock::Fixed(now()), chrono_tz::Europe::Amsterdam);
    import_bundle(&world.db, &scope, &bundle, &Options::default(), &mut |_| {})
        .unwrap_or_else(|error| panic!("{error}"));
}

/// The external ids of whom a search finds, in their order.
fn found(world: &World, search: &str) -> Vec<String> {
    let query =
        "query($t: String) { participants(first: 100, filter: { search: $t }) { edges { node { externalId } } } }";
    let edges = world.data(query, json!({ "t": search }))["participants"]["edges"].take();
    let mut ids: Vec<String> = edges.as_array().unwrap().iter().map(|edge| text(&edge["node"]["externalId"])).collect();
    ids.sort();
    ids
}

fn p1_a_name_is_found_as_kring_writes_it(world: &World) {
    import(world, PEOPLE);
    for (search, expected) in [
        ("Berg, Jan van den", &["1"][..]),
        ("berg, v.d.", &["1"]),
        ("v.d. berg", &["1"]),
        ("vd Berg", &["1"]),
        ("J. van den Berg", &["1"]),
        ("d'Arc", &["2"]),
        ("d’arc", &["2"]),
        ("Arc, Jeanne d'", &["2"]),
        ("jeanne darc", &["2"]),
        ("van der linden", &["3", "7"]),
        ("Linden, Piet v.d.", &["3"]),
        ("linden, v/d", &["3", "7"]),
        ("k. v.d. linden", &["7"]),
        ("O'Brien, J.F.", &["4"]),
        ("obrien", &["4"]),
        ("jp dupont", &["5"]),
        ("Dupont, J.-P.", &["5"]),
        ("'t Hoen", &["6"]),
        ("hoen, a. 't", &["6"]),
        ("de l'hopital", &["8"]),
        ("x. berg", &[]),
    ] {
        assert_eq!(found(world, search), expected, "{search:?}");
    }
    // Whatever the gateway itself writes is found again.
    let query = "{ participants(first: 100) { edges { node { externalId displayName sortName } } } }";
    let everybody = world.data(query, json!({}))["participants"]["edges"].take();
    for edge in everybody.as_array().unwrap() {
        let node = &edge["node"];
        for name in ["displayName", "sortName"] {
            let ids = found(world, node[name].as_str().unwrap());
            assert!(ids.contains(&text(&node["externalId"])), "{node} is not found by its {name}");
        }
    }
}

fn p1_every_list_finds_names_alike(world: &World) {
    import(world, PEOPLE);
    let group = world.group("G");
    for search in ["Berg, Jan van den", "van der linden", "d'Arc", "O'Brien, J.F."] {
        let expected = number(world, json!({ "search": search }));
        assert!(expected > 0, "{search}");
        let dynamic = world.group_with(None, json!({ "name": "D", "memberFilter": { "search": search } }));
        assert_eq!(world.members(&dynamic, None).len() as i64, expected, "{search}");
        let filter = json!({ "groupId": group, "filter": { "search": search }, "startDate": "2026-01-01" });
        assert_eq!(world.done("addMemberships", "added", filter)["added"], json!(expected), "{search}");
        let query = "query($t: String) { memberships(filter: { text: $t }) { totalCount } }";
        let listed = world.data(query, json!({ "t": search }))["memberships"]["totalCount"].take();
        assert_eq!(listed, json!(expected), "{search}");
    }
    world.group_with(None, json!({ "name": "Werkgroep 1/2 (d'Oude school)" }));
    let query = "query($t: String) { groups(filter: { text: $t }) { totalCount } }";
    for (search, expected) in [("1/2", 1), ("werkgroep 1 d'oude", 1), ("doude", 1), ("werkgroep 3", 0)] {
        let listed = world.data(query, json!({ "t": search }))["groups"]["totalCount"].take();
        assert_eq!(listed, json!(expected), "{search}");
    }
}

fn a_prefix_that_ends_in_an_apostrophe_stands_without_a_space(world: &World) {
    let made = |given: Option<&str>, prefix: &str, family: Option<&str>| -> Value {
        let person = json!({ "givenName": given, "namePrefix": prefix, "familyName": family });
        let input = json!({ "details": { "person": person } });
        let made = world.done("createParticipant", "participant { id displayName sortName }", input);
        json!([made["participant"]["displayName"], made["participant"]["sortName"]])
    };
    for (given, prefix, family, display, sort) in [
        (Some("Jeanne"), "d'", Some("Arc"), "Jeanne d'Arc", "Arc, Jeanne d'"),
        (Some("Jeanne"), "d’", Some("Arc"), "Jeanne d’Arc", "Arc, Jeanne d’"),
        (Some("Émile"), "de l'", Some("Hôpital"), "Émile de l'Hôpital", "Hôpital, Émile de l'"),
        (Some("Ann"), "'t", Some("Hoen"), "Ann 't Hoen", "Hoen, Ann 't"),
        (None, "d'", Some("Arc"), "d'Arc", "Arc, d'"),
        (Some("Jan"), "van den", None, "Jan van den", "Jan van den"),
    ] {
        assert_eq!(made(given, prefix, family), json!([display, sort]));
    }
    // It is so wherever a name is told: in history, in lists of members and in a change of the name.
    let person = world.person("Jeanne", "Arc");
    let change = json!({ "participantId": person, "details": { "person": { "namePrefix": "d'" } } });
    let changed = world.done("updateParticipant", "participant { displayName }", change);
    assert_eq!(changed["participant"]["displayName"], "Jeanne d'Arc");
    let group = world.group("G");
    world.add(&group, &[&person], "2026-01-01");
    assert_eq!(world.members(&group, None), ["Jeanne d'Arc"]);
}
