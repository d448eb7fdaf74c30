//! Who an item is for, as statements.

use diesel::sql_types::{BigInt, Nullable, Text};

use crate::content::kind::{ContentKind, Details};
use crate::content::visibility::Vision;
use crate::db::{Conn, Sql};
use crate::error::Error;
use crate::scope::Scope;

/// Whether an item is shown to whom this vision is of; that they could change it is not enough.
///
/// # Errors
/// What the database answers.
pub fn is_addressed(conn: &mut Conn, vision: &Vision, content: i64) -> Result<bool, Error> {
    let sql = Sql::new("SELECT c.id FROM content c WHERE c.id = ").int(content);
    Ok(vision.addressed(sql, "c").first::<BigInt, i64>(conn)?.is_some())
}

/// The fields of a published item, held until the transaction ends, whoever sees it: for those who took part in it and no
/// longer see it.
///
/// # Errors
/// What the database answers; `Internal` when the item cannot be read.
pub fn hold_published(conn: &mut Conn, scope: &Scope, content: i64) -> Result<Option<Details>, Error> {
    let sql = Sql::new("SELECT c.kind, c.details FROM content c WHERE c.id = ").int(content);
    let sql = sql.text(" AND c.published_at <= ").instant(scope.instant()).text(conn.dialect().for_update());
    let row = sql.first::<(Text, Text), (ContentKind, String)>(conn)?;
    row.map(|(kind, details)| Details::parse(kind, &details)).transpose()
}

/// For which organization an item was made.
///
/// # Errors
/// What the database answers.
pub fn organization_of(conn: &mut Conn, content: i64) -> Result<Option<Option<i64>>, Error> {
    let sql = Sql::new("SELECT c.organization_id FROM content c WHERE c.id = ").int(content);
    Ok(sql.first::<Nullable<BigInt>, Option<i64>>(conn)?)
}
