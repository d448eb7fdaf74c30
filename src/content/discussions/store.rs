//! Posts as rows.

use std::collections::HashMap;

use chrono::NaiveDateTime;
use diesel::Queryable;
use diesel::sql_types::{BigInt, Bool, Nullable, Text, Timestamp};

use crate::content::visibility::Vision;
use crate::db::{Conn, Dialect, Sql};
use crate::error::Error;
use crate::page::{Key, KeyType, Order, Page, Window, position};
use crate::scope::Scope;

/// A post as the rules look at it.
#[derive(Clone, Debug, Queryable)]
pub struct StoredPost {
    pub content_id: i64,
    /// The topic that it replies to; none for topics.
    pub topic_id: Option<i64>,
    pub author_key: String,
    pub removed: bool,
    pub closed: bool,
}

/// The post with this key, whoever asks.
///
/// # Errors
/// What the database answers.
pub fn post(conn: &mut Conn, id: i64) -> Result<Option<StoredPost>, Error> {
    type Columns = (BigInt, Nullable<BigInt>, Text, Bool, Bool);
    let sql = Sql::new(
        "SELECT d.content_id, d.topic_id, d.author_key, d.removed_at IS NOT NULL, d.closed_at IS NOT NULL \
         FROM discussion_posts d WHERE d.id = ",
    );
    Ok(sql.int(id).first::<Columns, StoredPost>(conn)?)
}

/// Whether the viewer leads a group to which an item is linked.
///
/// # Errors
/// What the database answers.
pub fn leads_a_group_of(conn: &mut Conn, vision: &Vision, content: i64) -> Result<bool, Error> {
    let sql = Sql::new("SELECT c.id FROM content c WHERE c.id = ").int(content).text(" AND ");
    Ok(vision.moderated(sql, "c").first::<BigInt, i64>(conn)?.is_some())
}

/// Writes a topic, or a reply to one, and answers with its key.
///
/// # Errors
/// What the database answers.
pub fn insert(
    conn: &mut Conn,
    scope: &Scope,
    content: i64,
    topic: Option<i64>,
    title: Option<&str>,
    body: &str,
) -> Result<i64, Error> {
    let sql = Sql::new(
        "INSERT INTO discussion_posts (content_id, topic_id, body, author_id, author_key, author_name, created_at, title, \
         last_post_at) VALUES (",
    )
    .int(content)
    .text(", ")
    .int(topic)
    .text(", ")
    .string(body)
    .text(", ")
    .int(scope.viewer.participant)
    .text(", ")
    .string(scope.viewer.actor_key())
    .text(", ")
    .string(scope.viewer.name.clone())
    .text(", ")
    .instant(scope.instant())
    .text(", ");
    let sql = match title {
        Some(title) => sql.string(title).text(", ").instant(scope.instant()),
        None => sql.text("NULL, NULL"),
    };
    sql.text(") RETURNING id").first::<BigInt, i64>(conn)?.ok_or_else(|| Error::internal("nothing was inserted"))
}

/// Notes that something was said under a topic.
///
/// # Errors
/// What the database answers.
pub fn touch(conn: &mut Conn, scope: &Scope, topic: i64) -> Result<(), Error> {
    let sql = Sql::new("UPDATE discussion_posts SET last_post_at = ").instant(scope.instant());
    sql.text(" WHERE id = ").int(topic).execute(conn)?;
    Ok(())
}

/// Changes the text of a post, and the title of a topic if there is a new one.
///
/// # Errors
/// What the database answers.
pub fn update(conn: &mut Conn, scope: &Scope, id: i64, title: Option<&str>, body: &str) -> Result<(), Error> {
    let sql =
        Sql::new("UPDATE discussion_posts SET edited_at = ").instant(scope.instant()).text(", body = ").string(body);
    let sql = match title {
        Some(title) => sql.text(", title = ").string(title),
        None => sql,
    };
    sql.text(" WHERE id = ").int(id).execute(conn)?;
    Ok(())
}

