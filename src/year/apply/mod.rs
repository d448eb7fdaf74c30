//! Applying a plan (Y3, Y4): links broken, records erased, memberships ended and started, and what follows from them, all
//! in one transaction.

pub mod store;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::NaiveDate;

use self::store::{Ended, NewMembership};
use super::plan::{Decision, Figures, NewEnd, Outcomes, Start, sum};
use super::preview::{self, Preview, groups_of};
use super::token::{Aspect, Token};
use super::{CHUNK, Listener, Outcome, Progress, Status, TransitionRow, number, planning};
use crate::check::Checks;
use crate::content::store::announce_shown;
use crate::db::Conn;
use crate::db::announce::{Kind as Announced, announce};
use crate::error::{Code, Error, Rejection};
use crate::history::{self, Action, Entity, Entry};
use crate::mail::store::welcome;
use crate::members::Origin;
use crate::members::add::overlap;
use crate::members::derive::{self, Derivation, Seeds, Wanted, Whom};
use crate::members::reasons::usable;
use crate::members::store::ReasonTable;
use crate::people::store::enforces_portal_settings;
use crate::school::erasure::store::erase;
use crate::scope::Scope;

/// The code of the reasons with which memberships end and start here.
pub const REASON: &str = "YEAR_TRANSITION";
/// How many links one statement breaks at most.
const LINKS: usize = 10_000;
/// How many records are erased at once, unless one group has more.
const RECORDS: i64 = 50_000;

/// Applies a plan, if it is the one that the preview with this token showed; applied once, it answers the same again.
///
/// # Errors
/// `TransitionNotDue` before the effective date, `PreviewStale` when something changed since, and a rejection for each
/// rule that the plan breaks by now. Nothing is changed then.
pub fn apply(conn: &mut Conn, scope: &Scope, id: i64, token: &str, listener: Listener<'_>) -> Result<i64, Error> {
    let transition = planning::reachable(conn, scope, id)?;
    if transition.status == Status::Applied {
        return Ok(id);
    }
    let named = groups_of(&planning::store::plan(conn, &transition)?);
    // As every change of members: the composition and the turn first, then the groups.
    let derivation = Derivation::prepare_alone(conn, Seeds::Groups(&named))?;
    let all = planning::store::lock_all(conn, transition.organization_id)?;
    let Some(transition) = all.iter().find(|row| row.id == id) else {
        return Err(Error::internal(format!("transition {id} vanished")));
    };
    if transition.status == Status::Applied {
        return Ok(id);
    }
    check_open(scope, transition, &all)?;
    planning::store::lock_groups(conn, &named)?;
    let before = preview::work_out(conn, transition)?;
    check_fits(conn, transition, &before, token)?;
    let people = before.outcomes.people();
    planning::store::hold_people(conn, &people)?;
    let mut work = Work { conn, scope, transition, derivation: &derivation, listener };
    work.everything(&before, &people)?;
    store::finish(work.conn, scope, id, &before.token.encode(), &before.outcomes)?;
    Ok(id)
}

fn check_open(scope: &Scope, transition: &TransitionRow, all: &[TransitionRow]) -> Result<(), Error> {
    let mut checks = Checks::default();
    let field = "input.yearTransitionId";
    match transition.status {
        Status::Superseded => {
            checks.refuse(Code::TransitionOver, field, "A newer plan took the place of this one.");
        }
        Status::Withdrawn => {
            checks.refuse(Code::TransitionOver, field, "This plan was withdrawn.");
        }
        Status::Undone => {
            checks.refuse(Code::TransitionOver, field, "This transition was undone. Make a new plan.");
        }
        Status::Planned | Status::Applied => {}
    }
    if scope.today < transition.effective_on {
        let message = format!("This transition is due on {}, not earlier.", transition.effective_on);
        checks.refuse(Code::TransitionNotDue, field, message);
    }
    for other in all.iter().filter(|other| other.id != transition.id) {
        let earlier = other.status == Status::Planned && other.from_year < transition.from_year;
        let later = other.status == Status::Applied && other.from_year >= transition.from_year;
        if earlier {
            let message = format!("The transition from {} is planned and was not applied yet.", other.from_year);
            checks.refuse(Code::TransitionOutOfOrder, field, message);
        } else if later {
            let message = format!("The transition from {} was applied already.", other.from_year);
            checks.refuse(Code::TransitionOutOfOrder, field, message);
        }
    }
    checks.done()
}

