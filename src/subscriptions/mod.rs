//! Joining and leaving by oneself (S1 to S5).
//!
//! `rule` says what a rule is and lists all of them; `rules` has one file for each; `facts` finds out what they look
//! at, for many groups at once.

pub mod facts;
pub mod ineligible;
pub mod rule;
pub mod rules;
pub mod store;

use crate::access::guardians;
use crate::check::{Checks, TEXT};
use crate::db::Conn;
use crate::db::announce::{Kind as Announced, announce};
use crate::error::{Code, Error, Rejection};
use crate::groups::Settings;
use crate::groups::store::{self as groups, CompositionCache};
use crate::history::{self, Action, Entity};
use crate::mail::store::welcome;
use crate::members::add::overlap;
use crate::members::commands::{note_of, write};
use crate::members::derive::store::{opt_in, opt_out};
use crate::members::derive::{self, Derivation, Seeds, Wanted, Whom};
use crate::members::reasons::usable;
use crate::members::store::{self as members, Change, NewMemberships, ReasonTable};
use crate::members::{Origin, Role};
use crate::people;
use crate::people::commands::administration_sight;
use crate::repeat::Saved;
use crate::scope::Scope;
use rule::{Acting, Wish};

/// The start reason of whoever joins.
pub const JOINED: &str = "SELF_SUBSCRIBED";
/// The end reason of whoever leaves and names no other.
pub const LEFT: &str = "SELF_UNSUBSCRIBED";

/// Who wants to join or leave what.
#[derive(Clone, Debug)]
pub struct Request {
    pub group_id: i64,
    /// The participant concerned; the viewer when absent.
    pub participant_id: Option<i64>,
    /// The code of the end reason; only for leaving.
    pub end_reason: Option<String>,
    /// A note beside it; only for leaving.
    pub note: Option<String>,
}

/// Makes a participant a member of a subscription group, and returns the membership.
///
/// # Errors
/// A rejection for each rule that stands in the way.
pub fn subscribe(conn: &mut Conn, scope: &Scope, cache: &CompositionCache, request: &Request) -> Result<Saved, Error> {
    let group = request.group_id;
    let (participant, _, derivation) = granted(conn, scope, cache, request, Wish::Join)?;
    let start_reason_id = usable(conn, ReasonTable::Start, JOINED, "input")?;
    let start = scope.today;
    opt_in(conn, group, participant)?;
    if derivation.reaches(group) {
        let wanted = Wanted { group_id: group, participant_id: participant, start_date: start, end_date: None };
        derive::make_room(conn, scope, &[wanted])?;
    }
    let new = NewMemberships {
        group_id: group,
        start_date: start,
        start_reason_id,
        role: Role::Member,
        origin: Origin::Subscription,
        now: scope.instant(),
    };
    let ids = members::insert_many(conn, &new, &[participant]).map_err(overlap)?;
    let fields = [
        ("startDate", Some(start.to_string())),
        ("startReason", Some(JOINED.to_owned())),
        ("role", Some(Role::Member.as_str().to_owned())),
        ("origin", Some(Origin::Subscription.as_str().to_owned())),
    ];
    history::record(conn, scope, Action::Created, Entity::Membership, &ids, &history::diff(&[], &fields))?;
    welcome(conn, scope, &ids)?;
    announce(conn, Announced::Created, &ids)?;
    derivation.follow(conn, scope, Whom::These(&[participant]))?;
    ids.first().copied().map(Saved::new).ok_or_else(|| Error::internal("nobody was added"))
}

/// Ends a participant's membership of a subscription group, and returns it. What the group is fed by stays as it is and does
/// not bring them back (S5).
///
/// # Errors
/// A rejection for each rule that stands in the way.
pub fn unsubscribe(
    conn: &mut Conn,
    scope: &Scope,
    cache: &CompositionCache,
    request: &Request,
) -> Result<Saved, Error> {
    let group = request.group_id;
    let (participant, membership, derivation) = granted(conn, scope, cache, request, Wish::Leave)?;
    let mut checks = Checks::default();
    checks.prose("input.note", request.note.as_deref(), TEXT);
    checks.done()?;
    let code = request.end_reason.as_deref().unwrap_or(LEFT);
    let reason = usable(conn, ReasonTable::End, code, "input.endReasonCode")?;
    let gone = || Error::internal("a membership vanished while its group was locked");
    let row = members::lock(conn, scope.today, membership.ok_or_else(gone)?)?.ok_or_else(gone)?;
    opt_out(conn, scope, group, participant, scope.today)?;
    let (end_note, warning) = note_of(&row, request.note.as_ref());
    let change = Change {
        end_date: Some(Some(scope.today)),
        end_reason_id: Some(Some(reason)),
        end_note: Some(end_note),
        updated_at: Some(scope.instant()),
        ..Change::default()
    };
    let id = write(conn, scope, &row, &change, Action::Ended, &derivation)?;
    Ok(Saved { id, warnings: warning.into_iter().collect() })
}

