//! Links that a transition broke, and those that are made in their place.

use std::collections::HashSet;

use chrono::NaiveDateTime;
use diesel::sql_types::{BigInt, Timestamp};
use serde::Serialize;

use crate::content::kind::ContentKind;
use crate::content::visibility::{Vision, of_kinds};
use crate::db::batch::{self, CHUNK, Column, Type};
use crate::db::{Conn, Sql};
use crate::error::Error;
use crate::page::{Key, KeyType, Order, Page, Window, position};
use crate::scope::Scope;

/// Of how many groups one statement shows everything, so that none of them takes long.
const LINES: usize = 100;

/// An item that is to be shown to a group.
#[derive(Serialize)]
pub struct LinkWanted {
    pub content_id: i64,
    pub group_id: i64,
}

/// What a group showed, all of it or of one kind, that is to be shown to another.
#[derive(Serialize)]
pub struct MappingWanted {
    from_group_id: i64,
    group_id: i64,
    wanted_kind: Option<ContentKind>,
}

impl MappingWanted {
    /// From a group to a group.
    pub fn new(from: i64, to: i64, wanted_kind: Option<ContentKind>) -> Self {
        Self { from_group_id: from, group_id: to, wanted_kind }
    }
}

/// Of these items, those of which the transition broke a link; of other organizations' only when `own` is absent.
///
/// # Errors
/// What the database answers.
pub fn taken_away(conn: &mut Conn, transition: i64, own: Option<i64>, items: &[i64]) -> Result<HashSet<i64>, Error> {
    if items.is_empty() {
        return Ok(HashSet::new());
    }
    let sql = Sql::new(
        "SELECT DISTINCT l.content_id FROM content_links l JOIN content c ON c.id = l.content_id WHERE l.broken_by_id = ",
    );
    let sql = belonging(sql.int(transition).text(" AND l.content_id").in_ids(items), own);
    Ok(sql.load::<BigInt, i64>(conn)?.into_iter().collect())
}

fn belonging(sql: Sql, own: Option<i64>) -> Sql {
    match own {
        Some(organization) => sql.text(" AND c.organization_id = ").int(organization),
        None => sql,
    }
}

/// The items of which a transition broke the links to these groups.
///
/// # Errors
/// What the database answers.
pub fn items_of(conn: &mut Conn, transition: i64, groups: &[i64]) -> Result<Vec<i64>, Error> {
    let sql = Sql::new("SELECT DISTINCT l.content_id FROM content_links l WHERE l.group_id").in_ids(groups);
    Ok(sql.text(" AND +l.broken_by_id = ").int(transition).load::<BigInt, i64>(conn)?)
}

fn made(scope: &Scope, transition: i64) -> Sql {
    Sql::new(
        "INSERT INTO content_links (content_id, audience, group_id, kind, published_at, linked_at, linked_by, made_by_id) \
         SELECT DISTINCT c.id, 'GROUP', r.group_id, c.kind, c.published_at, ",
    )
    .instant(scope.instant())
    .text(", ")
    .string(scope.viewer.name.clone())
    .text(", ")
    .int(transition)
    .text(" FROM ")
}

/// Shows items to groups, and answers with those of which a link was made.
///
/// # Errors
/// What the database answers.
pub fn relink(conn: &mut Conn, scope: &Scope, transition: i64, links: &[LinkWanted]) -> Result<Vec<i64>, Error> {
    const COLUMNS: &[Column] = &[("content_id", Type::Int), ("group_id", Type::Int)];
    let mut items = Vec::new();
    for links in links.chunks(CHUNK) {
        let sql = made(scope, transition).then(batch::rows(conn.dialect(), COLUMNS, links)?).text(
            " CROSS JOIN content c WHERE c.id = r.content_id AND c.published_at IS NOT NULL \
                 ON CONFLICT DO NOTHING RETURNING content_id",
        );
        items.extend(sql.load::<BigInt, i64>(conn)?);
    }
    Ok(items)
}

