//! Who can be added to a group, and who cannot and why (M5): pure, from the periods of one participant to a verdict.

pub mod store;

use chrono::NaiveDate;

use crate::error::{Code, Rejection};

/// A period of a participant in the group that is not over on the day from which they are to be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    pub start: NaiveDate,
    pub end: Option<NaiveDate>,
    /// Whether it follows from another group or from an address.
    pub derived: bool,
}

impl Period {
    fn holds(&self, day: NaiveDate) -> bool {
        self.start <= day && self.end.is_none_or(|end| day < end)
    }
}

/// What is known of one participant.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// By their start.
    pub periods: Vec<Period>,
    /// Whether they left a group that is fed, or a subscription group, and have not joined again.
    pub opted_out: bool,
}

/// What is asked of everybody alike.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    pub start: NaiveDate,
    pub today: NaiveDate,
    /// Add whoever opted out as well.
    pub include_opted_out: bool,
    /// Put memberships made by hand in the place of derived ones.
    pub make_permanent: bool,
}

/// What becomes of one participant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Joins,
    AlreadyMember,
    OptedOut,
    Refused(Rejection),
}

impl Terms {
    /// What becomes of a participant. A member counts as such, by derivation too; whoever opted out stays out; a period that
    /// lies elsewhere is in the way of a new one and is told.
    pub fn verdict(&self, known: &Known) -> Verdict {
        let day = self.start.max(self.today);
        let made = |period: &&Period| !period.derived;
        let follows = |period: &&Period| period.derived && !self.make_permanent;
        let periods = || known.periods.iter();
        let stands = periods().filter(made).any(|period| period.holds(self.start) && period.holds(day));
        if stands || periods().filter(follows).any(|period| period.holds(day)) {
            return Verdict::AlreadyMember;
        }
        if known.opted_out && !self.include_opted_out {
            return Verdict::OptedOut;
        }
        if let Some(period) = periods().find(made) {
            return Verdict::Refused(self.lies_elsewhere(period));
        }
        match periods().find(follows) {
            Some(period) => Verdict::Refused(self.lies_elsewhere(period)),
            None => Verdict::Joins,
        }
    }

    fn lies_elsewhere(&self, period: &Period) -> Rejection {
        let Period { start, end, derived } = *period;
        let mut message = match end {
            Some(end) if end <= self.today => format!("The participant was a member from {start} until {end}"),
            Some(end) if start > self.today => format!("The participant is to be a member from {start} until {end}"),
            _ if start > self.today => format!("The participant is to be a member from {start} on"),
            _ => format!("The participant has been a member since {start}"),
        };
        message.push_str(if derived {
            ", because of another group or an address. With `makePermanent` a membership by hand takes that place."
        } else {
            ". Two periods of one member do not overlap."
        });
        Rejection::new(Code::OverlappingPeriod, message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(month: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, month, 1).unwrap_or_default()
    }

    fn verdict(
        start: u32,
        periods: &[(u32, Option<u32>, bool)],
        opted_out: bool,
        include: bool,
        permanent: bool,
    ) -> char {
        let terms = Terms { start: day(start), today: day(6), include_opted_out: include, make_permanent: permanent };
        let period = |(start, end, derived): &(u32, Option<u32>, bool)| Period {
            start: day(*start),
            end: end.map(day),
            derived: *derived,
        };
        match terms.verdict(&Known { periods: periods.iter().map(period).collect(), opted_out }) {
            Verdict::Joins => 'j',
            Verdict::AlreadyMember => 'm',
            Verdict::OptedOut => 'o',
            Verdict::Refused(rejection) if rejection.code == Code::OverlappingPeriod => 'r',
            Verdict::Refused(_) => '?',
        }
    }

    /// The start that is asked for, the periods, and the verdict; today is 1 June.
    #[test]
    fn m5_whose_period_lies_elsewhere_is_no_member_already() {
        for (start, periods, expected) in [
            (6, &[][..], 'j'),
            (6, &[(1, None, false)][..], 'm'),
            (6, &[(1, Some(9), false)], 'm'),
            (3, &[(1, None, false)], 'm'),
            (9, &[(1, None, false)], 'm'),
            (9, &[(8, None, false)], 'm'),
            // It holds on the day that is asked for, and is over by now.
            (3, &[(1, Some(4), false)], 'r'),
            (3, &[(4, Some(5), false)], 'r'),
            (3, &[(4, None, false)], 'r'),
            (6, &[(8, None, false)], 'r'),
            (6, &[(8, Some(9), false)], 'r'),
            (3, &[(1, Some(4), false), (5, None, false)], 'r'),
        ] {
            assert_eq!(verdict(start, periods, false, false, false), expected, "{start} {periods:?}");
        }
    }

    #[test]
    fn m5_a3_derived_members_stay_derived_unless_they_are_made_permanent() {
        for (start, period, expected, permanent) in [
            (6, (1, None, true), 'm', 'j'),
            (3, (5, None, true), 'm', 'j'),
            (9, (1, None, true), 'm', 'j'),
            (6, (8, None, true), 'r', 'j'),
            (3, (1, Some(4), true), 'r', 'j'),
        ] {
            assert_eq!(verdict(start, &[period], false, false, false), expected, "{start} {period:?}");
            assert_eq!(verdict(start, &[period], false, false, true), permanent, "{start} {period:?}");
        }
    }

    #[test]
    fn m5_s5_whoever_opted_out_stays_out_unless_asked_for() {
        for (periods, expected, included) in [
            (&[][..], 'o', 'j'),
            (&[(1, None, false)][..], 'm', 'm'),
            (&[(1, Some(9), true)], 'm', 'm'),
            (&[(8, None, false)], 'o', 'r'),
            (&[(8, None, true)], 'o', 'r'),
        ] {
            assert_eq!(verdict(6, periods, true, false, false), expected, "{periods:?}");
            assert_eq!(verdict(6, periods, true, true, false), included, "{periods:?}");
        }
    }
}
