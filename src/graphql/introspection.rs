//! `__schema` and `__type`: what the schema says of itself.
//!
//! The library's own answer leaves out that interfaces implement interfaces, and has no description of the schema. So
//! everything is read once from the text of the schema, and each request selects from that.

use std::collections::HashMap;
use std::sync::LazyLock;

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    BaseType, ConstDirective, DirectiveDefinition, DirectiveLocation, EnumValueDefinition, Field, FieldDefinition,
    InputValueDefinition, Selection, Type, TypeDefinition, TypeKind, TypeSystemDefinition,
};
use async_graphql::{Name, Positioned, Value};
use async_graphql_value::Value as Literal;

/// The types and directives that the specification brings along, in its words.
pub const BUILT_IN: &str = include_str!("introspection.graphql");

/// The scalars that the specification brings along; the schema uses them all.
const SCALARS: [(&str, &str); 5] = [
    ("Boolean", "The `Boolean` scalar type represents `true` or `false`."),
    (
        "Float",
        "The `Float` scalar type represents signed double-precision fractional values as specified by \
         [IEEE 754](https://en.wikipedia.org/wiki/IEEE_floating_point).",
    ),
    (
        "ID",
        "The `ID` scalar type represents a unique identifier, often used to refetch an object or as key for a cache. The ID \
         type appears in a JSON response as a String; however, it is not intended to be human-readable. When expected as an \
         input type, any string (such as `\"4\"`) or integer (such as `4`) input value will be accepted as an ID.",
    ),
    (
        "Int",
        "The `Int` scalar type represents non-fractional signed whole numeric values. Int can represent values between -(2^31) \
         and 2^31 - 1.",
    ),
    (
        "String",
        "The `String` scalar type represents textual data, represented as UTF-8 character sequences. The String type is most \
         often used by GraphQL to represent free-form human-readable text.",
    ),
];

/// Answers `__schema` or `__type`.
pub fn answer(field: &Field) -> Value {
    static MODEL: LazyLock<Model> = LazyLock::new(|| Model::new(&super::types_sdl(), super::DESCRIPTION));
    MODEL.answer(field)
}

/// What the schema says of itself.
struct Model {
    schema: Object,
    types: HashMap<Name, Object>,
}

/// An object of introspection. What it does not have is null.
struct Object {
    typename: &'static str,
    members: Vec<(&'static str, Entry)>,
    deprecated: bool,
}

/// What stands in a field of introspection.
enum Entry {
    /// A scalar, an enum value, or null.
    Plain(Value),
    Object(Box<Object>),
    /// A type of the schema.
    Named(Name),
    List(Vec<Self>),
}

impl Model {
    fn new(sdl: &str, description: &str) -> Self {
        let mut definitions = Vec::new();
        for text in [sdl, BUILT_IN] {
            match parse_schema(text) {
                Ok(document) => definitions.extend(document.definitions),
                Err(error) => unreachable!("the schema describes itself: {error}"),
            }
        }
        let mut holders: HashMap<Name, Vec<Entry>> = HashMap::new();
        let (mut types, mut directives) = (IndexMap::new(), IndexMap::new());
        for (name, about) in SCALARS {
            types.insert(Name::new(name), named_type("SCALAR", name, Some(about)));
        }
        for definition in &definitions {
            match definition {
                TypeSystemDefinition::Type(definition) => {
                    let definition = &definition.node;
                    for interface in implemented(definition) {
                        if matches!(definition.kind, TypeKind::Object(_)) {
                            let holders = holders.entry(interface.node.clone()).or_default();
                            holders.push(Entry::Named(definition.name.node.clone()));
                        }
                    }
                    types.insert(definition.name.node.clone(), type_of(definition));
                }
                TypeSystemDefinition::Directive(directive) => {
                    directives.entry(directive.node.name.node.clone()).or_insert_with(|| directive_of(&directive.node));
                }
                TypeSystemDefinition::Schema(_) => {}
            }
        }
        for (interface, objects) in holders {
            if let Some(interface) = types.get_mut(&interface) {
                interface.members.push(("possibleTypes", Entry::List(objects)));
            }
        }
        let schema = Object::new("__Schema")
            .with("description", text(Some(description)))
            .with("types", Entry::List(types.keys().cloned().map(Entry::Named).collect()))
            .with("queryType", Entry::Named(Name::new("Query")))
            .with("mutationType", Entry::Named(Name::new("Mutation")))
            .with("subscriptionType", Entry::Named(Name::new("Subscription")))
            .with("directives", Entry::List(directives.into_values().map(Entry::from).collect()));
        Self { schema, types: types.into_iter().collect() }
    }

