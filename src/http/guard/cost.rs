//! The limits that hold for a parsed document.

use async_graphql::Pos;
use async_graphql::parser::types::{ExecutableDocument, OperationType};

use super::weight::{Scale, Weight};
use super::{Code, FieldFacts, Limits, Refusal, SchemaFacts};

/// What the operation that a request means could take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Rows that could be read; held to `max_cost`.
    pub rows: u64,
    /// Values that the answer could contain; held to `max_values`.
    pub values: u64,
    /// Fields inside one another, fragments expanded.
    pub depth: usize,
    /// Aliased fields, fragments expanded.
    pub aliases: u64,
    /// Fields, spreads and inline fragments, fragments expanded.
    pub selections: u64,
}

/// Weighs the selections of a document, all operations of it, with its fragments expanded, and refuses it when it nests
/// too deeply or selects too much. Validation looks at all of them; after this it is safe and quick.
///
/// A fragment is weighed once: its type condition makes it independent of the place it is spread in.
///
/// # Errors
///
/// `QUERY_TOO_COMPLEX` above a limit, and `GRAPHQL_VALIDATION_FAILED` for fragments in a circle.
pub fn check_shape(document: &ExecutableDocument, limits: &Limits) -> Result<(), Refusal> {
    let scale = Scale::new(&NoFacts, limits, document)?;
    for (name, weight) in scale.fragments() {
        let place = document.fragments.get(name).map(|fragment| fragment.pos);
        check_nesting(weight, limits, place.unwrap_or_default())?;
    }
    let mut selections: u64 = 0;
    let mut first = None;
    for (_, operation) in document.operations.iter() {
        let weight = scale.operation(&operation.node)?;
        check_operation(&weight, limits, operation.pos)?;
        selections = selections.saturating_add(weight.selections);
        first = first.min(Some(operation.pos)).or(Some(operation.pos));
    }
    check_selections(selections, limits, first.unwrap_or_default())
}

/// Weighs the operation that is carried out, without variables by now, and refuses it when it could read too much.
///
/// The unit of cost is a row: one item of a field that takes a look into the store, which
/// [`SchemaFacts`] gives a weight of 1. A field below lists counts once for each item of the
/// lists. So `groups(first: 50) { edges { node { members(first: 20) { edges { node { … } } } } } }`
/// costs 1 for the page of groups and, for each of 50 groups, 1 for the group, 1 for its page of
/// members and 20 for the members: 1,101 rows, whatever number of plain values is asked of each.
///
/// Values bound what rows do not: a field asked for once counts 1, below a list once for each
/// item. It is an estimate of the size of the answer.
///
/// A page is as large as `first` and `last` say; where they say nothing
/// of use, `page_size` is taken. `nodes(ids: …)` has as many items as ids, and at most `max_ids`.
/// All branches of type conditions count.
///
/// # Errors
///
/// `QUERY_TOO_COMPLEX` above a limit, and `BAD_USER_INPUT` for too many ids.
pub fn measure(document: &ExecutableDocument, limits: &Limits, facts: &dyn SchemaFacts) -> Result<Cost, Refusal> {
    let scale = Scale::new(facts, limits, document)?;
    let mut total = Cost::default();
    for (_, operation) in document.operations.iter() {
        total = Cost::from(scale.operation(&operation.node)?);
        check_reads(&total, limits, operation.pos)?;
    }
    Ok(total)
}

/// For what is weighed without the schema.
struct NoFacts;

impl SchemaFacts for NoFacts {
    fn root(&self, _: OperationType) -> &'static str {
        ""
    }

    fn field(&self, _: &str, _: &str) -> Option<FieldFacts<'_>> {
        None
    }
}

impl From<Weight> for Cost {
    fn from(weight: Weight) -> Self {
        Self {
            rows: weight.once.rows,
            values: weight.once.values,
            depth: weight.depth,
            aliases: weight.aliases,
            selections: weight.selections,
        }
    }
}

fn check_nesting(weight: &Weight, limits: &Limits, place: Pos) -> Result<(), Refusal> {
    let (found, limit) = (weight.nesting, limits.nesting());
    check(found <= limit, place, || {
        format!("Selections may nest at most {limit} deep, fragments expanded; here they nest {found} deep.")
    })
}

