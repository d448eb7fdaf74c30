//! The order in which the fragments of a document can be weighed.

use std::collections::HashMap;

use async_graphql::Positioned;
use async_graphql::parser::types::{ExecutableDocument, FragmentDefinition, Selection, SelectionSet};

use super::{Code, Refusal};

/// A fragment with its name.
pub(super) type Fragment<'a> = (&'a str, &'a Positioned<FragmentDefinition>);

/// The fragments of a document, each after all that it spreads, so that one pass can build on
/// results instead of recursing through spreads. Spreads of unknown fragments are left to the
/// validator.
///
/// # Errors
///
/// `GRAPHQL_VALIDATION_FAILED` for fragments that spread themselves, by whatever detour.
pub(super) fn in_order(document: &ExecutableDocument) -> Result<Vec<Fragment<'_>>, Refusal> {
    let mut spread_by: HashMap<&str, Vec<Fragment>> = HashMap::new();
    let mut waiting: HashMap<&str, usize> = HashMap::new();
    let mut ready = Vec::new();
    for (name, fragment) in &document.fragments {
        let spreads = known_spreads(document, fragment);
        if spreads.is_empty() {
            ready.push((name.as_str(), fragment));
            continue;
        }
        waiting.insert(name, spreads.len());
        for spread in spreads {
            spread_by.entry(spread).or_default().push((name, fragment));
        }
    }
    let mut order = Vec::with_capacity(document.fragments.len());
    while let Some(fragment) = ready.pop() {
        order.push(fragment);
        for user in spread_by.remove(fragment.0).unwrap_or_default() {
            let left = waiting.entry(user.0).or_default();
            *left = left.saturating_sub(1);
            if *left == 0 {
                waiting.remove(user.0);
                ready.push(user);
            }
        }
    }
    if waiting.is_empty() { Ok(order) } else { Err(circle(document, &waiting)) }
}

/// The names of the fragments that a fragment spreads, once for each spread.
fn known_spreads<'a>(document: &'a ExecutableDocument, fragment: &'a Positioned<FragmentDefinition>) -> Vec<&'a str> {
    let mut names = Vec::new();
    let mut sets: Vec<&SelectionSet> = vec![&fragment.node.selection_set.node];
    while let Some(set) = sets.pop() {
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) => sets.push(&field.node.selection_set.node),
                Selection::InlineFragment(inline) => sets.push(&inline.node.selection_set.node),
                Selection::FragmentSpread(spread) => {
                    let name = &spread.node.fragment_name.node;
                    if document.fragments.contains_key(name) {
                        names.push(name.as_str());
                    }
                }
            }
        }
    }
    names
}

/// Tells of one circle among the fragments that wait: each of them spreads another that waits, so
/// following such spreads must come back to a fragment seen before.
fn circle(document: &ExecutableDocument, waiting: &HashMap<&str, usize>) -> Refusal {
    let first = document
        .fragments
        .iter()
        .filter(|(name, _)| waiting.contains_key(name.as_str()))
        .min_by_key(|(_, fragment)| fragment.pos);
    let mut path: Vec<Fragment> = Vec::new();
    let mut next = first.map(|(name, fragment)| (name.as_str(), fragment));
    while let Some(fragment) = next {
        if let Some(start) = path.iter().position(|(name, _)| *name == fragment.0) {
            path.drain(..start);
            break;
        }
        path.push(fragment);
        next = known_spreads(document, fragment.1)
            .into_iter()
            .filter(|name| waiting.contains_key(name))
            .find_map(|name| document.fragments.get_key_value(name))
            .map(|(name, fragment)| (name.as_str(), fragment));
    }
    let position = path.first().map(|(_, fragment)| fragment.pos);
    Refusal::new(Code::GraphqlValidationFailed, circle_message(&path)).at(position.unwrap_or_default())
}

/// Names the fragments of a circle, the first few of a long one.
fn circle_message(path: &[Fragment<'_>]) -> String {
    const SHOWN: usize = 5;
    let names: Vec<_> = path.iter().take(SHOWN).map(|(name, _)| format!("`{name}`")).collect();
    let names = names.join(" spreads ");
    match path {
        [_] => format!("Fragments may not spread themselves: {names} does."),
        [(first, _), ..] if path.len() <= SHOWN => {
            format!("Fragments may not spread themselves: {names} spreads `{first}`.")
        }
        _ => format!("Fragments may not spread themselves: {names} and so on, in a circle."),
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    #[test]
    fn fragments_come_after_what_they_spread() {
        let document = parse(
            "{ ...A } fragment A on T { ...B ...C ...Unknown b { ...C ... { ...B } } }
             fragment B on T { ...C } fragment C on T { a } fragment D on T { a }",
        )
        .expect("a document");
        let order = in_order(&document).expect("no circle");
        let place = |name| order.iter().position(|(found, _)| *found == name);
        assert_eq!(order.len(), 4);
        assert!(place("C") < place("B") && place("B") < place("A"));
    }

    #[test]
    fn circles_are_named() {
        for (query, message) in [
            ("{ a } fragment A on T { b { ...A } }", "Fragments may not spread themselves: `A` does."),
            (
                "{ a } fragment X on T { ...A } fragment A on T { ...B } \
                 fragment B on T { ...C } fragment C on T { ...A }",
                "Fragments may not spread themselves: `A` spreads `B` spreads `C` spreads `A`.",
            ),
        ] {
            let document = parse(query).expect(query);
            let refusal = in_order(&document).expect_err(query);
            assert_eq!(refusal.code, Code::GraphqlValidationFailed);
            assert_eq!(refusal.message, message);
        }
    }

    #[test]
    fn a_long_circle_is_told_in_short() {
        let mut parts = vec!["{ a }".to_owned()];
        parts.extend((0..100).map(|index| {
            let next = (index + 1) % 100;
            format!("fragment F{index} on T {{ ...F{next} }}")
        }));
        let query = parts.join(" ");
        let refusal = in_order(&parse(&query).expect("a document")).map(|_| ()).expect_err("a circle");
        assert!(refusal.message.ends_with("`F4` and so on, in a circle."), "{}", refusal.message);
    }
}
