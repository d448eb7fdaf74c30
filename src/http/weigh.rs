//! How much memory a parsed document takes, in bytes, as near as can be told from outside.

use std::mem::size_of;

use async_graphql::parser::types::{
    Directive, ExecutableDocument, Field, FragmentDefinition, OperationDefinition, Selection, SelectionSet,
    VariableDefinition,
};
use async_graphql::{Name, Positioned, Value};
use async_graphql_value::Value as Literal;

/// What an allocation, or an entry of a map, takes besides its content.
const OVERHEAD: usize = 32;

/// The bytes that a document takes. It nests no deeper than the guard has let through.
pub fn weigh(document: &ExecutableDocument) -> usize {
    let operations = document.operations.iter().map(|(_, operation)| {
        let definition = &operation.node;
        let variables = definition.variable_definitions.iter().map(|variable| of_variable(&variable.node));
        let variables = variables.sum::<usize>();
        variables + directives(&definition.directives) + set(&definition.selection_set.node)
    });
    let fragments = document
        .fragments
        .values()
        .map(|fragment| directives(&fragment.node.directives) + set(&fragment.node.selection_set.node));
    let entries = document.operations.iter().count() * (size_of::<OperationDefinition>() + OVERHEAD)
        + document.fragments.len() * (size_of::<FragmentDefinition>() + OVERHEAD);
    size_of::<ExecutableDocument>() + entries + operations.sum::<usize>() + fragments.sum::<usize>()
}

fn set(set: &SelectionSet) -> usize {
    let items = set.items.iter().map(|item| match &item.node {
        Selection::Field(field) => field_of(&field.node),
        Selection::FragmentSpread(spread) => {
            name(&spread.node.fragment_name.node) + directives(&spread.node.directives)
        }
        Selection::InlineFragment(fragment) => {
            OVERHEAD + directives(&fragment.node.directives) + self::set(&fragment.node.selection_set.node)
        }
    });
    set.items.capacity() * size_of::<Positioned<Selection>>() + items.sum::<usize>()
}

fn field_of(field: &Field) -> usize {
    let names = name(&field.name.node) + field.alias.as_ref().map_or(0, |alias| name(&alias.node));
    names + arguments(&field.arguments) + directives(&field.directives) + set(&field.selection_set.node)
}

fn name(name: &Name) -> usize {
    name.as_str().len() + OVERHEAD
}

fn arguments(arguments: &Vec<(Positioned<Name>, Positioned<Literal>)>) -> usize {
    let values = arguments.iter().map(|(argument, value)| name(&argument.node) + literal(&value.node));
    arguments.capacity() * size_of::<(Positioned<Name>, Positioned<Literal>)>() + values.sum::<usize>()
}

fn directives(directives: &Vec<Positioned<Directive>>) -> usize {
    let each =
        directives.iter().map(|directive| name(&directive.node.name.node) + arguments(&directive.node.arguments));
    directives.capacity() * size_of::<Positioned<Directive>>() + each.sum::<usize>()
}

fn of_variable(variable: &VariableDefinition) -> usize {
    let default = variable.default_value.as_ref().map_or(0, |value| constant(&value.node));
    let own = size_of::<Positioned<VariableDefinition>>() + name(&variable.name.node) + OVERHEAD;
    own + default + directives(&variable.directives)
}

fn literal(value: &Literal) -> usize {
    match value {
        Literal::Variable(variable) | Literal::Enum(variable) => name(variable),
        Literal::String(text) => text.capacity() + OVERHEAD,
        Literal::List(items) => items.capacity() * size_of::<Literal>() + items.iter().map(literal).sum::<usize>(),
        Literal::Object(fields) => fields
            .iter()
            .map(|(field, value)| size_of::<(Name, Literal)>() + OVERHEAD + name(field) + literal(value))
            .sum(),
        _ => 0,
    }
}

fn constant(value: &Value) -> usize {
    match value {
        Value::Enum(variant) => name(variant),
        Value::String(text) => text.capacity() + OVERHEAD,
        Value::List(items) => items.capacity() * size_of::<Value>() + items.iter().map(constant).sum::<usize>(),
        Value::Object(fields) => fields
            .iter()
            .map(|(field, value)| size_of::<(Name, Value)>() + OVERHEAD + name(field) + constant(value))
            .sum(),
        _ => 0,
    }
}
