//! What weighing a document needs to know of the schema.

use std::collections::{HashMap, HashSet};

use async_graphql::parser::types::{
    BaseType, FieldDefinition, OperationType, SchemaDefinition, TypeDefinition, TypeKind, TypeSystemDefinition,
};
use async_graphql::parser::{Error, parse_schema};

/// How often a field's selection is carried out each time that the field is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Items {
    /// Once: a value, an object, a connection.
    One,
    /// Once for each item of a list: as many as the argument `ids` lists, as `first` or `last`
    /// asks for, or else this many, a guess at a usual length.
    Many(u32),
    /// Once for each item of the page that the connection around it serves: `edges` and `nodes`.
    /// The page is as large as the arguments `first` and `last` of the field above say.
    PerItem,
}

/// What weighing a document needs to know of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldFacts<'a> {
    /// The name of the field's type, without list and non-null marks.
    pub type_name: &'a str,
    /// What reading one item of the field costs, in rows: 1 for what takes a look into the store,
    /// 0 for what comes along with its parent, more for what is dear.
    pub weight: u32,
    /// How many items the field has.
    pub items: Items,
}

/// What weighing a document needs to know of the schema.
pub trait SchemaFacts {
    /// The name of the root type of a kind of operation; empty when there is none.
    fn root(&self, kind: OperationType) -> &str;

    /// The facts of a field of an object or interface type; `None` when there is no such field,
    /// which then counts as a plain value: the validator refuses it. The introspection fields need
    /// no facts.
    fn field(&self, parent: &str, name: &str) -> Option<FieldFacts<'_>>;
}

/// Facts read from the text of a schema that follows Relay's conventions.
///
/// Objects, connections and counts (fields named `…Count`) weigh 1. Other scalars and enums, and
/// the wrappers `…Edge` and `PageInfo`, weigh 0. Where a convention does not fit,
/// [`SdlFacts::weigh`] says otherwise.
#[derive(Clone, Debug, Default)]
pub struct SdlFacts {
    roots: [String; 3],
    types: HashMap<String, HashMap<String, Field>>,
}

#[derive(Clone, Debug)]
struct Field {
    type_name: String,
    weight: u32,
    items: Items,
}

impl SdlFacts {
    /// Reads the facts from a schema in GraphQL's schema language. A list without a page size
    /// counts as `list_length` items.
    ///
    /// # Errors
    ///
    /// When the text is not a schema.
    pub fn new(sdl: &str, list_length: u32) -> Result<Self, Error> {
        let document = parse_schema(sdl)?;
        let mut facts = Self { roots: ["Query", "Mutation", "Subscription"].map(str::to_owned), types: HashMap::new() };
        let mut leaves: HashSet<String> = ["Int", "Float", "String", "Boolean", "ID"].map(str::to_owned).into();
        for definition in document.definitions {
            match definition {
                TypeSystemDefinition::Schema(schema) => facts.set_roots(schema.node),
                TypeSystemDefinition::Type(definition) => {
                    facts.add_type(definition.node, list_length, &mut leaves);
                }
                TypeSystemDefinition::Directive(_) => {}
            }
        }
        facts.lighten(&leaves);
        Ok(facts)
    }

    /// Sets the weight of a field, in rows per item. It holds for this type alone, not for the
    /// interfaces that have the field too. An unknown field is left unknown.
    pub fn weigh(&mut self, parent: &str, name: &str, weight: u32) {
        let fields = self.types.get_mut(parent);
        if let Some(field) = fields.and_then(|fields| fields.get_mut(name)) {
            field.weight = weight;
        }
    }

    /// Sets how long a list without pages is taken to be. An unknown field is left unknown.
    pub fn lengthen(&mut self, parent: &str, name: &str, length: u32) {
        let fields = self.types.get_mut(parent);
        if let Some(field) = fields.and_then(|fields| fields.get_mut(name)) {
            field.items = Items::Many(length);
        }
    }

    fn set_roots(&mut self, schema: SchemaDefinition) {
        self.roots = [schema.query, schema.mutation, schema.subscription]
            .map(|root| root.map_or_else(String::new, |name| name.node.to_string()));
    }

    fn add_type(&mut self, definition: TypeDefinition, list_length: u32, leaves: &mut HashSet<String>) {
        let parent = definition.name.node.to_string();
        let fields = match definition.kind {
            TypeKind::Object(object) => object.fields,
            TypeKind::Interface(interface) => interface.fields,
            TypeKind::Scalar | TypeKind::Enum(_) => {
                leaves.insert(parent);
                return;
            }
            TypeKind::Union(_) | TypeKind::InputObject(_) => return,
        };
        let fields = fields.into_iter().map(|field| {
            let name = field.node.name.node.to_string();
            let facts = Field::new(&parent, &name, &field.node, list_length);
            (name, facts)
        });
        self.types.entry(parent.clone()).or_default().extend(fields.collect::<Vec<_>>());
    }

    /// Takes the weight off what is read along with its parent.
    fn lighten(&mut self, leaves: &HashSet<String>) {
        for (name, field) in self.types.values_mut().flatten() {
            let type_name = field.type_name.as_str();
            let comes_along = leaves.contains(type_name) && !name.ends_with("Count")
                || type_name == "PageInfo"
                || type_name.ends_with("Edge");
            if comes_along {
                field.weight = 0;
            }
        }
    }
}

