//! Links from one type to another. Each is followed for all rows of a level at once.

use std::collections::HashMap;

use async_graphql::ServerResult;

use super::{Entity, Exec, Keyed, Pick, Selection, Values};
use crate::error::Error;

/// A field that leads from rows to other rows: it answers with one JSON value for each.
pub trait Link<R>: Send + Sync {
    /// Follows the link from all rows.
    ///
    /// # Errors
    /// What the database answers.
    fn follow(&self, exec: &mut Exec<'_>, rows: &[&R]) -> Result<Values, Error>;

    /// Whether what it leads to stands in the row itself and is more than the usual columns.
    fn details(&self) -> bool {
        false
    }
}

/// Reads objects by their keys, in no order.
pub type Load<E> = fn(&mut Exec<'_>, &[i64], bool) -> Result<Vec<<E as Entity>::Row>, Error>;

struct One<R, E: Entity> {
    key: fn(&R) -> Option<i64>,
    load: Load<E>,
    selection: Selection<E>,
}

/// Leads to one object by its key; `null` where there is no key or the object is out of sight.
///
/// # Errors
/// When an argument below does not fit its type.
pub fn one<R: 'static, E: Keyed>(pick: &Pick<'_>, key: fn(&R) -> Option<i64>) -> ServerResult<Box<dyn Link<R>>> {
    one_by::<R, E>(pick, key, E::by_ids)
}

/// The same of objects that are read in a way of their own.
///
/// # Errors
/// When an argument below does not fit its type.
pub fn one_by<R: 'static, E: Keyed>(
    pick: &Pick<'_>,
    key: fn(&R) -> Option<i64>,
    load: Load<E>,
) -> ServerResult<Box<dyn Link<R>>> {
    Ok(Box::new(One::<R, E> { key, load, selection: pick.select()? }))
}

impl<R, E: Keyed> Link<R> for One<R, E> {
    fn follow(&self, exec: &mut Exec<'_>, rows: &[&R]) -> Result<Values, Error> {
        let (values, positions) =
            gather(exec, &self.selection, self.load, rows.iter().filter_map(|row| (self.key)(row)))?;
        Ok(values.arranged(rows.iter().map(|row| (self.key)(row).and_then(|key| positions.get(&key).copied()))))
    }
}

/// Renders each of the objects once, however often it is named.
fn gather<E: Keyed>(
    exec: &mut Exec<'_>,
    selection: &Selection<E>,
    load: Load<E>,
    keys: impl Iterator<Item = i64>,
) -> Result<(Values, HashMap<i64, usize>), Error> {
    let mut ids: Vec<i64> = keys.collect();
    ids.sort_unstable();
    ids.dedup();
    let found = if ids.is_empty() { Vec::new() } else { load(exec, &ids, selection.details())? };
    let positions = found.iter().enumerate().map(|(n, row)| (E::key(row), n)).collect();
    let values = selection.render(exec, &found.iter().collect::<Vec<_>>())?;
    Ok((values, positions))
}

struct Each<R, E: Entity> {
    keys: fn(&R) -> Vec<i64>,
    selection: Selection<E>,
}

/// Leads to a list of objects by their keys, in their order; those out of sight are left out. However often an object is
/// named, it is read and written once.
///
/// # Errors
/// When an argument below does not fit its type.
pub fn each<R: 'static, E: Keyed>(pick: &Pick<'_>, keys: fn(&R) -> Vec<i64>) -> ServerResult<Box<dyn Link<R>>> {
    Ok(Box::new(Each::<R, E> { keys, selection: pick.select()? }))
}

impl<R, E: Keyed> Link<R> for Each<R, E> {
    fn follow(&self, exec: &mut Exec<'_>, rows: &[&R]) -> Result<Values, Error> {
        let keys: Vec<Vec<i64>> = rows.iter().map(|row| (self.keys)(row)).collect();
        let (values, positions) = gather(exec, &self.selection, E::by_ids, keys.iter().flatten().copied())?;
        let found = |key: &i64| positions.get(key).copied();
        let values = values.arranged(keys.iter().flatten().filter_map(found).map(Some));
        values.in_lists(keys.iter().map(|keys| keys.iter().filter_map(found).count()), exec.room())
    }
}

