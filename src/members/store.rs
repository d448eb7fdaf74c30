//! Memberships, reasons and history as rows.

use std::collections::HashMap;

use chrono::{NaiveDate, NaiveDateTime};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Date, Nullable, Text, Timestamp};

use super::{Origin, Role, Status, status};
use crate::access::sight::Sight;
use crate::db::moment::{Day, Moment};
use crate::db::schema::memberships;
use crate::db::{Conn, Dialect, Sql, on};
use crate::error::Error;
use crate::page::{Key, KeyType, Order, Page, Window, position};
use crate::people::filter::searched;
use crate::text::code_key;

/// A direct membership.
#[derive(Clone, Debug)]
pub struct MembershipRow {
    pub id: i64,
    pub group_id: i64,
    pub participant_id: i64,
    pub member_key: String,
    pub start_date: NaiveDate,
    pub start_reason_id: i64,
    pub end_date: Option<NaiveDate>,
    pub end_reason_id: Option<i64>,
    pub end_note: Option<String>,
    pub role: Role,
    pub origin: Origin,
    pub annulled_at: Option<NaiveDateTime>,
    pub created_at: NaiveDateTime,
    pub updated_at: NaiveDateTime,
    /// Whether the viewer may read what concerns the member alone.
    pub personal: bool,
    /// Where it stands today.
    pub status: Status,
}

type PeriodSql = (Date, BigInt, Nullable<Date>, Nullable<BigInt>, Nullable<Text>);
type MembershipSql =
    (BigInt, BigInt, BigInt, Text, PeriodSql, Text, Text, Nullable<Timestamp>, Timestamp, Timestamp, Bool);
type Period = (Day, i64, Option<Day>, Option<i64>, Option<String>);
type Tuple = (i64, i64, i64, String, Period, Role, Origin, Option<Moment>, Moment, Moment, bool);

const COLUMNS: &str = "SELECT m.id, m.group_id, m.participant_id, m.member_key, m.start_date, m.start_reason_id, \
                       m.end_date, m.end_reason_id, m.end_note, m.role, m.origin, m.annulled_at, m.created_at, \
                       m.updated_at, ";

fn columns(sight: &Sight) -> Sql {
    sight.personal_membership(Sql::new(COLUMNS), "m").text(" AS personal")
}

fn load(sql: Sql, conn: &mut Conn, today: NaiveDate) -> Result<Vec<MembershipRow>, Error> {
    let rows = sql.load::<MembershipSql, Tuple>(conn)?;
    Ok(rows.into_iter().map(|row| MembershipRow::new(row, today)).collect())
}

impl MembershipRow {
    fn new(row: Tuple, today: NaiveDate) -> Self {
        let (
            id,
            group_id,
            participant_id,
            member_key,
            period,
            role,
            origin,
            annulled_at,
            created_at,
            updated_at,
            personal,
        ) = row;
        let (Day(start_date), start_reason_id, end_date, end_reason_id, end_note) = period;
        let end_date = end_date.map(|day| day.0);
        Self {
            id,
            group_id,
            participant_id,
            member_key,
            start_date,
            start_reason_id,
            end_date,
            end_reason_id,
            end_note,
            role,
            origin,
            annulled_at: annulled_at.map(|moment| moment.0),
            created_at: created_at.0,
            updated_at: updated_at.0,
            personal,
            status: status(start_date, end_date, today),
        }
    }
}

/// Which memberships.
#[derive(Clone, Debug, Default)]
pub struct MembershipFilter {
    /// Absent means any.
    pub status: Option<Status>,
    /// The date on which the status is judged.
    pub on: NaiveDate,
    pub role: Option<Role>,
    pub origin: Option<Origin>,
    pub start_reason: Option<String>,
    pub end_reason: Option<String>,
    pub started_from: Option<NaiveDate>,
    pub started_until: Option<NaiveDate>,
    pub ended_from: Option<NaiveDate>,
    pub ended_until: Option<NaiveDate>,
    pub group_id: Option<i64>,
    pub participant_id: Option<i64>,
    pub organization_id: Option<i64>,
    pub category_id: Option<i64>,
    pub text: Option<String>,
}