    fn answer(&self, field: &Field) -> Value {
        if field.name.node == "__schema" {
            return self.select(&self.schema, &[field]);
        }
        let name = field.arguments.iter().find(|(name, _)| name.node == "name");
        let Some((_, Positioned { node: Literal::String(name), .. })) = name else { return Value::Null };
        self.types.get(name.as_str()).map_or(Value::Null, |found| self.select(found, &[field]))
    }

    /// What fields with the same response key select of an entry. It recurses as deep as the document nests.
    fn project(&self, entry: &Entry, fields: &[&Field]) -> Value {
        match entry {
            Entry::Plain(value) => value.clone(),
            Entry::Object(object) => self.select(object, fields),
            Entry::Named(name) => self.types.get(name).map_or(Value::Null, |found| self.select(found, fields)),
            Entry::List(items) => {
                let all = fields.iter().any(|field| includes_deprecated(field));
                let items = items.iter().filter(|item| all || !item.is_deprecated());
                Value::List(items.map(|item| self.project(item, fields)).collect())
            }
        }
    }

    fn select(&self, object: &Object, parents: &[&Field]) -> Value {
        let mut merged: IndexMap<&Name, Vec<&Field>> = IndexMap::new();
        // Only fields stand there: the fragments are taken out of their brackets.
        for item in parents.iter().flat_map(|parent| &parent.selection_set.node.items) {
            if let Selection::Field(field) = &item.node {
                merged.entry(&field.node.response_key().node).or_default().push(&field.node);
            }
        }
        let values = merged.into_iter().map(|(key, fields)| {
            let name = fields.first().map_or("", |field| field.name.node.as_str());
            let member = object.members.iter().find(|(member, _)| *member == name);
            let value = match member {
                Some((_, entry)) => self.project(entry, &fields),
                None if name == "__typename" => Value::String(object.typename.to_owned()),
                None => Value::Null,
            };
            (key.clone(), value)
        });
        Value::Object(values.collect())
    }
}

fn includes_deprecated(field: &Field) -> bool {
    let is_true = |value: &Literal| *value == Literal::Boolean(true);
    field.arguments.iter().any(|(name, value)| name.node == "includeDeprecated" && is_true(&value.node))
}

impl Object {
    fn new(typename: &'static str) -> Self {
        Self { typename, members: Vec::new(), deprecated: false }
    }

    fn with(mut self, name: &'static str, entry: Entry) -> Self {
        self.members.push((name, entry));
        self
    }

