//! Content and its links as rows.

use std::collections::HashMap;

use chrono::NaiveDateTime;
use diesel::sql_types::{BigInt, Bool, Nullable, Text, Timestamp};
use serde::Serialize;

use super::kind::{ContentKind, Details};
use super::visibility::feed::{FEED_ORDER, LINK_ORDER};
use super::visibility::{Vision, key_of, of_kinds};
use super::{Audience, State, UnlinkReason};
use crate::db::announce::{self, ContentChange};
use crate::db::batch::{self, CHUNK, Column, Type};
use crate::db::{Conn, Dialect, Sql};
use crate::error::Error;
use crate::page::{Key, KeyType, Order, Page, Window, position};
use crate::people::filter::searched;
use crate::scope::Scope;
use crate::text::{searchable, sort_key};

/// An item.
#[derive(Clone, Debug)]
pub struct ContentRow {
    pub id: i64,
    pub kind: ContentKind,
    pub title: String,
    pub sort_key: String,
    pub starts_at: Option<NaiveDateTime>,
    pub organization_id: Option<i64>,
    pub author_id: Option<i64>,
    pub author_name: String,
    pub published_at: Option<NaiveDateTime>,
    pub withdrawn_at: Option<NaiveDateTime>,
    pub created_at: NaiveDateTime,
    pub updated_at: NaiveDateTime,
    /// Where it stands now.
    pub state: State,
    /// Whether the viewer may change it, and see what concerns its makers.
    pub managed: bool,
    /// The fields of its kind; read only when one of them is selected.
    pub details: Option<Details>,
}

type WhenSql = (Nullable<Timestamp>, Nullable<Timestamp>, Timestamp, Timestamp);
type ContentSql = (
    (BigInt, Text, Text, Text, Nullable<Timestamp>),
    (Nullable<BigInt>, Nullable<BigInt>, Text),
    WhenSql,
    Bool,
    Nullable<Text>,
);
type When = (Option<NaiveDateTime>, Option<NaiveDateTime>, NaiveDateTime, NaiveDateTime);
type Tuple = (
    (i64, ContentKind, String, String, Option<NaiveDateTime>),
    (Option<i64>, Option<i64>, String),
    When,
    bool,
    Option<String>,
);

const COLUMNS: &str = "SELECT c.id, c.kind, c.title, c.sort_key, c.starts_at, c.organization_id, c.author_id, c.author_name, \
                       c.published_at, c.withdrawn_at, c.created_at, c.updated_at, ";

/// `SELECT` with all columns of an item.
fn columns(vision: &Vision, details: bool) -> Sql {
    let sql = vision.managed(Sql::new(COLUMNS), "c").text(" AS managed");
    sql.text(if details { ", c.details" } else { ", NULL AS details" })
}

impl ContentRow {
    fn new(row: Tuple, now: NaiveDateTime) -> Result<Self, Error> {
        let ((id, kind, title, sort_key, starts_at), (organization_id, author_id, author_name), when, managed, details) =
            row;
        let (published_at, withdrawn_at, created_at, updated_at) = when;
        Ok(Self {
            id,
            kind,
            title,
            sort_key,
            starts_at,
            organization_id,
            author_id,
            author_name,
            published_at,
            withdrawn_at,
            created_at,
            updated_at,
            state: State::at(published_at, withdrawn_at, now),
            managed,
            details: details.map(|text| Details::parse(kind, &text)).transpose()?,
        })
    }

    /// The position of an item in the feed.
    pub fn feed_keys(&self) -> Vec<Key> {
        let at = self.published_at.map(instant_key).unwrap_or_default();
        position(LINK_ORDER.name, [Key::Text(at), Key::Int(self.id)])
    }
}

fn instant_key(at: NaiveDateTime) -> String {
    at.format("%Y-%m-%dT%H:%M:%S%.6f").to_string()
}

fn select(conn: &mut Conn, now: NaiveDateTime, sql: Sql) -> Result<Vec<ContentRow>, Error> {
    let rows = sql.load::<ContentSql, Tuple>(conn)?;
    rows.into_iter().map(|row| ContentRow::new(row, now)).collect()
}

/// The items with these keys that the viewer sees, in no order.
///
/// # Errors
/// What the database answers.
pub fn by_ids(
    conn: &mut Conn,
    vision: &Vision,
    now: NaiveDateTime,
    details: bool,
    ids: &[i64],
) -> Result<Vec<ContentRow>, Error> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let sql = columns(vision, details).text(" FROM content c WHERE c.id").in_ids(ids);
    select(conn, now, vision.visible(sql, "c"))
}

