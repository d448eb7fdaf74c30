//! What holds for every argument and every input of the gateway's own schema.

use std::collections::HashSet;

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    BaseType, FieldDefinition, InputValueDefinition, Type, TypeKind, TypeSystemDefinition,
};

use super::super::types;
use super::super::types::Kind;
use super::executed;
use crate::graphql;

struct Definitions {
    roots: Vec<(&'static str, Vec<FieldDefinition>)>,
    inputs: std::collections::HashMap<String, Vec<InputValueDefinition>>,
    composites: HashSet<String>,
    enums: std::collections::HashMap<String, String>,
}

fn definitions() -> Definitions {
    let mut found = Definitions {
        roots: Vec::new(),
        inputs: Default::default(),
        composites: HashSet::new(),
        enums: Default::default(),
    };
    for definition in parse_schema(graphql::types_sdl()).expect("a schema").definitions {
        let TypeSystemDefinition::Type(definition) = definition else { continue };
        let name = definition.node.name.node.to_string();
        match definition.node.kind {
            TypeKind::Object(of) => {
                let keyword = [("Query", "query"), ("Mutation", "mutation"), ("Subscription", "subscription")];
                if let Some((_, keyword)) = keyword.into_iter().find(|(root, _)| *root == name) {
                    found.roots.push((keyword, of.fields.into_iter().map(|field| field.node).collect()));
                }
                found.composites.insert(name);
            }
            TypeKind::Interface(_) | TypeKind::Union(_) => _ = found.composites.insert(name),
            TypeKind::InputObject(of) => {
                found.inputs.insert(name, of.fields.into_iter().map(|field| field.node).collect());
            }
            TypeKind::Enum(of) => {
                found.enums.insert(name, of.values.first().expect("a value").node.value.node.to_string());
            }
            TypeKind::Scalar => {}
        }
    }
    found
}

fn named(ty: &Type) -> &str {
    match &ty.base {
        BaseType::Named(name) => name,
        BaseType::List(of) => named(of),
    }
}

/// A document under construction: what it declares, and what it gives.
#[derive(Default)]
struct Absent {
    declared: Vec<String>,
}

impl Absent {
    /// A value with a variable in the place of everything that may be left out, and the same with nothing there.
    fn value(&mut self, all: &Definitions, ty: &Type, depth: usize) -> (String, String) {
        let name = named(ty);
        let (with, without) = match (all.inputs.get(name), all.enums.get(name)) {
            (Some(fields), _) => self.object(all, name, fields, depth),
            (None, Some(value)) => (value.clone(), value.clone()),
            (None, None) => {
                let literal = match name {
                    "Int" | "Float" => "1",
                    "Boolean" => "true",
                    "Date" => "\"2026-09-01\"",
                    "DateTime" => "\"2026-09-01T00:00:00Z\"",
                    "SchoolYear" => "\"2026-2027\"",
                    _ => "\"x\"",
                };
                (literal.to_owned(), literal.to_owned())
            }
        };
        if matches!(ty.base, BaseType::List(_)) {
            (format!("[{with}]"), format!("[{without}]"))
        } else {
            (with, without)
        }
    }

    fn object(
        &mut self,
        all: &Definitions,
        name: &str,
        fields: &[InputValueDefinition],
        depth: usize,
    ) -> (String, String) {
        let one_of = types().id(name).is_some_and(|id| matches!(types().kind(id), Kind::Input { one_of: true, .. }));
        if one_of {
            let field = fields.first().expect("a field");
            let (with, without) = self.value(all, &field.ty.node, depth + 1);
            let name = &field.name.node;
            return (format!("{{ {name}: {with} }}"), format!("{{ {name}: {without} }}"));
        }
        self.inputs(all, fields, depth, ("{", "}"))
    }

