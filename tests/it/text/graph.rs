//! The schema as clients read it, and ways from its root to each of its types.

use std::collections::{BTreeMap, VecDeque};

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{BaseType, FieldDefinition, Type, TypeKind, TypeSystemDefinition};
use kring::id::{self, Kind};

pub struct Graph(BTreeMap<String, TypeKind>);

/// A field and the text of a document around it: what comes before it, and how many braces are open there.
pub struct Way<'g> {
    pub parent: String,
    pub field: &'g FieldDefinition,
    before: String,
    open: usize,
}

impl Way<'_> {
    /// The name of the list: its field and the type that has it.
    pub fn name(&self) -> String {
        format!("{}.{}", self.parent, self.field.name.node)
    }

    /// A document that asks for the field with these arguments and this selection.
    pub fn document(&self, variables: &str, arguments: &str, selection: &str) -> String {
        let call = format!("{}({arguments}) {selection}", self.field.name.node);
        format!("query{variables} {}{call}{}", self.before, " }".repeat(self.open))
    }
}

impl Graph {
    pub fn read() -> Self {
        let document = parse_schema(kring::graphql::types_sdl()).unwrap();
        let types = document.definitions.into_iter().filter_map(|definition| match definition {
            TypeSystemDefinition::Type(ty) => Some((ty.node.name.node.to_string(), ty.node.kind)),
            _ => None,
        });
        Self(types.collect())
    }

    /// What a type is; of the scalars that the language brings along nothing is said.
    pub fn kind(&self, name: &str) -> Option<&TypeKind> {
        self.0.get(name)
    }

    fn fields(&self, name: &str) -> Vec<&FieldDefinition> {
        match self.0.get(name) {
            Some(TypeKind::Object(ty)) => ty.fields.iter().map(|field| &field.node).collect(),
            Some(TypeKind::Interface(ty)) => ty.fields.iter().map(|field| &field.node).collect(),
            _ => Vec::new(),
        }
    }

    /// The objects behind an interface or a union; an object stands for itself.
    fn behind(&self, name: &str) -> Vec<&str> {
        match self.0.get(name) {
            Some(TypeKind::Interface(_)) => {
                let implements = |kind: &TypeKind| match kind {
                    TypeKind::Object(ty) => ty.implements.iter().any(|one| one.node == name),
                    _ => false,
                };
                self.0.iter().filter(|(_, kind)| implements(kind)).map(|(name, _)| name.as_str()).collect()
            }
            Some(TypeKind::Union(ty)) => ty.members.iter().map(|one| one.node.as_str()).collect(),
            _ => Vec::new(),
        }
    }

    /// Every field that a query can ask for and `wanted` picks, each by the shortest way; `ids` has an object of each type
    /// that is known.
    pub fn ways(&self, ids: &BTreeMap<&str, String>, wanted: impl Fn(&FieldDefinition) -> bool) -> Vec<Way<'_>> {
        let mut known: BTreeMap<&str, (String, usize)> = BTreeMap::new();
        let mut queue = VecDeque::from([("Query", "{ ".to_owned(), 1)]);
        // Whatever can be looked up is looked up.
        for name in self.behind("Node") {
            let id = ids.get(name).cloned().unwrap_or_else(|| id::encode(Kind::Group, 9_999));
            queue.push_back((name, format!("{{ node(id: \"{id}\") {{ ... on {name} {{ "), 3));
        }
        while let Some((name, before, open)) = queue.pop_front() {
            if known.contains_key(name) {
                continue;
            }
            known.insert(name, (before.clone(), open));
            for field in self.fields(name) {
                let to = base(&field.ty.node);
                let arguments = self.needed(field);
                let Some(arguments) = arguments else { continue };
                let before = format!("{before}{}{arguments} {{ ", field.name.node);
                if !self.fields(to).is_empty() {
                    queue.push_back((to, before.clone(), open + 1));
                }
                for object in self.behind(to) {
                    queue.push_back((object, format!("{before}... on {object} {{ "), open + 2));
                }
            }
        }
        let mut ways = Vec::new();
        for (name, (before, open)) in known {
            if !matches!(self.0.get(name), Some(TypeKind::Object(_))) {
                continue;
            }
            for field in self.fields(name).into_iter().filter(|field| wanted(field)) {
                ways.push(Way { parent: name.to_owned(), field, before: before.clone(), open });
            }
        }
        ways
    }

    /// The arguments without which a field cannot be asked for; nothing if it takes more than an identifier.
    fn needed(&self, field: &FieldDefinition) -> Option<String> {
        let needed = field.arguments.iter().map(|argument| &argument.node);
        let mut needed = needed.filter(|argument| !argument.ty.node.nullable && argument.default_value.is_none());
        match (needed.next(), needed.next()) {
            (None, _) => Some(String::new()),
            (Some(only), None) if base(&only.ty.node) == "ID" => {
                let kind = if field.name.node == "participant" { Kind::Participant } else { Kind::Group };
                Some(format!("({}: \"{}\")", only.name.node, id::encode(kind, 9_999)))
            }
            _ => None,
        }
    }
}

pub fn base(ty: &Type) -> &str {
    match &ty.base {
        BaseType::Named(name) => name.as_str(),
        BaseType::List(inner) => base(inner),
    }
}
