//! Dates and instants as rows hold them.
//!
//! SQLite keeps them as text, always in the one form in which they are written here. Reading that form by its places
//! takes a tenth of the time that a general parser needs, and lists hold several of them in each row.

use chrono::{NaiveDate, NaiveDateTime};
use diesel::deserialize::{FromSql, FromSqlRow, Result};
use diesel::pg::Pg;
use diesel::sql_types::{Date, Text, Timestamp};
use diesel::sqlite::Sqlite;

/// A calendar date in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromSqlRow)]
pub struct Day(pub NaiveDate);

/// An instant in a row, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromSqlRow)]
pub struct Moment(pub NaiveDateTime);

impl FromSql<Date, Pg> for Day {
    fn from_sql(bytes: <Pg as diesel::backend::Backend>::RawValue<'_>) -> Result<Self> {
        <NaiveDate as FromSql<Date, Pg>>::from_sql(bytes).map(Self)
    }
}

impl FromSql<Timestamp, Pg> for Moment {
    fn from_sql(bytes: <Pg as diesel::backend::Backend>::RawValue<'_>) -> Result<Self> {
        <NaiveDateTime as FromSql<Timestamp, Pg>>::from_sql(bytes).map(Self)
    }
}

impl FromSql<Date, Sqlite> for Day {
    fn from_sql(bytes: <Sqlite as diesel::backend::Backend>::RawValue<'_>) -> Result<Self> {
        read(bytes, |text| day(text).or_else(|| text.parse().ok())).map(Self)
    }
}

impl FromSql<Timestamp, Sqlite> for Moment {
    fn from_sql(bytes: <Sqlite as diesel::backend::Backend>::RawValue<'_>) -> Result<Self> {
        let any = |text: &str| NaiveDateTime::parse_from_str(text, "%F %T%.f").ok().or_else(|| text.parse().ok());
        read(bytes, |text| moment(text).or_else(|| any(text))).map(Self)
    }
}

fn read<T>(
    bytes: <Sqlite as diesel::backend::Backend>::RawValue<'_>,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<T> {
    let text = <*const str as FromSql<Text, Sqlite>>::from_sql(bytes)?;
    #[expect(unsafe_code, reason = "the one way to read a text from a row without a copy")]
    // SAFETY: Diesel hands out a pointer into the row that is being read, which outlives this call.
    let text = unsafe { &*text };
    parse(text).ok_or_else(|| format!("not a date or an instant: {text}").into())
}

/// `2026-01-31`.
fn day(text: &str) -> Option<NaiveDate> {
    let &[a, b, c, d, b'-', e, f, b'-', g, h] = text.as_bytes() else { return None };
    NaiveDate::from_ymd_opt(i32::try_from(number(&[a, b, c, d])?).ok()?, number(&[e, f])?, number(&[g, h])?)
}

/// `2026-01-31 08:00:00`, with or without a fraction of up to nine digits.
fn moment(text: &str) -> Option<NaiveDateTime> {
    let (date, time) = text.split_at_checked(10)?;
    let (&[b' ', a, b, b':', c, d, b':', e, f], fraction) = time.as_bytes().split_first_chunk::<9>()? else {
        return None;
    };
    let nanos = match fraction {
        [] => 0,
        [b'.', digits @ ..] if (1..=9).contains(&digits.len()) => {
            number(digits)? * 10_u32.pow(9 - u32::try_from(digits.len()).ok()?)
        }
        _ => return None,
    };
    day(date)?.and_hms_nano_opt(number(&[a, b])?, number(&[c, d])?, number(&[e, f])?, nanos)
}

/// A number of at most nine digits.
fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |number, digit| digit.is_ascii_digit().then(|| number * 10 + u32::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_is_read_as_the_general_parser_reads_it() {
        for text in ["2026-01-31", "0001-12-31", "2024-02-29", "2025-02-29", "2026-1-31", "2026-01-3x", ""] {
            assert_eq!(
                day(text),
                NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|_| text.len() == 10),
                "{text}"
            );
        }
        for text in [
            "2026-01-31 08:09:10",
            "2026-01-31 23:59:59.5",
            "2026-01-31 00:00:00.000123",
            "2026-01-31 00:00:00.123456789",
            "2026-01-31 24:00:00",
            "2026-01-31 08:09",
            "2026-01-31",
            "2026-01-31 08:09:10.",
            "2026-01-31 08:09:10Z",
            "é",
        ] {
            let general = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f").ok();
            assert_eq!(moment(text), general.filter(|_| !text.ends_with('.')), "{text}");
        }
    }
}