    fn inputs(
        &mut self,
        all: &Definitions,
        inputs: &[InputValueDefinition],
        depth: usize,
        (open, close): (&str, &str),
    ) -> (String, String) {
        let (mut with, mut without) = (Vec::new(), Vec::new());
        for input in inputs {
            let (name, ty) = (&input.name.node, &input.ty.node);
            let optional = ty.nullable || input.default_value.is_some();
            if optional && depth < 3 && all.inputs.contains_key(named(ty)) {
                let (inner_with, inner_without) = self.value(all, ty, depth + 1);
                with.push(format!("{name}: {inner_with}"));
                without.push(format!("{name}: {inner_without}"));
            } else if optional {
                let written = ty.to_string();
                let variable = format!("$v{}", self.declared.len());
                self.declared.push(format!("{variable}: {}", written.trim_end_matches('!')));
                with.push(format!("{name}: {variable}"));
            } else {
                let (inner_with, inner_without) = self.value(all, ty, depth + 1);
                with.push(format!("{name}: {inner_with}"));
                without.push(format!("{name}: {inner_without}"));
            }
        }
        let wrapped = |parts: &[String]| format!("{open}{}{close}", parts.join(", "));
        (wrapped(&with), wrapped(&without))
    }
}

/// Everywhere in the schema a variable that is not given means the same as nothing being written.
#[test]
fn an_absent_variable_is_as_if_nothing_was_written() {
    let all = definitions();
    let mut variables = 0;
    for (keyword, fields) in &all.roots {
        for field in fields {
            let arguments: Vec<_> = field.arguments.iter().map(|argument| argument.node.clone()).collect();
            let selection = if all.composites.contains(named(&field.ty.node)) { " { __typename }" } else { "" };
            let mut absent = Absent::default();
            let (with, without) = absent.inputs(&all, &arguments, 0, ("(", ")"));
            variables += absent.declared.len();
            let declared =
                if absent.declared.is_empty() { String::new() } else { format!("({})", absent.declared.join(", ")) };
            let name = &field.name.node;
            let text = |arguments: String| if arguments == "()" { String::new() } else { arguments };
            let with = format!("{keyword}{declared} {{ {name}{}{selection} }}", text(with));
            let without = format!("{keyword} {{ {name}{}{selection} }}", text(without));
            let (with_it, without_it) = (executed(types(), &with, "{}"), executed(types(), &without, "{}"));
            assert!(without_it.is_ok(), "{without}: {without_it:?}");
            assert_eq!(with_it, without_it, "{with}");
        }
    }
    assert!(variables > 300, "only {variables} variables were tried");
}

/// A scalar of the schema that the rules cannot read would be taken for a text.
#[test]
fn every_scalar_has_a_reader() {
    for definition in parse_schema(graphql::types_sdl()).expect("a schema").definitions {
        if let TypeSystemDefinition::Type(definition) = definition
            && matches!(definition.node.kind, TypeKind::Scalar)
        {
            let name = definition.node.name.node.as_str();
            assert!(graphql::scalars::READERS.iter().any(|(scalar, _)| *scalar == name), "{name}");
        }
    }
}

/// The rules know the types of introspection from a text of their own, which must tell what the executor answers.
#[test]
fn introspection_is_what_the_executor_answers() {
    let names = ["__Schema", "__Type", "__Field", "__InputValue", "__EnumValue", "__Directive"];
    let types = types();
    for name in names {
        let id = types.id(name).expect(name);
        let query =
            format!("{{ __type(name: \"{name}\") {{ fields(includeDeprecated: true) {{ name args {{ name }} }} }} }}");
        let mut request = async_graphql::Request::new("");
        request.set_parsed_query(super::parsed(&query));
        let waker = std::task::Waker::noop();
        let schema = graphql::schema();
        let answer = std::pin::pin!(schema.execute(request)).poll(&mut std::task::Context::from_waker(waker));
        let std::task::Poll::Ready(answer) = answer else { unreachable!("nothing waits") };
        let answer = answer.data.into_json().expect("JSON");
        for field in answer["__type"]["fields"].as_array().expect(name) {
            let known = types.field(id, field["name"].as_str().expect("a name"));
            let known = known.unwrap_or_else(|| panic!("{name}.{}", field["name"]));
            for argument in field["args"].as_array().expect("arguments") {
                assert!(known.arguments.contains_key(argument["name"].as_str().expect("a name")), "{name}: {argument}");
            }
        }
    }
}