/// Takes the text of a post away.
///
/// # Errors
/// What the database answers.
pub fn remove(conn: &mut Conn, scope: &Scope, id: i64) -> Result<(), Error> {
    Sql::new(
        "UPDATE discussion_posts SET body = '', title = CASE WHEN title IS NULL THEN NULL ELSE '' END, removed_at = ",
    )
    .instant(scope.instant())
    .text(", removed_by = ")
    .string(scope.viewer.name.clone())
    .text(" WHERE id = ")
    .int(id)
    .execute(conn)?;
    Ok(())
}

/// Closes a topic, or opens it again.
///
/// # Errors
/// What the database answers.
pub fn set_closed(conn: &mut Conn, scope: &Scope, topic: i64, closed: bool) -> Result<(), Error> {
    let sql = Sql::new("UPDATE discussion_posts SET closed_at = ");
    let sql = if closed { sql.instant(scope.instant()) } else { sql.text("NULL") };
    sql.text(" WHERE id = ").int(topic).execute(conn)?;
    Ok(())
}

/// A topic or a reply.
#[derive(Clone, Debug)]
pub struct PostRow {
    pub id: i64,
    pub content_id: i64,
    pub topic_id: Option<i64>,
    pub title: Option<String>,
    pub body: String,
    pub author_id: Option<i64>,
    pub author_name: String,
    pub created_at: NaiveDateTime,
    pub edited_at: Option<NaiveDateTime>,
    pub removed_at: Option<NaiveDateTime>,
    pub closed: bool,
    pub last_post_at: Option<NaiveDateTime>,
    /// Whether the viewer wrote it.
    pub mine: bool,
    /// Whether the viewer keeps order in the discussion.
    pub moderated: bool,
}

type Columns = (
    (BigInt, BigInt, Nullable<BigInt>, Nullable<Text>, Text),
    (Nullable<BigInt>, Text),
    (Timestamp, Nullable<Timestamp>, Nullable<Timestamp>, Bool, Nullable<Timestamp>),
    Bool,
    Bool,
);
type Tuple = (
    (i64, i64, Option<i64>, Option<String>, String),
    (Option<i64>, String),
    (NaiveDateTime, Option<NaiveDateTime>, Option<NaiveDateTime>, bool, Option<NaiveDateTime>),
    bool,
    bool,
);

impl From<Tuple> for PostRow {
    fn from(row: Tuple) -> Self {
        let ((id, content_id, topic_id, title, body), (author_id, author_name), when, mine, moderated) = row;
        let (created_at, edited_at, removed_at, closed, last_post_at) = when;
        Self {
            id,
            content_id,
            topic_id,
            title,
            body,
            author_id,
            author_name,
            created_at,
            edited_at,
            removed_at,
            closed,
            last_post_at,
            mine,
            moderated,
        }
    }
}

/// `SELECT` with all columns of a post `d` in an item `c`. Who wrote it, children among them, is for those who are signed in.
fn columns(scope: &Scope, vision: &Vision) -> Sql {
    let name = if scope.viewer.is_signed_in() { "d.author_name" } else { "CAST('' AS TEXT)" };
    let sql = Sql::new(format!(
        "SELECT d.id, d.content_id, d.topic_id, d.title, d.body, d.author_id, {name}, d.created_at, d.edited_at, \
         d.removed_at, d.closed_at IS NOT NULL, d.last_post_at, d.author_key = ",
    ))
    .string(scope.viewer.actor_key())
    .text(", (");
    let sql = vision.managed(sql, "c").text(" OR ");
    vision.moderated(sql, "c").text(")")
}

/// The posts with these keys in discussions that the viewer sees, in no order.
///
/// # Errors
/// What the database answers.
pub fn by_ids(conn: &mut Conn, scope: &Scope, vision: &Vision, ids: &[i64]) -> Result<Vec<PostRow>, Error> {
    let sql = columns(scope, vision).text(" FROM discussion_posts d JOIN content c ON c.id = d.content_id WHERE d.id");
    let rows = vision.visible(sql.in_ids(ids), "c").load::<Columns, Tuple>(conn)?;
    Ok(rows.into_iter().map(PostRow::from).collect())
}

