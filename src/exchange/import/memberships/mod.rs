//! `memberships.csv`: who is in which group, from when to when, and why.
//!
//! ```text
//! stored      what is stored of the pairs that rows name
//! found       which stored membership a row is about, or why it is about none
//! correct     what a row makes of the membership that it found; what was done in Kring stays
//! fail_safe   refuses a bundle that would end or reopen too much
//! write       writes all of it
//! ```

mod correct;
mod fail_safe;
mod found;
pub(super) mod stored;
pub(super) mod write;

use std::collections::{HashMap, HashSet};
use std::fmt;

use chrono::{NaiveDate, NaiveDateTime};
use serde::Serialize;

use super::periods::{Pair, Span};
use super::reasons::Reasons;
use super::report::Fate;
use super::settle::{self, Around, Wish};
use super::{Outcome, Run, Step};
use crate::error::Error;
use crate::exchange::bundle::{ErrorCode, Membership, Reference, Shown};
use crate::history::{Change, Fields};
use crate::members::{Origin, Role};
use found::{Found, Known};
use stored::closed_for_good;

/// The start reasons and the end reasons.
pub(super) type BothReasons = (Reasons, Reasons);

/// A membership in keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Said {
    pub group_id: i64,
    pub participant_id: i64,
    pub start_date: NaiveDate,
    pub start_reason_id: i64,
    pub end_date: Option<NaiveDate>,
    pub end_reason_id: Option<i64>,
    pub role: Role,
}

impl Said {
    pub(super) fn span(&self) -> Span {
        Span { pair: (self.group_id, self.participant_id), start: self.start_date, end: self.end_date }
    }

    /// The fields as history shows them.
    pub(super) fn fields(&self, (starts, ends): &BothReasons) -> Fields {
        vec![
            ("startDate", Some(self.start_date.to_string())),
            ("startReason", starts.code(self.start_reason_id)),
            ("endDate", self.end_date.map(|date| date.to_string())),
            ("endReason", self.end_reason_id.and_then(|id| ends.code(id))),
            ("role", Some(self.role.as_str().to_owned())),
        ]
    }
}

/// A row and the pair that it is about.
#[derive(Clone, Copy)]
pub(super) struct Line<'b> {
    row: &'b Membership,
    pair: Pair,
}

impl Line<'_> {
    /// The period that the row says. A file without ends says nothing of them.
    fn span(&self) -> Span {
        Span { pair: self.pair, start: self.row.start_date, end: self.row.end_date }
    }
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", Shown(&self.row.participant.id), Shown(&self.row.group.id))
    }
}

/// A stored membership.
pub(super) struct Stored {
    pub id: i64,
    pub updated_at: NaiveDateTime,
    pub origin: Origin,
    pub end_note: Option<String>,
    pub said: Said,
}

/// What is to become of a row.
enum Verdict {
    /// A new membership.
    Create(Said),
    /// A stored membership, by its place in the list, becomes this.
    Change { stored: usize, after: Said, changes: Vec<Change>, note: Option<String> },
    /// Nothing is written.
    Stand { stored: Option<usize>, outcome: Outcome, note: Option<String> },
    /// The row cannot be imported; the others can. The stored membership that it found, if any, stays as it is.
    Refuse { stored: Option<usize>, code: ErrorCode, message: String },
}

impl Verdict {
    /// The stored membership that its row found.
    fn stored(&self) -> Option<usize> {
        match self {
            Self::Create(_) => None,
            Self::Change { stored, .. } => Some(*stored),
            Self::Stand { stored, .. } | Self::Refuse { stored, .. } => *stored,
        }
    }

    /// What is to be written.
    fn after(&self) -> Option<&Said> {
        match self {
            Self::Create(after) | Self::Change { after, .. } => Some(after),
            Self::Stand { .. } | Self::Refuse { .. } => None,
        }
    }

    fn refused(&self, code: ErrorCode, message: String) -> Self {
        Self::Refuse { stored: self.stored(), code, message }
    }
}

/// Rows and what is to become of them.
struct Plan<'b> {
    lines: Vec<Line<'b>>,
    verdicts: Vec<Verdict>,
}

impl<'r> Run<'r> {
    /// Writes the memberships that are new, and corrects those that differ from their row.
    pub(super) fn memberships(&mut self) -> Result<(), Error> {
        let total = self.bundle.memberships.len();
        self.tell(Step::Memberships, 0, total);
        let reasons = self.reasons()?;
        let lines = self.readable_memberships();
        let mut known = self.known_memberships(&lines)?;
        let found = known.find(&lines);
        let verdicts = self.judge_memberships(&lines, &found, &known, &reasons)?;
        let mut plan = Plan { lines, verdicts };
        refuse_retired(&mut plan, &known, &reasons);
        self.refuse_closed(&mut plan, &known)?;
        // This comes last: what was refused for another reason stays where it is, and others have to stand beside it.
        refuse_overlaps(&mut plan, &known, self.scope.today);
        self.membership_fail_safes(&plan, &known)?;
        self.report_memberships(&plan);
        self.write_memberships(&plan, &known, &reasons)?;
        self.tell(Step::Memberships, total, total);
        Ok(())
    }

