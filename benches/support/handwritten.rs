//! What the gateway is measured against: a handler for each operation, with statements that read exactly what it
//! answers with, joined as far as that pays, and structs that serde writes.
//!
//! It has the gateway's pools, checks the same token, leaves the runtime's thread while it reads, and reads whatever
//! takes more than one statement from one snapshot. It knows nothing of selections, sight or limits.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::marker::PhantomData;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::query_dsl::LoadQuery;
use diesel::sql_types::{Array, BigInt, Bool, Date, Nullable, Text, Timestamp};
use diesel::sqlite::Sqlite;
use diesel::{PgConnection, QueryResult, Queryable, RunQueryDsl, SqliteConnection};
use kring::access::token::Keys;
use kring::db::{Conn, Db};
use kring::error::Error;
use kring::id::{Kind, decode_as, encode};
use kring::page::{Key, List, position};
use kring::scope::{Clock, Scope};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// What all requests share.
pub struct Shared {
    pub db: Db,
    pub keys: Keys,
    pub zone: chrono_tz::Tz,
}

/// The one route.
pub fn router(shared: Shared) -> Router {
    Router::new().route("/", post(answer)).with_state(Arc::new(shared))
}

#[derive(Deserialize)]
struct Request {
    op: String,
    #[serde(default)]
    variables: Variables,
}

#[derive(Default, Deserialize)]
struct Variables {
    id: Option<String>,
    of: Option<String>,
    first: Option<i64>,
    members: Option<i64>,
}

impl Variables {
    fn id(&self, kind: Kind) -> i64 {
        self.id.as_deref().and_then(|id| decode_as(kind, id)).unwrap_or_default()
    }
}

async fn answer(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let token = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let Ok(viewer) = shared.keys.verify(token.unwrap_or_default(), Clock::System.now()) else {
        return StatusCode::UNAUTHORIZED.into_response();
    };
    let Ok(request) = serde_json::from_slice::<Request>(&body) else { return StatusCode::BAD_REQUEST.into_response() };
    let today = Scope::new(viewer, Clock::System, shared.zone).today;
    let read = tokio::task::spawn_blocking(move || read(&shared.db, today, &request));
    match read.await {
        Ok(Ok(json)) => ([(header::CONTENT_TYPE, "application/json; charset=utf-8")], json).into_response(),
        _ => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn read(db: &Db, today: NaiveDate, request: &Request) -> Result<Vec<u8>, Error> {
    let variables = &request.variables;
    // One statement is a snapshot by itself.
    match request.op.as_str() {
        "a" => json(&group(&mut *db.reader()?, variables)?),
        "b" => db.read(|conn| json(&groups(conn, today, variables)?)),
        "c" => db.read(|conn| json(&tree(conn, today, variables)?)),
        "d" => db.read(|conn| json(&history(conn, today, variables)?)),
        "e" => db.read(|conn| json(&members(conn, today)?)),
        "f1" => json(&count(&mut *db.reader()?, today, variables)?),
        "f2" => json(&names(&mut *db.reader()?, today, variables)?),
        "f3" => db.read(|conn| json(&names_and_why(conn, today, variables)?)),
        "f4" => json(&is_member(&mut *db.reader()?, today, variables)?),
        _ => Err(Error::BadInput("no such operation".to_owned())),
    }
}

fn json(answer: &impl Serialize) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(answer).map_err(|error| Error::internal(error.to_string()))
}

/// A value bound where the text has a question mark.
enum Bind {
    Int(i64),
    Date(NaiveDate),
    Ids(Vec<i64>, String),
}

impl From<i64> for Bind {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<NaiveDate> for Bind {
    fn from(value: NaiveDate) -> Self {
        Self::Date(value)
    }
}

impl From<Vec<i64>> for Bind {
    fn from(ids: Vec<i64>) -> Self {
        let json = serde_json::to_string(&ids).expect("numbers can be written");
        Self::Ids(ids, json)
    }
}

/// A statement whose text is fixed, so that Diesel finds the prepared one by the type `Id` alone.
struct Statement<Id, St> {
    text: &'static str,
    binds: Vec<Bind>,
    kind: PhantomData<(Id, St)>,
}

impl<Id, St> Statement<Id, St> {
    fn load<Row>(self, conn: &mut Conn) -> QueryResult<Vec<Row>>
    where
        for<'q> Self: LoadQuery<'q, SqliteConnection, Row> + LoadQuery<'q, PgConnection, Row>,
    {
        match conn {
            Conn::Sqlite(conn) => RunQueryDsl::load(self, conn),
            Conn::Postgres(conn) => RunQueryDsl::load(self, conn),
        }
    }
}

/// Runs a statement: its columns, its text for each of the databases (or for both), the values bound.
macro_rules! rows {
    ($conn:expr, $columns:ty, $text:expr, [$($bind:expr),*]) => {
        rows!($conn, $columns, $text, $text, [$($bind),*])
    };
    ($conn:expr, $columns:ty, $sqlite:expr, $postgres:expr, [$($bind:expr),*]) => {{
        struct Id;
        let text = match $conn {
            Conn::Sqlite(_) => $sqlite,
            Conn::Postgres(_) => $postgres,
        };
        Statement::<Id, $columns> { text, binds: vec![$($bind.into()),*], kind: PhantomData }.load($conn)
    }};
}

impl<Id, St> Query for Statement<Id, St> {
    type SqlType = St;
}

impl<Id: 'static, St: 'static> QueryId for Statement<Id, St> {
    type QueryId = Statement<Id, St>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<Id, St, C> RunQueryDsl<C> for Statement<Id, St> {}

impl<Id, St> QueryFragment<Sqlite> for Statement<Id, St> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        let mut pieces = self.text.split('?');
        out.push_sql(pieces.next().unwrap_or_default());
        for (piece, bind) in pieces.zip(&self.binds) {
            match bind {
                Bind::Int(value) => out.push_bind_param::<BigInt, _>(value)?,
                Bind::Date(value) => out.push_bind_param::<Date, _>(value)?,
                Bind::Ids(_, json) => out.push_bind_param::<Text, _>(json)?,
            }
            out.push_sql(piece);
        }
        Ok(())
    }
}

impl<Id, St> QueryFragment<Pg> for Statement<Id, St> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let mut pieces = self.text.split('?');
        out.push_sql(pieces.next().unwrap_or_default());
        for (piece, bind) in pieces.zip(&self.binds) {
            match bind {
                Bind::Int(value) => out.push_bind_param::<BigInt, _>(value)?,
                Bind::Date(value) => out.push_bind_param::<Date, _>(value)?,
                Bind::Ids(ids, _) => out.push_bind_param::<Array<BigInt>, _>(ids)?,
            }
            out.push_sql(piece);
        }
        Ok(())
    }
}

