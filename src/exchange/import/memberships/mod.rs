//! `memberships.csv`: who is in which group, from when to when, and why.

pub(super) mod stored;
pub(super) mod write;

use std::collections::{HashMap, HashSet};

use chrono::{NaiveDate, NaiveDateTime};
use serde::Serialize;

use super::periods::{Match, Span, matches};
use super::reasons::Reasons;
use super::{FAIL_SAFE_FLOOR, Outcome, Run, Step};
use crate::error::Error;
use crate::exchange::bundle::{At, ErrorCode, Membership, MembershipRole, Reference, Shown};
use crate::history::{self, Change, Fields};
use crate::members::{Origin, Role};
use stored::{closed_for_good, opt_outs};

/// The start reasons and the end reasons.
pub(super) type BothReasons = (Reasons, Reasons);

/// What a row says, in keys.
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

/// A row and what it says.
struct Line<'b> {
    row: &'b Membership,
    said: Said,
}

/// A stored membership.
pub(super) struct Stored {
    pub id: i64,
    pub updated_at: NaiveDateTime,
    pub origin: Origin,
    pub said: Said,
}

/// A stored membership that a row changes.
struct Update<'b> {
    row: &'b Membership,
    id: i64,
    read_at: NaiveDateTime,
    after: Said,
    changes: Vec<Change>,
    outcome: Outcome,
}

/// What is to be written.
#[derive(Default)]
struct Plan<'b> {
    updates: Vec<Update<'b>>,
    inserts: Vec<Line<'b>>,
}

impl<'r> Run<'r> {
    /// Writes the memberships that are new, ends those whose row has an end by now, and corrects reasons and roles.
    pub(super) fn memberships(&mut self) -> Result<(), Error> {
        let total = self.bundle.memberships.len();
        self.tell(Step::Memberships, 0, total);
        let reasons = self.reasons()?;
        let lines = self.readable_memberships(&reasons);
        let groups: HashSet<i64> = lines.iter().map(|line| line.said.group_id).collect();
        let groups: Vec<i64> = groups.into_iter().collect();
        let stored = self.stored_memberships(&lines)?;
        let annulled = self.annulled_memberships(&groups)?;
        let opt_outs = opt_outs(self.conn, &groups)?;
        let lines = self.without_opted_out(lines, &stored, &opt_outs);
        let plan = self.compare_memberships(lines, &stored, &annulled, &reasons);
        self.refuse_closed(&plan.inserts)?;
        self.fail_safe(&plan, &groups)?;
        self.update_memberships(&plan.updates)?;
        self.insert_memberships(&plan.inserts, &reasons)?;
        self.tell(Step::Memberships, total, total);
        Ok(())
    }

