//! Automatic participation (A1 to A5): memberships that follow from a source group or from an address.
//!
//! ```text
//! spans    arithmetic over periods
//! places   when somebody is where a filter looks for them
//! plan     what follows from who belongs where; pure
//! store    the facts that a plan needs, and the statements that carry it out
//! ```
//!
//! Whoever changes memberships, groups, people or residencies [prepares](Derivation::prepare) before the change and
//! [follows](Derivation::follow) it up in the same transaction. A derived membership has the period of what it follows
//! from, as far as that is known: what is to start or to end on a later day is written at once, and nothing has to be
//! done on that day. The number of statements does not depend on how many groups follow from each other.

mod place_store;
mod plan;
mod spans;
pub mod store;

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use self::plan::{Ending, Plan, Row, Start};
use self::store::{NewEnd, NewRow};
pub use self::store::{Seeds, Wanted};
use super::add::overlap;
use super::store::{ReasonTable, reasons};
use super::{Origin, Role};
use crate::db::Conn;
use crate::db::announce::{Kind as Announced, announce};
use crate::db::batch::CHUNK;
use crate::error::Error;
use crate::groups::store::hold_composition;
use crate::history::{self, Action, Entity, Entry};
use crate::mail::store::welcome;
use crate::scope::Scope;

/// How many participants are worked out at once, so that memory does not grow with the size of a group.
const PEOPLE: usize = 10_000;
/// Memberships of an organization's groups make people its people, who may then pass the filters of its dynamic
/// groups. Each round goes one dynamic group further; so many in a row do not exist.
const ROUNDS: usize = 100;

/// How many derived memberships were started and ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Followed {
    pub started: i64,
    /// Those that were never in force are among them.
    pub ended: i64,
}

/// Who is concerned.
#[derive(Clone, Copy, Debug)]
pub enum Whom<'p> {
    /// These participants, and whoever lives at those of them that are addresses.
    These(&'p [i64]),
    /// Everybody in the groups and in those that they follow from.
    Everybody,
}

/// The right to derive memberships until the transaction ends, and the groups in which they have to be.
#[derive(Debug)]
pub struct Derivation {
    affected: Vec<i64>,
}

impl Derivation {
    /// Finds out which groups a change can reach, before it is made and before any row is locked. What groups are made
    /// of stays as it is until the transaction ends, and nobody else derives memberships meanwhile.
    ///
    /// # Errors
    /// What the database answers.
    pub fn prepare(conn: &mut Conn, seeds: Seeds<'_>) -> Result<Self, Error> {
        hold_composition(conn)?;
        let affected = store::affected(conn, seeds)?;
        if !affected.is_empty() {
            store::take_turn(conn)?;
        }
        Ok(Self { affected })
    }

    /// The same for whoever changes many memberships at once: the turn is taken even where nothing follows from them, so that
    /// no two of those are at work at the same time.
    ///
    /// # Errors
    /// What the database answers.
    pub fn prepare_alone(conn: &mut Conn, seeds: Seeds<'_>) -> Result<Self, Error> {
        let derivation = Self::prepare(conn, seeds)?;
        store::take_turn(conn)?;
        Ok(derivation)
    }

    /// The same for a group of which the settings or the components were changed, under the lock of the composition.
    /// `was_fed` says whether it may have derived memberships although nothing feeds it any more.
    ///
    /// # Errors
    /// What the database answers.
    pub fn of_changed_group(conn: &mut Conn, group: i64, was_fed: bool) -> Result<Self, Error> {
        let mut affected: BTreeSet<i64> = store::affected(conn, Seeds::Groups(&[group]))?.into_iter().collect();
        affected.extend(was_fed.then_some(group));
        if !affected.is_empty() {
            store::take_turn(conn)?;
        }
        Ok(Self { affected: affected.into_iter().collect() })
    }

    /// Whether the group has, or may have, derived memberships.
    pub fn reaches(&self, group: i64) -> bool {
        self.affected.binary_search(&group).is_ok()
    }

