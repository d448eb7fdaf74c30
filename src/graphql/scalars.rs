//! Scalars of the schema.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};
use chrono::NaiveDate;

/// A calendar date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Date(pub NaiveDate);

/// A calendar date in the organization's time zone, as in `2026-09-01` (ISO 8601, years 0001 to 9999).
#[Scalar(name = "Date", specified_by_url = "https://datatracker.ietf.org/doc/html/rfc3339#section-5.6")]
impl ScalarType for Date {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(text) = &value else { return Err(InputValueError::expected_type(value)) };
        parse_date(text).map(Self).ok_or_else(|| InputValueError::custom("must be a calendar date such as 2026-09-01"))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
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

/// A moment.
pub struct DateTime;

/// A moment in UTC, as in `2026-09-01T06:30:00Z` (RFC 3339).
#[Scalar(name = "DateTime", specified_by_url = "https://datatracker.ietf.org/doc/html/rfc3339")]
impl ScalarType for DateTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        // No argument takes a moment; the schema only answers with them.
        Err(InputValueError::expected_type(value))
    }

    fn to_value(&self) -> Value {
        Value::Null
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
}