/// What is listed below what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    /// The topics of discussions, the one that was spoken in last first.
    Topics,
    /// The replies to topics, in the order in which they were made.
    Replies,
}

impl List {
    /// Its order.
    pub fn order(self) -> Order {
        match self {
            Self::Topics => Order {
                name: "topics",
                columns: &[("d.last_post_at", KeyType::Instant), ("d.id", KeyType::Int)],
                descending: true,
            },
            Self::Replies => Order { name: "replies", columns: &[("d.id", KeyType::Int)], descending: false },
        }
    }

    /// The position of a post in it.
    pub fn keys(self, row: &PostRow) -> Vec<Key> {
        let at = row.last_post_at.map(|at| Key::Text(at.format("%Y-%m-%dT%H:%M:%S%.6f").to_string()));
        let first = at.filter(|_| self == Self::Topics);
        position(self.order().name, first.into_iter().chain([Key::Int(row.id)]))
    }

    fn condition(self) -> &'static str {
        match self {
            Self::Topics => "d.topic_id IS NULL AND d.content_id",
            Self::Replies => "d.topic_id",
        }
    }

    fn parent(self, row: &PostRow) -> i64 {
        match self {
            Self::Topics => row.content_id,
            Self::Replies => row.topic_id.unwrap_or_default(),
        }
    }
}

/// A page of what is below each of these, which the viewer sees.
///
/// # Errors
/// `BadInput` for a cursor of another list; what the database answers.
pub fn pages(
    conn: &mut Conn,
    scope: &Scope,
    vision: &Vision,
    list: List,
    parents: &[i64],
    window: &Window,
) -> Result<HashMap<i64, Page<PostRow>>, Error> {
    let order = list.order();
    let inner = |sql: Sql| {
        let sql = sql.text(" FROM discussion_posts d WHERE ").text(list.condition()).text(" = parent.value");
        let sql = window.conditions(sql, &order)?;
        Ok::<_, Error>(window.order_by(sql, &order).text(" LIMIT ").int(window.fetch()))
    };
    let sql = columns(scope, vision);
    let sql = match conn.dialect() {
        Dialect::Sqlite => {
            let sql = sql.text(" FROM json_each(").string(serde_json::Value::from(parents.to_vec()).to_string());
            inner(sql.text(") parent CROSS JOIN discussion_posts d ON d.id IN (SELECT d.id"))?.text(")")
        }
        Dialect::Postgres => {
            let sql =
                sql.text(" FROM unnest(").id_array(parents).text(") parent (value) CROSS JOIN LATERAL (SELECT d.*");
            inner(sql)?.text(") d")
        }
    };
    let sql = window.order_by(sql.text(" JOIN content c ON c.id = d.content_id"), &order);
    let mut by_parent: HashMap<i64, Vec<PostRow>> = HashMap::new();
    for row in sql.load::<Columns, Tuple>(conn)?.into_iter().map(PostRow::from) {
        by_parent.entry(list.parent(&row)).or_default().push(row);
    }
    Ok(by_parent.into_iter().map(|(parent, rows)| (parent, window.page(rows))).collect())
}

/// How much is below each of these.
///
/// # Errors
/// What the database answers.
pub fn counts(conn: &mut Conn, list: List, parents: &[i64]) -> Result<HashMap<i64, i64>, Error> {
    let parent = match list {
        List::Topics => "d.content_id",
        List::Replies => "d.topic_id",
    };
    let sql = Sql::new(format!("SELECT {parent}, COUNT(*) FROM discussion_posts d WHERE {}", list.condition()));
    let sql = sql.in_ids(parents).text(format!(" GROUP BY {parent}"));
    Ok(sql.load::<(BigInt, BigInt), (i64, i64)>(conn)?.into_iter().collect())
}
