//! What mutations of memberships are given.

use async_graphql::{ID, InputObject, MaybeUndefined, Result};

use super::enums::MembershipRole;
use super::inputs::{code, date};
use super::mutation::identifier;
use super::participant_filter::ParticipantFilter;
use super::scalars::Date;
use super::text::{Line, Prose};
use crate::check::given;
use crate::error::{Code, Error, Rejection};
use crate::id::Kind;
use crate::members::add::{Addition, MAX_IDS, Whom};
use crate::members::commands::{Correction, Ending};
use crate::subscriptions::Request;

/// Members to be added: exactly one of `participantIds` and `filter` must be given.
#[derive(InputObject, Clone, Debug)]
pub struct AddMembershipsInput {
    /// The group.
    pub group_id: ID,
    /// These participants, at most 10,000.
    pub participant_ids: Option<Vec<ID>>,
    /// Everybody who passes and whose record you administer.
    pub filter: Option<ParticipantFilter>,
    /// The first day of membership; today when absent.
    pub start_date: Option<Date>,
    /// The code of the start reason; `JOINED` when absent.
    pub start_reason_code: Option<Line>,
    /// The part that they play.
    #[graphql(default_with = "MembershipRole::Member")]
    pub role: MembershipRole,
    /// Add those who left the group by themselves as well. Otherwise they stay out and are counted as `optedOut`.
    #[graphql(default)]
    pub include_opted_out: bool,
    /// Make memberships that follow from another group or from an address permanent: memberships by hand take their place
    /// and last when the other ends. Otherwise these members are counted as `alreadyMember` and nothing changes for them.
    #[graphql(default)]
    pub make_permanent: bool,
    /// Change nothing and answer what would happen.
    #[graphql(default)]
    pub dry_run: bool,
    /// Add the others when some are refused. Otherwise it is all or nobody.
    #[graphql(default)]
    pub allow_partial: bool,
    /// An identifier of the client's own: the same mutation with the same one is carried out once.
    pub client_mutation_id: Option<String>,
}

/// A subscription group to be joined.
#[derive(InputObject, Clone, Debug)]
pub struct SubscribeInput {
    /// The group.
    pub group_id: ID,
    /// Who is to join; the viewer when absent.
    pub participant_id: Option<ID>,
    /// An identifier of the client's own: the same mutation with the same one is carried out once.
    pub client_mutation_id: Option<String>,
}

/// A subscription group to be left.
#[derive(InputObject, Clone, Debug)]
pub struct UnsubscribeInput {
    /// The group.
    pub group_id: ID,
    /// Who is to leave; the viewer when absent.
    pub participant_id: Option<ID>,
    /// The code of the end reason; `SELF_UNSUBSCRIBED` when absent.
    pub end_reason_code: Option<Line>,
    /// A free note, at most 10,000 characters.
    pub note: Option<Prose>,
    /// An identifier of the client's own: the same mutation with the same one is carried out once.
    pub client_mutation_id: Option<String>,
}

/// A membership to be ended.
#[derive(InputObject, Clone, Debug)]
pub struct EndMembershipInput {
    /// The membership.
    pub membership_id: ID,
    /// The first day on which it is no longer in force; today when absent. An earlier end that is known already is kept.
    pub end_date: Option<Date>,
    /// Postpone an earlier end that is known already, or correct one that is past.
    #[graphql(default)]
    pub replace_end: bool,
    /// Postpone the end even of a member who left by themselves.
    #[graphql(default)]
    pub include_opted_out: bool,
    /// The code of the end reason, which every ended membership has.
    pub end_reason_code: Option<Line>,
    /// A free note, at most 10,000 characters. A note that stands beside a known end stays when this is absent.
    pub note: Option<Prose>,
    /// An identifier of the client's own: the same mutation with the same one is carried out once.
    pub client_mutation_id: Option<String>,
}

/// A membership to be corrected. A field that is left out stays as it is.
#[derive(InputObject, Clone, Debug)]
pub struct UpdateMembershipInput {
    /// The membership.
    pub membership_id: ID,
    /// The first day of membership.
    pub start_date: Option<Date>,
    /// The code of the start reason.
    pub start_reason_code: Option<Line>,
    /// The first day on which it is no longer in force; null takes the end back.
    pub end_date: MaybeUndefined<Date>,
    /// The code of the end reason.
    pub end_reason_code: Option<Line>,
    /// A free note; null removes it.
    pub note: MaybeUndefined<Prose>,
    /// The part that the member plays.
    pub role: Option<MembershipRole>,
    /// Take back or postpone the end even of a member who left by themselves.
    #[graphql(default)]
    pub include_opted_out: bool,
    /// An identifier of the client's own: the same mutation with the same one is carried out once.
    pub client_mutation_id: Option<String>,
}

