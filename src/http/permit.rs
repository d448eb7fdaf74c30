//! Whether the viewer may start an operation: every field at its root is looked up in the one table before anything is
//! executed, so that no resolver can forget to ask.

use async_graphql::Pos;
use async_graphql::parser::types::{ExecutableDocument, OperationType, Selection};

use crate::access::Viewer;
use crate::access::table;
use crate::error::Error;

/// Checks the root fields of an operation.
///
/// # Errors
/// `Unauthenticated` or `Forbidden`, with the place of the first field that the viewer may not use.
pub fn check(document: &ExecutableDocument, viewer: &Viewer) -> Result<(), (Error, Pos)> {
    for (_, operation) in document.operations.iter() {
        let owner = match operation.node.ty {
            OperationType::Query => "Query",
            OperationType::Mutation => "Mutation",
            OperationType::Subscription => "Subscription",
        };
        for selection in &operation.node.selection_set.node.items {
            // Only fields stand at the root: the fragments there are taken out of their brackets.
            let Selection::Field(field) = &selection.node else { continue };
            let name = field.node.name.node.as_str();
            // Of the schema itself everybody may know.
            let rule = table::rule(owner, name).filter(|_| !name.starts_with("__"));
            if rule.is_some_and(|rule| !rule.admits(viewer)) {
                return Err((denied(viewer, name), field.pos));
            }
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
