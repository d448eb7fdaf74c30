//! Who is in which group: what the roster says takes the place of what the roster before it said.
//!
//! Memberships that an import or a year transition made are the roster's to end. Those that people made by hand or by
//! themselves are not, and where one of them covers what the file says, nothing is added to it. An end that somebody gave
//! or took back by hand stands, and so does that a membership was declared a mistake.
//!
//! ```text
//! plan   what is to become of each membership
//! hands  what was done by hand since
//! write  what was decided, into the database
//! ```

mod hands;
mod plan;
mod write;

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::NaiveDate;

use super::{Intake, ROSTER_END_FLOOR};
use crate::db::Sql;
use crate::error::Error;
use crate::exchange::bundle::{At, ErrorCode, Shown};
use crate::exchange::edexml::{FILE, Person, PersonKind, Reference, Stay};
use crate::exchange::import::Step;
use crate::exchange::import::memberships::stored::{SELECT, closed_for_good, load, opt_outs};
use crate::exchange::import::memberships::{BothReasons, Said, Stored};
use crate::exchange::import::reasons::Reasons;
use crate::members::Role;
use crate::members::store::ReasonTable;
use plan::{Facts, Past, Plan, Wanted, is_ours, plan};

/// The code of the reasons that are given here.
const IMPORTED: &str = "IMPORTED";

/// A group and a participant.
pub(super) type Pair = (i64, i64);

/// Which pairs came to be and which ceased.
#[derive(Debug, Default)]
pub(super) struct Changed {
    pub started: Vec<Pair>,
    pub ended: Vec<Pair>,
}