impl MembershipFilter {
    fn conditions(&self, mut sql: Sql, sight: &Sight) -> Sql {
        if let Some(organization) = self.organization_id {
            sql = sight.names(sql, organization);
        }
        sql = match self.status {
            None => sql,
            Some(Status::Active) => sql
                .text(" AND m.start_date <= ")
                .date(self.on)
                .text(" AND (m.end_date IS NULL OR m.end_date > ")
                .date(self.on)
                .text(")"),
            Some(Status::Scheduled) => sql
                .text(" AND m.start_date > ")
                .date(self.on)
                .text(" AND (m.end_date IS NULL OR m.end_date > ")
                .date(self.on)
                .text(")"),
            Some(Status::Ended) => sql.text(" AND m.end_date <= ").date(self.on),
        };
        for (column, value) in
            [(" AND m.role = ", self.role.map(Role::as_str)), (" AND m.origin = ", self.origin.map(Origin::as_str))]
        {
            if let Some(value) = value {
                sql = sql.text(column).string(value);
            }
        }
        for (text, code) in [
            (" AND m.start_reason_id IN (SELECT id FROM start_reasons WHERE code = ", &self.start_reason),
            (" AND m.end_reason_id IN (SELECT id FROM end_reasons WHERE code = ", &self.end_reason),
        ] {
            if let Some(code) = code {
                sql = sql.text(text).string(code_key(code)).text(")");
            }
        }
        self.narrow(sql)
    }

    /// The conditions besides status, role, origin and reasons.
    fn narrow(&self, mut sql: Sql) -> Sql {
        for (column, value) in [
            (" AND m.start_date >= ", self.started_from),
            (" AND m.start_date <= ", self.started_until),
            (" AND m.end_date >= ", self.ended_from),
            (" AND m.end_date <= ", self.ended_until),
        ] {
            if let Some(value) = value {
                sql = sql.text(column).date(value);
            }
        }
        for (text, id) in [(" AND m.group_id = ", self.group_id), (" AND m.participant_id = ", self.participant_id)] {
            if let Some(id) = id {
                sql = sql.text(text).int(id);
            }
        }
        for (text, id) in [
            (" AND m.group_id IN (SELECT id FROM groups WHERE organization_id = ", self.organization_id),
            (" AND m.group_id IN (SELECT id FROM groups WHERE category_id = ", self.category_id),
        ] {
            if let Some(id) = id {
                sql = sql.text(text).int(id).text(")");
            }
        }
        if let Some(text) = &self.text {
            sql = sql.text(" AND m.participant_id IN (SELECT id FROM participants WHERE 1 = 1");
            sql = searched(sql, "search_text", text).text(")");
        }
        sql
    }
}

/// The order of memberships.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MembershipOrder {
    ParticipantName,
    StartDate,
    EndDate,
}

impl MembershipOrder {
    /// As expressions over `m`. A membership without an end comes after all that have one.
    pub fn order(self, descending: bool) -> Order {
        let columns: &'static [(&'static str, KeyType)] = match self {
            Self::ParticipantName => &[
                ("m.member_key", KeyType::Text),
                ("m.participant_id", KeyType::Int),
                ("m.start_date", KeyType::Date),
                ("m.id", KeyType::Int),
            ],
            Self::StartDate => &[("m.start_date", KeyType::Date), ("m.id", KeyType::Int)],
            Self::EndDate => &[("coalesce(m.end_date, '9999-12-31')", KeyType::Date), ("m.id", KeyType::Int)],
        };
        Order { name: self.name(), columns, descending }
    }

    /// The name of the order, with which the position of every membership begins.
    pub fn name(self) -> &'static str {
        match self {
            Self::ParticipantName => "name",
            Self::StartDate => "start",
            Self::EndDate => "end",
        }
    }

    /// The position of a membership in this order.
    pub fn keys(self, row: &MembershipRow) -> Vec<Key> {
        let date = |date: NaiveDate| Key::Text(date.to_string());
        let keys = match self {
            Self::ParticipantName => vec![
                Key::Text(row.member_key.clone()),
                Key::Int(row.participant_id),
                date(row.start_date),
                Key::Int(row.id),
            ],
            Self::StartDate => vec![date(row.start_date), Key::Int(row.id)],
            Self::EndDate => {
                vec![row.end_date.map_or_else(|| Key::Text("9999-12-31".to_owned()), date), Key::Int(row.id)]
            }
        };
        position(self.name(), keys)
    }
}

