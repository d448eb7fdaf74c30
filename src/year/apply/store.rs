//! What applying a plan writes.

use std::collections::HashMap;

use chrono::NaiveDate;
use diesel::sql_types::{BigInt, Date, Nullable, Text};
use serde::Serialize;

use crate::content::Audience;
use crate::content::UnlinkReason;
use crate::content::visibility::key_of;
use crate::db::batch::{self, Column, Type, names, values};
use crate::db::{Conn, Sql};
use crate::error::Error;
use crate::members::{Origin, Role};
use crate::scope::Scope;
use crate::year::plan::{Decision, NewEnd, Outcomes, Start};

/// The open links of these groups, in the order in which they were made.
///
/// # Errors
/// What the database answers.
pub fn open_links(conn: &mut Conn, groups: &[i64]) -> Result<Vec<i64>, Error> {
    let keys: Vec<i64> = groups.iter().map(|group| key_of(Audience::Group, *group)).collect();
    let sql = Sql::new("SELECT l.id FROM content_links l WHERE l.unlinked_at IS NULL AND l.audience_key").in_ids(&keys);
    Ok(sql.text(" ORDER BY l.id").load::<BigInt, i64>(conn)?)
}

/// Breaks links that are open and answers with how many there were.
///
/// # Errors
/// What the database answers.
pub fn break_links(conn: &mut Conn, scope: &Scope, transition: i64, links: &[i64]) -> Result<usize, Error> {
    let sql = Sql::new("UPDATE content_links SET unlinked_at = ")
        .instant(scope.instant())
        .text(", unlinked_by = ")
        .string(scope.viewer.name.clone())
        .text(", unlink_reason = ")
        .string(UnlinkReason::YearTransition.as_str())
        .text(", broken_by_id = ")
        .int(transition)
        .text(" WHERE unlinked_at IS NULL AND id")
        .in_ids(links);
    Ok(sql.execute(conn)?)
}

/// The items of which a transition broke links.
///
/// # Errors
/// What the database answers.
pub fn broken_items(conn: &mut Conn, transition: i64) -> Result<Vec<i64>, Error> {
    let sql = Sql::new("SELECT DISTINCT l.content_id FROM content_links l WHERE l.broken_by_id = ").int(transition);
    Ok(sql.load::<BigInt, i64>(conn)?)
}

/// Notes what becomes of memberships, with their ends as they are before it.
///
/// # Errors
/// What the database answers.
pub fn note_members(conn: &mut Conn, transition: i64, decisions: &[Decision]) -> Result<(), Error> {
    const COLUMNS: &[Column] = &[
        ("membership_id", Type::Int),
        ("group_id", Type::Int),
        ("participant_id", Type::Int),
        ("outcome", Type::Text),
        ("to_group_id", Type::Int),
    ];
    let source = batch::rows(conn.dialect(), COLUMNS, decisions)?;
    Sql::new(format!(
        "INSERT INTO year_transition_members (transition_id, {}, before_end_date, before_end_reason_id, before_end_note) SELECT ",
        names(COLUMNS)
    ))
    .int(transition)
    .text(format!(", {}, m.end_date, m.end_reason_id, m.end_note FROM ", values(COLUMNS)))
    .then(source)
    .text(" CROSS JOIN memberships m WHERE m.id = r.membership_id")
    .execute(conn)?;
    Ok(())
}

/// A membership before it is ended.
pub struct Ended {
    pub id: i64,
    pub end: Option<NaiveDate>,
    pub reason: Option<String>,
    pub note: Option<String>,
}

/// How these memberships end before they are ended.
///
/// # Errors
/// What the database answers.
pub fn ends(conn: &mut Conn, ids: &[i64]) -> Result<Vec<Ended>, Error> {
    type Columns = (BigInt, Nullable<Date>, Nullable<Text>, Nullable<Text>);
    type Tuple = (i64, Option<NaiveDate>, Option<String>, Option<String>);
    let sql = Sql::new(
        "SELECT m.id, m.end_date, e.code, m.end_note FROM memberships m LEFT JOIN end_reasons e ON e.id = m.end_reason_id WHERE m.id",
    );
    let rows = sql.in_ids(ids).text(" ORDER BY m.id").load::<Columns, Tuple>(conn)?.into_iter();
    Ok(rows.map(|(id, end, reason, note)| Ended { id, end, reason, note }).collect())
}

/// Ends memberships on a date and returns how many there were. Their notes stay where no other is given.
///
/// # Errors
/// What the database answers.
pub fn end_memberships(
    conn: &mut Conn,
    scope: &Scope,
    ids: &[i64],
    on: NaiveDate,
    reason: i64,
    note: Option<&str>,
) -> Result<usize, Error> {
    let sql = Sql::new("UPDATE memberships SET end_date = ")
        .date(on)
        .text(", end_reason_id = ")
        .int(reason)
        .text(", end_note = ");
    // A note that stands beside a known end is not dropped.
    let sql = match note {
        Some(note) => sql.string(note),
        None => sql.text("end_note"),
    };
    let sql = sql
        .text(", updated_at = ")
        .instant(scope.instant())
        .text(" WHERE annulled_at IS NULL AND start_date < ")
        .date(on)
        .text(" AND id")
        .in_ids(ids);
    Ok(sql.execute(conn)?)
}

