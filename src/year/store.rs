//! What the change of groups reads and writes.

use diesel::sql_types::{BigInt, Text};
use serde::Serialize;

use super::behind::Behind;
use crate::content::kind::ContentKind;
use crate::db::batch::{self, CHUNK, Column, Type};
use crate::db::{Conn, Sql};
use crate::error::Error;

#[derive(Serialize)]
struct Pair {
    from_id: i64,
    to_id: i64,
}

/// The items with an open link to the first group of a pair and none to the second.
///
/// # Errors
/// What the database answers.
pub(super) fn behind(conn: &mut Conn, pairs: &[(i64, i64)]) -> Result<Vec<Behind>, Error> {
    const COLUMNS: &[Column] = &[("from_id", Type::Int), ("to_id", Type::Int)];
    type Columns = (BigInt, BigInt, BigInt, Text, Text);
    let mut found = Vec::new();
    for pairs in pairs.chunks(CHUNK) {
        let rows: Vec<Pair> = pairs.iter().map(|(from_id, to_id)| Pair { from_id: *from_id, to_id: *to_id }).collect();
        let sql = Sql::new("SELECT r.from_id, r.to_id, c.id, c.kind, c.title FROM ")
            .then(batch::rows(conn.dialect(), COLUMNS, &rows)?)
            .text(
                " CROSS JOIN content_links x JOIN content c ON c.id = x.content_id \
                 WHERE x.group_id = r.from_id AND x.unlinked_at IS NULL AND NOT EXISTS (SELECT 1 FROM content_links y \
                 WHERE y.content_id = x.content_id AND y.group_id = r.to_id AND y.unlinked_at IS NULL) \
                 ORDER BY r.from_id, r.to_id, c.sort_key, c.id",
            );
        let rows = sql.load::<Columns, (i64, i64, i64, ContentKind, String)>(conn)?;
        found.extend(rows.into_iter().map(|(from_group, to_group, content_id, kind, title)| Behind {
            from_group,
            to_group,
            content_id,
            kind,
            title,
        }));
    }
    Ok(found)
}
