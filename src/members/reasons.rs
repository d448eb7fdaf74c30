//! The code tables of start and end reasons (M3).

use super::store::{self, ReasonRow, ReasonTable};
use crate::check::{Checks, LABEL, NAME};
use crate::db::{Conn, Violation, violation};
use crate::error::{Code, Error, Rejection};
use crate::history::{self, Action, Change, Entity, Fields};
use crate::people::commands::taken;
use crate::scope::Scope;
use crate::text::line_fault;

/// The key of a reason that can be given to new memberships.
///
/// # Errors
/// `InvalidValue` for what no code can be, `NotFound` when there is none with this code, `ReasonRetired` when it is no longer
/// offered.
pub fn usable(conn: &mut Conn, table: ReasonTable, code: &str, field: &str) -> Result<i64, Error> {
    if let Some(fault) = line_fault(code) {
        return Err(Rejection::new(Code::InvalidValue, fault.to_string()).at(field).into());
    }
    match store::reason_by_code(conn, table, code)? {
        Some(row) if row.retired => {
            let message = format!("The reason \"{}\" is retired.", row.label);
            Err(Rejection::new(Code::ReasonRetired, message).at(field).into())
        }
        Some(row) => Ok(row.id),
        None => Err(Rejection::new(Code::NotFound, "There is no reason with this code.").at(field).into()),
    }
}

fn entity(table: ReasonTable) -> Entity {
    match table {
        ReasonTable::Start => Entity::StartReason,
        ReasonTable::End => Entity::EndReason,
    }
}

/// Makes a reason and answers with its key.
///
/// # Errors
/// A rejection when the code or the label is malformed, or the code is taken.
pub fn create(conn: &mut Conn, scope: &Scope, table: ReasonTable, code: &str, label: &str) -> Result<i64, Error> {
    let mut checks = Checks::default();
    checks.required("input.code", Some(code), LABEL);
    if !code.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_') {
        checks.refuse(Code::InvalidValue, "input.code", "A code is made of capitals, digits and underscores.");
    }
    checks.required("input.label", Some(label.trim()), NAME);
    checks.done()?;
    let label = label.trim();
    let id = store::insert_reason(conn, table, code, label).map_err(|error| taken(error, "This code"))?;
    let fields: Fields = vec![("code", Some(code.to_owned())), ("label", Some(label.to_owned()))];
    history::record(conn, scope, Action::Created, entity(table), &[id], &history::diff(&[], &fields))?;
    Ok(id)
}

/// Relabels a reason, retires it or offers it again.
///
/// # Errors
/// A rejection when there is no such reason or the label is malformed.
pub fn update(
    conn: &mut Conn,
    scope: &Scope,
    table: ReasonTable,
    id: i64,
    label: Option<&str>,
    retired: Option<bool>,
) -> Result<i64, Error> {
    let row = stored(conn, table, id)?;
    let label = label.map_or(row.label.as_str(), str::trim);
    let retired = retired.unwrap_or(row.retired);
    let mut checks = Checks::default();
    checks.required("input.label", Some(label), NAME);
    if row.system && retired {
        checks.refuse(Code::InUse, "input.retired", "Kring itself gives this reason; it cannot be retired.");
    }
    checks.done()?;
    let fields = |label: &str, retired: bool| -> Fields {
        vec![("label", Some(label.to_owned())), ("retired", Some(retired.to_string()))]
    };
    let changes = history::diff(&fields(&row.label, row.retired), &fields(label, retired));
    if !changes.is_empty() {
        store::update_reason(conn, table, id, label, retired)?;
        history::record(conn, scope, Action::Updated, entity(table), &[id], &changes)?;
    }
    Ok(id)
}

/// Deletes a reason that was never given.
///
/// # Errors
/// `InUse` when a membership has it or Kring itself gives it; it can be retired then.
pub fn delete(conn: &mut Conn, scope: &Scope, table: ReasonTable, id: i64) -> Result<i64, Error> {
    let row = stored(conn, table, id)?;
    let in_use = |message: &str| Error::from(Rejection::new(Code::InUse, message).at("input.reasonId"));
    if row.system {
        return Err(in_use("Kring itself gives this reason."));
    }
    store::delete_reason(conn, table, id).map_err(|error| match violation(&error) {
        Some(Violation::Reference) => in_use("Memberships have or had this reason. Retire it instead."),
        _ => error.into(),
    })?;
    let change = |field: &str, before: String| Change { field: field.to_owned(), before: Some(before), after: None };
    let changes = [change("code", row.code), change("label", row.label)];
    history::record(conn, scope, Action::Deleted, entity(table), &[id], &changes)?;
    Ok(id)
}

fn stored(conn: &mut Conn, table: ReasonTable, id: i64) -> Result<ReasonRow, Error> {
    store::reasons(conn, table, Some(&[id]))?
        .into_iter()
        .next()
        .ok_or_else(|| Rejection::new(Code::NotFound, "There is no such reason.").at("input.reasonId").into())
}
