//! What the text of an element may be.

use chrono::{DateTime, NaiveDate, NaiveDateTime};

use crate::exchange::bundle::{ErrorCode, Gender, Problem, Shown, date, line};

/// Most characters of the text of any element.
pub(super) const TEXT: usize = 10_000;
/// Most characters of a key, as the standard has it.
pub(super) const KEY: usize = 256;
/// The year group of those who are no longer at the school: historical.
const HISTORICAL: &str = "H";
/// The role of a parent who helps in a group.
const PARENT: &str = "OUD";

fn refused(code: ErrorCode, message: String) -> Problem {
    Problem { code, message }
}

/// Reads a key or a pseudonym.
pub(super) fn key(text: &str) -> Result<String, Problem> {
    line(text.trim(), KEY)
}

/// Reads a date of XML Schema, of which a time zone may be a part; it changes nothing about the day.
pub(super) fn day(text: &str) -> Result<NaiveDate, Problem> {
    match text.get(..10) {
        Some(day) if text.is_char_boundary(10) && is_zone(text.get(10..).unwrap_or_default()) => date(day),
        _ => date(text),
    }
}

fn is_zone(text: &str) -> bool {
    match text.as_bytes() {
        [] | [b'Z'] => true,
        [b'+' | b'-', h1, h2, b':', m1, m2] => [h1, h2, m1, m2].iter().all(|digit| digit.is_ascii_digit()),
        _ => false,
    }
}

/// Reads a date and a time, by the clock of whoever wrote it.
pub(super) fn moment(text: &str) -> Result<NaiveDateTime, Problem> {
    let zoned = DateTime::parse_from_rfc3339(text).map(|moment| moment.naive_local());
    zoned.or_else(|_| NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f")).map_err(|_| {
        let message = format!("{} is not a date and time written yyyy-mm-ddThh:mm:ss", Shown(text));
        refused(ErrorCode::InvalidDate, message)
    })
}

/// Reads a year group: its number from 1 to 8, or none for the codes of other kinds of groups.
pub(super) fn year_group(text: &str) -> Result<Option<u8>, Problem> {
    match text.as_bytes() {
        [digit @ b'1'..=b'8'] => Ok(Some(digit - b'0')),
        // The years of secondary education are 11 to 16.
        [b'0'] | [b'1', b'1'..=b'6'] => Ok(None),
        [letter] | [letter, _] if letter.is_ascii_alphabetic() && text.bytes().all(|b| b.is_ascii_alphanumeric()) => {
            Ok(None)
        }
        _ => {
            let message = format!(
                "{} is not a year group: a number from 0 to 8 or from 11 to 16, or a code such as S",
                Shown(text)
            );
            Err(refused(ErrorCode::UnknownValue, message))
        }
    }
}

/// Whether a year group is that of those who are no longer at the school. What else may stand there is of no concern.
pub(super) fn is_historical(year_group: &str) -> bool {
    year_group.eq_ignore_ascii_case(HISTORICAL)
}

/// Whether a role is that of a parent.
pub(super) fn is_parent(role: &str) -> bool {
    role.eq_ignore_ascii_case(PARENT)
}

/// Reads a gender.
pub(super) fn gender(text: &str) -> Result<Gender, Problem> {
    match text {
        "0" => Ok(Gender::Unknown),
        "1" => Ok(Gender::Male),
        "2" => Ok(Gender::Female),
        "9" => Ok(Gender::Other),
        _ => {
            let message = format!("{} is not a gender: 0 unknown, 1 male, 2 female, 9 not specified", Shown(text));
            Err(refused(ErrorCode::UnknownValue, message))
        }
    }
}
