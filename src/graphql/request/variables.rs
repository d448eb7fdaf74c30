//! The variables of a request (section 6.1.2).

use std::collections::HashMap;

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{OperationDefinition, VariableDefinition};
use async_graphql::{Name, Positioned, ServerError, Value, Variables};
use async_graphql_value::Value as Literal;

use super::types::{Inputs, Kind, Scalar, Ty, Types};
use super::values::Values;
use super::{Place, coded, described_constant};

/// Reads the variables that an operation of a valid document declares.
///
/// # Errors
/// One for each variable that does not fit.
pub fn variables<'a>(
    types: &'a Types,
    operation: &'a OperationDefinition,
    given: &Variables,
) -> Result<Values<'a>, Vec<ServerError>> {
    let mut values = Values { types, variables: HashMap::with_capacity(operation.variable_definitions.len()) };
    let mut errors = Vec::new();
    for definition in &operation.variable_definitions {
        match variable(&values, &definition.node, given) {
            Ok(Some(value)) => _ = values.variables.insert(definition.node.name.node.as_str(), value),
            Ok(None) => {}
            Err(message) => errors.push(refused(message, definition)),
        }
    }
    if errors.is_empty() { Ok(values) } else { Err(errors) }
}

fn refused(message: String, definition: &Positioned<VariableDefinition>) -> ServerError {
    coded("BAD_USER_INPUT", message, definition.pos)
}

/// The value given, else the default, else none.
fn variable(
    values: &Values<'_>,
    definition: &VariableDefinition,
    given: &Variables,
) -> Result<Option<Literal>, String> {
    let name = &definition.name.node;
    let written = &definition.var_type.node;
    let ty = values.types.written(written).ok_or_else(|| format!("There is no type `{written}`."))?;
    let lacking = || format!("The variable `${name}` needs a value of type `{written}`.");
    // The method of the same name makes null of a default that is not there.
    let default = definition.default_value.as_ref().map(|value| &value.node);
    match (given.get(name), default) {
        (Some(Value::Null), _) | (None, None) if !ty.nullable() => Err(lacking()),
        (Some(value), _) => {
            let value = Reading { types: values.types }.value(&ty, value, Place::Variable(name))?;
            Ok(Some(value.into_value()))
        }
        (None, Some(default)) => Ok(values.literal(&ty, &default.clone().into_value())),
        (None, None) => Ok(None),
    }
}

struct Reading<'a> {
    types: &'a Types,
}

impl Reading<'_> {
    /// A value as it came, as JSON.
    fn value(&self, ty: &Ty, value: &Value, place: Place<'_>) -> Result<Value, String> {
        Ok(match (ty, value) {
            (ty, Value::Null) if ty.nullable() => Value::Null,
            (ty, Value::Null) => return Err(self.unfit(ty, value, place)),
            (Ty::List { of, .. }, Value::List(items)) => {
                let item = |(n, item)| self.value(of, item, Place::Item(&place, n));
                Value::List(items.iter().enumerate().map(item).collect::<Result<_, _>>()?)
            }
            // One value stands for a list of one.
            (Ty::List { of, .. }, one) => Value::List(vec![self.value(of, one, place)?]),
            (Ty::Named { id, .. }, value) => match (self.types.kind(*id), value) {
                (Kind::Input { fields, one_of }, Value::Object(given)) => {
                    self.object((fields, *one_of), given, place)?
                }
                (Kind::Enum(values), Value::String(name)) => match values.get(name.as_str()) {
                    Some(name) => Value::Enum(name.clone()),
                    None => return Err(format!("`{place}`: the enum `{}` has no such value.", self.types.name(*id))),
                },
                (Kind::Scalar(scalar), value) => self.scalar(ty, *scalar, value, place)?,
                _ => return Err(self.unfit(ty, value, place)),
            },
        })
    }

    fn object(
        &self,
        (fields, one_of): (&Inputs, bool),
        given: &IndexMap<Name, Value>,
        place: Place<'_>,
    ) -> Result<Value, String> {
        if let Some(unknown) = given.keys().find(|name| !fields.contains_key(*name)) {
            return Err(format!("`{}`: there is no such field.", Place::Field(&place, unknown)));
        }
        if one_of && (given.len() != 1 || given.values().any(|value| *value == Value::Null)) {
            return Err(format!("`{place}`: give exactly one field, and not null."));
        }
        let mut object = IndexMap::with_capacity(given.len());
        for (name, field) in fields {
            let inner = Place::Field(&place, name);
            if let Some(value) = given.get(name) {
                object.insert(name.clone(), self.value(&field.ty, value, inner)?);
            } else if let Some(default) = &field.default {
                object.insert(name.clone(), default.clone());
            } else if !field.ty.nullable() {
                return Err(format!("`{inner}` needs a value of type `{}`.", self.types.show(&field.ty)));
            }
        }
        Ok(Value::Object(object))
    }

    fn scalar(&self, ty: &Ty, scalar: Scalar, value: &Value, place: Place<'_>) -> Result<Value, String> {
        match (scalar, value) {
            (Scalar::Int, Value::Number(_)) => {
                let number = whole(value).and_then(|number| i32::try_from(number).ok());
                number.map(Value::from).ok_or_else(|| self.unfit(ty, value, place))
            }
            (Scalar::Id, Value::Number(_)) => {
                let number = whole(value).ok_or_else(|| self.unfit(ty, value, place))?;
                Ok(Value::String(number.to_string()))
            }
            (Scalar::Float, Value::Number(_))
            | (Scalar::String | Scalar::Id, Value::String(_))
            | (Scalar::Boolean, Value::Boolean(_)) => Ok(value.clone()),
            (Scalar::Custom(read), value) => match read(value) {
                Ok(()) => Ok(value.clone()),
                Err(reason) => Err(format!("`{place}`: this {reason}.")),
            },
            _ => Err(self.unfit(ty, value, place)),
        }
    }

    fn unfit(&self, ty: &Ty, value: &Value, place: Place<'_>) -> String {
        let ty = self.types.show(ty);
        format!("`{place}`: a value of type `{ty}` is expected, not {}.", described_constant(value))
    }
}

/// A whole number. JSON has one kind of number: `1.0` is `1`.
fn whole(value: &Value) -> Option<i128> {
    /// Up to here a floating point number tells whole numbers apart.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let Value::Number(number) = value else { return None };
    if let Some(number) = number.as_i64() {
        return Some(number.into());
    }
    if let Some(number) = number.as_u64() {
        return Some(number.into());
    }
    let number = number.as_f64().filter(|number| number.fract() == 0.0 && number.abs() <= EXACT)?;
    format!("{number:.0}").parse().ok()
}