    /// The rows in keys. Those of which a part was refused are left out; a group that takes no members is refused once.
    fn readable_memberships(&mut self, (starts, ends): &BothReasons) -> Vec<Line<'r>> {
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
            let Some(start_reason_id) = starts.id(&row.start_reason) else { continue };
            let said = Said {
                group_id: place.id,
                participant_id,
                start_date: row.start_date,
                start_reason_id,
                end_date: row.end_date,
                end_reason_id: row.end_reason.as_deref().and_then(|code| ends.id(code)),
                role: row.role.unwrap_or(MembershipRole::Member).into(),
            };
            lines.push(Line { row, said });
        }
        lines
    }

    /// Whoever left by themselves is not brought back by the sender's next delivery, which may not know of it (S5).
    fn without_opted_out(
        &mut self,
        lines: Vec<Line<'r>>,
        stored: &[Stored],
        opt_outs: &HashMap<(i64, i64), NaiveDate>,
    ) -> Vec<Line<'r>> {
        if opt_outs.is_empty() {
            return lines;
        }
        let known: HashSet<Span> = stored.iter().map(|stored| stored.said.span()).collect();
        let (out, lines): (Vec<Line<'r>>, Vec<Line<'r>>) = lines.into_iter().partition(|line| {
            let span = line.said.span();
            let since = opt_outs.get(&span.pair);
            !known.contains(&span) && since.is_some_and(|since| span.end.is_none_or(|end| end > *since))
        });
        for line in out {
            self.report.count(line.row.at, Outcome::OptedOut, &[]);
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

    fn compare_memberships(
        &mut self,
        lines: Vec<Line<'r>>,
        stored: &[Stored],
        annulled: &[Stored],
        reasons: &BothReasons,
    ) -> Plan<'r> {
        let rows: Vec<Span> = lines.iter().map(|line| line.said.span()).collect();
        let spans: Vec<Span> = stored.iter().map(|stored| stored.said.span()).collect();
        let mistakes: HashSet<Span> = annulled.iter().map(|stored| stored.said.span()).collect();
        let own = joined_by_themselves(stored);
        let mut plan = Plan::default();
        for (line, found) in lines.into_iter().zip(matches(&rows, &spans)) {
            let before = |place: usize| stored.get(place);
            match found {
                Match::Same(place) | Match::Ends(place) => {
                    plan.updates
                        .extend(before(place).and_then(|before| self.compare_membership(&line, before, reasons)));
                }
                // What an administrator declared a mistake stays one, however often the sender repeats it.
                Match::New | Match::Overlaps(_) if is_mistake(&mistakes, line.said.span()) => {
                    self.report.count(line.row.at, Outcome::Annulled, &[]);
                }
                // Whoever has joined by themselves meanwhile is a member as they wish, and no obstacle to all others.
                Match::Overlaps(_) if stands_in(&own, line.said.span()) => {
                    self.report.count(line.row.at, Outcome::OptedOut, &[]);
                }
                Match::Overlaps(place) => {
                    if let Some(before) = before(place) {
                        self.refuse_overlap(line.row, &before.said.span());
                    }
                }
                Match::New => {
                    if self.may_give(line.row, None, &line.said, reasons) {
                        plan.inserts.push(line);
                    }
                }
            }
        }
        plan
    }

    /// What a row changes of the stored membership.
    fn compare_membership(&mut self, line: &Line<'r>, before: &Stored, reasons: &BothReasons) -> Option<Update<'r>> {
        let Line { row, said } = line;
        let changes = history::diff(&before.said.fields(reasons), &said.fields(reasons));
        if changes.is_empty() {
            self.report.count(row.at, Outcome::Unchanged, &[]);
            return None;
        }
        if !self.may_give(row, Some(&before.said), said, reasons) {
            return None;
        }
        let ends = before.said.end_date != said.end_date;
        let outcome = if ends { Outcome::Ended } else { Outcome::Updated };
        let read_at = before.updated_at;
        Some(Update { row, id: before.id, read_at, after: said.clone(), changes, outcome })
    }

    /// Whether the reasons that a row gives anew are not retired (M3).
    fn may_give(
        &mut self,
        row: &Membership,
        before: Option<&Said>,
        after: &Said,
        (starts, ends): &BothReasons,
    ) -> bool {
        let new_start = before.is_none_or(|before| before.start_reason_id != after.start_reason_id);
        let new_end = before.is_none_or(|before| before.end_reason_id != after.end_reason_id);
        let end_reason =
            after.end_reason_id.filter(|id| new_end && ends.is_retired(*id)).and(row.end_reason.as_deref());
        let start_reason = (new_start && starts.is_retired(after.start_reason_id)).then_some(&*row.start_reason);
        for code in start_reason.into_iter().chain(end_reason) {
            let message = format!("the reason {} is retired and can no longer be given", Shown(code));
            self.log.report(row.at, ErrorCode::ReasonRetired, message);
        }
        start_reason.is_none() && end_reason.is_none()
    }

    /// G2: where the portal settings are enforced, a closed group takes no new members; what is over is only history.
    fn refuse_closed(&mut self, inserts: &[Line<'r>]) -> Result<(), Error> {
        let today = self.scope.today;
        let coming: Vec<&Line<'r>> =
            inserts.iter().filter(|line| line.said.end_date.is_none_or(|end| end > today)).collect();
        let closed = closed_for_good(self.conn, coming.iter().map(|line| line.said.group_id).collect())?;
        for line in coming.iter().filter(|line| closed.contains(&line.said.group_id)) {
            let group = &line.row.group;
            let message = format!("the group {} is closed and takes no new members", Shown(&group.id));
            self.log.report(group.at, ErrorCode::GroupClosed, message);
        }
        Ok(())
    }

    fn refuse_overlap(&mut self, row: &Membership, stored: &Span) {
        let period = Span { pair: stored.pair, start: row.start_date, end: row.end_date }.describe();
        let message = format!(
            "the period {period} of {} in group {} overlaps one that is stored ({})",
            Shown(&row.participant.id),
            Shown(&row.group.id),
            stored.describe()
        );
        self.log.report(row.at, ErrorCode::OverlappingPeriods, message);
    }

    /// Refuses a bundle that would end more than the set share of the open memberships of the groups that it names.
    fn fail_safe(&mut self, plan: &Plan<'r>, groups: &[i64]) -> Result<(), Error> {
        let ended = plan.updates.iter().filter(|update| update.outcome == Outcome::Ended).count();
        let ended = u64::try_from(ended).unwrap_or(u64::MAX);
        if ended < FAIL_SAFE_FLOOR {
            return Ok(());
        }
        let open = self.open_memberships(groups)?;
        let limit = u64::from(self.options.end_limit);
        if ended.saturating_mul(100) > open.saturating_mul(limit) {
            let message = format!(
                "{ended} of the {open} open memberships of these groups would end, more than the {limit} % that may; if this                  is meant, allow more"
            );
            self.log.report(At::file("memberships.csv"), ErrorCode::TooManyEnded, message);
        }
        Ok(())
    }
}

/// Whether an annulled membership is what a row says; the sender may since have ended what was open.
fn is_mistake(mistakes: &HashSet<Span>, row: Span) -> bool {
    mistakes.contains(&row) || mistakes.contains(&Span { end: None, ..row })
}

/// The periods of those who have joined by themselves.
fn joined_by_themselves(stored: &[Stored]) -> HashMap<(i64, i64), Vec<Span>> {
    let mut own: HashMap<(i64, i64), Vec<Span>> = HashMap::new();
    for span in stored.iter().filter(|stored| stored.origin == Origin::Subscription).map(|stored| stored.said.span()) {
        own.entry(span.pair).or_default().push(span);
    }
    own
}

fn stands_in(own: &HashMap<(i64, i64), Vec<Span>>, row: Span) -> bool {
    own.get(&row.pair).is_some_and(|spans| spans.iter().any(|span| span.overlaps(row)))
}
