//! The files of a bundle and their columns.

/// A file and the columns that its header must and may name, in any order.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) file: &'static str,
    /// The key columns, which the header must name. A column that is not there leaves alone what is stored.
    pub(super) required: &'static [&'static str],
    pub(super) optional: &'static [&'static str],
}

impl Layout {
    /// Every column of the file.
    pub(super) fn columns(&self) -> impl Iterator<Item = &'static str> + Clone + '_ {
        self.required.iter().chain(self.optional).copied()
    }
}

pub(super) const CATEGORIES: Layout =
    Layout { file: "categories.csv", required: &["external_id"], optional: &["name"] };

pub(super) const PARTICIPANTS: Layout = Layout {
    file: "participants.csv",
    required: &["external_id"],
    optional: &[
        "kind",
        "given_name",
        "name_prefix",
        "family_name",
        "birth_date",
        "gender",
        "name",
        "email",
        "phone",
        "street",
        "house_number",
        "postal_code",
        "city",
        "complex_number",
        "dwelling_type",
    ],
};

pub(super) const GROUPS: Layout = Layout {
    file: "groups.csv",
    required: &["external_id"],
    optional: &[
        "name",
        "description",
        "category",
        "composition",
        "organization",
        "responsible",
        "start_date",
        "completed_on",
        "closed",
        "visible_on_portal",
        "visible_with_contact",
        "changeable_on_portal",
        "neighbourhood_role",
        "subscription_group",
        "restricted_to",
        "source_group",
        "via_home_address",
        "analytics_group",
        "contribution_group",
        "mail_group",
        "member_directory",
        "year_group",
    ],
};

pub(super) const COMPONENTS: Layout =
    Layout { file: "group_components.csv", required: &["composite", "component"], optional: &["mode"] };

pub(super) const MEMBERSHIPS: Layout = Layout {
    file: "memberships.csv",
    required: &["group", "participant", "start_date"],
    optional: &["start_reason", "end_date", "end_reason", "role"],
};

pub(super) const RESIDENCIES: Layout =
    Layout { file: "residencies.csv", required: &["participant", "address", "start_date"], optional: &["end_date"] };

pub(super) const GUARDIANS: Layout = Layout { file: "guardians.csv", required: &["child", "guardian"], optional: &[] };

/// Every file that a bundle may have.
pub(super) const ALL: [&Layout; 7] =
    [&CATEGORIES, &PARTICIPANTS, &GROUPS, &COMPONENTS, &MEMBERSHIPS, &RESIDENCIES, &GUARDIANS];