/// Of these items, those that the viewer sees, by their keys.
///
/// # Errors
/// What the database answers.
pub fn seen_among(conn: &mut Conn, vision: &Vision, ids: &[i64]) -> Result<Vec<i64>, Error> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let sql = Sql::new("SELECT c.id FROM content c WHERE c.id").in_ids(ids);
    Ok(vision.visible(sql, "c").text(" ORDER BY c.id").load::<BigInt, i64>(conn)?)
}

/// A page of the feed.
///
/// # Errors
/// `BadInput` for a cursor of another list; what the database answers.
pub fn feed(
    conn: &mut Conn,
    vision: &Vision,
    now: NaiveDateTime,
    details: bool,
    kinds: Option<&[ContentKind]>,
    window: &Window,
) -> Result<Page<ContentRow>, Error> {
    let ids = vision.feed(conn.dialect(), kinds, window)?;
    let sql = columns(vision, details).text(" FROM content c WHERE c.id IN (").then(ids).text(")");
    let sql = window.order_by(sql, &FEED_ORDER).text(" LIMIT ").int(window.fetch());
    Ok(window.page(select(conn, now, sql)?))
}

/// By what a list of content is ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentOrder {
    CreatedAt,
    Title,
    StartsAt,
}

impl ContentOrder {
    /// As expressions over `c`.
    pub fn order(self, descending: bool) -> Order {
        let columns: &'static [(&'static str, KeyType)] = match self {
            Self::CreatedAt => &[("c.id", KeyType::Int)],
            Self::Title => &[("c.sort_key", KeyType::Text), ("c.id", KeyType::Int)],
            Self::StartsAt => &[("c.starts_at", KeyType::Instant), ("c.id", KeyType::Int)],
        };
        Order { name: self.name(), columns, descending }
    }

    fn name(self) -> &'static str {
        match self {
            Self::CreatedAt => "created",
            Self::Title => "title",
            Self::StartsAt => "starts",
        }
    }

    /// The position of an item in this order.
    pub fn keys(self, row: &ContentRow) -> Vec<Key> {
        let first = match self {
            Self::CreatedAt => None,
            Self::Title => Some(Key::Text(row.sort_key.clone())),
            Self::StartsAt => Some(Key::Text(row.starts_at.map(instant_key).unwrap_or_default())),
        };
        position(self.name(), first.into_iter().chain([Key::Int(row.id)]))
    }
}

/// Which items.
#[derive(Clone, Debug, Default)]
pub struct ContentFilter {
    pub kinds: Option<Vec<ContentKind>>,
    pub states: Option<Vec<State>>,
    pub text: Option<String>,
    pub organization_id: Option<i64>,
    pub starts_from: Option<NaiveDateTime>,
    pub starts_until: Option<NaiveDateTime>,
    pub managed: bool,
}

impl ContentFilter {
    fn conditions(&self, mut sql: Sql, vision: &Vision, now: NaiveDateTime, by: ContentOrder) -> Sql {
        sql = vision.listed(sql, "c");
        if self.managed {
            sql = vision.managed(sql.text(" AND "), "c");
        }
        sql = of_kinds(sql, "c", self.kinds.as_deref());
        if let Some(states) = &self.states {
            let asked = |state| states.contains(&state);
            sql = sql
                .text(" AND ((")
                .flag(asked(State::Draft))
                .text(" AND c.published_at IS NULL AND c.withdrawn_at IS NULL)");
            sql = sql.text(" OR (").flag(asked(State::Scheduled)).text(" AND c.published_at > ").instant(now);
            sql = sql.text(") OR (").flag(asked(State::Published)).text(" AND c.published_at <= ").instant(now);
            sql = sql.text(") OR (").flag(asked(State::Withdrawn)).text(" AND c.withdrawn_at IS NOT NULL))");
        }
        if let Some(text) = &self.text {
            sql = searched(sql, "c.search_text", text);
        }
        if let Some(organization) = self.organization_id {
            sql = sql.text(" AND c.organization_id = ").int(organization);
        }
        if by == ContentOrder::StartsAt {
            sql = sql.text(" AND c.starts_at IS NOT NULL");
        }
        if let Some(from) = self.starts_from {
            sql = sql.text(" AND coalesce(c.ends_at, c.starts_at) >= ").instant(from);
        }
        if let Some(until) = self.starts_until {
            sql = sql.text(" AND c.starts_at <= ").instant(until);
        }
        sql
    }
}

