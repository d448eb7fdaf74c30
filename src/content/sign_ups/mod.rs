//! Sign-up forms: who signs up, and who of them has a place.
//!
//! Entries stand in one order, that in which they came. Who has a place is stored nowhere: it is the first of those who
//! did not withdraw, as many as there are places. So whoever is next moves up in the moment in which a place comes free,
//! whether by a withdrawal or because there are more places; where places are taken away, the last who had one go to the
//! front of the waiting list. Whoever no longer sees the form holds no place either: `standing` says whose entries stand.

pub mod standing;
pub mod store;

use chrono::NaiveDateTime;
use serde::{Deserialize, Serialize};

use self::standing::Standing;
use super::kind::{ContentKind, Details, Of};
use super::kinds::sign_up_form::SignUpForm;
use super::taking_part::{self, check_invited, check_kind, check_open, family, for_whom};
use super::visibility::Vision;
use crate::check::Checks;
use crate::db::Conn;
use crate::db::text_enum::text_enum;
use crate::error::{Code, Error, Rejection};
use crate::groups::store::CompositionCache;
use crate::history::{self, Action, Entity};
use crate::id::{self, Kind};
use crate::scope::Scope;

/// The longest note, in characters.
const NOTE: usize = 1_000;

text_enum! {
    /// Where an entry stands.
    Status {
        /// It has a place.
        Placed = "PLACED",
        /// It is on the waiting list.
        Waiting = "WAITING",
        /// It holds no place any more: the form was no longer shown to the one who signed up.
        Lapsed = "LAPSED",
        /// It was withdrawn.
        Withdrawn = "WITHDRAWN",
    }
}

/// Who wants to sign up for what.
#[derive(Clone, Debug)]
pub struct Request {
    pub content_id: i64,
    /// The participant concerned; the viewer when absent.
    pub participant_id: Option<i64>,
    pub note: Option<String>,
}

/// An entry that was made or withdrawn.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Entered {
    pub entry_id: i64,
    pub content_id: i64,
}

/// How many have a place or wait for one, given how many signed up and how many places there are.
pub fn waiting(entries: i64, places: Option<i64>) -> i64 {
    places.map_or(0, |places| (entries - places).max(0))
}

/// How many places are left; without end when nobody counts.
pub fn left(entries: i64, places: Option<i64>) -> Option<i64> {
    places.map(|places| (places - entries).max(0))
}

fn form(details: Option<&Details>) -> (Option<NaiveDateTime>, Option<NaiveDateTime>) {
    SignUpForm::of(details).map_or((None, None), |form| (form.opens_at, form.closes_at))
}

/// Signs a participant up: at the end, with a place or on the waiting list.
///
/// # Errors
/// A rejection for each rule that stands in the way.
pub fn sign_up(conn: &mut Conn, scope: &Scope, cache: &CompositionCache, request: &Request) -> Result<Entered, Error> {
    let vision = Vision::of_viewer(conn, scope, cache)?;
    let missing = || Error::from(Rejection::new(Code::NotFound, "There is no such content.").at("input.contentId"));
    let row = taking_part::lock(conn, scope, &vision, request.content_id)?.ok_or_else(missing)?;
    check_kind(&row, ContentKind::SignUpForm, "This is no sign-up form, so nobody can sign up for it.")?;
    let participant = for_whom(conn, scope, cache, &vision, &row, request.participant_id)?;
    let mut checks = Checks::default();
    checks.prose("input.note", request.note.as_deref(), NOTE);
    check_invited(conn, scope, cache, &row, participant, &mut checks)?;
    check_open(
        row.managed,
        scope.instant(),
        form(row.details.as_ref()),
        ("to sign up", "input.contentId"),
        &mut checks,
    );
    let earlier = store::open_entry(conn, row.id, participant)?;
    let lapsed = match earlier {
        Some(entry) => standing_of(conn, scope, cache, row.id)?.is_lapsed(entry),
        None => false,
    };
    if earlier.is_some() && !lapsed {
        let message = "This participant has signed up already.";
        checks.refuse(Code::AlreadySignedUp, "input.participantId", message);
    }
    checks.done()?;
    if let Some(entry) = earlier {
        // Coming back is coming last.
        store::withdraw(conn, scope, entry)?;
        record(conn, scope, row.id, Some(participant), None)?;
    }
    let entry_id = store::insert(conn, scope, row.id, participant, request.note.as_deref())?;
    record(conn, scope, row.id, None, Some(participant))?;
    Ok(Entered { entry_id, content_id: row.id })
}

