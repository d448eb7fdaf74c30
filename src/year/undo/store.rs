//! What stands in the way of undoing, and what undoing writes.

use chrono::NaiveDate;
use diesel::sql_types::{BigInt, Date, Nullable, Text};
use serde::Serialize;

use crate::content::UnlinkReason;
use crate::db::batch::{self, Column, Type};
use crate::db::{Conn, Sql};
use crate::error::Error;
use crate::scope::Scope;
use crate::year::{TransitionRow, number};

/// How many of the plan's groups another organization has by now.
///
/// # Errors
/// What the database answers.
pub fn handed_over(conn: &mut Conn, transition: &TransitionRow) -> Result<i64, Error> {
    let sql = Sql::new(
        "SELECT COUNT(*) FROM groups g WHERE g.id IN (SELECT v.group_id FROM year_transition_moves v WHERE v.transition_id = ",
    )
    .int(transition.id)
    .text(" UNION SELECT x.to_group_id FROM year_transition_members x WHERE x.to_group_id IS NOT NULL AND x.transition_id = ")
    .int(transition.id)
    .text(") AND coalesce(g.organization_id, 0) <> ")
    .int(transition.organization_id);
    Ok(sql.first::<BigInt, i64>(conn)?.unwrap_or_default())
}

/// Who has a membership that the transition ended or made and that was changed since, and in which group.
///
/// # Errors
/// What the database answers.
pub fn changed_since(conn: &mut Conn, transition: &TransitionRow, limit: i64) -> Result<Vec<(String, String)>, Error> {
    let id = transition.id;
    let sql = Sql::new(
        "SELECT p.display_name, g.name FROM (SELECT x.membership_id FROM year_transition_members x WHERE x.outcome <> 'STAYS' AND x.transition_id = ",
    )
    .int(id)
    .text(" UNION ALL SELECT s.membership_id FROM year_transition_starts s WHERE s.transition_id = ")
    .int(id)
    .text(
        ") w JOIN memberships m ON m.id = w.membership_id JOIN participants p ON p.id = m.participant_id \
         JOIN groups g ON g.id = m.group_id JOIN year_transitions t ON t.id = ",
    )
    .int(id)
    .text(
        " WHERE EXISTS (SELECT 1 FROM history h WHERE h.entity = 'MEMBERSHIP' AND h.entity_id = m.id \
         AND h.id > t.last_history_id) AND g.organization_id = ",
    )
    .int(transition.organization_id)
    .text(" ORDER BY p.sort_key, p.id, g.id LIMIT ")
    .int(limit);
    Ok(sql.load::<(Text, Text), (String, String)>(conn)?)
}

/// Who has come back to a group from which the transition took them, and to which.
///
/// # Errors
/// What the database answers.
pub fn joined_since(conn: &mut Conn, transition: &TransitionRow, limit: i64) -> Result<Vec<(String, String)>, Error> {
    let sql = Sql::new(
        "SELECT p.display_name, g.name FROM year_transition_members x \
         JOIN memberships o ON o.group_id = x.group_id AND o.participant_id = x.participant_id \
         JOIN participants p ON p.id = x.participant_id JOIN groups g ON g.id = x.group_id \
         WHERE x.outcome <> 'STAYS' AND o.id <> x.membership_id AND o.annulled_at IS NULL \
         AND o.origin NOT IN ('SOURCE_GROUP', 'HOME_ADDRESS') AND (o.end_date IS NULL OR (o.end_date > o.start_date AND o.end_date > ",
    )
    .date(transition.effective_on)
    .text(")) AND (x.before_end_date IS NULL OR o.start_date < x.before_end_date) AND NOT EXISTS (SELECT 1 FROM year_transition_starts s WHERE s.membership_id = o.id AND s.transition_id = x.transition_id) AND x.transition_id = ")
    .int(transition.id)
    .text(" AND g.organization_id = ")
    .int(transition.organization_id)
    .text(" ORDER BY p.sort_key, p.id, g.id LIMIT ")
    .int(limit);
    Ok(sql.load::<(Text, Text), (String, String)>(conn)?)
}