/// A page of the items that the viewer sees.
///
/// # Errors
/// `BadInput` for a cursor of another order; what the database answers.
pub fn page(
    conn: &mut Conn,
    vision: &Vision,
    now: NaiveDateTime,
    details: bool,
    filter: &ContentFilter,
    (by, descending): (ContentOrder, bool),
    window: &Window,
) -> Result<Page<ContentRow>, Error> {
    let order = by.order(descending);
    let sql = columns(vision, details).text(" FROM content c WHERE 1 = 1");
    let sql = window.conditions(filter.conditions(sql, vision, now, by), &order)?;
    let sql = window.order_by(sql, &order).text(" LIMIT ").int(window.fetch());
    Ok(window.page(select(conn, now, sql)?))
}

/// How many items the viewer sees.
///
/// # Errors
/// What the database answers.
pub fn count(
    conn: &mut Conn,
    vision: &Vision,
    now: NaiveDateTime,
    filter: &ContentFilter,
    by: ContentOrder,
) -> Result<i64, Error> {
    let sql = filter.conditions(Sql::new("SELECT COUNT(*) FROM content c WHERE 1 = 1"), vision, now, by);
    Ok(sql.first::<BigInt, i64>(conn)?.unwrap_or_default())
}

/// An item as a group shows it.
#[derive(Clone, Debug)]
pub struct LinkedRow {
    pub group_id: i64,
    pub linked_at: NaiveDateTime,
    pub content: ContentRow,
}

/// The links of groups over which their content is read: of groups that the viewer does not belong to, only what the
/// viewer manages.
fn of_group(sql: Sql, vision: &Vision, now: NaiveDateTime, kinds: Option<&[ContentKind]>, shown: &[i64]) -> Sql {
    let sql = sql.text(" AND x.unlinked_at IS NULL AND x.published_at <= ").instant(now).text(" AND (x.audience_key");
    let sql = vision.managed(sql.in_ids(&keys_of(shown)).text(" OR "), "c").text(")");
    of_kinds(sql, "x", kinds)
}

fn keys_of(groups: &[i64]) -> Vec<i64> {
    groups.iter().map(|group| key_of(Audience::Group, *group)).collect()
}

/// A page of what each of the groups shows, in one statement.
///
/// # Errors
/// `BadInput` for a cursor of another list; what the database answers.
pub fn pages_of_groups(
    conn: &mut Conn,
    vision: &Vision,
    now: NaiveDateTime,
    details: bool,
    groups: &[i64],
    kinds: Option<&[ContentKind]>,
    window: &Window,
) -> Result<HashMap<i64, Page<LinkedRow>>, Error> {
    type Columns = (BigInt, Timestamp, ContentSql);
    type Row = (i64, NaiveDateTime, Tuple);
    const LINKS: &str =
        " FROM content_links x JOIN content c ON c.id = x.content_id WHERE x.audience_key = parent.value";
    let shown: Vec<i64> = vision.shown_by(groups).collect();
    let inner = |sql: Sql| {
        let sql = window.conditions(of_group(sql, vision, now, kinds, &shown), &LINK_ORDER)?;
        Ok::<_, Error>(window.order_by(sql, &LINK_ORDER).text(" LIMIT ").int(window.fetch()))
    };
    let mut all = Sql::new("SELECT x.group_id, x.linked_at, r.* FROM ");
    let parents = keys_of(groups);
    all = match conn.dialect() {
        Dialect::Sqlite => {
            let json = serde_json::Value::from(parents).to_string();
            let sql = all.text("json_each(").string(json);
            inner(sql.text(") parent CROSS JOIN content_links x ON x.id IN (SELECT x.id").text(LINKS))?.text(")")
        }
        Dialect::Postgres => {
            let sql = all.text("unnest(").id_array(&parents);
            inner(sql.text(") parent (value) CROSS JOIN LATERAL (SELECT x.*").text(LINKS))?.text(") x")
        }
    };
    let rows = columns(vision, details).text(" FROM content c");
    let sql = all.text(" JOIN (").then(rows).text(") r ON r.id = x.content_id");
    let rows = window.order_by(sql, &LINK_ORDER).load::<Columns, Row>(conn)?;
    let mut by_group: HashMap<i64, Vec<LinkedRow>> = HashMap::new();
    for (group_id, linked_at, row) in rows {
        by_group.entry(group_id).or_default().push(LinkedRow {
            group_id,
            linked_at,
            content: ContentRow::new(row, now)?,
        });
    }
    Ok(by_group.into_iter().map(|(group, rows)| (group, window.page(rows))).collect())
}