fn check_operation(weight: &Weight, limits: &Limits, place: Pos) -> Result<(), Refusal> {
    check_nesting(weight, limits, place)?;
    let (found, limit) = (weight.depth, limits.max_depth);
    check(found <= limit, place, || {
        format!("A query may be at most {limit} fields deep, fragments expanded; this one is {found} deep.")
    })?;
    let (found, limit) = (weight.aliases, limits.max_aliases);
    check(found <= limit, place, || {
        format!("A query may have at most {limit} aliases, fragments expanded; this one has {found}.")
    })
}

fn check_selections(found: u64, limits: &Limits, place: Pos) -> Result<(), Refusal> {
    let limit = limits.max_selections;
    check(found <= limit, place, || {
        format!("A document may have at most {limit} selections, fragments expanded; this one has {found}.")
    })
}

fn check_reads(cost: &Cost, limits: &Limits, place: Pos) -> Result<(), Refusal> {
    let (found, limit) = (cost.rows, limits.max_cost);
    check(found <= limit, place, || {
        format!(
            "A query may cost at most {limit} (rows that it could read); this one costs {found}. \
             Ask for smaller pages or fewer lists inside lists."
        )
    })?;
    let (found, limit) = (cost.values, limits.max_values);
    check(found <= limit, place, || {
        format!(
            "An answer may have at most {limit} values; this one could have {found}. \
             Ask for smaller pages or fewer fields."
        )
    })
}

