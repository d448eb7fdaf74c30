//! Values that are written in the document (sections 5.6.1 to 5.6.4).

use async_graphql::indexmap::IndexMap;
use async_graphql::{Name, Pos, Positioned};
use async_graphql_value::Value as Literal;

use super::super::types::{Input, Inputs, Kind, Scalar, Ty, TypeId};
use super::super::{Place, described};
use super::variables::{Expected, Usage};
use super::{Part, Walk};

impl Part<'_> {
    /// Notes the variables of a value of which nothing is known.
    pub fn mention(&mut self, value: &Literal, pos: Pos) {
        match value {
            Literal::Variable(name) => self.usages.push(Usage { name: name.clone(), pos, expected: None }),
            Literal::List(items) => items.iter().for_each(|item| self.mention(item, pos)),
            Literal::Object(fields) => fields.values().for_each(|field| self.mention(field, pos)),
            _ => {}
        }
    }
}

impl<'a> Walk<'a> {
    /// The value of an argument.
    pub fn argument(&mut self, part: &mut Part<'a>, argument: &'a Input, name: &str, value: &Positioned<Literal>) {
        let expected = Expected::of(argument);
        self.literal(part, expected, &value.node, Place::Argument(name), value.pos);
    }

    /// A value where one of a type is expected. Its variables are noted, and looked at for each operation.
    pub fn literal(
        &mut self,
        part: &mut Part<'a>,
        expected: Expected<'a>,
        value: &Literal,
        place: Place<'_>,
        pos: Pos,
    ) {
        match (expected.ty, value) {
            (_, Literal::Variable(name)) => {
                part.usages.push(Usage { name: name.clone(), pos, expected: Some(expected) });
            }
            (ty, Literal::Null) if ty.nullable() => {}
            (ty, Literal::Null) => self.unfit(ty, value, place, pos),
            (Ty::List { of, .. }, Literal::List(items)) => {
                for (n, item) in items.iter().enumerate() {
                    self.literal(part, Expected::item(of), item, Place::Item(&place, n), pos);
                }
            }
            // One value stands for a list of one.
            (Ty::List { of, .. }, one) => self.literal(part, Expected::item(of), one, place, pos),
            (Ty::Named { id, .. }, value) => match (self.types.kind(*id), value) {
                (Kind::Input { fields, one_of }, Literal::Object(given)) => {
                    self.object(part, (*id, fields, *one_of), given, place, pos);
                }
                (Kind::Enum(values), Literal::Enum(name)) if values.contains(name) => {}
                (Kind::Enum(_), Literal::Enum(name)) => {
                    let name = format!("`{place}`: the enum `{}` has no value `{name}`.", self.types.name(*id));
                    self.refuse(name, pos);
                }
                (Kind::Scalar(scalar), value) => self.scalar(expected.ty, *scalar, value, place, pos),
                _ => self.unfit(expected.ty, value, place, pos),
            },
        }
    }

    fn object(
        &mut self,
        part: &mut Part<'a>,
        (id, fields, one_of): (TypeId, &'a Inputs, bool),
        given: &IndexMap<Name, Literal>,
        place: Place<'_>,
        pos: Pos,
    ) {
        if one_of && (given.len() != 1 || given.values().any(|value| *value == Literal::Null)) {
            self.refuse(format!("`{place}`: give exactly one field, and not null."), pos);
        }
        for (name, value) in given {
            let inner = Place::Field(&place, name);
            if let Some(field) = fields.get(name) {
                self.literal(part, Expected { one_of, ..Expected::of(field) }, value, inner, pos);
            } else {
                self.refuse(format!("`{inner}`: the input `{}` has no such field.", self.types.name(id)), pos);
                part.mention(value, pos);
            }
        }
        for (name, field) in fields {
            if field.required() && !given.contains_key(name) {
                let ty = self.types.show(&field.ty);
                self.refuse(format!("`{place}` needs the field `{name}` of type `{ty}`."), pos);
            }
        }
    }

    fn scalar(&mut self, ty: &Ty, scalar: Scalar, value: &Literal, place: Place<'_>, pos: Pos) {
        let fits = match (scalar, value) {
            (Scalar::Int, Literal::Number(n)) => n.as_i64().is_some_and(|n| i32::try_from(n).is_ok()),
            (Scalar::Float, Literal::Number(_))
            | (Scalar::String | Scalar::Id, Literal::String(_))
            | (Scalar::Boolean, Literal::Boolean(_)) => true,
            (Scalar::Id, Literal::Number(n)) => n.is_i64() || n.is_u64(),
            (Scalar::Custom(read), value) => match value.clone().into_const().map(|value| read(&value)) {
                Some(Err(reason)) => return self.refuse(format!("`{place}`: this {reason}."), pos),
                fits => fits.is_some(),
            },
            _ => false,
        };
        if !fits {
            self.unfit(ty, value, place, pos);
        }
    }

    fn unfit(&mut self, ty: &Ty, value: &Literal, place: Place<'_>, pos: Pos) {
        let message =
            format!("`{place}`: a value of type `{}` is expected, not {}.", self.types.show(ty), described(value));
        self.refuse(message, pos);
    }
}