/// How many items each of the groups shows.
///
/// # Errors
/// What the database answers.
pub fn counts_of_groups(
    conn: &mut Conn,
    vision: &Vision,
    now: NaiveDateTime,
    groups: &[i64],
    kinds: Option<&[ContentKind]>,
) -> Result<HashMap<i64, i64>, Error> {
    let shown: Vec<i64> = vision.shown_by(groups).collect();
    let sql = Sql::new(
        "SELECT x.group_id, COUNT(*) FROM content_links x JOIN content c ON c.id = x.content_id WHERE x.audience_key",
    );
    let sql = of_group(sql.in_ids(&keys_of(groups)), vision, now, kinds, &shown).text(" GROUP BY x.group_id");
    Ok(sql.load::<(BigInt, BigInt), (i64, i64)>(conn)?.into_iter().collect())
}

/// An item as it is written.
#[derive(Clone, Debug)]
pub struct Written<'w> {
    pub title: &'w str,
    pub details: &'w Details,
}

impl Written<'_> {
    /// What a search looks in.
    pub fn search_text(&self) -> String {
        searchable(std::iter::once(self.title).chain(self.details.texts()))
    }
}

fn optional_instant(sql: Sql, at: Option<NaiveDateTime>) -> Sql {
    match at {
        Some(at) => sql.instant(at),
        None => sql.text("NULL"),
    }
}

/// Makes an item and answers with its key.
///
/// # Errors
/// What the database answers.
pub fn insert(conn: &mut Conn, scope: &Scope, organization: Option<i64>, written: &Written<'_>) -> Result<i64, Error> {
    let happens = written.details.happens();
    let sql = Sql::new(
        "INSERT INTO content (kind, title, sort_key, search_text, details, organization_id, author_id, author_key, \
         author_name, created_at, updated_at, starts_at, ends_at) VALUES (",
    )
    .string(written.details.kind().as_str())
    .text(", ")
    .string(written.title)
    .text(", ")
    .string(sort_key(written.title))
    .text(", ")
    .string(written.search_text())
    .text(", ")
    .string(written.details.json()?)
    .text(", ")
    .int(organization)
    .text(", ")
    .int(scope.viewer.participant)
    .text(", ")
    .string(scope.viewer.actor_key())
    .text(", ")
    .string(scope.viewer.name.clone())
    .text(", ")
    .instant(scope.instant())
    .text(", ")
    .instant(scope.instant())
    .text(", ");
    let sql = optional_instant(sql, happens.map(|(start, _)| start)).text(", ");
    let sql = optional_instant(sql, happens.and_then(|(_, end)| end)).text(") RETURNING id");
    sql.first::<BigInt, i64>(conn)?.ok_or_else(|| Error::internal("nothing was inserted"))
}

/// Changes an item.
///
/// # Errors
/// What the database answers.
pub fn update(conn: &mut Conn, scope: &Scope, id: i64, written: &Written<'_>) -> Result<(), Error> {
    let happens = written.details.happens();
    let sql = Sql::new("UPDATE content SET title = ")
        .string(written.title)
        .text(", sort_key = ")
        .string(sort_key(written.title))
        .text(", search_text = ")
        .string(written.search_text())
        .text(", details = ")
        .string(written.details.json()?)
        .text(", updated_at = ")
        .instant(scope.instant())
        .text(", starts_at = ");
    let sql = optional_instant(sql, happens.map(|(start, _)| start)).text(", ends_at = ");
    let sql = optional_instant(sql, happens.and_then(|(_, end)| end)).text(" WHERE id = ").int(id);
    sql.execute(conn)?;
    Ok(())
}

/// An item with its details that the viewer may change, locked until the transaction ends. Nothing else is read, and
/// nobody waits for an item that is not theirs.
///
/// # Errors
/// What the database answers.
pub fn lock(conn: &mut Conn, vision: &Vision, now: NaiveDateTime, id: i64) -> Result<Option<ContentRow>, Error> {
    let sql = columns(vision, true).text(" FROM content c WHERE c.id = ").int(id).text(" AND ");
    let sql = vision.managed(sql, "c").text(conn.dialect().for_update());
    Ok(select(conn, now, sql)?.into_iter().next())
}