/// A membership that was a mistake.
#[derive(InputObject, Clone, Debug)]
pub struct AnnulMembershipInput {
    /// The membership.
    pub membership_id: ID,
    /// An identifier of the client's own: the same mutation with the same one is carried out once.
    pub client_mutation_id: Option<String>,
}

impl AddMembershipsInput {
    /// The addition that is asked for, or why it is refused.
    ///
    /// # Errors
    /// When an identifier of something else than a participant to be added is malformed.
    pub fn addition(&self) -> Result<std::result::Result<Addition, Error>> {
        let refuse =
            |code: Code, message: &str| Ok(Err(Rejection::new(code, message).at("input.participantIds").into()));
        let whom = match (&self.participant_ids, &self.filter) {
            (Some(ids), None) if ids.len() > MAX_IDS => {
                return refuse(
                    Code::TooMany,
                    "At most 10,000 participants can be named at once; use a filter for more.",
                );
            }
            (Some(ids), None) => Whom::Ids(ids.iter().map(|id| id.0.clone()).collect()),
            (None, Some(filter)) => match filter.clone().meant("input.filter") {
                Ok(filter) => Whom::Filter(Box::new(filter)),
                Err(error) => return Ok(Err(error)),
            },
            _ => return refuse(Code::Required, "Give either `participantIds` or `filter`."),
        };
        Ok(Ok(Addition {
            group_id: identifier(Kind::Group, &self.group_id, "groupId")?,
            whom,
            start_date: date(self.start_date),
            start_reason: code(self.start_reason_code.clone()),
            role: self.role.into(),
            include_opted_out: self.include_opted_out,
            make_permanent: self.make_permanent,
            dry_run: self.dry_run,
            allow_partial: self.allow_partial,
        }))
    }
}

impl SubscribeInput {
    /// What is asked.
    ///
    /// # Errors
    /// When an identifier is malformed.
    pub fn request(&self) -> Result<Request> {
        request(&self.group_id, self.participant_id.as_ref())
    }
}

impl UnsubscribeInput {
    /// What is asked.
    ///
    /// # Errors
    /// When an identifier is malformed.
    pub fn request(&self) -> Result<Request> {
        let request = request(&self.group_id, self.participant_id.as_ref())?;
        Ok(Request { end_reason: code(self.end_reason_code.clone()), note: given(self.note.clone()), ..request })
    }
}

fn request(group: &ID, participant: Option<&ID>) -> Result<Request> {
    let participant = participant.map(|id| identifier(Kind::Participant, id, "participantId"));
    Ok(Request {
        group_id: identifier(Kind::Group, group, "groupId")?,
        participant_id: participant.transpose()?,
        end_reason: None,
        note: None,
    })
}

impl EndMembershipInput {
    /// What is asked.
    ///
    /// # Errors
    /// When an identifier is malformed.
    pub fn ending(&self) -> Result<Ending> {
        Ok(Ending {
            membership_id: identifier(Kind::Membership, &self.membership_id, "membershipId")?,
            end_date: date(self.end_date),
            end_reason: code(self.end_reason_code.clone()),
            note: given(self.note.clone()),
            replace_end: self.replace_end,
            include_opted_out: self.include_opted_out,
        })
    }
}

impl UpdateMembershipInput {
    /// What is asked.
    ///
    /// # Errors
    /// When an identifier is malformed.
    pub fn correction(&self) -> Result<Correction> {
        Ok(Correction {
            membership_id: identifier(Kind::Membership, &self.membership_id, "membershipId")?,
            start_date: date(self.start_date),
            start_reason: code(self.start_reason_code.clone()),
            end_date: match self.end_date {
                MaybeUndefined::Undefined => None,
                MaybeUndefined::Null => Some(None),
                MaybeUndefined::Value(end) => Some(Some(end.0)),
            },
            end_reason: code(self.end_reason_code.clone()),
            note: match &self.note {
                MaybeUndefined::Undefined => None,
                MaybeUndefined::Null => Some(None),
                MaybeUndefined::Value(note) => Some(given(Some(note.clone()))),
            },
            role: self.role.map(Into::into),
            include_opted_out: self.include_opted_out,
        })
    }
}