/// Shows to groups what others showed until the transition, and answers with the items of which a link was made.
///
/// # Errors
/// What the database answers.
pub fn relink_groups(
    conn: &mut Conn,
    scope: &Scope,
    transition: i64,
    own: Option<i64>,
    lines: &[MappingWanted],
) -> Result<Vec<i64>, Error> {
    const COLUMNS: &[Column] = &[("from_group_id", Type::Int), ("group_id", Type::Int), ("wanted_kind", Type::Text)];
    let mut items = Vec::new();
    for lines in lines.chunks(LINES) {
        let sql = made(scope, transition).then(batch::rows(conn.dialect(), COLUMNS, lines)?).text(
            " CROSS JOIN content_links l JOIN content c ON c.id = l.content_id WHERE c.published_at IS NOT NULL \
             AND l.group_id = r.from_group_id AND (r.wanted_kind IS NULL OR l.kind = r.wanted_kind) \
             AND l.unlinked_at IS NOT NULL AND +l.broken_by_id = ",
        );
        let sql = belonging(sql.int(transition), own).text(" ON CONFLICT DO NOTHING RETURNING content_id");
        items.extend(sql.load::<BigInt, i64>(conn)?);
    }
    Ok(items)
}

/// A link that a transition broke.
#[derive(Clone, Copy, Debug)]
pub struct BrokenRow {
    pub id: i64,
    pub content_id: i64,
    pub group_id: i64,
    pub unlinked_at: NaiveDateTime,
}

impl BrokenRow {
    /// Its position in the list.
    pub fn keys(&self) -> Vec<Key> {
        position(ORDER.name, [Key::Int(self.id)])
    }
}

/// In the order in which the links were made.
const ORDER: Order = Order { name: "unlinked", columns: &[("l.id", KeyType::Int)], descending: false };

/// Which of the broken links.
#[derive(Clone, Debug, Default)]
pub struct BrokenFilter {
    pub group_id: Option<i64>,
    pub kinds: Option<Vec<ContentKind>>,
}

impl BrokenFilter {
    fn conditions(&self, sql: Sql, vision: &Vision, transition: i64) -> Sql {
        let sql =
            sql.text(" FROM content_links l JOIN content c ON c.id = l.content_id WHERE l.unlinked_at IS NOT NULL");
        // Of one group there are few links, of the transition many: the plus keeps the planner from going through those.
        let sql = match self.group_id {
            Some(group) => sql.text(" AND l.group_id = ").int(group).text(" AND +l.broken_by_id = "),
            None => sql.text(" AND l.broken_by_id = "),
        };
        of_kinds(vision.visible(sql.int(transition), "c"), "l", self.kinds.as_deref())
    }
}

/// A page of the links that a transition broke and that are broken still.
///
/// # Errors
/// `BadInput` for a cursor of another list; what the database answers.
pub fn page(
    conn: &mut Conn,
    vision: &Vision,
    transition: i64,
    filter: &BrokenFilter,
    window: &Window,
) -> Result<Page<BrokenRow>, Error> {
    type Columns = (BigInt, BigInt, BigInt, Timestamp);
    type Tuple = (i64, i64, i64, NaiveDateTime);
    let sql = filter.conditions(Sql::new("SELECT l.id, l.content_id, l.group_id, l.unlinked_at"), vision, transition);
    let sql = window.order_by(window.conditions(sql, &ORDER)?, &ORDER).text(" LIMIT ").int(window.fetch());
    let rows = sql.load::<Columns, Tuple>(conn)?.into_iter();
    Ok(window.page(
        rows.map(|(id, content_id, group_id, unlinked_at)| BrokenRow { id, content_id, group_id, unlinked_at })
            .collect(),
    ))
}

/// How many there are.
///
/// # Errors
/// What the database answers.
pub fn count(conn: &mut Conn, vision: &Vision, transition: i64, filter: &BrokenFilter) -> Result<i64, Error> {
    let sql = filter.conditions(Sql::new("SELECT COUNT(*)"), vision, transition);
    Ok(sql.first::<BigInt, i64>(conn)?.unwrap_or_default())
}

/// To which groups items were linked again after a transition: item and group, in order.
///
/// # Errors
/// What the database answers.
pub fn relinked(conn: &mut Conn, transition: i64, items: &[i64]) -> Result<Vec<(i64, i64)>, Error> {
    let sql = Sql::new(
        "SELECT l.content_id, l.group_id FROM content_links l WHERE l.unlinked_at IS NULL AND l.made_by_id = ",
    );
    let sql = sql.int(transition).text(" AND l.content_id").in_ids(items).text(" ORDER BY l.content_id, l.group_id");
    Ok(sql.load::<(BigInt, BigInt), (i64, i64)>(conn)?)
}
