//! Who may read and do what: the one table.
//!
//! Which *objects* somebody sees is decided by [`super::sight`]; this table decides which *fields* of them, and which
//! operations. A field or an operation that is not in it is nobody's.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::Viewer;
use crate::error::Error;

/// Who may use a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    /// Everybody, signed in or not.
    Anyone,
    /// Whoever is signed in, within what they see.
    SignedIn,
    /// Administrators and membership administrators, within what they administer.
    Administration,
    /// Administrators only.
    Administrator,
    /// Whoever sees the object.
    Seen,
    /// The one concerned and guardians, and the administrators of the object; null for everybody else.
    Personal,
    /// Whoever may write or telephone to the one concerned; null for everybody else.
    Contact,
    /// Whoever may know where the one concerned lives; null for everybody else.
    Home,
}

use Rule::{Administration, Administrator, Anyone, Contact, Home, Personal, Seen, SignedIn};

/// Type, rule, fields.
pub const TABLE: &[(&str, Rule, &str)] = &[
    ("Query", Anyone, "version viewer content contents node nodes"),
    (
        "Query",
        SignedIn,
        "group groups groupCategories participant participants membership memberships \
                         startReasons endReasons",
    ),
    ("Query", Administration, "outbox yearTransition yearTransitions"),
    (
        "Mutation",
        SignedIn,
        "subscribe unsubscribe agreeToGuardian withdrawTokens createContent updateContent publishContent withdrawContent updateContentFile deleteContentFile",
    ),
    (
        "Mutation",
        SignedIn,
        "addConversationSlots removeConversationSlot bookConversationSlot cancelConversationBooking signUp withdrawSignUp",
    ),
    ("Mutation", SignedIn, "answerSurvey createTopic createReply updatePost removePost closeTopic reopenTopic"),
    (
        "Mutation",
        SignedIn,
        "reportAbsence withdrawAbsenceReport requestLeave withdrawLeaveRequest decideLeaveRequest registerLunchStay cancelLunchStay",
    ),
    (
        "Mutation",
        Administration,
        "retryOutboxMessage createGroup updateGroup closeGroup reopenGroup deleteGroup setGroupComponents \
                                  addMemberships updateMembership endMembership annulMembership \
                                  createParticipant updateParticipant registerResidency endResidency \
                                  addGuardian confirmGuardian removeGuardian",
    ),
    (
        "Mutation",
        Administration,
        "planYearTransition withdrawYearTransition applyYearTransition undoYearTransition relinkContent moveMembers",
    ),
    (
        "Mutation",
        Administrator,
        "createGroupCategory updateGroupCategory deleteGroupCategory createStartReason \
                                 updateStartReason deleteStartReason createEndReason updateEndReason deleteEndReason",
    ),
    ("Subscription", SignedIn, "membershipChanged viewerMembershipChanged contentChanged"),
    ("MembershipChange", Seen, "change membership"),
    ("ContentChange", Seen, "change contentId content"),
    (
        "Group",
        Seen,
        "id externalId name description kind composition components partOf category organization \
                     responsible startDate completedOn closed visibleOnPortal visibleWithContact changeableOnPortal \
                     neighbourhoodRole subscriptionGroup restrictedTo sourceGroup viaHomeAddress analyticsGroup \
                     contributionGroup mailGroup memberDirectory yearGroup memberCount effectiveMemberCount \
                     memberships effectiveMembers content isMember absenceReports leaveRequests lunchStays createdAt updatedAt",
    ),
    ("Group", Personal, "memberFilter emailOnNewMember newMemberTemplate ineligibleMemberships history"),
    ("Participant", Seen, "id kind displayName sortName memberships effectiveGroups createdAt updatedAt"),
    ("Participant", Personal, "externalId organization history"),
    ("Participant", Contact, "email phone"),
    ("Person", Seen, "givenName namePrefix familyName guardianships"),
    ("Person", Personal, "birthDate gender shielded guardians children"),
    ("Person", Home, "postalAddress residencies"),
    ("Guardianship", Seen, "guardian guardianName organization recorded counts endsOn agreed changedAt changedByName"),
    ("Organization", Seen, "name enforcePortalSettings"),
    ("Organization", Home, "postalAddress residencies"),
    ("PostalAddress", Seen, "street houseNumber postalCode city country"),
    ("Address", Personal, "street houseNumber postalCode city complexNumber dwellingType residents"),
    (
        "Membership",
        Seen,
        "id group participant startDate startReason endDate endReason role origin status \
                          createdAt updatedAt",
    ),
    ("Membership", Personal, "endNote annulledAt history"),
    ("GroupComponent", Seen, "mode group"),
    ("GroupPart", Seen, "mode group"),
    ("GroupCategory", Seen, "id externalId name"),
    ("StartReason", Seen, "id code label system retired"),
    ("EndReason", Seen, "id code label system retired"),
    ("Residency", Seen, "id participant address startDate endDate"),
    ("HistoryEntry", Seen, "id at actor action changes"),
    ("FieldChange", Seen, "field before after"),
    ("Actor", Seen, "displayName participant"),
    ("MembershipPath", Seen, "groups"),
    (
        "MemberFilter",
        Seen,
        "kinds search complexNumber dwellingType city postalCode bornFrom bornUntil currentGroup \
                            organization externalIds everybody unreadable",
    ),
    ("Viewer", Seen, "id participant memberships subscriptions feed administrator administers staffOf today"),
    ("GroupSubscription", Seen, "group membership canSubscribe subscribeErrors canUnsubscribe unsubscribeErrors"),
    ("GroupSubscriptionConnection", Seen, "totalCount pageInfo edges"),
    ("GroupSubscriptionEdge", Seen, "cursor node"),
    (
        "Content",
        Seen,
        "id kind title state publishedAt withdrawnAt organization creatorName creator canEdit createdAt updatedAt",
    ),
    ("Content", Personal, "availability links history"),
    ("NewsItem", Seen, "summary body attachments"),
    ("PhotoAlbum", Seen, "description photos"),
    ("Book", Seen, "author isbn publisher publishedYear description attachments"),
    ("CalendarItem", Seen, "startsAt endsAt allDay location description iCalendar iCalendarUrl attachments"),
    ("ConversationRound", Seen, "description bookingOpensAt bookingClosesAt slots freeSlotCount viewerSlots"),
    (
        "ConversationSlot",
        Seen,
        "id startsAt endsAt location available mine bookedFor bookedForName bookedByName bookedAt",
    ),
    ("ConversationSlotConnection", Seen, "totalCount pageInfo edges"),
    ("ConversationSlotEdge", Seen, "cursor node"),
    ("ConversationSlotPayload", Seen, "slot content warnings clientMutationId userErrors"),
    ("AddConversationSlotsPayload", Seen, "slots content clientMutationId userErrors"),
    ("RemoveConversationSlotPayload", Seen, "deletedId content clientMutationId userErrors"),
    ("SignUpForm", Seen, "description places opensAt closesAt entryCount waitingCount placesLeft viewerEntries"),
    ("SignUpForm", Personal, "entries"),
    ("SignUpEntry", Seen, "id participant participantName note status position createdAt enteredByName withdrawnAt"),
    ("SignUpEntryConnection", Seen, "totalCount pageInfo edges"),
    ("SignUpEntryEdge", Seen, "cursor node"),
    ("SignUpPayload", Seen, "entry content clientMutationId userErrors"),
    ("AbsenceReport", Seen, "id date reason schoolYear group participant participantName madeByName createdAt"),
    ("AbsenceReportConnection", Seen, "totalCount pageInfo edges"),
    ("AbsenceReportEdge", Seen, "cursor node"),
    ("AbsenceReportPayload", Seen, "absenceReport deletedId warnings clientMutationId userErrors"),
    (
        "LeaveRequest",
        Seen,
        "id from until reason status decisionNote decidedByName decidedAt schoolYear group participant participantName \
         madeByName createdAt",
    ),
    ("LeaveRequestConnection", Seen, "totalCount pageInfo edges"),
    ("LeaveRequestEdge", Seen, "cursor node"),
    ("LeaveRequestPayload", Seen, "leaveRequest warnings clientMutationId userErrors"),
    ("LunchStay", Seen, "id date schoolYear group participant participantName madeByName createdAt"),
    ("LunchStayConnection", Seen, "totalCount pageInfo edges"),
    ("LunchStayEdge", Seen, "cursor node"),
    ("LunchStayPayload", Seen, "lunchStay deletedId warnings clientMutationId userErrors"),
    ("Dossier", Seen, "description documents"),
    ("Activity", Seen, "startsAt endsAt location organizer description iCalendar iCalendarUrl attachments"),
    ("Newsletter", Seen, "summary body attachments"),
    ("Newsletter", Personal, "recipientCount recipientAddressCount recipients"),
    ("NewsletterRecipient", Seen, "name hasEmail participant"),
    ("NewsletterRecipientConnection", Seen, "totalCount pageInfo edges"),
    ("NewsletterRecipientEdge", Seen, "cursor node"),
    ("Survey", Seen, "description anonymous closesAt questions responseCount viewerResponses"),
    ("Survey", Personal, "results responses texts"),
    ("SurveyResponse", Seen, "id participant participantName answeredByName createdAt answers"),
    ("SurveyAnswer", Seen, "question choices text"),
    ("SurveyResponseConnection", Seen, "totalCount pageInfo edges"),
    ("SurveyResponseEdge", Seen, "cursor node"),
    ("SurveyResponsePayload", Seen, "response content clientMutationId userErrors"),
    ("SurveyText", Seen, "text"),
    ("SurveyTextConnection", Seen, "totalCount pageInfo edges"),
    ("SurveyTextEdge", Seen, "cursor node"),
    ("SurveyQuestionResult", Seen, "question text kind choices textCount average"),
    ("SurveyChoiceCount", Seen, "label count"),
    ("SurveyQuestion", Seen, "text kind options required"),
    ("Page", Seen, "slug body attachments"),
    ("Download", Seen, "description files"),
    ("Discussion", Seen, "description closed topicCount topics"),
    (
        "DiscussionTopic",
        Seen,
        "id title body authorName author createdAt editedAt removed closed lastPostAt replyCount replies canEdit canRemove canClose",
    ),
    ("DiscussionTopicConnection", Seen, "totalCount pageInfo edges"),
    ("DiscussionTopicEdge", Seen, "cursor node"),
    ("DiscussionReply", Seen, "id body authorName author createdAt editedAt removed canEdit canRemove"),
    ("DiscussionReplyConnection", Seen, "totalCount pageInfo edges"),
    ("DiscussionReplyEdge", Seen, "cursor node"),
    ("DiscussionPayload", Seen, "topic reply content clientMutationId userErrors"),
    ("ContentFile", Seen, "id name mediaType size caption width height url previewUrl createdAt"),
    ("ContentFilePayload", Seen, "file deletedId clientMutationId userErrors"),
    ("Availability", Seen, "everyone organization staff groups participants"),
    ("ContentLink", Seen, "id audience group participant linkedAt linkedBy unlinkedAt unlinkedBy unlinkReason"),
    ("ContentLinkConnection", Seen, "totalCount pageInfo edges"),
    ("ContentLinkEdge", Seen, "cursor node"),
    ("ContentConnection", Seen, "totalCount pageInfo edges"),
    ("ContentEdge", Seen, "cursor node"),
    ("ContentPath", Seen, "audience participant groups"),
    ("ContentPayload", Seen, "content warnings clientMutationId userErrors"),
    ("FeedConnection", Seen, "totalCount pageInfo edges"),
    ("FeedEdge", Seen, "cursor via node"),
    ("GroupContentConnection", Seen, "totalCount pageInfo edges"),
    ("GroupContentEdge", Seen, "cursor linkedAt node"),
    (
        "YearTransition",
        Seen,
        "id organization status fromSchoolYear toSchoolYear effectiveOn createdAt createdByName appliedAt appliedByName \
         undoableUntil undoneAt undoneByName exceptions preview unlinkedContent",
    ),
    ("YearTransitionConnection", Seen, "totalCount pageInfo edges"),
    ("YearTransitionEdge", Seen, "cursor node"),
    ("YearTransitionExceptionConnection", Seen, "totalCount pageInfo edges"),
    ("YearTransitionExceptionEdge", Seen, "cursor node"),
    ("YearTransitionException", Seen, "participant group outcome toGroup"),
    ("YearTransitionPreview", Seen, "token groups warnings"),
    ("YearTransitionGroup", Seen, "group toGroup moving staying leaving linksToBreak recordsToErase members"),
    ("YearTransitionLinkCount", Seen, "kind count"),
    ("YearTransitionRecordCount", Seen, "kind count"),
    ("YearTransitionWarning", Seen, "code message group"),
    ("YearTransitionMember", Seen, "participant outcome toGroup"),
    ("YearTransitionMemberConnection", Seen, "totalCount pageInfo edges"),
    ("YearTransitionMemberEdge", Seen, "cursor node"),
    ("UnlinkedContentConnection", Seen, "totalCount pageInfo edges"),
    ("UnlinkedContentEdge", Seen, "cursor group unlinkedAt relinkedTo node"),
    ("YearTransitionPayload", Seen, "yearTransition clientMutationId userErrors"),
    ("RelinkContentPayload", Seen, "relinked yearTransition clientMutationId userErrors"),
    (
        "UndoYearTransitionPayload",
        Seen,
        "yearTransition membershipsRestored membershipsAnnulled linksRestored linksLeft itemsLeft clientMutationId userErrors",
    ),
    (
        "MoveMembersPayload",
        Seen,
        "fromGroup toGroup moved alreadyMember optedOut memberships linked contentLeftBehind warnings dryRun clientMutationId userErrors",
    ),
    ("PageInfo", Seen, "hasNextPage hasPreviousPage startCursor endCursor"),
    ("GroupConnection", Seen, "totalCount pageInfo edges"),
    ("GroupEdge", Seen, "cursor node"),
    ("GroupCategoryConnection", Seen, "totalCount pageInfo edges"),
    ("GroupCategoryEdge", Seen, "cursor node"),
    ("ParticipantConnection", Seen, "totalCount pageInfo edges"),
    ("ParticipantEdge", Seen, "cursor node"),
    ("MembershipConnection", Seen, "totalCount pageInfo edges"),
    ("MembershipEdge", Seen, "cursor node"),
    ("EffectiveMemberConnection", Seen, "totalCount pageInfo edges"),
    ("EffectiveMemberEdge", Seen, "cursor implicit via node"),
    ("EffectiveGroupConnection", Seen, "totalCount pageInfo edges"),
    ("EffectiveGroupEdge", Seen, "cursor implicit via node"),
    ("HistoryConnection", Seen, "totalCount pageInfo edges"),
    ("HistoryEdge", Seen, "cursor node"),
    ("OutboxMessage", Seen, "id membership state attempts lastError notBefore nextAttemptAt createdAt settledAt"),
    ("OutboxMessageConnection", Seen, "totalCount pageInfo edges"),
    ("OutboxMessageEdge", Seen, "cursor node"),
    ("OutboxMessagePayload", Seen, "message clientMutationId userErrors"),
    ("UserError", Seen, "code message field"),
    ("RefusedMember", Seen, "id participant code message"),
    (
        "AddMembershipsPayload",
        Seen,
        "added alreadyMember optedOut refused memberships dryRun clientMutationId userErrors",
    ),
    ("GroupPayload", Seen, "group warnings membershipsStarted membershipsEnded dryRun clientMutationId userErrors"),
    ("Warning", Seen, "code message"),
    ("DeleteGroupPayload", Seen, "deletedId closed heldBy group clientMutationId userErrors"),
    ("GroupHolder", Seen, "kind count"),
    ("MembershipPayload", Seen, "membership warnings clientMutationId userErrors"),
    ("WithdrawTokensPayload", Seen, "issuedUntil participant clientMutationId userErrors"),
    ("ParticipantPayload", Seen, "participant clientMutationId userErrors"),
    ("ResidencyPayload", Seen, "residency clientMutationId userErrors"),
    ("GuardianPayload", Seen, "child guardian clientMutationId userErrors"),
    ("GroupCategoryPayload", Seen, "groupCategory deletedId clientMutationId userErrors"),
    ("StartReasonPayload", Seen, "startReason deletedId clientMutationId userErrors"),
    ("EndReasonPayload", Seen, "endReason deletedId clientMutationId userErrors"),
];

