//! Groups: their settings, what they are made of and what they follow from.

pub mod categories;
pub mod chains;
pub mod commands;
pub mod composition;
pub mod holders;
pub mod reach;
pub mod store;
pub mod template;

use chrono::NaiveDate;

use crate::db::text_enum::text_enum;
use crate::people::filter::ParticipantFilter;
use composition::Composition;

text_enum! {
    /// What a group is, which follows from its settings (G1).
    GroupKind {
        Static = "STATIC",
        Composite = "COMPOSITE",
        Dynamic = "DYNAMIC",
    }
}

text_enum! {
    /// The part a group plays in the neighbourhood approach.
    NeighbourhoodRole {
        Coach = "COACH",
        ProjectLeader = "PROJECT_LEADER",
        ExternalParty = "EXTERNAL_PARTY",
    }
}

/// The settings of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    pub external_id: Option<String>,
    pub name: String,
    pub description: Option<String>,
    pub category_id: Option<i64>,
    pub organization_id: Option<i64>,
    pub responsible_id: Option<i64>,
    pub composition: Composition,
    pub member_filter: Option<ParticipantFilter>,
    pub start_date: Option<NaiveDate>,
    pub completed_on: Option<NaiveDate>,
    pub closed: bool,
    pub visible_on_portal: bool,
    pub visible_with_contact: bool,
    pub changeable_on_portal: bool,
    pub new_member_template: Option<String>,
    pub neighbourhood_role: Option<NeighbourhoodRole>,
    pub subscription_group: bool,
    pub restricted_to_id: Option<i64>,
    pub source_group_id: Option<i64>,
    pub via_home_address: bool,
    pub analytics_group: bool,
    pub contribution_group: bool,
    pub mail_group: bool,
    pub member_directory: bool,
    pub year_group: Option<i32>,
}

impl Settings {
    /// Whether members follow from another group or from where people live (A1, A2).
    pub fn is_fed(&self) -> bool {
        self.source_group_id.is_some() || self.via_home_address
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            external_id: None,
            name: String::new(),
            description: None,
            category_id: None,
            organization_id: None,
            responsible_id: None,
            composition: Composition::Any,
            member_filter: None,
            start_date: None,
            completed_on: None,
            closed: false,
            visible_on_portal: false,
            visible_with_contact: false,
            changeable_on_portal: false,
            new_member_template: None,
            neighbourhood_role: None,
            subscription_group: false,
            restricted_to_id: None,
            source_group_id: None,
            via_home_address: false,
            analytics_group: false,
            contribution_group: false,
            mail_group: false,
            member_directory: false,
            year_group: None,
        }
    }
}
