//! The outbox as rows.

use chrono::{Duration, NaiveDate, NaiveDateTime};
use diesel::sql_types::{BigInt, Bool, Date, Integer, Nullable, Text, Timestamp};

use super::State;
use crate::access::sight::Sight;
use crate::db::{Conn, Dialect, Sql};
use crate::error::Error;
use crate::groups::template::Values;
use crate::page::{Key, KeyType, Order, Page, Window, position};
use crate::scope::Scope;

/// How many messages a worker takes at once: as many as it can send within the lease, however slow the server.
const BATCH: i64 = 20;
/// How long a worker may take to send them before another takes them over.
const LEASE: Duration = Duration::minutes(15);
/// How long what is settled is kept, in days.
const KEPT_DAYS: i64 = 30;

/// Writes to the members of groups that have a template, in one statement, when this gateway can send at all. A
/// membership of a later day is welcomed on that day. Whoever stays, only that another membership takes the place of
/// the one before, is no new member, unless the e-mail for that one has failed or comes to nothing by this.
///
/// # Errors
/// What the database answers.
pub fn welcome(conn: &mut Conn, scope: &Scope, memberships: &[i64]) -> Result<(), Error> {
    if !scope.mail || memberships.is_empty() {
        return Ok(());
    }
    Sql::new("INSERT INTO outbox (membership_id, template, not_before, next_attempt_at, created_at) SELECT m.id, g.new_member_template, m.start_date, ")
        .instant(scope.instant())
        .text(", ")
        .instant(scope.instant())
        .text(
            " FROM memberships m JOIN groups g ON g.id = m.group_id JOIN participants p ON p.id = m.participant_id \
             WHERE g.new_member_template IS NOT NULL AND p.email IS NOT NULL AND (m.end_date IS NULL OR m.end_date > ",
        )
        .date(scope.today)
        .text(
            ") AND NOT EXISTS (SELECT 1 FROM memberships b LEFT JOIN outbox x ON x.membership_id = b.id \
             WHERE b.group_id = m.group_id AND b.participant_id = m.participant_id AND b.annulled_at IS NULL \
             AND b.start_date < m.start_date AND b.end_date = m.start_date \
             AND (x.state IS NULL OR x.state = 'SENT' OR (x.state = 'PENDING' AND m.start_date > ",
        )
        .date(scope.today)
        .text("))) AND m.id")
        .in_ids(memberships)
        .text(" ON CONFLICT (membership_id) DO NOTHING")
        .execute(conn)?;
    Ok(())
}

/// A message that a worker has taken, with what is recorded at this moment.
#[derive(Clone, Debug)]
pub struct Due {
    pub id: i64,
    pub attempts: i32,
    pub template: String,
    /// The address; none when there is no reason to send it any more.
    pub to: Option<String>,
    pub values: Values,
}

/// Takes messages that are due; no other worker takes them before the lease is over.
///
/// # Errors
/// What the database answers.
pub fn take(conn: &mut Conn, now: NaiveDateTime, today: NaiveDate) -> Result<Vec<Due>, Error> {
    type Columns = ((BigInt, Integer, Text, Bool), (Nullable<Text>, Text, Nullable<Text>, Text, Nullable<Text>, Date));
    type Tuple =
        ((i64, i32, String, bool), (Option<String>, String, Option<String>, String, Option<String>, NaiveDate));
    let sql = Sql::new("SELECT id FROM outbox WHERE settled_at IS NULL AND next_attempt_at <= ")
        .instant(now)
        .text(" AND not_before <= ")
        .date(today)
        .text(" ORDER BY next_attempt_at, id LIMIT ")
        .int(BATCH);
    let sql = match conn.dialect() {
        Dialect::Sqlite => sql,
        Dialect::Postgres => sql.text(" FOR UPDATE SKIP LOCKED"),
    };
    let ids = sql.load::<BigInt, i64>(conn)?;
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    Sql::new("UPDATE outbox SET attempts = attempts + 1, next_attempt_at = ")
        .instant(now + LEASE)
        .text(" WHERE id")
        .in_ids(&ids)
        .execute(conn)?;
    let rows = Sql::new(
        "SELECT x.id, x.attempts, x.template, (m.annulled_at IS NULL AND (m.end_date IS NULL OR m.end_date > ",
    )
    .date(today)
    .text(
        ")), p.email, p.display_name, p.given_name, g.name, o.display_name, m.start_date FROM outbox x \
         JOIN memberships m ON m.id = x.membership_id JOIN participants p ON p.id = m.participant_id \
         JOIN groups g ON g.id = m.group_id LEFT JOIN participants o ON o.id = g.organization_id WHERE x.id",
    )
    .in_ids(&ids)
    .text(" ORDER BY x.id")
    .load::<Columns, Tuple>(conn)?;
    Ok(rows
        .into_iter()
        .map(|((id, attempts, template, holds), (email, display_name, given_name, group, organization, start))| Due {
            id,
            attempts,
            template,
            to: email.filter(|_| holds),
            values: Values {
                given_name: given_name.unwrap_or_else(|| display_name.clone()),
                display_name,
                group_name: group,
                organization_name: organization.unwrap_or_default(),
                start_date: start.to_string(),
            },
        })
        .collect())
}

/// Notes what became of a message for good.
///
/// # Errors
/// What the database answers.
pub fn settle(conn: &mut Conn, now: NaiveDateTime, id: i64, state: State, error: Option<&str>) -> Result<(), Error> {
    let sql = Sql::new("UPDATE outbox SET state = ").string(state.as_str()).text(", settled_at = ").instant(now);
    reason(sql, error).text(" WHERE state = 'PENDING' AND id = ").int(id).execute(conn)?;
    Ok(())
}