/// The key that no participant has.
const NOBODY: i64 = 0;

/// The participant, the membership that is in force, and what can follow, if every rule grants the wish. The group is locked, so
/// that of many requests each sees what the one before did.
fn granted(
    conn: &mut Conn,
    scope: &Scope,
    cache: &CompositionCache,
    request: &Request,
    wish: Wish,
) -> Result<(i64, Option<i64>, Derivation), Error> {
    let participant = request.participant_id.or(scope.viewer.participant).ok_or_else(|| {
        let message = "Say who it is for: this token is not that of a participant.";
        Rejection::new(Code::Required, message).at("input.participantId")
    })?;
    let unknown =
        |what: &str, field: &str| Rejection::new(Code::NotFound, format!("There is no such {what}.")).at(field);
    let mut derivation = None;
    let (settings, acting) = match may_wait_for(conn, scope, cache, participant, request.group_id)? {
        Wait::Hold => {
            derivation = Some(Derivation::prepare(conn, Seeds::Groups(&[request.group_id]))?);
            let settings = groups::lock(conn, request.group_id)?.map(|(settings, _)| settings);
            let organization = settings.as_ref().and_then(|settings| settings.organization_id);
            (settings, acting(conn, scope, participant, organization)?)
        }
        Wait::Look => (None, Acting::Stranger),
        Wait::Unknown => return Err(unknown("group", "input.groupId").into()),
    };
    let settings = match settings {
        Some(settings) => settings,
        // To a stranger a group that is not there is as good as one that is.
        None if acting == Acting::Stranger => Settings::default(),
        None => return Err(unknown("group", "input.groupId").into()),
    };
    match acting {
        Acting::Stranger => {}
        Acting::Administrator => {
            let sight = administration_sight(conn, scope)?;
            if people::store::by_ids(conn, &sight, false, &[participant])?.is_empty() {
                return Err(unknown("participant", "input.participantId").into());
            }
        }
        Acting::Own => {
            if people::store::lock(conn, participant)?.is_none() {
                return Err(unknown("participant", "input.participantId").into());
            }
        }
    }
    // A stranger is refused whoever it is about; that nobody is looked up keeps the steps the same.
    let about = if acting == Acting::Stranger { NOBODY } else { participant };
    let found = facts::of_one(conn, cache, scope, about, request.group_id, &settings, acting)?;
    if acting == Acting::Own && !found.within_reach {
        return Err(unknown("group", "input.groupId").into());
    }
    match rule::refusals(wish, &found.facts) {
        refusals if refusals.is_empty() => {
            let held = || Error::internal("a wish was granted towards a group that is not held");
            Ok((participant, found.membership, derivation.ok_or_else(held)?))
        }
        refusals => Err(Error::Rejected(refusals)),
    }
}

/// Whether a group is to be held.
enum Wait {
    Hold,
    /// It is not even looked at: whatever it is, a stranger is refused, and in the same steps.
    Look,
    /// To the participant there is no such group.
    Unknown,
}

/// Nobody waits for a group that they may not know of, nor keeps others waiting for it; how long an answer takes would tell
/// that it is there.
fn may_wait_for(
    conn: &mut Conn,
    scope: &Scope,
    cache: &CompositionCache,
    participant: i64,
    group: i64,
) -> Result<Wait, Error> {
    let settings = groups::peek(conn, group)?;
    let organization = settings.as_ref().and_then(|settings| settings.organization_id);
    Ok(match (acting(conn, scope, participant, organization)?, settings) {
        (Acting::Stranger, _) => Wait::Look,
        (Acting::Own, Some(settings)) if settings.subscription_group && settings.visible_on_portal => Wait::Hold,
        (Acting::Own, settings) => {
            let exists = settings.is_some();
            let settings = settings.unwrap_or_default();
            let found = facts::of_one(conn, cache, scope, participant, group, &settings, Acting::Own)?;
            if exists && found.within_reach { Wait::Hold } else { Wait::Unknown }
        }
        _ => Wait::Hold,
    })
}

/// In whose name the viewer acts for a participant, towards a group of an organization (S3).
///
/// # Errors
/// What the database answers.
pub fn acting(conn: &mut Conn, scope: &Scope, participant: i64, organization: Option<i64>) -> Result<Acting, Error> {
    let viewer = &scope.viewer;
    if let Some(own) = viewer.participant
        && (own == participant || guardians::is_guardian(conn, participant, own, organization, scope.today)?)
    {
        return Ok(Acting::Own);
    }
    Ok(if viewer.may_administer(organization) { Acting::Administrator } else { Acting::Stranger })
}
