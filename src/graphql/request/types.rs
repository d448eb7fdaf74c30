//! What the rules need to know of the schema, read once from its text.

use std::collections::{HashMap, HashSet};

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{
    BaseType, FieldDefinition, InputValueDefinition, OperationType, SchemaDefinition, Type, TypeDefinition, TypeKind,
    TypeSystemDefinition,
};
use async_graphql::parser::{Error, parse_schema};
use async_graphql::{Name, Positioned, Value};

use crate::graphql::introspection;
use crate::graphql::scalars::Reader;

/// A type of the schema, as its place in the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TypeId(usize);

/// A type with its list and non-null marks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ty {
    Named { id: TypeId, nullable: bool },
    List { of: Box<Ty>, nullable: bool },
}

impl Ty {
    /// Whether null is one of its values.
    pub fn nullable(&self) -> bool {
        match self {
            Self::Named { nullable, .. } | Self::List { nullable, .. } => *nullable,
        }
    }

    /// The type below all lists.
    pub fn named(&self) -> TypeId {
        match self {
            Self::Named { id, .. } => *id,
            Self::List { of, .. } => of.named(),
        }
    }
}

/// An argument, or a field of an input object.
#[derive(Debug)]
pub struct Input {
    pub ty: Ty,
    pub default: Option<Value>,
}

impl Input {
    /// Whether it must be given.
    pub fn required(&self) -> bool {
        self.default.is_none() && !self.ty.nullable()
    }
}

/// Arguments, or the fields of an input object, in the order of the schema.
pub type Inputs = IndexMap<Name, Input>;

/// A field of an object or an interface.
#[derive(Debug)]
pub struct Field {
    pub arguments: Inputs,
    pub ty: Ty,
}

/// How a value of a scalar is read.
#[derive(Clone, Copy, Debug)]
pub enum Scalar {
    Int,
    Float,
    String,
    Boolean,
    Id,
    /// One of the schema's own, by the reader that the resolvers use.
    Custom(Reader),
}

/// What a type is.
#[derive(Debug)]
pub enum Kind {
    Object(HashMap<Name, Field>),
    Interface(HashMap<Name, Field>),
    Union,
    Scalar(Scalar),
    Enum(HashSet<Name>),
    Input { fields: Inputs, one_of: bool },
}

impl Kind {
    /// Whether fields can be selected of it.
    pub fn is_composite(&self) -> bool {
        matches!(self, Self::Object(_) | Self::Interface(_) | Self::Union)
    }

    /// Whether values of it can be given.
    pub fn is_input(&self) -> bool {
        matches!(self, Self::Scalar(_) | Self::Enum(_) | Self::Input { .. })
    }
}

#[derive(Debug)]
struct Known {
    name: Box<str>,
    kind: Kind,
    /// The objects that a value of it can be; empty when it is no composite type.
    objects: HashSet<TypeId>,
}

/// All types of a schema.
#[derive(Debug)]
pub struct Types {
    known: Vec<Known>,
    by_name: HashMap<Box<str>, TypeId>,
    roots: [Option<TypeId>; 3],
    /// `__typename`, which every composite type has.
    typename: Field,
    /// `__schema` and `__type`, which the root of queries has.
    meta: HashMap<Name, Field>,
    /// `if`, of `@skip` and `@include`.
    condition: Inputs,
}

impl Types {
    /// Reads a schema in the schema definition language. Each scalar that it declares needs a reader.
    ///
    /// # Errors
    /// When the text is no schema.
    pub fn from_sdl(sdl: &str, readers: &[(&str, Reader)]) -> Result<Self, Error> {
        let mut definitions = parse_schema(sdl)?.definitions;
        definitions.extend(parse_schema(introspection::BUILT_IN)?.definitions);
        let mut builder = Builder::default();
        for (name, scalar) in BUILT_IN {
            builder.add(name, Kind::Scalar(scalar));
        }
        for definition in &definitions {
            match definition {
                TypeSystemDefinition::Type(definition) => builder.declare(&definition.node, readers),
                TypeSystemDefinition::Schema(schema) => builder.roots = roots(&schema.node),
                TypeSystemDefinition::Directive(_) => {}
            }
        }
        for definition in definitions {
            if let TypeSystemDefinition::Type(definition) = definition {
                builder.fill(definition.node);
            }
        }
        Ok(builder.finish())
    }

