//! What a row of `groups.csv` makes of a group's settings, and the rules that these keep.

use super::Run;
use crate::exchange::bundle::{At, ErrorCode, Group, Reference};
use crate::groups::Settings;
use crate::groups::composition::Composition;

impl Run<'_> {
    /// The settings of a new group.
    pub(super) fn new_settings(&self, row: &Group) -> Settings {
        self.merge_settings(row, Settings::default(), |_| true)
    }

    /// What a row makes of what is stored: a column that the file does not have leaves it alone, an empty field clears
    /// it. A group always has an organization when the bundle is imported for one.
    pub(super) fn merge_settings(&self, row: &Group, old: Settings, has: impl Fn(&str) -> bool) -> Settings {
        let known = &self.known;
        let to_group = |to: &Option<Reference>| to.as_ref().and_then(|to| known.group(to));
        let to_participant = |to: &Option<Reference>| to.as_ref().and_then(|to| known.participant(to));
        let flag = |column: &str, new: Option<bool>, old: bool| if has(column) { new.unwrap_or_default() } else { old };
        let key = |column: &str, new: Option<i64>, old: Option<i64>| if has(column) { new } else { old };
        let date = |column: &str, new, old| if has(column) { new } else { old };
        let category = row.category.as_ref().and_then(|to| known.category(to));
        let organization = to_participant(&row.organization).or(self.keeper.id());
        Settings {
            external_id: Some(row.external_id.to_string()),
            name: row.name.clone(),
            description: if has("description") { row.description.clone() } else { old.description },
            category_id: key("category", category, old.category_id),
            organization_id: key("organization", organization, old.organization_id),
            responsible_id: key("responsible", to_participant(&row.responsible), old.responsible_id),
            composition: match row.composition {
                Some(composition) => composition.into(),
                None if has("composition") => Composition::Any,
                None => old.composition,
            },
            member_filter: old.member_filter,
            start_date: date("start_date", row.start_date, old.start_date),
            completed_on: date("completed_on", row.completed_on, old.completed_on),
            closed: flag("closed", row.closed, old.closed),
            visible_on_portal: flag("visible_on_portal", row.visible_on_portal, old.visible_on_portal),
            visible_with_contact: flag("visible_with_contact", row.visible_with_contact, old.visible_with_contact),
            changeable_on_portal: flag("changeable_on_portal", row.changeable_on_portal, old.changeable_on_portal),
            new_member_template: old.new_member_template,
            neighbourhood_role: if has("neighbourhood_role") {
                row.neighbourhood_role.map(Into::into)
            } else {
                old.neighbourhood_role
            },
            subscription_group: flag("subscription_group", row.subscription_group, old.subscription_group),
            restricted_to_id: key("restricted_to", to_group(&row.restricted_to), old.restricted_to_id),
            source_group_id: key("source_group", to_group(&row.source_group), old.source_group_id),
            via_home_address: flag("via_home_address", row.via_home_address, old.via_home_address),
            analytics_group: flag("analytics_group", row.analytics_group, old.analytics_group),
            contribution_group: flag("contribution_group", row.contribution_group, old.contribution_group),
            mail_group: flag("mail_group", row.mail_group, old.mail_group),
            member_directory: flag("member_directory", row.member_directory, old.member_directory),
            year_group: if has("year_group") { row.year_group.map(i32::from) } else { old.year_group },
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