/// An item with its details that the viewer sees, locked until the transaction ends. Nobody waits for an item out of
/// sight, and whether it is seen still is found out once it is held.
///
/// # Errors
/// What the database answers.
pub fn lock_seen(conn: &mut Conn, vision: &Vision, now: NaiveDateTime, id: i64) -> Result<Option<ContentRow>, Error> {
    if by_ids(conn, vision, now, false, &[id])?.is_empty() {
        return Ok(None);
    }
    Sql::new("SELECT c.id FROM content c WHERE c.id = ")
        .int(id)
        .text(conn.dialect().for_update())
        .load::<BigInt, i64>(conn)?;
    Ok(by_ids(conn, vision, now, true, &[id])?.into_iter().next())
}

/// Sets when an item is published; its open links follow.
///
/// # Errors
/// What the database answers.
pub fn set_published(conn: &mut Conn, scope: &Scope, id: i64, at: NaiveDateTime) -> Result<(), Error> {
    Sql::new("UPDATE content SET withdrawn_at = NULL, published_at = ")
        .instant(at)
        .text(", updated_at = ")
        .instant(scope.instant())
        .text(" WHERE id = ")
        .int(id)
        .execute(conn)?;
    Ok(())
}

/// Marks an item as withdrawn; it must have no open links any more.
///
/// # Errors
/// What the database answers.
pub fn set_withdrawn(conn: &mut Conn, scope: &Scope, id: i64) -> Result<(), Error> {
    Sql::new("UPDATE content SET published_at = NULL, withdrawn_at = ")
        .instant(scope.instant())
        .text(", updated_at = ")
        .instant(scope.instant())
        .text(" WHERE id = ")
        .int(id)
        .execute(conn)?;
    Ok(())
}

/// The audiences of an item's open links, as numbers, in order.
///
/// # Errors
/// What the database answers.
pub fn open_links(conn: &mut Conn, id: i64) -> Result<Vec<i64>, Error> {
    let sql =
        Sql::new("SELECT l.audience_key FROM content_links l WHERE l.unlinked_at IS NULL AND l.content_id = ").int(id);
    Ok(sql.text(" ORDER BY l.audience_key").load::<BigInt, i64>(conn)?)
}

/// A link as it is written.
#[derive(Clone, Debug, Serialize)]
pub struct NewLink {
    pub content_id: i64,
    pub audience: Audience,
    pub participant_id: Option<i64>,
    pub group_id: Option<i64>,
}

impl NewLink {
    /// Of an item to an audience; `target` is the group, the participant or the organization, and nothing of everybody.
    pub fn new(content_id: i64, audience: Audience, target: i64) -> Self {
        let participant = !matches!(audience, Audience::Everyone | Audience::Group);
        Self {
            content_id,
            audience,
            participant_id: participant.then_some(target),
            group_id: (audience == Audience::Group).then_some(target),
        }
    }
}

/// Links published items to audiences; what is linked already stays as it is. Answers with how many links were made.
///
/// # Errors
/// What the database answers.
pub fn link(conn: &mut Conn, scope: &Scope, links: &[NewLink]) -> Result<usize, Error> {
    const COLUMNS: &[Column] =
        &[("content_id", Type::Int), ("audience", Type::Text), ("participant_id", Type::Int), ("group_id", Type::Int)];
    let mut made = 0;
    for links in links.chunks(CHUNK) {
        made += Sql::new(
            "INSERT INTO content_links (content_id, audience, participant_id, group_id, kind, published_at, linked_at, linked_by) \
             SELECT r.content_id, r.audience, r.participant_id, r.group_id, c.kind, c.published_at, ",
        )
        .instant(scope.instant())
        .text(", ")
        .string(scope.viewer.name.clone())
        .text(" FROM ")
        .then(batch::rows(conn.dialect(), COLUMNS, links)?)
        .text(" CROSS JOIN content c WHERE c.id = r.content_id AND c.published_at IS NOT NULL ON CONFLICT DO NOTHING")
        .execute(conn)?;
    }
    Ok(made)
}

/// Holds items until the transaction ends, in the order of their keys: nobody says meanwhile to whom they are shown.
///
/// # Errors
/// What the database answers.
pub fn hold(conn: &mut Conn, items: &[i64]) -> Result<(), Error> {
    batch::hold(conn, "content", items, Dialect::for_update)
}

