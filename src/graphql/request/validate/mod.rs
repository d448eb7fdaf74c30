//! Whether a document means something: the rules of section 5 that the parser leaves open.

mod literals;
mod merging;
mod subscriptions;
mod variables;

use std::collections::HashMap;

use async_graphql::parser::types::{
    Directive, ExecutableDocument, Field, OperationDefinition, Selection, SelectionSet, TypeCondition,
};
use async_graphql::{Name, Pos, Positioned, ServerError};
use async_graphql_value::Value as Literal;

use super::types::{Inputs, Kind, TypeId, Types};
use super::{first_of, invalid};
use variables::Usage;

/// Looks at a document whose fragments go round in no circle, all operations of it. Answers with the first errors; a
/// valid document has none.
pub fn validate(types: &Types, document: &ExecutableDocument) -> Vec<ServerError> {
    let mut walk = Walk { types, document, errors: Vec::new() };
    let fragments: HashMap<&str, Part<'_>> =
        document.fragments.iter().map(|(name, fragment)| (name.as_str(), walk.fragment(&fragment.node))).collect();
    let mut used = std::collections::HashSet::new();
    for (_, operation) in document.operations.iter() {
        let part = walk.operation(operation);
        let reached = variables::reached(&part, &fragments);
        walk.variables(operation, &part, &reached, &fragments);
        used.extend(reached);
    }
    for (name, fragment) in &document.fragments {
        if !used.contains(name.as_str()) {
            walk.refuse(format!("The fragment `{name}` is never used."), fragment.pos);
        }
    }
    if walk.errors.is_empty() {
        for (_, operation) in document.operations.iter() {
            walk.merging(operation);
        }
    }
    first_of(walk.errors)
}

/// What an operation or a fragment brings along.
#[derive(Default)]
struct Part<'a> {
    /// Where it uses variables.
    usages: Vec<Usage<'a>>,
    /// The fragments that it spreads.
    spreads: Vec<&'a str>,
}

/// Where a directive stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Location {
    Selection,
    Definition,
}

struct Walk<'a> {
    types: &'a Types,
    document: &'a ExecutableDocument,
    errors: Vec<ServerError>,
}

impl<'a> Walk<'a> {
    fn refuse(&mut self, message: impl Into<String>, pos: Pos) {
        self.errors.push(invalid(message, pos));
    }

