//! Every text that a client can send, in every place of the schema, with what no text may hold (G9).

use std::collections::{BTreeMap, BTreeSet};

use async_graphql::parser::types::{BaseType, InputValueDefinition, Type, TypeKind};
use serde_json::{Map, Value, json};

use super::graph::{Graph, base};
use crate::harness::{World, once};

cases!(no_text_holds_what_none_may);

const NUL: &str = "a\0b";
const OVERRIDE: &str = "a\u{202E}b";
const LINES: &str = "a\nb";
const UNSEEN: &str = "\u{200B}";

/// The last parts of the places that take texts of several lines.
const PROSE: [&str; 10] = [
    "body",
    "decisionNote",
    "description",
    "endNote",
    "newMemberTemplate",
    "note",
    "reason",
    "summary",
    "text",
    "replacement",
];

/// Makes values of the types of arguments.
struct Values {
    graph: Graph,
    sdl: String,
    ids: BTreeMap<&'static str, String>,
}

impl Values {
    fn new(world: &World) -> Self {
        let organization = world.organization("School");
        let (group, person) =
            (world.group_with(Some(&organization), json!({ "name": "G" })), world.person("Ann", "Lee"));
        let membership = world.add(&group, &[&person], "2026-01-01").remove(0);
        let ids = [("groupId", group), ("membershipId", membership), ("organizationId", organization), ("", person)];
        Self { graph: Graph::read(), sdl: kring::graphql::types_sdl(), ids: ids.into_iter().collect() }
    }

    fn is_one_of(&self, name: &str) -> bool {
        self.sdl.contains(&format!("input {name} @oneOf"))
    }

    fn inputs(&self, name: &str) -> Option<Vec<&InputValueDefinition>> {
        match self.graph.kind(name) {
            Some(TypeKind::InputObject(input)) => Some(input.fields.iter().map(|field| &field.node).collect()),
            _ => None,
        }
    }

    /// The least that an argument accepts.
    fn least(&self, name: &str, ty: &Type) -> Value {
        if let BaseType::List(of) = &ty.base {
            return json!([self.least(name, of)]);
        }
        match base(ty) {
            "ID" => json!(self.ids.get(name).or_else(|| self.ids.get("")).unwrap()),
            "Boolean" => json!(false),
            "Int" => json!(1),
            "Date" => json!("2026-09-15"),
            "DateTime" => json!("2026-09-15T10:00:00Z"),
            "SchoolYear" => json!("2025-2026"),
            "String" => json!("x"),
            other => match self.graph.kind(other) {
                Some(TypeKind::Enum(of)) => json!(of.values[0].node.value.node.as_str()),
                _ => Value::Object(self.least_object(other)),
            },
        }
    }

    fn least_object(&self, name: &str) -> Map<String, Value> {
        let fields = self.inputs(name).unwrap_or_default();
        let needed: Vec<_> = if self.is_one_of(name) {
            fields.into_iter().take(1).collect()
        } else {
            fields.into_iter().filter(|field| needed(field)).collect()
        };
        needed
            .into_iter()
            .map(|field| (field.name.node.to_string(), self.least(&field.name.node, &field.ty.node)))
            .collect()
    }

    /// Values that hold the text in one place, each with the way to it.
    fn with(&self, text: &str, name: &str, ty: &Type) -> Vec<(String, Value)> {
        if let BaseType::List(of) = &ty.base {
            return self.with(text, name, of).into_iter().map(|(place, value)| (place, json!([value]))).collect();
        }
        if base(ty) == "String" {
            return vec![(name.to_owned(), json!(text))];
        }
        let mut found = Vec::new();
        for field in self.inputs(base(ty)).unwrap_or_default() {
            let key = field.name.node.as_str();
            for (place, value) in self.with(text, key, &field.ty.node) {
                let mut object = if self.is_one_of(base(ty)) { Map::new() } else { self.least_object(base(ty)) };
                object.insert(key.to_owned(), value);
                found.push((format!("{name}.{place}"), Value::Object(object)));
            }
        }
        found
    }
}

fn needed(input: &InputValueDefinition) -> bool {
    !input.ty.node.nullable && input.default_value.is_none()
}

/// A document, its variables, and the place in which they hold a text.
type Request = (String, String, Value);