impl Field {
    fn new(parent: &str, name: &str, definition: &FieldDefinition, list_length: u32) -> Self {
        let mut base = &definition.ty.node.base;
        let is_list = matches!(base, BaseType::List(_));
        let type_name = loop {
            match base {
                BaseType::List(item) => base = &item.base,
                BaseType::Named(name) => break name.to_string(),
            }
        };
        let is_page = parent.ends_with("Connection") && matches!(name, "edges" | "nodes");
        let items = match (is_list, is_page) {
            (true, true) => Items::PerItem,
            (true, false) => Items::Many(list_length),
            (false, _) => Items::One,
        };
        Self { type_name, weight: 1, items }
    }
}

impl SchemaFacts for SdlFacts {
    fn root(&self, kind: OperationType) -> &str {
        let [query, mutation, subscription] = &self.roots;
        match kind {
            OperationType::Query => query,
            OperationType::Mutation => mutation,
            OperationType::Subscription => subscription,
        }
    }

    fn field(&self, parent: &str, name: &str) -> Option<FieldFacts<'_>> {
        let field = self.types.get(parent)?.get(name)?;
        Some(FieldFacts { type_name: &field.type_name, weight: field.weight, items: field.items })
    }
}

/// The introspection fields. Introspection reads no rows; its lists are given lengths so that
/// nesting them shows in the number of values. The lengths are chosen so that the full query of
/// the usual tools stays below the default limit.
pub(super) fn introspection(parent: &str, name: &str) -> Option<FieldFacts<'static>> {
    let (type_name, items) = match (parent, name) {
        (_, "__schema") => ("__Schema", Items::One),
        ("__Schema", "types") => ("__Type", Items::Many(100)),
        ("__Schema", "queryType" | "mutationType" | "subscriptionType")
        | ("__Type", "ofType")
        | ("__Field" | "__InputValue", "type")
        | (_, "__type") => ("__Type", Items::One),
        ("__Schema", "directives") => ("__Directive", Items::Many(10)),
        ("__Type", "fields") => ("__Field", Items::Many(6)),
        ("__Type", "inputFields") => ("__InputValue", Items::Many(5)),
        ("__Type", "enumValues") => ("__EnumValue", Items::Many(5)),
        ("__Type", "interfaces") => ("__Type", Items::Many(1)),
        ("__Type", "possibleTypes") => ("__Type", Items::Many(3)),
        ("__Field" | "__Directive", "args") => ("__InputValue", Items::Many(1)),
        _ => return None,
    };
    Some(FieldFacts { type_name, weight: 0, items })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SDL: &str = r#"
        schema { query: Root }
        "Described." type Root { me(id: ID!): Person people: PersonConnection! kinds: [Kind!]! }
        type PersonConnection { totalCount: Int! pageInfo: PageInfo! edges: [PersonEdge!]! nodes: [[Person]] }
        type PersonEdge { cursor: Cursor! node: Person! }
        type PageInfo { hasNextPage: Boolean! }
        interface Named { name: String! }
        type Person implements Named { name: String! friends: [Named!]! edges: [Person!]! }
        scalar Cursor
        enum Kind { ONE }
        input Filter { name: String }
    "#;

    #[test]
    fn conventions_give_facts() {
        let facts = SdlFacts::new(SDL, 4).expect("a schema");
        for (parent, name, type_name, weight, items) in [
            ("Root", "me", "Person", 1, Items::One),
            ("Root", "people", "PersonConnection", 1, Items::One),
            ("Root", "kinds", "Kind", 0, Items::Many(4)),
            ("PersonConnection", "totalCount", "Int", 1, Items::One),
            ("PersonConnection", "pageInfo", "PageInfo", 0, Items::One),
            ("PersonConnection", "edges", "PersonEdge", 0, Items::PerItem),
            ("PersonConnection", "nodes", "Person", 1, Items::PerItem),
            ("PersonEdge", "cursor", "Cursor", 0, Items::One),
            ("PersonEdge", "node", "Person", 1, Items::One),
            ("Named", "name", "String", 0, Items::One),
            ("Person", "friends", "Named", 1, Items::Many(4)),
            ("Person", "edges", "Person", 1, Items::Many(4)),
        ] {
            let expected = FieldFacts { type_name, weight, items };
            assert_eq!(facts.field(parent, name), Some(expected), "{parent}.{name}");
        }
        for (parent, name) in [("Root", "name"), ("Nobody", "name"), ("Filter", "name")] {
            assert_eq!(facts.field(parent, name), None, "{parent}.{name}");
        }
    }

    #[test]
    fn roots_and_weights_are_what_is_said() {
        let mut facts = SdlFacts::new(SDL, 4).expect("a schema");
        assert_eq!(facts.root(OperationType::Query), "Root");
        assert_eq!(facts.root(OperationType::Mutation), "");
        facts.weigh("Person", "name", 7);
        facts.weigh("Person", "unknown", 7);
        assert_eq!(facts.field("Person", "name").map(|field| field.weight), Some(7));
        assert_eq!(facts.field("Person", "unknown"), None);

        let facts = SdlFacts::new("type Query { a: Int }", 4).expect("a schema");
        assert_eq!(facts.root(OperationType::Mutation), "Mutation");
        assert!(SdlFacts::new("type", 4).is_err());
    }
}
