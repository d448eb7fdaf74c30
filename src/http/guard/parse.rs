//! From text to a parsed document, and from there to the operation that is meant.

use async_graphql::Positioned;
use async_graphql::parser::types::{DocumentOperations, ExecutableDocument, OperationDefinition, OperationType};

use super::{Code, Refusal, parser};

/// Parses a document that [`scan`](super::scan) let through.
///
/// # Errors
///
/// `GRAPHQL_PARSE_FAILED` with the place, without quoting the document.
pub fn parse(query: &str) -> Result<ExecutableDocument, Refusal> {
    parser::document(query)
}

/// The operation of a document that a request means.
///
/// # Errors
///
/// `BAD_USER_INPUT` when the document has no operation of that name, or several and no name was
/// given.
pub fn operation<'a>(
    document: &'a ExecutableDocument,
    operation_name: Option<&str>,
) -> Result<&'a Positioned<OperationDefinition>, Refusal> {
    let found = match (&document.operations, operation_name) {
        (DocumentOperations::Single(operation), None) => Some(operation),
        (DocumentOperations::Single(_), Some(_)) => None,
        (DocumentOperations::Multiple(operations), Some(name)) => operations.get(name),
        (DocumentOperations::Multiple(operations), None) => {
            let mut all = operations.values();
            match (all.next(), all.next()) {
                (Some(only), None) => Some(only),
                _ => return Err(name_needed(operations.len())),
            }
        }
    };
    found.ok_or_else(|| {
        Refusal::new(Code::BadUserInput, "The document has no operation with the name given as `operationName`.")
    })
}

fn name_needed(operations: usize) -> Refusal {
    Refusal::new(
        Code::BadUserInput,
        format!("The document has {operations} operations; say which one as `operationName`."),
    )
}

/// Lets only queries through, for requests by GET: what a link or an image can trigger must not
/// change anything.
///
/// # Errors
///
/// `METHOD_NOT_ALLOWED` for a mutation or a subscription.
pub fn query_only(operation: &Positioned<OperationDefinition>) -> Result<(), Refusal> {
    match operation.node.ty {
        OperationType::Query => Ok(()),
        kind => Err(Refusal::new(Code::MethodNotAllowed, format!("A {kind} cannot be sent by GET; use POST."))
            .at(operation.pos)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_operation_is_the_one_that_is_named() {
        for (query, name, found) in [
            ("{ a }", None, Ok(OperationType::Query)),
            ("mutation A { a }", None, Ok(OperationType::Mutation)),
            ("mutation A { a } query B { a }", Some("A"), Ok(OperationType::Mutation)),
            (
                "mutation A { a } query B { a }",
                None,
                Err("The document has 2 operations; say which one as `operationName`."),
            ),
            ("{ a }", Some("A"), Err("The document has no operation with the name given as `operationName`.")),
            ("query A { a }", Some("B"), Err("The document has no operation with the name given as `operationName`.")),
        ] {
            let document = parse(query).expect(query);
            let result =
                operation(&document, name).map(|operation| operation.node.ty).map_err(|refusal| refusal.message);
            assert_eq!(result, found.map_err(str::to_owned), "{query}");
        }
    }

    #[test]
    fn only_queries_pass_by_get() {
        for (query, passes) in [("{ a }", true), ("mutation { a }", false), ("subscription { a }", false)] {
            let document = parse(query).expect(query);
            let operation = operation(&document, None).expect(query);
            assert_eq!(query_only(operation).is_ok(), passes, "{query}");
        }
    }
}