    /// What a type is.
    pub fn kind(&self, id: TypeId) -> &Kind {
        self.known.get(id.0).map_or(&Kind::Union, |known| &known.kind)
    }

    /// The name of a type.
    pub fn name(&self, id: TypeId) -> &str {
        self.known.get(id.0).map_or("", |known| &known.name)
    }

    /// The type of a name.
    pub fn id(&self, name: &str) -> Option<TypeId> {
        self.by_name.get(name).copied()
    }

    /// The root of a kind of operation.
    pub fn root(&self, kind: OperationType) -> Option<TypeId> {
        let [query, mutation, subscription] = self.roots;
        match kind {
            OperationType::Query => query,
            OperationType::Mutation => mutation,
            OperationType::Subscription => subscription,
        }
    }

    /// A field of a composite type.
    pub fn field(&self, parent: TypeId, name: &str) -> Option<&Field> {
        let own = match self.kind(parent) {
            Kind::Object(fields) | Kind::Interface(fields) => fields.get(name),
            Kind::Union => None,
            _ => return None,
        };
        let [query, ..] = self.roots;
        own.or_else(|| (name == "__typename").then_some(&self.typename))
            .or_else(|| self.meta.get(name).filter(|_| query == Some(parent)))
    }

    /// The arguments of `@skip` and `@include`.
    pub fn condition(&self) -> &Inputs {
        &self.condition
    }

    /// Whether an object can be of both types.
    pub fn overlap(&self, a: TypeId, b: TypeId) -> bool {
        a == b || !self.objects(a).is_disjoint(self.objects(b))
    }

    /// Whether every object of the one type is of the other too.
    pub fn covers(&self, wide: TypeId, narrow: TypeId) -> bool {
        wide == narrow || self.objects(narrow).is_subset(self.objects(wide))
    }

    fn objects(&self, id: TypeId) -> &HashSet<TypeId> {
        static NONE: std::sync::LazyLock<HashSet<TypeId>> = std::sync::LazyLock::new(HashSet::new);
        self.known.get(id.0).map_or(&NONE, |known| &known.objects)
    }

    /// The type that a document writes; `None` when its name is unknown.
    pub fn written(&self, ty: &Type) -> Option<Ty> {
        let nullable = ty.nullable;
        Some(match &ty.base {
            BaseType::Named(name) => Ty::Named { id: self.id(name)?, nullable },
            BaseType::List(of) => Ty::List { of: Box::new(self.written(of)?), nullable },
        })
    }

    /// A type as a document would write it.
    pub fn show(&self, ty: &Ty) -> String {
        let (name, nullable) = match ty {
            Ty::Named { id, nullable } => (self.name(*id).to_owned(), *nullable),
            Ty::List { of, nullable } => (format!("[{}]", self.show(of)), *nullable),
        };
        if nullable { name } else { name + "!" }
    }
}

const BUILT_IN: [(&str, Scalar); 5] = [
    ("Int", Scalar::Int),
    ("Float", Scalar::Float),
    ("String", Scalar::String),
    ("Boolean", Scalar::Boolean),
    ("ID", Scalar::Id),
];

fn roots(schema: &SchemaDefinition) -> [String; 3] {
    [&schema.query, &schema.mutation, &schema.subscription]
        .map(|root| root.as_ref().map_or_else(String::new, |name| name.node.to_string()))
}

struct Builder {
    known: Vec<Known>,
    by_name: HashMap<Box<str>, TypeId>,
    roots: [String; 3],
}

impl Default for Builder {
    fn default() -> Self {
        let roots = ["Query", "Mutation", "Subscription"].map(str::to_owned);
        Self { known: Vec::new(), by_name: HashMap::new(), roots }
    }
}

impl Builder {
    fn add(&mut self, name: &str, kind: Kind) {
        let id = TypeId(self.known.len());
        if self.by_name.insert(name.into(), id).is_none() {
            self.known.push(Known { name: name.into(), kind, objects: HashSet::new() });
        }
    }

