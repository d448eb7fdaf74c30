//! Each root field is refused for itself, and fails for itself: it is null with an error at its path (section 6.4.4).

use kring::access::Role;
use serde_json::{Value, json};

use crate::harness::{RUNTIME, World, both};

/// The status, the data and the paths and codes of the errors.
fn sent(world: &World, token: Option<&str>, query: &str) -> (u16, Value, Vec<(Value, Value)>) {
    let body = json!({ "query": query }).to_string();
    let (status, text) = RUNTIME.block_on(world.send(World::post(token, body)));
    let mut answer: Value = serde_json::from_str(&text).unwrap();
    let errors = answer["errors"].as_array().cloned().unwrap_or_default();
    let errors = errors.iter().map(|error| (error["path"].clone(), error["extensions"]["code"].clone())).collect();
    (status, answer["data"].take(), errors)
}

fn at(field: &str, code: &str) -> (Value, Value) {
    (json!([field]), json!(code))
}

both! {
    fn a_query_that_is_not_yours_is_null_and_leaves_the_others(world) {
        let group = world.group("G");
        let query = format!("{{ groups {{ totalCount }} content(id: \"xx\") {{ id }} viewer {{ administrator }} one: group(id: \"{group}\") {{ name }} \
            outbox {{ totalCount }} __typename }}");
        let (status, data, errors) = sent(world, None, &query);
        let expected = json!({ "groups": null, "content": null, "viewer": { "administrator": false }, "one": null, "outbox": null, "__typename": "Query" });
        assert_eq!((status, data.to_string()), (200, expected.to_string()), "in the order of the document");
        assert_eq!(errors, ["groups", "one", "outbox"].map(|field| at(field, "UNAUTHENTICATED")));
        let member = world.token(Role::Participant, Some(&world.person("Ann", "Lee")), None);
        let (status, data, errors) = sent(world, Some(&member), &query);
        assert_eq!((status, &data["groups"]["totalCount"], &data["outbox"]), (200, &json!(0), &Value::Null));
        assert_eq!(errors, [at("outbox", "FORBIDDEN")]);
    }

    fn a_mutation_that_is_not_yours_is_null_and_the_others_run(world) {
        let organization = world.organization("School");
        let clerk = world.token(Role::MembershipAdministrator, None, Some(&organization));
        let make = |name: &str| format!("createGroup(input: {{ organizationId: \"{organization}\", settings: {{ name: \"{name}\" }} }}) {{ group {{ name }} userErrors {{ code }} }}");
        let query = format!("mutation {{ a: {} no: createGroupCategory(input: {{ name: \"K\" }}) {{ userErrors {{ code }} }} b: {} }}", make("A"), make("B"));
        let (status, data, errors) = sent(world, Some(&clerk), &query);
        let made = |name: &str| json!({ "group": { "name": name }, "userErrors": [] });
        assert_eq!((status, data.to_string()), (200, json!({ "a": made("A"), "no": null, "b": made("B") }).to_string()));
        assert_eq!(errors, [at("no", "FORBIDDEN")]);
        assert_eq!(world.data("{ groupCategories { totalCount } groups { totalCount } }", json!({})),
            json!({ "groupCategories": { "totalCount": 0 }, "groups": { "totalCount": 2 } }));
    }

    fn a_root_field_that_fails_leaves_the_others(world) {
        let group = world.group("G");
        let administrator = world.administrator();
        let query = format!("{{ bad: groups(after: \"no cursor\") {{ totalCount }} long: participants(first: 0) {{ totalCount }} one: group(id: \"{group}\") {{ name }} }}");
        let (status, data, errors) = sent(world, Some(&administrator), &query);
        assert_eq!((status, data), (200, json!({ "bad": null, "long": null, "one": { "name": "G" } })));
        assert_eq!(errors, ["bad", "long"].map(|field| at(field, "BAD_USER_INPUT")));
        let query = format!("mutation {{ bad: closeGroup(input: {{ groupId: \"xx\" }}) {{ group {{ closed }} }} \
            good: closeGroup(input: {{ groupId: \"{group}\" }}) {{ group {{ closed }} }} }}");
        let (status, data, errors) = sent(world, Some(&administrator), &query);
        assert_eq!((status, data), (200, json!({ "bad": null, "good": { "group": { "closed": true } } })));
        assert_eq!(errors, [at("bad", "BAD_USER_INPUT")]);
    }

    fn a_request_of_which_nothing_is_yours_is_refused_whole(world) {
        let member = world.token(Role::Participant, Some(&world.person("Ann", "Lee")), None);
        for (token, status, code) in [(None, 401, "UNAUTHENTICATED"), (Some(member.as_str()), 403, "FORBIDDEN")] {
            for query in ["{ outbox { totalCount } }", "{ __typename a: outbox { totalCount } b: outbox { totalCount } }",
                "mutation { createGroupCategory(input: { name: \"K\" }) { groupCategory { id } } }"] {
                assert_eq!(sent(world, token, query), (status, Value::Null, vec![(Value::Null, json!(code))]), "{query}");
            }
        }
        let skipped = "{ outbox @skip(if: true) { totalCount } }";
        assert_eq!(sent(world, None, skipped), (200, json!({}), vec![]), "what is left out refuses nothing");
    }

    /// Clients that keep objects by their ids keep the viewer too.
    fn the_viewer_is_a_node_of_its_own(world) {
        let (ann, bob) = (world.person("Ann", "Lee"), world.person("Bob", "Day"));
        let sign = |id: &String| world.token(Role::Participant, Some(id), None);
        let tokens = [None, Some(world.administrator()), Some(sign(&ann)), Some(sign(&bob))];
        let ids = tokens.each_ref().map(|token| sent(world, token.as_deref(), "{ viewer { id } }").1["viewer"]["id"].as_str().unwrap().to_owned());
        for (n, token) in tokens.iter().enumerate() {
            for (m, id) in ids.iter().enumerate() {
                let query = format!("{{ viewer {{ id }} node(id: \"{id}\") {{ __typename id ... on Viewer {{ today participant {{ id }} }} }} nodes(ids: [\"{id}\"]) {{ id }} }}");
                let (_, data, errors) = sent(world, token.as_deref(), &query);
                assert_eq!((errors, data["viewer"]["id"].as_str()), (vec![], Some(ids[n].as_str())), "the same each time");
                let participant = match n { 2 => json!({ "id": ann }), 3 => json!({ "id": bob }), _ => Value::Null };
                let own = json!({ "__typename": "Viewer", "id": id, "today": "2026-09-15", "participant": participant });
                assert_eq!(data["node"], if n == m { own } else { Value::Null });
                assert_eq!(data["nodes"], if n == m { json!([{ "id": id }]) } else { json!([null]) });
            }
        }
    }
}
