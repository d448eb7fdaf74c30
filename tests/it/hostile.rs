//! Requests that mean harm: each is small to send and, without a guard, dear or deadly to answer.
//!
//! The documents are given as text, to be put into a request with [`body`]; the bodies are whole.
//! Nothing here knows Kring: field names are made up where a valid one is not needed.

use std::fmt::Write;

/// A hostile GraphQL document.
pub struct Document {
    /// What is hostile about it.
    pub name: &'static str,
    /// The text.
    pub query: String,
    /// The `extensions.code` of the answer, if the request is small enough to be read at all.
    pub code: &'static str,
}

/// A hostile HTTP body, sent by POST as `application/json`.
pub struct Body {
    /// What is hostile about it.
    pub name: &'static str,
    /// The bytes to send.
    pub text: String,
    /// The status of the answer.
    pub status: u16,
    /// The `extensions.code` of the answer.
    pub code: &'static str,
}

const PARSE_FAILED: &str = "GRAPHQL_PARSE_FAILED";
const TOO_COMPLEX: &str = "QUERY_TOO_COMPLEX";
const INVALID: &str = "GRAPHQL_VALIDATION_FAILED";
const BAD_INPUT: &str = "BAD_USER_INPUT";
const TOO_LARGE: &str = "PAYLOAD_TOO_LARGE";

/// A request body with a document and no variables.
pub fn body(query: &str) -> String {
    format!("{{\"query\":{}}}", json_string(query))
}

/// Hostile documents of every kind.
pub fn documents() -> Vec<Document> {
    let mut documents = nested();
    documents.extend(expanding());
    documents.extend(numerous());
    documents.extend(long());
    documents
}

/// Hostile bodies that no document alone can make.
pub fn bodies() -> Vec<Body> {
    let mut bodies = nested_bodies();
    bodies.extend(large_bodies());
    bodies.extend(misshapen_bodies());
    bodies
}

/// Bodies that overflow the stack of a recursive reader.
fn nested_bodies() -> Vec<Body> {
    let with = |member: &str, value: &str| format!("{{\"query\":\"{{ __typename }}\",\"{member}\":{value}}}");
    let hidden = format!("{{\"a\":{{\"$serde_json::private::RawValue\":{}}}}}", json_string(&lists(100)));
    [
        ("variables of 40,000 lists", with("variables", &lists(40_000)), TOO_COMPLEX),
        ("variables of 10,000 objects", with("variables", &objects(10_000)), TOO_COMPLEX),
        ("an unclosed variable", with("variables", &"[".repeat(50_000)), TOO_COMPLEX),
        ("an ignored member of 40,000 lists", with("extensions", &lists(40_000)), TOO_COMPLEX),
        ("nesting hidden in a string", with("variables", &hidden), BAD_INPUT),
    ]
    .map(|(name, text, code)| Body { name, text, status: 400, code })
    .into()
}

/// Bodies that are too large to be read at all.
fn large_bodies() -> Vec<Body> {
    const SIZE: usize = 20_000_000;
    let variables = format!("{{\"query\":\"{{ a }}\",\"variables\":{}}}", lists(100_000));
    [
        ("variables of 100,000 lists", variables),
        ("20 MB of space", " ".repeat(SIZE)),
        ("20 MB of commas", body(&",".repeat(SIZE))),
        ("20 MB of comment", body(&"#".repeat(SIZE))),
    ]
    .map(|(name, text)| Body { name, text, status: 413, code: TOO_LARGE })
    .into()
}

/// Bodies that are not one request.
fn misshapen_bodies() -> Vec<Body> {
    let valid = body("{ __typename }");
    let batch = vec![valid.as_str(); 1_000].join(",");
    [
        ("a batch of 1,000", format!("[{batch}]")),
        ("a batch of one", format!("[{valid}]")),
        ("an empty batch", "[]".to_owned()),
        ("two documents", "{\"query\":\"{ __typename }\",\"query\":\"{ a }\"}".to_owned()),
        ("an open object", "{\"query\":".to_owned()),
        ("nothing", String::new()),
    ]
    .map(|(name, text)| Body { name, text, status: 400, code: BAD_INPUT })
    .into()
}

