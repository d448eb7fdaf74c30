//! Who an item is for, as statements.

use diesel::sql_types::BigInt;

use crate::content::visibility::Vision;
use crate::db::{Conn, Sql};
use crate::error::Error;

/// Whether an item is shown to whom this vision is of; that they could change it is not enough.
///
/// # Errors
/// What the database answers.
pub fn is_addressed(conn: &mut Conn, vision: &Vision, content: i64) -> Result<bool, Error> {
    let sql = Sql::new("SELECT c.id FROM content c WHERE c.id = ").int(content);
    Ok(vision.addressed(sql, "c").first::<BigInt, i64>(conn)?.is_some())
}