fn check(fits: bool, place: Pos, message: impl FnOnce() -> String) -> Result<(), Refusal> {
    if fits {
        return Ok(());
    }
    Err(Refusal::new(Code::QueryTooComplex, message()).at(place))
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use async_graphql::parser::types::DocumentOperations;

    use super::super::{SdlFacts, operation, parse};
    use super::*;

    const SDL: &str = "
        type Query { me: Person people(first: Int): PersonConnection! nodes(ids: [ID!]!): [Person]! }
        type Mutation { me: Person }
        type PersonConnection { nodes: [Person!]! }
        type Person { id: ID! friend: Person friends(first: Int): PersonConnection! }
    ";

    fn weigh(query: &str, operation_name: Option<&str>) -> Result<Cost, Refusal> {
        let facts = SdlFacts::new(SDL, 10).expect("a schema");
        let mut document = parse(query).expect(query);
        let limits = Limits::default();
        check_shape(&document, &limits)?;
        let chosen = operation(&document, operation_name)?.clone();
        document.operations = DocumentOperations::Single(chosen);
        measure(&document, &limits, &facts)
    }

    /// A chain of fields.
    fn friends(depth: usize) -> String {
        format!("{{ me {} {{ id }} {}", "{ friend ".repeat(depth - 2), "}".repeat(depth - 2)) + "}"
    }

    /// Fragments that each spread the next one as often as told; the last one has the fields.
    fn levels(levels: usize, spreads: usize, fields: &str) -> String {
        let mut query = "{ me { ...F0 } }".to_owned();
        for level in 0..levels {
            let next = format!("...F{} ", level + 1).repeat(spreads);
            write!(query, " fragment F{level} on Person {{ {next} }}").expect("a String grows");
        }
        query + &format!(" fragment F{levels} on Person {{ {fields} }}")
    }

    fn aliases(count: usize) -> String {
        let fields: Vec<_> = (0..count).map(|index| format!("a{index}: id")).collect();
        fields.join(" ")
    }

    #[test]
    fn limits_hold_to_the_last_unit() {
        for (fits, breaks) in [
            (friends(15), friends(16)),
            (format!("{{ me {{ {} }} }}", aliases(30)), format!("{{ me {{ {} }} }}", aliases(31))),
            (levels(1, 10, &aliases(3)), levels(1, 11, &aliases(3))),
            // The spread of the first fragment and `me` add two selections.
            (levels(1, 1, &"id ".repeat(1_997)), levels(1, 1, &"id ".repeat(1_998))),
            (levels(37, 1, "id"), levels(38, 1, "id")),
            (
                "{ people(first: 4999) { nodes { id } } }".to_owned(),
                "{ people(first: 5000) { nodes { id } } }".to_owned(),
            ),
            (
                format!("{{ people(first: 100) {{ nodes {{ {} }} }} }}", "id ".repeat(998)),
                format!("{{ people(first: 100) {{ nodes {{ {} }} }} }}", "id ".repeat(999)),
            ),
        ] {
            assert!(weigh(&fits, None).is_ok(), "{:?}: {fits}", weigh(&fits, None));
            let refusal = weigh(&breaks, None).expect_err(&breaks);
            assert_eq!(refusal.code, Code::QueryTooComplex, "{breaks}");
        }
    }

    #[test]
    fn shape_is_checked_in_every_operation_and_cost_in_one() {
        let dear = "query Dear { people(first: 9999) { nodes { id } } }";
        let query = format!("{dear} query Cheap {{ me {{ id }} }}");
        assert_eq!(weigh(&query, Some("Cheap")).map(|cost| cost.rows), Ok(1));
        assert!(weigh(&query, Some("Dear")).is_err());

        let deep = format!("query Deep {}", friends(16));
        let query = format!("{deep} query Cheap {{ me {{ id }} }}");
        assert!(weigh(&query, Some("Cheap")).is_err());
    }

    #[test]
    fn what_no_operation_reaches_is_checked_for_nesting_and_circles() {
        let chain = levels(64, 1, "id").replace("{ me { ...F0 } }", "{ me { id } }");
        assert_eq!(weigh(&chain, None).map_err(|refusal| refusal.code), Err(Code::QueryTooComplex));
        let circle = "{ me { id } } fragment F on Person { friend { ...F } }";
        let code = weigh(circle, None).map_err(|refusal| refusal.code);
        assert_eq!(code, Err(Code::GraphqlValidationFailed));
    }

    #[test]
    fn doubling_fragments_are_told_their_size() {
        let refusal = weigh(&levels(28, 2, "id"), None).expect_err("2^28 fields");
        assert!(refusal.message.ends_with("this one has 805306368."), "{refusal}");
        let refusal = weigh(&levels(30, 30, "a: id"), None).expect_err("more than can be counted");
        assert!(refusal.message.contains(&u64::MAX.to_string()), "{refusal}");
    }

    #[test]
    fn ids_are_limited() {
        let nodes = |ids: usize| format!("{{ nodes(ids: [{}]) {{ id }} }}", "1 ".repeat(ids));
        assert_eq!(weigh(&nodes(50), None).map(|cost| cost.rows), Ok(50));
        let refusal = weigh(&nodes(51), None).expect_err("51 ids");
        assert_eq!(refusal.code, Code::BadUserInput);
        assert_eq!(refusal.message, "`nodes` takes at most 50 ids; here it gets 51.");
    }

    #[test]
    fn refusals_advise_and_point_at_the_operation() {
        let query = "\n  { people { nodes { friends { nodes { id } } } } }";
        let refusal = weigh(query, None).expect_err("10,000 people");
        assert_eq!(
            refusal.message,
            "A query may cost at most 5000 (rows that it could read); this one costs 10201. \
             Ask for smaller pages or fewer lists inside lists."
        );
        assert_eq!(refusal.position, Some(Pos { line: 2, column: 3 }));
    }

    #[test]
    fn the_usual_introspection_query_passes() {
        let of_types = "ofType { kind name ".repeat(9) + &"}".repeat(9);
        let query = format!(
            "query IntrospectionQuery {{ __schema {{ description
               queryType {{ name kind }} mutationType {{ name kind }} subscriptionType {{ name kind }}
               types {{ ...FullType }}
               directives {{ name description isRepeatable locations args(includeDeprecated: true) {{ ...InputValue }} }} }} }}
             fragment FullType on __Type {{ kind name description specifiedByURL isOneOf
               fields(includeDeprecated: true) {{ name description args(includeDeprecated: true) {{ ...InputValue }}
                 type {{ ...TypeRef }} isDeprecated deprecationReason }}
               inputFields(includeDeprecated: true) {{ ...InputValue }}
               interfaces {{ ...TypeRef }}
               enumValues(includeDeprecated: true) {{ name description isDeprecated deprecationReason }}
               possibleTypes {{ ...TypeRef }} }}
             fragment InputValue on __InputValue {{ name description type {{ ...TypeRef }} defaultValue isDeprecated deprecationReason }}
             fragment TypeRef on __Type {{ kind name {of_types} }}"
        );
        let cost = weigh(&query, None).expect("a known query");
        assert_eq!((cost.rows, cost.depth), (0, 15));

        let nested = "fields { type { ".repeat(6) + "name" + &"} }".repeat(6);
        let query = format!("{{ __schema {{ types {{ {nested} }} }} }}");
        assert!(weigh(&query, None).is_err());
    }
}
