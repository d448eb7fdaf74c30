//! From text to a parsed document, and from there to the operation that is meant.

use async_graphql::parser::types::{DocumentOperations, ExecutableDocument, OperationDefinition, OperationType};
use async_graphql::parser::{Error, parse_query};
use async_graphql::{Positioned, Value, Variables};

use super::{Code, Refusal};

/// Parses a document that [`scan`](super::scan) let through.
///
/// # Errors
///
/// `GRAPHQL_PARSE_FAILED` with the place, without quoting the document.
pub fn parse(query: &str) -> Result<ExecutableDocument, Refusal> {
    parse_query(query).map_err(|error| {
        let mut refusal = Refusal::new(Code::GraphqlParseFailed, message(&error));
        refusal.position = error.positions().next();
        refusal
    })
}

fn message(error: &Error) -> String {
    match error {
        Error::Syntax { message, .. } => syntax_message(message),
        Error::MultipleOperations { .. } => {
            "An operation without a name must be the only one in its document.".to_owned()
        }
        Error::OperationDuplicated { operation, .. } => {
            format!("There is more than one operation named `{operation}`.")
        }
        Error::FragmentDuplicated { fragment, .. } => {
            format!("There is more than one fragment named `{fragment}`.")
        }
        Error::MissingOperation => "The document contains no operation.".to_owned(),
        _ => "The document is not GraphQL.".to_owned(),
    }
}

/// The last line of the parser's drawing of the error, such as `expected selection_set or name`,
/// in words. The lines above it quote the document.
fn syntax_message(drawing: &str) -> String {
    let reason = drawing.rsplit("= ").next().unwrap_or_default().trim();
    match reason.strip_prefix("expected ") {
        Some(rules) => format!(
            "Syntax error: expected {}.",
            rules
                .replace("EOI", "the end of the document")
                .replace("executable_definition", "an operation or a fragment")
                .replace('_', " ")
        ),
        None => "Syntax error.".to_owned(),
    }
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

/// Requires a value for every variable that may not be null and has no default. Left to the executor, the lack of one
/// would be found when the field that uses it has its turn, with earlier mutations carried out.
///
/// # Errors
///
/// `BAD_USER_INPUT` that names the first one that is missing.
pub fn required_variables(operation: &Positioned<OperationDefinition>, variables: &Variables) -> Result<(), Refusal> {
    for definition in &operation.node.variable_definitions {
        let (name, ty) = (&definition.node.name.node, &definition.node.var_type.node);
        let lacks = match variables.get(name) {
            None => definition.node.default_value.is_none(),
            Some(value) => *value == Value::Null,
        };
        if lacks && !ty.nullable {
            let message = format!("The variable `${name}` needs a value of type `{ty}`.");
            return Err(Refusal::new(Code::BadUserInput, message).at(definition.pos));
        }
    }
    Ok(())
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
    fn syntax_errors_are_in_words_and_quote_nothing() {
        for (query, message, line, column) in [
            ("", "Syntax error: expected an operation or a fragment.", 1, 1),
            ("{\n  secret(\n}", "Syntax error: expected name.", 3, 1),
            ("{ a } }", "Syntax error: expected the end of the document or an operation or a fragment.", 1, 7),
            ("{ a } { b }", "An operation without a name must be the only one in its document.", 1, 7),
            ("query A { a } query A { b }", "There is more than one operation named `A`.", 1, 15),
            ("{ a } fragment F on T { a } fragment F on T { b }", "There is more than one fragment named `F`.", 1, 29),
        ] {
            let refusal = parse(query).expect_err(query);
            assert_eq!(refusal.code, Code::GraphqlParseFailed);
            assert_eq!(refusal.message, message, "{query}");
            let position = refusal.position.map(|at| (at.line, at.column));
            assert_eq!(position, Some((line, column)), "{query}");
        }
        let refusal = parse("fragment F on T { a }").expect_err("no operation");
        assert_eq!(refusal.message, "The document contains no operation.");
    }

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
