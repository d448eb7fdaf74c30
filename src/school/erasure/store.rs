//! The transition's statements over records.

use std::collections::HashMap;

use chrono::NaiveDate;
use diesel::sql_types::BigInt;

use super::Tally;
use crate::db::{Conn, Sql};
use crate::error::Error;
use crate::school::records::RecordKind;
use crate::school::store::{first_day, table};
use crate::school::year::SchoolYear;

/// A condition that is true of the records `r` that the transition erases.
fn ending(sql: Sql, kind: RecordKind, year: SchoolYear, effective: NaiveDate) -> Sql {
    let sql = sql.text("(r.school_year = ").int(year.first()).text(" OR (r.school_year > ").int(year.first());
    sql.text(" AND ").text(first_day(kind)).text(" < ").date(effective).text("))")
}

/// What the transition at the end of `year` would do with the records of these groups, in one statement for each kind.
/// Groups without records of a kind are left out.
///
/// # Errors
/// What the database answers.
pub fn tallies(conn: &mut Conn, groups: &[i64], year: SchoolYear, effective: NaiveDate) -> Result<Vec<Tally>, Error> {
    type Columns = (BigInt, BigInt, BigInt, BigInt, BigInt);
    let mut tallies = Vec::new();
    for kind in RecordKind::ALL.iter().copied() {
        let sql = Sql::new("SELECT r.group_id, COUNT(CASE WHEN r.ending THEN 1 END), ");
        // The sum of keys alone is the same for 1 and 4 as for 2 and 3; squares of remainders do not outgrow the type.
        let sql = sql.text(
            "CAST(coalesce(SUM(CASE WHEN r.ending THEN r.id * 31 + (r.id % 65521) * (r.id % 65521) END), 0) AS BIGINT), \
             COUNT(CASE WHEN r.school_year < ",
        );
        let sql = sql.int(year.first()).text(" THEN 1 END), COUNT(CASE WHEN r.school_year > ").int(year.first());
        let sql = sql.text(" AND NOT r.ending THEN 1 END) FROM (SELECT r.id, r.group_id, r.school_year, ");
        let sql = ending(sql, kind, year, effective).text(" AS ending FROM ").text(table(kind));
        let sql = sql.text(" r WHERE r.group_id").in_ids(groups).text(") r GROUP BY r.group_id ORDER BY r.group_id");
        let rows = sql.load::<Columns, (i64, i64, i64, i64, i64)>(conn)?.into_iter();
        tallies.extend(rows.map(|(group_id, number, checksum, earlier, later)| Tally {
            group_id,
            kind,
            number,
            checksum,
            earlier,
            later,
        }));
    }
    Ok(tallies)
}

/// Erases what [`tallies`] counts as ending, and answers with how many there were in each group of each kind.
///
/// # Errors
/// What the database answers.
pub fn erase(
    conn: &mut Conn,
    groups: &[i64],
    year: SchoolYear,
    effective: NaiveDate,
) -> Result<HashMap<(i64, RecordKind), i64>, Error> {
    let mut erased = HashMap::new();
    for kind in RecordKind::ALL.iter().copied() {
        let sql = Sql::new("DELETE FROM ").text(table(kind)).text(" AS r WHERE r.group_id").in_ids(groups);
        let sql = ending(sql.text(" AND "), kind, year, effective).text(" RETURNING group_id");
        for group in sql.load::<BigInt, i64>(conn)? {
            *erased.entry((group, kind)).or_default() += 1;
        }
    }
    Ok(erased)
}
