//! A subscription has one field at its root (section 5.2.4.1).

use std::collections::HashSet;

use async_graphql::parser::types::{OperationDefinition, OperationType, Selection, SelectionSet};
use async_graphql::{Pos, Positioned};

use super::Walk;

impl<'a> Walk<'a> {
    pub fn one_subscription(&mut self, operation: &'a Positioned<OperationDefinition>) {
        if operation.node.ty != OperationType::Subscription {
            return;
        }
        let mut roots = Roots { keys: Vec::new(), conditional: None };
        self.root_fields(&operation.node.selection_set.node, &mut HashSet::new(), &mut roots);
        if let Some(pos) = roots.conditional {
            self.refuse("The field at the root of a subscription can be neither skipped nor included.", pos);
        }
        match roots.keys.as_slice() {
            [(name, _, pos)] if name.starts_with("__") => {
                self.refuse("A subscription follows a field of its own, none of introspection.", *pos);
            }
            [_] | [] => {}
            [_, (_, _, pos), ..] => self.refuse("A subscription has exactly one field at its root.", *pos),
        }
    }

    fn root_fields(&self, set: &'a SelectionSet, entered: &mut HashSet<&'a str>, roots: &mut Roots<'a>) {
        for selection in &set.items {
            let mut directives = selection.node.directives().iter();
            let condition =
                directives.find(|directive| matches!(directive.node.name.node.as_str(), "skip" | "include"));
            roots.conditional = roots.conditional.or(condition.map(|directive| directive.pos));
            match &selection.node {
                Selection::Field(field) => {
                    let key = field.node.response_key().node.as_str();
                    if !roots.keys.iter().any(|(_, other, _)| *other == key) {
                        roots.keys.push((field.node.name.node.as_str(), key, field.pos));
                    }
                }
                Selection::InlineFragment(fragment) => {
                    self.root_fields(&fragment.node.selection_set.node, entered, roots);
                }
                Selection::FragmentSpread(spread) => {
                    let fragment = self.document.fragments.get_key_value(&spread.node.fragment_name.node);
                    if let Some((name, fragment)) = fragment
                        && entered.insert(name)
                    {
                        self.root_fields(&fragment.node.selection_set.node, entered, roots);
                    }
                }
            }
        }
    }
}

struct Roots<'a> {
    /// Name, response key and place of each field.
    keys: Vec<(&'a str, &'a str, Pos)>,
    /// A directive that makes one of them come or go.
    conditional: Option<Pos>,
}
