//! Documents that came before, and what is known of them.

use std::sync::{PoisonError, RwLock};

use async_graphql::parser::types::{BaseType, ExecutableDocument, OperationDefinition, Type};
use async_graphql::{Value, Variables};

/// The most sets of variables that are remembered of one document.
const MAX_SHAPES: usize = 16;

/// Which of the variables that an operation declares are given, a bit for each.
pub type Shape = u64;

/// A parsed document, and with which variables the validator has accepted it.
///
/// Whether a document is valid depends on its text and on the values of its variables. Of a value only its type
/// matters, and whether it is there at all. So a document that was executed without an error needs no second look when
/// it comes again with the same variables given, as long as each is of the type that is declared for it.
pub struct Known {
    pub document: ExecutableDocument,
    valid: RwLock<Vec<Shape>>,
}

impl Known {
    /// A document that nobody has validated.
    pub fn new(document: ExecutableDocument) -> Self {
        Self { document, valid: RwLock::default() }
    }

    /// Remembers that the document was executed without an error.
    pub fn trust(&self, shape: Shape) {
        // Of several operations only the one that was executed has been looked at.
        if self.document.operations.iter().count() == 1 && !self.is_trusted(shape) {
            let mut valid = self.valid.write().unwrap_or_else(PoisonError::into_inner);
            if valid.len() < MAX_SHAPES {
                valid.push(shape);
            }
        }
    }

    /// Whether the validator has accepted the document with the same variables given.
    pub fn is_trusted(&self, shape: Shape) -> bool {
        self.valid.read().unwrap_or_else(PoisonError::into_inner).contains(&shape)
    }
}

/// Which variables are given, if each is certain to be of its type.
pub fn shape(operation: &OperationDefinition, variables: &Variables) -> Option<Shape> {
    let definitions = &operation.variable_definitions;
    if definitions.len() > 64 {
        return None;
    }
    let mut shape = 0;
    for (n, definition) in definitions.iter().enumerate() {
        if let Some(value) = variables.get(&definition.node.name.node) {
            if !fits(value, &definition.node.var_type.node) {
                return None;
            }
            shape |= 1 << n;
        }
    }
    Some(shape)
}

/// Whether a value is certain to be of a type. Null, lists, and what only the schema can judge are left to the
/// validator.
fn fits(value: &Value, ty: &Type) -> bool {
    let BaseType::Named(name) = &ty.base else { return false };
    match (name.as_str(), value) {
        ("ID" | "String", Value::String(_)) | ("Boolean", Value::Boolean(_)) => true,
        ("Int", Value::Number(number)) => number.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;
    use async_graphql::value;

    use super::*;

    fn shape_of(known: &Known, variables: Value) -> Option<Shape> {
        let (_, operation) = known.document.operations.iter().next()?;
        shape(&operation.node, &Variables::from_value(variables))
    }

    fn known(query: &str) -> Known {
        Known::new(parse_query(query).expect("a document"))
    }

    #[test]
    fn the_same_variables_of_the_declared_types_have_the_same_shape() {
        let known = known("query A($id: ID!, $n: Int, $filter: F) { a(id: $id, n: $n, filter: $filter) }");
        assert_eq!(shape_of(&known, value!({ "id": "x" })), Some(0b01));
        assert_eq!(shape_of(&known, value!({ "id": "y", "n": 7, "other": [] })), Some(0b11));
        for doubtful in [
            value!({ "id": null }),
            value!({ "id": ["x"] }),
            value!({ "id": "x", "n": 3_000_000_000_i64 }),
            value!({ "id": "x", "n": "7" }),
            value!({ "id": "x", "n": null }),
            value!({ "id": "x", "filter": { "unknown": 1 } }),
        ] {
            assert_eq!(shape_of(&known, doubtful.clone()), None, "{doubtful}");
        }
    }

    #[test]
    fn trust_holds_for_one_shape_and_one_operation() {
        let known = known("query A($id: ID, $n: Int) { a(id: $id, n: $n) }");
        assert!(!known.is_trusted(0b01));
        known.trust(0b01);
        assert!(known.is_trusted(0b01) && !known.is_trusted(0b00) && !known.is_trusted(0b11));
        let two = Known::new(parse_query("query A { a } query B { b }").expect("a document"));
        two.trust(0);
        assert!(!two.is_trusted(0));
    }
}
