//! Making, changing, composing, closing and deleting groups.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::Settings;
use super::composition::{Composition, Mode, find_cycle};
use super::holders::{self, Holder};
use super::reach::{administered, known};
use super::store::{self, Pointer, Written};
use super::template::faults;
use crate::check::{Checks, NAME, TEXT};
use crate::db::{Conn, Violation, violation};
use crate::error::{Code, Error, Rejection};
use crate::history::{self, Action, Change, Entity, Fields};
use crate::id::{self, Kind};
use crate::people::commands::{Patch, administration_sight, owner, taken};
use crate::people::filter::ParticipantFilter;
use crate::people::{self, ParticipantKind};
use crate::repeat::Saved;
use crate::scope::Scope;

/// The most components of one group.
pub const MAX_COMPONENTS: usize = 10_000;

/// What became of a group that was to be deleted (G7).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deleted {
    pub id: i64,
    /// Whether it is gone; else it is closed.
    pub gone: bool,
    /// What holds it.
    #[serde(default)]
    pub holders: Vec<Holder>,
}

/// Makes a group.
///
/// # Errors
/// A rejection for each rule that the settings break.
pub fn create(conn: &mut Conn, scope: &Scope, mut settings: Settings) -> Result<Saved, Error> {
    settings.organization_id = owner(scope, settings.organization_id)?;
    if leads_elsewhere(&settings) {
        store::lock_composition(conn)?;
    } else {
        store::hold_composition(conn)?;
    }
    validate(conn, scope, None, &settings, false)?;
    check_filter(None, &settings)?;
    let written = Written::new(settings.clone(), scope.instant())?;
    let id = store::insert(conn, &written).map_err(|error| taken(error, "This external id"))?;
    check_pointers(conn, scope, id, &settings)?;
    let changes = history::diff(&fields(&defaults()), &fields(&settings));
    history::record(conn, scope, Action::Created, Entity::Group, &[id], &changes)?;
    Ok(Saved { id, warnings: warnings(scope, &settings) })
}

/// Changes the settings of a group, and answers with them as they were and as they are.
///
/// # Errors
/// A rejection for each rule that the change breaks; `NotFound` and `Forbidden` among them.
pub fn update(
    conn: &mut Conn,
    scope: &Scope,
    id: i64,
    patch: Patch<Settings>,
) -> Result<(Saved, [Settings; 2]), Error> {
    // Every command takes the lock of the composition before that of a group; so whether it is needed is found out first.
    let Some(stored) = known(conn, scope, id)? else {
        return Err(Rejection::new(Code::NotFound, "There is no such group.").at("input.groupId").into());
    };
    let composes = leads_anywhere(&patch) || leads_elsewhere(&stored);
    if composes {
        store::lock_composition(conn)?;
    } else {
        store::hold_composition(conn)?;
    }
    let (before, composite) = administered(conn, scope, id, "input.groupId")?;
    let mut after = before.clone();
    patch(&mut after);
    if !composes
        && leads_elsewhere(&before)
        && (before.closed, before.organization_id) != (after.closed, after.organization_id)
    {
        // It did not when it was looked at, and now it is too late for the lock that this takes.
        let message = "Somebody else changed this group at the same moment. Please try again.";
        return Err(Rejection::new(Code::Conflict, message).at("input.groupId").into());
    }
    if after.organization_id != before.organization_id && !scope.viewer.may_administer(after.organization_id) {
        let message = "You may only hand a group to an organization that you administer.";
        return Err(Rejection::new(Code::Forbidden, message).at("input.organizationId").into());
    }
    let changes = history::diff(&fields(&before), &fields(&after));
    let warnings = warnings(scope, &after);
    if changes.is_empty() {
        return Ok((Saved { id, warnings }, [before, after]));
    }
    check_filter(Some(&before), &after)?;
    validate(conn, scope, Some(id), &after, composite)?;
    // The shortest circle is one that the database refuses by itself, before the others are looked for.
    for (target, field) in
        [(after.source_group_id, "input.sourceGroupId"), (after.restricted_to_id, "input.restrictedToId")]
    {
        if target == Some(id) {
            refuse(conn, scope, Some(vec![id, id]), field)?;
        }
    }
    store::update(conn, id, &Written::new(after.clone(), scope.instant())?)
        .map_err(|error| taken(error, "This external id"))?;
    check_pointers(conn, scope, id, &after)?;
    if after.organization_id != before.organization_id {
        check_handed_over(conn, id, after.organization_id)?;
    }
    history::record(conn, scope, Action::Updated, Entity::Group, &[id], &changes)?;
    Ok((Saved { id, warnings }, [before, after]))
}

