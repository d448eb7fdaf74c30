use super::{executed, types};

#[track_caller]
fn becomes(query: &str, variables: &str, expected: &str) {
    assert_eq!(executed(&types(), query, variables).as_deref(), Ok(expected), "{query} {variables}");
}

#[track_caller]
fn is_refused(query: &str, variables: &str, message: &str) {
    assert_eq!(
        executed(&types(), query, variables).as_ref().map_err(String::as_str),
        Err(message),
        "{query} {variables}"
    );
}

#[test]
fn what_is_absent_stays_absent() {
    let query = "query($i: Int, $s: String, $t: [String!], $c: Command) {
        values(int: $i, command: $c) complex(input: { name: \"a\", size: $i, tags: $t, inner: { name: \"b\", tags: [\"x\"] } }) }";
    let query = query.replace("$s: String, ", "");
    becomes(&query, "{}", r#"values complex(input: {name: "a", size: 7, inner: {name: "b", size: 7, tags: ["x"]}})"#);
    becomes(
        &query,
        r#"{"i": null, "t": null, "c": null, "other": 1}"#,
        r#"values(int: null, command: null) complex(input: {name: "a", size: null, tags: null, inner: {name: "b", size: 7, tags: ["x"]}})"#,
    );
    becomes("query($a: Int) { lists(grid: [[$a, 1]]) }", "{}", r#"lists(grid: [[null, 1]], ids: ["a"])"#);
    becomes("query($a: Complex) { complex(input: $a) }", "{}", "complex");
    becomes(
        "query($a: Complex) { complex(input: $a) }",
        r#"{"a": {"name": "x", "day": null}}"#,
        r#"complex(input: {name: "x", size: 7, day: null})"#,
    );
}

#[test]
fn defaults_hold_where_nothing_is_given() {
    becomes("query($a: Int = 3, $b: Boolean) { need(int: $a, bool: $b) }", "{}", "need(int: 3, bool: true)");
    becomes("query($a: Int = 3) { values(int: $a) }", r#"{"a": null}"#, "values(int: null)");
    becomes("query($a: [Int!] = 5) { lists(ints: $a) }", "{}", r#"lists(ints: [5], ids: ["a"])"#);
    becomes(
        "{ human { pets(order: { field: SIT }) { id } } }",
        "{}",
        "human { pets(first: 10, order: {field: SIT, descending: false}) { id } }",
    );
    becomes(
        "query($o: Order = { field: SIT }) { human { pets(order: $o) { id } } }",
        "{}",
        "human { pets(first: 10, order: {field: SIT, descending: false}) { id } }",
    );
    becomes("mutation { feed(dog: 7) { id } }", "{}", r#"feed(dog: "7", portions: 1) { id }"#);
}

#[test]
fn conditions_see_the_defaults_of_variables() {
    let query = "query($x: Boolean = true, $y: Boolean!) { dog @skip(if: $x) { id } pet @include(if: $x) { id name @include(if: $y) } }";
    becomes(query, r#"{"y": false}"#, "pet { id }");
    becomes(query, r#"{"x": false, "y": true}"#, "dog { id }");
    becomes("{ dog { id @skip(if: true) ... on Dog @include(if: false) { name } } }", "{}", "dog");
    is_refused(query, r#"{"x": null, "y": true}"#, "The condition of `@skip` must not be null.");
}

#[test]
fn variables_are_read_as_json() {
    let values = "query($i: Int, $f: Float, $s: String, $b: Boolean, $id: ID, $d: Date, $c: Command) {
        values(int: $i, float: $f, string: $s, bool: $b, id: $id, day: $d, command: $c) }";
    becomes(
        values,
        r#"{"i": 1.0, "f": 2, "s": "x", "b": true, "id": 7, "d": "2026-09-01", "c": "HEEL"}"#,
        r#"values(int: 1, float: 2, string: "x", bool: true, id: "7", day: "2026-09-01", command: HEEL)"#,
    );
    becomes(values, r#"{"i": -2147483648, "id": 1e3}"#, r#"values(int: -2147483648, id: "1000")"#);
    for (variables, message) in [
        (r#"{"i": 2147483648}"#, "`$i`: a value of type `Int` is expected, not 2147483648."),
        (r#"{"i": 1.5}"#, "`$i`: a value of type `Int` is expected, not 1.5."),
        (r#"{"i": "1"}"#, "`$i`: a value of type `Int` is expected, not a string."),
        (r#"{"f": "1"}"#, "`$f`: a value of type `Float` is expected, not a string."),
        (r#"{"s": 1}"#, "`$s`: a value of type `String` is expected, not 1."),
        (r#"{"b": "true"}"#, "`$b`: a value of type `Boolean` is expected, not a string."),
        (r#"{"id": 1.5}"#, "`$id`: a value of type `ID` is expected, not 1.5."),
        (r#"{"d": "x"}"#, "`$d`: this must be a day."),
        (r#"{"c": "JUMP"}"#, "`$c`: the enum `Command` has no such value."),
        (r#"{"c": 1}"#, "`$c`: a value of type `Command` is expected, not 1."),
        (r#"{"c": ["SIT"]}"#, "`$c`: a value of type `Command` is expected, not a list."),
    ] {
        is_refused(values, variables, message);
    }
}

#[test]
fn lists_and_inputs_are_read_to_the_leaves() {
    let lists = "query($l: [Int!], $g: [[Int]]) { lists(ints: $l, grid: $g) }";
    becomes(lists, r#"{"l": 1, "g": [1, [2], null]}"#, r#"lists(ints: [1], grid: [[1], [2], null], ids: ["a"])"#);
    is_refused(lists, r#"{"l": [1, null]}"#, "`$l[1]`: a value of type `Int!` is expected, not null.");
    is_refused(lists, r#"{"g": [[1, "x"]]}"#, "`$g[0][1]`: a value of type `Int` is expected, not a string.");
    let complex = "query($a: Complex!) { complex(input: $a) }";
    for (variables, message) in [
        ("{}", "The variable `$a` needs a value of type `Complex!`."),
        (r#"{"a": null}"#, "The variable `$a` needs a value of type `Complex!`."),
        (r#"{"a": {}}"#, "`$a.name` needs a value of type `String!`."),
        (r#"{"a": {"name": "x", "no": 1}}"#, "`$a.no`: there is no such field."),
        (
            r#"{"a": {"name": "x", "inner": {"name": "y", "flags": {"field": "SIT", "descending": null}}}}"#,
            "`$a.inner.flags.descending`: a value of type `Boolean!` is expected, not null.",
        ),
        (r#"{"a": "x"}"#, "`$a`: a value of type `Complex!` is expected, not a string."),
    ] {
        is_refused(complex, variables, message);
    }
    let by = "query($by: By!) { find(by: $by) { id } }";
    becomes(by, r#"{"by": {"name": "x"}}"#, r#"find(by: {name: "x"}) { id }"#);
    for variables in [r#"{"by": {}}"#, r#"{"by": {"id": null}}"#, r#"{"by": {"id": "a", "name": "b"}}"#] {
        is_refused(by, variables, "`$by`: give exactly one field, and not null.");
    }
}

#[test]
fn fragments_are_written_out_in_place() {
    becomes(
        "{ ...F dog { name } pet { ...P ... on Dog { ... on Node { id } nickname } ... on Pet { name } } }
         fragment F on Query { ... { a: dog { id } } ... on Query { dog { ...D } } }
         fragment D on Node { id ... on Dog { volume } }
         fragment P on Pet { ... on Node { id } ... on Cat { meows } ... on CatOrDog { __typename } }",
        "{}",
        "a: dog { id } dog { id volume name } pet { id ... on Cat { meows } __typename ... on Dog { id nickname } name }",
    );
    // The root has each key once, where it stands first.
    becomes(
        "mutation { a: feed(dog: 1) { id } b: feed(dog: 2) { id } a: feed(dog: 1) { name } }",
        "{}",
        r#"a: feed(dog: "1", portions: 1) { id name } b: feed(dog: "2", portions: 1) { id }"#,
    );
}

#[test]
fn introspection_takes_null_too() {
    becomes(
        "query($d: Boolean) { __type(name: \"A\") { fields(includeDeprecated: null) { name } inputFields(includeDeprecated: $d) { name } } }",
        r#"{"d": true}"#,
        r#"__type(name: "A") { fields(includeDeprecated: null) { name } inputFields(includeDeprecated: true) { name } }"#,
    );
}
