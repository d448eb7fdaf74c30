//! Fields with one response key must mean the same (section 5.3.2).
//!
//! The fields that an operation selects are put into a tree: by response key, then by the type they are selected of.
//! Fields that share a place are compared when they are put there. What is left are places of one key and different
//! types, and these are compared pair by pair. So the work grows with the square of the selections at worst, whatever
//! the fragments are nested like, and it is next to nothing for usual documents.

use async_graphql::Positioned;
use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{Field, OperationDefinition, Selection, SelectionSet};

use super::super::types::{Ty, TypeId, Types};
use super::Walk;

/// The fields below one place, by response key.
type Fields<'a> = IndexMap<&'a str, Vec<Selected<'a>>>;

/// The fields of one key that are selected of one type.
struct Selected<'a> {
    parent: TypeId,
    /// The first of them.
    field: &'a Positioned<Field>,
    ty: &'a Ty,
    below: Fields<'a>,
}

impl<'a> Walk<'a> {
    /// Looks at an operation that is valid otherwise.
    pub fn merging(&mut self, operation: &'a Positioned<OperationDefinition>) {
        let Some(root) = self.types.root(operation.node.ty) else { return };
        let mut fields = Fields::new();
        self.gather(root, &operation.node.selection_set.node, &mut fields);
        self.within(&fields);
    }

    fn gather(&mut self, parent: TypeId, set: &'a SelectionSet, fields: &mut Fields<'a>) {
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) => self.put(parent, field, fields),
                Selection::InlineFragment(fragment) => {
                    let condition = fragment.node.type_condition.as_ref();
                    let on = condition.map_or(Some(parent), |condition| self.types.id(&condition.node.on.node));
                    if let Some(on) = on {
                        self.gather(on, &fragment.node.selection_set.node, fields);
                    }
                }
                Selection::FragmentSpread(spread) => {
                    let fragment = self.document.fragments.get(&spread.node.fragment_name.node);
                    if let Some(fragment) = fragment
                        && let Some(on) = self.types.id(&fragment.node.type_condition.node.on.node)
                    {
                        self.gather(on, &fragment.node.selection_set.node, fields);
                    }
                }
            }
        }
    }

    fn put(&mut self, parent: TypeId, field: &'a Positioned<Field>, fields: &mut Fields<'a>) {
        let key = field.node.response_key().node.as_str();
        let Some(known) = self.types.field(parent, &field.node.name.node) else { return };
        let of_key = fields.entry(key).or_default();
        let position = of_key.iter().position(|other| other.parent == parent);
        let position = position.unwrap_or_else(|| {
            of_key.push(Selected { parent, field, ty: &known.ty, below: Fields::new() });
            of_key.len() - 1
        });
        let Some(selected) = of_key.get_mut(position) else { return };
        if !same(selected.field, field) {
            return self.conflict(key, field);
        }
        self.gather(known.ty.named(), &field.node.selection_set.node, &mut selected.below);
    }

    fn within(&mut self, fields: &Fields<'a>) {
        for of_key in fields.values() {
            let mut others = of_key.as_slice();
            while let [one, rest @ ..] = others {
                self.within(&one.below);
                for other in rest {
                    self.between(one, other, false);
                }
                others = rest;
            }
        }
    }

    /// Compares two places; `apart` when no object has both.
    fn between(&mut self, one: &Selected<'a>, other: &Selected<'a>, apart: bool) {
        let object = |id| self.types.kind(id).is_object();
        let apart = apart || one.parent != other.parent && object(one.parent) && object(other.parent);
        let key = other.field.node.response_key().node.as_str();
        if !apart && !same(one.field, other.field) || !alike(self.types, one.ty, other.ty) {
            return self.conflict(key, other.field);
        }
        for (key, ones) in &one.below {
            for other in other.below.get(key).into_iter().flatten() {
                for one in ones {
                    self.between(one, other, apart);
                }
            }
        }
    }

    fn conflict(&mut self, key: &str, field: &Positioned<Field>) {
        let message = format!("`{key}` means different things; give the fields different aliases.");
        self.refuse(message, field.pos);
    }
}

/// Whether two fields are the same with the same arguments.
fn same(a: &Positioned<Field>, b: &Positioned<Field>) -> bool {
    let (a, b) = (&a.node, &b.node);
    let argument = |name: &str| b.get_argument(name).map(|value| &value.node);
    std::ptr::eq(a, b)
        || a.name.node == b.name.node
            && a.arguments.len() == b.arguments.len()
            && a.arguments.iter().all(|(name, value)| argument(&name.node) == Some(&value.node))
}

/// Whether values of both types have the same shape.
fn alike(types: &Types, a: &Ty, b: &Ty) -> bool {
    match (a, b) {
        _ if a.nullable() != b.nullable() => false,
        (Ty::List { of: a, .. }, Ty::List { of: b, .. }) => alike(types, a, b),
        (Ty::Named { id: a, .. }, Ty::Named { id: b, .. }) => {
            a == b || types.kind(*a).is_composite() && types.kind(*b).is_composite()
        }
        _ => false,
    }
}
