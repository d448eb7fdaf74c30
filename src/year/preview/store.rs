//! The facts that a preview rests on.

use std::collections::HashMap;

use chrono::NaiveDate;
use diesel::sql_types::{BigInt, Bool, Date, Integer, Nullable, Text};

use crate::content::Audience;
use crate::content::kind::ContentKind;
use crate::content::visibility::{audience_of, key_of};
use crate::db::{Conn, Sql};
use crate::error::Error;
use crate::members::{Origin, Role};
use crate::school::records::RecordKind;
use crate::school::year::SchoolYear;
use crate::year::plan::{End, Group, Row, Tally};

/// A figure over keys that is another one when they are others. Sums and squares would not do: 1, 5 and 6 have the same as 2,
/// 3 and 7. It stays small enough for a million keys.
pub fn checksum(key: &str) -> String {
    format!("CAST(SUM({key}) * 31 + SUM(({key} % 65521) * ({key} % 65521) % 65519 * ({key} % 65497)) AS BIGINT)")
}

/// The groups with these keys.
///
/// # Errors
/// What the database answers.
pub fn groups(conn: &mut Conn, ids: &[i64]) -> Result<HashMap<i64, Group>, Error> {
    type Columns = (BigInt, Text, Nullable<Integer>, Bool, Bool);
    type Tuple = (i64, String, Option<i32>, bool, bool);
    let sql = Sql::new(
        "SELECT g.id, g.name, g.year_group, (g.source_group_id IS NOT NULL OR g.via_home_address), g.closed FROM groups g WHERE g.id",
    );
    let rows = sql.in_ids(ids).load::<Columns, Tuple>(conn)?.into_iter();
    Ok(rows.map(|(id, name, year_group, fed, closed)| (id, Group { name, year_group, fed, closed })).collect())
}

/// The memberships of these groups that are not over on a date, by their keys.
///
/// # Errors
/// What the database answers.
pub fn rows(conn: &mut Conn, groups: &[i64], on: NaiveDate) -> Result<Vec<Row>, Error> {
    type Columns = (BigInt, BigInt, BigInt, Date, (Nullable<Date>, Nullable<BigInt>, Nullable<Text>), Text, Text);
    type Tuple = (i64, i64, i64, NaiveDate, (Option<NaiveDate>, Option<i64>, Option<String>), Role, Origin);
    let sql = Sql::new(
        "SELECT m.id, m.group_id, m.participant_id, m.start_date, m.end_date, m.end_reason_id, m.end_note, m.role, m.origin \
         FROM memberships m WHERE m.annulled_at IS NULL AND (m.end_date IS NULL OR (m.end_date > ",
    )
    .date(on)
    .text(" AND m.end_date > m.start_date)) AND m.group_id")
    .in_ids(groups)
    .text(" ORDER BY m.id");
    let rows = sql.load::<Columns, Tuple>(conn)?.into_iter();
    Ok(rows
        .map(|(id, group, participant, start, (end, reason, note), role, origin)| Row {
            id,
            group,
            participant,
            start,
            end: end.zip(reason).map(|(date, reason)| End { date, reason, note }),
            role,
            derived: origin.is_derived(),
        })
        .collect())
}

/// The open links of these groups, by kind.
///
/// # Errors
/// What the database answers.
pub fn links(conn: &mut Conn, groups: &[i64]) -> Result<HashMap<i64, Vec<Tally<ContentKind>>>, Error> {
    let keys: Vec<i64> = groups.iter().map(|group| key_of(Audience::Group, *group)).collect();
    let sql = Sql::new(format!(
        "SELECT l.audience_key, l.kind, COUNT(*), {} FROM content_links l WHERE l.unlinked_at IS NULL AND l.audience_key",
        checksum("l.content_id")
    ));
    let sql = sql.in_ids(&keys).text(" GROUP BY l.audience_key, l.kind");
    let mut links: HashMap<i64, Vec<Tally<ContentKind>>> = HashMap::new();
    for (key, kind, number, checksum) in
        sql.load::<(BigInt, Text, BigInt, BigInt), (i64, ContentKind, i64, i64)>(conn)?
    {
        links.entry(audience_of(key).1).or_default().push(Tally { kind, number, checksum });
    }
    Ok(links)
}

