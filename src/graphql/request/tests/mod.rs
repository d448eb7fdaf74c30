//! The rules of the specification by its own examples, and what is made of a request.

mod coerced;
mod rules;
mod whole_schema;

use async_graphql::parser::types::{ExecutableDocument, Selection, SelectionSet};
use async_graphql::{ServerError, Value, Variables};

use super::{Types, coerce, validate};
use crate::graphql::scalars::Reader;
use crate::http::guard;

const SDL: &str = r#"
    schema { query: Query mutation: Mutation subscription: Subscription }
    type Query {
      dog: Dog
      pet: Pet
      human: Human
      catOrDog: CatOrDog
      values(int: Int, float: Float, string: String, bool: Boolean, id: ID, day: Date, command: Command): Int
      need(int: Int!, bool: Boolean! = true, ids: [ID!]): Int
      lists(ints: [Int!], grid: [[Int]], ids: [ID!]! = ["a"]): Int
      complex(input: Complex): Int
      find(by: By!): Dog
    }
    type Mutation { feed(dog: ID!, portions: Int! = 1): Dog rename(name: String!): Dog }
    type Subscription { barks(dog: ID): Dog births: Human }
    interface Node { id: ID! }
    interface Pet implements Node { id: ID! name(surname: Boolean): String! }
    type Dog implements Pet & Node {
      id: ID!
      name(surname: Boolean): String!
      nickname: String
      volume: Int
      knows(command: Command!): Boolean!
      owner: Human
      friends(first: Int): [Pet!]!
    }
    type Cat implements Pet & Node { id: ID! name(surname: Boolean): String! nickname: String volume: Int! meows: [Int] owner: Human }
    type Human implements Node { id: ID! name: String! pets(first: Int = 10, order: Order): [Pet!] }
    union CatOrDog = Cat | Dog
    enum Command { SIT HEEL }
    input Complex { name: String! size: Int = 7 tags: [String!] day: Date inner: Complex flags: Order }
    input Order { field: Command! descending: Boolean! = false }
    input By @oneOf { id: ID name: String complex: Complex }
    scalar Date
"#;

fn day(value: &Value) -> Result<(), String> {
    match value {
        Value::String(text) if text.len() == 10 => Ok(()),
        _ => Err("must be a day".to_owned()),
    }
}

fn types() -> Types {
    Types::from_sdl(SDL, &[("Date", day as Reader)]).expect("a schema")
}

fn parsed(query: &str) -> ExecutableDocument {
    guard::parse(query).unwrap_or_else(|refusal| panic!("{query}: {refusal}"))
}

/// What is wrong with a document.
fn wrong(types: &Types, query: &str) -> Vec<ServerError> {
    validate(types, &parsed(query))
}

/// What is executed of a valid document, or the first reason why nothing is.
fn executed(types: &Types, query: &str, variables: &str) -> Result<String, String> {
    let document = parsed(query);
    assert_eq!(validate(types, &document), [], "{query}");
    let variables: Variables = serde_json::from_str(variables).expect(variables);
    let operation = guard::operation(&document, None).expect(query);
    match coerce(types, &document, operation, &variables) {
        Ok(document) => {
            let (_, operation) = document.operations.iter().next().expect("an operation");
            Ok(shown(&operation.node.selection_set.node))
        }
        Err(errors) => Err(errors.first().map(|error| error.message.clone()).unwrap_or_default()),
    }
}

/// Selections in one line.
fn shown(set: &SelectionSet) -> String {
    let below =
        |set: &SelectionSet| if set.items.is_empty() { String::new() } else { format!(" {{ {} }}", shown(set)) };
    let selections = set.items.iter().map(|selection| match &selection.node {
        Selection::Field(field) => {
            let field = &field.node;
            assert!(field.directives.is_empty());
            let alias = field.alias.as_ref().map(|alias| format!("{}: ", alias.node)).unwrap_or_default();
            let arguments: Vec<_> =
                field.arguments.iter().map(|(name, value)| format!("{}: {}", name.node, value.node)).collect();
            let arguments = if arguments.is_empty() { String::new() } else { format!("({})", arguments.join(", ")) };
            format!("{alias}{}{arguments}{}", field.name.node, below(&field.selection_set.node))
        }
        Selection::InlineFragment(fragment) => {
            let on = fragment.node.type_condition.as_ref().map(|on| on.node.on.node.to_string()).unwrap_or_default();
            format!("... on {on}{}", below(&fragment.node.selection_set.node))
        }
        Selection::FragmentSpread(_) => panic!("a spread is left"),
    });
    selections.collect::<Vec<_>>().join(" ")
}