/// Y4: nothing is done but what the preview showed.
fn check_fits(conn: &mut Conn, transition: &TransitionRow, now: &Preview, token: &str) -> Result<(), Error> {
    let mut checks = Checks::default();
    let unmapped = planning::unmapped(conn, transition.organization_id, transition.effective_on, &now.plan.moves)?;
    planning::refuse_unmapped(&unmapped, "input.yearTransitionId", &mut checks);
    let named = groups_of(&now.plan);
    let known = planning::store::known(conn, &named)?;
    for group in &named {
        let fits = known
            .get(group)
            .is_some_and(|known| !known.dynamic && known.organization_id == Some(transition.organization_id));
        if !fits {
            let own = known.get(group).filter(|known| known.organization_id == Some(transition.organization_id));
            let name = own.map_or("A group", |known| known.name.as_str());
            let message = format!("{name} is no longer a group with members of its own of this organization.");
            checks.refuse(Code::PreviewStale, "input.yearTransitionId", message);
        }
    }
    if enforces_portal_settings(conn, transition.organization_id)? {
        let joined: BTreeSet<i64> = now.outcomes.starts.iter().map(|start| start.group).collect();
        for closed in joined.iter().filter_map(|group| known.get(group)).filter(|known| known.closed) {
            let message = format!("{} is closed and takes no new members.", closed.name);
            checks.refuse(Code::GroupClosed, "input.yearTransitionId", message);
        }
    }
    stale(now, token, &mut checks);
    checks.done()
}

/// Says what has changed since the preview.
fn stale(now: &Preview, token: &str, checks: &mut Checks) {
    const FIELD: &str = "input.previewToken";
    let Some(seen) = Token::decode(token) else {
        return checks.refuse(Code::PreviewStale, FIELD, "This is not the token of a preview.");
    };
    if seen == now.token {
        return;
    }
    let changed = seen.changed(&now.token);
    if changed.is_empty() {
        let message = "This preview is of another plan, or groups to which members go have changed, or what it warns of \
                       is not what it was. Please look at it anew.";
        return checks.refuse(Code::PreviewStale, FIELD, message);
    }
    for (place, aspects) in changed.into_iter().take(50) {
        let words: Vec<&str> = aspects
            .into_iter()
            .map(|aspect| match aspect {
                Aspect::Members => "members",
                Aspect::Links => "linked content",
                Aspect::Records => "school records",
            })
            .collect();
        let message = match now.names.get(place).filter(|name| !name.is_empty()) {
            Some(name) => format!("Changed since the preview: {} of {name}.", words.join(" and ")),
            None => "Changed since the preview: a group of the plan belongs to another organization now.".to_owned(),
        };
        checks.refuse(Code::PreviewStale, FIELD, message);
    }
}

/// A transition at work.
struct Work<'w> {
    conn: &'w mut Conn,
    scope: &'w Scope,
    transition: &'w TransitionRow,
    derivation: &'w Derivation,
    listener: Listener<'w>,
}