/// What one group shows and another does not: both groups, the item, its kind and its title.
pub type LeftBehind = (i64, i64, i64, ContentKind, String);

/// What the first group of each pair shows and the second does not, as far as it is content of the organization that owns
/// the second.
///
/// # Errors
/// What the database answers.
pub fn left_behind(conn: &mut Conn, pairs: &[(i64, i64)]) -> Result<Vec<LeftBehind>, Error> {
    type Columns = (BigInt, BigInt, BigInt, Text, Text);
    #[derive(Serialize)]
    struct Pair {
        from_group: i64,
        to_group: i64,
        from_key: i64,
        to_key: i64,
    }
    const COLUMNS: &[Column] =
        &[("from_group", Type::Int), ("to_group", Type::Int), ("from_key", Type::Int), ("to_key", Type::Int)];
    let key = |group: i64| key_of(Audience::Group, group);
    let rows: Vec<Pair> = pairs
        .iter()
        .map(|(from, to)| Pair { from_group: *from, to_group: *to, from_key: key(*from), to_key: key(*to) })
        .collect();
    let mut found = Vec::new();
    for rows in rows.chunks(CHUNK) {
        let sql = Sql::new("SELECT r.from_group, r.to_group, c.id, c.kind, c.title FROM ")
            .then(batch::rows(conn.dialect(), COLUMNS, rows)?)
            .text(
                " CROSS JOIN groups g JOIN content_links l ON l.audience_key = r.from_key \
                 JOIN content c ON c.id = l.content_id AND c.organization_id = g.organization_id \
                 WHERE g.id = r.to_group AND l.unlinked_at IS NULL AND NOT EXISTS (SELECT 1 FROM content_links t \
                 WHERE t.content_id = l.content_id AND t.audience_key = r.to_key AND t.unlinked_at IS NULL) \
                 ORDER BY r.from_group, r.to_group, c.id",
            );
        found.extend(sql.load::<Columns, LeftBehind>(conn)?);
    }
    Ok(found)
}

/// Tells whoever follows content that it has changed to whom these items are shown, as far as they are published.
///
/// # Errors
/// What the database answers.
pub fn announce_shown(conn: &mut Conn, scope: &Scope, items: &[i64]) -> Result<(), Error> {
    let at = scope.instant();
    for items in items.chunks(CHUNK) {
        let sql = Sql::new("SELECT c.id FROM content c WHERE c.id").in_ids(items).text(" AND c.published_at <= ");
        let published = sql.instant(at).load::<BigInt, i64>(conn)?;
        let changes: Vec<ContentChange> =
            published.into_iter().map(|content| ContentChange { content, at, was_published: true }).collect();
        announce::content(conn, &changes)?;
    }
    Ok(())
}

/// Breaks the open links of an item to these audiences, given as numbers.
///
/// # Errors
/// What the database answers.
pub fn unlink(conn: &mut Conn, scope: &Scope, id: i64, audiences: &[i64], reason: UnlinkReason) -> Result<(), Error> {
    if audiences.is_empty() {
        return Ok(());
    }
    Sql::new("UPDATE content_links SET unlinked_at = ")
        .instant(scope.instant())
        .text(", unlinked_by = ")
        .string(scope.viewer.name.clone())
        .text(", unlink_reason = ")
        .string(reason.as_str())
        .text(" WHERE unlinked_at IS NULL AND content_id = ")
        .int(id)
        .text(" AND audience_key")
        .in_ids(audiences)
        .execute(conn)?;
    Ok(())
}

/// Makes the open links of an item its maker's own: whoever says to whom it is shown says so of what was linked again after a
/// year transition, too, and undoing that transition leaves it.
///
/// # Errors
/// What the database answers.
pub fn claim(conn: &mut Conn, id: i64) -> Result<(), Error> {
    let sql = Sql::new(
        "UPDATE content_links SET made_by_id = NULL WHERE made_by_id IS NOT NULL AND unlinked_at IS NULL AND content_id = ",
    );
    sql.int(id).execute(conn)?;
    Ok(())
}

/// From when to when an item was linked to an audience.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub content_id: i64,
    pub linked_at: NaiveDateTime,
    pub unlinked_at: Option<NaiveDateTime>,
}

