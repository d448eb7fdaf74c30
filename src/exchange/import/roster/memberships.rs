//! Who is in which group: what the roster says takes the place of what the roster before it said.
//!
//! Memberships that an import or a year transition made are the roster's to end. Those that people made by hand or by
//! themselves are not, and where one of them covers what the file says, nothing is added to it. One that an administrator
//! has declared a mistake comes back with the next roster that says it: the roster is of another day.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::NaiveDate;

use super::{Intake, ROSTER_END_FLOOR};
use crate::db::Sql;
use crate::db::announce::{Kind as Announced, announce};
use crate::error::Error;
use crate::exchange::bundle::{At, ErrorCode, Shown};
use crate::exchange::edexml::{FILE, PersonKind};
use crate::exchange::import::Step;
use crate::exchange::import::batch::CHUNK;
use crate::exchange::import::memberships::stored::{SELECT, closed_for_good, load, opt_outs};
use crate::exchange::import::memberships::write::{change, insert, refuse_new_filters};
use crate::exchange::import::memberships::{BothReasons, Said, Stored};
use crate::exchange::import::reasons::Reasons;
use crate::history::{self, Action, Entity};
use crate::mail::store::welcome;
use crate::members::derive::annul;
use crate::members::store::ReasonTable;
use crate::members::{Origin, Role};

/// The code of the reasons that are given here.
const IMPORTED: &str = "IMPORTED";

/// A group and a participant.
pub(super) type Pair = (i64, i64);

/// What the file says of a pair.
struct Wanted {
    role: Role,
    at: At,
}