/// The composites that get members from these groups, at any depth, and how many open links each has.
///
/// # Errors
/// What the database answers.
pub fn composites(conn: &mut Conn, groups: &[i64]) -> Result<Vec<(i64, String, i64)>, Error> {
    let sql = Sql::new("WITH RECURSIVE up (id) AS (SELECT composite_id FROM group_components WHERE mode = 'INCLUDE' AND component_id")
        .in_ids(groups)
        .text(
            " UNION SELECT c.composite_id FROM up JOIN group_components c ON c.component_id = up.id WHERE c.mode = 'INCLUDE') \
             SELECT g.id, g.name, COUNT(*) FROM up JOIN groups g ON g.id = up.id \
             JOIN content_links l ON l.group_id = g.id AND l.unlinked_at IS NULL WHERE NOT (g.id",
        )
        .in_ids(groups)
        .text(") GROUP BY g.id, g.name ORDER BY g.id");
    Ok(sql.load::<(BigInt, Text, BigInt), (i64, String, i64)>(conn)?)
}

/// The names of these participants.
///
/// # Errors
/// What the database answers.
pub fn names(conn: &mut Conn, participants: &[i64]) -> Result<HashMap<i64, String>, Error> {
    if participants.is_empty() {
        return Ok(HashMap::new());
    }
    let sql = Sql::new("SELECT p.id, p.display_name FROM participants p WHERE p.id").in_ids(participants);
    Ok(sql.load::<(BigInt, Text), (i64, String)>(conn)?.into_iter().collect())
}

/// The records of some groups, sorted by what becomes of them.
#[derive(Debug, Default)]
pub struct Records {
    /// Those that end with the school year.
    pub ending: HashMap<i64, Vec<Tally<RecordKind>>>,
    /// How many there are of earlier years, and of days of the new one.
    pub earlier: HashMap<i64, i64>,
    pub later: HashMap<i64, i64>,
}

/// Where records of a kind are kept, and the column with their day.
pub fn table_of(kind: RecordKind) -> (&'static str, &'static str) {
    match kind {
        RecordKind::AbsenceReport => ("absence_reports", "date"),
        RecordKind::LeaveRequest => ("leave_requests", "from_date"),
        RecordKind::LunchStay => ("lunch_stays", "date"),
    }
}

/// A condition over the records `r` of a kind: that they end with a school year. Those of days before the effective date
/// are of the old year for the group, whatever the calendar says.
#[must_use]
pub fn ends_with(sql: Sql, kind: RecordKind, year: SchoolYear, effective: NaiveDate) -> Sql {
    let (_, day) = table_of(kind);
    sql.text("(r.school_year = ")
        .int(year.first())
        .text(" OR (r.school_year > ")
        .int(year.first())
        .text(format!(" AND r.{day} < "))
        .date(effective)
        .text("))")
}

/// The records of some groups, in one statement for each kind.
///
/// # Errors
/// What the database answers.
pub fn records(conn: &mut Conn, groups: &[i64], year: SchoolYear, effective: NaiveDate) -> Result<Records, Error> {
    let mut found = Records::default();
    for kind in RecordKind::ALL.iter().copied() {
        let (table, _) = table_of(kind);
        let sql = Sql::new("SELECT r.group_id, CASE WHEN r.school_year < ").int(year.first()).text(" THEN 0 WHEN ");
        let sql = ends_with(sql, kind, year, effective).text(format!(
            " THEN 1 ELSE 2 END AS part, COUNT(*), {} FROM {table} r WHERE r.group_id",
            checksum("r.id")
        ));
        let sql = sql.in_ids(groups).text(" GROUP BY r.group_id, part");
        for (group, part, number, checksum) in
            sql.load::<(BigInt, Integer, BigInt, BigInt), (i64, i32, i64, i64)>(conn)?
        {
            match part {
                0 => *found.earlier.entry(group).or_default() += number,
                1 => found.ending.entry(group).or_default().push(Tally { kind, number, checksum }),
                _ => *found.later.entry(group).or_default() += number,
            }
        }
    }
    Ok(found)
}
