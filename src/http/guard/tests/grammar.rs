//! Documents that the specification's grammar has and has not (section 2).

use async_graphql::Pos;
use async_graphql::parser::types::{ExecutableDocument, Field, Selection};
use async_graphql_value::Value as Literal;

use super::super::{Code, Limits, Refusal, parse, scan};

fn read(query: &str) -> Result<ExecutableDocument, Refusal> {
    scan(query, &Limits::default())?;
    parse(query)
}

/// The first field of the only operation.
fn first(query: &str) -> Field {
    let document = read(query).unwrap_or_else(|refusal| panic!("{query}: {refusal}"));
    let (_, operation) = document.operations.iter().next().expect("an operation");
    match &operation.node.selection_set.node.items.first().expect("a selection").node {
        Selection::Field(field) => field.node.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_the_grammar_has_is_read() {
    for query in [
        "{a}",
        "query{a}",
        "query Q{a}mutation M{a}subscription S{a}fragment F on T{a}",
        "query query($query:query){query(query:$query)}",
        "query Q ( $a : [ [ Int ! ] ! ] ! = [ [ 1 ] ] @d(a: 1) @e $b:B ) @d @e(x:$a) { a }",
        "{ ... { a } ...on T{a} ... on on{a} ...onT ...F @d ... @d { a } ... # on\n on # T\n T { a } }",
        "fragment query on query { on } fragment fragment on fragment { fragment } { a }",
        "{ a: b(c: true d: trueish, e: null f: nullable g: [] h: {} i: {j: {k: [$l]}} m: \"\" n: \"\"\"\"\"\") { on true null } }",
        "\u{feff}{ a }\u{feff}",
        "{ a(b: -0.5e-7, c: [1,,2]) }",
    ] {
        assert!(read(query).is_ok(), "{query}: {:?}", read(query).map(|_| ()));
    }
}

#[test]
fn what_the_grammar_has_not_is_refused_with_its_place() {
    for (query, message, line, column) in [
        ("", "Syntax error: expected an operation or a fragment, found the end of the document.", 1, 1),
        ("{\n  secret(\n}", "`}` does not close the `(` of line 2, column 9.", 3, 1),
        ("{\n  secret(\n)}", "Syntax error: expected a name, found `)`.", 3, 1),
        ("{ a } }", "`}` closes nothing.", 1, 7),
        ("{ a } 1", "Syntax error: expected an operation or a fragment, found a number.", 1, 7),
        ("queryQ { a }", "Syntax error: expected an operation or a fragment, found a name.", 1, 1),
        ("type T { a: Int }", "Syntax error: expected an operation or a fragment, found a name.", 1, 1),
        ("{}", "Syntax error: expected a name, found `}`.", 1, 2),
        ("{ a {} }", "Syntax error: expected a name, found `}`.", 1, 6),
        ("{ a() }", "Syntax error: expected a name, found `)`.", 1, 5),
        ("query () { a }", "Syntax error: expected a variable, found `)`.", 1, 8),
        ("query ($a) { a }", "Syntax error: expected `:`, found `)`.", 1, 10),
        ("query ($a: Int = $b) { a }", "Syntax error: expected a value, found `$`.", 1, 18),
        ("query ($a: Int = [$b]) { a }", "Syntax error: expected a value, found `$`.", 1, 19),
        ("query ($a: Int @d(a: $b)) { a }", "Syntax error: expected a value, found `$`.", 1, 22),
        ("query ($a: Int @d = 1) { a }", "Syntax error: expected a variable, found `=`.", 1, 19),
        ("query ($a: Int!!) { a }", "Syntax error: expected a variable, found `!`.", 1, 16),
        ("query ($a: []) { a }", "Syntax error: expected a name, found `]`.", 1, 13),
        ("fragment on on T { a } { a }", "Syntax error: expected the name of the fragment, found a name.", 1, 10),
        ("fragment F { a } { a }", "Syntax error: expected `on`, found `{`.", 1, 12),
        ("{ ... on { a } }", "Syntax error: expected a name, found `{`.", 1, 10),
        ("{ a(b: 0xF) }", "A number cannot go on like this.", 1, 9),
        ("{ a(b: 01) }", "A number cannot go on like this.", 1, 9),
        ("{ a(b: 1.) }", "A number cannot go on like this.", 1, 9),
        ("{ a(b: 1e400) }", "This number is too large.", 1, 8),
        ("{ a(b: c: d) }", "Syntax error: expected a name, found `:`.", 1, 9),
        ("{ a(b: \"\\x\") }", "This string holds an escape that does not exist.", 1, 9),
        ("{ a(b: \"é\\uD83D\") }", "This string holds an escape that does not exist.", 1, 10),
        ("{ a } { b }", "An operation without a name must be the only one in its document.", 1, 1),
        ("query A { a } { b }", "An operation without a name must be the only one in its document.", 1, 15),
        ("query A { a } query A { b }", "There is more than one operation named `A`.", 1, 15),
        ("{ a } fragment F on T { a } fragment F on T { b }", "There is more than one fragment named `F`.", 1, 29),
    ] {
        let refusal = read(query).map(|_| ()).expect_err(query);
        assert_eq!((refusal.code, refusal.message.as_str()), (Code::GraphqlParseFailed, message), "{query}");
        assert_eq!(refusal.position, Some(Pos { line, column }), "{query}");
    }
    let refusal = read("fragment F on T { a }").expect_err("no operation");
    assert_eq!(refusal.message, "The document contains no operation.");
}

#[test]
fn an_input_field_is_given_once() {
    for (query, column) in [
        ("{ a(b: {c: 1, d: 2, c: 3}) }", 21),
        ("{ a(b: [{c: {d: 1 d: 1}}]) }", 19),
        ("query ($a: A = {b: 1, b: 2}) { a }", 23),
        ("{ a @d(b: {c: 1, c: 1}) }", 18),
    ] {
        let refusal = read(query).map(|_| ()).expect_err(query);
        assert_eq!(refusal.code, Code::GraphqlValidationFailed, "{query}");
        assert_eq!(refusal.position, Some(Pos { line: 1, column }), "{query}");
    }
    assert!(read("{ a(b: {c: {c: 1}}, d: {c: 1}) }").is_ok());
}

#[test]
fn values_are_read_exactly() {
    let value = |text: &str| first(&format!("{{ a(b: {text}) }}")).arguments.remove(0).1.node;
    for (text, expected) in [
        (r#""\uD83D\uDE00 \u{1F600}""#, Literal::from(async_graphql::Value::from("😀 😀"))),
        (
            r#""""
            one
              \""" two
            ""
            """"#,
            async_graphql::Value::from("one\n  \"\"\" two\n\"\"").into(),
        ),
        ("-0", async_graphql::Value::from(0).into()),
        ("18446744073709551615", async_graphql::Value::from(u64::MAX).into()),
        ("1.50", async_graphql::Value::from(1.5).into()),
        (
            "[A, $v]",
            Literal::List(vec![
                Literal::Enum(async_graphql::Name::new("A")),
                Literal::Variable(async_graphql::Name::new("v")),
            ]),
        ),
    ] {
        assert_eq!(value(text), expected, "{text}");
    }
}

#[test]
fn places_are_those_of_the_text() {
    let document = read(
        "query Q(\n  $v: [Int] = 1) {\r\n  x: a(s: \"\\u{1F600}é\", b: $v) @skip(if: true)\r  ...F }\nfragment F on T { a }",
    );
    let document = document.expect("a document");
    let (_, operation) = document.operations.iter().next().expect("an operation");
    let at = |line, column| Pos { line, column };
    let variable = operation.node.variable_definitions.first().expect("a variable");
    assert_eq!((operation.pos, variable.pos, variable.node.var_type.pos), (at(1, 1), at(2, 3), at(2, 7)));
    let items = &operation.node.selection_set.node.items;
    let [Selection::Field(field), Selection::FragmentSpread(spread)] = [&items[0].node, &items[1].node] else {
        panic!("{items:?}")
    };
    assert_eq!((field.pos, field.node.name.pos, spread.pos), (at(3, 3), at(3, 6), at(4, 3)));
    let places: Vec<_> = field.node.arguments.iter().map(|(name, value)| (name.pos, value.pos)).collect();
    assert_eq!(places, [(at(3, 8), at(3, 11)), (at(3, 25), at(3, 28))]);
    assert_eq!(field.node.directives[0].pos, at(3, 32));
    let fragment = document.fragments.get("F").expect("a fragment");
    assert_eq!((fragment.pos, fragment.node.type_condition.pos), (at(5, 1), at(5, 12)));
}
