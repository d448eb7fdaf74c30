//! Counting what holds a group.

use diesel::sql_types::{BigInt, Text};

use super::{Becomes, Holder, HolderKind, KEYS, Key};
use crate::db::{Conn, Sql};
use crate::error::Error;
use crate::groups::store::filters_naming;

/// Everything that holds a group, by kind; kinds of which there are none are left out.
///
/// # Errors
/// What the database answers.
pub fn of_group(conn: &mut Conn, group: i64) -> Result<Vec<Holder>, Error> {
    let mut sql = Sql::default();
    for (n, (kind, keys)) in kinds().into_iter().enumerate() {
        let table = keys.first().map_or("groups", |key| key.table);
        let start = if n > 0 { " UNION ALL SELECT '" } else { "SELECT '" };
        sql = sql.text(start).text(kind.as_str()).text("', COUNT(*) FROM ").text(table).text(" WHERE ");
        for (n, key) in keys.into_iter().enumerate() {
            sql = sql.text(if n > 0 { " OR " } else { "" }).text(key.column).text(" = ").int(group);
        }
    }
    let mut holders: Vec<Holder> = sql
        .load::<(Text, BigInt), (HolderKind, i64)>(conn)?
        .into_iter()
        .map(|(kind, count)| Holder { kind, count })
        .collect();
    // A filter names its group in a text, so that no key leads from it.
    let filters = i64::try_from(filters_naming(conn, group)?.len()).unwrap_or(i64::MAX);
    holders.push(Holder { kind: HolderKind::Filter, count: filters });
    holders.retain(|holder| holder.count > 0);
    Ok(holders)
}

/// The keys that hold groups, by kind.
fn kinds() -> Vec<(HolderKind, Vec<&'static Key>)> {
    let mut kinds: Vec<(HolderKind, Vec<&Key>)> = Vec::new();
    for key in KEYS {
        let Becomes::Holds(kind) = key.becomes else { continue };
        match kinds.last_mut().filter(|(last, _)| *last == kind) {
            Some((_, keys)) => keys.push(key),
            None => kinds.push((kind, vec![key])),
        }
    }
    kinds
}
