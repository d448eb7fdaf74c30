//! Conversation rounds: their slots, and who books them.
//!
//! A booking stands in its slot. Every change locks the round first, so that of many who want the same slot one gets it
//! and the others are told.

pub mod store;

use serde::{Deserialize, Serialize};

use super::commands::managed;
use super::kind::{ContentKind, Details, Of};
use super::kinds::conversation_round::{ConversationRound, Slot};
use super::store::ContentRow;
use super::taking_part::{self, check_invited, check_kind, check_open, family, for_whom};
use super::visibility::Vision;
use crate::check::Checks;
use crate::db::Conn;
use crate::error::{Code, Error, Rejection};
use crate::groups::store::CompositionCache;
use crate::history::{self, Action, Entity};
use crate::id::{self, Kind};
use crate::scope::Scope;
use store::StoredSlot;

/// The most slots of one round.
const MAX_SLOTS: i64 = 2_000;
/// The field that names the slot.
const SLOT: &str = "input.slotId";

/// Which slot is to be booked, and for whom.
#[derive(Clone, Debug)]
pub struct Booking {
    pub slot_id: i64,
    /// The participant concerned; the viewer when absent.
    pub participant_id: Option<i64>,
    /// Whether a slot of the same round that is booked already is given back for it.
    pub replace: bool,
}

/// A slot that was booked or given back.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Booked {
    pub slot_id: i64,
    pub content_id: i64,
    pub warnings: Vec<Rejection>,
}

/// Slots that were added.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Added {
    pub content_id: i64,
    pub slots: Vec<i64>,
}

/// A slot that was removed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Removed {
    pub content_id: i64,
    pub slot_id: i64,
}

/// Makes the slots with which a new round begins.
///
/// # Errors
/// A rejection for each that is past.
pub fn begin(conn: &mut Conn, scope: &Scope, content: i64, details: &Details) -> Result<(), Error> {
    match ConversationRound::of(Some(details)) {
        Some(round) if !round.slots.is_empty() => {
            let field = format!("input.{}.slots", ContentKind::ConversationRound.field());
            insert(conn, scope, content, &field, &round.slots).map(drop)
        }
        _ => Ok(()),
    }
}

/// Refuses slots where a round is changed as a whole: what is booked is not replaced by a list.
///
/// # Errors
/// `InvalidValue`.
pub fn check_change(details: &Details) -> Result<(), Error> {
    if ConversationRound::of(Some(details)).is_none_or(|round| round.slots.is_empty()) {
        return Ok(());
    }
    let field = format!("input.content.{}.slots", ContentKind::ConversationRound.field());
    let message = "The slots of a round that exists are added and removed one by one.";
    Err(Rejection::new(Code::InvalidValue, message).at(&field).into())
}

fn insert(conn: &mut Conn, scope: &Scope, content: i64, field: &str, slots: &[Slot]) -> Result<Vec<i64>, Error> {
    let mut checks = Checks::default();
    for (n, slot) in slots.iter().enumerate() {
        if slot.starts_at <= scope.instant() {
            checks.refuse(Code::InvalidDate, &format!("{field}.{n}.startsAt"), "This moment is past.");
        }
    }
    let before = store::count(conn, content)?;
    let after = before + i64::try_from(slots.len()).unwrap_or(i64::MAX);
    if after > MAX_SLOTS {
        checks.refuse(Code::TooMany, field, format!("A round has at most {MAX_SLOTS} slots."));
    }
    checks.done()?;
    let ids = store::insert(conn, scope, content, slots)?;
    record_number(conn, scope, content, before, after)?;
    Ok(ids)
}

/// How many slots there are, in the history of their round.
fn record_number(conn: &mut Conn, scope: &Scope, content: i64, before: i64, after: i64) -> Result<(), Error> {
    let number = |slots: i64| vec![("slots", Some(slots.to_string()))];
    let changes = history::diff(&number(before), &number(after));
    history::record(conn, scope, Action::Updated, Entity::Content, &[content], &changes)
}

