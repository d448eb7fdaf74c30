//! The objects of the graph: one table of fields for each type.

pub mod adding;
pub mod content;
pub mod deleted_group;
pub mod effective;
pub mod group;
pub mod guardianship;
pub mod history;
pub mod ineligible;
pub mod member_filter;
pub mod membership;
pub mod outbox;
pub mod participant;
pub mod payload;
pub mod reason;
pub mod residency;
pub mod school;
pub mod subscription;
pub mod viewer;
pub mod year;

use std::collections::HashMap;

use crate::error::Error;
use crate::page::{Page, Window};

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

/// How long the list of each parent is. Pages that were read and hold a whole list say so; only the others are counted.
fn totals<Row>(
    parents: &[i64],
    pages: Option<&HashMap<i64, Page<Row>>>,
    window: &Window,
    count: impl FnOnce(&[i64]) -> Result<HashMap<i64, i64>, Error>,
) -> Result<HashMap<i64, i64>, Error> {
    let Some(pages) = pages else { return count(parents) };
    let nothing = Page::default();
    let mut totals = HashMap::with_capacity(parents.len());
    let mut longer = Vec::new();
    for parent in parents {
        match window.total(pages.get(parent).unwrap_or(&nothing)) {
            Some(total) => drop(totals.insert(*parent, total)),
            None => longer.push(*parent),
        }
    }
    if !longer.is_empty() {
        totals.extend(count(&longer)?);
    }
    Ok(totals)
}