/// Whose memberships a list holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    Group,
    Participant,
}

impl Of {
    fn column(self) -> &'static str {
        match self {
            Self::Group => "m.group_id",
            Self::Participant => "m.participant_id",
        }
    }

    /// Which of the two the membership was read for.
    pub fn parent(self, row: &MembershipRow) -> i64 {
        match self {
            Self::Group => row.group_id,
            Self::Participant => row.participant_id,
        }
    }
}

/// A page of memberships for each parent, in one statement; the parents without any are left out.
///
/// # Errors
/// `BadInput` for a cursor of another order; what the database answers.
pub fn pages(
    conn: &mut Conn,
    sight: &Sight,
    today: NaiveDate,
    of: Of,
    parents: &[i64],
    filter: &MembershipFilter,
    order: &Order,
    window: &Window,
) -> Result<HashMap<i64, Page<MembershipRow>>, Error> {
    let rows = match parents {
        [] => Vec::new(),
        [parent] => load(one_page(sight, of, *parent, filter, order, window)?, conn, today)?,
        parents => {
            let sql = top_of_each(conn.dialect(), sight, of, parents, filter, order, window)?;
            load(sql, conn, today)?
        }
    };
    let mut by_parent: HashMap<i64, Vec<MembershipRow>> = HashMap::new();
    for row in rows {
        by_parent.entry(of.parent(&row)).or_default().push(row);
    }
    Ok(by_parent.into_iter().map(|(parent, rows)| (parent, window.page(rows))).collect())
}

fn one_page(
    sight: &Sight,
    of: Of,
    parent: i64,
    filter: &MembershipFilter,
    order: &Order,
    window: &Window,
) -> Result<Sql, Error> {
    let sql = columns(sight).text(" FROM memberships m WHERE m.annulled_at IS NULL AND ").text(of.column()).text(" = ");
    let sql = window.conditions(filter.conditions(sight.memberships(sql.int(parent), "m"), sight), order)?;
    Ok(window.order_by(sql, order).text(" LIMIT ").int(window.fetch()))
}

/// Reads no more than the page of each parent, however many memberships each has.
fn top_of_each(
    dialect: Dialect,
    sight: &Sight,
    of: Of,
    parents: &[i64],
    filter: &MembershipFilter,
    order: &Order,
    window: &Window,
) -> Result<Sql, Error> {
    let inner = |sql: Sql, parent: &'static str| {
        let sql = sql.text(" FROM memberships m WHERE m.annulled_at IS NULL AND ").text(of.column()).text(parent);
        let sql = window.conditions(filter.conditions(sight.memberships(sql, "m"), sight), order)?;
        Ok::<_, Error>(window.order_by(sql, order).text(" LIMIT ").int(window.fetch()))
    };
    let sql = match dialect {
        Dialect::Sqlite => {
            let sql = columns(sight).text(" FROM json_each(").string(json(parents));
            inner(sql.text(") parent CROSS JOIN memberships m ON m.id IN (SELECT m.id"), " = parent.value")?.text(")")
        }
        Dialect::Postgres => {
            let sql =
                Sql::new("SELECT m.* FROM unnest(").id_array(parents).text(") parent (value) CROSS JOIN LATERAL (");
            inner(sql.then(columns(sight)), " = parent.value")?.text(") m")
        }
    };
    Ok(window.order_by(sql, order))
}

fn json(ids: &[i64]) -> String {
    serde_json::Value::from(ids.to_vec()).to_string()
}

/// How many memberships each parent has.
///
/// # Errors
/// What the database answers.
pub fn counts(
    conn: &mut Conn,
    sight: &Sight,
    of: Of,
    parents: &[i64],
    filter: &MembershipFilter,
) -> Result<HashMap<i64, i64>, Error> {
    let sql =
        Sql::new("SELECT ").text(of.column()).text(", COUNT(*) FROM memberships m WHERE m.annulled_at IS NULL AND ");
    let sql = filter.conditions(sight.memberships(sql.text(of.column()).in_ids(parents), "m"), sight);
    let sql = sql.text(" GROUP BY ").text(of.column());
    Ok(sql.load::<(BigInt, BigInt), (i64, i64)>(conn)?.into_iter().collect())
}

