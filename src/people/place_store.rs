//! Where people are to be found in a filter (P1b): at the addresses where they are registered, or else at their postal
//! address. An address is where it is.

use chrono::NaiveDate;
use diesel::sql_types::BigInt;

use super::filter::Places;
use crate::db::{Conn, Sql};
use crate::error::Error;

/// What a place is compared by, the same on both databases (G10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlaceKey {
    City,
    PostalCode,
}

impl PlaceKey {
    /// The column of participants.
    fn column(self) -> &'static str {
        match self {
            Self::City => "city_key",
            Self::PostalCode => "postal_key",
        }
    }
}

/// How people in a place are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Looking {
    /// The place first, and then who is there.
    ByPlace,
    /// One by one, whether they are there: where few are asked for, or the first of a list are soon found.
    OneByOne,
}

/// So many in one place are soon met by whoever goes through a list.
const MANY: i64 = 1_000;

/// How the first of a list are looked for. A place where many are would have to be gone through whole, only to put the
/// people in order.
///
/// # Errors
/// What the database answers.
pub fn for_first(conn: &mut Conn, places: &Places) -> Result<Looking, Error> {
    for (place, key) in places.keys() {
        let sql = Sql::new(format!("SELECT COUNT(*) FROM (SELECT 1 FROM participants q WHERE q.{} = ", place.column()));
        let found = sql.string(key.to_owned()).text(" LIMIT ").int(MANY).text(") q").first::<BigInt, i64>(conn)?;
        if found.unwrap_or_default() < MANY {
            return Ok(Looking::ByPlace);
        }
    }
    Ok(Looking::OneByOne)
}

/// Appends ` AND …` so that participants `p` are found in a place on a date.
#[must_use]
pub fn condition(sql: Sql, place: PlaceKey, key: &str, on: NaiveDate, looking: Looking) -> Sql {
    let column = place.column();
    let elsewhere = |sql: Sql, who: &str| {
        let sql =
            sql.text(format!(" AND NOT EXISTS (SELECT 1 FROM residencies s WHERE s.participant_id = {who}.id AND "));
        in_force(sql, on).text(")")
    };
    match looking {
        Looking::ByPlace => {
            let sql = sql.text(format!(" AND p.id IN (SELECT q.id FROM participants q WHERE q.{column} = "));
            let sql = elsewhere(sql.string(key.to_owned()), "q").text(format!(
                " UNION ALL SELECT s.participant_id FROM participants a JOIN residencies s ON s.address_id = a.id \
                 WHERE a.{column} = "
            ));
            in_force(sql.string(key.to_owned()).text(" AND "), on).text(")")
        }
        Looking::OneByOne => {
            let sql = sql.text(format!(" AND ((p.{column} = ")).string(key.to_owned());
            let sql = elsewhere(sql, "p").text(format!(
                ") OR EXISTS (SELECT 1 FROM residencies s JOIN participants a ON a.id = s.address_id \
                 WHERE s.participant_id = p.id AND a.{column} = "
            ));
            in_force(sql.string(key.to_owned()).text(" AND "), on).text("))")
        }
    }
}

fn in_force(sql: Sql, on: NaiveDate) -> Sql {
    sql.text("s.start_date <= ").date(on).text(" AND (s.end_date IS NULL OR s.end_date > ").date(on).text(")")
}