    fn operation(&mut self, operation: &'a Positioned<OperationDefinition>) -> Part<'a> {
        let mut part = Part::default();
        let root = self.types.root(operation.node.ty);
        if root.is_none() {
            self.refuse(format!("There are no operations of the kind {} here.", operation.node.ty), operation.pos);
        }
        self.directives(&mut part, &operation.node.directives, Location::Definition);
        self.selections(&mut part, root, &operation.node.selection_set.node);
        self.one_subscription(operation);
        part
    }

    fn fragment(&mut self, fragment: &'a async_graphql::parser::types::FragmentDefinition) -> Part<'a> {
        let mut part = Part::default();
        let parent = self.condition(&fragment.type_condition);
        self.directives(&mut part, &fragment.directives, Location::Definition);
        self.selections(&mut part, parent, &fragment.selection_set.node);
        part
    }

    /// The type of a condition; `None` when there is none such.
    fn condition(&mut self, condition: &Positioned<TypeCondition>) -> Option<TypeId> {
        let name = condition.node.on.node.as_str();
        match self.types.id(name) {
            Some(id) if self.types.kind(id).is_composite() => return Some(id),
            Some(_) => self.refuse(format!("A fragment cannot be on `{name}`, which has no fields."), condition.pos),
            None => self.refuse(format!("There is no type `{name}`."), condition.pos),
        }
        None
    }

    /// Below an unknown parent only variables and fragments are looked at.
    fn selections(&mut self, part: &mut Part<'a>, parent: Option<TypeId>, set: &'a SelectionSet) {
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) => self.field(part, parent, field),
                Selection::InlineFragment(fragment) => {
                    self.directives(part, &fragment.node.directives, Location::Selection);
                    let inner = match &fragment.node.type_condition {
                        None => parent,
                        Some(condition) => {
                            let on = self.condition(condition);
                            self.possible(parent, on, fragment.pos);
                            on
                        }
                    };
                    self.selections(part, inner, &fragment.node.selection_set.node);
                }
                Selection::FragmentSpread(spread) => {
                    self.directives(part, &spread.node.directives, Location::Selection);
                    let name = &spread.node.fragment_name.node;
                    match self.document.fragments.get_key_value(name) {
                        Some((name, fragment)) => {
                            part.spreads.push(name);
                            let on = self.types.id(&fragment.node.type_condition.node.on.node);
                            self.possible(parent, on, spread.pos);
                        }
                        None => self.refuse(format!("There is no fragment `{name}`."), spread.pos),
                    }
                }
            }
        }
    }

    /// Refuses a fragment that no object passes.
    fn possible(&mut self, parent: Option<TypeId>, on: Option<TypeId>, pos: Pos) {
        if let (Some(parent), Some(on)) = (parent, on)
            && self.types.kind(on).is_composite()
            && !self.types.overlap(parent, on)
        {
            let (parent, on) = (self.types.name(parent), self.types.name(on));
            self.refuse(format!("No `{parent}` is a `{on}`, so that this fragment never applies."), pos);
        }
    }

    fn field(&mut self, part: &mut Part<'a>, parent: Option<TypeId>, field: &'a Positioned<Field>) {
        let node = &field.node;
        let name = node.name.node.as_str();
        let known = parent.and_then(|parent| self.types.field(parent, name));
        if let (Some(parent), None) = (parent, known) {
            let parent = self.types.name(parent);
            self.refuse(format!("The type `{parent}` has no field `{name}`."), field.pos);
        }
        match known {
            Some(known) => self.arguments(part, &known.arguments, &node.arguments, (name, field.pos)),
            None => node.arguments.iter().for_each(|(_, value)| part.mention(&value.node, value.pos)),
        }
        self.directives(part, &node.directives, Location::Selection);
        let selected = !node.selection_set.node.items.is_empty();
        let below = known.map(|known| known.ty.named());
        if let Some(below) = below {
            let kind = self.types.kind(below);
            if kind.is_composite() && !selected {
                let below = self.types.name(below);
                self.refuse(
                    format!("Select fields of `{name}`, as in `{name} {{ … }}`: it is a `{below}`."),
                    field.pos,
                );
            } else if !kind.is_composite() && selected {
                self.refuse(format!("`{name}` is a plain value; nothing can be selected of it."), field.pos);
            }
        }
        let below = below.filter(|below| self.types.kind(*below).is_composite());
        self.selections(part, below, &node.selection_set.node);
    }

    fn directives(&mut self, part: &mut Part<'a>, directives: &'a [Positioned<Directive>], location: Location) {
        for (n, directive) in directives.iter().enumerate() {
            let name = directive.node.name.node.as_str();
            let twice = directives.iter().take(n).any(|earlier| earlier.node.name.node == name);
            if twice {
                self.refuse(format!("`@{name}` can be used once here."), directive.pos);
            }
            match (name, location) {
                ("skip" | "include", Location::Selection) => {
                    self.arguments(part, self.types.condition(), &directive.node.arguments, (name, directive.pos));
                }
                ("skip" | "include" | "deprecated" | "specifiedBy" | "oneOf", _) => {
                    self.refuse(format!("`@{name}` cannot be used here."), directive.pos);
                }
                _ => self.refuse(format!("There is no directive `@{name}`."), directive.pos),
            }
        }
    }

    /// The arguments of a field or a directive, which has a name and a place.
    fn arguments(
        &mut self,
        part: &mut Part<'a>,
        known: &'a Inputs,
        given: &'a [(Positioned<Name>, Positioned<Literal>)],
        (owner, pos): (&str, Pos),
    ) {
        for (n, (name, value)) in given.iter().enumerate() {
            let text = name.node.as_str();
            if given.iter().take(n).any(|(earlier, _)| earlier.node == name.node) {
                self.refuse(format!("The argument `{text}` is given twice."), name.pos);
            }
            match known.get(text) {
                Some(argument) => self.argument(part, argument, text, value),
                None => self.refuse(format!("`{owner}` has no argument `{text}`."), name.pos),
            }
        }
        for (name, argument) in known {
            if argument.required() && !given.iter().any(|(other, _)| other.node == *name) {
                let ty = self.types.show(&argument.ty);
                self.refuse(format!("`{owner}` needs the argument `{name}` of type `{ty}`."), pos);
            }
        }
    }
}

impl Kind {
    /// Whether it is an object and no abstract type.
    fn is_object(&self) -> bool {
        matches!(self, Self::Object(_))
    }
}
