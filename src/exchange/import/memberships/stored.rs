//! What is stored of the memberships that a bundle names.

use std::collections::{HashMap, HashSet};

use chrono::{NaiveDate, NaiveDateTime};
use diesel::sql_types::{BigInt, Date, Nullable, Text, Timestamp};
use serde::Serialize;

use super::{Line, Said, Stored};
use crate::db::{Conn, Sql};
use crate::error::Error;
use crate::exchange::import::Run;
use crate::exchange::import::batch::{self, CHUNK, Column, Type};
use crate::exchange::import::periods::Span;
use crate::members::{Origin, Role};

const PAIR: &[Column] = &[("group_id", Type::Int), ("participant_id", Type::Int)];
/// The columns of stored memberships, called `m`.
pub(in crate::exchange::import) const SELECT: &str = "SELECT m.id, m.updated_at, m.group_id, m.participant_id, m.start_date, m.start_reason_id, m.end_date, \
                      m.end_reason_id, m.end_note, m.role, m.origin FROM ";

type EndSql = (Nullable<Date>, Nullable<BigInt>, Nullable<Text>);
type StoredSql = (BigInt, Timestamp, BigInt, BigInt, Date, BigInt, EndSql, Text, Text);
type End = (Option<NaiveDate>, Option<i64>, Option<String>);
type Tuple = (i64, NaiveDateTime, i64, i64, NaiveDate, i64, End, Role, Origin);
type AnnulledSql = (BigInt, BigInt, Date, Nullable<Date>, Timestamp);

/// A membership that was declared a mistake.
pub(super) struct Annulled {
    pub span: Span,
    /// The day on which it was.
    pub on: NaiveDate,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize)]
struct Pair {
    group_id: i64,
    participant_id: i64,
}

impl Run<'_> {
    /// The memberships of the same participants in the same groups.
    pub(super) fn stored_memberships(&mut self, lines: &[Line<'_>]) -> Result<Vec<Stored>, Error> {
        let pairs: HashSet<Pair> =
            lines.iter().map(|line| Pair { group_id: line.pair.0, participant_id: line.pair.1 }).collect();
        let pairs: Vec<Pair> = pairs.into_iter().collect();
        let mut stored = Vec::new();
        for chunk in pairs.chunks(CHUNK) {
            let sql = Sql::new(SELECT).then(batch::rows(self.conn.dialect(), PAIR, chunk)?).text(
                " CROSS JOIN memberships m WHERE m.group_id = r.group_id AND m.participant_id = r.participant_id \
                 AND m.annulled_at IS NULL ORDER BY m.id",
            );
            stored.extend(load(self.conn, sql)?);
        }
        Ok(stored)
    }

    /// The memberships of these groups that somebody declared a mistake (M6). Those that went with a transition that was
    /// undone are none, nor are those that followed from others.
    pub(super) fn annulled_memberships(&mut self, groups: &[i64]) -> Result<Vec<Annulled>, Error> {
        let sql = Sql::new("SELECT m.group_id, m.participant_id, m.start_date, m.end_date, m.annulled_at ").text(
            "FROM memberships m WHERE m.annulled_at IS NOT NULL AND m.origin NOT IN ('SOURCE_GROUP', 'HOME_ADDRESS') \
             AND NOT EXISTS (SELECT 1 FROM year_transition_starts s JOIN year_transitions t ON t.id = s.transition_id \
             WHERE s.membership_id = m.id AND t.status = 'UNDONE') AND m.group_id",
        );
        let rows = sql
            .in_ids(groups)
            .text(" ORDER BY m.id")
            .load::<AnnulledSql, (i64, i64, NaiveDate, Option<NaiveDate>, NaiveDateTime)>(self.conn)?;
        let zone = self.scope.zone;
        let annulled = |(group, participant, start, end, at): (_, _, _, _, NaiveDateTime)| Annulled {
            span: Span { pair: (group, participant), start, end },
            on: at.and_utc().with_timezone(&zone).date_naive(),
        };
        Ok(rows.into_iter().map(annulled).collect())
    }

    /// How many memberships of these groups are not over.
    pub(super) fn open_memberships(&mut self, groups: &[i64]) -> Result<u64, Error> {
        let sql =
            Sql::new("SELECT COUNT(*) FROM memberships WHERE annulled_at IS NULL AND (end_date IS NULL OR end_date > ")
                .date(self.scope.today)
                .text(") AND group_id");
        let number = sql.in_ids(groups).first::<BigInt, i64>(self.conn)?.unwrap_or_default();
        Ok(u64::try_from(number).unwrap_or_default())
    }
}

/// Who has left which of these groups by themselves, and from when on they stay out (S5).
///
/// # Errors
/// What the database answers.
pub(in crate::exchange::import) fn opt_outs(
    conn: &mut Conn,
    groups: &[i64],
) -> Result<HashMap<(i64, i64), NaiveDate>, Error> {
    let sql = Sql::new("SELECT group_id, participant_id, since FROM opt_outs WHERE group_id").in_ids(groups);
    let rows = sql.load::<(BigInt, BigInt, Date), (i64, i64, NaiveDate)>(conn)?;
    Ok(rows.into_iter().map(|(group, participant, since)| ((group, participant), since)).collect())
}

/// Which of these groups are closed, by an organization that keeps to its portal settings (G2).
///
/// # Errors
/// What the database answers.
pub(in crate::exchange::import) fn closed_for_good(
    conn: &mut Conn,
    groups: HashSet<i64>,
) -> Result<HashSet<i64>, Error> {
    let groups: Vec<i64> = groups.into_iter().collect();
    let sql = Sql::new(
        "SELECT g.id FROM groups g JOIN participants o ON o.id = g.organization_id \
         WHERE g.closed AND o.enforce_portal_settings AND g.id",
    );
    Ok(sql.in_ids(&groups).load::<BigInt, i64>(conn)?.into_iter().collect())
}

/// Reads what [`SELECT`] begins with.
///
/// # Errors
/// What the database answers.
pub(in crate::exchange::import) fn load(conn: &mut Conn, sql: Sql) -> Result<Vec<Stored>, Error> {
    let rows = sql.load::<StoredSql, Tuple>(conn)?;
    Ok(rows.into_iter().map(stored).collect())
}

fn stored(row: Tuple) -> Stored {
    let (id, updated_at, group_id, participant_id, start_date, start_reason_id, end, role, origin) = row;
    let (end_date, end_reason_id, end_note) = end;
    let said = Said { group_id, participant_id, start_date, start_reason_id, end_date, end_reason_id, role };
    Stored { id, updated_at, origin, end_note, said }
}