/// A group that is handed over takes its members along, those to come too. Nobody of the organization that gets it has agreed
/// that others go on getting them, nor anybody that it gets those of others.
fn check_handed_over(conn: &mut Conn, id: i64, to: Option<i64>) -> Result<(), Error> {
    let Some(to) = to else { return Ok(()) };
    let number = store::bound_to_others(conn, id, to)?;
    if number == 0 {
        return Ok(());
    }
    let message = format!(
        "Groups that do not belong to the organization that gets it ({number}) are bound to this one: as a composite or a \
         component, a source, a restriction or in a filter. Take them apart first."
    );
    Err(Rejection::new(Code::InUse, message).at("input.organizationId").into())
}

/// Replaces what a group is made of (G3, G4).
///
/// # Errors
/// A rejection for each rule that is broken: a cycle, a dynamic group, a component that is named twice or is not the
/// viewer's to use.
pub fn set_components(
    conn: &mut Conn,
    scope: &Scope,
    id: i64,
    composition: Option<Composition>,
    components: &[(i64, Mode)],
) -> Result<Saved, Error> {
    store::lock_composition(conn)?;
    let (settings, _) = administered(conn, scope, id, "input.groupId")?;
    let mut checks = Checks::default();
    if components.len() > MAX_COMPONENTS {
        checks.refuse(Code::TooMany, "input.components", format!("A group has at most {MAX_COMPONENTS} components."));
        return checks.done().map(|()| Saved { id, warnings: Vec::new() });
    }
    if settings.member_filter.is_some() && !components.is_empty() {
        checks.refuse(
            Code::DynamicGroup,
            "input.groupId",
            "A dynamic group has no components; its members follow from its filter.",
        );
    }
    let mut seen = std::collections::HashSet::new();
    for (n, (component, _)) in components.iter().enumerate() {
        let field = format!("input.components.{n}.groupId");
        if !seen.insert(*component) {
            checks.refuse(Code::InvalidValue, &field, "This group is named twice.");
        }
    }
    usable(conn, scope, components, &mut checks)?;
    checks.done()?;
    if seen.contains(&id) {
        refuse(conn, scope, Some(vec![id, id]), "input.components")?;
    }
    let before = stored_components(conn, id, settings.composition)?;
    let composition = composition.unwrap_or(settings.composition);
    store::replace_components(conn, id, composition, components, scope.instant())?;
    refuse_cycle(conn, scope, id, "input.components")?;
    let after = stored_components(conn, id, composition)?;
    let changes = history::diff(&before, &after);
    if !changes.is_empty() {
        history::record(conn, scope, Action::Updated, Entity::Group, &[id], &changes)?;
    }
    Ok(Saved { id, warnings: Vec::new() })
}

/// Every component must be the viewer's to use: whoever composes a group sees its members.
fn usable(conn: &mut Conn, scope: &Scope, components: &[(i64, Mode)], checks: &mut Checks) -> Result<(), Error> {
    let ids: Vec<i64> = components.iter().map(|(component, _)| *component).collect();
    let sight = administration_sight(conn, scope)?;
    let found: HashMap<i64, _> =
        store::by_ids(conn, &sight, false, &ids)?.into_iter().map(|row| (row.id, row)).collect();
    for (n, id) in ids.iter().enumerate() {
        if !found.contains_key(id) {
            checks.refuse(Code::NotFound, &format!("input.components.{n}.groupId"), "There is no such group.");
        }
    }
    Ok(())
}

