use super::{types, wrong};

#[track_caller]
fn valid(queries: &[&str]) {
    let types = types();
    for query in queries {
        assert_eq!(wrong(&types, query), [], "{query}");
    }
}

/// Each document breaks a rule, which its message names.
#[track_caller]
fn refused(queries: &[(&str, &str)]) {
    let types = types();
    for (query, message) in queries {
        let errors = wrong(&types, query);
        let first = errors.first().map_or("accepted", |error| error.message.as_str());
        assert!(first.contains(message), "{query}: {first}");
        let code = errors.iter().flat_map(|error| &error.extensions).find_map(|extensions| extensions.get("code"));
        assert_eq!(code, Some(&async_graphql::Value::from("GRAPHQL_VALIDATION_FAILED")), "{query}");
    }
}

#[test]
fn fields_are_those_of_the_type() {
    valid(&[
        "{ dog { id name ... on Pet { name } ...F } __typename __schema { types { name } } __type(name: \"A\") { name } }
         fragment F on Node { id __typename }",
        "{ catOrDog { __typename ... on Node { id } ... on Dog { volume } } }",
    ]);
    refused(&[
        ("{ dog { meows } }", "The type `Dog` has no field `meows`."),
        ("{ pet { nickname } }", "The type `Pet` has no field `nickname`."),
        ("{ catOrDog { name } }", "The type `CatOrDog` has no field `name`."),
        ("{ dog { __schema { description } } }", "has no field `__schema`"),
        ("mutation { __type(name: \"A\") { name } }", "has no field `__type`"),
        ("{ dog }", "Select fields of `dog`"),
        ("{ dog { name { length } } }", "`name` is a plain value"),
        ("{ __schema { types } }", "Select fields of `types`"),
        ("{ dog { no { deeper(a: 1) } } }", "has no field `no`"),
    ]);
}

#[test]
fn fields_of_one_key_mean_the_same() {
    valid(&[
        "{ dog { name name otherName: name otherName: name } dog { owner { id } } dog { owner { name } } }",
        "query($c: Command!) { dog { knows(command: $c) knows(command: $c) } }",
        // No object is both a cat and a dog.
        "{ pet { ... on Dog { nickname name(surname: true) } ... on Cat { nickname name(surname: false) } } }",
        "{ pet { ... on Dog { x: nickname } ... on Cat { x: nickname } } }",
        "{ pet { ... on Dog { x: owner { id } } ... on Cat { x: owner { id: name2 } } } }"
            .replace("id: name2", "id")
            .as_str(),
        "{ complex(input: { name: \"a\", size: 1 }) complex(input: { size: 1, name: \"a\" }) }",
    ]);
    let conflict = "means different things";
    refused(&[
        ("{ dog { name: nickname name } }", conflict),
        ("{ dog { knows(command: SIT) knows(command: HEEL) } }", conflict),
        ("query($c: Command!) { dog { knows(command: SIT) knows(command: $c) } }", conflict),
        ("query($c: Command!, $d: Command!) { dog { knows(command: $c) knows(command: $d) } }", conflict),
        ("{ dog { name name(surname: true) } }", conflict),
        // Values of one key must have one shape, whatever the object is.
        ("{ pet { ... on Dog { x: volume } ... on Cat { x: nickname } } }", conflict),
        ("{ pet { ... on Dog { x: volume } ... on Cat { x: volume } } }", conflict),
        ("{ pet { ... on Dog { x: volume } ... on Cat { x: meows } } }", conflict),
        ("{ pet { ... on Dog { x: owner { y: id } } ... on Cat { x: owner { y: pets { id } } } } }", conflict),
        // What an interface selects is selected of its objects.
        ("{ pet { x: name ... on Dog { x: nickname } } }", conflict),
        ("{ pet { x: name(surname: true) ... on Dog { ... on Pet { x: name } } } }", conflict),
        (
            "{ dog { owner { name } ...F } } fragment F on Dog { owner { ...G } } fragment G on Human { name: id }",
            conflict,
        ),
        ("{ human { pets { name } } ...F } fragment F on Query { human { pets(first: 1) { name } } }", conflict),
        ("{ complex(input: { name: \"a\" }) complex(input: { name: \"b\" }) }", conflict),
    ]);
}

#[test]
fn arguments_are_known_given_once_and_complete() {
    valid(&["{ need(int: 1) a: need(bool: false, int: 2, ids: null) human { pets(first: null) { id } } }"]);
    refused(&[
        ("{ dog { name(no: 1) } }", "`name` has no argument `no`."),
        ("{ need(int: 1, int: 2) }", "The argument `int` is given twice."),
        ("{ need }", "`need` needs the argument `int` of type `Int!`."),
        ("{ need(int: null) }", "`int`: a value of type `Int!` is expected, not null."),
        ("{ need(int: 1, bool: null) }", "`bool`: a value of type `Boolean!` is expected, not null."),
        ("{ dog @include(if: true, if: false) { id } }", "given twice"),
        ("{ dog @include(if: true, unless: true) { id } }", "has no argument `unless`"),
    ]);
}

