//! What is wrong with a bundle, and exactly where.

use std::collections::BinaryHeap;
use std::fmt;

use super::vocabulary::{Vocabulary, vocabulary};

/// How many errors are kept; the rest are only counted.
const KEPT: usize = 100;

/// A place in a bundle.
///
/// Lines and columns count from 1, and columns count characters (Unicode scalar values, not
/// bytes), as an editor shows them. A field's column is that of its first character in the line,
/// which for a quoted field is the opening quote; a byte order mark takes up no column. Line 0
/// stands for the file as a whole, and an empty file name for the folder.
///
/// Places sort by file name, then line, then column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct At {
    /// Name of the file within the bundle, such as `memberships.csv`.
    pub file: &'static str,
    /// Line in the file, from 1.
    pub line: u64,
    /// Column in the line, from 1, counted in characters.
    pub column: u64,
}

impl At {
    /// The bundle as a whole.
    pub const FOLDER: Self = Self::file("");

    /// A file as a whole.
    #[must_use]
    pub const fn file(file: &'static str) -> Self {
        Self { file, line: 0, column: 0 }
    }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.file, self.line) {
            ("", _) => f.write_str("bundle"),
            (file, 0) => f.write_str(file),
            (file, line) => write!(f, "{file}:{line}:{}", self.column),
        }
    }
}

vocabulary! {
    /// The kind of an error: a closed set of stable codes for programs to act on.
    pub enum ErrorCode {
        /// The folder cannot be listed.
        FolderUnreadable = "FOLDER_UNREADABLE",
        /// The folder holds none of the files of a bundle.
        NoKnownFile = "NO_KNOWN_FILE",
        /// A file cannot be opened or read.
        FileUnreadable = "FILE_UNREADABLE",
        /// A file has more bytes than allowed.
        FileTooLarge = "FILE_TOO_LARGE",
        /// A file has more rows than allowed.
        TooManyRows = "TOO_MANY_ROWS",
        /// A row has more bytes than allowed.
        RowTooLarge = "ROW_TOO_LARGE",
        /// A byte sequence is not UTF-8.
        NotUtf8 = "NOT_UTF8",
        /// A quoted field is still open at the end of the file.
        UnterminatedQuote = "UNTERMINATED_QUOTE",
        /// A quote stands inside an unquoted field, or text follows a closing quote.
        StrayQuote = "STRAY_QUOTE",
        /// A row has more or fewer fields than the header.
        WrongFieldCount = "WRONG_FIELD_COUNT",
        /// A file has no header row.
        MissingHeader = "MISSING_HEADER",
        /// The header is separated by something other than commas.
        WrongDelimiter = "WRONG_DELIMITER",
        /// The header lacks a column that the file must have.
        MissingColumn = "MISSING_COLUMN",
        /// The header names a column that the file does not have.
        UnknownColumn = "UNKNOWN_COLUMN",
        /// The header names a column twice.
        DuplicateColumn = "DUPLICATE_COLUMN",
        /// A field or an element that must have a value is empty, or not there.
        MissingValue = "MISSING_VALUE",
        /// A field holds a control character or a byte order mark.
        ControlCharacter = "CONTROL_CHARACTER",
        /// A value has more characters than allowed.
        TooLong = "TOO_LONG",
        /// A value is none of the words allowed in its field.
        UnknownValue = "UNKNOWN_VALUE",
        /// A value is not a date written yyyy-mm-dd.
        InvalidDate = "INVALID_DATE",
        /// A value is not a reason code.
        InvalidReason = "INVALID_REASON",
        /// A value is not an e-mail address.
        InvalidEmail = "INVALID_EMAIL",
        /// A value is not a telephone number.
        InvalidPhone = "INVALID_PHONE",
        /// A field has a value that the participant's kind does not have.
        FieldNotAllowed = "FIELD_NOT_ALLOWED",
        /// A period ends before it starts.
        EndBeforeStart = "END_BEFORE_START",
        /// A membership has a reason to end and no end date.
        EndDateMissing = "END_DATE_MISSING",
        /// A contribution group has automatic participation or is a subscription group.
        ContributionConflict = "CONTRIBUTION_CONFLICT",
        /// A group that is no subscription group restricts joining and leaving.
        RestrictionWithoutSubscription = "RESTRICTION_WITHOUT_SUBSCRIPTION",
        /// An external id occurs twice in a file.
        DuplicateId = "DUPLICATE_ID",
        /// A row repeats an earlier one.
        DuplicateRow = "DUPLICATE_ROW",
        /// Two periods that must not overlap do.
        OverlappingPeriods = "OVERLAPPING_PERIODS",
        /// A reference leads to a participant of a kind that does not fit.
        WrongKind = "WRONG_KIND",
        /// A row links a participant or group to itself.
        SelfReference = "SELF_REFERENCE",
        /// Composite groups contain each other in a circle.
        ComponentCycle = "COMPONENT_CYCLE",
        /// Groups feed each other in a circle.
        SourceCycle = "SOURCE_CYCLE",
        /// Subscription groups restrict each other in a circle.
        RestrictionCycle = "RESTRICTION_CYCLE",
        /// A reference leads to nothing, neither in the bundle nor among what is stored.
        UnknownReference = "UNKNOWN_REFERENCE",
        /// A participant is stored already, as one of another kind.
        KindChanged = "KIND_CHANGED",
        /// A map says something that no map can say.
        InvalidMap = "INVALID_MAP",
        /// A row would change a record that another organization keeps.
        OtherOrganization = "OTHER_ORGANIZATION",
        /// A row would change what all organizations share and administrators alone maintain.
        AdministratorOnly = "ADMINISTRATOR_ONLY",
        /// A category's name is another category's already.
        NameTaken = "NAME_TAKEN",
        /// A dynamic group would get components, memberships or a source of members.
        DynamicGroup = "DYNAMIC_GROUP",
        /// A closed group would get new members, and its organization keeps to that.
        GroupClosed = "GROUP_CLOSED",
        /// A reason is retired and can no longer be given.
        ReasonRetired = "REASON_RETIRED",
        /// Two people would be each other's guardian.
        MutualGuardians = "MUTUAL_GUARDIANS",
        /// More memberships would end than the fail-safe lets pass.
        TooManyEnded = "TOO_MANY_ENDED",
        /// More memberships that are over would go on than the fail-safe lets pass.
        TooManyReopened = "TOO_MANY_REOPENED",
        /// More links would be taken away than the fail-safe lets pass.
        TooManyRemoved = "TOO_MANY_REMOVED",
        /// More values of a column would be emptied than the fail-safe lets pass.
        TooManyEmptied = "TOO_MANY_EMPTIED",
        /// A file is not well-formed XML.
        MalformedXml = "MALFORMED_XML",
        /// A file has a document type, which could declare what does not stand in it.
        DocumentType = "DOCUMENT_TYPE",
        /// A file uses an entity that XML itself does not know.
        UnknownEntity = "UNKNOWN_ENTITY",
        /// A file is in an encoding that is not read.
        UnsupportedEncoding = "UNSUPPORTED_ENCODING",
        /// Elements stand within each other more deeply than allowed.
        NestedTooDeep = "NESTED_TOO_DEEP",
        /// A file is XML and no roster, or a roster without pupils.
        NotARoster = "NOT_A_ROSTER",
        /// An element stands twice where it may stand once.
        DuplicateElement = "DUPLICATE_ELEMENT",
        /// Two elements of a roster are about the same person.
        SamePerson = "SAME_PERSON",
        /// A roster is older than one that was imported before.
        OlderFile = "OLDER_FILE",
        /// A roster holds for a day that is still to come.
        FutureDate = "FUTURE_DATE",
        /// A roster holds for a day before a year transition that was applied.
        BeforeTransition = "BEFORE_YEAR_TRANSITION",
    }
}

