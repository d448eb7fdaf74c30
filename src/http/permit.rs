//! Whether an operation has anything to do for the viewer. Each root field is refused for itself while the others are
//! answered (`graphql::roots`); here an operation is refused as a whole of which nothing would be left.

use async_graphql::Pos;
use async_graphql::parser::types::{ExecutableDocument, OperationType, Selection};

use crate::access::Viewer;
use crate::access::table;
use crate::error::Error;

/// Checks the root fields of an operation.
///
/// # Errors
/// `Unauthenticated` or `Forbidden`, with the place of the first field, when the viewer may use none of them.
/// `__typename` does not count: it is no reason to carry anything out.
pub fn check(document: &ExecutableDocument, viewer: &Viewer) -> Result<(), (Error, Pos)> {
    let mut first = None;
    for (_, operation) in document.operations.iter() {
        let owner = match operation.node.ty {
            OperationType::Query => "Query",
            OperationType::Mutation => "Mutation",
            OperationType::Subscription => "Subscription",
        };
        for selection in &operation.node.selection_set.node.items {
            // Only fields stand at the root: the fragments there are taken out of their brackets.
            let Selection::Field(field) = &selection.node else { continue };
            match field.node.name.node.as_str() {
                "__typename" => {}
                name => match table::permit(owner, name, viewer) {
                    Ok(()) => return Ok(()),
                    Err(error) => _ = first.get_or_insert((error, field.pos)),
                },
            }
        }
    }
    first.map_or(Ok(()), Err)
}
