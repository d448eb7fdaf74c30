//! Withdrawn tokens as rows.

use chrono::{DateTime, Duration, NaiveDateTime};
use diesel::sql_types::{BigInt, Nullable, Text, Timestamp};

use super::{Which, Withdrawals};
use crate::access::token::LONGEST_HOURS;
use crate::db::{Conn, Sql};
use crate::error::Error;
use crate::scope::Scope;

type Columns = (Nullable<Text>, Nullable<BigInt>, Nullable<Text>, Timestamp);
type Row = (Option<String>, Option<i64>, Option<String>, NaiveDateTime);

/// Tells one state of the table from every other: rows are added with ids that grow, and deleted, but never changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State {
    rows: i64,
    sum: i64,
}

/// What was withdrawn, if that is not `known` already.
///
/// # Errors
/// What the database answers.
pub fn changed_since(conn: &mut Conn, known: Option<State>) -> Result<Option<(State, Withdrawals)>, Error> {
    let state = state(conn)?;
    if known == Some(state) {
        return Ok(None);
    }
    // Should something be added between the two statements, then it is here and not yet in the state: it is read again.
    let rows = Sql::new("SELECT token_id, participant_id, program, issued_until FROM token_withdrawals")
        .load::<Columns, Row>(conn)?;
    let mut withdrawals = Withdrawals::default();
    for (token, participant, program, issued_until) in rows {
        withdrawals.add(token, participant, program, issued_until.and_utc().timestamp());
    }
    Ok(Some((state, withdrawals)))
}

fn state(conn: &mut Conn) -> Result<State, Error> {
    let sql = Sql::new("SELECT COUNT(*), CAST(COALESCE(SUM(id), 0) AS BIGINT) FROM token_withdrawals");
    let (rows, sum) = sql.first::<(BigInt, BigInt), (i64, i64)>(conn)?.unwrap_or_default();
    Ok(State { rows, sum })
}

/// Writes down what is withdrawn now. It takes the place of what was written down of the same before; and what is over is
/// forgotten.
///
/// # Errors
/// What the database answers.
pub fn insert(conn: &mut Conn, scope: &Scope, which: &Which) -> Result<(), Error> {
    Sql::new("DELETE FROM token_withdrawals WHERE until < ").instant(scope.instant()).execute(conn)?;
    let column = match which {
        Which::Token(_) => "token_id",
        Which::Participant(_) => "participant_id",
        Which::Program(_) => "program",
    };
    let value = |sql: Sql| match which {
        Which::Token(text) | Which::Program(text) => sql.string(text.clone()),
        Which::Participant(id) => sql.int(*id),
    };
    let earlier = Sql::new("DELETE FROM token_withdrawals WHERE ").text(column).text(" = ");
    value(earlier).text(" AND issued_until <= ").instant(scope.instant()).execute(conn)?;
    let sql = Sql::new("INSERT INTO token_withdrawals (").text(column);
    value(sql.text(", issued_until, until, withdrawn_by_id, withdrawn_by) VALUES ("))
        .text(", ")
        .instant(scope.instant())
        .text(", ")
        .instant(over(scope, which))
        .text(", ")
        .int(scope.viewer.participant)
        .text(", ")
        .string(scope.viewer.name.clone())
        .text(")")
        .execute(conn)?;
    Ok(())
}

/// From when on no withdrawn token is valid anyway: of the token in use that is known.
fn over(scope: &Scope, which: &Which) -> NaiveDateTime {
    let longest = scope.instant() + Duration::hours(LONGEST_HOURS.into());
    let pass = scope.viewer.pass.as_ref().filter(|pass| match which {
        Which::Token(id) => pass.id.as_ref() == Some(id),
        Which::Participant(_) | Which::Program(_) => false,
    });
    let end = pass.and_then(|pass| DateTime::from_timestamp(pass.expires_at, 0));
    end.map_or(longest, |end| end.naive_utc())
}