fn stored_components(conn: &mut Conn, id: i64, composition: Composition) -> Result<Fields, Error> {
    let everything = crate::access::sight::Sight::unlimited();
    let rows = store::components(conn, &everything, &[id])?;
    let text = rows
        .iter()
        .map(|row| format!("{} {}", row.mode.as_str(), id::encode(Kind::Group, row.component_id)))
        .collect::<Vec<_>>()
        .join(", ");
    Ok(vec![
        ("composition", Some(composition.as_str().to_owned())),
        ("components", Some(text).filter(|text| !text.is_empty())),
    ])
}

/// Deletes a group that nothing holds; else closes it and says what holds it (G7).
///
/// # Errors
/// `NotFound` or `Forbidden`; `Conflict` when something begins to hold it at the same moment.
pub fn delete(conn: &mut Conn, scope: &Scope, id: i64) -> Result<Deleted, Error> {
    store::lock_composition(conn)?;
    let (settings, _) = administered(conn, scope, id, "input.groupId")?;
    let holders = holders::store::of_group(conn, id)?;
    let gone = holders.is_empty();
    if gone {
        store::delete(conn, id).map_err(|error| match violation(&error) {
            Some(Violation::Reference) => {
                let message = "Something began to hold this group at the same moment. Please try again.";
                Rejection::new(Code::Conflict, message).at("input.groupId").into()
            }
            _ => Error::from(error),
        })?;
        let changes: Vec<Change> = history::diff(&fields(&defaults()), &fields(&settings))
            .into_iter()
            .map(|change| Change { before: change.after, after: None, ..change })
            .collect();
        history::record(conn, scope, Action::Deleted, Entity::Group, &[id], &changes)?;
    } else if !settings.closed {
        // Nothing else is changed, so nothing else is checked: what is stored must not stand in the way.
        let after = Settings { closed: true, ..settings.clone() };
        let changes = history::diff(&fields(&settings), &fields(&after));
        store::update(conn, id, &Written::new(after, scope.instant())?)?;
        history::record(conn, scope, Action::Updated, Entity::Group, &[id], &changes)?;
    }
    Ok(Deleted { id, gone, holders })
}

/// Whether a group takes its members from elsewhere, so that its settings can close a circle or others follow from them.
fn leads_elsewhere(settings: &Settings) -> bool {
    settings.member_filter.is_some() || settings.is_fed() || settings.restricted_to_id.is_some()
}

/// Whether a patch says anything about where a group takes its members from, be it that it no longer does, or about
/// whose group it is, which filters of other groups look at.
fn leads_anywhere(patch: &Patch<Settings>) -> bool {
    let leading = |settings: &Settings| {
        (
            settings.member_filter.is_some(),
            settings.source_group_id,
            settings.via_home_address,
            settings.restricted_to_id,
            settings.organization_id,
        )
    };
    let nowhere = Settings::default();
    let everywhere = Settings {
        member_filter: Some(ParticipantFilter::default()),
        source_group_id: Some(0),
        via_home_address: true,
        restricted_to_id: Some(0),
        organization_id: Some(0),
        ..Settings::default()
    };
    [nowhere, everywhere].into_iter().any(|before| {
        let mut after = before.clone();
        patch(&mut after);
        leading(&before) != leading(&after)
    })
}

fn validate(
    conn: &mut Conn,
    scope: &Scope,
    id: Option<i64>,
    settings: &Settings,
    composite: bool,
) -> Result<(), Error> {
    let mut checks = Checks::default();
    checks.required("input.name", Some(&settings.name), NAME);
    checks.line("input.externalId", settings.external_id.as_deref(), NAME);
    checks.prose("input.description", settings.description.as_deref(), TEXT);
    checks.prose("input.newMemberTemplate", settings.new_member_template.as_deref(), TEXT);
    for fault in settings.new_member_template.as_deref().map(faults).unwrap_or_default() {
        checks.refuse(Code::InvalidValue, "input.newMemberTemplate", fault);
    }
    if settings.year_group.is_some_and(|year| !(1..=8).contains(&year)) {
        checks.refuse(Code::InvalidValue, "input.yearGroup", "Year groups go from 1 to 8.");
    }
    if let (Some(start), Some(end)) = (settings.start_date, settings.completed_on)
        && end < start
    {
        checks.refuse(Code::InvalidDate, "input.completedOn", "The group is completed before it starts.");
    }
    if settings.contribution_group && (settings.subscription_group || settings.is_fed()) {
        let message = "A contribution group is not joined by oneself and not fed automatically: whoever leaves a newsletter must \
                       not stop being a member.";
        checks.refuse(Code::ContributionGroupConflict, "input.contributionGroup", message);
    }
    if settings.restricted_to_id.is_some() && !settings.subscription_group {
        checks.refuse(
            Code::InvalidValue,
            "input.restrictedToId",
            "Only joining a subscription group can be restricted.",
        );
    }
    if settings.member_filter.is_some() {
        dynamic(conn, id, settings, composite, &mut checks)?;
    }
    references(conn, scope, settings, &mut checks)?;
    checks.done()
}