/// Everybody who was in one of the plan's groups.
///
/// # Errors
/// What the database answers.
pub fn people(conn: &mut Conn, id: i64) -> Result<Vec<i64>, Error> {
    let sql = Sql::new("SELECT DISTINCT x.participant_id FROM year_transition_members x WHERE x.transition_id = ");
    Ok(sql.int(id).text(" ORDER BY x.participant_id").load::<BigInt, i64>(conn)?)
}

/// The memberships that the transition made.
///
/// # Errors
/// What the database answers.
pub fn made(conn: &mut Conn, id: i64) -> Result<Vec<i64>, Error> {
    let sql = Sql::new("SELECT s.membership_id FROM year_transition_starts s WHERE s.transition_id = ").int(id);
    Ok(sql.text(" ORDER BY s.membership_id").load::<BigInt, i64>(conn)?)
}

/// A membership as it was before the transition ended it.
#[derive(Clone, Debug, Serialize)]
pub struct Restored {
    pub id: i64,
    pub group_id: i64,
    pub participant_id: i64,
    pub end_date: Option<NaiveDate>,
    pub end_reason_id: Option<i64>,
    pub end_note: Option<String>,
    /// The code of the reason.
    #[serde(skip)]
    pub end_reason: Option<String>,
}

/// The memberships that the transition ended.
///
/// # Errors
/// What the database answers.
pub fn ended(conn: &mut Conn, id: i64) -> Result<Vec<Restored>, Error> {
    type Columns = (BigInt, BigInt, BigInt, Nullable<Date>, Nullable<BigInt>, Nullable<Text>, Nullable<Text>);
    type Tuple = (i64, i64, i64, Option<NaiveDate>, Option<i64>, Option<String>, Option<String>);
    let sql = Sql::new(
        "SELECT x.membership_id, x.group_id, x.participant_id, x.before_end_date, x.before_end_reason_id, x.before_end_note, e.code \
         FROM year_transition_members x LEFT JOIN end_reasons e ON e.id = x.before_end_reason_id \
         WHERE x.outcome <> 'STAYS' AND x.transition_id = ",
    );
    let rows = sql.int(id).text(" ORDER BY x.membership_id").load::<Columns, Tuple>(conn)?.into_iter();
    Ok(rows
        .map(|(id, group_id, participant_id, end_date, end_reason_id, end_note, end_reason)| Restored {
            id,
            group_id,
            participant_id,
            end_date,
            end_reason_id,
            end_note,
            end_reason,
        })
        .collect())
}

/// Gives memberships the end that they had.
///
/// # Errors
/// What the database answers, an overlap among it.
pub fn restore(conn: &mut Conn, scope: &Scope, rows: &[Restored]) -> diesel::QueryResult<usize> {
    const COLUMNS: &[Column] =
        &[("id", Type::Int), ("end_date", Type::Date), ("end_reason_id", Type::Int), ("end_note", Type::Text)];
    let source = batch::rows(conn.dialect(), COLUMNS, rows)
        .map_err(|error| diesel::result::Error::SerializationError(error.to_string().into()))?;
    Sql::new("UPDATE memberships SET end_date = r.end_date, end_reason_id = r.end_reason_id, end_note = r.end_note, updated_at = ")
        .instant(scope.instant())
        .text(" FROM ")
        .then(source)
        .text(" WHERE memberships.id = r.id")
        .execute(conn)
}

/// The open links that were made in place of those that the transition broke.
///
/// # Errors
/// What the database answers.
pub fn relinked(conn: &mut Conn, id: i64) -> Result<Vec<i64>, Error> {
    let sql = Sql::new("SELECT l.id FROM content_links l WHERE l.unlinked_at IS NULL AND l.made_by_id = ").int(id);
    Ok(sql.text(" ORDER BY l.id").load::<BigInt, i64>(conn)?)
}

/// Breaks links, and answers with their items.
///
/// # Errors
/// What the database answers.
pub fn unlink(conn: &mut Conn, scope: &Scope, links: &[i64]) -> Result<Vec<i64>, Error> {
    let sql = Sql::new("UPDATE content_links SET unlinked_at = ")
        .instant(scope.instant())
        .text(", unlinked_by = ")
        .string(scope.viewer.name.clone())
        .text(", unlink_reason = ")
        .string(UnlinkReason::YearTransition.as_str())
        .text(" WHERE unlinked_at IS NULL AND id")
        .in_ids(links)
        .text(" RETURNING content_id");
    Ok(sql.load::<BigInt, i64>(conn)?)
}