#[test]
fn fragments_are_used_and_apply() {
    valid(&["{ pet { ...F ... on Dog { ... on Node { id } } } } fragment F on Pet { ... on Cat { meows } }"]);
    refused(&[
        ("{ dog { ...F } }", "There is no fragment `F`."),
        ("{ dog { id } } fragment F on Dog { id }", "The fragment `F` is never used."),
        ("{ dog { ... on Cat { id } } }", "No `Dog` is a `Cat`"),
        ("{ dog { ...F } } fragment F on Cat { id }", "No `Dog` is a `Cat`"),
        ("{ human { ... on Pet { id } } }", "No `Human` is a `Pet`"),
        ("{ human { ... on CatOrDog { __typename } } }", "No `Human` is a `CatOrDog`"),
        ("{ dog { ... on Bird { id } } }", "There is no type `Bird`."),
        ("{ dog { ... on Command { id } } }", "`Command`, which has no fields"),
        ("{ dog { ...F } } fragment F on Complex { id }", "`Complex`, which has no fields"),
    ]);
}

#[test]
fn literals_are_of_their_types() {
    valid(&[
        "{ values(int: -2147483648, float: 1, string: \"\", bool: false, id: 7, day: \"2026-09-01\", command: SIT) }",
        "{ values(float: 1.5e3, id: \"x\", int: null, command: null) lists(ints: 1, grid: [[1, null], null, 2], ids: \"a\") }",
        "{ complex(input: { name: \"a\", tags: \"t\", inner: { name: \"b\", flags: { field: HEEL } } }) }",
        "{ find(by: { complex: { name: \"a\" } }) { id } a: find(by: { id: 1 }) { id } }",
    ]);
    refused(&[
        ("{ values(int: 2147483648) }", "`int`: a value of type `Int` is expected, not 2147483648."),
        ("{ values(int: 1.0) }", "`Int` is expected"),
        ("{ values(int: \"1\") }", "`Int` is expected, not a string"),
        ("{ values(float: \"1\") }", "`Float` is expected"),
        ("{ values(string: 1) }", "`String` is expected, not 1"),
        ("{ values(bool: 0) }", "`Boolean` is expected"),
        ("{ values(id: 1.5) }", "`ID` is expected"),
        ("{ values(id: true) }", "`ID` is expected, not true"),
        ("{ values(day: \"tomorrow\") }", "`day`: this must be a day."),
        ("{ values(day: { a: 1 }) }", "`day`: this must be a day."),
        ("{ values(command: \"SIT\") }", "`Command` is expected, not a string"),
        ("{ values(command: JUMP) }", "the enum `Command` has no value `JUMP`"),
        ("{ values(string: SIT) }", "`String` is expected, not the enum value `SIT`"),
        ("{ values(int: [1]) }", "`Int` is expected, not a list"),
        ("{ lists(ints: [1, null]) }", "`ints[1]`: a value of type `Int!` is expected, not null."),
        ("{ lists(grid: [[1], [\"a\"]]) }", "`grid[1][0]`"),
        ("{ complex(input: {}) }", "`input` needs the field `name` of type `String!`."),
        ("{ complex(input: { name: null }) }", "`input.name`: a value of type `String!` is expected, not null."),
        ("{ complex(input: { name: \"a\", no: 1 }) }", "`input.no`: the input `Complex` has no such field."),
        (
            "{ complex(input: { name: \"a\", inner: { name: \"b\", flags: { field: \"SIT\" } } }) }",
            "`input.inner.flags.field`",
        ),
        ("{ complex(input: 1) }", "`Complex` is expected, not 1"),
        ("{ find(by: {}) { id } }", "give exactly one field"),
        ("{ find(by: { id: 1, name: \"a\" }) { id } }", "give exactly one field"),
        ("{ find(by: { id: null }) { id } }", "give exactly one field"),
        ("{ dog @include(if: \"true\") { id } }", "`Boolean!` is expected"),
        ("query($a: Int = \"x\") { values(int: $a) }", "`$a`: a value of type `Int` is expected"),
        ("query($a: Int! = null) { values(int: $a) }", "`$a`: a value of type `Int!` is expected"),
        ("query($a: Complex = { name: 1 }) { complex(input: $a) }", "`$a.name`"),
    ]);
}