fn standing_of(conn: &mut Conn, scope: &Scope, cache: &CompositionCache, form: i64) -> Result<Standing, Error> {
    let compositions = cache.read(conn)?;
    Standing::load(conn, scope, &compositions, &[form])
}

/// Withdraws an entry; whoever is first on the waiting list moves up. Whoever signed up may do so although the form is no
/// longer shown to them.
///
/// # Errors
/// A rejection for each rule that stands in the way.
pub fn withdraw(conn: &mut Conn, scope: &Scope, cache: &CompositionCache, entry: i64) -> Result<Entered, Error> {
    let vision = Vision::of_viewer(conn, scope, cache)?;
    let missing = || Error::from(Rejection::new(Code::NotFound, "There is no such entry.").at("input.entryId"));
    let found = store::entry(conn, entry)?.ok_or_else(missing)?;
    let family = family(conn, scope)?;
    let held = taking_part::lock_to_give_back(conn, scope, &vision, found.content_id, |organization| {
        family.acts_for(found.participant_id, organization)
    });
    let held = held?.ok_or_else(missing)?;
    // Only what is read after the form is locked stays as it is.
    let entry = store::entry(conn, entry)?.ok_or_else(missing)?;
    if !held.managed && !family.acts_for(entry.participant_id, held.organization_id) {
        return Err(missing());
    }
    let mut checks = Checks::default();
    let closes = (None, form(held.details.as_ref()).1);
    check_open(held.managed, scope.instant(), closes, ("to withdraw", "input.entryId"), &mut checks);
    if entry.withdrawn_at.is_some() {
        checks.refuse(Code::NotSignedUp, "input.entryId", "This entry was withdrawn already.");
    }
    checks.done()?;
    store::withdraw(conn, scope, entry.id)?;
    record(conn, scope, entry.content_id, Some(entry.participant_id), None)?;
    Ok(Entered { entry_id: entry.id, content_id: entry.content_id })
}

/// Tells whoever takes places away from people who have one.
///
/// # Errors
/// What the database answers.
pub fn check_places(
    conn: &mut Conn,
    scope: &Scope,
    cache: &CompositionCache,
    form: i64,
    before: &Details,
    after: &Details,
) -> Result<Option<Rejection>, Error> {
    let places = |details: &Details| SignUpForm::of(Some(details)).and_then(|form| form.places).map(i64::from);
    let Some(wanted) = places(after).filter(|wanted| places(before).is_none_or(|stored| *wanted < stored)) else {
        return Ok(None);
    };
    let entries = standing_of(conn, scope, cache, form)?.count(form);
    let placed = places(before).map_or(entries, |stored| entries.min(stored));
    let losing = placed - wanted;
    let message = format!(
        "{placed} have a place, and there are {wanted} now. The last {losing} of them go to the front of the waiting list."
    );
    Ok((losing > 0).then(|| Rejection::new(Code::FewerPlaces, message)))
}

/// An entry in the history of its form.
fn record(conn: &mut Conn, scope: &Scope, content: i64, before: Option<i64>, after: Option<i64>) -> Result<(), Error> {
    let state = |participant: Option<i64>| vec![("entries", participant.map(|id| id::encode(Kind::Participant, id)))];
    let changes = history::diff(&state(before), &state(after));
    history::record(conn, scope, Action::Updated, Entity::Content, &[content], &changes)
}
