//! Refuses a bundle by which more would end, or begin anew, than may: what went wrong at its source must not empty groups.

use super::found::Known;
use super::{Plan, Said};
use crate::error::Error;
use crate::exchange::bundle::{At, ErrorCode};
use crate::exchange::import::{FAIL_SAFE_FLOOR, Run};

impl<'r> Run<'r> {
    pub(super) fn membership_fail_safes(&mut self, plan: &Plan<'r>, known: &Known) -> Result<(), Error> {
        let today = self.scope.today;
        let changes = |fits: &dyn Fn(&Said, &Said) -> bool| {
            let pairs = plan.verdicts.iter().filter_map(|verdict| Some((known.before(verdict)?, verdict.after()?)));
            number(pairs.filter(|(before, after)| fits(before, after)).count())
        };
        let ended = changes(&|before, after| before.span().has_more_ahead_than(after.span(), today));
        if ended >= FAIL_SAFE_FLOOR {
            let groups: std::collections::HashSet<i64> = plan.lines.iter().map(|line| line.pair.0).collect();
            let open = self.open_memberships(&groups.into_iter().collect::<Vec<_>>())?;
            let what = format!("{ended} of the {open} open memberships of these groups would end");
            self.refuse_share(ended, open, ErrorCode::TooManyEnded, &what);
        }
        let is_over = |said: &Said| said.span().until() <= today;
        let reopened = changes(&|before, after| is_over(before) && !is_over(after));
        if reopened >= FAIL_SAFE_FLOOR {
            let over = plan.verdicts.iter().filter_map(|verdict| known.before(verdict));
            let over = number(over.filter(|said| is_over(said)).count());
            let what = format!("{reopened} of the {over} memberships that are over would go on");
            self.refuse_share(reopened, over, ErrorCode::TooManyReopened, &what);
        }
        Ok(())
    }

    /// Refuses the file if more is to happen to so many than the set share of all.
    fn refuse_share(&mut self, number: u64, all: u64, code: ErrorCode, what: &str) {
        let limit = u64::from(self.options.end_limit);
        if number.saturating_mul(100) > all.saturating_mul(limit) {
            let message =
                format!("{what}, more than the {limit} % that may; if this is meant, allow more (--end-limit)");
            self.log.report(At::file("memberships.csv"), code, message);
        }
    }
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