impl Intake<'_> {
    /// Starts, ends and corrects memberships.
    pub(super) fn take_in_memberships(&mut self) -> Result<Changed, Error> {
        let wanted = self.wanted();
        self.tell(Step::Memberships, 0, wanted.len());
        let reasons = (Reasons::load(self.conn, ReasonTable::Start)?, Reasons::load(self.conn, ReasonTable::End)?);
        let stored = self.stored()?;
        let past = self.past(&wanted, &stored)?;
        let plan = self.decide(&wanted, &stored, &past, &reasons)?;
        self.refuse_closed(&plan)?;
        if self.log.is_empty() {
            self.fail_safe(&plan, &wanted, &stored);
        }
        self.tell_standing(&plan.stands)?;
        self.warn_of_staying(&stored, |pair| wanted.get(&pair).is_some_and(Wanted::is_there))?;
        self.write(&plan, &reasons)?;
        let changed = self.changed(&plan);
        self.count_changed(&changed)?;
        self.tell(Step::Memberships, wanted.len(), wanted.len());
        Ok(changed)
    }

    /// What the file says of each pair, as far as neither was refused.
    fn wanted(&mut self) -> BTreeMap<Pair, Wanted> {
        let mut wanted = BTreeMap::new();
        let mut refused = HashSet::new();
        for person in &self.roster.people {
            let Some(participant) = self.people.get(&(person.kind, person.key.clone())).copied() else { continue };
            let role = match person.kind {
                PersonKind::Pupil => Role::Member,
                PersonKind::Teacher => Role::Leader,
            };
            let stay = person.stay(self.date);
            for reference in person.groups.iter().filter(|reference| !reference.as_parent) {
                let Some(place) = self.groups.get(&(reference.kind, reference.key.clone())).copied() else { continue };
                if !place.dynamic {
                    let Reference { at, .. } = *reference;
                    wanted.insert((place.id, participant), Wanted { role, at, stay, joined: person.joined });
                } else if matches!(stay, Stay::Within { .. }) && refused.insert(place.id) {
                    let key = Shown(&reference.key);
                    let message =
                        format!("the members of {key} follow from a filter; a dynamic group has no memberships");
                    self.refuse(reference.at, ErrorCode::DynamicGroup, message);
                }
            }
        }
        wanted
    }

    /// Who is in the file and no longer at the school, and since when if the file says so.
    fn left(&self) -> HashMap<i64, Option<NaiveDate>> {
        let left = |person: &Person| match person.stay(self.date) {
            Stay::Left(left) => Some((*self.people.get(&(person.kind, person.key.clone()))?, left)),
            Stay::Within { .. } => None,
        };
        self.roster.people.iter().filter_map(left).collect()
    }

    /// The memberships of roster people in roster groups that are not over on the date. Derived ones are left out: they
    /// give way to what the roster says.
    fn stored(&mut self) -> Result<Vec<Stored>, Error> {
        // SQLite takes the tables in this order: groups are few, and their members are found by an index.
        let sql = Sql::new(SELECT)
            .text(
                "roster_groups g CROSS JOIN memberships m CROSS JOIN roster_people p WHERE m.group_id = g.group_id \
                 AND p.participant_id = m.participant_id AND m.annulled_at IS NULL \
                 AND m.origin NOT IN ('SOURCE_GROUP', 'HOME_ADDRESS') AND (m.end_date IS NULL OR (m.end_date > ",
            )
            .date(self.date)
            .text(" AND m.end_date > m.start_date)) AND g.organization_id = ")
            .int(self.organization)
            .text(" AND p.organization_id = ")
            .int(self.organization);
        load(self.conn, sql.text(" ORDER BY m.start_date, m.id"))
    }

    /// Decides what is to become of each membership: first as if nobody had done anything by hand, which shows of which of
    /// them it matters, and then once more knowing it.
    fn decide<'s>(
        &mut self,
        wanted: &'s BTreeMap<Pair, Wanted>,
        stored: &'s [Stored],
        past: &'s HashMap<Pair, Past>,
        reasons: &BothReasons,
    ) -> Result<Plan<'s>, Error> {
        let missing = || Error::internal(format!("the reason {IMPORTED} is missing"));
        let mut groups: Vec<i64> = wanted.keys().map(|(group, _)| *group).collect();
        groups.dedup();
        let opt_outs = opt_outs(self.conn, &groups)?;
        let left = self.left();
        let facts = Facts {
            date: self.date,
            today: self.scope.today,
            wanted,
            left: &left,
            stored,
            past,
            opt_outs: &opt_outs,
            start_reason: reasons.0.id(IMPORTED).ok_or_else(missing)?,
            end_reason: reasons.1.id(IMPORTED).ok_or_else(missing)?,
        };
        let draft = plan(&facts, &HashSet::new());
        let by_hand = self.by_hand(&draft.asked)?;
        let plan = if by_hand.is_empty() { draft } else { plan(&facts, &by_hand) };
        let figures = &mut self.report.memberships;
        figures.unchanged += plan.unchanged;
        figures.opted_out += plan.opted_out;
        figures.by_hand += number(plan.stands.len());
        Ok(plan)
    }

    /// Who joined a group, today or on a day to come, and who left one.
    fn changed(&mut self, plan: &Plan<'_>) -> Changed {
        let today = self.scope.today;
        let over = plan.change.iter().filter(|(row, after)| is_lost(&row.said, after, today));
        let ended = plan.annul.iter().chain(over.map(|(row, _)| row)).map(|row| row.said.span().pair);
        let changed =
            Changed { started: plan.start.iter().map(|(said, _)| said.span().pair).collect(), ended: ended.collect() };
        let corrected = plan.change.iter().map(|(row, _)| row.said.participant_id);
        self.touched.extend(corrected);
        self.touched.extend(changed.started.iter().chain(&changed.ended).map(|(_, participant)| participant));
        changed
    }

    /// G2: where the portal settings are enforced, a closed group takes no new members; what is over is only history.
    fn refuse_closed(&mut self, plan: &Plan<'_>) -> Result<(), Error> {
        let today = self.scope.today;
        let coming = plan.start.iter().filter(|(said, _)| said.end_date.is_none_or(|end| end > today));
        let coming: Vec<&(Said, At)> = coming.collect();
        if coming.is_empty() {
            return Ok(());
        }
        let closed = closed_for_good(self.conn, coming.iter().map(|(said, _)| said.group_id).collect())?;
        if closed.is_empty() {
            return Ok(());
        }
        let names = self.names_of_groups(&closed.iter().copied().collect::<Vec<_>>())?;
        for (said, at) in coming.iter().filter(|(said, _)| closed.contains(&said.group_id)) {
            let name = names.get(&said.group_id).map(String::as_str).unwrap_or_default();
            let message = format!("the group {} is closed and takes no new members", Shown(name));
            self.refuse(*at, ErrorCode::GroupClosed, message);
        }
        Ok(())
    }

    /// Refuses a file by which more than the set share of the memberships that it could end would be over today, unless
    /// these are few and at most one person is in no group of the file any more. An end that is still to come is no loss:
    /// all of group 8 may leave at the end of the year. That many get one is told.
    fn fail_safe(&mut self, plan: &Plan<'_>, wanted: &BTreeMap<Pair, Wanted>, stored: &[Stored]) {
        let today = self.scope.today;
        let counts = |row: &Stored| is_ours(row) && in_force(&row.said, today);
        let all = stored.iter().filter(|row| counts(row)).count();
        let over = plan.change.iter().filter(|(_, after)| !in_force(after, today)).map(|(row, _)| *row);
        let lost: Vec<&Stored> = over.chain(plan.annul.iter().copied()).filter(|row| counts(row)).collect();
        let here: HashSet<i64> = wanted
            .iter()
            .filter(|(_, wanted)| wanted.is_there_on(today))
            .map(|((_, participant), _)| *participant)
            .collect();
        let people: HashSet<i64> =
            lost.iter().map(|row| row.said.participant_id).filter(|participant| !here.contains(participant)).collect();
        let limit = self.options.end_limit;
        let is_too_much = |number: usize| number.saturating_mul(100) > all.saturating_mul(limit.into());
        if (lost.len() >= ROSTER_END_FLOOR || people.len() > 1) && is_too_much(lost.len()) {
            let message = format!(
                "{} of the {all} memberships in force would end, more than the {limit} % that may. When the roster of a new \
                 school year regroups everybody, the year transition comes first (kring year-transition); if this is \
                 meant, allow more (--end-limit)",
                lost.len()
            );
            self.refuse(At::file(FILE), ErrorCode::TooManyEnded, message);
        }
        let ahead = plan.change.iter().filter(|(row, after)| {
            counts(row) && in_force(after, today) && row.said.end_date.is_none() && after.end_date.is_some()
        });
        let ahead: Vec<NaiveDate> = ahead.filter_map(|(_, after)| after.end_date).collect();
        if let Some(first) = ahead.iter().min().filter(|_| ahead.len() >= ROSTER_END_FLOOR && is_too_much(ahead.len()))
        {
            let message = format!(
                "{} of the {all} memberships in force get an end that is still to come, the first on {first}",
                ahead.len()
            );
            self.warn(At::file(FILE), &message);
        }
    }
}

/// Whether a membership counts on a day.
pub(super) fn in_force(said: &Said, day: NaiveDate) -> bool {
    said.start_date <= day && said.end_date.is_none_or(|end| end > day)
}

/// Whether a membership that counts on a day is over on it from now on.
fn is_lost(before: &Said, after: &Said, day: NaiveDate) -> bool {
    in_force(before, day) && after.end_date.is_some_and(|end| end <= day)
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
