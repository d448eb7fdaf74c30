//! Making, renaming and removing group categories.

use super::store::{self, WrittenCategory};
use crate::check::{Checks, NAME};
use crate::db::{Conn, Violation, violation};
use crate::error::{Code, Error, Rejection};
use crate::history::{self, Action, Entity, Fields};
use crate::people::commands::taken;
use crate::scope::Scope;
use crate::text::sort_key;

/// Makes a category and answers with its key.
///
/// # Errors
/// A rejection when the name is missing, too long or taken.
pub fn create(conn: &mut Conn, scope: &Scope, name: String, external_id: Option<String>) -> Result<i64, Error> {
    let written = written(name, external_id)?;
    let id = store::insert_category(conn, &written).map_err(|error| taken(error, "This name or external id"))?;
    let changes = history::diff(&[], &fields(&written));
    history::record(conn, scope, Action::Created, Entity::Category, &[id], &changes)?;
    Ok(id)
}

/// Renames a category.
///
/// # Errors
/// A rejection when there is no such category, or the name is missing, too long or taken.
pub fn rename(conn: &mut Conn, scope: &Scope, id: i64, name: String) -> Result<i64, Error> {
    let stored = stored(conn, id)?;
    let after = written(name, stored.external_id.clone())?;
    let changes = history::diff(&fields(&stored), &fields(&after));
    if changes.is_empty() {
        return Ok(id);
    }
    store::update_category(conn, id, &after).map_err(|error| taken(error, "This name"))?;
    history::record(conn, scope, Action::Updated, Entity::Category, &[id], &changes)?;
    Ok(id)
}

/// Removes a category that no group has.
///
/// # Errors
/// A rejection when there is no such category or a group has it.
pub fn delete(conn: &mut Conn, scope: &Scope, id: i64) -> Result<i64, Error> {
    let stored = stored(conn, id)?;
    store::delete_category(conn, id).map_err(|error| match violation(&error) {
        Some(Violation::Reference) => {
            Error::from(Rejection::new(Code::InUse, "There are groups of this category.").at("input.groupCategoryId"))
        }
        _ => error.into(),
    })?;
    let changes: Vec<_> = history::diff(&[], &fields(&stored))
        .into_iter()
        .map(|change| history::Change { before: change.after, after: None, ..change })
        .collect();
    history::record(conn, scope, Action::Deleted, Entity::Category, &[id], &changes)?;
    Ok(id)
}

fn stored(conn: &mut Conn, id: i64) -> Result<WrittenCategory, Error> {
    let row = store::categories_by_ids(conn, &[id])?.into_iter().next();
    row.map(|row| WrittenCategory { external_id: row.external_id, name: row.name, sort_key: row.sort_key })
        .ok_or_else(|| Rejection::new(Code::NotFound, "There is no such category.").at("input.groupCategoryId").into())
}

fn written(name: String, external_id: Option<String>) -> Result<WrittenCategory, Error> {
    let name = name.trim().to_owned();
    let mut checks = Checks::default();
    checks.required("input.name", Some(&name), NAME);
    checks.line("input.externalId", external_id.as_deref(), NAME);
    checks.done()?;
    Ok(WrittenCategory { sort_key: sort_key(&name), external_id, name })
}

fn fields(category: &WrittenCategory) -> Fields {
    vec![("name", Some(category.name.clone())), ("externalId", category.external_id.clone())]
}