/// The links of items of some kinds to any of these audiences of the viewer's, open or broken.
///
/// # Errors
/// What the database answers.
pub fn spans(
    conn: &mut Conn,
    vision: &Vision,
    items: &[i64],
    audiences: &[i64],
    kinds: Option<&[ContentKind]>,
) -> Result<Vec<Span>, Error> {
    type Columns = (BigInt, Timestamp, Nullable<Timestamp>);
    type Row = (i64, NaiveDateTime, Option<NaiveDateTime>);
    if items.is_empty() || audiences.is_empty() {
        return Ok(Vec::new());
    }
    let sql = Sql::new("SELECT v.content_id, v.linked_at, v.unlinked_at FROM content_links v WHERE v.content_id");
    let sql = of_kinds(sql.in_ids(items).text(" AND v.audience_key").in_ids(audiences), "v", kinds);
    let rows = vision.guarded(sql, "v").load::<Columns, Row>(conn)?;
    Ok(rows
        .into_iter()
        .map(|(content_id, linked_at, unlinked_at)| Span { content_id, linked_at, unlinked_at })
        .collect())
}

/// When an item is published next, after this moment.
///
/// # Errors
/// What the database answers.
pub fn next_publication(conn: &mut Conn, after: NaiveDateTime) -> Result<Option<NaiveDateTime>, Error> {
    let sql = Sql::new("SELECT c.published_at FROM content c WHERE c.published_at > ").instant(after);
    Ok(sql.text(" ORDER BY c.published_at LIMIT 1").first::<Timestamp, NaiveDateTime>(conn)?)
}

/// The items whose moment of publication came between these two, both included.
///
/// # Errors
/// What the database answers.
pub fn due(conn: &mut Conn, from: NaiveDateTime, until: NaiveDateTime) -> Result<Vec<i64>, Error> {
    let sql = Sql::new("SELECT c.id FROM content c WHERE c.published_at >= ").instant(from);
    let sql = sql.text(" AND c.published_at <= ").instant(until);
    // Whatever was published at once has been announced as such.
    let sql = sql.text(" AND c.updated_at < c.published_at ORDER BY c.published_at, c.id");
    Ok(sql.load::<BigInt, i64>(conn)?)
}

/// One link, open or broken.
#[derive(Clone, Debug)]
pub struct LinkRow {
    pub id: i64,
    pub content_id: i64,
    pub audience: Audience,
    pub participant_id: Option<i64>,
    pub group_id: Option<i64>,
    pub linked_at: NaiveDateTime,
    pub linked_by: String,
    pub unlinked_at: Option<NaiveDateTime>,
    pub unlinked_by: Option<String>,
    pub unlink_reason: Option<UnlinkReason>,
}

/// The latest link first.
pub const LINKS_ORDER: Order = Order { name: "links", columns: &[("l.id", KeyType::Int)], descending: true };

/// A page of the links of each of the items.
///
/// # Errors
/// `BadInput` for a cursor of another list; what the database answers.
pub fn links(conn: &mut Conn, items: &[i64], window: &Window) -> Result<HashMap<i64, Page<LinkRow>>, Error> {
    type Columns = (
        (BigInt, BigInt, Text, Nullable<BigInt>, Nullable<BigInt>),
        (Timestamp, Text, Nullable<Timestamp>, Nullable<Text>, Nullable<Text>),
    );
    type Row = (
        (i64, i64, Audience, Option<i64>, Option<i64>),
        (NaiveDateTime, String, Option<NaiveDateTime>, Option<String>, Option<UnlinkReason>),
    );
    const COLUMNS: &str = "SELECT l.id, l.content_id, l.audience, l.participant_id, l.group_id, l.linked_at, l.linked_by, \
                           l.unlinked_at, l.unlinked_by, l.unlink_reason";
    let inner = |sql: Sql| {
        let sql =
            window.conditions(sql.text(" FROM content_links l WHERE l.content_id = parent.value"), &LINKS_ORDER)?;
        Ok::<_, Error>(window.order_by(sql, &LINKS_ORDER).text(" LIMIT ").int(window.fetch()))
    };
    let sql = match conn.dialect() {
        Dialect::Sqlite => {
            let parents = serde_json::Value::from(items.to_vec()).to_string();
            let sql = Sql::new(COLUMNS).text(" FROM json_each(").string(parents);
            inner(sql.text(") parent CROSS JOIN content_links l ON l.id IN (SELECT l.id"))?.text(")")
        }
        Dialect::Postgres => {
            let sql = Sql::new("SELECT l.* FROM unnest(").id_array(items).text(") parent (value) CROSS JOIN LATERAL (");
            inner(sql.text(COLUMNS))?.text(") l")
        }
    };
    let mut by_item: HashMap<i64, Vec<LinkRow>> = HashMap::new();
    for ((id, content_id, audience, participant_id, group_id), when) in
        window.order_by(sql, &LINKS_ORDER).load::<Columns, Row>(conn)?
    {
        let (linked_at, linked_by, unlinked_at, unlinked_by, unlink_reason) = when;
        by_item.entry(content_id).or_default().push(LinkRow {
            id,
            content_id,
            audience,
            participant_id,
            group_id,
            linked_at,
            linked_by,
            unlinked_at,
            unlinked_by,
            unlink_reason,
        });
    }
    Ok(by_item.into_iter().map(|(item, rows)| (item, window.page(rows))).collect())
}