/// One thing that is wrong, where, and in words for the person who has to put it right.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct BundleError {
    /// Where it is.
    pub at: At,
    /// What kind of error it is.
    pub code: ErrorCode,
    /// What is wrong and what would be right.
    pub message: String,
}

impl fmt::Display for BundleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} [{}]", self.at, self.message, self.code)
    }
}

vocabulary! {
    /// The kind of a warning.
    pub enum WarningCode {
        /// A CSV file is none of those of a bundle and was not read.
        UnknownFile = "UNKNOWN_FILE",
        /// Columns of an export are not read by the map.
        UnknownColumn = "UNKNOWN_COLUMN",
        /// Elements or attributes that no roster has were passed over.
        UnknownElement = "UNKNOWN_ELEMENT",
        /// A roster says something that is possible and seldom meant.
        Unusual = "UNUSUAL",
    }
}

/// Something that does not stop an import and may still not be what the sender meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// What kind of warning it is.
    pub code: WarningCode,
    /// The file that it is about, or the place in it.
    pub file: String,
    /// What may be wrong.
    pub message: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} [{}]", self.file, self.message, self.code)
    }
}

/// Why a bundle was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleErrors {
    /// What was refused: the bundle, or a file.
    pub what: &'static str,
    /// The first hundred errors by file name, line and column.
    pub errors: Vec<BundleError>,
    /// How many errors there are in all.
    pub total: u64,
    /// The warnings, since a refused bundle's cause may be among them.
    pub warnings: Vec<Warning>,
}

impl fmt::Display for BundleErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for warning in &self.warnings {
            writeln!(f, "warning: {warning}")?;
        }
        for error in &self.errors {
            writeln!(f, "{error}")?;
        }
        match self.total {
            1 => write!(f, "1 error in the {}", self.what)?,
            total => write!(f, "{total} errors in the {}", self.what)?,
        }
        if self.total > self.errors.len() as u64 {
            write!(f, ", the first {} shown", self.errors.len())?;
        }
        Ok(())
    }
}

impl std::error::Error for BundleErrors {}

/// Proof that an error has been reported, so that a value can be given up without a second one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::exchange) struct Reported;

/// A value read, or the knowledge that it was refused and why has been reported.
pub(super) type Checked<T> = Result<T, Reported>;

/// Collects errors in bounded memory: the first hundred by place, and the number of all.
///
/// Files are read in an order of their own and rules across rows are checked last, so the first
/// errors found are not the first by place; a heap lets a later find push out the last one kept.
#[derive(Debug, Default)]
pub(in crate::exchange) struct Log {
    kept: BinaryHeap<BundleError>,
    total: u64,
}

impl Log {
    pub(in crate::exchange) fn report(&mut self, at: At, code: ErrorCode, message: impl Into<String>) -> Reported {
        self.total += 1;
        self.kept.push(BundleError { at, code, message: message.into() });
        if self.kept.len() > KEPT {
            self.kept.pop();
        }
        Reported
    }

    pub(in crate::exchange) fn is_empty(&self) -> bool {
        self.total == 0
    }

    pub(in crate::exchange) fn total(&self) -> u64 {
        self.total
    }

    pub(in crate::exchange) fn into_errors(self, warnings: Vec<Warning>) -> BundleErrors {
        BundleErrors { what: "bundle", errors: self.kept.into_sorted_vec(), total: self.total, warnings }
    }
}