/// Documents that overflow the stack of a recursive reader.
fn nested() -> Vec<Document> {
    let argument = |value: &str| format!("{{ a(b: {value}) }}");
    let selections = |open: &str, depth: usize| format!("{{ {}a{} }}", open.repeat(depth), "}".repeat(depth));
    let unclosed = |open: &str| open.repeat(100_000);
    vec![
        document("1,700 lists", argument(&lists(1_700)), TOO_COMPLEX),
        document("7,000 lists", argument(&lists(7_000)), TOO_COMPLEX),
        document("100,000 lists", argument(&lists(100_000)), TOO_COMPLEX),
        document("1,300 objects", argument(&literal_objects(1_300)), TOO_COMPLEX),
        document("100,000 objects", argument(&literal_objects(100_000)), TOO_COMPLEX),
        document("33 lists", argument(&lists(33)), TOO_COMPLEX),
        document("500 selections", selections("a {", 500), TOO_COMPLEX),
        document("100,000 selections", selections("a {", 100_000), TOO_COMPLEX),
        document("100,000 inline fragments", selections("... {", 100_000), TOO_COMPLEX),
        document("16 fields", selections("a {", 15), TOO_COMPLEX),
        document(
            "5,000 lists in a type",
            format!("query ($a: {}Int{}) {{ a(a: $a) }}", "[".repeat(5_000), "]".repeat(5_000)),
            TOO_COMPLEX,
        ),
        document(
            "5,000 lists in a default value",
            format!("query ($a: Int = {}) {{ a(a: $a) }}", lists(5_000)),
            TOO_COMPLEX,
        ),
        document("5,000 lists in a directive", format!("query @a(b: {}) {{ a }}", lists(5_000)), TOO_COMPLEX),
        document("unclosed braces", unclosed("{"), TOO_COMPLEX),
        document("unclosed brackets", unclosed("["), TOO_COMPLEX),
        document("unclosed parentheses", unclosed("("), TOO_COMPLEX),
    ]
}

/// Documents that grow when their fragments are expanded.
fn expanding() -> Vec<Document> {
    let chain: Vec<_> = (0..200).map(|index| format!("fragment F{index} on Query {{ ...F{} }}", index + 1)).collect();
    let chain = chain.join(" ");
    vec![
        document("28 levels of doubling fragments", fragments(28, 2, "__typename"), TOO_COMPLEX),
        document("4 levels of 60 spreads", fragments(4, 60, "__typename"), TOO_COMPLEX),
        document("aliases in fragments", fragments(3, 10, "a: __typename"), TOO_COMPLEX),
        document(
            "a chain of 200 fragments",
            format!("{{ ...F0 }} {chain} fragment F200 on Query {{ __typename }}"),
            TOO_COMPLEX,
        ),
        document("a fragment that spreads itself", "{ ...F } fragment F on Query { ...F }".to_owned(), INVALID),
        document(
            "a circle of 200 fragments",
            format!("{{ ...F0 }} {chain} fragment F200 on Query {{ ...F0 }}"),
            INVALID,
        ),
        document(
            "a circle that no operation reaches",
            "{ __typename } fragment A on Query { ...B } fragment B on Query { ...A }".to_owned(),
            INVALID,
        ),
        document(
            "introspection in circles",
            format!("{{ __schema {{ types {{ {}name{} }} }} }}", "fields { type { ".repeat(6), "} }".repeat(6)),
            TOO_COMPLEX,
        ),
    ]
}

