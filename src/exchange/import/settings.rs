//! What a row of `groups.csv` makes of a group's settings, and the rules that these keep.

use super::Run;
use super::aliases;
use super::cells::Cells;
use crate::exchange::bundle::{At, ErrorCode, Group, Reference};
use crate::groups::Settings;
use crate::groups::composition::Composition;

impl Run<'_> {
    /// The settings of a new group.
    pub(super) fn new_settings(&self, row: &Group, cells: &Cells) -> Settings {
        let organization_id = self.keeper.id();
        self.merge_settings(row, Settings { organization_id, ..Settings::default() }, cells)
    }

    /// What a row makes of what is stored. A group whose organization is emptied is that of the organization for which the
    /// bundle is imported.
    pub(super) fn merge_settings(&self, row: &Group, old: Settings, cells: &Cells) -> Settings {
        let known = &self.known;
        let group = |column: &str, to: &Option<Reference>, old: Option<i64>| {
            cells.over(column, to.as_ref().and_then(|to| known.group(to)), old)
        };
        let participant = |to: &Option<Reference>| to.as_ref().and_then(|to| known.participant(to));
        let flag =
            |column: &str, said: Option<bool>, old: bool| cells.over(column, said, Some(old)).unwrap_or_default();
        let category = row.category.as_ref().and_then(|to| known.category(to));
        let old_organization = if cells.clears("organization") { self.keeper.id() } else { old.organization_id };
        let composition = row.composition.map(Into::into);
        Settings {
            external_id: aliases::kept(&row.external_id, old.external_id),
            name: row.name.clone().unwrap_or(old.name),
            description: cells.over("description", row.description.clone(), old.description),
            category_id: cells.over("category", category, old.category_id),
            organization_id: participant(&row.organization).or(old_organization),
            responsible_id: cells.over("responsible", participant(&row.responsible), old.responsible_id),
            composition: cells.over("composition", composition, Some(old.composition)).unwrap_or(Composition::Any),
            member_filter: old.member_filter,
            start_date: cells.over("start_date", row.start_date, old.start_date),
            completed_on: cells.over("completed_on", row.completed_on, old.completed_on),
            closed: flag("closed", row.closed, old.closed),
            visible_on_portal: flag("visible_on_portal", row.visible_on_portal, old.visible_on_portal),
            visible_with_contact: flag("visible_with_contact", row.visible_with_contact, old.visible_with_contact),
            changeable_on_portal: flag("changeable_on_portal", row.changeable_on_portal, old.changeable_on_portal),
            new_member_template: old.new_member_template,
            neighbourhood_role: cells.over(
                "neighbourhood_role",
                row.neighbourhood_role.map(Into::into),
                old.neighbourhood_role,
            ),
            subscription_group: flag("subscription_group", row.subscription_group, old.subscription_group),
            restricted_to_id: group("restricted_to", &row.restricted_to, old.restricted_to_id),
            source_group_id: group("source_group", &row.source_group, old.source_group_id),
            via_home_address: flag("via_home_address", row.via_home_address, old.via_home_address),
            analytics_group: flag("analytics_group", row.analytics_group, old.analytics_group),
            contribution_group: flag("contribution_group", row.contribution_group, old.contribution_group),
            mail_group: flag("mail_group", row.mail_group, old.mail_group),
            member_directory: flag("member_directory", row.member_directory, old.member_directory),
            year_group: cells.over("year_group", row.year_group.map(i32::from), old.year_group),
        }
    }

    /// Whether settings are as they may be, of which what is stored is a part when the file does not have every column
    /// (G1, G8, S2); reports what is wrong.
    pub(super) fn check_group(&mut self, row: &Group, settings: &Settings, dynamic: bool) -> bool {
        let place = |reference: &Option<Reference>| reference.as_ref().map_or(row.at, |reference| reference.at);
        let fed = settings.source_group_id.is_some() || settings.via_home_address;
        let mut faults: Vec<(At, ErrorCode, &str)> = Vec::new();
        if settings.contribution_group && (settings.subscription_group || fed) {
            let message = "a contribution group is not joined by oneself and not fed by its source or by address: leaving it \
                           would end a membership that dues are paid for";
            faults.push((row.at, ErrorCode::ContributionConflict, message));
        }
        if settings.restricted_to_id.is_some() && !settings.subscription_group {
            let message = "only a subscription group is restricted to another group";
            faults.push((place(&row.restricted_to), ErrorCode::RestrictionWithoutSubscription, message));
        }
        if dynamic && (settings.subscription_group || fed) {
            let message = "the members of this group follow from a filter; it is not joined by oneself and not fed";
            faults.push((row.at, ErrorCode::DynamicGroup, message));
        }
        if settings.completed_on.zip(settings.start_date).is_some_and(|(end, start)| end < start) {
            faults.push((row.at, ErrorCode::EndBeforeStart, "the group is completed before it starts"));
        }
        if !self.scope.viewer.may_administer(settings.organization_id) {
            let message = "you may only hand a group to an organization that you administer";
            faults.push((place(&row.organization), ErrorCode::OtherOrganization, message));
        }
        let fits = faults.is_empty();
        for (at, code, message) in faults {
            self.log.report(at, code, message);
        }
        fits
    }

    /// G8: anybody may join, and nothing feeds it.
    pub(super) fn warn_of_open_subscription(&mut self, settings: &Settings) {
        let fed = settings.source_group_id.is_some() || settings.via_home_address;
        if settings.subscription_group && settings.restricted_to_id.is_none() && !fed {
            self.report.warnings.push(format!(
                "anybody may join the subscription group \"{}\", and no other group feeds it",
                settings.name
            ));
        }
    }
}

/// Puts a field back to what is stored.
pub(super) fn take_back(settings: &mut Settings, stored: &Settings, field: &str) {
    match field {
        "name" => settings.name.clone_from(&stored.name),
        "description" => settings.description.clone_from(&stored.description),
        "category" => settings.category_id = stored.category_id,
        "organization" => settings.organization_id = stored.organization_id,
        "responsible" => settings.responsible_id = stored.responsible_id,
        "composition" => settings.composition = stored.composition,
        "startDate" => settings.start_date = stored.start_date,
        "completedOn" => settings.completed_on = stored.completed_on,
        "closed" => settings.closed = stored.closed,
        "visibleOnPortal" => settings.visible_on_portal = stored.visible_on_portal,
        "visibleWithContact" => settings.visible_with_contact = stored.visible_with_contact,
        "changeableOnPortal" => settings.changeable_on_portal = stored.changeable_on_portal,
        "neighbourhoodRole" => settings.neighbourhood_role = stored.neighbourhood_role,
        "subscriptionGroup" => settings.subscription_group = stored.subscription_group,
        "restrictedTo" => settings.restricted_to_id = stored.restricted_to_id,
        "sourceGroup" => settings.source_group_id = stored.source_group_id,
        "viaHomeAddress" => settings.via_home_address = stored.via_home_address,
        "analyticsGroup" => settings.analytics_group = stored.analytics_group,
        "contributionGroup" => settings.contribution_group = stored.contribution_group,
        "mailGroup" => settings.mail_group = stored.mail_group,
        "memberDirectory" => settings.member_directory = stored.member_directory,
        "yearGroup" => settings.year_group = stored.year_group,
        // The others are not the row's to change.
        _ => {}
    }
}