/// Notes that a message is to be tried again.
///
/// # Errors
/// What the database answers.
pub fn postpone(conn: &mut Conn, until: NaiveDateTime, id: i64, error: &str) -> Result<(), Error> {
    let sql = Sql::new("UPDATE outbox SET next_attempt_at = ").instant(until);
    reason(sql, Some(error)).text(" WHERE state = 'PENDING' AND id = ").int(id).execute(conn)?;
    Ok(())
}

fn reason(sql: Sql, error: Option<&str>) -> Sql {
    match error {
        Some(error) => sql.text(", last_error = ").string(error),
        None => sql.text(", last_error = NULL"),
    }
}

/// Forgets what was sent or needed no sending long ago. What was given up stays until somebody has seen to it.
///
/// # Errors
/// What the database answers.
pub fn forget(conn: &mut Conn, now: NaiveDateTime) -> Result<(), Error> {
    Sql::new("DELETE FROM outbox WHERE state IN ('SENT', 'SKIPPED') AND settled_at < ")
        .instant(now - Duration::days(KEPT_DAYS))
        .execute(conn)?;
    Ok(())
}

/// The group to whose member a message goes.
///
/// # Errors
/// What the database answers.
pub fn group_of(conn: &mut Conn, message: i64) -> Result<Option<i64>, Error> {
    let sql = Sql::new("SELECT m.group_id FROM outbox x JOIN memberships m ON m.id = x.membership_id WHERE x.id = ");
    Ok(sql.int(message).first::<BigInt, i64>(conn)?)
}

/// Puts a message that was given up back, and says how many it was.
///
/// # Errors
/// What the database answers.
pub fn revive(conn: &mut Conn, scope: &Scope, message: i64) -> Result<usize, Error> {
    let sql = Sql::new("UPDATE outbox SET state = 'PENDING', attempts = 0, settled_at = NULL, next_attempt_at = ")
        .instant(scope.instant())
        .text(" WHERE state = 'DEAD' AND id = ")
        .int(message);
    Ok(sql.execute(conn)?)
}

/// A message as administrators see it.
#[derive(Clone, Debug)]
pub struct MessageRow {
    pub id: i64,
    pub membership_id: i64,
    pub state: State,
    pub attempts: i32,
    pub last_error: Option<String>,
    pub not_before: NaiveDate,
    pub next_attempt_at: NaiveDateTime,
    pub created_at: NaiveDateTime,
    pub settled_at: Option<NaiveDateTime>,
}

/// The newest first.
pub fn order() -> Order {
    Order { name: "newest", columns: &[("x.id", KeyType::Int)], descending: true }
}

/// The position of a message in this order.
pub fn keys(row: &MessageRow) -> Vec<Key> {
    position("newest", [Key::Int(row.id)])
}

fn listed(sight: &Sight, state: Option<State>, ids: Option<&[i64]>) -> Sql {
    let mut sql = Sql::new(" FROM outbox x JOIN memberships m ON m.id = x.membership_id WHERE ");
    // Where a member's own affairs may be read because it is oneself, the outbox is not among them.
    sql = sight.administered_membership(sql, "m");
    if let Some(state) = state {
        sql = sql.text(" AND x.state = ").string(state.as_str());
    }
    if let Some(ids) = ids {
        sql = sql.text(" AND x.id").in_ids(ids);
    }
    sql
}

fn select(conn: &mut Conn, tail: Sql) -> Result<Vec<MessageRow>, Error> {
    type Columns = (BigInt, BigInt, Text, Integer, Nullable<Text>, Date, Timestamp, Timestamp, Nullable<Timestamp>);
    type Tuple = (i64, i64, State, i32, Option<String>, NaiveDate, NaiveDateTime, NaiveDateTime, Option<NaiveDateTime>);
    let sql = Sql::new(
        "SELECT x.id, x.membership_id, x.state, x.attempts, x.last_error, x.not_before, x.next_attempt_at, \
         x.created_at, x.settled_at",
    );
    let rows = sql.then(tail).load::<Columns, Tuple>(conn)?.into_iter();
    Ok(rows
        .map(|(id, membership_id, state, attempts, last_error, not_before, next_attempt_at, created_at, settled_at)| {
            MessageRow {
                id,
                membership_id,
                state,
                attempts,
                last_error,
                not_before,
                next_attempt_at,
                created_at,
                settled_at,
            }
        })
        .collect())
}

/// The messages with these keys to members of groups that the viewer administers.
///
/// # Errors
/// What the database answers.
pub fn by_ids(conn: &mut Conn, sight: &Sight, ids: &[i64]) -> Result<Vec<MessageRow>, Error> {
    select(conn, listed(sight, None, Some(ids)))
}

/// A page of messages.
///
/// # Errors
/// `BadInput` for a cursor of another list; what the database answers.
pub fn page(conn: &mut Conn, sight: &Sight, state: Option<State>, window: &Window) -> Result<Page<MessageRow>, Error> {
    let order = order();
    let tail = window.conditions(listed(sight, state, None), &order)?;
    Ok(window.page(select(conn, window.order_by(tail, &order).text(" LIMIT ").int(window.fetch()))?))
}

/// How many messages there are.
///
/// # Errors
/// What the database answers.
pub fn count(conn: &mut Conn, sight: &Sight, state: Option<State>) -> Result<i64, Error> {
    Ok(Sql::new("SELECT COUNT(*)").then(listed(sight, state, None)).first::<BigInt, i64>(conn)?.unwrap_or_default())
}
