//! Compositions in which more chains lead from group to group than anybody can count. What is asked of them is answered in
//! no time, and at no length.

use std::time::{Duration, Instant};

use kring::access::Role;
use kring::db::{Conn, Dialect, Sql};
use kring::error::Error;
use kring::id::{self, Kind};
use serde_json::{Value, json};

use crate::harness::{World, both};

/// Layers of groups, each made of all groups of the next; the people are members of every group of the last.
pub struct Lattice {
    /// The groups, layer by layer.
    pub layers: Vec<Vec<String>>,
    pub people: Vec<String>,
}

fn numbers(upto: usize) -> Sql {
    Sql::new("WITH RECURSIVE n (i) AS (SELECT CAST(0 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < ")
        .int(i64::try_from(upto).unwrap() - 1)
        .text(") ")
}

fn run(conn: &mut Conn, into: &str, upto: usize, select: String) -> Result<(), Error> {
    let given =
        if conn.dialect() == Dialect::Postgres && into.contains("(id") { "OVERRIDING SYSTEM VALUE " } else { "" };
    Sql::new(format!("INSERT INTO {into} {given}")).then(numbers(upto)).text(select).execute(conn)?;
    Ok(())
}

impl Lattice {
    pub fn new(world: &World, layers: usize, width: usize, people: usize) -> Self {
        let base = 1_000_000;
        let fill = |conn: &mut Conn| {
            let (at, day) = match conn.dialect() {
                Dialect::Sqlite => ("'2026-01-01 00:00:00'", "'2026-01-01'"),
                Dialect::Postgres => ("TIMESTAMP '2026-01-01'", "DATE '2026-01-01'"),
            };
            let last = base + (layers - 1) * width;
            run(
                conn,
                "participants (id, kind, family_name, display_name, sort_key, search_text, created_at, updated_at)",
                people,
                format!("SELECT {base} + i, 'PERSON', 'P' || i, 'P' || i, 'p' || i, 'p' || i, {at}, {at} FROM n"),
            )?;
            run(
                conn,
                "groups (id, name, sort_key, search_text, created_at, updated_at)",
                layers * width,
                format!("SELECT {base} + i, 'G' || i, 'g' || i, 'g' || i, {at}, {at} FROM n"),
            )?;
            run(
                conn,
                "group_components (composite_id, component_id, mode, position)",
                (layers - 1) * width * width,
                format!(
                    "SELECT {base} + i / {width}, {base} + (i / {width} / {width} + 1) * {width} + i % {width}, 'INCLUDE', i % {width} FROM n"
                ),
            )?;
            run(
                conn,
                "memberships (group_id, participant_id, member_key, start_date, start_reason_id, origin, created_at, updated_at)",
                people * width,
                format!(
                    "SELECT {last} + i % {width}, {base} + i / {width}, 'p' || (i / {width}), {day}, (SELECT MIN(id) FROM start_reasons), 'MANUAL', {at}, {at} FROM n"
                ),
            )?;
            Sql::new("UPDATE composition_revision SET revision = revision + 1").execute(conn)?;
            Ok(())
        };
        world.db.write(fill).unwrap();
        let id = |kind, number: usize| id::encode(kind, i64::try_from(base + number).unwrap());
        Self {
            layers: (0..layers).map(|layer| (0..width).map(|n| id(Kind::Group, layer * width + n)).collect()).collect(),
            people: (0..people).map(|n| id(Kind::Participant, n)).collect(),
        }
    }

    fn top(&self) -> &str {
        &self.layers[0][0]
    }
}

/// What a debug build may take for what a release build does in a tenth of a second.
const MOMENT: Duration = Duration::from_secs(4);

/// Asks, in a moment.
fn ask(world: &World, token: &str, query: &str, variables: Value) -> Value {
    let begun = Instant::now();
    let answer = world.ask_as(Some(token), query, variables);
    let took = begun.elapsed();
    if std::env::var_os("KRING_TEST_TIMES").is_some() {
        println!("{took:?} {} bytes: {query:.100}", answer.to_string().len());
    }
    assert!(took < MOMENT, "{took:?}: {query}");
    answer
}

fn data(world: &World, token: &str, query: &str, variables: Value) -> Value {
    let mut answer = ask(world, token, query, variables);
    assert!(answer.get("errors").is_none(), "{query}\n{answer:.2000}");
    answer["data"].take()
}

fn chains(edge: &Value) -> Vec<usize> {
    edge["via"].as_array().unwrap().iter().map(|chain| chain["groups"].as_array().unwrap().len()).collect()
}

const MEMBERS: &str = "query($id: ID!, $first: Int!) { group(id: $id) { effectiveMemberCount effectiveMembers(first: $first) { totalCount edges { implicit node { displayName } } } } }";
const WHY: &str = "query($id: ID!, $first: Int!) { group(id: $id) { effectiveMembers(first: $first) { edges { implicit via { groups { name } } } } } }";
const GROUPS: &str = "query($id: ID!) { participant(id: $id) { effectiveGroups(first: 100) { totalCount edges { implicit node { name } } } } }";
const GROUPS_WHY: &str = "query($id: ID!) { participant(id: $id) { effectiveGroups(first: 100) { edges { via { groups { name } } node { name } } } } }";
const ALL: &str = "query($first: Int!) { groups(first: 10) { edges { node { effectiveMembers(first: $first) { totalCount edges { via { groups { name } } } } } } } }";
const EVERYBODY: &str = "{ participants(first: 10) { edges { node { effectiveGroups(first: 20) { totalCount edges { via { groups { name } } } } } } } }";
const DOWN: &str = "query($id: ID!) { group(id: $id) { components { group { components { group { components { group { components { group { name } } } } } } } } } }";