/// The links that the transition broke, of items that are published still and of which nobody has said since to whom they
/// are to be shown; links that hold again by themselves are left out. They come in the order in which they were made, at
/// most so many of those after one.
///
/// # Errors
/// What the database answers.
pub fn untouched(conn: &mut Conn, id: i64, after: i64, limit: usize) -> Result<Vec<i64>, Error> {
    let sql = Sql::new(
        "SELECT l.id FROM content_links l JOIN content c ON c.id = l.content_id JOIN year_transitions t ON t.id = l.broken_by_id \
         WHERE c.published_at IS NOT NULL AND l.unlinked_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM content_links n \
         WHERE n.content_id = l.content_id AND ((n.id > t.last_link_id AND coalesce(n.made_by_id, 0) <> t.id) \
         OR (n.unlinked_at > t.applied_at AND n.unlink_reason IN ('CHANGED', 'WITHDRAWN')) \
         OR (n.unlinked_at IS NULL AND n.audience_key = l.audience_key))) AND l.broken_by_id = ",
    );
    let sql = sql.int(id).text(" AND l.id > ").int(after).text(" ORDER BY l.id LIMIT ").int(number(limit));
    Ok(sql.load::<BigInt, i64>(conn)?)
}

/// Lets links hold again, and answers with their items.
///
/// # Errors
/// What the database answers.
pub fn reopen(conn: &mut Conn, links: &[i64]) -> Result<Vec<i64>, Error> {
    let sql = Sql::new(
        "UPDATE content_links SET unlinked_at = NULL, unlinked_by = NULL, unlink_reason = NULL, broken_by_id = NULL, \
         published_at = c.published_at FROM content c WHERE c.id = content_links.content_id AND content_links.id",
    );
    Ok(sql.in_ids(links).text(" RETURNING content_id").load::<BigInt, i64>(conn)?)
}

/// The items of which the transition broke links, or of which links were made in their place.
///
/// # Errors
/// What the database answers.
pub fn items(conn: &mut Conn, id: i64) -> Result<Vec<i64>, Error> {
    let sql = Sql::new("SELECT l.content_id FROM content_links l WHERE l.broken_by_id = ").int(id);
    let sql = sql.text(" UNION SELECT l.content_id FROM content_links l WHERE l.made_by_id = ").int(id);
    Ok(sql.load::<BigInt, i64>(conn)?)
}

/// How many links stay broken, and the titles of those items that are of an organization.
///
/// # Errors
/// What the database answers.
pub fn left(conn: &mut Conn, id: i64, organization: i64, limit: i64) -> Result<(i64, Vec<String>), Error> {
    let number = Sql::new("SELECT COUNT(*) FROM content_links l WHERE l.unlinked_at IS NOT NULL AND l.broken_by_id = ")
        .int(id)
        .first::<BigInt, i64>(conn)?
        .unwrap_or_default();
    let sql = Sql::new(
        "SELECT DISTINCT c.title, c.id FROM content_links l JOIN content c ON c.id = l.content_id \
         WHERE l.unlinked_at IS NOT NULL AND l.broken_by_id = ",
    );
    let sql = sql.int(id).text(" AND c.organization_id = ").int(organization);
    let titles = sql.text(" ORDER BY c.id LIMIT ").int(limit).load::<(Text, BigInt), (String, i64)>(conn)?;
    Ok((number, titles.into_iter().map(|(title, _)| title).collect()))
}

/// Marks a transition as undone.
///
/// # Errors
/// What the database answers.
pub fn finish(conn: &mut Conn, scope: &Scope, id: i64) -> Result<(), Error> {
    Sql::new("UPDATE year_transitions SET status = 'UNDONE', undone_at = ")
        .instant(scope.instant())
        .text(", undone_by = ")
        .string(scope.viewer.name.clone())
        .text(" WHERE id = ")
        .int(id)
        .execute(conn)?;
    Ok(())
}
