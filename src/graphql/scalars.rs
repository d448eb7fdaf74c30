//! Scalars of the schema.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};
use chrono::{Datelike, NaiveDate, NaiveDateTime};

use crate::school::year;

/// Finds out whether a value is one of a scalar, as the resolvers read it; says what is wrong if it is not.
pub type Reader = fn(&Value) -> Result<(), String>;

/// How the scalars of the schema are read, by name.
pub const READERS: [(&str, Reader); 3] = [
    ("Date", |value| Date::read(value).map(drop)),
    ("DateTime", |value| DateTime::read(value).map(drop)),
    ("SchoolYear", |value| SchoolYear::read(value).map(drop)),
];

/// A calendar date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Date(pub NaiveDate);

/// A calendar date in the organization's time zone, as in `2026-09-01` (ISO 8601, years 0001 to 9999).
#[Scalar(name = "Date", specified_by_url = "https://datatracker.ietf.org/doc/html/rfc3339#section-5.6")]
impl ScalarType for Date {
    fn parse(value: Value) -> InputValueResult<Self> {
        Self::read(&value).map_err(InputValueError::custom)
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

impl Date {
    fn read(value: &Value) -> Result<Self, String> {
        let date = if let Value::String(text) = value { parse_date(text) } else { None };
        date.map(Self).ok_or_else(|| "must be a calendar date such as \"2026-09-01\"".to_owned())
    }
}

/// Reads a date with exactly four, two and two digits.
pub fn parse_date(text: &str) -> Option<NaiveDate> {
    let bytes = text.as_bytes();
    let shaped = bytes.len() == 10
        && bytes
            .iter()
            .enumerate()
            .all(|(n, byte)| if n == 4 || n == 7 { *byte == b'-' } else { byte.is_ascii_digit() });
    if !shaped || text.starts_with("0000") {
        return None;
    }
    NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()
}

/// A moment, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DateTime(pub NaiveDateTime);

/// A moment, as in `2026-09-01T06:30:00Z` (RFC 3339). Answers are in UTC; arguments may have any offset, but must have one.
#[Scalar(name = "DateTime", specified_by_url = "https://datatracker.ietf.org/doc/html/rfc3339")]
impl ScalarType for DateTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        Self::read(&value).map_err(InputValueError::custom)
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.and_utc().to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true))
    }
}

impl DateTime {
    fn read(value: &Value) -> Result<Self, String> {
        let moment = if let Value::String(text) = value { parse_moment(text) } else { None };
        moment
            .map(Self)
            .ok_or_else(|| "must be a moment with an offset such as \"2026-09-01T08:30:00+02:00\"".to_owned())
    }
}

/// Reads a moment of the years 0001 to 9999 and turns it to UTC, to the microsecond.
pub fn parse_moment(text: &str) -> Option<NaiveDateTime> {
    let moment = chrono::DateTime::parse_from_rfc3339(text).ok()?.naive_utc();
    let whole = moment.and_utc().timestamp_micros();
    let moment = chrono::DateTime::from_timestamp_micros(whole)?.naive_utc();
    (1..=9_999).contains(&moment.year()).then_some(moment)
}

/// A school year.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SchoolYear(pub year::SchoolYear);

/// A school year from 1 August to 31 July, written as the two calendar years in which it lies, as in `2025-2026`.
#[Scalar(
    name = "SchoolYear",
    specified_by_url = "https://wetten.overheid.nl/jci1.3:c:BWBR0003420&hoofdstuk=I&titeldeel=I&artikel=1"
)]
impl ScalarType for SchoolYear {
    fn parse(value: Value) -> InputValueResult<Self> {
        Self::read(&value).map_err(InputValueError::custom)
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

impl SchoolYear {
    fn read(value: &Value) -> Result<Self, String> {
        let year = if let Value::String(text) = value { text.parse().ok() } else { None };
        year.map(Self).ok_or_else(|| "must be a school year, two years in a row such as \"2025-2026\"".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_dates_are_dates() {
        for text in ["2026-09-01", "0001-01-01", "9999-12-31", "2024-02-29"] {
            assert_eq!(parse_date(text).map(|date| date.to_string()).as_deref(), Some(text));
        }
        for text in [
            "",
            "2026-9-1",
            "2026-02-29",
            "2026-13-01",
            "0000-01-01",
            "+2026-09-01",
            "2026-09-01T00:00:00Z",
            " 2026-09-01",
        ] {
            assert_eq!(parse_date(text), None, "{text}");
        }
    }

    #[test]
    fn moments_have_an_offset() {
        for (text, moment) in [
            ("2026-09-01T08:30:00+02:00", "2026-09-01 06:30:00"),
            ("2026-09-01T06:30:00.1234567Z", "2026-09-01 06:30:00.123456"),
        ] {
            assert_eq!(parse_moment(text).map(|moment| moment.to_string()).as_deref(), Some(moment));
        }
        for text in ["", "2026-09-01", "2026-09-01T08:30:00", "0000-12-31T23:00:00Z", "2026-02-30T00:00:00Z"] {
            assert_eq!(parse_moment(text), None, "{text}");
        }
    }
}