/// Adds slots to a round.
///
/// # Errors
/// A rejection for each rule that is broken.
pub fn add(
    conn: &mut Conn,
    scope: &Scope,
    cache: &CompositionCache,
    content: i64,
    slots: &[Slot],
) -> Result<Added, Error> {
    let vision = Vision::of_viewer(conn, scope, cache)?;
    let row = managed(conn, scope, &vision, content)?;
    check_kind(&row, ContentKind::ConversationRound, "This is no conversation round, so it has no slots.")?;
    let mut checks = Checks::default();
    if slots.is_empty() {
        checks.refuse(Code::Required, "input.slots", "Name at least one slot.");
    }
    Slot::check_all(slots, "input.slots", &mut checks);
    checks.done()?;
    Ok(Added { content_id: content, slots: insert(conn, scope, content, "input.slots", slots)? })
}

/// A slot of a round that the viewer sees, and the round, locked.
fn found(conn: &mut Conn, scope: &Scope, vision: &Vision, slot: i64) -> Result<(ContentRow, StoredSlot), Error> {
    let missing = || Error::from(Rejection::new(Code::NotFound, "There is no such slot.").at(SLOT));
    let content = store::slot(conn, slot)?.ok_or_else(missing)?.content_id;
    let row = taking_part::lock(conn, scope, vision, content)?.ok_or_else(missing)?;
    // Only what is read after the round is locked stays as it is.
    let slot = store::slot(conn, slot)?.ok_or_else(missing)?;
    Ok((row, slot))
}

/// Removes a slot that nobody has booked. A booked one is given back first, so that nobody loses it without notice.
///
/// # Errors
/// A rejection for each rule that is broken.
pub fn remove(conn: &mut Conn, scope: &Scope, cache: &CompositionCache, slot: i64) -> Result<Removed, Error> {
    let vision = Vision::of_viewer(conn, scope, cache)?;
    let (row, slot) = found(conn, scope, &vision, slot)?;
    let refuse = |code: Code, message: &str| Error::from(Rejection::new(code, message).at(SLOT));
    if !row.managed {
        return Err(refuse(Code::Forbidden, "This is not yours to change."));
    }
    if slot.participant_id.is_some() {
        return Err(refuse(Code::SlotBooked, "The slot is booked. Cancel the booking first, and tell who booked it."));
    }
    let before = store::count(conn, row.id)?;
    store::delete(conn, slot.id)?;
    record_number(conn, scope, row.id, before, before - 1)?;
    Ok(Removed { content_id: row.id, slot_id: slot.id })
}

/// Books a slot for a participant, who has at most one of each round.
///
/// # Errors
/// A rejection for each rule that stands in the way.
pub fn book(conn: &mut Conn, scope: &Scope, cache: &CompositionCache, booking: &Booking) -> Result<Booked, Error> {
    let vision = Vision::of_viewer(conn, scope, cache)?;
    let (row, slot) = found(conn, scope, &vision, booking.slot_id)?;
    let participant = for_whom(conn, scope, cache, &vision, &row, booking.participant_id)?;
    let held = store::held(conn, row.id, participant)?;
    let mut checks = Checks::default();
    check_invited(conn, scope, cache, &row, participant, &mut checks)?;
    check_open(row.managed, scope.instant(), window(row.details.as_ref()), ("to book a slot", SLOT), &mut checks);
    check_slot(scope, &slot, held.as_ref(), booking, &mut checks);
    checks.done()?;
    if slot.participant_id.is_none() {
        if let Some(held) = &held {
            release(conn, scope, held)?;
        }
        if !store::book(conn, scope, slot.id, participant)? {
            return Err(Error::internal("a slot was booked while its round was locked"));
        }
        record(conn, scope, &slot, None, Some(participant))?;
    }
    let warnings = warnings(conn, scope, &vision, &row, &slot, participant)?;
    Ok(Booked { slot_id: slot.id, content_id: row.id, warnings })
}

fn window(details: Option<&Details>) -> (Option<chrono::NaiveDateTime>, Option<chrono::NaiveDateTime>) {
    let round = ConversationRound::of(details);
    round.map_or((None, None), |round| (round.booking_opens_at, round.booking_closes_at))
}