    /// Adds what can be said of everything that can be deprecated.
    fn or_deprecated(mut self, directives: &[Positioned<ConstDirective>]) -> Self {
        let found = directives.iter().find(|directive| directive.node.name.node == "deprecated");
        self.deprecated = found.is_some();
        let reason = found.map(|found| match found.node.get_argument("reason") {
            Some(Positioned { node: Value::String(reason), .. }) => reason.as_str(),
            _ => "No longer supported",
        });
        let deprecated = Entry::Plain(Value::Boolean(self.deprecated));
        self.with("isDeprecated", deprecated).with("deprecationReason", text(reason))
    }
}

impl Entry {
    fn is_deprecated(&self) -> bool {
        matches!(self, Self::Object(object) if object.deprecated)
    }
}

impl From<Object> for Entry {
    fn from(object: Object) -> Self {
        Self::Object(Box::new(object))
    }
}

fn text(text: Option<&str>) -> Entry {
    Entry::Plain(text.map_or(Value::Null, |text| Value::String(text.to_owned())))
}

fn described(description: Option<&Positioned<String>>) -> Entry {
    text(description.map(|text| text.node.as_str()))
}

fn one_of(value: &str) -> Entry {
    Entry::Plain(Value::Enum(Name::new(value)))
}

fn named_type(kind: &str, name: &str, description: Option<&str>) -> Object {
    Object::new("__Type")
        .with("kind", one_of(kind))
        .with("name", text(Some(name)))
        .with("description", text(description))
}

fn implemented(definition: &TypeDefinition) -> &[Positioned<Name>] {
    match &definition.kind {
        TypeKind::Object(of) => &of.implements,
        TypeKind::Interface(of) => &of.implements,
        _ => &[],
    }
}

fn type_of(definition: &TypeDefinition) -> Object {
    let description = definition.description.as_ref().map(|text| text.node.as_str());
    let new = |kind| named_type(kind, &definition.name.node, description);
    let interfaces = || names(implemented(definition));
    let directive = |name: &str| definition.directives.iter().find(|directive| directive.node.name.node == name);
    match &definition.kind {
        TypeKind::Scalar => {
            let url = directive("specifiedBy").and_then(|directive| directive.node.get_argument("url"));
            new("SCALAR").with("specifiedByURL", Entry::Plain(url.map_or(Value::Null, |url| url.node.clone())))
        }
        TypeKind::Object(of) => new("OBJECT").with("fields", list(&of.fields, field)).with("interfaces", interfaces()),
        TypeKind::Interface(of) => {
            new("INTERFACE").with("fields", list(&of.fields, field)).with("interfaces", interfaces())
        }
        TypeKind::Union(of) => new("UNION").with("possibleTypes", names(&of.members)),
        TypeKind::Enum(of) => new("ENUM").with("enumValues", list(&of.values, enum_value)),
        TypeKind::InputObject(of) => new("INPUT_OBJECT")
            .with("inputFields", list(&of.fields, input_value))
            .with("isOneOf", Entry::Plain(Value::Boolean(directive("oneOf").is_some()))),
    }
}

fn names(names: &[Positioned<Name>]) -> Entry {
    Entry::List(names.iter().map(|name| Entry::Named(name.node.clone())).collect())
}

fn list<T>(items: &[Positioned<T>], of: fn(&T) -> Object) -> Entry {
    Entry::List(items.iter().map(|item| of(&item.node).into()).collect())
}

fn field(field: &FieldDefinition) -> Object {
    Object::new("__Field")
        .with("name", text(Some(&field.name.node)))
        .with("description", described(field.description.as_ref()))
        .with("args", list(&field.arguments, input_value))
        .with("type", reference(&field.ty.node))
        .or_deprecated(&field.directives)
}

fn input_value(input: &InputValueDefinition) -> Object {
    let default = input.default_value.as_ref().map(|default| default.node.to_string());
    Object::new("__InputValue")
        .with("name", text(Some(&input.name.node)))
        .with("description", described(input.description.as_ref()))
        .with("type", reference(&input.ty.node))
        .with("defaultValue", text(default.as_deref()))
        .or_deprecated(&input.directives)
}

fn enum_value(value: &EnumValueDefinition) -> Object {
    Object::new("__EnumValue")
        .with("name", text(Some(&value.value.node)))
        .with("description", described(value.description.as_ref()))
        .or_deprecated(&value.directives)
}

fn directive_of(directive: &DirectiveDefinition) -> Object {
    let locations = directive.locations.iter().map(|location| one_of(location_name(location.node)));
    Object::new("__Directive")
        .with("name", text(Some(&directive.name.node)))
        .with("description", described(directive.description.as_ref()))
        // None is. The parser takes every directive for repeatable.
        .with("isRepeatable", Entry::Plain(Value::Boolean(false)))
        .with("locations", Entry::List(locations.collect()))
        .with("args", list(&directive.arguments, input_value))
}

fn location_name(location: DirectiveLocation) -> &'static str {
    match location {
        DirectiveLocation::Query => "QUERY",
        DirectiveLocation::Mutation => "MUTATION",
        DirectiveLocation::Subscription => "SUBSCRIPTION",
        DirectiveLocation::Field => "FIELD",
        DirectiveLocation::FragmentDefinition => "FRAGMENT_DEFINITION",
        DirectiveLocation::FragmentSpread => "FRAGMENT_SPREAD",
        DirectiveLocation::InlineFragment => "INLINE_FRAGMENT",
        DirectiveLocation::Schema => "SCHEMA",
        DirectiveLocation::Scalar => "SCALAR",
        DirectiveLocation::Object => "OBJECT",
        DirectiveLocation::FieldDefinition => "FIELD_DEFINITION",
        DirectiveLocation::ArgumentDefinition => "ARGUMENT_DEFINITION",
        DirectiveLocation::Interface => "INTERFACE",
        DirectiveLocation::Union => "UNION",
        DirectiveLocation::Enum => "ENUM",
        DirectiveLocation::EnumValue => "ENUM_VALUE",
        DirectiveLocation::InputObject => "INPUT_OBJECT",
        DirectiveLocation::InputFieldDefinition => "INPUT_FIELD_DEFINITION",
        DirectiveLocation::VariableDefinition => "VARIABLE_DEFINITION",
    }
}

/// A type as a field or an argument names it, lists and non-null marks outside.
fn reference(ty: &Type) -> Entry {
    let inner = match &ty.base {
        BaseType::Named(name) => Entry::Named(name.clone()),
        BaseType::List(of) => wrapped("LIST", reference(of)),
    };
    if ty.nullable { inner } else { wrapped("NON_NULL", inner) }
}

fn wrapped(kind: &str, of: Entry) -> Entry {
    Object::new("__Type").with("kind", one_of(kind)).with("ofType", of).into()
}