/// How many links each of the items has had.
///
/// # Errors
/// What the database answers.
pub fn link_counts(conn: &mut Conn, items: &[i64]) -> Result<HashMap<i64, i64>, Error> {
    let sql = Sql::new("SELECT l.content_id, COUNT(*) FROM content_links l WHERE l.content_id").in_ids(items);
    Ok(sql.text(" GROUP BY l.content_id").load::<(BigInt, BigInt), (i64, i64)>(conn)?.into_iter().collect())
}

/// To whom each of the items is shown now or from its publication on: audience and target, in order.
///
/// # Errors
/// What the database answers.
pub fn audiences(conn: &mut Conn, items: &[i64]) -> Result<HashMap<i64, Vec<i64>>, Error> {
    let sql = Sql::new(
        "SELECT l.content_id, l.audience_key FROM content_links l WHERE l.unlinked_at IS NULL AND l.content_id",
    );
    let mut found: HashMap<i64, Vec<i64>> = HashMap::new();
    for (item, key) in sql.in_ids(items).text(" ORDER BY l.audience_key").load::<(BigInt, BigInt), (i64, i64)>(conn)? {
        found.entry(item).or_default().push(key);
    }
    Ok(found)
}

/// Of these groups, those that exist, or are of an organization, and the organization that owns each; none of them is deleted
/// before the transaction ends.
///
/// # Errors
/// What the database answers.
pub fn owners(conn: &mut Conn, groups: &[i64], of: Option<i64>) -> Result<HashMap<i64, Option<i64>>, Error> {
    let mut sql = Sql::new("SELECT g.id, g.organization_id FROM groups g WHERE g.id").in_ids(groups);
    if let Some(organization) = of {
        sql = sql.text(" AND g.organization_id = ").int(organization);
    }
    let sql = sql.text(" ORDER BY g.id").text(conn.dialect().for_reference());
    Ok(sql.load::<(BigInt, Nullable<BigInt>), (i64, Option<i64>)>(conn)?.into_iter().collect())
}

/// Whether a transition to the next school year was at work on one of these groups at a moment, or came after it: whoever was
/// to be shown something then is not in it any more.
///
/// # Errors
/// What the database answers.
pub fn has_moved_on(conn: &mut Conn, groups: &[i64], since: NaiveDateTime) -> Result<bool, Error> {
    if groups.is_empty() {
        return Ok(false);
    }
    let sql = Sql::new(
        "SELECT t.id FROM year_transitions t JOIN year_transition_moves v ON v.transition_id = t.id \
         WHERE t.status = 'APPLIED' AND t.settled_at > ",
    );
    Ok(sql.instant(since).text(" AND v.group_id").in_ids(groups).first::<BigInt, i64>(conn)?.is_some())
}

/// Of these participants, the people of an organization.
///
/// # Errors
/// What the database answers.
pub fn people_among(conn: &mut Conn, participants: &[i64], organization: i64) -> Result<Vec<i64>, Error> {
    let sql = Sql::new("SELECT p.id FROM participants p WHERE p.id").in_ids(participants).text(" AND ");
    Ok(crate::access::sight::people_of(sql, "p", &[organization]).load::<BigInt, i64>(conn)?)
}

/// Of these participants, those that exist.
///
/// # Errors
/// What the database answers.
pub fn existing(conn: &mut Conn, participants: &[i64]) -> Result<Vec<i64>, Error> {
    Ok(Sql::new("SELECT p.id FROM participants p WHERE p.id").in_ids(participants).load::<BigInt, i64>(conn)?)
}
