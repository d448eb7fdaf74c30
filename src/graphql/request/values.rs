//! Values of a request with its variables filled in (sections 3.4 to 3.11 and 6.4.1).

use std::collections::HashMap;

use async_graphql::indexmap::IndexMap;
use async_graphql::{Name, Pos, Positioned};
use async_graphql_value::Value as Literal;

use super::types::{Inputs, Kind, Scalar, Ty, Types};

/// Arguments as the parser has them.
pub type Arguments = Vec<(Positioned<Name>, Positioned<Literal>)>;

/// The variables of a request. One that was given no value and has no default is not there.
pub struct Values<'a> {
    pub types: &'a Types,
    pub variables: HashMap<&'a str, Literal>,
}

impl Values<'_> {
    /// All arguments of a field in the order of the schema. What is left out takes its default, and stays left out when
    /// there is none.
    pub fn arguments(&self, known: &Inputs, given: &Arguments, pos: Pos) -> Arguments {
        let mut arguments = Vec::with_capacity(known.len().min(given.len() + 1));
        for (name, argument) in known {
            let written = given.iter().find(|(other, _)| other.node == *name);
            let value = written.and_then(|(_, value)| self.literal(&argument.ty, &value.node));
            let place = written.map_or(pos, |(_, value)| value.pos);
            if let Some(value) = value.or_else(|| self.default(&argument.ty, argument.default.as_ref())) {
                arguments.push((Positioned::new(name.clone(), place), Positioned::new(value, place)));
            }
        }
        arguments
    }

    /// A value of a valid document; `None` when it is a variable that is not there.
    ///
    /// Null may come out where it is not expected: where a nullable variable stands in for a default (section 5.8.5) and
    /// was given null. Whoever reads the value refuses it then, and the field fails alone.
    pub fn literal(&self, ty: &Ty, value: &Literal) -> Option<Literal> {
        Some(match (ty, value) {
            (_, Literal::Variable(name)) => return self.variables.get(name.as_str()).cloned(),
            (_, Literal::Null) => Literal::Null,
            (Ty::List { of, .. }, Literal::List(items)) => {
                let item = |item| self.literal(of, item).unwrap_or(Literal::Null);
                Literal::List(items.iter().map(item).collect())
            }
            (Ty::List { of, .. }, one) => Literal::List(vec![self.literal(of, one).unwrap_or(Literal::Null)]),
            (Ty::Named { id, .. }, value) => match (self.types.kind(*id), value) {
                (Kind::Input { fields, .. }, Literal::Object(given)) => self.object(fields, given),
                (Kind::Scalar(Scalar::Id), Literal::Number(number)) => Literal::String(number.to_string()),
                (_, value) => value.clone(),
            },
        })
    }

    fn object(&self, fields: &Inputs, given: &IndexMap<Name, Literal>) -> Literal {
        let mut object = IndexMap::with_capacity(given.len());
        for (name, field) in fields {
            let value = given.get(name).and_then(|value| self.literal(&field.ty, value));
            if let Some(value) = value.or_else(|| self.default(&field.ty, field.default.as_ref())) {
                object.insert(name.clone(), value);
            }
        }
        Literal::Object(object)
    }

    fn default(&self, ty: &Ty, default: Option<&async_graphql::Value>) -> Option<Literal> {
        default.and_then(|default| self.literal(ty, &default.clone().into_value()))
    }
}
