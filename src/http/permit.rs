//! Whether the viewer may start an operation: every field at its root is looked up in the one table before anything is
//! executed, so that no resolver can forget to ask.

use std::collections::HashSet;

use async_graphql::parser::types::{ExecutableDocument, OperationDefinition, OperationType, Selection, SelectionSet};
use async_graphql::{Pos, Positioned};

use crate::access::Viewer;
use crate::access::table;
use crate::error::Error;

/// Checks the root fields of an operation.
///
/// # Errors
/// `Unauthenticated` or `Forbidden`, with the place of the first field that the viewer may not use; `BadInput` for a
/// mutation that is named twice under one response name, which must not be carried out twice.
pub fn check(
    document: &ExecutableDocument,
    operation: &Positioned<OperationDefinition>,
    viewer: &Viewer,
) -> Result<(), (Error, Pos)> {
    let owner = match operation.node.ty {
        OperationType::Query => "Query",
        OperationType::Mutation => "Mutation",
        OperationType::Subscription => "Subscription",
    };
    let mut fields = Vec::new();
    root_fields(document, &operation.node.selection_set.node, &mut HashSet::new(), &mut fields);
    let mut keys = HashSet::new();
    for (name, key, pos) in fields {
        // Of the schema itself everybody may know. An unknown field is left to the validator, which says so.
        let known = !name.starts_with("__");
        if let Some(rule) = table::rule(owner, name).filter(|_| known)
            && !rule.admits(viewer)
        {
            return Err((denied(viewer, name), pos));
        }
        if operation.node.ty == OperationType::Mutation && known && !keys.insert(key) {
            let message = format!("The response name `{key}` is used for two mutations; give each its own alias.");
            return Err((Error::BadInput(message), pos));
        }
    }
    Ok(())
}

fn denied(viewer: &Viewer, field: &str) -> Error {
    if viewer.is_signed_in() {
        Error::Forbidden(format!("You may not use `{field}`."))
    } else {
        Error::Unauthenticated(format!("Sign in to use `{field}`: send a token in the Authorization header."))
    }
}

/// The fields at the root with their response names, fragments expanded once each.
fn root_fields<'a>(
    document: &'a ExecutableDocument,
    set: &'a SelectionSet,
    entered: &mut HashSet<&'a str>,
    found: &mut Vec<(&'a str, &'a str, Pos)>,
) {
    for selection in &set.items {
        match &selection.node {
            Selection::Field(field) => {
                let key = field.node.response_key().node.as_str();
                found.push((field.node.name.node.as_str(), key, field.pos));
            }
            Selection::InlineFragment(fragment) => {
                root_fields(document, &fragment.node.selection_set.node, entered, found);
            }
            Selection::FragmentSpread(spread) => {
                let name = spread.node.fragment_name.node.as_str();
                if let Some(fragment) = document.fragments.get(name)
                    && entered.insert(name)
                {
                    root_fields(document, &fragment.node.selection_set.node, entered, found);
                }
            }
        }
    }
}
