//! Weighing selections.

use std::collections::HashMap;
use std::ops::{Add, Mul};

use async_graphql::Positioned;
use async_graphql::parser::types::{ExecutableDocument, Field, OperationDefinition, Selection, SelectionSet};
use async_graphql_value::Value as Literal;

use super::facts::introspection;
use super::{Code, FieldFacts, Items, Limits, Refusal, SchemaFacts, fragments};

/// What is read to answer a selection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Reads {
    pub rows: u64,
    pub values: u64,
}

impl Add for Reads {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { rows: self.rows.saturating_add(other.rows), values: self.values.saturating_add(other.values) }
    }
}

impl Mul<u64> for Reads {
    type Output = Self;

    fn mul(self, times: u64) -> Self {
        Self { rows: self.rows.saturating_mul(times), values: self.values.saturating_mul(times) }
    }
}

/// The weight of selections, fragments expanded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Weight {
    /// What is read each time that the object selected from is read.
    pub once: Reads,
    /// What is read for each item of the page that the object selected from serves. It is kept
    /// apart because a fragment does not know how large that page is.
    pub per_item: Reads,
    /// Fields inside one another.
    pub depth: usize,
    /// Selection sets inside one another.
    pub nesting: usize,
    /// Fields with an alias.
    pub aliases: u64,
    /// Fields, spreads and inline fragments.
    pub selections: u64,
}

impl Weight {
    /// Both, side by side.
    fn and(self, other: Self) -> Self {
        Self {
            once: self.once + other.once,
            per_item: self.per_item + other.per_item,
            depth: self.depth.max(other.depth),
            nesting: self.nesting.max(other.nesting),
            aliases: self.aliases.saturating_add(other.aliases),
            selections: self.selections.saturating_add(other.selections),
        }
    }

    /// The selection that these selections are inside of, itself counted.
    fn inside_selection(self) -> Self {
        Self { selections: self.selections.saturating_add(1), ..self }
    }
}

/// Weighs the operations of one document.
pub(super) struct Scale<'a> {
    facts: &'a dyn SchemaFacts,
    limits: &'a Limits,
    fragments: HashMap<&'a str, Weight>,
}

impl<'a> Scale<'a> {
    /// Weighs the fragments, each once for all its spreads: the fragments that it spreads come first.
    pub(super) fn new(
        facts: &'a dyn SchemaFacts,
        limits: &'a Limits,
        document: &'a ExecutableDocument,
    ) -> Result<Self, Refusal> {
        let mut scale = Self { facts, limits, fragments: HashMap::new() };
        for (name, fragment) in fragments::in_order(document)? {
            let parent = &fragment.node.type_condition.node.on.node;
            let weight = scale.selection_set(parent, &fragment.node.selection_set.node)?;
            scale.fragments.insert(name, weight);
        }
        Ok(scale)
    }

    /// The fragments with their weights.
    pub(super) fn fragments(&self) -> impl Iterator<Item = (&'a str, &Weight)> {
        self.fragments.iter().map(|(name, weight)| (*name, weight))
    }

    pub(super) fn operation(&self, operation: &OperationDefinition) -> Result<Weight, Refusal> {
        let root = self.facts.root(operation.ty);
        self.selection_set(root, &operation.selection_set.node)
    }

    /// Recurses only where the text has brackets, and so no deeper than `max_nesting`.
    fn selection_set(&self, parent: &str, set: &SelectionSet) -> Result<Weight, Refusal> {
        let mut total = Weight::default();
        for selection in &set.items {
            let weight = match &selection.node {
                Selection::Field(field) => self.field(parent, field)?,
                Selection::InlineFragment(inline) => {
                    let condition = inline.node.type_condition.as_ref();
                    let parent = condition.map_or(parent, |condition| &condition.node.on.node);
                    self.selection_set(parent, &inline.node.selection_set.node)?
                }
                Selection::FragmentSpread(spread) => {
                    let name = spread.node.fragment_name.node.as_str();
                    self.fragments.get(name).copied().unwrap_or_default()
                }
            };
            total = total.and(weight.inside_selection());
        }
        if !set.items.is_empty() {
            total.nesting = total.nesting.saturating_add(1);
        }
        Ok(total)
    }