/// A page of all memberships within sight.
///
/// # Errors
/// `BadInput` for a cursor of another order; what the database answers.
pub fn page(
    conn: &mut Conn,
    sight: &Sight,
    today: NaiveDate,
    filter: &MembershipFilter,
    order: &Order,
    window: &Window,
) -> Result<Page<MembershipRow>, Error> {
    let sql = columns(sight).text(" FROM memberships m WHERE m.annulled_at IS NULL");
    let sql = window.conditions(filter.conditions(sight.memberships(sql, "m"), sight), order)?;
    let sql = window.order_by(sql, order).text(" LIMIT ").int(window.fetch());
    Ok(window.page(load(sql, conn, today)?))
}

/// How many memberships pass the filter.
///
/// # Errors
/// What the database answers.
pub fn count(conn: &mut Conn, sight: &Sight, filter: &MembershipFilter) -> Result<i64, Error> {
    let sql = Sql::new("SELECT COUNT(*) FROM memberships m WHERE m.annulled_at IS NULL");
    let sql = filter.conditions(sight.memberships(sql, "m"), sight);
    Ok(sql.first::<BigInt, i64>(conn)?.unwrap_or_default())
}

/// The memberships with these keys that are within sight; annulled ones only for whoever may read that they are.
///
/// # Errors
/// What the database answers.
pub fn by_ids(conn: &mut Conn, sight: &Sight, today: NaiveDate, ids: &[i64]) -> Result<Vec<MembershipRow>, Error> {
    let sql = columns(sight).text(" FROM memberships m WHERE m.id").in_ids(ids);
    let sql = sight.memberships(sql, "m").text(" AND (m.annulled_at IS NULL OR ");
    load(sight.personal_membership(sql, "m").text(")"), conn, today)
}

/// A participant's memberships of these groups, whoever asks, by their start.
///
/// # Errors
/// What the database answers.
pub fn of_participant_in(
    conn: &mut Conn,
    participant: i64,
    groups: &[i64],
    today: NaiveDate,
) -> Result<Vec<MembershipRow>, Error> {
    let sql = Sql::new(COLUMNS)
        .text("(1 = 1) FROM memberships m WHERE m.annulled_at IS NULL AND m.participant_id = ")
        .int(participant)
        .text(" AND m.group_id")
        .in_ids(groups)
        .text(" ORDER BY m.start_date, m.id");
    load(sql, conn, today)
}

/// A membership, locked until the transaction ends.
///
/// # Errors
/// What the database answers.
pub fn lock(conn: &mut Conn, today: NaiveDate, id: i64) -> Result<Option<MembershipRow>, Error> {
    let sql = Sql::new(COLUMNS).text("(1 = 1) FROM memberships m WHERE m.id = ").int(id);
    Ok(load(sql.text(conn.dialect().for_update()), conn, today)?.into_iter().next())
}

/// The changes that can be made to a membership.
#[derive(Clone, Debug, Default, AsChangeset)]
#[diesel(table_name = memberships)]
pub struct Change {
    pub start_date: Option<NaiveDate>,
    pub start_reason_id: Option<i64>,
    pub end_date: Option<Option<NaiveDate>>,
    pub end_reason_id: Option<Option<i64>>,
    pub end_note: Option<Option<String>>,
    pub role: Option<Role>,
    pub annulled_at: Option<Option<NaiveDateTime>>,
    pub updated_at: Option<NaiveDateTime>,
}

/// Changes a membership.
///
/// # Errors
/// What the database answers, an overlap among it.
pub fn update(conn: &mut Conn, id: i64, change: &Change) -> QueryResult<usize> {
    on!(conn, c => diesel::update(memberships::table.find(id)).set(change).execute(c))
}

/// A reason for a start or an end.
#[derive(Clone, Debug, Queryable)]
pub struct ReasonRow {
    pub id: i64,
    pub code: String,
    pub label: String,
    pub system: bool,
    pub retired: bool,
}

/// Which of the two code tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReasonTable {
    Start,
    End,
}