    /// Brings derived memberships in step with what they follow from.
    ///
    /// # Errors
    /// What the database answers.
    pub fn follow(&self, conn: &mut Conn, scope: &Scope, whom: Whom<'_>) -> Result<Followed, Error> {
        let mut followed = Followed::default();
        if self.affected.is_empty() {
            return Ok(followed);
        }
        let (graph, filters) = store::graph(conn, &self.affected)?;
        let people = match whom {
            Whom::Everybody => store::everybody(conn, &graph, &filters, scope.today)?,
            Whom::These(people) => {
                let mut all: BTreeSet<i64> = people.iter().copied().collect();
                // Where an address is, those who live there are.
                if graph.has_homes() || place_store::asks_for_places(&filters) {
                    all.extend(store::residents(conn, people, scope.today)?);
                }
                all.into_iter().collect()
            }
        };
        let mut writer = Writer::default();
        for people in people.chunks(PEOPLE) {
            for round in 0.. {
                let facts = store::facts(conn, &graph, &filters, people, scope.today)?;
                let plan = plan::plan(&graph, &facts, scope.today);
                writer.write(conn, scope, &plan, &mut followed)?;
                if filters.is_empty() || plan.start.is_empty() {
                    break;
                }
                if round == ROUNDS {
                    return Err(Error::internal("derived memberships do not settle".to_owned()));
                }
            }
        }
        Ok(followed)
    }
}

/// Ends derived memberships where others, made by hand, are about to take their place (A3).
///
/// # Errors
/// What the database answers.
pub fn make_room(conn: &mut Conn, scope: &Scope, wanted: &[Wanted]) -> Result<(), Error> {
    // Several periods of one pair can be wanted; the first of them is where a derived membership ends.
    let mut first: BTreeMap<i64, (Row, NaiveDate)> = BTreeMap::new();
    for wanted in wanted.chunks(CHUNK) {
        for (row, from) in store::in_the_way(conn, wanted)? {
            let known = first.entry(row.id).or_insert_with(|| (row, from));
            known.1 = known.1.min(from);
        }
    }
    let mut plan = Plan::default();
    for (row, from) in first.into_values() {
        if row.start < from {
            plan.shorten.push(Ending { row, end: Some(from) });
        } else {
            plan.annul.push(row);
        }
    }
    let mut writer = Writer { taken_over: true, ..Writer::default() };
    writer.write(conn, scope, &plan, &mut Followed::default())
}

/// The codes and keys of the reasons that are given here.
struct Reasons {
    joined: (String, i64),
    moved_in: (String, i64),
    left: (String, i64),
    moved_out: (String, i64),
    taken_over: (String, i64),
}

impl Reasons {
    fn load(conn: &mut Conn) -> Result<Self, Error> {
        let starts = reasons(conn, ReasonTable::Start, None)?;
        let ends = reasons(conn, ReasonTable::End, None)?;
        let find = |rows: &[super::store::ReasonRow], code: &str| {
            let row = rows.iter().find(|row| row.code == code);
            let missing = || Error::internal(format!("the reason {code} is missing"));
            row.map(|row| (row.code.clone(), row.id)).ok_or_else(missing)
        };
        Ok(Self {
            joined: find(&starts, "JOINED_SOURCE_GROUP")?,
            moved_in: find(&starts, "MOVED_IN")?,
            left: find(&ends, "LEFT_SOURCE_GROUP")?,
            moved_out: find(&ends, "MOVED_OUT")?,
            taken_over: find(&ends, "TAKEN_OVER")?,
        })
    }

    fn start(&self, origin: Origin) -> &(String, i64) {
        if origin == Origin::HomeAddress { &self.moved_in } else { &self.joined }
    }

    fn end(&self, origin: Origin) -> &(String, i64) {
        if origin == Origin::HomeAddress { &self.moved_out } else { &self.left }
    }
}

/// Carries out plans.
#[derive(Default)]
struct Writer {
    reasons: Option<Reasons>,
    /// Whether what ends gives way to a membership made by hand.
    taken_over: bool,
}