    /// Gives a type its place; its fields come when all types have theirs.
    fn declare(&mut self, definition: &TypeDefinition, readers: &[(&str, Reader)]) {
        let name = definition.name.node.as_str();
        let kind = match &definition.kind {
            TypeKind::Scalar => {
                let reader = readers.iter().find(|(scalar, _)| *scalar == name);
                Kind::Scalar(reader.map_or(Scalar::String, |(_, reader)| Scalar::Custom(*reader)))
            }
            TypeKind::Object(_) => Kind::Object(HashMap::new()),
            TypeKind::Interface(_) => Kind::Interface(HashMap::new()),
            TypeKind::Union(_) => Kind::Union,
            TypeKind::Enum(of) => Kind::Enum(of.values.iter().map(|value| value.node.value.node.clone()).collect()),
            TypeKind::InputObject(_) => Kind::Input { fields: Inputs::new(), one_of: false },
        };
        self.add(name, kind);
    }

    fn fill(&mut self, definition: TypeDefinition) {
        let Some(id) = self.by_name.get(definition.name.node.as_str()).copied() else { return };
        let kind = match definition.kind {
            TypeKind::Object(of) => {
                self.is_a(id, std::iter::once(&definition.name).chain(&of.implements));
                Kind::Object(self.fields(of.fields))
            }
            TypeKind::Interface(of) => Kind::Interface(self.fields(of.fields)),
            TypeKind::InputObject(of) => {
                let one_of = definition.directives.iter().any(|directive| directive.node.name.node == "oneOf");
                Kind::Input { fields: self.inputs(of.fields), one_of }
            }
            TypeKind::Union(of) => {
                let members = of.members.iter().filter_map(|member| self.by_name.get(member.node.as_str()).copied());
                let members = members.collect();
                return self.set(id, |known| known.objects = members);
            }
            TypeKind::Scalar | TypeKind::Enum(_) => return,
        };
        self.set(id, |known| known.kind = kind);
    }

    fn set(&mut self, id: TypeId, set: impl FnOnce(&mut Known)) {
        if let Some(known) = self.known.get_mut(id.0) {
            set(known);
        }
    }

    fn is_a<'a>(&mut self, object: TypeId, names: impl Iterator<Item = &'a Positioned<Name>>) {
        for name in names {
            if let Some(id) = self.by_name.get(name.node.as_str()).copied() {
                self.set(id, |known| _ = known.objects.insert(object));
            }
        }
    }

    fn fields(&self, fields: Vec<Positioned<FieldDefinition>>) -> HashMap<Name, Field> {
        let fields = fields.into_iter().filter_map(|field| {
            let ty = self.ty(&field.node.ty.node)?;
            Some((field.node.name.node, Field { arguments: self.inputs(field.node.arguments), ty }))
        });
        fields.collect()
    }

    fn inputs(&self, inputs: Vec<Positioned<InputValueDefinition>>) -> Inputs {
        let inputs = inputs.into_iter().filter_map(|input| {
            let default = input.node.default_value.map(|value| value.node);
            Some((input.node.name.node, Input { ty: self.ty(&input.node.ty.node)?, default }))
        });
        inputs.collect()
    }

    fn ty(&self, ty: &Type) -> Option<Ty> {
        let nullable = ty.nullable;
        Some(match &ty.base {
            BaseType::Named(name) => Ty::Named { id: *self.by_name.get(name.as_str())?, nullable },
            BaseType::List(of) => Ty::List { of: Box::new(self.ty(of)?), nullable },
        })
    }

    fn named(&self, name: &str, nullable: bool) -> Ty {
        let id = self.by_name.get(name).copied().unwrap_or(TypeId(usize::MAX));
        Ty::Named { id, nullable }
    }

    fn finish(self) -> Types {
        let input = |name: &'static str, ty| (Name::new(name), Input { ty, default: None });
        let field = |name: &'static str, arguments, ty| (Name::new(name), Field { arguments, ty });
        let by_name = [input("name", self.named("String", false))].into_iter().collect();
        let meta = [
            field("__schema", Inputs::new(), self.named("__Schema", false)),
            field("__type", by_name, self.named("__Type", true)),
        ];
        Types {
            meta: meta.into_iter().collect(),
            typename: Field { arguments: Inputs::new(), ty: self.named("String", false) },
            condition: [input("if", self.named("Boolean", false))].into_iter().collect(),
            roots: self.roots.each_ref().map(|root| self.by_name.get(root.as_str()).copied()),
            known: self.known,
            by_name: self.by_name,
        }
    }
}
