//! Undoing a transition (Y7): memberships and links as they were, unless something since stands in the way.

pub mod store;

use serde::{Deserialize, Serialize};

use self::store::Restored;
use super::apply::REASON;
use super::preview::groups_of;
use super::{Status, TransitionRow, number, planning};
use crate::check::Checks;
use crate::content::store::{self as content, announce_shown};
use crate::db::Conn;
use crate::db::announce::{Kind as Announced, announce};
use crate::db::batch::CHUNK;
use crate::error::{Code, Error, Rejection};
use crate::history::{self, Action, Entity, Entry};
use crate::members::add::overlap;
use crate::members::derive::{self, Derivation, Seeds, Wanted, Whom};
use crate::scope::Scope;

/// How many links one statement is about at most, so that none of them takes long.
const LINKS: usize = 10_000;
/// The most obstacles, or items, that are named in one answer.
const MAX_NAMED: i64 = 50;

/// What was undone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undone {
    pub id: i64,
    /// Memberships that have their end of before again, and those that the transition had made and that count no more.
    pub memberships_restored: i64,
    pub memberships_annulled: i64,
    /// Links that hold again, and those that stay broken because the item was published anew or withdrawn since.
    pub links_restored: i64,
    pub links_left: i64,
    /// The items that stay as they are, by title; no more than are worth reading.
    pub left: Vec<String>,
}

/// Undoes a transition. What was erased stays erased.
///
/// # Errors
/// `TransitionNotApplied`, `UndoWindowClosed`, `TransitionOutOfOrder`, and `StandsInTheWay` for each membership that has
/// changed since. Nothing is changed then.
pub fn undo(conn: &mut Conn, scope: &Scope, id: i64) -> Result<Undone, Error> {
    let transition = planning::reachable(conn, scope, id)?;
    let named = groups_of(&planning::store::plan(conn, &transition)?);
    let derivation = Derivation::prepare_alone(conn, Seeds::Groups(&named))?;
    let all = planning::store::lock_all(conn, transition.organization_id)?;
    let Some(transition) = all.iter().find(|row| row.id == id) else {
        return Err(Error::internal(format!("transition {id} vanished")));
    };
    check(scope, transition, &all)?;
    planning::store::lock_groups(conn, &named)?;
    let (items, people) = (store::items(conn, id)?, store::people(conn, id)?);
    content::hold(conn, &items)?;
    planning::store::hold_people(conn, &people)?;
    check_obstacles(conn, transition)?;
    let annulled = annul(conn, scope, id)?;
    let restored = restore(conn, scope, transition)?;
    let links = restore_links(conn, scope, transition)?;
    derivation.follow(conn, scope, Whom::These(&people))?;
    store::finish(conn, scope, id)?;
    Ok(Undone { memberships_annulled: annulled, memberships_restored: restored, ..links })
}

fn check(scope: &Scope, transition: &TransitionRow, all: &[TransitionRow]) -> Result<(), Error> {
    let refuse = |code, message: String| Err(Rejection::new(code, message).at("input.yearTransitionId").into());
    if transition.status == Status::Undone {
        return refuse(Code::TransitionNotApplied, "This transition was undone already.".to_owned());
    }
    let Some(until) = transition.undoable_until() else {
        return refuse(Code::TransitionNotApplied, "Only an applied transition can be undone.".to_owned());
    };
    if scope.instant() > until {
        let message = format!("This transition could be undone until {}.", until.and_utc().to_rfc3339());
        return refuse(Code::UndoWindowClosed, message);
    }
    let later = all.iter().find(|other| other.status == Status::Applied && other.from_year > transition.from_year);
    match later {
        Some(later) => {
            let message = format!("The transition from {} was applied since. Undo that one first.", later.from_year);
            refuse(Code::TransitionOutOfOrder, message)
        }
        None => Ok(()),
    }
}