impl Work<'_> {
    fn everything(&mut self, preview: &Preview, people: &[i64]) -> Result<(), Error> {
        let outcomes = &preview.outcomes;
        self.break_links(&outcomes.figures)?;
        self.erase_records(&outcomes.figures)?;
        let carrying = Carrying {
            on: self.transition.effective_on,
            origin: Origin::YearTransition,
            start_reason: REASON,
            end_reason: REASON,
            note: None,
            transition: Some(self.transition.id),
        };
        carry_out(self.conn, self.scope, &carrying, outcomes, self.listener)?;
        self.tell("automatic participation", 0, people.len());
        self.derivation.follow(self.conn, self.scope, Whom::These(people))?;
        self.tell("automatic participation", people.len(), people.len());
        Ok(())
    }

    fn tell(&mut self, step: &'static str, done: usize, total: usize) {
        (self.listener)(Progress { step, done, total });
    }

    /// Every open link of the plan's groups; some at a time, so that no statement takes long, and in the order in which they
    /// were made, so that each page of the table is written once.
    fn break_links(&mut self, figures: &BTreeMap<i64, Figures>) -> Result<(), Error> {
        let counted: i64 = figures.values().map(|it| sum(&it.links_to_break)).sum();
        let groups: Vec<i64> = figures.keys().copied().collect();
        let links = store::open_links(self.conn, &groups)?;
        let mut broken = 0;
        for links in links.chunks(LINKS) {
            broken += store::break_links(self.conn, self.scope, self.transition.id, links)?;
            self.tell("links", broken, usize::try_from(counted).unwrap_or(broken));
        }
        expect(number(broken), counted, "linked content")?;
        let items = store::broken_items(self.conn, self.transition.id)?;
        announce_shown(self.conn, self.scope, &items)
    }

    fn erase_records(&mut self, figures: &BTreeMap<i64, Figures>) -> Result<(), Error> {
        let kept: Vec<(i64, i64)> = figures
            .iter()
            .map(|(group, it)| (*group, sum(&it.records_to_erase)))
            .filter(|(_, records)| *records > 0)
            .collect();
        let total: i64 = kept.iter().map(|(_, records)| records).sum();
        let mut done = 0;
        for (groups, records) in portions(&kept, RECORDS) {
            let TransitionRow { from_year, effective_on, .. } = self.transition;
            let erased = erase(self.conn, &groups, *from_year, *effective_on)?;
            expect(erased.values().sum(), records, "school records")?;
            done += records;
            self.tell("school records", usize::try_from(done).unwrap_or(0), usize::try_from(total).unwrap_or(0));
        }
        Ok(())
    }
}

/// How memberships are ended and started.
pub struct Carrying<'c> {
    pub on: NaiveDate,
    pub origin: Origin,
    pub start_reason: &'c str,
    pub end_reason: &'c str,
    pub note: Option<&'c str>,
    /// The transition that does it, which notes what it did.
    pub transition: Option<i64>,
}

/// Ends and starts memberships as was worked out, with their history, and answers with those that were made. What follows
/// from them is left to the caller.
///
/// # Errors
/// `PreviewStale` when a membership is not there any more; a rejection when a reason cannot be used.
pub fn carry_out(
    conn: &mut Conn,
    scope: &Scope,
    carrying: &Carrying<'_>,
    outcomes: &Outcomes,
    listener: Listener<'_>,
) -> Result<Vec<i64>, Error> {
    let start_reason = usable(conn, ReasonTable::Start, carrying.start_reason, "input.startReasonCode")?;
    let end_reason = usable(conn, ReasonTable::End, carrying.end_reason, "input.endReasonCode")?;
    let total = outcomes.decisions.len();
    for (n, decisions) in outcomes.decisions.chunks(CHUNK).enumerate() {
        end_memberships(conn, scope, carrying, end_reason, decisions)?;
        listener(Progress { step: "memberships that end", done: n * CHUNK + decisions.len(), total });
    }
    let codes = store::end_reason_codes(conn)?;
    let (mut memberships, total) = (Vec::with_capacity(outcomes.starts.len()), outcomes.starts.len());
    for (n, starts) in outcomes.starts.chunks(CHUNK).enumerate() {
        let rows: Vec<NewMembership> =
            starts.iter().map(|start| NewMembership::new(start, carrying.origin, start_reason, end_reason)).collect();
        memberships.extend(start_memberships(conn, scope, carrying, starts, &rows, &codes)?);
        listener(Progress { step: "memberships that start", done: n * CHUNK + starts.len(), total });
    }
    Ok(memberships)
}

fn end_memberships(
    conn: &mut Conn,
    scope: &Scope,
    carrying: &Carrying<'_>,
    reason: i64,
    decisions: &[Decision],
) -> Result<(), Error> {
    if let Some(transition) = carrying.transition {
        store::note_members(conn, transition, decisions)?;
    }
    let ended = decisions.iter().filter(|decision| decision.outcome != Outcome::Stays);
    let ids: Vec<i64> = ended.map(|decision| decision.membership_id).collect();
    let before = store::ends(conn, &ids)?;
    let written = store::end_memberships(conn, scope, &ids, carrying.on, reason, carrying.note)?;
    expect(number(written), number(ids.len()), "members")?;
    let entries = before.iter().map(|before| ending(carrying, before)).collect::<Result<Vec<_>, _>>()?;
    history::record_each(conn, scope, &entries)?;
    announce(conn, Announced::Ended, &ids)
}

