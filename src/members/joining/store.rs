//! What is known of those who are to be added to a group.

use std::collections::HashMap;

use chrono::NaiveDate;
use diesel::sql_types::{BigInt, Date, Nullable, Text};

use super::{Known, Period};
use crate::db::{Conn, Sql};
use crate::error::Error;
use crate::members::Origin;

/// Of these participants, those with a period in the group that is not over on a day, and those who opted out of it.
///
/// # Errors
/// What the database answers.
pub fn known(conn: &mut Conn, group: i64, participants: &[i64], from: NaiveDate) -> Result<HashMap<i64, Known>, Error> {
    type Columns = (BigInt, Date, Nullable<Date>, Text);
    type Tuple = (i64, NaiveDate, Option<NaiveDate>, Origin);
    let sql = Sql::new(
        "SELECT m.participant_id, m.start_date, m.end_date, m.origin FROM memberships m WHERE m.annulled_at IS NULL \
         AND m.group_id = ",
    )
    .int(group)
    .text(" AND (m.end_date IS NULL OR (m.end_date > ")
    .date(from)
    .text(" AND m.end_date > m.start_date)) AND m.participant_id")
    .in_ids(participants)
    .text(" ORDER BY m.start_date, m.id");
    let mut known: HashMap<i64, Known> = HashMap::new();
    for (participant, start, end, origin) in sql.load::<Columns, Tuple>(conn)? {
        let period = Period { start, end, derived: origin.is_derived() };
        known.entry(participant).or_default().periods.push(period);
    }
    for participant in opted_out(conn, group, participants)? {
        known.entry(participant).or_default().opted_out = true;
    }
    Ok(known)
}

/// Those of these participants who opted out of a group and have not joined again (S5).
///
/// # Errors
/// What the database answers.
pub fn opted_out(conn: &mut Conn, group: i64, participants: &[i64]) -> Result<Vec<i64>, Error> {
    let sql = Sql::new("SELECT o.participant_id FROM opt_outs o WHERE o.group_id = ").int(group);
    let sql = sql.text(" AND o.participant_id").in_ids(participants).text(" ORDER BY o.participant_id");
    Ok(sql.load::<BigInt, i64>(conn)?)
}
