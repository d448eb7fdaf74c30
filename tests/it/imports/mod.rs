//! Bundles that come again and again: what differs is corrected, and what was done in Kring since stays (P6, section 8).

mod elsewhere;
mod guardians;
mod maps;
mod memberships;
mod model;
mod people;
mod residencies;
mod texts;

use kring::access::Viewer;
use kring::exchange::bundle::{self, Bundle, BundleErrors, Limits, Memory};
use kring::exchange::import::{Failure, NoteKind, Options, Report, import};
use kring::scope::{Clock, Scope};
use serde_json::{Value, json};

use crate::harness::{World, now, text};

pub type Files<'f> = &'f [(&'f str, &'f str)];

pub const MEMBERS: &str = "group,participant,start_date,start_reason,end_date,end_reason,role";

/// An association with its people and groups; what it delivers first.
pub const BASE: Files<'static> = &[
    (
        "participants.csv",
        "external_id,kind,given_name,name_prefix,family_name,birth_date,gender,name,email\n\
         ORG,ORGANIZATION,,,,,,Vereniging,\n\
         A,PERSON,Anna,,Aalders,1980-01-01,FEMALE,,anna@example.org\n\
         B,PERSON,Bram,van der,Berg,1981-01-01,MALE,,bram@example.org\n\
         C,PERSON,Clara,,Cohen,1982-01-01,FEMALE,,clara@example.org",
    ),
    (
        "groups.csv",
        "external_id,name,description,category,organization,subscription_group\nL,Leden,,,ORG,\nN,Nieuws,,,ORG,true",
    ),
];

pub fn scope() -> Scope {
    Scope::new(Viewer::operator("kring import"), Clock::Fixed(now()), chrono_tz::Europe::Amsterdam)
}

pub fn try_read(files: Files<'_>) -> Result<Bundle, BundleErrors> {
    let files: Memory = files.iter().copied().collect();
    bundle::read_from(&files, &Limits::default())
}

pub fn read(files: Files<'_>) -> Bundle {
    try_read(files).unwrap_or_else(|errors| panic!("{errors}"))
}

pub fn deliver_with(world: &World, files: Files<'_>, options: &Options) -> Report {
    import(&world.db, &scope(), &read(files), options, &mut |_| {}).unwrap_or_else(|failure| panic!("{failure}"))
}

/// Imports a bundle.
pub fn deliver(world: &World, files: Files<'_>) -> Report {
    deliver_with(world, files, &Options::default())
}

/// Imports memberships, and makes sure that doing so again changes nothing.
pub fn memberships(world: &World, lines: &[&str]) -> Report {
    let file = [&[MEMBERS], lines].concat().join("\n");
    let report = deliver(world, &[("memberships.csv", &file)]);
    let again = deliver(world, &[("memberships.csv", &file)]);
    assert!(again.is_idle(), "a second time: {again}");
    report
}

/// The places and codes of a refusal.
pub fn refused(world: &World, files: Files<'_>, options: &Options) -> Vec<String> {
    match import(&world.db, &scope(), &read(files), options, &mut |_| {}) {
        Err(Failure::Refused(errors)) => {
            errors.errors.iter().map(|error| format!("{} {}", error.at, error.code)).collect()
        }
        other => panic!("not refused: {other:?}"),
    }
}

/// The notes of a kind, with the places and codes.
pub fn notes(report: &Report, kind: NoteKind) -> Vec<String> {
    let notes = report.notes.list().into_iter().filter(|note| note.kind == kind);
    notes
        .map(|note| {
            let code = note.code.map(|code| format!(" [{code}]")).unwrap_or_default();
            format!("{} {}{code}", note.at, note.message)
        })
        .collect()
}

/// A group or participant by the sender's key.
pub fn known(world: &World, list: &str, external_id: &str) -> String {
    let query =
        format!("query($id: String!) {{ {list}(filter: {{ externalIds: [$id] }}) {{ edges {{ node {{ id }} }} }} }}");
    text(&world.data(&query, json!({ "id": external_id }))[list]["edges"][0]["node"]["id"])
}

/// The memberships of a group: who, from when to when, why, as what and by what way.
pub fn rows(world: &World, group: &str) -> Vec<String> {
    membership_nodes(world, group)
        .iter()
        .map(|node| {
            let word = |value: &Value| value.as_str().unwrap_or("-").to_owned();
            [
                word(&node["participant"]["externalId"]),
                word(&node["startDate"]),
                word(&node["startReason"]["code"]),
                word(&node["endDate"]),
                word(&node["endReason"]["code"]),
                word(&node["role"]),
                word(&node["origin"]),
            ]
            .join(" ")
        })
        .collect()
}

pub fn membership_nodes(world: &World, group: &str) -> Vec<Value> {
    let query = "query($id: ID!) { group(id: $id) { memberships(first: 100, filter: { status: ANY }, \
                 orderBy: { field: START_DATE, direction: ASC }) { edges { node { id participant { externalId } \
                 startDate endDate origin role status startReason { code } endReason { code } endNote } } } } }";
    let data = world.data(query, json!({ "id": known(world, "groups", group) }));
    data["group"]["memberships"]["edges"].as_array().unwrap().iter().map(|edge| edge["node"].clone()).collect()
}

/// The id of somebody's only membership of a group.
pub fn membership(world: &World, group: &str, who: &str) -> String {
    let nodes = membership_nodes(world, group);
    let of: Vec<_> = nodes.iter().filter(|node| node["participant"]["externalId"] == who).collect();
    assert_eq!(of.len(), 1, "memberships of {who} in {group}");
    text(&of[0]["id"])
}