/// G9, for a filter that is new: one that was there before goes on as it is.
fn check_filter(before: Option<&Settings>, after: &Settings) -> Result<(), Error> {
    let known = before.and_then(|before| before.member_filter.as_ref());
    let Some(filter) = after.member_filter.as_ref().filter(|filter| known != Some(*filter)) else { return Ok(()) };
    let refusals = filter.refusals("input.memberFilter");
    if refusals.is_empty() { Ok(()) } else { Err(Error::Rejected(refusals)) }
}

/// G1: a dynamic group has neither components nor memberships, and nothing feeds it.
fn dynamic(
    conn: &mut Conn,
    id: Option<i64>,
    settings: &Settings,
    composite: bool,
    checks: &mut Checks,
) -> Result<(), Error> {
    let field = "input.memberFilter";
    if composite {
        checks.refuse(Code::DynamicGroup, field, "A group with components cannot be dynamic.");
    }
    if let Some(id) = id
        && store::has_memberships(conn, id)?
    {
        checks.refuse(Code::DynamicGroup, field, "A group with memberships cannot be dynamic.");
    }
    if settings.subscription_group || settings.is_fed() {
        checks.refuse(
            Code::DynamicGroup,
            field,
            "A dynamic group is not joined and not fed; its members follow from its filter.",
        );
    }
    Ok(())
}

fn references(conn: &mut Conn, scope: &Scope, settings: &Settings, checks: &mut Checks) -> Result<(), Error> {
    if let Some(category) = settings.category_id
        && store::categories_by_ids(conn, &[category])?.is_empty()
    {
        checks.refuse(Code::NotFound, "input.categoryId", "There is no such category.");
    }
    if let Some(organization) = settings.organization_id {
        let found = people::store::lock(conn, organization)?;
        if found.is_none_or(|(kind, _)| kind != ParticipantKind::Organization) {
            checks.refuse(Code::NotFound, "input.organizationId", "There is no such organization.");
        }
    }
    let sight = administration_sight(conn, scope)?;
    if let Some(responsible) = settings.responsible_id {
        let found = people::store::by_ids(conn, &sight, false, &[responsible])?;
        if found.first().is_none_or(|row| row.kind == ParticipantKind::Address) {
            checks.refuse(Code::NotFound, "input.responsibleId", "There is no such person or organization.");
        }
    }
    let filter = settings.member_filter.as_ref();
    if let Some(organization) = filter.and_then(|filter| filter.organization)
        && people::store::by_ids(conn, &sight, false, &[organization])?.is_empty()
    {
        checks.refuse(Code::NotFound, "input.memberFilter.organizationId", "There is no such organization.");
    }
    for (group, field) in [
        (settings.restricted_to_id, "input.restrictedToId"),
        (settings.source_group_id, "input.sourceGroupId"),
        (filter.and_then(|filter| filter.current_group), "input.memberFilter.currentGroupId"),
    ] {
        if let Some(group) = group
            && store::by_ids(conn, &sight, false, &[group])?.is_empty()
        {
            checks.refuse(Code::NotFound, field, "There is no such group.");
        }
    }
    Ok(())
}

/// G4, after the change is written and before it is committed.
fn check_pointers(conn: &mut Conn, scope: &Scope, id: i64, settings: &Settings) -> Result<(), Error> {
    if settings.source_group_id.is_some() || settings.member_filter.is_some() {
        refuse_cycle(conn, scope, id, "input.sourceGroupId")?;
    }
    if let Some(target) = settings.restricted_to_id {
        let restricted = store::pointers(conn, Pointer::Restriction)?;
        let cycle = find_cycle(id, &[target], |group| restricted.get(&group).copied().into_iter().collect());
        refuse(conn, scope, cycle, "input.restrictedToId")?;
    }
    Ok(())
}