/// Every request with the text in one place.
fn requests(values: &Values, text: &str) -> Vec<Request> {
    let mut found = Vec::new();
    let ids = BTreeMap::from([
        ("Group", values.ids["groupId"].clone()),
        ("Person", values.ids[""].clone()),
        ("Organization", values.ids["organizationId"].clone()),
        ("Membership", values.ids["membershipId"].clone()),
    ]);
    let mut add = |name: &str, arguments: &[&InputValueDefinition], document: &dyn Fn(&str, &str) -> String| {
        for argument in arguments {
            for (place, value) in values.with(text, &argument.name.node, &argument.ty.node) {
                let given: Vec<_> =
                    arguments.iter().filter(|other| needed(other) || other.name.node == argument.name.node).collect();
                let mut variables: Map<_, _> = given
                    .iter()
                    .map(|one| (one.name.node.to_string(), values.least(&one.name.node, &one.ty.node)))
                    .collect();
                variables.insert(argument.name.node.to_string(), value);
                let declared: Vec<_> = given.iter().map(|one| format!("${}: {}", one.name.node, one.ty.node)).collect();
                let passed: Vec<_> = given.iter().map(|one| format!("{0}: ${0}", one.name.node)).collect();
                let document = document(&format!("({})", declared.join(", ")), &passed.join(", "));
                found.push((format!("{name}: {place}"), document, Value::Object(variables)));
            }
        }
    };
    for way in values.graph.ways(&ids, |field| !field.arguments.is_empty()) {
        let arguments: Vec<_> = way.field.arguments.iter().map(|argument| &argument.node).collect();
        let selection = if values
            .graph
            .kind(base(&way.field.ty.node))
            .is_some_and(|kind| !matches!(kind, TypeKind::Enum(_) | TypeKind::Scalar))
        {
            "{ __typename }"
        } else {
            ""
        };
        add(&way.name(), &arguments, &|declared, passed| way.document(declared, passed, selection));
    }
    let Some(TypeKind::Object(mutation)) = values.graph.kind("Mutation") else { panic!("no mutations") };
    for field in &mutation.fields {
        let arguments: Vec<_> = field.node.arguments.iter().map(|argument| &argument.node).collect();
        let name = field.node.name.node.as_str();
        add(name, &arguments, &|declared, passed| {
            format!("mutation{declared} {{ {name}({passed}) {{ userErrors {{ code }} }} }}")
        });
    }
    found
}

/// The codes with which a request is refused; none when it was accepted.
fn refusals(answer: &Value) -> Vec<String> {
    let code = |code: &Value| code.as_str().unwrap_or("no code").to_owned();
    let errors = answer["errors"].as_array().into_iter().flatten().map(|error| code(&error["extensions"]["code"]));
    let payloads =
        answer["data"].as_object().into_iter().flatten().filter_map(|(_, payload)| payload["userErrors"].as_array());
    errors.chain(payloads.flatten().map(|error| code(&error["code"]))).collect()
}

fn no_text_holds_what_none_may(world: &World) {
    let values = Values::new(world);
    let (mut faults, mut reached) = (BTreeSet::new(), 0);
    for text in [NUL, OVERRIDE, LINES, UNSEEN] {
        for (place, document, variables) in requests(&values, text) {
            let answer = world.ask(&document, variables.clone());
            if answer["errors"].is_null() && answer["data"].get("node").is_some_and(Value::is_null) {
                // There is no object of this type here to ask.
                continue;
            }
            reached += 1;
            let codes = refusals(&answer);
            let prose = PROSE.iter().any(|last| place.ends_with(&format!(".{last}")));
            let may_be_accepted = text == UNSEEN || text == LINES && prose;
            if codes.iter().any(|code| code == "INTERNAL" || code == "no code" || code == "GRAPHQL_VALIDATION_FAILED")
                || codes.is_empty() && !may_be_accepted
            {
                faults.insert(format!("{place} with {text:?}: {answer} for {variables}"));
            }
        }
    }
    assert!(reached > 800, "only {reached} places were reached");
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.into_iter().collect::<Vec<_>>().join("\n"));
}

once! {
    /// A text says which kind it is of: `Line` or `Prose`. What clients send back or compare as it is are no such texts; it
    /// is looked at where it is read.
    fn every_text_says_its_kind() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/graphql");
        let mut bare = Vec::new();
        let mut inputs = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let Ok(source) = std::fs::read_to_string(&path) else { continue };
            for input in source.split("InputObject").skip(1).filter(|input| input.starts_with([',', ')'])) {
                inputs += 1;
                let body = input.split("\n}").next().unwrap();
                bare.extend(plain(body, &["client_mutation_id", "preview_token"]));
            }
            let arguments = source.split("#[graphql(").skip(1).filter_map(|argument| argument.split_once(")]"));
            for (_, argument) in arguments {
                let argument = argument.split(&[',', '{'][..]).next().unwrap();
                bare.extend(plain(argument, &["after", "before", "client_mutation_id"]));
            }
        }
        assert!(inputs > 50, "only {inputs} inputs");
        assert_eq!(bare, Vec::<String>::new());
    }
}

/// The fields that are plain strings, but for those that may be.
fn plain(code: &str, may_be: &[&str]) -> Vec<String> {
    let fields = code.lines().filter_map(|line| line.trim().trim_start_matches("pub ").split_once(": "));
    let text = |ty: &str| {
        ["String", "Option<String", "Vec<String", "Option<Vec<String", "MaybeUndefined<String"]
            .iter()
            .any(|plain| ty.starts_with(plain))
    };
    fields.filter(|(name, ty)| text(ty) && !may_be.contains(name)).map(|(name, ty)| format!("{name}: {ty}")).collect()
}
