//! Variables: declared once, of input types, used, and only where they may stand (section 5.8).

use std::collections::{HashMap, HashSet};

use async_graphql::parser::types::{OperationDefinition, VariableDefinition};
use async_graphql::{Name, Pos, Positioned, Value};

use super::super::Place;
use super::super::types::{Input, Ty};
use super::{Location, Part, Walk};

/// What a place expects.
#[derive(Clone, Copy)]
pub struct Expected<'a> {
    pub ty: &'a Ty,
    /// Whether the place has a default for what is left out.
    pub has_default: bool,
    /// Whether it is the one field of an input of which one is to be given.
    pub one_of: bool,
}

impl<'a> Expected<'a> {
    /// What an argument or a field of an input object expects.
    pub fn of(input: &'a Input) -> Self {
        Self { ty: &input.ty, has_default: input.default.is_some(), one_of: false }
    }

    /// What a list expects of its items.
    pub fn item(ty: &'a Ty) -> Self {
        Self { ty, has_default: false, one_of: false }
    }
}

/// A place where a variable stands.
pub struct Usage<'a> {
    pub name: Name,
    pub pos: Pos,
    /// `None` where nothing is known of the place.
    pub expected: Option<Expected<'a>>,
}

/// The fragments that an operation spreads, directly or through others.
pub fn reached<'a>(part: &Part<'a>, fragments: &HashMap<&'a str, Part<'a>>) -> HashSet<&'a str> {
    let mut reached = HashSet::new();
    let mut waiting: Vec<&'a str> = part.spreads.clone();
    while let Some(name) = waiting.pop() {
        if reached.insert(name)
            && let Some(part) = fragments.get(name)
        {
            waiting.extend(&part.spreads);
        }
    }
    reached
}

/// A variable as declared.
struct Declared<'a> {
    definition: &'a Positioned<VariableDefinition>,
    /// `None` when there is no such type.
    ty: Option<Ty>,
    used: bool,
}

impl<'a> Walk<'a> {
    /// The variables of one operation, in all that it reaches.
    pub fn variables(
        &mut self,
        operation: &'a Positioned<OperationDefinition>,
        part: &Part<'a>,
        reached: &HashSet<&'a str>,
        fragments: &HashMap<&'a str, Part<'a>>,
    ) {
        let mut declared = self.declared(&operation.node);
        let of_fragments = reached.iter().filter_map(|name| fragments.get(name)).flat_map(|part| &part.usages);
        for usage in part.usages.iter().chain(of_fragments) {
            match declared.get_mut(usage.name.as_str()) {
                Some(variable) => {
                    variable.used = true;
                    self.usage(variable, usage);
                }
                None => self.refuse(format!("The variable `${}` is not declared.", usage.name), usage.pos),
            }
        }
        for (name, variable) in declared {
            if !variable.used {
                self.refuse(format!("The variable `${name}` is never used."), variable.definition.pos);
            }
        }
    }

    fn declared(&mut self, operation: &'a OperationDefinition) -> HashMap<&'a str, Declared<'a>> {
        let mut declared = HashMap::with_capacity(operation.variable_definitions.len());
        for definition in &operation.variable_definitions {
            let node = &definition.node;
            let name = node.name.node.as_str();
            let ty = self.types.written(&node.var_type.node);
            let written = &node.var_type.node;
            match &ty {
                None => self.refuse(format!("There is no type `{written}`."), node.var_type.pos),
                Some(ty) if !self.types.kind(ty.named()).is_input() => {
                    self.refuse(format!("`{written}` is no type for a variable."), node.var_type.pos);
                }
                Some(ty) => self.default(name, ty, definition),
            }
            // Without a rule of its own: no directive is for the definition of a variable.
            self.misplaced(definition);
            if declared.insert(name, Declared { definition, ty, used: false }).is_some() {
                self.refuse(format!("The variable `${name}` is declared twice."), definition.pos);
            }
        }
        declared
    }

    fn misplaced(&mut self, definition: &'a Positioned<VariableDefinition>) {
        self.directives(&mut Part::default(), &definition.node.directives, Location::Definition);
    }

    fn default(&mut self, name: &str, ty: &Ty, definition: &Positioned<VariableDefinition>) {
        let Some(default) = &definition.node.default_value else { return };
        // A default holds no variables, so that nothing is noted.
        let mut walk = Walk { types: self.types, document: self.document, errors: Vec::new() };
        let literal = default.node.clone().into_value();
        walk.literal(&mut Part::default(), Expected::item(ty), &literal, Place::Variable(name), default.pos);
        self.errors.append(&mut walk.errors);
    }

    fn usage(&mut self, variable: &Declared<'_>, usage: &Usage<'_>) {
        let (Some(ty), Some(expected)) = (&variable.ty, usage.expected) else { return };
        let name = &usage.name;
        if expected.one_of && ty.nullable() {
            let message =
                format!("The variable `${name}` must not be nullable here: exactly one field is to be given.");
            return self.refuse(message, usage.pos);
        }
        let default = variable.definition.node.default_value.as_ref();
        let has_default = expected.has_default || default.is_some_and(|value| value.node != Value::Null);
        if !fits(ty, expected.ty, has_default) {
            let (ty, place) = (self.types.show(ty), self.types.show(expected.ty));
            let message = format!("The variable `${name}` of type `{ty}` cannot stand where `{place}` is expected.");
            self.refuse(message, usage.pos);
        }
    }
}

/// Whether every value of a variable may stand in a place. Where something else stands in for what is left out, the
/// variable may be nullable.
fn fits(variable: &Ty, place: &Ty, lenient: bool) -> bool {
    if !place.nullable() && variable.nullable() && !lenient {
        return false;
    }
    match (variable, place) {
        (Ty::Named { id: a, .. }, Ty::Named { id: b, .. }) => a == b,
        (Ty::List { of: a, .. }, Ty::List { of: b, .. }) => fits(a, b, false),
        _ => false,
    }
}
