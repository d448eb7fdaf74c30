//! The facts that a preview rests on.

use std::collections::{HashMap, HashSet};

use chrono::NaiveDate;
use diesel::sql_types::{BigInt, Bool, Date, Integer, Nullable, Text};

use crate::content::Audience;
use crate::content::kind::ContentKind;
use crate::content::visibility::{audience_of, key_of};
use crate::db::{Conn, Sql};
use crate::error::Error;
use crate::members::{Origin, Role};
use crate::year::plan::{End, Group, Row, Tally};

/// A figure over keys that is another one when they are others. Sums and squares would not do: 1, 5 and 6 have the same as 2,
/// 3 and 7. It stays small enough for a million keys.
pub fn checksum(key: &str) -> String {
    format!("CAST(SUM({key}) * 31 + SUM(({key} % 65521) * ({key} % 65521) % 65519 * ({key} % 65497)) AS BIGINT)")
}

/// The groups with these keys, as far as they are an organization's.
///
/// # Errors
/// What the database answers.
pub fn groups(conn: &mut Conn, organization: i64, ids: &[i64]) -> Result<HashMap<i64, Group>, Error> {
    type Columns = (BigInt, Text, Nullable<Integer>, Bool, Bool);
    type Tuple = (i64, String, Option<i32>, bool, bool);
    let sql = Sql::new(
        "SELECT g.id, g.name, g.year_group, (g.source_group_id IS NOT NULL OR g.via_home_address), g.closed FROM groups g WHERE g.id",
    );
    let sql = sql.in_ids(ids).text(" AND g.organization_id = ").int(organization);
    let rows = sql.load::<Columns, Tuple>(conn)?.into_iter();
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

/// The groups of an organization that get members from these groups, as composites or because they are fed, at any depth,
/// and how many open links each has.
///
/// # Errors
/// What the database answers.
pub fn following(conn: &mut Conn, organization: i64, groups: &[i64]) -> Result<Vec<(i64, String, i64)>, Error> {
    const EDGES: &str = "(SELECT component_id AS source, composite_id AS target FROM group_components WHERE mode = 'INCLUDE' \
                         UNION ALL SELECT source_group_id, id FROM groups WHERE source_group_id IS NOT NULL) e";
    let sql = Sql::new(format!("WITH RECURSIVE up (id) AS (SELECT e.target FROM {EDGES} WHERE e.source"))
        .in_ids(groups)
        .text(format!(
            " UNION SELECT e.target FROM up JOIN {EDGES} ON e.source = up.id) SELECT g.id, g.name, COUNT(*) FROM up \
             JOIN groups g ON g.id = up.id JOIN content_links l ON l.group_id = g.id AND l.unlinked_at IS NULL \
             WHERE g.organization_id = "
        ))
        .int(organization)
        .text(" AND NOT (g.id")
        .in_ids(groups)
        .text(") GROUP BY g.id, g.name ORDER BY g.id");
    Ok(sql.load::<(BigInt, Text, BigInt), (i64, String, i64)>(conn)?)
}

/// The names of those among these participants whose record the organization keeps, or who are or were in a group of it.
///
/// # Errors
/// What the database answers.
pub fn names(conn: &mut Conn, organization: i64, participants: &[i64]) -> Result<HashMap<i64, String>, Error> {
    if participants.is_empty() {
        return Ok(HashMap::new());
    }
    let sql = Sql::new("SELECT p.id, p.display_name FROM participants p WHERE p.id").in_ids(participants);
    let sql = sql
        .text(" AND (p.organization_id = ")
        .int(organization)
        .text(
            " OR EXISTS (SELECT 1 FROM memberships m JOIN groups g ON g.id = m.group_id WHERE m.participant_id = p.id \
             AND m.annulled_at IS NULL AND g.organization_id = ",
        )
        .int(organization)
        .text("))");
    Ok(sql.load::<(BigInt, Text), (i64, String)>(conn)?.into_iter().collect())
}

/// These groups, and who opted out of them.
///
/// # Errors
/// What the database answers.
pub fn opted_out(conn: &mut Conn, groups: &[i64]) -> Result<HashSet<(i64, i64)>, Error> {
    let sql = Sql::new("SELECT o.group_id, o.participant_id FROM opt_outs o WHERE o.group_id").in_ids(groups);
    Ok(sql.load::<(BigInt, BigInt), (i64, i64)>(conn)?.into_iter().collect())
}
