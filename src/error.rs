//! What can go wrong, and what of it the client is told.

use std::fmt;

use crate::log::plain;

/// Codes of refusals, stable for clients. Each says which rule of the domain stood in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Code {
    AlreadyAnswered,
    AlreadyBooked,
    AlreadyMember,
    AlreadyRefused,
    AlreadyRegistered,
    AlreadyReported,
    AlreadyRequested,
    AlreadySignedUp,
    AlreadyWithdrawn,
    ClientMutationIdReused,
    Conflict,
    ContributionGroupConflict,
    CycleDetected,
    DerivedMembership,
    DynamicGroup,
    EmptyCondition,
    EndedEarlier,
    FewerPlaces,
    Forbidden,
    GroupClosed,
    InUse,
    InvalidDate,
    InvalidEmail,
    InvalidPhone,
    InvalidValue,
    InvalidWebsite,
    MailNotConfigured,
    NoLongerOpen,
    NoSchoolDay,
    NotAMember,
    NotASubscriptionGroup,
    NotBooked,
    NotChangeableOnPortal,
    NotEligible,
    NotFound,
    NotInvited,
    NotOpenYet,
    NotSignedUp,
    NotUnique,
    NoteReplaced,
    OptedOut,
    OverlappingPeriod,
    OverlappingSlot,
    PreviewStale,
    ReasonRequired,
    ReasonRetired,
    Required,
    SlotBooked,
    SlotPast,
    StandsInTheWay,
    SubscriptionGroupUnrestricted,
    TooLongAgo,
    TooMany,
    TransitionAlreadyApplied,
    TransitionNotApplied,
    TransitionNotDue,
    TransitionOutOfOrder,
    TransitionOver,
    UndoWindowClosed,
    UnmappedYearGroup,
    WrongKind,
}

/// One reason why a command was refused.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Rejection {
    /// Which rule stood in the way.
    pub code: Code,
    /// A sentence for the person at the screen.
    pub message: String,
    /// The input field concerned, outermost first; empty when it is the command as a whole.
    pub field: Vec<String>,
}

impl Rejection {
    /// A refusal of the command as a whole.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), field: Vec::new() }
    }

    /// Names the input field that caused it, as a dotted path.
    #[must_use]
    pub fn at(mut self, field: &str) -> Self {
        self.field = field.split('.').map(ToOwned::to_owned).collect();
        self
    }
}

/// Everything that ends a request early.
#[derive(Debug)]
pub enum Error {
    /// The command is refused; nothing was changed.
    Rejected(Vec<Rejection>),
    /// The request cannot be understood, for instance a malformed cursor.
    BadInput(String),
    /// The answer would take more time or memory than one request may.
    TooComplex(String),
    /// The viewer must sign in first.
    Unauthenticated(String),
    /// The token was good until a while ago: the viewer must fetch a new one.
    Expired,
    /// The token was good until it was withdrawn: the viewer must fetch a new one, if that is still given.
    Withdrawn,
    /// The viewer is known and may not do this.
    Forbidden(String),
    /// The database cannot be reached, or no connection came free in time.
    Unavailable,
    /// The disk of the database, or of the store of files, is full.
    Full,
    /// The statement or the request ran out of time.
    Timeout,
    /// A change takes longer than a request waits for it; it goes on, and may yet be kept.
    Unfinished,
    /// The settings make no sense; only ever seen on the command line.
    Configuration(String),
    /// A fault of the gateway; the text is logged and never sent. [`Error::internal`] makes it fit for the log.
    Internal(String),
}

impl Error {
    /// A fault of the gateway.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::Internal(plain(&message.into()))
    }

    /// What the log may hold of it: of refusals, whose messages may name people, the codes.
    pub fn logged(&self) -> String {
        match self {
            Self::Rejected(rejections) => format!("{:?}", rejections.iter().map(|one| one.code).collect::<Vec<_>>()),
            Self::BadInput(_) => "a bad input".to_owned(),
            other => plain(&other.to_string()),
        }
    }

    /// A refusal for one reason.
    pub fn rejected(code: Code, message: impl Into<String>) -> Self {
        Self::Rejected(vec![Rejection::new(code, message)])
    }
}

impl From<Rejection> for Error {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(vec![rejection])
    }
}

impl From<diesel::result::Error> for Error {
    fn from(error: diesel::result::Error) -> Self {
        use diesel::result::{DatabaseErrorKind, Error as DieselError};
        if let DieselError::DatabaseError(kind, info) = &error {
            let message = info.message();
            let cause = plain(message);
            if matches!(kind, DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand)
                || OUT_OF_REACH.iter().any(|sign| message.contains(sign))
            {
                tracing::warn!(cause, "the database did not answer");
                return Self::Unavailable;
            }
            if is_full(message, info.hint()) {
                tracing::error!(cause, "the database has no room left");
                return Self::Full;
            }
            if matches!(kind, DatabaseErrorKind::ForeignKeyViolation) {
                // Whatever named it, it was there when it was looked up.
                tracing::warn!(cause, "something was removed while it was named");
                return Self::rejected(
                    Code::Conflict,
                    "Something that this refers to was removed at the same moment. Please try again.",
                );
            }
            if message.contains("deadlock detected") || message.contains("could not serialize") {
                return Self::rejected(
                    Code::Conflict,
                    "Somebody else changed the same thing at the same moment. Please try again.",
                );
            }
            // PostgreSQL takes no text with a NUL, as a value or in JSON. What clients send is looked at before.
            if message.contains("byte sequence for encoding") || message.contains("unsupported Unicode escape") {
                tracing::warn!(cause, "a text with a NUL came as far as the database");
                return Self::BadInput("A text holds a NUL character, which no text may hold.".to_owned());
            }
            if message.contains("statement timeout") || message.contains("lock timeout") {
                return Self::Timeout;
            }
        }
        if matches!(error, DieselError::BrokenTransactionManager) {
            return Self::Unavailable;
        }
        Self::internal(error.to_string())
    }
}

/// What databases say when they are out of reach: PostgreSQL at first, SQLite in the last three.
const OUT_OF_REACH: [&str; 7] = [
    "connection",
    "server closed",
    "terminating",
    "shutting down",
    "database is locked",
    "disk I/O error",
    "unable to open database file",
];

/// Whether a database says that its disk is full: SQLite in the first way, PostgreSQL in the others.
fn is_full(message: &str, hint: Option<&str>) -> bool {
    let signs = ["database or disk is full", "No space left on device", "Disk quota exceeded"];
    signs.iter().any(|sign| message.contains(sign)) || hint.is_some_and(|hint| hint.contains("Check free disk space"))
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rejected(rejections) => {
                let texts: Vec<&str> = rejections.iter().map(|rejection| rejection.message.as_str()).collect();
                f.write_str(&texts.join(" "))
            }
            Self::BadInput(message)
            | Self::TooComplex(message)
            | Self::Unauthenticated(message)
            | Self::Forbidden(message)
            | Self::Configuration(message)
            | Self::Internal(message) => f.write_str(message),
            Self::Withdrawn => f.write_str("The token was withdrawn."),
            Self::Expired => f.write_str("The token has expired."),
            Self::Unavailable => f.write_str("The database cannot be reached at the moment. Please try again."),
            Self::Full => f.write_str("There is no room left to keep anything at the moment. Please try again later."),
            Self::Timeout => f.write_str("The request took too long and was stopped."),
            Self::Unfinished => f.write_str(
                "This change takes longer than a request waits. It goes on and may still be kept: look again later, or \
                 if it had a clientMutationId, repeat it then with the same one to learn how it ended.",
            ),
        }
    }
}

impl std::error::Error for Error {}