/// The codes of end reasons by their keys.
///
/// # Errors
/// What the database answers.
pub fn end_reason_codes(conn: &mut Conn) -> Result<HashMap<i64, String>, Error> {
    let sql = Sql::new("SELECT id, code FROM end_reasons");
    Ok(sql.load::<(BigInt, Text), (i64, String)>(conn)?.into_iter().collect())
}

/// A membership as it is written.
#[derive(Serialize)]
pub struct NewMembership {
    group_id: i64,
    participant_id: i64,
    start_date: NaiveDate,
    start_reason_id: i64,
    end_date: Option<NaiveDate>,
    pub end_reason_id: Option<i64>,
    end_note: Option<String>,
    role: Role,
    origin: Origin,
}

impl NewMembership {
    /// With the reason for its start, and the one for an end where another begins.
    pub fn new(start: &Start, origin: Origin, start_reason_id: i64, end_reason_id: i64) -> Self {
        let (reason, note) = match &start.end {
            Some(NewEnd::Kept(end)) => (Some(end.reason), end.note.clone()),
            Some(NewEnd::Followed(_)) => (Some(end_reason_id), None),
            None => (None, None),
        };
        Self {
            group_id: start.group,
            participant_id: start.participant,
            start_date: start.from,
            start_reason_id,
            end_date: start.end.as_ref().map(NewEnd::date),
            end_reason_id: reason,
            end_note: note,
            role: start.role,
            origin,
        }
    }
}

/// Which membership was made: its key, its group, its participant and its first day.
pub type Made = (i64, i64, i64, NaiveDate);

/// Makes memberships.
///
/// # Errors
/// What the database answers, an overlap among it.
pub fn insert_memberships(conn: &mut Conn, scope: &Scope, rows: &[NewMembership]) -> diesel::QueryResult<Vec<Made>> {
    const COLUMNS: &[Column] = &[
        ("group_id", Type::Int),
        ("participant_id", Type::Int),
        ("start_date", Type::Date),
        ("start_reason_id", Type::Int),
        ("end_date", Type::Date),
        ("end_reason_id", Type::Int),
        ("end_note", Type::Text),
        ("role", Type::Text),
        ("origin", Type::Text),
    ];
    let source = batch::rows(conn.dialect(), COLUMNS, rows)
        .map_err(|error| diesel::result::Error::SerializationError(error.to_string().into()))?;
    Sql::new(format!("INSERT INTO memberships ({}, member_key, created_at, updated_at) ", names(COLUMNS)))
        .text(format!("SELECT {}, p.sort_key, ", values(COLUMNS)))
        .instant(scope.instant())
        .text(", ")
        .instant(scope.instant())
        .text(" FROM ")
        .then(source)
        .text(" CROSS JOIN participants p WHERE p.id = r.participant_id RETURNING id, group_id, participant_id, start_date")
        .load::<(BigInt, BigInt, BigInt, Date), Made>(conn)
}

/// Notes which memberships a transition made.
///
/// # Errors
/// What the database answers.
pub fn note_starts(conn: &mut Conn, transition: i64, memberships: &[i64]) -> Result<(), Error> {
    Sql::new("INSERT INTO year_transition_starts (transition_id, membership_id) SELECT ")
        .int(transition)
        .text(", m.id FROM memberships m WHERE m.id")
        .in_ids(memberships)
        .execute(conn)?;
    Ok(())
}

/// Marks a transition as applied, with what became of each group.
///
/// # Errors
/// What the database answers.
pub fn finish(conn: &mut Conn, scope: &Scope, id: i64, token: &str, outcomes: &Outcomes) -> Result<(), Error> {
    #[derive(Serialize)]
    struct Row {
        transition_id: i64,
        group_id: i64,
        figures: String,
    }
    const COLUMNS: &[Column] = &[("transition_id", Type::Int), ("group_id", Type::Int), ("figures", Type::Text)];
    let json = |error: serde_json::Error| Error::internal(error.to_string());
    let rows = outcomes
        .figures
        .iter()
        .map(|(group, figures)| {
            let figures = serde_json::to_string(figures).map_err(json)?;
            Ok(Row { transition_id: id, group_id: *group, figures })
        })
        .collect::<Result<Vec<_>, Error>>()?;
    for rows in rows.chunks(batch::CHUNK) {
        let source = batch::rows(conn.dialect(), COLUMNS, rows)?;
        Sql::new("UPDATE year_transition_moves SET figures = r.figures FROM ")
            .then(source)
            .text(
                " WHERE year_transition_moves.transition_id = r.transition_id \
                 AND year_transition_moves.group_id = r.group_id",
            )
            .execute(conn)?;
    }
    Sql::new("UPDATE year_transitions SET status = 'APPLIED', applied_at = ")
        .instant(scope.instant())
        .text(", settled_at = ")
        .instant(scope.settled())
        .text(", applied_by = ")
        .string(scope.viewer.name.clone())
        .text(", preview_token = ")
        .string(token)
        .text(", warnings = ")
        .string(serde_json::to_string(&outcomes.warnings).map_err(json)?)
        .text(
            ", last_link_id = (SELECT coalesce(MAX(id), 0) FROM content_links), \
             last_history_id = (SELECT coalesce(MAX(id), 0) FROM history) WHERE id = ",
        )
        .int(id)
        .execute(conn)?;
    Ok(())
}
