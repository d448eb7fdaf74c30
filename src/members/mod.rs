//! Memberships: who is in which group, from when to when, and why; directly and through components.

pub mod add;
pub mod belonging;
pub mod causes;
pub mod commands;
pub mod derive;
pub mod effective;
pub mod joining;
pub mod reasons;
pub mod roll;
pub mod store;

use chrono::NaiveDate;

use crate::db::text_enum::text_enum;

text_enum! {
    /// Where a membership came from (M4).
    Origin {
        Manual = "MANUAL",
        Subscription = "SUBSCRIPTION",
        HomeAddress = "HOME_ADDRESS",
        SourceGroup = "SOURCE_GROUP",
        YearTransition = "YEAR_TRANSITION",
        Import = "IMPORT",
    }
}

impl Origin {
    /// Whether the membership follows from something else, and goes when that goes (A3).
    pub fn is_derived(self) -> bool {
        matches!(self, Self::SourceGroup | Self::HomeAddress)
    }
}

text_enum! {
    /// The part a member plays in the group (M4).
    Role {
        Member = "MEMBER",
        Leader = "LEADER",
    }
}

text_enum! {
    /// Where a membership stands on a date (M4).
    Status {
        Scheduled = "SCHEDULED",
        Active = "ACTIVE",
        Ended = "ENDED",
    }
}

/// The status of a half-open period on a date (M1).
pub fn status(start: NaiveDate, end: Option<NaiveDate>, on: NaiveDate) -> Status {
    if end.is_some_and(|end| end <= on) {
        Status::Ended
    } else if on < start {
        Status::Scheduled
    } else {
        Status::Active
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn m1_a_period_is_half_open() {
        let day = |d| NaiveDate::from_ymd_opt(2026, 3, d);
        let cases = [
            (day(10), None, day(9), Status::Scheduled),
            (day(10), None, day(10), Status::Active),
            (day(10), day(12), day(11), Status::Active),
            (day(10), day(12), day(12), Status::Ended),
            (day(10), day(10), day(9), Status::Scheduled),
            (day(10), day(10), day(10), Status::Ended),
        ];
        for (start, end, on, expected) in cases {
            let found = start.zip(on).map(|(start, on)| status(start, end, on));
            assert_eq!(found, Some(expected), "{start:?} {end:?} {on:?}");
        }
    }
}