impl Writer {
    fn write(&mut self, conn: &mut Conn, scope: &Scope, plan: &Plan, followed: &mut Followed) -> Result<(), Error> {
        if plan.is_empty() {
            return Ok(());
        }
        if self.reasons.is_none() {
            self.reasons = Some(Reasons::load(conn)?);
        }
        let Some(reasons) = &self.reasons else { return Ok(()) };
        annul(conn, scope, &plan.annul.iter().map(|row| row.id).collect::<Vec<_>>())?;
        for (endings, action) in [(&plan.shorten, Action::Ended), (&plan.lengthen, Action::Updated)] {
            let reason = |origin| if self.taken_over { &reasons.taken_over } else { reasons.end(origin) };
            set_ends(conn, scope, endings, action, reason)?;
        }
        start(conn, scope, &plan.start, reasons)?;
        let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        followed.started += number(plan.start.len());
        followed.ended += number(plan.annul.len() + plan.shorten.len());
        Ok(())
    }
}

/// Declares memberships to be none, with their history.
///
/// # Errors
/// What the database answers.
pub fn annul(conn: &mut Conn, scope: &Scope, ids: &[i64]) -> Result<(), Error> {
    if ids.is_empty() {
        return Ok(());
    }
    store::annul(conn, scope, ids)?;
    let annulled = ("annulledAt", Some(scope.instant().and_utc().to_rfc3339()));
    let changes = history::diff(&[], &[annulled]);
    history::record(conn, scope, Action::Annulled, Entity::Membership, ids, &changes)?;
    announce(conn, Announced::Annulled, ids)
}

fn set_ends<'r>(
    conn: &mut Conn,
    scope: &Scope,
    endings: &[Ending],
    action: Action,
    reason: impl Fn(Origin) -> &'r (String, i64),
) -> Result<(), Error> {
    for endings in endings.chunks(CHUNK) {
        let mut ends = Vec::with_capacity(endings.len());
        let mut entries = Vec::with_capacity(endings.len());
        for Ending { row, end } in endings {
            let (code, reason) = reason(row.origin);
            ends.push(NewEnd { id: row.id, end_date: *end, end_reason_id: end.map(|_| *reason) });
            let fields = |end: Option<NaiveDate>| {
                [("endDate", end.map(|end| end.to_string())), ("endReason", end.map(|_| code.clone()))]
            };
            let changes = history::diff(&fields(row.end), &fields(*end));
            entries.push(Entry::new(action, Entity::Membership, row.id, &changes)?);
        }
        store::set_ends(conn, scope, &ends)?;
        history::record_each(conn, scope, &entries)?;
        announce(conn, action.announced(), &ends.iter().map(|end| end.id).collect::<Vec<_>>())?;
    }
    Ok(())
}

fn start(conn: &mut Conn, scope: &Scope, starts: &[Start], reasons: &Reasons) -> Result<(), Error> {
    for starts in starts.chunks(CHUNK) {
        let new = |start: &Start| NewRow::new(start, reasons.start(start.origin).1, reasons.end(start.origin).1);
        let rows: Vec<NewRow> = starts.iter().map(new).collect();
        let made = store::insert(conn, scope, &rows).map_err(overlap)?;
        let mut entries = Vec::with_capacity(starts.len());
        let ids: std::collections::HashMap<_, i64> =
            made.iter().map(|(id, group, participant, from)| ((*group, *participant, *from), *id)).collect();
        for start in starts {
            let Some(id) = ids.get(&(start.group, start.participant, start.span.0)) else { continue };
            entries.push(Entry::new(Action::Created, Entity::Membership, *id, &created(start, reasons))?);
        }
        history::record_each(conn, scope, &entries)?;
        let made: Vec<i64> = made.iter().map(|(id, ..)| *id).collect();
        welcome(conn, scope, &made)?;
        announce(conn, Announced::Created, &made)?;
    }
    Ok(())
}

fn created(start: &Start, reasons: &Reasons) -> Vec<history::Change> {
    let fields = [
        ("startDate", Some(start.span.0.to_string())),
        ("startReason", Some(reasons.start(start.origin).0.clone())),
        ("endDate", start.span.1.map(|end| end.to_string())),
        ("endReason", start.span.1.map(|_| reasons.end(start.origin).0.clone())),
        ("role", Some(Role::Member.as_str().to_owned())),
        ("origin", Some(start.origin.as_str().to_owned())),
    ];
    history::diff(&[], &fields)
}