/// Names what was built on the transition since.
fn check_obstacles(conn: &mut Conn, transition: &TransitionRow) -> Result<(), Error> {
    const FIELD: &str = "input.yearTransitionId";
    let mut checks = Checks::default();
    // Of what is another organization's by now, name and members are not told.
    match store::handed_over(conn, transition)? {
        0 => {}
        1 => checks.refuse(Code::StandsInTheWay, FIELD, "A group of it belongs to another organization now."),
        number => {
            let message = format!("{number} groups of it belong to other organizations now.");
            checks.refuse(Code::StandsInTheWay, FIELD, message);
        }
    }
    for (who, group) in store::changed_since(conn, transition, MAX_NAMED)? {
        let message = format!("The membership of {who} in {group} was changed since.");
        checks.refuse(Code::StandsInTheWay, FIELD, message);
    }
    for (who, group) in store::joined_since(conn, transition, MAX_NAMED)? {
        let message = format!("{who} has joined {group} again since.");
        checks.refuse(Code::StandsInTheWay, FIELD, message);
    }
    checks.done()
}

/// The memberships that the transition made never were.
fn annul(conn: &mut Conn, scope: &Scope, id: i64) -> Result<i64, Error> {
    let made = store::made(conn, id)?;
    for ids in made.chunks(CHUNK) {
        derive::store::annul(conn, scope, ids)?;
        let annulled = ("annulledAt", Some(scope.instant().and_utc().to_rfc3339()));
        let changes = history::diff(&[], &[annulled]);
        history::record(conn, scope, Action::Annulled, Entity::Membership, ids, &changes)?;
        announce(conn, Announced::Annulled, ids)?;
    }
    Ok(number(made.len()))
}

/// Memberships end as they would have.
fn restore(conn: &mut Conn, scope: &Scope, transition: &TransitionRow) -> Result<i64, Error> {
    let ended = store::ended(conn, transition.id)?;
    for rows in ended.chunks(CHUNK) {
        let wanted: Vec<Wanted> = rows
            .iter()
            .map(|row| Wanted {
                group_id: row.group_id,
                participant_id: row.participant_id,
                start_date: transition.effective_on,
                end_date: row.end_date,
            })
            .collect();
        derive::make_room(conn, scope, &wanted)?;
        store::restore(conn, scope, rows).map_err(overlap)?;
        let entries: Vec<Entry> = rows.iter().map(|row| reopening(transition, row)).collect::<Result<_, _>>()?;
        history::record_each(conn, scope, &entries)?;
        announce(conn, Announced::Updated, &rows.iter().map(|row| row.id).collect::<Vec<_>>())?;
    }
    Ok(number(ended.len()))
}

fn reopening(transition: &TransitionRow, row: &Restored) -> Result<Entry, Error> {
    let changes = history::diff(
        &[
            ("endDate", Some(transition.effective_on.to_string())),
            ("endReason", Some(REASON.to_owned())),
            ("endNote", None),
        ],
        &[
            ("endDate", row.end_date.map(|date| date.to_string())),
            ("endReason", row.end_reason.clone()),
            ("endNote", row.end_note.clone()),
        ],
    );
    Entry::new(Action::Updated, Entity::Membership, row.id, &changes)
}

/// Links hold again, except of items that their makers have published anew or withdrawn since: they have said what they
/// want. What was linked again in their place is no longer shown to others.
fn restore_links(conn: &mut Conn, scope: &Scope, transition: &TransitionRow) -> Result<Undone, Error> {
    let mut changed = Vec::new();
    for links in store::relinked(conn, transition.id)?.chunks(LINKS) {
        changed.extend(store::unlink(conn, scope, links)?);
    }
    let (mut links_restored, mut last) = (0, 0);
    loop {
        let ids = store::untouched(conn, transition.id, last, LINKS)?;
        let Some(end) = ids.last() else { break };
        last = *end;
        let items = store::reopen(conn, &ids)?;
        links_restored += number(items.len());
        changed.extend(items);
    }
    changed.sort_unstable();
    changed.dedup();
    announce_shown(conn, scope, &changed)?;
    let (links_left, left) = store::left(conn, transition.id, transition.organization_id, MAX_NAMED)?;
    let id = transition.id;
    Ok(Undone { id, memberships_restored: 0, memberships_annulled: 0, links_restored, links_left, left })
}
