//! Properties over generated documents.

use proptest::prelude::*;

use super::super::{Limits, check_shape, measure, parse, scan};
use super::{facts, on_small_stack, post};

/// A selection of a generated document.
#[derive(Clone, Debug)]
enum Generated {
    /// A field or an inline fragment: what stands before the braces, and what in them.
    Braced(String, Vec<Generated>),
    /// A spread of the fragment of this number.
    Spread(usize),
}

/// An operation and fragments, each of which spreads only later ones.
#[derive(Clone, Debug)]
struct Document {
    operation: Vec<Generated>,
    fragments: Vec<Vec<Generated>>,
}

/// How many fragments a generated document has.
const FRAGMENTS: usize = 4;

/// The type that a fragment is on.
fn condition(fragment: usize) -> &'static str {
    match fragment % 3 {
        0 => "Query",
        1 => "QueryConnection",
        _ => "QueryEdge",
    }
}

/// A literal, sometimes with brackets and quotes where they mean nothing.
fn literal() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "1",
        "-2.5e+3",
        "true",
        "null",
        "ENUM",
        "$variable",
        r#""{[(\"\\""#,
        r#""""{ " \""" [""""#,
    ]);
    leaf.prop_map(str::to_owned).prop_recursive(4, 12, 3, |item| {
        let list = prop::collection::vec(item.clone(), 0..3);
        let object = prop::collection::vec(item, 0..3)
            .prop_map(|items| items.iter().enumerate().map(|(n, item)| format!("k{n}: {item}")).collect::<Vec<_>>());
        prop_oneof![
            list.prop_map(|items| format!("[{}]", items.join(" "))),
            object.prop_map(|members| format!("{{{}}}", members.join(" "))),
        ]
    })
}

/// A field without selections, some of them with an alias or an argument.
fn field() -> impl Strategy<Value = String> {
    let name = "(a|list|page|edges|node|totalCount|leaf|unknown|__schema)";
    let argument = prop_oneof![
        Just(String::new()),
        (0..200_u8).prop_map(|size| format!("(first: {size})")),
        literal().prop_map(|literal| format!("(b: {literal})")),
    ];
    ("([xy]: )?", name, argument).prop_map(|(alias, name, argument)| alias + &name + &argument)
}

/// Selections that spread only fragments from a number on, so that there is no circle.
fn selections(first_fragment: usize) -> impl Strategy<Value = Vec<Generated>> {
    let leaf = field().prop_map(|head| Generated::Braced(head, Vec::new()));
    let leaf = if first_fragment < FRAGMENTS {
        let spread = (first_fragment..FRAGMENTS).prop_map(Generated::Spread);
        prop_oneof![leaf, spread].boxed()
    } else {
        leaf.boxed()
    };
    let selection = leaf.prop_recursive(4, 24, 4, |inner| {
        let inline = r"\.\.\.( on (Query|QueryConnection|QueryEdge))?";
        let head = prop_oneof![field(), inline];
        (head, prop::collection::vec(inner, 1..4)).prop_map(|(head, selections)| Generated::Braced(head, selections))
    });
    prop::collection::vec(selection, 1..5)
}

fn document() -> impl Strategy<Value = Document> {
    let fragments: Vec<_> = (1..=FRAGMENTS).map(selections).collect();
    (selections(0), fragments).prop_map(|(operation, fragments)| Document { operation, fragments })
}

/// Writes selections; where fragments are given, with inline fragments in place of spreads.
fn write(selections: &[Generated], fragments: &[Vec<Generated>]) -> String {
    let selections: Vec<_> = selections
        .iter()
        .map(|selection| match selection {
            Generated::Braced(head, inner) if inner.is_empty() => head.clone(),
            Generated::Braced(head, inner) => format!("{head} {}", write(inner, fragments)),
            Generated::Spread(index) => match fragments.get(*index) {
                Some(inner) => format!("... on {} {}", condition(*index), write(inner, fragments)),
                None => format!("...F{index}"),
            },
        })
        .collect();
    format!("{{ {} }}", selections.join(" "))
}