static RULES: LazyLock<HashMap<(&'static str, &'static str), Rule>> = LazyLock::new(|| {
    TABLE
        .iter()
        .flat_map(|(owner, rule, fields)| fields.split_whitespace().map(move |field| ((*owner, field), *rule)))
        .collect()
});

/// The rule of a field.
pub fn rule(owner: &str, field: &str) -> Option<Rule> {
    RULES.get(&(owner, field)).copied()
}

/// Whether the viewer may use a root field. Of the schema itself everybody may know.
///
/// # Errors
/// `Unauthenticated` for whoever is not signed in, `Forbidden` for others.
pub fn permit(owner: &str, field: &str, viewer: &Viewer) -> Result<(), Error> {
    if field.starts_with("__") || rule(owner, field).is_some_and(|rule| rule.admits(viewer)) {
        return Ok(());
    }
    Err(if viewer.is_signed_in() {
        Error::Forbidden(format!("You may not use `{field}`."))
    } else {
        Error::Unauthenticated(format!("Sign in to use `{field}`: send a token in the Authorization header."))
    })
}

/// Every field in the table.
pub fn fields() -> impl Iterator<Item = (&'static str, &'static str, Rule)> {
    RULES.iter().map(|((owner, field), rule)| (*owner, *field, *rule))
}

impl Rule {
    /// Whether the viewer may start this operation.
    pub fn admits(self, viewer: &Viewer) -> bool {
        match self {
            Self::Anyone => true,
            Self::SignedIn => viewer.is_signed_in(),
            Self::Administration => viewer.is_some_administrator(),
            Self::Administrator => viewer.administrator,
            // Rules of objects, not of operations.
            Self::Seen | Self::Personal | Self::Contact | Self::Home => false,
        }
    }
}
