//! The objects of the graph: one table of fields for each type.

pub mod effective;
pub mod group;
pub mod history;
pub mod membership;
pub mod participant;
pub mod payload;
pub mod reason;
pub mod viewer;

use std::collections::HashMap;

use crate::page::Page;

/// The page of each parent, in the order of the parents, with the total where it was counted. No parent is named twice.
fn aligned<Row>(
    parents: &[i64],
    mut pages: HashMap<i64, Page<Row>>,
    totals: Option<&HashMap<i64, i64>>,
) -> Vec<Page<Row>> {
    parents
        .iter()
        .map(|parent| {
            let mut page = pages.remove(parent).unwrap_or_default();
            page.total = totals.map(|totals| totals.get(parent).copied().unwrap_or_default());
            page
        })
        .collect()
}