/// Refuses a circle through components, sources and filters: a group must not get its members from itself, by whatever
/// mixture of ways.
fn refuse_cycle(conn: &mut Conn, scope: &Scope, id: i64, field: &str) -> Result<(), Error> {
    let dependencies = store::dependencies(conn)?;
    let next = |group: i64| dependencies.get(&group).cloned().unwrap_or_default();
    refuse(conn, scope, find_cycle(id, &next(id), next), field)
}

fn refuse(conn: &mut Conn, scope: &Scope, cycle: Option<Vec<i64>>, field: &str) -> Result<(), Error> {
    let Some(cycle) = cycle else { return Ok(()) };
    let sight = administration_sight(conn, scope)?;
    let names = store::names(conn, &sight, &cycle)?;
    let hidden = "(a group that you may not see)";
    let path: Vec<&str> = cycle.iter().map(|group| names.get(group).map_or(hidden, String::as_str)).collect();
    let message = format!("This would go round in a circle: {}.", path.join(" → "));
    Err(Rejection::new(Code::CycleDetected, message).at(field).into())
}

/// G8: anybody may join, and nothing feeds it; and a template that nobody will send.
fn warnings(scope: &Scope, settings: &Settings) -> Vec<Rejection> {
    let mut warnings = Vec::new();
    if settings.new_member_template.is_some() && !scope.mail {
        let message = "This gateway has no mail server, so that new members are not written to.";
        warnings.push(Rejection::new(Code::MailNotConfigured, message));
    }
    if settings.subscription_group && settings.restricted_to_id.is_none() && !settings.is_fed() {
        let message = "Anybody may join this subscription group, and no other group feeds it. Restrict it to a group, or give it a \
                       source group, unless this is what you want.";
        warnings.push(Rejection::new(Code::SubscriptionGroupUnrestricted, message));
    }
    warnings
}

fn defaults() -> Settings {
    Settings::default()
}

/// The settings as history shows them.
pub fn fields(settings: &Settings) -> Fields {
    let flag = |value: bool| Some(value.to_string());
    let group = |key: Option<i64>| key.map(|key| id::encode(Kind::Group, key));
    let participant = |key: Option<i64>| key.map(|key| id::encode(Kind::Participant, key));
    vec![
        ("externalId", settings.external_id.clone()),
        ("name", Some(settings.name.clone()).filter(|name| !name.is_empty())),
        ("description", settings.description.clone()),
        ("category", settings.category_id.map(|key| id::encode(Kind::GroupCategory, key))),
        ("organization", participant(settings.organization_id)),
        ("responsible", participant(settings.responsible_id)),
        ("memberFilter", settings.member_filter.as_ref().and_then(|filter| filter.write().ok())),
        ("startDate", settings.start_date.map(|date| date.to_string())),
        ("completedOn", settings.completed_on.map(|date| date.to_string())),
        ("closed", flag(settings.closed)),
        ("visibleOnPortal", flag(settings.visible_on_portal)),
        ("visibleWithContact", flag(settings.visible_with_contact)),
        ("changeableOnPortal", flag(settings.changeable_on_portal)),
        ("newMemberTemplate", settings.new_member_template.clone()),
        ("neighbourhoodRole", settings.neighbourhood_role.map(|role| role.as_str().to_owned())),
        ("subscriptionGroup", flag(settings.subscription_group)),
        ("restrictedTo", group(settings.restricted_to_id)),
        ("sourceGroup", group(settings.source_group_id)),
        ("viaHomeAddress", flag(settings.via_home_address)),
        ("analyticsGroup", flag(settings.analytics_group)),
        ("contributionGroup", flag(settings.contribution_group)),
        ("mailGroup", flag(settings.mail_group)),
        ("memberDirectory", flag(settings.member_directory)),
        ("yearGroup", settings.year_group.map(|year| year.to_string())),
    ]
}
