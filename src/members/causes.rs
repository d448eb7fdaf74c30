//! Changes of groups and people from which memberships follow: each with what follows, in one transaction (A5).
//!
//! Whoever changes a group, a participant or a residency does it here, so that derived memberships are never left
//! behind.

use chrono::NaiveDate;

use super::derive::{Derivation, Followed, Seeds, Whom};
use crate::db::Conn;
use crate::error::Error;
use crate::groups::Settings;
use crate::groups::commands::{self as groups, Deleted};
use crate::groups::composition::{Composition, Mode};
use crate::people::commands::{self as people, Patch};
use crate::people::store::enforces_portal_settings;
use crate::people::{Details, ParticipantKind};
use crate::repeat::Saved;
use crate::scope::Scope;

/// A group that was made or changed, and the memberships that followed.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Changed {
    pub saved: Saved,
    pub followed: Followed,
    /// Whether this only says what would happen.
    pub dry_run: bool,
}

/// Makes a group, and fills it if it is fed (A4).
///
/// # Errors
/// A rejection for each rule that the settings break.
pub fn create_group(conn: &mut Conn, scope: &Scope, settings: Settings) -> Result<Changed, Error> {
    let is_fed = settings.is_fed();
    let saved = groups::create(conn, scope, settings)?;
    let followed = if is_fed { follow_group(conn, scope, saved.id, false)? } else { Followed::default() };
    Ok(Changed { saved, followed, dry_run: false })
}

/// Changes the settings of a group, and its derived memberships with them (A4).
///
/// # Errors
/// A rejection for each rule that the change breaks.
pub fn update_group(conn: &mut Conn, scope: &Scope, id: i64, patch: Patch<Settings>) -> Result<Changed, Error> {
    let (saved, [before, after]) = groups::update(conn, scope, id, patch)?;
    let feeding = |settings: &Settings| {
        (settings.source_group_id, settings.via_home_address, settings.closed, settings.member_filter.clone())
    };
    let concerns = before.is_fed() || after.is_fed() || before.member_filter.is_some() || after.member_filter.is_some();
    // Whose group it is decides whose people its members are, and so which filters they pass.
    let handed_over = before.organization_id != after.organization_id;
    let followed = if handed_over || concerns && feeding(&before) != feeding(&after) {
        follow_group(conn, scope, id, before.is_fed())?
    } else {
        Followed::default()
    };
    Ok(Changed { saved, followed, dry_run: false })
}

/// Closes a group, or opens it again.
///
/// # Errors
/// `NotFound` or `Forbidden`.
pub fn set_group_closed(conn: &mut Conn, scope: &Scope, id: i64, closed: bool) -> Result<Changed, Error> {
    update_group(conn, scope, id, Box::new(move |settings| settings.closed = closed))
}

/// Deletes a group that nothing holds, or closes it (G7); closed, it may take no new members any more (G2).
///
/// # Errors
/// `NotFound` or `Forbidden`.
pub fn delete_group(conn: &mut Conn, scope: &Scope, id: i64) -> Result<Deleted, Error> {
    let deleted = groups::delete(conn, scope, id)?;
    if !deleted.gone {
        follow_group(conn, scope, id, false)?;
    }
    Ok(deleted)
}

/// Replaces what a group is made of; whoever is fed by it follows (A1).
///
/// # Errors
/// A rejection for each rule that is broken.
pub fn set_components(
    conn: &mut Conn,
    scope: &Scope,
    id: i64,
    composition: Option<Composition>,
    components: &[(i64, Mode)],
) -> Result<Changed, Error> {
    let saved = groups::set_components(conn, scope, id, composition, components)?;
    let followed = follow_group(conn, scope, id, false)?;
    Ok(Changed { saved, followed, dry_run: false })
}

fn follow_group(conn: &mut Conn, scope: &Scope, id: i64, was_fed: bool) -> Result<Followed, Error> {
    Derivation::of_changed_group(conn, id, was_fed)?.follow(conn, scope, Whom::Everybody)
}

/// Registers a participant, who may pass the filter of a group that feeds others.
///
/// # Errors
/// A rejection for each rule that the details break.
pub fn create_participant(
    conn: &mut Conn,
    scope: &Scope,
    kind: ParticipantKind,
    details: Details,
) -> Result<i64, Error> {
    let derivation = Derivation::prepare(conn, Seeds::People)?;
    let id = people::create(conn, scope, kind, details)?;
    derivation.follow(conn, scope, Whom::These(&[id]))?;
    Ok(id)
}

/// Changes a participant, who may come to pass a filter or cease to.
///
/// # Errors
/// A rejection for each rule that the change breaks.
pub fn update_participant(
    conn: &mut Conn,
    scope: &Scope,
    id: i64,
    kind: Option<ParticipantKind>,
    patch: Patch<Details>,
) -> Result<i64, Error> {
    // Whoever switches waits for the turn before looking, so that of two who do so at once each sees what was.
    let seeds = if switches_portal_settings(&patch) { Seeds::Everything } else { Seeds::People };
    let derivation = Derivation::prepare(conn, seeds)?;
    let before = enforces_portal_settings(conn, id)?;
    let id = people::update(conn, scope, id, kind, patch)?;
    // Else its closed groups take new members from now on, or no longer (G2).
    let same = enforces_portal_settings(conn, id)? == before;
    let these = [id];
    derivation.follow(conn, scope, if same { Whom::These(&these) } else { Whom::Everybody })?;
    Ok(id)
}

/// Whether a patch says anything about keeping to portal settings, be it what holds already.
fn switches_portal_settings(patch: &Patch<Details>) -> bool {
    [false, true].into_iter().any(|before| {
        let mut after = Details { enforce_portal_settings: before, ..Details::default() };
        patch(&mut after);
        after.enforce_portal_settings != before
    })
}

/// Registers a participant at an address, who then is in the groups that the address is in (A2).
///
/// # Errors
/// A rejection for each rule that is broken.
pub fn register_residency(
    conn: &mut Conn,
    scope: &Scope,
    participant: i64,
    address: i64,
    start: NaiveDate,
    end: Option<NaiveDate>,
) -> Result<i64, Error> {
    let derivation = Derivation::prepare(conn, Seeds::People)?;
    let id = people::register_residency(conn, scope, participant, address, start, end)?;
    derivation.follow(conn, scope, Whom::These(&[participant]))?;
    Ok(id)
}

/// Ends a residency, and the memberships that follow from it (A2).
///
/// # Errors
/// `NotFound`, `Forbidden`, or `InvalidDate`.
pub fn end_residency(conn: &mut Conn, scope: &Scope, id: i64, end: NaiveDate) -> Result<i64, Error> {
    let derivation = Derivation::prepare(conn, Seeds::People)?;
    let (id, participant) = people::end_residency(conn, scope, id, end)?;
    derivation.follow(conn, scope, Whom::These(&[participant]))?;
    Ok(id)
}