/// Finds the rows behind many rows in one go: for each its own list, in order.
pub type Find<R, E> =
    Box<dyn Fn(&mut Exec<'_>, &[&R], bool) -> Result<Vec<Vec<<E as Entity>::Row>>, Error> + Send + Sync>;

struct Many<R, E: Entity> {
    find: Find<R, E>,
    selection: Selection<E>,
}

/// Leads to a list that cannot grow large.
///
/// # Errors
/// When an argument below does not fit its type.
pub fn many<R: 'static, E: Entity>(pick: &Pick<'_>, find: Find<R, E>) -> ServerResult<Box<dyn Link<R>>> {
    Ok(Box::new(Many::<R, E> { find, selection: pick.select()? }))
}

impl<R, E: Entity> Link<R> for Many<R, E> {
    fn follow(&self, exec: &mut Exec<'_>, rows: &[&R]) -> Result<Values, Error> {
        let lists = (self.find)(exec, rows, self.selection.details())?;
        let values = self.selection.render(exec, &lists.iter().flatten().collect::<Vec<_>>())?;
        values.in_lists(lists.iter().map(Vec::len), exec.room())
    }
}

struct Inline<R, E: Entity> {
    get: fn(&R) -> &E::Row,
    selection: Selection<E>,
}

/// Leads to an object that stands in the row itself.
///
/// # Errors
/// When an argument below does not fit its type.
pub fn inline<R: 'static, E: Entity>(pick: &Pick<'_>, get: fn(&R) -> &E::Row) -> ServerResult<Box<dyn Link<R>>> {
    Ok(Box::new(Inline::<R, E> { get, selection: pick.select()? }))
}

impl<R, E: Entity> Link<R> for Inline<R, E> {
    fn details(&self) -> bool {
        self.selection.details()
    }

    fn follow(&self, exec: &mut Exec<'_>, rows: &[&R]) -> Result<Values, Error> {
        self.selection.render(exec, &rows.iter().map(|row| (self.get)(row)).collect::<Vec<_>>())
    }
}

struct InlineOpt<R, E: Entity> {
    get: fn(&R) -> Option<&E::Row>,
    selection: Selection<E>,
}

/// Leads to an object that may stand in the row itself.
///
/// # Errors
/// When an argument below does not fit its type.
pub fn inline_opt<R: 'static, E: Entity>(
    pick: &Pick<'_>,
    get: fn(&R) -> Option<&E::Row>,
) -> ServerResult<Box<dyn Link<R>>> {
    Ok(Box::new(InlineOpt::<R, E> { get, selection: pick.select()? }))
}

impl<R, E: Entity> Link<R> for InlineOpt<R, E> {
    fn details(&self) -> bool {
        self.selection.details()
    }

    fn follow(&self, exec: &mut Exec<'_>, rows: &[&R]) -> Result<Values, Error> {
        let found: Vec<&E::Row> = rows.iter().filter_map(|row| (self.get)(row)).collect();
        let values = self.selection.render(exec, &found)?;
        let mut next = 0;
        let positions: Vec<Option<usize>> = rows
            .iter()
            .map(|row| {
                (self.get)(row).map(|_| {
                    next += 1;
                    next - 1
                })
            })
            .collect();
        Ok(values.arranged(positions.into_iter()))
    }
}

struct InlineList<R, E: Entity> {
    get: fn(&R) -> &[E::Row],
    selection: Selection<E>,
}

/// Leads to a list that stands in the row itself.
///
/// # Errors
/// When an argument below does not fit its type.
pub fn inline_list<R: 'static, E: Entity>(pick: &Pick<'_>, get: fn(&R) -> &[E::Row]) -> ServerResult<Box<dyn Link<R>>> {
    Ok(Box::new(InlineList::<R, E> { get, selection: pick.select()? }))
}

impl<R, E: Entity> Link<R> for InlineList<R, E> {
    fn details(&self) -> bool {
        self.selection.details()
    }

    fn follow(&self, exec: &mut Exec<'_>, rows: &[&R]) -> Result<Values, Error> {
        let all: Vec<&E::Row> = rows.iter().flat_map(|row| (self.get)(row)).collect();
        let values = self.selection.render(exec, &all)?;
        values.in_lists(rows.iter().map(|row| (self.get)(row).len()), exec.room())
    }
}
