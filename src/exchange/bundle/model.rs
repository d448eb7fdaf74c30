//! What a bundle says, row by row, as plain data.

use std::sync::Arc;

use chrono::NaiveDate;

use super::error::{At, Warning};
use super::vocabulary::{Vocabulary, vocabulary};

/// The sender's key of a record. One text is shared by all the rows that name it.
pub type ExternalId = Arc<str>;

vocabulary! {
    /// What a participant is.
    pub enum ParticipantKind {
        /// A human being.
        Person = "PERSON",
        /// A legal body.
        Organization = "ORGANIZATION",
        /// A home that is a participant of its own.
        Address = "ADDRESS",
    }
}

vocabulary! {
    /// A person's gender.
    pub enum Gender {
        /// Male.
        Male = "MALE",
        /// Female.
        Female = "FEMALE",
        /// Neither male nor female.
        Other = "OTHER",
        /// Not known to the sender; an empty field says that the sender does not tell.
        Unknown = "UNKNOWN",
    }
}

vocabulary! {
    /// How the included components of a composite group combine (G3).
    #[derive(Default)]
    pub enum Composition {
        /// Whoever belongs to at least one of them.
        #[default]
        Any = "ANY",
        /// Whoever belongs to every one of them.
        All = "ALL",
    }
}

vocabulary! {
    /// What a component does to its composite group (G3).
    #[derive(Default)]
    pub enum ComponentMode {
        /// Its members count in.
        #[default]
        Include = "INCLUDE",
        /// Its members are left out.
        Exclude = "EXCLUDE",
    }
}

vocabulary! {
    /// What a member is in a group (M4).
    #[derive(Default)]
    pub enum MembershipRole {
        /// An ordinary member.
        #[default]
        Member = "MEMBER",
        /// One who leads the group.
        Leader = "LEADER",
    }
}

vocabulary! {
    /// What a group's members do in a neighbourhood project.
    pub enum NeighbourhoodRole {
        /// They coach.
        Coach = "COACH",
        /// They lead the project.
        ProjectLeader = "PROJECT_LEADER",
        /// They come from outside.
        ExternalParty = "EXTERNAL_PARTY",
    }
}

/// An external id that stands for a record elsewhere, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The external id of the record meant.
    pub id: ExternalId,
    /// The field that holds it.
    pub at: At,
}

/// What a row lacks that a new record needs. One that is stored already has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lack {
    /// The field that is empty, or the row where the file has no such column.
    pub at: At,
    /// What must be there.
    pub message: String,
}

/// A row of `categories.csv`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Category {
    /// Where the row begins.
    pub at: At,
    /// The sender's key.
    pub external_id: ExternalId,
    /// What people call it.
    pub name: Option<String>,
    /// What a new category needs and the row does not have.
    pub lack: Option<Lack>,
}

/// A row of `participants.csv`. Which fields have a value follows from the kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Participant {
    /// Where the row begins.
    pub at: At,
    /// The sender's key.
    pub external_id: ExternalId,
    /// Person, organization or address.
    pub kind: Option<ParticipantKind>,
    /// Given name of a person.
    pub given_name: Option<String>,
    /// What stands between a person's names, such as "van den".
    pub name_prefix: Option<String>,
    /// Family name of a person, without the prefix.
    pub family_name: Option<String>,
    /// Birth date of a person.
    pub birth_date: Option<NaiveDate>,
    /// Gender of a person.
    pub gender: Option<Gender>,
    /// Name of an organization.
    pub name: Option<String>,
    /// E-mail address of a person or organization.
    pub email: Option<String>,
    /// Telephone number of a person or organization.
    pub phone: Option<String>,
    /// Street, without the house number.
    pub street: Option<String>,
    /// House number, with what is added to it.
    pub house_number: Option<String>,
    /// Postal code.
    pub postal_code: Option<String>,
    /// Town or city.
    pub city: Option<String>,
    /// Number of the housing complex that an address belongs to.
    pub complex_number: Option<String>,
    /// What kind of home an address is.
    pub dwelling_type: Option<String>,
    /// What a new participant needs and the row does not have.
    pub lack: Option<Lack>,
}

