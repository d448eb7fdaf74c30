//! Filters and orders of the schema's lists.

use async_graphql::{ID, InputObject};

use super::enums::{
    ContentKind, ContentOrderField, ContentState, EffectiveMemberOrderField, GroupKind, GroupOrderField,
    MembershipOrderField, MembershipOrigin, MembershipRole, MembershipStatusFilter, OrderDirection,
    ParticipantOrderField,
};
use super::participant_filter::condition_fault;
use super::scalars::{Date, DateTime};
use super::text::Line;
use crate::content::store::{ContentFilter as Contents, ContentOrder as ContentsBy};
use crate::error::Error;
use crate::groups::store::{GroupFilter as Groups, GroupOrder as GroupsBy};
use crate::id::{self, Kind};
use crate::members::store::{MembershipFilter as Memberships, MembershipOrder as MembershipsBy};
use crate::page::Order;
use crate::people::store::ParticipantOrder as ParticipantsBy;
use crate::scope::Scope;
use crate::text::{MAX_WORDS, code_key, line_fault, words};

/// Reads the identifier of an object of one kind.
///
/// # Errors
/// `BadInput` when it is something else.
pub fn key(kind: Kind, id: &ID, name: &str) -> Result<i64, Error> {
    id::decode_as(kind, id).ok_or_else(|| Error::BadInput(format!("`{name}` is not the id of a {}.", kind.name())))
}

fn opt_key(kind: Kind, id: Option<&ID>, name: &str) -> Result<Option<i64>, Error> {
    id.map(|id| key(kind, id, name)).transpose()
}

/// A condition on a text. An empty one stays a condition: it finds nothing, rather than everything.
fn condition(text: Option<Line>, name: &str) -> Result<Option<String>, Error> {
    let Some(text) = text else { return Ok(None) };
    match condition_fault(&text) {
        Some(fault) => Err(Error::BadInput(format!("`{name}`: {fault}"))),
        None => Ok(Some(text.into())),
    }
}

/// What is asked for in a list of values: each once, however often a client names it.
pub fn set<T: Into<U>, U: PartialEq>(values: Vec<T>) -> Vec<U> {
    let mut set = Vec::new();
    for value in values.into_iter().map(Into::into) {
        if !set.contains(&value) {
            set.push(value);
        }
    }
    set
}

/// The code of a reason, in capitals as it is stored. What cannot be one is left as it is, to be refused with its field.
pub fn code(text: Option<Line>) -> Option<String> {
    text.map(|text| if line_fault(&text).is_some() { text.into() } else { code_key(&text) })
}

/// A condition on words that occur somewhere.
fn search(text: Option<Line>, name: &str) -> Result<Option<String>, Error> {
    let text = condition(text, name)?;
    if text.as_deref().is_some_and(|text| words(text).len() > MAX_WORDS) {
        return Err(Error::BadInput(format!("`{name}`: This may have at most {MAX_WORDS} words.")));
    }
    Ok(text)
}

/// A condition on external ids.
fn external_ids(ids: Option<Vec<Line>>) -> Result<Option<Vec<String>>, Error> {
    let Some(ids) = ids else { return Ok(None) };
    if ids.len() > 100 {
        return Err(Error::BadInput("`externalIds` may hold at most 100 values.".to_owned()));
    }
    ids.into_iter()
        .map(|id| Ok(condition(Some(id), "externalIds")?.unwrap_or_default()))
        .collect::<Result<_, _>>()
        .map(Some)
}

/// Which groups a list holds. All conditions must hold; an absent one always does.
#[derive(InputObject, Clone, Debug, Default)]
pub struct GroupFilter {
    /// Every word of this text occurs in the name; case, diacritics and punctuation are ignored. A
    /// text without a word finds nothing.
    text: Option<Line>,
    /// The group has this category.
    category_id: Option<ID>,
    /// The group is of one of these kinds.
    kinds: Option<Vec<GroupKind>>,
    /// Whether the group is closed. Without this condition closed groups are left out.
    closed: Option<bool>,
    /// Also closed groups, when `closed` is not given.
    include_closed: Option<bool>,
    /// The group is owned by this organization.
    organization_id: Option<ID>,
    /// This participant is responsible for the group.
    responsible_id: Option<ID>,
    /// The group has one of these external ids; at most 100.
    external_ids: Option<Vec<Line>>,
    /// Whether people may join and leave by themselves.
    subscription_group: Option<bool>,
    /// The group is the year group of this school year, 1 to 8.
    year_group: Option<i32>,
    /// The start date is this one or later.
    started_from: Option<Date>,
    /// The start date is this one or earlier.
    started_until: Option<Date>,
    /// This participant has a direct membership in force today.
    member_id: Option<ID>,
}

