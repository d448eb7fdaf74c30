//! The closed sets of the schema.

use async_graphql::Enum;

use crate::content::{self, kind};
use crate::groups::composition::{Composition, Mode};
use crate::mail::State;
use crate::{groups, history, members, people};

/// What a participant is.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "people::ParticipantKind")]
pub enum ParticipantKind {
    /// A natural person.
    Person,
    /// A legal person, such as an association, a company or a school.
    Organization,
    /// A dwelling or other address; people and organizations are registered at it.
    Address,
}

/// A person's gender as registered.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "people::Gender")]
pub enum Gender {
    /// Female.
    Female,
    /// Male.
    Male,
    /// Neither female nor male.
    Other,
    /// Not known.
    Unknown,
}

/// What a group is; it follows from its settings.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "groups::GroupKind")]
pub enum GroupKind {
    /// A group whose members are those with a membership in it.
    Static,
    /// A group made of other groups.
    Composite,
    /// A group whose members are all participants that pass its filter.
    Dynamic,
}

/// The part that a group plays in the neighbourhood approach.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "groups::NeighbourhoodRole")]
pub enum NeighbourhoodRole {
    /// Its members are coaches, for instance energy coaches.
    Coach,
    /// Its members lead projects.
    ProjectLeader,
    /// Its members come from outside the organization.
    ExternalParty,
}

/// How the included components of a composite combine.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "Composition", name = "Composition")]
pub enum CompositionName {
    /// Union: whoever is in at least one of them.
    Any,
    /// Intersection: whoever is in every one of them. With one empty component nobody is.
    All,
}

/// What a component does to the composite.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "Mode")]
pub enum ComponentMode {
    /// Its members count.
    Include,
    /// Its members are kept out, however else they would belong.
    Exclude,
}

/// Where a membership came from.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "members::Origin")]
pub enum MembershipOrigin {
    /// An administrator added it.
    Manual,
    /// The person joined.
    Subscription,
    /// It follows from living at an address.
    HomeAddress,
    /// It follows from membership of the source group.
    SourceGroup,
    /// The year transition made it.
    YearTransition,
    /// It was imported.
    Import,
}

/// The part that a member plays in the group.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "members::Role")]
pub enum MembershipRole {
    /// An ordinary member.
    Member,
    /// Leads the group, for instance a teacher or a chairperson.
    Leader,
}

/// Where a membership stands on a date.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "members::Status")]
pub enum MembershipStatus {
    /// It has not started yet.
    Scheduled,
    /// It is in force.
    Active,
    /// It is over.
    Ended,
}

/// Which memberships a list holds, by where they stand on a date.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum MembershipStatusFilter {
    /// Those that have not started yet.
    Scheduled,
    /// Those in force.
    #[default]
    Active,
    /// Those that are over.
    Ended,
    /// All of them.
    Any,
}

impl MembershipStatusFilter {
    /// The status to look for; `None` is any.
    pub fn status(self) -> Option<members::Status> {
        match self {
            Self::Scheduled => Some(members::Status::Scheduled),
            Self::Active => Some(members::Status::Active),
            Self::Ended => Some(members::Status::Ended),
            Self::Any => None,
        }
    }
}

/// What was done to an object.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "history::Action")]
pub enum HistoryAction {
    /// It was made.
    Created,
    /// Some of its fields were changed.
    Updated,
    /// It came to an end.
    Ended,
    /// It was declared a mistake, and counts nowhere any more.
    Annulled,
    /// It was removed.
    Deleted,
}

/// The direction of an order.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum OrderDirection {
    /// From low to high, from A to Z, from early to late.
    #[default]
    Asc,
    /// From high to low, from Z to A, from late to early.
    Desc,
}

/// By what groups are ordered.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupOrderField {
    /// By name, numbers in it by their value.
    Name,
    /// By the moment at which the group was made.
    CreatedAt,
}

/// By what participants are ordered.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParticipantOrderField {
    /// By name as a Dutch reader looks it up: persons by family name without its prefix.
    Name,
    /// By the moment at which the participant was registered.
    CreatedAt,
}

/// By what effective members are ordered.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum EffectiveMemberOrderField {
    /// By name as a Dutch reader looks it up: persons by family name without its prefix.
    Name,
}

/// By what memberships are ordered.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum MembershipOrderField {
    /// By the name of the participant, as a Dutch reader looks it up.
    ParticipantName,
    /// By start date.
    StartDate,
    /// By end date; those without one come after all others.
    EndDate,
}

/// What an item of content is.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "kind::ContentKind")]
pub enum ContentKind {
    /// A message to read.
    NewsItem,
    /// Photos that belong together.
    PhotoAlbum,
    /// A book of the bookcase.
    Book,
    /// Something that stands in the calendar.
    CalendarItem,
    /// Talks about children, for which their guardians book slots.
    ConversationRound,
    /// Something to sign up for.
    SignUpForm,
    /// Documents that belong together.
    Dossier,
    /// Something that people do together.
    Activity,
    /// A letter to all whom it is available to.
    Newsletter,
    /// Questions, which each answers once.
    Survey,
    /// A page of the website or of the portal.
    Page,
    /// Files to take along.
    Download,
    /// A place to talk, in topics with replies.
    Discussion,
}

/// Where an item of content stands.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "content::State")]
pub enum ContentState {
    /// It was never published; only its makers see it.
    Draft,
    /// It is to be published at a later moment.
    Scheduled,
    /// It is shown to its audience.
    Published,
    /// It was taken away from everybody; only its makers see it.
    Withdrawn,
}

/// To whom an item is shown.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "content::Audience")]
pub enum ContentAudience {
    /// To everybody, signed in or not.
    Everyone,
    /// To all who belong to the organization.
    Organization,
    /// To those who work for the organization.
    Staff,
    /// To one participant.
    Participant,
    /// To those who belong to a group.
    Group,
}

/// Why an item is no longer shown to an audience.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "content::UnlinkReason")]
pub enum UnlinkReason {
    /// Its availability was changed.
    Changed,
    /// It was withdrawn.
    Withdrawn,
    /// The school year was over.
    YearTransition,
}

/// By what a list of content is ordered.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentOrderField {
    /// By the moment at which it was made.
    CreatedAt,
    /// By title, numbers in it by their value.
    Title,
    /// By the moment at which it starts; items that do not take place are left out.
    StartsAt,
}

/// What became of an e-mail.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "State")]
pub enum OutboxState {
    /// It is to be sent.
    Pending,
    /// It was handed to the mail server.
    Sent,
    /// It was given up: the mail server refused it for good, or too often.
    Dead,
    /// It was needed no more: the membership or the address was gone before it was sent.
    Skipped,
}