impl ReasonTable {
    fn name(self) -> &'static str {
        match self {
            Self::Start => "start_reasons",
            Self::End => "end_reasons",
        }
    }
}

type ReasonSql = (BigInt, Text, Text, Bool, Bool);

/// The reasons with these keys, or all of them, by code.
///
/// # Errors
/// What the database answers.
pub fn reasons(conn: &mut Conn, table: ReasonTable, ids: Option<&[i64]>) -> Result<Vec<ReasonRow>, Error> {
    let mut sql = Sql::new("SELECT id, code, label, system, retired FROM ").text(table.name());
    if let Some(ids) = ids {
        sql = sql.text(" WHERE id").in_ids(ids);
    }
    Ok(sql.text(" ORDER BY code").load::<ReasonSql, ReasonRow>(conn)?)
}

/// The reason with this code, held until the transaction ends so that it cannot be removed meanwhile.
///
/// # Errors
/// What the database answers.
pub fn reason_by_code(conn: &mut Conn, table: ReasonTable, code: &str) -> Result<Option<ReasonRow>, Error> {
    let sql = Sql::new("SELECT id, code, label, system, retired FROM ").text(table.name()).text(" WHERE code = ");
    Ok(sql.string(code).first::<ReasonSql, ReasonRow>(conn)?)
}

/// Stores a new reason and answers with its key.
///
/// # Errors
/// What the database answers, a code that is taken among it.
pub fn insert_reason(conn: &mut Conn, table: ReasonTable, code: &str, label: &str) -> QueryResult<i64> {
    let sql = Sql::new("INSERT INTO ").text(table.name()).text(" (code, label) VALUES (").string(code);
    sql.text(", ")
        .string(label)
        .text(") RETURNING id")
        .first::<BigInt, i64>(conn)?
        .ok_or(diesel::result::Error::NotFound)
}

/// Relabels, retires or revives a reason.
///
/// # Errors
/// What the database answers.
pub fn update_reason(conn: &mut Conn, table: ReasonTable, id: i64, label: &str, retired: bool) -> QueryResult<usize> {
    let sql = Sql::new("UPDATE ").text(table.name()).text(" SET label = ").string(label);
    sql.text(", retired = ").flag(retired).text(" WHERE id = ").int(id).execute(conn)
}

/// Deletes a reason that no membership has.
///
/// # Errors
/// What the database answers; a membership that has it among it.
pub fn delete_reason(conn: &mut Conn, table: ReasonTable, id: i64) -> QueryResult<usize> {
    Sql::new("DELETE FROM ").text(table.name()).text(" WHERE id = ").int(id).execute(conn)
}

/// What the memberships of a bulk addition have in common.
#[derive(Clone, Debug)]
pub struct NewMemberships {
    pub group_id: i64,
    pub start_date: NaiveDate,
    pub start_reason_id: i64,
    pub role: Role,
    pub origin: Origin,
    pub now: NaiveDateTime,
}

/// Adds a membership for each of the participants, in one statement, and answers with their keys.
///
/// # Errors
/// What the database answers, an overlap among it.
pub fn insert_many(conn: &mut Conn, new: &NewMemberships, participants: &[i64]) -> QueryResult<Vec<i64>> {
    Sql::new(
        "INSERT INTO memberships (group_id, participant_id, member_key, start_date, start_reason_id, role, origin, created_at, updated_at) \
         SELECT ",
    )
    .int(new.group_id)
    .text(", p.id, p.sort_key, ")
    .date(new.start_date)
    .text(", ")
    .int(new.start_reason_id)
    .text(", ")
    .string(new.role.as_str())
    .text(", ")
    .string(new.origin.as_str())
    .text(", ")
    .instant(new.now)
    .text(", ")
    .instant(new.now)
    .text(" FROM participants p WHERE p.id")
    .in_ids(participants)
    .text(" ORDER BY p.sort_key, p.id RETURNING id")
    .load::<BigInt, i64>(conn)
}

/// The group of a membership.
///
/// # Errors
/// What the database answers.
pub fn group_of(conn: &mut Conn, id: i64) -> Result<Option<i64>, Error> {
    Ok(Sql::new("SELECT group_id FROM memberships WHERE id = ").int(id).first::<BigInt, i64>(conn)?)
}
