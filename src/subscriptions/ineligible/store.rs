//! Memberships of restricted groups as rows.

use chrono::NaiveDate;
use diesel::sql_types::{BigInt, Date, Text};

use crate::db::{Conn, Sql};
use crate::error::Error;
use crate::members::effective::in_force;

/// A membership by subscription or by hand.
#[derive(Clone, Debug)]
pub struct Held {
    pub membership: i64,
    pub group: i64,
    pub participant: i64,
    pub member_key: String,
    pub start_date: NaiveDate,
}

/// Those of these groups that are in force on a day, by the members' names.
///
/// # Errors
/// What the database answers.
pub fn held(conn: &mut Conn, groups: &[i64], on: NaiveDate) -> Result<Vec<Held>, Error> {
    type Columns = (BigInt, BigInt, BigInt, Text, Date);
    type Tuple = (i64, i64, i64, String, NaiveDate);
    let sql =
        Sql::new("SELECT m.id, m.group_id, m.participant_id, m.member_key, m.start_date FROM memberships m WHERE ");
    let sql = in_force(sql, on).text(" AND m.origin NOT IN ('SOURCE_GROUP', 'HOME_ADDRESS') AND m.group_id");
    let sql = sql.in_ids(groups).text(" ORDER BY m.member_key, m.participant_id, m.start_date, m.id");
    let rows = sql.load::<Columns, Tuple>(conn)?.into_iter();
    Ok(rows
        .map(|(membership, group, participant, member_key, start_date)| Held {
            membership,
            group,
            participant,
            member_key,
            start_date,
        })
        .collect())
}