impl Document {
    fn with_fragments(&self) -> String {
        let mut parts = vec![write(&self.operation, &[])];
        parts.extend(self.fragments.iter().enumerate().map(|(index, selections)| {
            format!("fragment F{index} on {} {}", condition(index), write(selections, &[]))
        }));
        parts.join(" ")
    }

    fn expanded(&self) -> String {
        write(&self.operation, &self.fragments)
    }
}

/// Text with brackets that are closed as they were opened, and little sense otherwise.
fn bracketed() -> impl Strategy<Value = String> {
    let words = vec![
        "{a",
        "{a",
        "...{",
        "{",
        "(b:",
        "($a:",
        "[",
        "[",
        "{k:",
        "=",
        "close",
        "a",
        "...F",
        "... on T",
        "1",
        "\"[\"",
        "query",
        "mutation M",
        "fragment F on T",
        "@a",
        "# {\n",
        "!",
        ":",
    ];
    prop::collection::vec(prop::sample::select(words), 0..300).prop_map(|words| {
        let mut text = String::new();
        let mut open = Vec::new();
        for word in words {
            let closing = word.chars().find_map(|character| match character {
                '{' => Some('}'),
                '[' => Some(']'),
                '(' => Some(')'),
                _ => None,
            });
            match closing {
                _ if word == "close" => text.extend(open.pop()),
                Some(_) if open.len() == Limits::default().max_nesting => {}
                Some(closing) if !word.starts_with(['"', '#']) => {
                    open.push(closing);
                    text += word;
                }
                _ => text += word,
            }
            text.push(' ');
        }
        text.extend(open.into_iter().rev());
        text
    })
}

/// Limits that only nesting can break.
fn generous() -> Limits {
    Limits {
        max_characters: usize::MAX,
        max_tokens: usize::MAX,
        max_depth: usize::MAX,
        max_nesting: usize::MAX,
        max_aliases: u64::MAX,
        max_selections: u64::MAX,
        max_cost: u64::MAX,
        max_values: u64::MAX,
        ..Limits::default()
    }
}

proptest! {
    #[test]
    fn scanning_never_panics(text in any::<String>()) {
        let _ = scan(&text, &Limits::default());
    }

    #[test]
    fn decoding_never_panics(bytes in any::<Vec<u8>>(), text in r#"[{}\[\]":,a-c1\\ \n]{0,40}"#) {
        let _ = post(&bytes);
        let _ = post(text.as_bytes());
    }

    #[test]
    fn what_parses_and_keeps_the_limits_passes_the_scan(
        document in document(),
        ignored in r"([ ,\t\u{feff}]|\n|\r\n|#[^\n\r]{0,8}\n){1,3}",
    ) {
        let query = document.with_fragments().replace(' ', &ignored);
        prop_assert_eq!(scan(&query, &generous()), Ok(()));
        if !ignored.contains('#') {
            prop_assert!(parse(&query).is_ok(), "{}", query);
        }
    }

    #[test]
    fn what_passes_the_scan_never_overflows_the_parser(text in bracketed()) {
        if scan(&text, &Limits::default()).is_ok() {
            let _ = on_small_stack(|| parse(&text).map(|_| ()));
        }
    }

    #[test]
    fn a_fragment_weighs_what_its_text_weighs(document in document()) {
        let facts = facts();
        let weigh = |query: &str| {
            let parsed = parse(query).expect(query);
            check_shape(&parsed, &generous())?;
            measure(&parsed, &generous(), &facts)
        };
        let expanded = document.expanded();
        // Expanding is what the guard spares itself; the test need not sit it out either.
        if expanded.len() < 20_000 {
            prop_assert_eq!(weigh(&document.with_fragments()), weigh(&expanded));
        }
    }
}