/// A row of `groups.csv`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Where the row begins.
    pub at: At,
    /// The sender's key.
    pub external_id: ExternalId,
    /// What people call it.
    pub name: Option<String>,
    /// What a new group needs and the row does not have.
    pub lack: Option<Lack>,
    /// What it is for; may have line ends.
    pub description: Option<String>,
    /// To a category.
    pub category: Option<Reference>,
    /// How its components combine; ANY when absent.
    pub composition: Option<Composition>,
    /// To the organization that owns the group.
    pub organization: Option<Reference>,
    /// To the person or organization that answers for the group.
    pub responsible: Option<Reference>,
    /// When it started.
    pub start_date: Option<NaiveDate>,
    /// When it was done.
    pub completed_on: Option<NaiveDate>,
    /// Whether it is closed.
    pub closed: Option<bool>,
    /// Whether the portal shows it.
    pub visible_on_portal: Option<bool>,
    /// Whether it is shown with its members.
    pub visible_with_contact: Option<bool>,
    /// Whether members may change their membership on the portal.
    pub changeable_on_portal: Option<bool>,
    /// What its members do in a neighbourhood project.
    pub neighbourhood_role: Option<NeighbourhoodRole>,
    /// Whether people may join and leave by themselves.
    pub subscription_group: Option<bool>,
    /// To the group whose members may join and leave.
    pub restricted_to: Option<Reference>,
    /// To the group that feeds this one.
    pub source_group: Option<Reference>,
    /// Whether those registered at a member address are members.
    pub via_home_address: Option<bool>,
    /// Whether joins and leaves are analysed.
    pub analytics_group: Option<bool>,
    /// Whether its members pay dues.
    pub contribution_group: Option<bool>,
    /// Whether it is a mail group, a deprecated kind.
    pub mail_group: Option<bool>,
    /// Whether members may see each other's names.
    pub member_directory: Option<bool>,
    /// The year group of a school that it is, from 1 to 8.
    pub year_group: Option<u8>,
}

/// A row of `group_components.csv`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Component {
    /// Where the row begins.
    pub at: At,
    /// To the group that has the component.
    pub composite: Reference,
    /// To the group that is the component.
    pub component: Reference,
    /// Whether it counts in or out; in when absent.
    pub mode: Option<ComponentMode>,
}

/// A row of `memberships.csv`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// Where the row begins.
    pub at: At,
    /// To the group joined.
    pub group: Reference,
    /// To the participant who joined.
    pub participant: Reference,
    /// The first day in force.
    pub start_date: NaiveDate,
    /// Code of the reason to start, if the sender gives one.
    pub start_reason: Option<Arc<str>>,
    /// The first day no longer in force (M1). On the start date itself it makes a period without
    /// a single day, which is what joining and leaving on one day leaves behind.
    pub end_date: Option<NaiveDate>,
    /// Code of the reason to end, if the sender gives one; never without an end date.
    pub end_reason: Option<Arc<str>>,
    /// An ordinary member when absent, unless stored otherwise.
    pub role: Option<MembershipRole>,
}

/// A row of `residencies.csv`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Residency {
    /// Where the row begins.
    pub at: At,
    /// To the person or organization registered.
    pub participant: Reference,
    /// To the address at which it is registered.
    pub address: Reference,
    /// The first day at the address.
    pub start_date: NaiveDate,
    /// The first day no longer there.
    pub end_date: Option<NaiveDate>,
}

/// A row of `guardians.csv`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guardian {
    /// Where the row begins.
    pub at: At,
    /// To the child.
    pub child: Reference,
    /// To the child's guardian.
    pub guardian: Reference,
}

vocabulary! {
    /// The kind of record that a reference leads to.
    pub enum Target {
        /// A category of groups.
        Category = "CATEGORY",
        /// A person, organization or address.
        Participant = "PARTICIPANT",
        /// A group.
        Group = "GROUP",
    }
}

/// An external id that no row of the bundle has, to be found among the records stored already.
///
/// There is one for every id and every demand on it, however many rows use it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unresolved {
    /// What the id stands for.
    pub target: Target,
    /// The id, and the first field that uses it.
    pub reference: Reference,
    /// What the participant may be; empty where the id is not a participant's.
    pub kinds: &'static [ParticipantKind],
    /// How many fields use the id in this way.
    pub uses: u64,
}

/// A file of the bundle as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileSummary {
    /// Its name.
    pub name: &'static str,
    /// The columns that its header names, in the order of the format. An import can tell a column
    /// left out (the sender does not say) from an empty field (the sender says that there is none).
    pub columns: Vec<&'static str>,
    /// How many rows it has, the header not counted.
    pub rows: u64,
}

/// A folder of CSV files, read and checked as far as that goes without knowing what is stored.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Bundle {
    /// Rows of `categories.csv`.
    pub categories: Vec<Category>,
    /// Rows of `participants.csv`.
    pub participants: Vec<Participant>,
    /// Rows of `groups.csv`.
    pub groups: Vec<Group>,
    /// Rows of `group_components.csv`.
    pub components: Vec<Component>,
    /// Rows of `memberships.csv`.
    pub memberships: Vec<Membership>,
    /// Rows of `residencies.csv`.
    pub residencies: Vec<Residency>,
    /// Rows of `guardians.csv`.
    pub guardians: Vec<Guardian>,
    /// The references that the bundle itself does not answer.
    pub unresolved: Vec<Unresolved>,
    /// The files that were there.
    pub files: Vec<FileSummary>,
    /// What does not stop the import.
    pub warnings: Vec<Warning>,
}

impl Bundle {
    /// Whether the bundle has `file` with a column of that name.
    #[must_use]
    pub fn has_column(&self, file: &str, column: &str) -> bool {
        self.files.iter().any(|found| found.name == file && found.columns.contains(&column))
    }
}