    fn field(&self, parent: &str, field: &Positioned<Field>) -> Result<Weight, Refusal> {
        let name = field.node.name.node.as_str();
        let facts = self.facts.field(parent, name);
        let facts = facts.or_else(|| introspection(parent, name)).unwrap_or(UNKNOWN);
        let inner = self.selection_set(facts.type_name, &field.node.selection_set.node)?;

        let page = self.page(&field.node);
        let own = Reads { rows: facts.weight.into(), values: 1 };
        let item = own + inner.once + inner.per_item * page.unwrap_or(self.limits.page_size);
        let (once, per_item) = match facts.items {
            Items::One => (item, Reads::default()),
            Items::Many(usual) => {
                let items = self.ids(field)?.or(page).unwrap_or(usual.into());
                (item * items, Reads::default())
            }
            Items::PerItem => (Reads::default(), item),
        };
        Ok(Weight {
            once,
            per_item,
            depth: inner.depth.saturating_add(1),
            aliases: inner.aliases.saturating_add(field.node.alias.is_some().into()),
            ..inner
        })
    }

    /// The size of the page that a field is asked for, if it is asked for one.
    fn page(&self, field: &Field) -> Option<u64> {
        ["first", "last"]
            .into_iter()
            .filter_map(|name| match Argument::of(field, name) {
                Argument::Absent => None,
                Argument::Number(size) => Some(size.max(1)),
                Argument::List(_) | Argument::Other => Some(self.limits.page_size),
            })
            .max()
    }

    /// The number of ids that a field is asked to look up, if it is.
    fn ids(&self, field: &Positioned<Field>) -> Result<Option<u64>, Refusal> {
        let ids = match Argument::of(&field.node, "ids") {
            Argument::Absent => return Ok(None),
            Argument::List(ids) => ids,
            // A single value stands for a list of one.
            Argument::Number(_) | Argument::Other => 1,
        };
        let limit = self.limits.max_ids;
        if field.node.name.node == "nodes" && ids > limit {
            let message = format!("`nodes` takes at most {limit} ids; here it gets {ids}.");
            return Err(Refusal::new(Code::BadUserInput, message).at(field.pos));
        }
        Ok(Some(ids))
    }
}

/// What a field without facts counts as: `__typename`, and what the validator will refuse.
const UNKNOWN: FieldFacts<'_> = FieldFacts { type_name: "", weight: 0, items: Items::One };

/// What weighing needs to know of an argument.
enum Argument {
    /// Left out, or null.
    Absent,
    Number(u64),
    /// A list, by its length.
    List(u64),
    Other,
}

