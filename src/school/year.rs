//! School years.

use std::fmt;
use std::str::FromStr;

use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Serialize};

/// The month in which a school year begins, on its first day (Wet op het primair onderwijs, article 1: from 1 August to
/// 31 July).
const FIRST_MONTH: u32 = 8;

/// A school year, by the calendar year in which it begins; written as `2025-2026`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SchoolYear(i32);

impl SchoolYear {
    /// The school year that begins in a calendar year; none before 1900 or after 2200.
    pub fn new(first: i32) -> Option<Self> {
        (1900..=2200).contains(&first).then_some(Self(first))
    }

    /// The school year of a date.
    pub fn of(date: NaiveDate) -> Self {
        Self(if date.month() >= FIRST_MONTH { date.year() } else { date.year() - 1 })
    }

    /// The calendar year in which it begins, as it is stored.
    pub fn first(self) -> i64 {
        i64::from(self.0)
    }

    /// The one after it.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// Its first day.
    pub fn start(self) -> NaiveDate {
        NaiveDate::from_ymd_opt(self.0, FIRST_MONTH, 1).unwrap_or(NaiveDate::MIN)
    }

    /// The first day of its second half.
    pub fn middle(self) -> NaiveDate {
        NaiveDate::from_ymd_opt(self.0 + 1, 2, 1).unwrap_or(NaiveDate::MAX)
    }

    /// The day after its last.
    pub fn end(self) -> NaiveDate {
        self.next().start()
    }
}

impl fmt::Display for SchoolYear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.0, self.0 + 1)
    }
}

impl FromStr for SchoolYear {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "A school year is written as two years in a row, such as 2025-2026.";
        let (first, last) = text.split_once('-').ok_or(WRONG)?;
        let digits = |text: &str| text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(first) || !digits(last) {
            return Err(WRONG);
        }
        let number = |text: &str| text.parse::<i32>().map_err(|_| WRONG);
        let year = Self::new(number(first)?).ok_or(WRONG)?;
        if number(last)? == year.0 + 1 { Ok(year) } else { Err(WRONG) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_school_year_goes_from_the_first_of_august_to_the_last_of_july() {
        let year = |y, m, d| NaiveDate::from_ymd_opt(y, m, d).map(SchoolYear::of).map(|year| year.to_string());
        for ((y, m, d), expected) in [
            ((2025, 7, 31), "2024-2025"),
            ((2025, 8, 1), "2025-2026"),
            ((2025, 12, 31), "2025-2026"),
            ((2026, 1, 1), "2025-2026"),
            ((2026, 7, 31), "2025-2026"),
        ] {
            assert_eq!(year(y, m, d).as_deref(), Some(expected));
        }
    }

    #[test]
    fn it_is_read_as_it_is_written_and_nothing_else_is_read() {
        for text in ["1900-1901", "1999-2000", "2025-2026"] {
            assert_eq!(text.parse::<SchoolYear>().map(|year| year.to_string()).as_deref(), Ok(text));
        }
        for text in
            ["", "2025", "2025-2027", "2026-2025", "25-26", "2025/2026", "+025-0026", " 2025-2026", "9999-10000"]
        {
            assert!(text.parse::<SchoolYear>().is_err(), "{text}");
        }
    }
}