fn check_slot(scope: &Scope, slot: &StoredSlot, held: Option<&StoredSlot>, booking: &Booking, checks: &mut Checks) {
    let mut refuse = |code: Code, message: &str| checks.refuse(code, SLOT, message);
    if slot.starts_at <= scope.instant() {
        refuse(Code::SlotPast, "This slot has begun or is over.");
    }
    let same = held.is_some_and(|held| held.id == slot.id);
    if slot.participant_id.is_some() && !same {
        refuse(Code::SlotBooked, "This slot is booked already. Please choose another.");
    }
    match held {
        Some(_) if same && !booking.replace => {
            refuse(Code::AlreadyBooked, "This very slot is booked for this participant already.");
        }
        Some(_) if !same && !booking.replace => {
            refuse(
                Code::AlreadyBooked,
                "A slot of this round is booked for this participant already. Give it back for this one?",
            );
        }
        Some(held) if !same && held.starts_at <= scope.instant() => {
            refuse(Code::AlreadyBooked, "The slot that is booked for this participant has begun or is over.");
        }
        _ => {}
    }
}

/// What the viewer should know: that a slot of the family's is at the same time.
fn warnings(
    conn: &mut Conn,
    scope: &Scope,
    vision: &Vision,
    row: &ContentRow,
    slot: &StoredSlot,
    participant: i64,
) -> Result<Vec<Rejection>, Error> {
    let family = family(conn, scope)?;
    if !family.acts_for(participant, row.organization_id) {
        return Ok(Vec::new());
    }
    let names = store::at_the_same_time(conn, vision, &family, slot)?;
    let message = || format!("At the same time a slot is booked for {}.", names.join(", "));
    Ok((!names.is_empty()).then(|| Rejection::new(Code::OverlappingSlot, message())).into_iter().collect())
}

/// Gives a slot back. Whoever has booked it may do so although the round is no longer shown to them.
///
/// # Errors
/// A rejection for each rule that stands in the way.
pub fn cancel(conn: &mut Conn, scope: &Scope, cache: &CompositionCache, slot: i64) -> Result<Booked, Error> {
    let vision = Vision::of_viewer(conn, scope, cache)?;
    let missing = || Error::from(Rejection::new(Code::NotFound, "There is no such slot.").at(SLOT));
    let family = family(conn, scope)?;
    let is_own = |slot: &StoredSlot, organization: Option<i64>| {
        slot.participant_id.is_some_and(|participant| family.acts_for(participant, organization))
    };
    let stored = store::slot(conn, slot)?.ok_or_else(missing)?;
    let held = taking_part::lock_to_give_back(conn, scope, &vision, stored.content_id, |organization| {
        is_own(&stored, organization)
    });
    let held = held?.ok_or_else(missing)?;
    // Only what is read after the round is locked stays as it is.
    let slot = store::slot(conn, slot)?.ok_or_else(missing)?;
    let mut checks = Checks::default();
    match slot.participant_id {
        // Whether somebody else has booked it is told to nobody who asks this way.
        _ if !held.managed && !is_own(&slot, held.organization_id) => {
            let message = "This slot is not booked for you, nor for a child of yours.";
            checks.refuse(Code::NotBooked, SLOT, message);
        }
        None => checks.refuse(Code::NotBooked, SLOT, "Nobody has booked this slot."),
        Some(_) => {
            let closes = (None, window(held.details.as_ref()).1);
            check_open(held.managed, scope.instant(), closes, ("to give a slot back", SLOT), &mut checks);
            if slot.starts_at <= scope.instant() {
                checks.refuse(Code::SlotPast, SLOT, "This slot has begun or is over.");
            }
        }
    }
    checks.done()?;
    release(conn, scope, &slot)?;
    Ok(Booked { slot_id: slot.id, content_id: slot.content_id, warnings: Vec::new() })
}

fn release(conn: &mut Conn, scope: &Scope, slot: &StoredSlot) -> Result<(), Error> {
    store::release(conn, slot.id)?;
    record(conn, scope, slot, slot.participant_id, None)
}

/// A booking in the history of its round.
fn record(
    conn: &mut Conn,
    scope: &Scope,
    slot: &StoredSlot,
    before: Option<i64>,
    after: Option<i64>,
) -> Result<(), Error> {
    let state = |participant: Option<i64>| {
        let at = participant.map(|_| slot.starts_at.and_utc().to_rfc3339());
        vec![("startsAt", at), ("bookedFor", participant.map(|id| id::encode(Kind::Participant, id)))]
    };
    let changes = history::diff(&state(before), &state(after));
    history::record(conn, scope, Action::Updated, Entity::Content, &[slot.content_id], &changes)
}
