//! What is measured: documents for the gateway, and the same under a short name for the handler written by hand.

use diesel::sql_types::BigInt;
use kring::db::{Db, Sql};
use kring::id::{Kind, encode};
use serde_json::{Value, json};

use super::generate::{BIG, TREE, WITH_HISTORY};

/// One operation, with variables to go round in.
pub struct Operation {
    pub name: &'static str,
    pub shows: &'static str,
    pub document: &'static str,
    pub variables: Vec<Value>,
}

const GROUP: &str = "query($id: ID!) { group(id: $id) { id externalId name kind closed composition category { id name } \
                     responsible { id displayName } } }";
const GROUPS: &str = "query Groups($first: Int!, $after: String, $filter: GroupFilter, $asOf: Date) { \
    groups(first: $first, after: $after, filter: $filter, orderBy: { field: NAME, direction: ASC }) { totalCount \
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor } edges { cursor node { id externalId name kind closed \
    category { id name } responsible { id displayName } memberCount(asOf: $asOf) } } } }";
const TREE_OF: &str = "query GroupTree($id: ID!, $members: Int!) { group(id: $id) { name kind composition components { mode group { \
    name components { mode group { name \
    memberships(first: $members, filter: { status: ACTIVE }, orderBy: { field: PARTICIPANT_NAME, direction: ASC }) { totalCount \
    edges { node { startDate startReason { code label } endDate endReason { code label } role origin \
    participant { id displayName kind } } } } } } } } } }";
const HISTORY: &str = "query PersonHistory($id: ID!) { participant(id: $id) { id externalId displayName \
    memberships(first: 100, filter: { status: ANY }, orderBy: { field: START_DATE, direction: DESC }) { totalCount edges { node { id \
    group { id name category { name } } startDate startReason { code label } endDate endReason { code label } endNote status \
    history(first: 20) { edges { node { at actor { displayName } action changes { field before after } } } } } } } } }";
const MEMBERS: &str = "{ groups(first: 50) { edges { node { name \
    memberships(first: 20, filter: { status: ACTIVE }, orderBy: { field: PARTICIPANT_NAME, direction: ASC }) { \
    edges { node { startDate role participant { id displayName } } } } } } } }";
const COUNT: &str = "query($id: ID!) { group(id: $id) { effectiveMemberCount } }";
const NAMES: &str =
    "query($id: ID!) { group(id: $id) { effectiveMembers(first: 100) { edges { node { displayName } } } } }";
const VIA: &str = "query($id: ID!) { group(id: $id) { effectiveMembers(first: 100) { edges { implicit via { groups { id name } } \
    node { displayName } } } } }";
const IS_MEMBER: &str = "query($id: ID!, $of: ID!) { group(id: $id) { isMember(participantId: $of) } }";

/// Every operation, with variables that suit the database.
pub fn all(url: &str) -> Vec<Operation> {
    let db = Db::open(&kring::db::Options::new(url)).expect("the database opens");
    let group = |external_id: &str| {
        let id = db.read(|conn| {
            Ok(Sql::new("SELECT id FROM groups WHERE external_id = ").string(external_id).first::<BigInt, i64>(conn)?)
        });
        encode(Kind::Group, id.expect("the database answers").expect("the group is there"))
    };
    let (big, tree) = (group(BIG), group(TREE));
    let number = |table: &'static str| {
        let number = db.read(|conn| Ok(Sql::new("SELECT MAX(id) FROM ").text(table).first::<BigInt, i64>(conn)?));
        number.expect("the database answers").expect("a number")
    };
    // A step that shares no factor with round numbers reaches different corners.
    let some = |kind: Kind, most: i64| (0..64).map(move |n| encode(kind, (n * 7_919 + 17) % most + 1));
    let (groups, people) = (number("groups"), number("participants"));
    vec![
        Operation {
            name: "a",
            shows: "one group",
            document: GROUP,
            variables: some(Kind::Group, groups).map(|id| json!({ "id": id })).collect(),
        },
        Operation {
            name: "b",
            shows: "50 groups with counts",
            document: GROUPS,
            variables: vec![json!({ "first": 50 })],
        },
        Operation {
            name: "c",
            shows: "25 groups of a tree, 20 members each",
            document: TREE_OF,
            variables: vec![json!({ "id": tree, "members": 20 })],
        },
        Operation {
            name: "d",
            shows: "one person's history",
            document: HISTORY,
            variables: some(Kind::Participant, people.min(WITH_HISTORY)).map(|id| json!({ "id": id })).collect(),
        },
        Operation { name: "e", shows: "50 groups, 20 members each", document: MEMBERS, variables: vec![json!({})] },
        Operation {
            name: "f1",
            shows: "count of a wide composite",
            document: COUNT,
            variables: vec![json!({ "id": big })],
        },
        Operation { name: "f2", shows: "its first 100 names", document: NAMES, variables: vec![json!({ "id": big })] },
        Operation {
            name: "f3",
            shows: "its first 100 names, and why",
            document: VIA,
            variables: vec![json!({ "id": big })],
        },
        Operation {
            name: "f4",
            shows: "is somebody a member of it",
            document: IS_MEMBER,
            variables: some(Kind::Participant, people).map(|of| json!({ "id": big, "of": of })).collect(),
        },
    ]
}