impl Argument {
    fn of(field: &Field, name: &str) -> Self {
        match field.get_argument(name).map(|value| &value.node) {
            None | Some(Literal::Null) => Self::Absent,
            Some(Literal::Number(number)) => number.as_u64().map_or(Self::Other, Self::Number),
            Some(Literal::List(items)) => Self::List(items.len() as u64),
            Some(_) => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{SdlFacts, parse};
    use super::*;
    use crate::graphql::request::{Types, coerce};

    const SDL: &str = "
        type Query {
          me: Person
          groups(first: Int, last: Int): GroupConnection!
          nodes(ids: [ID!]!): [Node]!
          news(first: Int): [Item!]!
        }
        type Mutation { add: Person }
        interface Node { id: ID! }
        type GroupConnection { totalCount: Int! pageInfo: PageInfo! edges: [GroupEdge!]! nodes: [Group!]! }
        type GroupEdge { cursor: String! node: Group! }
        type PageInfo { hasNextPage: Boolean! }
        type Group implements Node { id: ID! name: String! members(first: Int): GroupConnection! parts: [Group!]! tags: [String!]! }
        type Person implements Node { id: ID! name: String! friend: Person kind: Kind }
        type Item { id: ID! title: String! }
        enum Kind { ONE TWO }
    ";

    /// The rows and values of the only operation of a document.
    fn reads(query: &str, variables: &str) -> (u64, u64) {
        let facts = SdlFacts::new(SDL, 10).expect("a schema");
        let types = Types::from_sdl(SDL, &[]).expect("a schema");
        let document = parse(query).expect(query);
        let variables = serde_json::from_str(variables).expect("variables");
        let operation = super::super::operation(&document, None).expect(query);
        let coerced = coerce(&types, &document, operation, &variables).expect(query);
        let cost = super::super::measure(&coerced, &Limits::default(), &facts).expect(query);
        (cost.rows, cost.values)
    }

    #[test]
    fn rows_are_what_takes_a_look_into_the_store() {
        for (query, expected) in [
            ("{ __typename }", (0, 1)),
            ("{ me { id name kind } }", (1, 4)),
            ("{ me { friend { friend { id } } } }", (3, 4)),
            ("mutation { add { id } }", (1, 2)),
            // A page, its rows, and for each row an edge, a node and a name.
            ("{ groups(first: 3) { edges { cursor node { name } } } }", (4, 13)),
            ("{ groups(last: 3) { nodes { name } } }", (4, 7)),
            ("{ groups(first: 3, last: 7) { nodes { id } } }", (8, 15)),
            // Counting is one look, for the page and not for its rows.
            ("{ groups(first: 3) { totalCount pageInfo { hasNextPage } } }", (2, 4)),
            ("{ groups(first: 2) { nodes { members(first: 5) { nodes { id } } } } }", (15, 25)),
            ("{ news { title } }", (10, 20)),
            ("{ news(first: 2) { title } }", (2, 4)),
            ("{ groups(first: 1) { nodes { tags parts { id } } } }", (12, 32)),
            ("{ nodes(ids: [1, 2, 3]) { id } }", (3, 6)),
            ("{ nodes(ids: 1) { id } }", (1, 2)),
            ("{ nodes(ids: [1, 2]) { ... on Person { friend { id } } ... on Group { id } } }", (4, 8)),
        ] {
            assert_eq!(reads(query, "{}"), expected, "{query}");
        }
    }

    #[test]
    fn pages_come_from_variables_and_their_defaults() {
        for (declared, variables, size) in [
            ("$n: Int", r#"{"n": 5}"#, 5),
            ("$n: Int = 5", "{}", 5),
            ("$n: Int = 5", r#"{"n": 6}"#, 6),
            // Left out or of no use: the largest page.
            ("$n: Int", "{}", 100),
            ("$n: Int = 5", r#"{"n": null}"#, 100),
            ("$n: Int", r#"{"n": -5}"#, 100),
            ("$n: Int", r#"{"n": 0}"#, 1),
            ("$n: Int", r#"{"n": 1000}"#, 1000),
        ] {
            let query = format!("query ({declared}) {{ groups(first: $n) {{ nodes {{ id }} }} }}");
            assert_eq!(reads(&query, variables).0, size + 1, "{query} {variables}");
        }
        assert_eq!(reads("{ groups { nodes { id } } }", "{}").0, 101);
        let query = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }";
        assert_eq!(reads(query, r#"{"ids": ["a", "b"]}"#).0, 2);
    }

    #[test]
    fn a_fragment_counts_where_it_is_spread() {
        let fragments = "fragment Page on GroupConnection { totalCount ...Rows }
            fragment Rows on GroupConnection { ... @include(if: true) { edges { node { ...G } } } }
            fragment G on Group { parts { id } }";
        for (size, expected) in [(2, (2 + 2 * 11, 2 + 2 * 22)), (5, (2 + 5 * 11, 2 + 5 * 22))] {
            let query = format!("{{ groups(first: {size}) {{ ...Page }} }} {fragments}");
            assert_eq!(reads(&query, "{}"), expected);
        }
    }

    #[test]
    fn sums_and_products_stop_at_the_largest_number() {
        let most = Reads { rows: u64::MAX, values: u64::MAX };
        assert_eq!(most + most, most);
        assert_eq!(most * 2, most);
    }
}