/// Documents with too many of something.
fn numerous() -> Vec<Document> {
    let numbered = |count: usize, pattern: &str| -> String {
        let items = (0..count).map(|index| pattern.replace('#', &index.to_string()));
        items.collect::<Vec<_>>().join(" ")
    };
    let fields = |count, pattern| format!("{{ {} }}", numbered(count, pattern));
    let directives = |count| format!("{{ __typename {} }}", "@a ".repeat(count));
    let arguments = format!("{{ a({}) }}", numbered(10_000, "a#: 1"));
    let items = format!("{{ a(b: [{}]) }}", "1 ".repeat(10_000));
    let fragments = numbered(1_000, "fragment F# on Query { __typename }");
    vec![
        document("10,000 aliases", fields(10_000, "a#: __typename"), TOO_COMPLEX),
        document("31 aliases", fields(31, "a#: __typename"), TOO_COMPLEX),
        document("10,000 directives", directives(10_000), TOO_COMPLEX),
        document("51 directives", directives(51), TOO_COMPLEX),
        document("10,000 unknown fields", fields(10_000, "unknown#"), TOO_COMPLEX),
        document("7,000 short fields", fields(7_000, "a"), TOO_COMPLEX),
        document("1,200 unknown fields", fields(1_200, "unknown#"), INVALID),
        document("1,000 operations", numbered(1_000, "query Q# { __typename }"), TOO_COMPLEX),
        document("1,000 fragments", fragments, TOO_COMPLEX),
        document("10,000 arguments", arguments, TOO_COMPLEX),
        document("10,000 items", items, TOO_COMPLEX),
    ]
}

/// Documents that are mostly nothing, and documents that end in the middle.
fn long() -> Vec<Document> {
    const SIZE: usize = 20_000_000;
    vec![
        document("20 MB of commas", ",".repeat(SIZE), TOO_COMPLEX),
        document("20 MB of comment", format!("#{}", " ".repeat(SIZE)), TOO_COMPLEX),
        document("20 MB of comments", "#\n".repeat(SIZE / 2), TOO_COMPLEX),
        document("20 MB of string", format!("{{ a(b: \"{}\") }}", "x".repeat(SIZE)), TOO_COMPLEX),
        document("20 MB of name", format!("{{ {} }}", "x".repeat(SIZE)), TOO_COMPLEX),
        document("a long name", format!("{{ {} }}", "x".repeat(14_000)), INVALID),
        document("an unclosed block string", format!("{{ a(b: \"\"\"{}", "[".repeat(10_000)), PARSE_FAILED),
        document("an unclosed string", format!("{{ a(b: \"{}", "[".repeat(10_000)), PARSE_FAILED),
        document("brackets after an empty string", format!("{{ a(b: \"\"{}", lists(5_000)), TOO_COMPLEX),
        document("a NUL", "{ a \0 }".to_owned(), PARSE_FAILED),
    ]
}

fn document(name: &'static str, query: String, code: &'static str) -> Document {
    Document { name, query, code }
}

fn lists(depth: usize) -> String {
    "[".repeat(depth) + &"]".repeat(depth)
}

/// Nested objects as JSON.
fn objects(depth: usize) -> String {
    format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth))
}

/// Nested objects as GraphQL literals.
fn literal_objects(depth: usize) -> String {
    format!("{}1{}", "{a:".repeat(depth), "}".repeat(depth))
}

/// An operation that spreads the first of a row of fragments, each of which spreads the next one
/// a number of times; the last one has the fields.
fn fragments(levels: usize, spreads: usize, fields: &str) -> String {
    let mut query = "{ ...F0 }".to_owned();
    for level in 0..levels {
        let next = format!("...F{} ", level + 1).repeat(spreads);
        write!(query, " fragment F{level} on Query {{ {next}}}").expect("a String grows");
    }
    write!(query, " fragment F{levels} on Query {{ {fields} }}").expect("a String grows");
    query
}

/// A text as a JSON string.
fn json_string(text: &str) -> String {
    let mut string = String::with_capacity(text.len() + 2);
    string.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => string.extend(['\\', character]),
            control if control.is_control() => {
                write!(string, "\\u{:04x}", u32::from(control)).expect("a String grows");
            }
            other => string.push(other),
        }
    }
    string.push('"');
    string
}