impl GroupFilter {
    /// As the store takes it.
    ///
    /// # Errors
    /// `BadInput` when an identifier or a size is wrong.
    pub fn resolve(this: Option<Self>) -> Result<Groups, Error> {
        let this = this.unwrap_or_default();
        Ok(Groups {
            text: search(this.text, "text")?,
            category_id: opt_key(Kind::GroupCategory, this.category_id.as_ref(), "categoryId")?,
            kinds: this.kinds.map(set),
            closed: this.closed.or((!this.include_closed.unwrap_or(false)).then_some(false)),
            organization_id: opt_key(Kind::Participant, this.organization_id.as_ref(), "organizationId")?,
            responsible_id: opt_key(Kind::Participant, this.responsible_id.as_ref(), "responsibleId")?,
            external_ids: external_ids(this.external_ids)?,
            subscription_group: this.subscription_group,
            year_group: this.year_group,
            started_from: this.started_from.map(|date| date.0),
            started_until: this.started_until.map(|date| date.0),
            member_id: opt_key(Kind::Participant, this.member_id.as_ref(), "memberId")?,
        })
    }
}

/// Which memberships a list holds. All conditions must hold; an absent one always does, except `status`.
#[derive(InputObject, Clone, Debug, Default)]
pub struct MembershipFilter {
    /// Where the membership stands on `asOf`; those in force when absent.
    status: Option<MembershipStatusFilter>,
    /// The date on which the status is judged; today when absent.
    as_of: Option<Date>,
    /// The member plays this part.
    role: Option<MembershipRole>,
    /// The membership came from here.
    origin: Option<MembershipOrigin>,
    /// The start reason has this code.
    start_reason_code: Option<Line>,
    /// The end reason has this code.
    end_reason_code: Option<Line>,
    /// The start date is this one or later.
    started_from: Option<Date>,
    /// The start date is this one or earlier.
    started_until: Option<Date>,
    /// The end date is this one or later.
    ended_from: Option<Date>,
    /// The end date is this one or earlier.
    ended_until: Option<Date>,
    /// It is a membership of this group.
    group_id: Option<ID>,
    /// It is a membership of this participant.
    participant_id: Option<ID>,
    /// The group is owned by this organization.
    organization_id: Option<ID>,
    /// The group has this category.
    category_id: Option<ID>,
    /// Every word of this text occurs in the participant's name; case, diacritics and punctuation are ignored. A
    /// text without a word finds nothing.
    text: Option<Line>,
}

impl MembershipFilter {
    /// As the store takes it.
    ///
    /// # Errors
    /// `BadInput` when an identifier or a size is wrong.
    pub fn resolve(this: Option<Self>, scope: &Scope) -> Result<Memberships, Error> {
        let this = this.unwrap_or_default();
        Ok(Memberships {
            status: this.status.unwrap_or_default().status(),
            on: this.as_of.map_or(scope.today, |date| date.0),
            role: this.role.map(Into::into),
            origin: this.origin.map(Into::into),
            start_reason: condition(this.start_reason_code, "startReasonCode")?,
            end_reason: condition(this.end_reason_code, "endReasonCode")?,
            started_from: this.started_from.map(|date| date.0),
            started_until: this.started_until.map(|date| date.0),
            ended_from: this.ended_from.map(|date| date.0),
            ended_until: this.ended_until.map(|date| date.0),
            group_id: opt_key(Kind::Group, this.group_id.as_ref(), "groupId")?,
            participant_id: opt_key(Kind::Participant, this.participant_id.as_ref(), "participantId")?,
            organization_id: opt_key(Kind::Participant, this.organization_id.as_ref(), "organizationId")?,
            category_id: opt_key(Kind::GroupCategory, this.category_id.as_ref(), "categoryId")?,
            text: search(this.text, "text")?,
        })
    }
}

/// How groups are ordered.
#[derive(InputObject, Clone, Copy, Debug)]
pub struct GroupOrder {
    /// By what.
    field: GroupOrderField,
    /// In which direction.
    #[graphql(default)]
    direction: OrderDirection,
}

impl GroupOrder {
    /// The store's order and its direction; by name when absent.
    pub fn resolve(this: Option<Self>) -> (GroupsBy, bool) {
        let by = match this.map(|order| order.field) {
            None | Some(GroupOrderField::Name) => GroupsBy::Name,
            Some(GroupOrderField::CreatedAt) => GroupsBy::CreatedAt,
        };
        (by, this.is_some_and(|order| order.direction == OrderDirection::Desc))
    }
}

