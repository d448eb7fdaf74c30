//! The codes of refusals and warnings, as the schema names them.

use async_graphql::Enum;

use crate::error::Code;

/// Why a mutation was refused.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "Code")]
pub enum UserErrorCode {
    /// The participant has answered this survey already.
    AlreadyAnswered,
    /// A slot of this conversation round is booked for the participant already; booking with `replace` gives it back.
    AlreadyBooked,
    /// The participant is a member of the group in that period already.
    AlreadyMember,
    /// The leave request was refused, so there is nothing to withdraw.
    AlreadyRefused,
    /// The lunch stay was registered already.
    AlreadyRegistered,
    /// The absence was reported already.
    AlreadyReported,
    /// Leave was asked for on some of these days already.
    AlreadyRequested,
    /// The participant has signed up already.
    AlreadySignedUp,
    /// The leave request was withdrawn already.
    AlreadyWithdrawn,
    /// This `clientMutationId` was used for another request before.
    ClientMutationIdReused,
    /// Somebody else changed the same thing at the same moment. Look again and retry.
    Conflict,
    /// A contribution group cannot be a subscription group or be fed automatically.
    ContributionGroupConflict,
    /// The setting would make groups depend on themselves; the message names the groups on the way round.
    CycleDetected,
    /// The membership follows from another group or from an address, and so does its period.
    DerivedMembership,
    /// The group is dynamic: its members follow from its filter, so it has neither components nor memberships.
    DynamicGroup,
    /// A condition of a filter that makes members says nothing, or the filter has none and does not say `everybody: true`.
    EmptyCondition,
    /// A warning: the membership ends earlier already, and that end is kept.
    EndedEarlier,
    /// A warning: people who had a place are on the waiting list now, because there are fewer places.
    FewerPlaces,
    /// You may not do this.
    Forbidden,
    /// The group is closed, and its organization lets closed groups take no new members.
    GroupClosed,
    /// Something else holds on to it; the message says what.
    InUse,
    /// The date makes no sense here, for instance an end before the start.
    InvalidDate,
    /// This is not an e-mail address.
    InvalidEmail,
    /// This is not a telephone number.
    InvalidPhone,
    /// The value is not acceptable; the message says why.
    InvalidValue,
    /// This is not the address of a website.
    InvalidWebsite,
    /// A warning: this gateway has no mail server, so that nobody is written to.
    MailNotConfigured,
    /// It is too late: what is asked for was possible until an earlier moment.
    NoLongerOpen,
    /// There is no school on this day: it is a Saturday or a Sunday.
    NoSchoolDay,
    /// The participant is not a member of the group.
    NotAMember,
    /// The group cannot be joined or left by oneself.
    NotASubscriptionGroup,
    /// The slot is not booked, or not for you and yours, so there is nothing to give back.
    NotBooked,
    /// The organization lets only groups be joined and left that are visible and changeable on the portal.
    NotChangeableOnPortal,
    /// Only members of another group can join this one.
    NotEligible,
    /// There is no such object, or you may not see it.
    NotFound,
    /// The item is not shown to the participant, so that the participant cannot take part.
    NotInvited,
    /// It is too early: what is asked for will be possible from a later moment on.
    NotOpenYet,
    /// The entry was withdrawn already.
    NotSignedUp,
    /// Another object has this value already.
    NotUnique,
    /// A warning: the note beside an end is replaced or removed. The history keeps it.
    NoteReplaced,
    /// The participant left the group and stays out until joining again.
    OptedOut,
    /// The period overlaps another one of the same participant.
    OverlappingPeriod,
    /// A warning: another slot of you or a child of yours is at the same time.
    OverlappingSlot,
    /// Something that the preview rests on has changed since; the message says what. Look at it anew.
    PreviewStale,
    /// A reason must be given.
    ReasonRequired,
    /// The reason is retired and cannot be used for new changes.
    ReasonRetired,
    /// A value must be given.
    Required,
    /// The slot is booked.
    SlotBooked,
    /// The slot has begun or is over.
    SlotPast,
    /// Something was built on it since and stands in the way; the message says what.
    StandsInTheWay,
    /// A warning: anybody may join this subscription group, and nothing feeds it.
    SubscriptionGroupUnrestricted,
    /// The day is more than two weeks ago. Guardians are refused; whoever works for the organization is warned.
    TooLongAgo,
    /// There are more of them than are accepted at once.
    TooMany,
    /// The transition of this school year, or of a later one, was applied already.
    TransitionAlreadyApplied,
    /// This can be done after a transition that was applied only.
    TransitionNotApplied,
    /// The effective date of the transition is still to come.
    TransitionNotDue,
    /// Another transition comes first: an earlier one that is planned, or a later one that was applied.
    TransitionOutOfOrder,
    /// The plan was replaced by a newer one, or the transition was undone.
    TransitionOver,
    /// It is too late to undo it.
    UndoWindowClosed,
    /// Nothing is said of where the members of a year group go.
    UnmappedYearGroup,
    /// The participant is of another kind than needed here.
    WrongKind,
}
