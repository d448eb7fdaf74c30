//! The fields of a selection, out of the fragments that they stand in.

use async_graphql::Positioned;
use async_graphql::parser::types::{Field as AstField, Selection as AstSelection, SelectionSet};

use super::Entity;

/// A field where it stands in the document: the variants it is for, and how many fields come before it.
#[derive(Clone, Copy)]
pub(super) struct Occurrence<'a> {
    pub(super) on: u16,
    pub(super) place: usize,
    pub(super) node: &'a Positioned<AstField>,
}

/// Fields by response key; each occurrence with the variants it is for.
#[derive(Default)]
pub(super) struct Collected<'a> {
    pub(super) entries: Vec<(&'a str, Vec<Occurrence<'a>>)>,
    count: usize,
}

impl<'a> Collected<'a> {
    fn put(&mut self, on: u16, node: &'a Positioned<AstField>) {
        let key = node.node.response_key().node.as_str();
        let occurrence = Occurrence { on, place: self.count, node };
        self.count += 1;
        match self.entries.iter_mut().find(|(name, _)| *name == key) {
            Some((_, occurrences)) => occurrences.push(occurrence),
            None => self.entries.push((key, vec![occurrence])),
        }
    }
}

/// Collects fields out of the fragments that they stand in. What was left out by a condition, and fragments that stand
/// elsewhere, are dealt with before.
pub(super) fn collect<'a>(
    set: &'a SelectionSet,
    narrow: &dyn Fn(&str) -> Option<u16>,
    on: u16,
    found: &mut Collected<'a>,
) {
    for selection in &set.items {
        match &selection.node {
            AstSelection::Field(field) => found.put(on, field),
            AstSelection::InlineFragment(fragment) => {
                let fragment = &fragment.node;
                let condition = fragment.type_condition.as_ref().map(|condition| condition.node.on.node.as_str());
                let narrowed = condition.map_or(Some(on), |name| narrow(name).map(|variants| variants & on));
                if let Some(on) = narrowed.filter(|on| *on != 0) {
                    collect(&fragment.selection_set.node, narrow, on, found);
                }
            }
            AstSelection::FragmentSpread(_) => {}
        }
    }
}

/// The variants of `E` that a type condition lets through.
pub(super) fn narrowed<E: Entity>(condition: &str) -> Option<u16> {
    let all = every_variant::<E>();
    if condition == E::NAME || E::INTERFACES.contains(&condition) {
        return Some(all);
    }
    let named = E::VARIANTS
        .iter()
        .enumerate()
        .filter(|(_, variant)| variant.name == condition || variant.interfaces.contains(&condition));
    let bits = named.fold(0, |bits, (n, _)| bits | 1 << n);
    (bits != 0).then_some(bits)
}

pub(super) fn every_variant<E: Entity>() -> u16 {
    match E::VARIANTS.len() {
        0 => 1,
        n => u16::try_from((1_u32 << n.min(16)) - 1).unwrap_or(u16::MAX),
    }
}
