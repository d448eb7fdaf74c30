//! The files of a bundle and their columns.

/// A file and the columns that its header must and may name, in any order.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) file: &'static str,
    /// Columns that the header must name, though a row may leave most of them empty: an export
    /// that lost a column would otherwise read as one in which nobody ever left.
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
    Layout { file: "categories.csv", required: &["external_id", "name"], optional: &[] };

pub(super) const PARTICIPANTS: Layout = Layout {
    file: "participants.csv",
    required: &["external_id", "kind", "given_name", "name_prefix", "family_name", "birth_date", "gender"],
    optional: &[
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
    required: &["external_id", "name", "description", "category"],
    optional: &[
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
    required: &["group", "participant", "start_date", "start_reason", "end_date", "end_reason", "role"],
    optional: &[],
};

pub(super) const RESIDENCIES: Layout =
    Layout { file: "residencies.csv", required: &["participant", "address", "start_date", "end_date"], optional: &[] };

pub(super) const GUARDIANS: Layout = Layout { file: "guardians.csv", required: &["child", "guardian"], optional: &[] };

/// Every file that a bundle may have.
pub(super) const ALL: [&Layout; 7] =
    [&CATEGORIES, &PARTICIPANTS, &GROUPS, &COMPONENTS, &MEMBERSHIPS, &RESIDENCIES, &GUARDIANS];