#[derive(Serialize)]
struct Connection<Edge> {
    edges: Vec<Edge>,
}

#[derive(Serialize)]
struct Counted<Edge> {
    #[serde(rename = "totalCount")]
    total_count: i64,
    edges: Vec<Edge>,
}

#[derive(Serialize)]
struct Edge<Node> {
    node: Node,
}

#[derive(Serialize)]
struct Named {
    id: String,
    name: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Person {
    id: String,
    display_name: String,
}

#[derive(Serialize)]
struct Reason {
    code: String,
    label: String,
}

impl Reason {
    fn new(code: Option<String>, label: Option<String>) -> Option<Self> {
        Some(Self { code: code?, label: label? })
    }
}

fn kind(composite: bool, dynamic: bool) -> &'static str {
    match (composite, dynamic) {
        (true, _) => "COMPOSITE",
        (false, true) => "DYNAMIC",
        (false, false) => "STATIC",
    }
}

// One group.

#[derive(Serialize)]
struct GroupAnswer {
    group: Option<Group>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Group {
    id: String,
    external_id: Option<String>,
    name: String,
    kind: &'static str,
    closed: bool,
    composition: String,
    category: Option<Named>,
    responsible: Option<Person>,
}

#[derive(Queryable)]
struct GroupRow {
    id: i64,
    external_id: Option<String>,
    name: String,
    composite: bool,
    dynamic: bool,
    closed: bool,
    composition: String,
    category_id: Option<i64>,
    category: Option<String>,
    responsible_id: Option<i64>,
    responsible: Option<String>,
}

type GroupSql = (
    BigInt,
    Nullable<Text>,
    Text,
    Bool,
    Bool,
    Bool,
    Text,
    Nullable<BigInt>,
    Nullable<Text>,
    Nullable<BigInt>,
    Nullable<Text>,
);

impl GroupRow {
    fn category(id: Option<i64>, name: Option<String>) -> Option<Named> {
        Some(Named { id: encode(Kind::GroupCategory, id?), name: name? })
    }