both! {
    /// G5: only as many chains are made as are shown, and none where none is asked for.
    fn g5_who_belongs_and_why_is_told_at_once_however_many_chains_there_are(world) {
        let lattice = Lattice::new(world, 200, 5, 60);
        let administrator = world.administrator();
        let member = world.token(Role::Participant, Some(&lattice.people[0]), None);
        let variables = |first: usize| json!({ "id": lattice.top(), "first": first });
        let found = data(world, &administrator, MEMBERS, variables(100));
        assert_eq!(found["group"]["effectiveMemberCount"], json!(60));
        assert_eq!(found["group"]["effectiveMembers"]["edges"].as_array().unwrap().len(), 60);
        assert!(found["group"]["effectiveMembers"]["edges"].as_array().unwrap().iter().all(|edge| edge["implicit"] == true));
        let one = data(world, &administrator, WHY, variables(1));
        assert_eq!(chains(&one["group"]["effectiveMembers"]["edges"][0]), [200; 100]);
        for token in [&administrator, &member] {
            let all = data(world, token, WHY, variables(100));
            let edges = all["group"]["effectiveMembers"]["edges"].as_array().unwrap();
            assert!(edges.iter().all(|edge| !chains(edge).is_empty()), "each has one");
            let of = data(world, token, GROUPS, json!({ "id": lattice.people[0] }));
            assert_eq!(of["participant"]["effectiveGroups"]["totalCount"], json!(1_000));
            let why = data(world, token, GROUPS_WHY, json!({ "id": lattice.people[0] }));
            let edges = why["participant"]["effectiveGroups"]["edges"].as_array().unwrap();
            assert!(edges.iter().all(|edge| !chains(edge).is_empty() && chains(edge).is_sorted()));
        }
        for (query, variables) in [(ALL, json!({ "first": 20 })), (EVERYBODY, json!({})), (DOWN, json!({ "id": lattice.top() }))] {
            let answer = data(world, &administrator, query, variables);
            assert!(answer.to_string().len() < 10_000_000);
        }
    }

    fn g5_wide_layers_are_no_heavier_than_deep_ones(world) {
        let lattice = Lattice::new(world, 6, 12, 100);
        let administrator = world.administrator();
        let answer = data(world, &administrator, WHY, json!({ "id": lattice.top(), "first": 100 }));
        let edges = answer["group"]["effectiveMembers"]["edges"].as_array().unwrap();
        assert!(edges.iter().all(|edge| chains(edge) == [6; 100]), "as many for each as there may be");
        let answer = data(world, &administrator, GROUPS_WHY, json!({ "id": lattice.people[7] }));
        assert_eq!(answer["participant"]["effectiveGroups"]["edges"].as_array().unwrap().len(), 72);
        data(world, &administrator, ALL, json!({ "first": 20 }));
        data(world, &administrator, EVERYBODY, json!({}));
    }

    fn an_answer_that_repeats_itself_without_end_is_refused(world) {
        // The last of six layers of twelve groups is named twelve to the fifth times, each time with all that is asked of it.
        let lattice = Lattice::new(world, 6, 12, 1);
        let much = (0..20).map(|n| format!("n{n}: name")).collect::<Vec<_>>().join(" ");
        let nested = |leaf: &str, depth: usize| (0..depth).fold(leaf.to_owned(), |inner, _| format!("components {{ group {{ {inner} }} }}"));
        let query = format!("query($id: ID!) {{ group(id: $id) {{ {} }} }}", nested(&much, 5));
        let answer = ask(world, &world.administrator(), &query, json!({ "id": lattice.top() }));
        assert_eq!(answer["errors"][0]["extensions"]["code"], "QUERY_TOO_COMPLEX", "{answer:.1000}");
        // However many fields at the root share it: what is refused of one leaves room for the others.
        let fields = (0..12).map(|n| format!("g{n}: group(id: $id) {{ {} }}", nested(&much, 3))).collect::<Vec<_>>().join(" ");
        let document = format!("query($id: ID!) {{ {fields} last: group(id: $id) {{ name }} }}");
        let answer = ask(world, &world.administrator(), &document, json!({ "id": lattice.top() }));
        assert!(answer.to_string().len() < 12_000_000, "{} bytes", answer.to_string().len());
        let ids = vec![lattice.top(); 50];
        let nodes = format!("query($ids: [ID!]!) {{ nodes(ids: $ids) {{ ... on Group {{ {} }} }} }}", nested("name", 3));
        let answer = ask(world, &world.administrator(), &nodes, json!({ "ids": ids }));
        assert!(answer.to_string().len() < 12_000_000, "{} bytes", answer.to_string().len());
    }
}