#[test]
fn variables_are_declared_used_and_in_their_places() {
    valid(&[
        "query($a: Int!) { need(int: $a) values(int: $a) lists(ints: [$a, 1]) }",
        "query($a: Int = 1, $b: Boolean) { need(int: $a, bool: $b) }",
        "query($a: [Int!]!, $b: Int) { lists(ints: $a, grid: [[$b], null]) }",
        "query($a: [Int]) { lists(grid: [$a]) }",
        "query($s: String!, $c: Command) { complex(input: { name: $s, flags: { field: SIT, descending: $x }, size: $y }) values(command: $c) }"
            .replace(", descending: $x", "").replace(", size: $y", "").as_str(),
        "query($d: Boolean) { complex(input: { name: \"a\", flags: { field: SIT, descending: $d } }) }",
        "query($id: ID!) { find(by: { id: $id }) { id } }",
        "query A($a: Int) { ...F } query B($a: Int) { ...F } fragment F on Query { values(int: $a) }",
    ]);
    let place = "cannot stand where";
    refused(&[
        ("{ values(int: $a) }", "The variable `$a` is not declared."),
        ("query A($a: Int) { ...F } query B { ...F } fragment F on Query { values(int: $a) }", "`$a` is not declared."),
        ("query($a: Int) { dog { id } }", "The variable `$a` is never used."),
        ("query A($a: Int) { values(int: $a) } query B($a: Int) { dog { id } }", "`$a` is never used."),
        ("query($a: Int, $a: Int) { values(int: $a) }", "The variable `$a` is declared twice."),
        ("query($a: Bird) { values(int: $a) }", "There is no type `Bird`."),
        ("query($a: Dog) { values(int: $a) }", "`Dog` is no type for a variable."),
        ("query($a: [Pet!]) { values(int: $a) }", "`[Pet!]` is no type for a variable."),
        ("query($a: Int) { need(int: $a) }", "The variable `$a` of type `Int` cannot stand where `Int!` is expected."),
        ("query($a: Int = null) { need(int: $a) }", place),
        ("query($a: String) { values(int: $a) }", place),
        ("query($a: Int!) { values(id: $a) }", place),
        ("query($a: Int!) { values(float: $a) }", place),
        ("query($a: [Int]) { lists(ints: $a) }", place),
        ("query($a: Int!) { lists(ints: $a) }", place),
        ("query($a: Int) { lists(ints: [$a]) }", place),
        ("query($a: String) { complex(input: { name: $a }) }", place),
        ("query($a: Boolean) { dog @skip(if: $a) { id } }", place),
        ("query($a: ID) { find(by: { id: $a }) { id } }", "must not be nullable here"),
        ("query($a: ID = \"x\") { find(by: { id: $a }) { id } }", "must not be nullable here"),
        ("query($a: Int) { ...F } fragment F on Query { need(int: $a) }", place),
    ]);
}

#[test]
fn directives_stand_where_they_may() {
    valid(&["query($a: Boolean!) { dog @skip(if: $a) @include(if: true) { id ...F @skip(if: $a) ... @include(if: $a) { name } } }
             fragment F on Dog { id }"]);
    refused(&[
        ("query @skip(if: true) { dog { id } }", "`@skip` cannot be used here."),
        ("{ ...F } fragment F on Query @include(if: true) { dog { id } }", "`@include` cannot be used here."),
        ("query($a: Boolean! @skip(if: true)) { dog @skip(if: $a) { id } }", "`@skip` cannot be used here."),
        ("{ dog @deprecated { id } }", "`@deprecated` cannot be used here."),
        ("{ dog @live { id } }", "There is no directive `@live`."),
        ("{ dog @skip(if: true) @skip(if: false) { id } }", "`@skip` can be used once here."),
        ("{ dog @skip { id } }", "`skip` needs the argument `if`"),
    ]);
}

#[test]
fn a_subscription_follows_one_field() {
    valid(&[
        "subscription { barks { id } barks { name } }",
        "subscription { ...F } fragment F on Subscription { ... { births { id } } }",
    ]);
    refused(&[
        ("subscription { barks { id } births { id } }", "exactly one field"),
        ("subscription { ...F births { id } } fragment F on Subscription { barks { id } }", "exactly one field"),
        ("subscription { a: barks { id } b: barks { id } }", "exactly one field"),
        ("subscription { __typename }", "none of introspection"),
        ("subscription { barks @skip(if: true) { id } }", "neither skipped nor included"),
    ]);
}

#[test]
fn the_first_errors_are_told_in_the_order_of_the_document() {
    let query = "{ a\n b\n dog { c\n d ...F } e f }\n fragment F on Dog { g }";
    let errors = wrong(&types(), query);
    let lines: Vec<_> = errors.iter().map(|error| error.locations.first().map(|pos| pos.line)).collect();
    assert_eq!(lines, [1, 2, 3, 4, 4].map(Some));
}

/// Branches of type conditions must not multiply.
#[test]
fn many_kinds_at_many_levels_are_compared_in_no_time() {
    let mut query = "{ pet { id } }".to_owned();
    for level in 0..12 {
        let inner = format!("x: friends {{ ...L{level} ... on Dog {{ ...L{level} }} ... on Cat {{ id }} }}");
        query.push_str(
            &[" fragment L", &(level + 1).to_string(), " on Pet { id ... on Dog { ", &inner, " } }"].concat(),
        );
    }
    query += " fragment L0 on Pet { id }";
    let query = query.replace("{ pet { id } }", "{ pet { ...L12 } }");
    let start = std::time::Instant::now();
    let document = super::parsed(&query);
    let _ =
        crate::http::guard::check_shape(&document, &Default::default()).map(|()| super::validate(&types(), &document));
    assert!(start.elapsed() < std::time::Duration::from_secs(2), "{:?}", start.elapsed());
}
