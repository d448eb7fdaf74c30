//! The schema as it is published.

use async_graphql::parser::types::{TypeKind, TypeSystemDefinition};

use crate::harness::once;

once! {
    fn schema_graphql_is_the_schema_that_the_server_serves() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("schema.graphql");
        let written = std::fs::read_to_string(path).unwrap();
        assert!(written == kring::graphql::sdl(), "schema.graphql is out of date: cargo run -- schema > schema.graphql");
    }

    fn everything_is_described_in_whole_sentences() {
        let document = async_graphql::parser::parse_schema(kring::graphql::types_sdl()).unwrap();
        let mut missing = Vec::new();
        let mut check = |place: String, description: Option<&str>| {
            let text = description.unwrap_or_default().trim();
            if !text.ends_with('.') || !text.starts_with(|c: char| c.is_uppercase()) {
                missing.push(format!("{place}: {text:?}"));
            }
        };
        for definition in &document.definitions {
            let TypeSystemDefinition::Type(definition) = definition else { continue };
            let definition = &definition.node;
            let name = definition.name.node.as_str();
            check(name.to_owned(), definition.description.as_ref().map(|text| text.node.as_str()));
            let fields = match &definition.kind {
                TypeKind::Object(object) => &object.fields,
                TypeKind::Interface(interface) => &interface.fields,
                TypeKind::InputObject(input) => {
                    for field in &input.fields {
                        check(format!("{name}.{}", field.node.name.node), field.node.description.as_ref().map(|text| text.node.as_str()));
                    }
                    continue;
                }
                TypeKind::Enum(values) => {
                    for value in &values.values {
                        check(format!("{name}.{}", value.node.value.node), value.node.description.as_ref().map(|text| text.node.as_str()));
                    }
                    continue;
                }
                TypeKind::Scalar | TypeKind::Union(_) => continue,
            };
            for field in fields {
                let place = format!("{name}.{}", field.node.name.node);
                check(place.clone(), field.node.description.as_ref().map(|text| text.node.as_str()));
                for argument in &field.node.arguments {
                    check(format!("{place}({})", argument.node.name.node), argument.node.description.as_ref().map(|text| text.node.as_str()));
                }
            }
        }
        assert!(missing.is_empty(), "{}", missing.join("\n"));
    }
}