/// What is to be written.
#[derive(Default)]
struct Plan<'s> {
    annul: Vec<&'s Stored>,
    end: Vec<(&'s Stored, Said)>,
    correct: Vec<(&'s Stored, Said)>,
    start: Vec<(Said, At)>,
}

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
        let plan = self.plan(&wanted, &stored, &reasons)?;
        let changed = Changed {
            started: plan.start.iter().map(|(said, _)| said.span().pair).collect(),
            ended: plan
                .annul
                .iter()
                .chain(plan.end.iter().map(|(stored, _)| stored))
                .map(|row| row.said.span().pair)
                .collect(),
        };
        self.refuse_closed(&plan)?;
        if self.log.is_empty() {
            self.fail_safe(&plan, &wanted, &stored);
        }
        self.warn_of_staying(&stored, |pair| wanted.contains_key(&pair))?;
        self.write(&plan, &reasons)?;
        self.touched.extend(changed.started.iter().chain(&changed.ended).map(|(_, participant)| participant));
        self.count_changed(&changed)?;
        self.tell(Step::Memberships, wanted.len(), wanted.len());
        Ok(changed)
    }

    /// Who belongs where, as far as neither was refused.
    fn wanted(&mut self) -> BTreeMap<Pair, Wanted> {
        let mut wanted = BTreeMap::new();
        let mut refused = HashSet::new();
        for person in &self.roster.people {
            let Some(participant) = self.people.get(&(person.kind, person.key.clone())).copied() else { continue };
            let role = match person.kind {
                PersonKind::Pupil => Role::Member,
                PersonKind::Teacher => Role::Leader,
            };
            for reference in &person.groups {
                let Some(place) = self.groups.get(&(reference.kind, reference.key.clone())).copied() else { continue };
                if !place.dynamic {
                    wanted.insert((place.id, participant), Wanted { role, at: reference.at });
                } else if refused.insert(place.id) {
                    let key = Shown(&reference.key);
                    let message =
                        format!("the members of {key} follow from a filter; a dynamic group has no memberships");
                    self.refuse(reference.at, ErrorCode::DynamicGroup, message);
                }
            }
        }
        wanted
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

    fn plan<'s>(
        &mut self,
        wanted: &BTreeMap<Pair, Wanted>,
        stored: &'s [Stored],
        reasons: &BothReasons,
    ) -> Result<Plan<'s>, Error> {
        let missing = || Error::internal(format!("the reason {IMPORTED} is missing"));
        let start_reason = reasons.0.id(IMPORTED).ok_or_else(missing)?;
        let end_reason = reasons.1.id(IMPORTED).ok_or_else(missing)?;
        let mut plan = Plan::default();
        self.plan_wanted(&mut plan, wanted, stored, (start_reason, end_reason))?;
        self.plan_gone(&mut plan, wanted, stored, end_reason);
        Ok(plan)
    }

    /// What the file says and is not stored, or with another role.
    fn plan_wanted<'s>(
        &mut self,
        plan: &mut Plan<'s>,
        wanted: &BTreeMap<Pair, Wanted>,
        stored: &'s [Stored],
        (start_reason_id, end_reason): (i64, i64),
    ) -> Result<(), Error> {
        let mut of_pair: HashMap<Pair, Vec<&'s Stored>> = HashMap::new();
        for row in stored {
            of_pair.entry(row.said.span().pair).or_default().push(row);
        }
        let mut groups: Vec<i64> = wanted.keys().map(|(group, _)| *group).collect();
        groups.dedup();
        let opt_outs = opt_outs(self.conn, &groups)?;
        for (pair, Wanted { role, at }) in wanted {
            let rows = of_pair.get(pair).map(Vec::as_slice).unwrap_or_default();
            match rows.iter().copied().find(|row| row.said.start_date <= self.date) {
                Some(row) if is_ours(row) && row.said.role != *role => {
                    plan.correct.push((row, Said { role: *role, ..row.said.clone() }));
                    continue;
                }
                Some(_) => {
                    self.report.memberships.unchanged += 1;
                    continue;
                }
                None => {}
            }
            // A membership that is to start later has its place already.
            let end_date = rows.iter().map(|row| row.said.start_date).min();
            if opt_outs.get(pair).is_some_and(|since| end_date.is_none_or(|end| end > *since)) {
                self.report.memberships.opted_out += 1;
                continue;
            }
            let (group_id, participant_id) = *pair;
            let said = Said {
                group_id,
                participant_id,
                start_date: self.date,
                start_reason_id,
                end_date,
                end_reason_id: end_date.map(|_| end_reason),
                role: *role,
            };
            plan.start.push((said, *at));
        }
        Ok(())
    }

    /// What is stored, is the roster's to end, and is not in the file any more. What a year transition made is never taken
    /// for a mistake of a roster: what began after the day of the file stays, and what began on that very day ends on it,
    /// which leaves a period of no days, so that the row and its history can still be read.
    fn plan_gone<'s>(
        &self,
        plan: &mut Plan<'s>,
        wanted: &BTreeMap<Pair, Wanted>,
        stored: &'s [Stored],
        end_reason: i64,
    ) {
        let gone = self.to_end(stored).filter(|row| !wanted.contains_key(&row.said.span().pair));
        for row in gone {
            if row.said.start_date >= self.date && row.origin != Origin::YearTransition {
                plan.annul.push(row);
            } else {
                let said = Said { end_date: Some(self.date), end_reason_id: Some(end_reason), ..row.said.clone() };
                plan.end.push((row, said));
            }
        }
    }

    /// What a roster of this day could end.
    fn to_end<'s>(&self, stored: &'s [Stored]) -> impl Iterator<Item = &'s Stored> {
        let (date, today) = (self.date, self.scope.today);
        stored.iter().filter(move |row| {
            let kept = row.origin == Origin::YearTransition && row.said.start_date > date;
            is_ours(row) && in_force(&row.said, today) && !kept
        })
    }

    /// G2: where the portal settings are enforced, a closed group takes no new members.
    fn refuse_closed(&mut self, plan: &Plan<'_>) -> Result<(), Error> {
        if plan.start.is_empty() {
            return Ok(());
        }
        let closed = closed_for_good(self.conn, plan.start.iter().map(|(said, _)| said.group_id).collect())?;
        if closed.is_empty() {
            return Ok(());
        }
        let names = self.names_of_groups(&closed.iter().copied().collect::<Vec<_>>())?;
        for (said, at) in plan.start.iter().filter(|(said, _)| closed.contains(&said.group_id)) {
            let name = names.get(&said.group_id).map(String::as_str).unwrap_or_default();
            let message = format!("the group {} is closed and takes no new members", Shown(name));
            self.refuse(*at, ErrorCode::GroupClosed, message);
        }
        Ok(())
    }

    /// Refuses a file that would end more than the set share of the memberships that it could end, unless these are few and
    /// at most one person is in no group of the file any more.
    fn fail_safe(&mut self, plan: &Plan<'_>, wanted: &BTreeMap<Pair, Wanted>, stored: &[Stored]) {
        let (ended, in_force) = (plan.end.len() + plan.annul.len(), self.to_end(stored).count());
        let limit = self.options.end_limit;
        let here: HashSet<i64> = wanted.keys().map(|(_, participant)| *participant).collect();
        let ending = plan.end.iter().map(|(row, _)| row).chain(&plan.annul).map(|row| row.said.participant_id);
        let lost: HashSet<i64> = ending.filter(|participant| !here.contains(participant)).collect();
        let is_much = ended >= ROSTER_END_FLOOR || lost.len() > 1;
        if is_much && ended.saturating_mul(100) > in_force.saturating_mul(limit.into()) {
            let message = format!(
                "{ended} of the {in_force} memberships in force would end, more than the {limit} % that may. When the roster \
                 of a new school year regroups everybody, the year transition comes first (kring year-transition); if \
                 this is meant, allow more (--end-limit)"
            );
            self.refuse(At::file(FILE), ErrorCode::TooManyEnded, message);
        }
    }

    fn write(&mut self, plan: &Plan<'_>, reasons: &BothReasons) -> Result<(), Error> {
        annul(self.conn, self.scope, &plan.annul.iter().map(|row| row.id).collect::<Vec<_>>())?;
        self.report.memberships.annulled += number(plan.annul.len());
        self.write_changes(&plan.end, Action::Ended, reasons)?;
        self.report.memberships.ended += number(plan.end.len());
        self.write_changes(&plan.correct, Action::Updated, reasons)?;
        self.report.memberships.updated += number(plan.correct.len());
        for (n, starts) in plan.start.chunks(CHUNK).enumerate() {
            self.tell(Step::Memberships, n * CHUNK, plan.start.len());
            let rows: Vec<&Said> = starts.iter().map(|(said, _)| said).collect();
            let ids = insert(self.conn, self.scope, &rows)?;
            for said in &rows {
                let Some(id) = ids.get(&said.span()) else { continue };
                let mut fields = said.fields(reasons);
                fields.push(("origin", Some(Origin::Import.as_str().to_owned())));
                self.journal.note(Action::Created, Entity::Membership, *id, &history::diff(&[], &fields))?;
            }
            self.journal.write(self.conn, self.scope)?;
            welcome(self.conn, self.scope, &ids.into_values().collect::<Vec<_>>())?;
        }
        self.report.memberships.started += number(plan.start.len());
        refuse_new_filters(self.conn, plan.start.iter().map(|(said, _)| said.group_id).collect())
    }

    fn write_changes(
        &mut self,
        changes: &[(&Stored, Said)],
        action: Action,
        reasons: &BothReasons,
    ) -> Result<(), Error> {
        for changes in changes.chunks(CHUNK) {
            let rows: Vec<_> = changes.iter().map(|(row, said)| (row.id, row.updated_at, said)).collect();
            change(self.conn, self.scope, &rows)?;
            for (row, said) in changes {
                let differs = history::diff(&row.said.fields(reasons), &said.fields(reasons));
                self.journal.note(action, Entity::Membership, row.id, &differs)?;
            }
            self.journal.write(self.conn, self.scope)?;
            let kind = if action == Action::Ended { Announced::Ended } else { Announced::Updated };
            announce(self.conn, kind, &changes.iter().map(|(row, _)| row.id).collect::<Vec<_>>())?;
        }
        Ok(())
    }
}

/// Whether a membership is the roster's to change.
fn is_ours(row: &Stored) -> bool {
    matches!(row.origin, Origin::Import | Origin::YearTransition)
}

/// Whether a membership counts on a day.
pub(super) fn in_force(said: &Said, day: NaiveDate) -> bool {
    said.start_date <= day && said.end_date.is_none_or(|end| end > day)
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