    fn responsible(id: Option<i64>, name: Option<String>) -> Option<Person> {
        Some(Person { id: encode(Kind::Participant, id?), display_name: name? })
    }
}

fn group(conn: &mut Conn, variables: &Variables) -> Result<GroupAnswer, Error> {
    let rows: Vec<GroupRow> = rows!(
        conn,
        GroupSql,
        "SELECT g.id, g.external_id, g.name, EXISTS (SELECT 1 FROM group_components c WHERE c.composite_id = g.id), \
         g.member_filter IS NOT NULL, g.closed, g.composition, k.id, k.name, p.id, p.display_name FROM groups g \
         LEFT JOIN group_categories k ON k.id = g.category_id LEFT JOIN participants p ON p.id = g.responsible_id \
         WHERE g.id = ?",
        [variables.id(Kind::Group)]
    )?;
    let group = rows.into_iter().next().map(|row| Group {
        id: encode(Kind::Group, row.id),
        external_id: row.external_id,
        name: row.name,
        kind: kind(row.composite, row.dynamic),
        closed: row.closed,
        composition: row.composition,
        category: GroupRow::category(row.category_id, row.category),
        responsible: GroupRow::responsible(row.responsible_id, row.responsible),
    });
    Ok(GroupAnswer { group })
}

// A page of groups.

#[derive(Serialize)]
struct GroupsAnswer {
    groups: GroupConnection,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GroupConnection {
    total_count: i64,
    page_info: PageInfo,
    edges: Vec<GroupEdge>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PageInfo {
    has_next_page: bool,
    has_previous_page: bool,
    start_cursor: Option<String>,
    end_cursor: Option<String>,
}

#[derive(Serialize)]
struct GroupEdge {
    cursor: String,
    node: ListedGroup,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ListedGroup {
    id: String,
    external_id: Option<String>,
    name: String,
    kind: &'static str,
    closed: bool,
    category: Option<Named>,
    responsible: Option<Person>,
    member_count: i64,
}

#[derive(Queryable)]
struct ListedRow {
    id: i64,
    external_id: Option<String>,
    name: String,
    sort_key: String,
    composite: bool,
    dynamic: bool,
    closed: bool,
    category_id: Option<i64>,
    category: Option<String>,
    responsible_id: Option<i64>,
    responsible: Option<String>,
    members: i64,
}

type ListedSql = (
    BigInt,
    Nullable<Text>,
    Text,
    Text,
    Bool,
    Bool,
    Bool,
    Nullable<BigInt>,
    Nullable<Text>,
    Nullable<BigInt>,
    Nullable<Text>,
    BigInt,
);

fn groups(conn: &mut Conn, today: NaiveDate, variables: &Variables) -> Result<GroupsAnswer, Error> {
    let first = variables.first.unwrap_or(20);
    let mut rows: Vec<ListedRow> = rows!(
        conn,
        ListedSql,
        "SELECT g.id, g.external_id, g.name, g.sort_key, \
         EXISTS (SELECT 1 FROM group_components c WHERE c.composite_id = g.id), g.member_filter IS NOT NULL, g.closed, \
         k.id, k.name, p.id, p.display_name, \
         (SELECT COUNT(*) FROM memberships m WHERE m.group_id = g.id AND m.annulled_at IS NULL AND m.start_date <= ? \
         AND (m.end_date IS NULL OR m.end_date > ?)) \
         FROM (SELECT * FROM groups WHERE NOT closed ORDER BY sort_key, id LIMIT ?) g \
         LEFT JOIN group_categories k ON k.id = g.category_id LEFT JOIN participants p ON p.id = g.responsible_id \
         ORDER BY g.sort_key, g.id",
        [today, today, first + 1]
    )?;
    let totals: Vec<i64> = rows!(conn, BigInt, "SELECT COUNT(*) FROM groups WHERE NOT closed", [])?;
    let limit = usize::try_from(first).unwrap_or_default();
    let has_next_page = rows.len() > limit;
    rows.truncate(limit);
    let edges: Vec<GroupEdge> = rows
        .into_iter()
        .map(|row| GroupEdge {
            cursor: List::of("Query", "groups").cursor(&position("name", [Key::Text(row.sort_key), Key::Int(row.id)])),
            node: ListedGroup {
                id: encode(Kind::Group, row.id),
                external_id: row.external_id,
                name: row.name,
                kind: kind(row.composite, row.dynamic),
                closed: row.closed,
                category: GroupRow::category(row.category_id, row.category),
                responsible: GroupRow::responsible(row.responsible_id, row.responsible),
                member_count: row.members,
            },
        })
        .collect();
    let page_info = PageInfo {
        has_next_page,
        has_previous_page: false,
        start_cursor: edges.first().map(|edge| edge.cursor.clone()),
        end_cursor: edges.last().map(|edge| edge.cursor.clone()),
    };
    Ok(GroupsAnswer { groups: GroupConnection { total_count: totals[0], page_info, edges } })
}

// A tree with the members of its lowest groups.

#[derive(Serialize)]
struct TreeAnswer {
    group: Option<Top>,
}

#[derive(Serialize)]
struct Top {
    name: String,
    kind: &'static str,
    composition: String,
    components: Vec<Component<Middle>>,
}

#[derive(Serialize)]
struct Component<Group> {
    mode: String,
    group: Group,
}

#[derive(Serialize)]
struct Middle {
    name: String,
    components: Vec<Component<Lowest>>,
}

#[derive(Serialize)]
struct Lowest {
    name: String,
    memberships: Counted<Edge<TreeMembership>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TreeMembership {
    start_date: NaiveDate,
    start_reason: Option<Reason>,
    end_date: Option<NaiveDate>,
    end_reason: Option<Reason>,
    role: String,
    origin: String,
    participant: KnownPerson,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct KnownPerson {
    id: String,
    display_name: String,
    kind: String,
}

#[derive(Queryable)]
struct TreeRow {
    group: i64,
    start_date: NaiveDate,
    end_date: Option<NaiveDate>,
    role: String,
    origin: String,
    start_reason: (Option<String>, Option<String>),
    end_reason: (Option<String>, Option<String>),
    participant: (i64, String, String),
}

type ReasonSql = (Nullable<Text>, Nullable<Text>);
type TreeSql = (BigInt, Date, Nullable<Date>, Text, Text, ReasonSql, ReasonSql, (BigInt, Text, Text));

fn tree(conn: &mut Conn, today: NaiveDate, variables: &Variables) -> Result<TreeAnswer, Error> {
    let (id, number) = (variables.id(Kind::Group), variables.members.unwrap_or(20));
    let tops: Vec<(String, bool, String)> = rows!(
        conn,
        (Text, Bool, Text),
        "SELECT name, member_filter IS NOT NULL, composition FROM groups WHERE id = ?",
        [id]
    )?;
    let Some((name, dynamic, composition)) = tops.into_iter().next() else { return Ok(TreeAnswer { group: None }) };
    let below: Vec<(String, i64, String, Option<(String, i64, String)>)> = rows!(
        conn,
        (Text, BigInt, Text, Nullable<(Text, BigInt, Text)>),
        "SELECT c.mode, g.id, g.name, d.mode, h.id, h.name FROM group_components c JOIN groups g ON g.id = c.component_id \
         LEFT JOIN group_components d ON d.composite_id = c.component_id LEFT JOIN groups h ON h.id = d.component_id \
         WHERE c.composite_id = ? ORDER BY c.position, c.component_id, d.position, d.component_id",
        [id]
    )?;
    let lowest: Vec<i64> = below.iter().filter_map(|(.., lower)| lower.as_ref().map(|(_, id, _)| *id)).collect();
    let rows: Vec<TreeRow> = rows!(
        conn,
        TreeSql,
        "SELECT m.group_id, m.start_date, m.end_date, m.role, m.origin, s.code, s.label, e.code, e.label, p.id, p.display_name, \
         p.kind FROM json_each(?) parent CROSS JOIN memberships m ON m.id IN (SELECT m.id FROM memberships m \
         WHERE m.annulled_at IS NULL AND m.group_id = parent.value AND m.start_date <= ? \
         AND (m.end_date IS NULL OR m.end_date > ?) ORDER BY m.member_key, m.participant_id, m.start_date, m.id LIMIT ?) \
         JOIN participants p ON p.id = m.participant_id JOIN start_reasons s ON s.id = m.start_reason_id \
         LEFT JOIN end_reasons e ON e.id = m.end_reason_id ORDER BY m.member_key, m.participant_id, m.start_date, m.id",
        "SELECT m.group_id, m.start_date, m.end_date, m.role, m.origin, s.code, s.label, e.code, e.label, p.id, p.display_name, \
         p.kind FROM unnest(?) parent (value) CROSS JOIN LATERAL (SELECT * FROM memberships m \
         WHERE m.annulled_at IS NULL AND m.group_id = parent.value AND m.start_date <= ? \
         AND (m.end_date IS NULL OR m.end_date > ?) ORDER BY m.member_key, m.participant_id, m.start_date, m.id LIMIT ?) m \
         JOIN participants p ON p.id = m.participant_id JOIN start_reasons s ON s.id = m.start_reason_id \
         LEFT JOIN end_reasons e ON e.id = m.end_reason_id ORDER BY m.member_key, m.participant_id, m.start_date, m.id",
        [lowest.clone(), today, today, number]
    )?;
    let totals: Vec<(i64, i64)> = rows!(
        conn,
        (BigInt, BigInt),
        "SELECT m.group_id, COUNT(*) FROM memberships m WHERE m.group_id IN (SELECT value FROM json_each(?)) \
         AND m.annulled_at IS NULL AND m.start_date <= ? AND (m.end_date IS NULL OR m.end_date > ?) GROUP BY m.group_id",
        "SELECT m.group_id, COUNT(*) FROM memberships m WHERE m.group_id = ANY(?) \
         AND m.annulled_at IS NULL AND m.start_date <= ? AND (m.end_date IS NULL OR m.end_date > ?) GROUP BY m.group_id",
        [lowest, today, today]
    )?;
    let totals: HashMap<i64, i64> = totals.into_iter().collect();
    let mut members: HashMap<i64, Vec<Edge<TreeMembership>>> = HashMap::new();
    for row in rows {
        let (id, display_name, kind) = row.participant;
        let node = TreeMembership {
            start_date: row.start_date,
            start_reason: Reason::new(row.start_reason.0, row.start_reason.1),
            end_date: row.end_date,
            end_reason: Reason::new(row.end_reason.0, row.end_reason.1),
            role: row.role,
            origin: row.origin,
            participant: KnownPerson { id: encode(Kind::Participant, id), display_name, kind },
        };
        members.entry(row.group).or_default().push(Edge { node });
    }
    let mut components: Vec<Component<Middle>> = Vec::new();
    let mut last = None;
    for (mode, id, name, lower) in below {
        if last.replace(id) != Some(id) {
            components.push(Component { mode, group: Middle { name, components: Vec::new() } });
        }
        if let (Some((mode, id, name)), Some(middle)) = (lower, components.last_mut()) {
            let memberships = Counted {
                total_count: totals.get(&id).copied().unwrap_or_default(),
                edges: members.remove(&id).unwrap_or_default(),
            };
            middle.group.components.push(Component { mode, group: Lowest { name, memberships } });
        }
    }
    let kind = kind(!components.is_empty(), dynamic);
    Ok(TreeAnswer { group: Some(Top { name, kind, composition, components }) })
}

// A person's history.

#[derive(Serialize)]
struct HistoryAnswer {
    participant: Option<PersonHistory>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PersonHistory {
    id: String,
    external_id: Option<String>,
    display_name: String,
    memberships: Counted<Edge<PastMembership>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PastMembership {
    id: String,
    group: PastGroup,
    start_date: NaiveDate,
    start_reason: Option<Reason>,
    end_date: Option<NaiveDate>,
    end_reason: Option<Reason>,
    end_note: Option<String>,
    status: &'static str,
    history: Connection<Edge<Entry>>,
}

#[derive(Serialize)]
struct PastGroup {
    id: String,
    name: String,
    category: Option<CategoryName>,
}

#[derive(Serialize)]
struct CategoryName {
    name: String,
}

#[derive(Serialize)]
struct Entry {
    at: DateTime<Utc>,
    actor: Actor,
    action: String,
    /// Stored as it is shown.
    changes: Box<RawValue>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Actor {
    display_name: String,
}

#[derive(Queryable)]
struct PastRow {
    id: i64,
    group: (i64, String, Option<String>),
    start_date: NaiveDate,
    end_date: Option<NaiveDate>,
    end_note: Option<String>,
    start_reason: (Option<String>, Option<String>),
    end_reason: (Option<String>, Option<String>),
}

type PastSql = (BigInt, (BigInt, Text, Nullable<Text>), Date, Nullable<Date>, Nullable<Text>, ReasonSql, ReasonSql);
type EntrySql = (BigInt, Timestamp, Text, Text, Text);

fn history(conn: &mut Conn, today: NaiveDate, variables: &Variables) -> Result<HistoryAnswer, Error> {
    let id = variables.id(Kind::Participant);
    let people: Vec<(Option<String>, String)> =
        rows!(conn, (Nullable<Text>, Text), "SELECT external_id, display_name FROM participants WHERE id = ?", [id])?;
    let Some((external_id, display_name)) = people.into_iter().next() else {
        return Ok(HistoryAnswer { participant: None });
    };
    let mut rows: Vec<PastRow> = rows!(
        conn,
        PastSql,
        "SELECT m.id, g.id, g.name, k.name, m.start_date, m.end_date, m.end_note, s.code, s.label, e.code, e.label \
         FROM memberships m JOIN groups g ON g.id = m.group_id LEFT JOIN group_categories k ON k.id = g.category_id \
         JOIN start_reasons s ON s.id = m.start_reason_id LEFT JOIN end_reasons e ON e.id = m.end_reason_id \
         WHERE m.participant_id = ? AND m.annulled_at IS NULL ORDER BY m.start_date DESC, m.id DESC LIMIT 101",
        [id]
    )?;
    let total_count = if rows.len() > 100 {
        let totals: Vec<i64> = rows!(
            conn,
            BigInt,
            "SELECT COUNT(*) FROM memberships WHERE annulled_at IS NULL AND participant_id = ?",
            [id]
        )?;
        totals[0]
    } else {
        i64::try_from(rows.len()).unwrap_or_default()
    };
    rows.truncate(100);
    let entries: Vec<(i64, NaiveDateTime, String, String, String)> = rows!(
        conn,
        EntrySql,
        "SELECT h.entity_id, h.at, h.actor_name, h.action, h.changes FROM json_each(?) parent \
         CROSS JOIN history h ON h.id IN (SELECT h.id FROM history h WHERE h.entity = 'MEMBERSHIP' \
         AND h.entity_id = parent.value ORDER BY h.id DESC LIMIT 20) ORDER BY h.id DESC",
        "SELECT h.entity_id, h.at, h.actor_name, h.action, h.changes FROM unnest(?) parent (value) \
         CROSS JOIN LATERAL (SELECT * FROM history h WHERE h.entity = 'MEMBERSHIP' \
         AND h.entity_id = parent.value ORDER BY h.id DESC LIMIT 20) h ORDER BY h.id DESC",
        [rows.iter().map(|row| row.id).collect::<Vec<i64>>()]
    )?;
    let mut histories: HashMap<i64, Vec<Edge<Entry>>> = HashMap::new();
    for (of, at, display_name, action, changes) in entries {
        let changes = RawValue::from_string(changes).map_err(|error| Error::internal(error.to_string()))?;
        let node = Entry { at: at.and_utc(), actor: Actor { display_name }, action, changes };
        histories.entry(of).or_default().push(Edge { node });
    }
    let edges = rows.into_iter().map(|row| {
        let (group, name, category) = row.group;
        let status = match row.end_date {
            Some(end) if end <= today => "ENDED",
            _ if row.start_date > today => "SCHEDULED",
            _ => "ACTIVE",
        };
        let node = PastMembership {
            id: encode(Kind::Membership, row.id),
            group: PastGroup {
                id: encode(Kind::Group, group),
                name,
                category: category.map(|name| CategoryName { name }),
            },
            start_date: row.start_date,
            start_reason: Reason::new(row.start_reason.0, row.start_reason.1),
            end_date: row.end_date,
            end_reason: Reason::new(row.end_reason.0, row.end_reason.1),
            end_note: row.end_note,
            status,
            history: Connection { edges: histories.remove(&row.id).unwrap_or_default() },
        };
        Edge { node }
    });
    let memberships = Counted { total_count, edges: edges.collect() };
    let participant = PersonHistory { id: encode(Kind::Participant, id), external_id, display_name, memberships };
    Ok(HistoryAnswer { participant: Some(participant) })
}

// A page of groups with the first members of each.

#[derive(Serialize)]
struct MembersAnswer {
    groups: Connection<Edge<GroupMembers>>,
}

#[derive(Serialize)]
struct GroupMembers {
    name: String,
    memberships: Connection<Edge<Membership>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Membership {
    start_date: NaiveDate,
    role: String,
    participant: Person,
}

fn members(conn: &mut Conn, today: NaiveDate) -> Result<MembersAnswer, Error> {
    let groups: Vec<(i64, String)> =
        rows!(conn, (BigInt, Text), "SELECT id, name FROM groups WHERE NOT closed ORDER BY sort_key, id LIMIT 50", [])?;
    let rows: Vec<(i64, NaiveDate, String, i64, String)> = rows!(
        conn,
        (BigInt, Date, Text, BigInt, Text),
        "SELECT m.group_id, m.start_date, m.role, p.id, p.display_name FROM json_each(?) parent \
         CROSS JOIN memberships m ON m.id IN (SELECT m.id FROM memberships m \
         WHERE m.annulled_at IS NULL AND m.group_id = parent.value AND m.start_date <= ? \
         AND (m.end_date IS NULL OR m.end_date > ?) ORDER BY m.member_key, m.participant_id, m.start_date, m.id LIMIT 20) \
         JOIN participants p ON p.id = m.participant_id ORDER BY m.member_key, m.participant_id, m.start_date, m.id",
        "SELECT m.group_id, m.start_date, m.role, p.id, p.display_name FROM unnest(?) parent (value) \
         CROSS JOIN LATERAL (SELECT * FROM memberships m \
         WHERE m.annulled_at IS NULL AND m.group_id = parent.value AND m.start_date <= ? \
         AND (m.end_date IS NULL OR m.end_date > ?) ORDER BY m.member_key, m.participant_id, m.start_date, m.id LIMIT 20) m \
         JOIN participants p ON p.id = m.participant_id ORDER BY m.member_key, m.participant_id, m.start_date, m.id",
        [groups.iter().map(|(id, _)| *id).collect::<Vec<i64>>(), today, today]
    )?;
    let mut members: HashMap<i64, Vec<Edge<Membership>>> = HashMap::new();
    for (group, start_date, role, id, display_name) in rows {
        let participant = Person { id: encode(Kind::Participant, id), display_name };
        members.entry(group).or_default().push(Edge { node: Membership { start_date, role, participant } });
    }
    let edges = groups.into_iter().map(|(id, name)| {
        let memberships = Connection { edges: members.remove(&id).unwrap_or_default() };
        Edge { node: GroupMembers { name, memberships } }
    });
    Ok(MembersAnswer { groups: Connection { edges: edges.collect() } })
}

// Who belongs to a composite of nothing but unions.

#[derive(Serialize)]
struct One<Group> {
    group: Group,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EffectiveCount {
    effective_member_count: i64,
}

fn count(conn: &mut Conn, today: NaiveDate, variables: &Variables) -> Result<One<EffectiveCount>, Error> {
    let counts: Vec<i64> = rows!(
        conn,
        BigInt,
        "WITH RECURSIVE below (id) AS (SELECT ? UNION SELECT c.component_id FROM below b \
         JOIN group_components c ON c.composite_id = b.id) \
         SELECT COUNT(DISTINCT m.participant_id) FROM below b JOIN memberships m ON m.group_id = b.id \
         WHERE m.annulled_at IS NULL AND m.start_date <= ? AND (m.end_date IS NULL OR m.end_date > ?)",
        [variables.id(Kind::Group), today, today]
    )?;
    Ok(One { group: EffectiveCount { effective_member_count: counts[0] } })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EffectiveMembers<Edge> {
    effective_members: Connection<Edge>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Name {
    display_name: String,
}

fn first_by_name(conn: &mut Conn, today: NaiveDate, variables: &Variables) -> Result<Vec<(i64, String)>, Error> {
    Ok(rows!(
        conn,
        (BigInt, Text),
        "WITH RECURSIVE below (id) AS (SELECT ? UNION SELECT c.component_id FROM below b \
         JOIN group_components c ON c.composite_id = b.id) \
         SELECT p.id, p.display_name FROM participants p WHERE EXISTS (SELECT 1 FROM memberships m \
         WHERE m.participant_id = p.id AND m.annulled_at IS NULL AND m.start_date <= ? \
         AND (m.end_date IS NULL OR m.end_date > ?) AND m.group_id IN (SELECT id FROM below)) \
         ORDER BY p.sort_key, p.id LIMIT 100",
        "WITH RECURSIVE below (id) AS (SELECT ? UNION SELECT c.component_id FROM below b \
         JOIN group_components c ON c.composite_id = b.id) \
         SELECT p.id, p.display_name FROM participants p CROSS JOIN LATERAL (SELECT 1 FROM memberships m \
         WHERE m.participant_id = p.id AND m.annulled_at IS NULL AND m.start_date <= ? \
         AND (m.end_date IS NULL OR m.end_date > ?) AND m.group_id IN (SELECT id FROM below) LIMIT 1) found \
         ORDER BY p.sort_key, p.id LIMIT 100",
        [variables.id(Kind::Group), today, today]
    )?)
}

fn names(conn: &mut Conn, today: NaiveDate, variables: &Variables) -> Result<One<EffectiveMembers<Edge<Name>>>, Error> {
    let rows = first_by_name(conn, today, variables)?;
    let edges = rows.into_iter().map(|(_, display_name)| Edge { node: Name { display_name } });
    Ok(One { group: EffectiveMembers { effective_members: Connection { edges: edges.collect() } } })
}

#[derive(Serialize)]
struct BelongingEdge {
    implicit: bool,
    via: Vec<Path>,
    node: Name,
}

#[derive(Serialize)]
struct Path {
    groups: Vec<Named>,
}

fn names_and_why(
    conn: &mut Conn,
    today: NaiveDate,
    variables: &Variables,
) -> Result<One<EffectiveMembers<BelongingEdge>>, Error> {
    let big = variables.id(Kind::Group);
    let people = first_by_name(conn, today, variables)?;
    let standing: Vec<(i64, i64)> = rows!(
        conn,
        (BigInt, BigInt),
        "SELECT m.participant_id, m.group_id FROM memberships m WHERE m.participant_id IN (SELECT value FROM json_each(?)) \
         AND m.annulled_at IS NULL AND m.start_date <= ? AND (m.end_date IS NULL OR m.end_date > ?) ORDER BY m.group_id",
        "SELECT m.participant_id, m.group_id FROM memberships m WHERE m.participant_id = ANY(?) \
         AND m.annulled_at IS NULL AND m.start_date <= ? AND (m.end_date IS NULL OR m.end_date > ?) ORDER BY m.group_id",
        [people.iter().map(|(id, _)| *id).collect::<Vec<i64>>(), today, today]
    )?;
    let stands: HashSet<i64> = standing.iter().map(|(_, group)| *group).collect();
    let edges: Vec<(i64, i64)> = rows!(
        conn,
        (BigInt, BigInt),
        "WITH RECURSIVE up (id) AS (SELECT value FROM json_each(?) UNION SELECT c.composite_id FROM up \
         JOIN group_components c ON c.component_id = up.id) \
         SELECT c.component_id, c.composite_id FROM up JOIN group_components c ON c.component_id = up.id",
        "WITH RECURSIVE up (id) AS (SELECT unnest(?) UNION SELECT c.composite_id FROM up \
         JOIN group_components c ON c.component_id = up.id) \
         SELECT c.component_id, c.composite_id FROM up JOIN group_components c ON c.component_id = up.id",
        [stands.into_iter().collect::<Vec<i64>>()]
    )?;
    let mut parents: HashMap<i64, Vec<i64>> = HashMap::new();
    for (component, composite) in edges {
        parents.entry(component).or_default().push(composite);
    }
    let mut groups_of: HashMap<i64, Vec<i64>> = HashMap::new();
    for (person, group) in standing {
        groups_of.entry(person).or_default().push(group);
    }
    let paths: Vec<(bool, Vec<Vec<i64>>)> = people
        .iter()
        .map(|(id, _)| {
            let of = groups_of.get(id).map(Vec::as_slice).unwrap_or_default();
            (!of.contains(&big), chains(big, of, &parents))
        })
        .collect();
    let mut named: Vec<i64> = paths.iter().flat_map(|(_, paths)| paths.iter().flatten().copied()).collect();
    named.sort_unstable();
    named.dedup();
    let names: Vec<(i64, String)> = rows!(
        conn,
        (BigInt, Text),
        "SELECT id, name FROM groups WHERE id IN (SELECT value FROM json_each(?))",
        "SELECT id, name FROM groups WHERE id = ANY(?)",
        [named]
    )?;
    let names: BTreeMap<i64, String> = names.into_iter().collect();
    let path = |path: Vec<i64>| {
        let groups = path
            .into_iter()
            .filter_map(|id| names.get(&id).map(|name| Named { id: encode(Kind::Group, id), name: name.clone() }));
        Path { groups: groups.collect() }
    };
    let edges = people.into_iter().zip(paths).map(|((_, display_name), (implicit, paths))| BelongingEdge {
        implicit,
        via: paths.into_iter().map(path).collect(),
        node: Name { display_name },
    });
    Ok(One { group: EffectiveMembers { effective_members: Connection { edges: edges.collect() } } })
}

/// Every way up from the groups to `top`, the shortest first.
fn chains(top: i64, from: &[i64], parents: &HashMap<i64, Vec<i64>>) -> Vec<Vec<i64>> {
    let mut found = Vec::new();
    let mut queue: VecDeque<Vec<i64>> = from.iter().map(|group| vec![*group]).collect();
    while let Some(chain) = queue.pop_front() {
        let Some(last) = chain.last().copied() else { continue };
        if last == top {
            found.push(chain.into_iter().rev().collect());
            continue;
        }
        for parent in parents.get(&last).into_iter().flatten() {
            queue.push_back(chain.iter().copied().chain([*parent]).collect());
        }
    }
    found
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct IsMember {
    is_member: bool,
}

fn is_member(conn: &mut Conn, today: NaiveDate, variables: &Variables) -> Result<One<IsMember>, Error> {
    let of = variables.of.as_deref().and_then(|id| decode_as(Kind::Participant, id)).unwrap_or_default();
    let found: Vec<bool> = rows!(
        conn,
        Bool,
        "WITH RECURSIVE up (id) AS (SELECT m.group_id FROM memberships m WHERE m.participant_id = ? \
         AND m.annulled_at IS NULL AND m.start_date <= ? AND (m.end_date IS NULL OR m.end_date > ?) \
         UNION SELECT c.composite_id FROM up JOIN group_components c ON c.component_id = up.id) \
         SELECT EXISTS (SELECT 1 FROM up WHERE id = ?)",
        [of, today, today, variables.id(Kind::Group)]
    )?;
    Ok(One { group: IsMember { is_member: found.first() == Some(&true) } })
}