fn ending(carrying: &Carrying<'_>, before: &Ended) -> Result<Entry, Error> {
    let changes = history::diff(
        &[
            ("endDate", before.end.map(|date| date.to_string())),
            ("endReason", before.reason.clone()),
            ("endNote", before.note.clone()),
        ],
        &[
            ("endDate", Some(carrying.on.to_string())),
            ("endReason", Some(carrying.end_reason.to_owned())),
            ("endNote", carrying.note.map(ToOwned::to_owned).or_else(|| before.note.clone())),
        ],
    );
    Entry::new(Action::Ended, Entity::Membership, before.id, &changes)
}

fn start_memberships(
    conn: &mut Conn,
    scope: &Scope,
    carrying: &Carrying<'_>,
    starts: &[Start],
    rows: &[NewMembership],
    codes: &HashMap<i64, String>,
) -> Result<Vec<i64>, Error> {
    derive::make_room(conn, scope, &starts.iter().map(wanted).collect::<Vec<_>>())?;
    let made = store::insert_memberships(conn, scope, rows).map_err(overlap)?;
    expect(number(made.len()), number(rows.len()), "members")?;
    let by_key: HashMap<(i64, i64, NaiveDate), i64> =
        made.iter().map(|(id, group, participant, from)| ((*group, *participant, *from), *id)).collect();
    let mut entries = Vec::with_capacity(rows.len());
    for (start, row) in starts.iter().zip(rows) {
        let Some(id) = by_key.get(&(start.group, start.participant, start.from)) else { continue };
        let code = row.end_reason_id.and_then(|reason| codes.get(&reason).cloned());
        let changes = starting(carrying, start, code);
        entries.push(Entry::new(Action::Created, Entity::Membership, *id, &changes)?);
    }
    let ids: Vec<i64> = made.iter().map(|(id, ..)| *id).collect();
    if let Some(transition) = carrying.transition {
        store::note_starts(conn, transition, &ids)?;
    }
    history::record_each(conn, scope, &entries)?;
    welcome(conn, scope, &ids)?;
    announce(conn, Announced::Created, &ids)?;
    Ok(ids)
}

fn wanted(start: &Start) -> Wanted {
    Wanted {
        group_id: start.group,
        participant_id: start.participant,
        start_date: start.from,
        end_date: start.end.as_ref().map(NewEnd::date),
    }
}

/// A membership that is made here, as history shows it.
fn starting(carrying: &Carrying<'_>, start: &Start, end_reason: Option<String>) -> Vec<history::Change> {
    let end: Option<NaiveDate> = start.end.as_ref().map(NewEnd::date);
    let note = match &start.end {
        Some(NewEnd::Kept(end)) => end.note.clone(),
        _ => None,
    };
    let fields = [
        ("startDate", Some(start.from.to_string())),
        ("startReason", Some(carrying.start_reason.to_owned())),
        ("endDate", end.map(|date| date.to_string())),
        ("endReason", end_reason),
        ("endNote", note),
        ("role", Some(start.role.as_str().to_owned())),
        ("origin", Some(carrying.origin.as_str().to_owned())),
    ];
    history::diff(&[], &fields)
}

/// Groups of which so many things are to be changed, in portions of no more than a limit where that is possible.
fn portions(groups: &[(i64, i64)], limit: i64) -> Vec<(Vec<i64>, i64)> {
    let mut portions: Vec<(Vec<i64>, i64)> = Vec::new();
    for (group, things) in groups {
        match portions.last_mut() {
            Some((portion, sum)) if *sum + things <= limit => {
                portion.push(*group);
                *sum += things;
            }
            _ => portions.push((vec![*group], *things)),
        }
    }
    portions
}

/// What is done must be what the preview counted; the locks leave a gap for whoever takes something away meanwhile.
fn expect(done: i64, counted: i64, what: &str) -> Result<(), Error> {
    if done == counted {
        return Ok(());
    }
    let message = format!("Somebody else changed the {what} at the same moment. Please look at the preview anew.");
    Err(Rejection::new(Code::PreviewStale, message).at("input.previewToken").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn portions_hold_every_group_once_and_no_more_than_the_limit() {
        let groups = [(1, 4), (2, 4), (3, 2), (4, 30), (5, 1), (6, 9)];
        let found = portions(&groups, 10);
        assert_eq!(found, [(vec![1, 2, 3], 10), (vec![4], 30), (vec![5, 6], 10)]);
        assert_eq!(portions(&[], 10), []);
    }
}