/// How participants are ordered.
#[derive(InputObject, Clone, Copy, Debug)]
pub struct ParticipantOrder {
    /// By what.
    field: ParticipantOrderField,
    /// In which direction.
    #[graphql(default)]
    direction: OrderDirection,
}

impl ParticipantOrder {
    /// The store's order and its direction; by name when absent.
    pub fn resolve(this: Option<Self>) -> (ParticipantsBy, bool) {
        let by = match this.map(|order| order.field) {
            None | Some(ParticipantOrderField::Name) => ParticipantsBy::Name,
            Some(ParticipantOrderField::CreatedAt) => ParticipantsBy::CreatedAt,
        };
        (by, this.is_some_and(|order| order.direction == OrderDirection::Desc))
    }
}

/// How effective members are ordered.
#[derive(InputObject, Clone, Copy, Debug)]
pub struct EffectiveMemberOrder {
    /// By what.
    field: EffectiveMemberOrderField,
    /// In which direction.
    #[graphql(default)]
    direction: OrderDirection,
}

impl EffectiveMemberOrder {
    /// Whether from Z to A.
    pub fn descending(this: Option<Self>) -> bool {
        this.is_some_and(|order| order.direction == OrderDirection::Desc)
    }
}

/// How memberships are ordered.
#[derive(InputObject, Clone, Copy, Debug)]
pub struct MembershipOrder {
    /// By what.
    field: MembershipOrderField,
    /// In which direction.
    #[graphql(default)]
    direction: OrderDirection,
}

impl MembershipOrder {
    /// The store's order, and the same as expressions; by start date, the newest first, when absent.
    pub fn resolve(this: Option<Self>) -> (MembershipsBy, Order) {
        let by = match this.map(|order| order.field) {
            None | Some(MembershipOrderField::StartDate) => MembershipsBy::StartDate,
            Some(MembershipOrderField::ParticipantName) => MembershipsBy::ParticipantName,
            Some(MembershipOrderField::EndDate) => MembershipsBy::EndDate,
        };
        let descending = this.is_none_or(|order| order.direction == OrderDirection::Desc);
        (by, by.order(descending))
    }
}

/// Which content a list holds. All conditions must hold; an absent one always does.
#[derive(InputObject, Clone, Debug, Default)]
pub struct ContentFilter {
    /// It is of one of these kinds.
    kinds: Option<Vec<ContentKind>>,
    /// It stands in one of these states. Drafts, and what is scheduled or withdrawn, are seen by their makers only.
    states: Option<Vec<ContentState>>,
    /// Every word of this text occurs in the title or the text; case, diacritics and punctuation are ignored. A
    /// text without a word finds nothing.
    text: Option<Line>,
    /// It was made for this organization.
    organization_id: Option<ID>,
    /// It takes place at this moment or later.
    starts_from: Option<DateTime>,
    /// It starts at this moment or earlier.
    starts_until: Option<DateTime>,
    /// Only what is yours to change.
    #[graphql(default)]
    editable: bool,
}

impl ContentFilter {
    /// As the store takes it.
    ///
    /// # Errors
    /// `BadInput` when an identifier or a size is wrong.
    pub fn resolve(this: Option<Self>) -> Result<Contents, Error> {
        let this = this.unwrap_or_default();
        Ok(Contents {
            kinds: this.kinds.map(set),
            states: this.states.map(set),
            text: search(this.text, "text")?,
            organization_id: opt_key(Kind::Participant, this.organization_id.as_ref(), "organizationId")?,
            starts_from: this.starts_from.map(|at| at.0),
            starts_until: this.starts_until.map(|at| at.0),
            managed: this.editable,
        })
    }
}

/// How content is ordered.
#[derive(InputObject, Clone, Copy, Debug)]
pub struct ContentOrder {
    /// By what.
    field: ContentOrderField,
    /// In which direction.
    #[graphql(default)]
    direction: OrderDirection,
}

impl ContentOrder {
    /// The store's order and its direction; what was made last comes first when absent.
    pub fn resolve(this: Option<Self>) -> (ContentsBy, bool) {
        let by = match this.map(|order| order.field) {
            None | Some(ContentOrderField::CreatedAt) => ContentsBy::CreatedAt,
            Some(ContentOrderField::Title) => ContentsBy::Title,
            Some(ContentOrderField::StartsAt) => ContentsBy::StartsAt,
        };
        (by, this.is_none_or(|order| order.direction == OrderDirection::Desc))
    }
}

/// The date behind an optional argument.
pub fn date(date: Option<Date>) -> Option<chrono::NaiveDate> {
    date.map(|date| date.0)
}