    /// The rows in keys. Those of which a part was refused are left out; a group that takes no members is refused once.
    fn readable_memberships(&mut self) -> Vec<Line<'r>> {
        let mut refused = HashSet::new();
        let mut lines = Vec::new();
        for row in &self.bundle.memberships {
            let Some(place) = self.known.groups.get(&*row.group.id).cloned() else { continue };
            let Some(participant_id) = self.known.participant(&row.participant) else { continue };
            let elsewhere = self.is_kept_elsewhere(place.organization);
            if place.dynamic || elsewhere {
                if refused.insert(place.id) {
                    self.refuse_members(&row.group, elsewhere);
                }
                continue;
            }
            lines.push(Line { row, pair: (place.id, participant_id) });
        }
        lines
    }

    fn refuse_members(&mut self, group: &Reference, elsewhere: bool) {
        if elsewhere {
            self.refuse_elsewhere(group.at, "group", &group.id);
        } else {
            let id = Shown(&group.id);
            let message = format!("the members of {id} follow from a filter; a dynamic group has no memberships");
            self.log.report(group.at, ErrorCode::DynamicGroup, message);
        }
    }

    /// G2: where the portal settings are enforced, a closed group takes no new members; what is over is only history.
    fn refuse_closed(&mut self, plan: &mut Plan<'r>, known: &Known) -> Result<(), Error> {
        let today = self.scope.today;
        let comes = |verdict: &Verdict| {
            let is_over = |said: &Said| said.span().until() <= today;
            let was_over = known.before(verdict).is_none_or(is_over);
            was_over && verdict.after().is_some_and(|after| !is_over(after))
        };
        let coming = plan.lines.iter().zip(&plan.verdicts).filter(|(_, verdict)| comes(verdict));
        let closed = closed_for_good(self.conn, coming.map(|(line, _)| line.pair.0).collect())?;
        for (line, verdict) in plan.lines.iter().zip(&mut plan.verdicts) {
            if closed.contains(&line.pair.0) && comes(verdict) {
                let group = Shown(&line.row.group.id);
                let message = format!("the group {group} is closed and takes no new members");
                *verdict = verdict.refused(ErrorCode::GroupClosed, message);
            }
        }
        Ok(())
    }

    /// Counts the rows for which nothing is written, and tells why.
    fn report_memberships(&mut self, plan: &Plan<'r>) {
        for (line, verdict) in plan.lines.iter().zip(&plan.verdicts) {
            let at = line.row.at;
            match verdict {
                Verdict::Stand { outcome, note, .. } => {
                    let fate = Fate { step: Step::Memberships, at, key: line, outcome: *outcome, changes: &[] };
                    self.report.count(&fate, note.as_deref());
                }
                Verdict::Refuse { code, message, .. } => {
                    self.report.refuse(Step::Memberships, at, line, *code, message)
                }
                Verdict::Create(_) | Verdict::Change { .. } => {}
            }
        }
    }

    /// What is to become of each row, the other rows left aside.
    fn judge_memberships(
        &mut self,
        lines: &[Line<'r>],
        found: &[Found],
        known: &Known,
        reasons: &BothReasons,
    ) -> Result<Vec<Verdict>, Error> {
        let sheet = self.sheet(known, reasons)?;
        let differing = lines.iter().zip(found).filter_map(|(line, found)| sheet.differing(line, found));
        let differing: Vec<i64> = differing.collect();
        let since = self.since_memberships(&differing)?;
        Ok(lines.iter().zip(found).map(|(line, found)| sheet.judge(line, found, &since)).collect())
    }
}

/// M2: refuses rows whose period cannot stand beside another one.
fn refuse_overlaps(plan: &mut Plan<'_>, known: &Known, today: NaiveDate) {
    let wish = |(place, verdict): (usize, &Verdict)| {
        let before = known.before(verdict).map(Said::span);
        let after = verdict.after().map(Said::span).or(before)?;
        Some((place, Wish { before, after }))
    };
    let (places, wishes): (Vec<usize>, Vec<Wish>) = plan.verdicts.iter().enumerate().filter_map(wish).unzip();
    let around = |pair: Pair| Around {
        standing: known.left.get(&pair).cloned().unwrap_or_default(),
        derived: known.derived.get(&pair).cloned().unwrap_or_default(),
    };
    for (wish, other) in settle::refused(&wishes, around, today) {
        let Some(place) = places.get(wish).copied() else { continue };
        let (Some(line), Some(verdict)) = (plan.lines.get(place), plan.verdicts.get_mut(place)) else { continue };
        let (period, other) = (line.span().describe(), other.describe());
        let message = format!("the period {period} of {line} overlaps one that is stored ({other})");
        *verdict = verdict.refused(ErrorCode::OverlappingPeriods, message);
    }
}

/// Refuses rows that give a reason anew that is retired (M3).
fn refuse_retired(plan: &mut Plan<'_>, known: &Known, (starts, ends): &BothReasons) {
    for verdict in &mut plan.verdicts {
        let Some(after) = verdict.after() else { continue };
        let before = known.before(verdict);
        let had_start = before.is_some_and(|before| before.start_reason_id == after.start_reason_id);
        let had_end = before.is_some_and(|before| before.end_reason_id == after.end_reason_id);
        let start = Some(after.start_reason_id).filter(|id| !had_start && starts.is_retired(*id));
        let end = after.end_reason_id.filter(|id| !had_end && ends.is_retired(*id));
        let code = start.and_then(|id| starts.code(id)).or(end.and_then(|id| ends.code(id)));
        if let Some(code) = code {
            let message = format!("the reason {} is retired and can no longer be given", Shown(&code));
            *verdict = verdict.refused(ErrorCode::ReasonRetired, message);
        }
    }
}

/// The memberships of each pair.
fn by_pair(spans: impl Iterator<Item = Span>) -> HashMap<Pair, Vec<Span>> {
    let mut of_pair: HashMap<Pair, Vec<Span>> = HashMap::new();
    for span in spans {
        of_pair.entry(span.pair).or_default().push(span);
    }
    of_pair
}
