//! Every difference between the databases that the rest of the gateway has to know about.

use diesel::result::{DatabaseErrorKind, Error as DieselError};

/// Which database is behind a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// The embedded database.
    Sqlite,
    /// PostgreSQL.
    Postgres,
}

impl Dialect {
    /// SQLite takes the write lock at once: a deferred transaction that reads first fails when it comes to write.
    pub(super) fn begin_write(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN IMMEDIATE",
            Self::Postgres => "BEGIN",
        }
    }

    pub(super) fn begin_read(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN",
            Self::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        }
    }

    /// Appended to a `SELECT` whose rows are about to be changed. SQLite's one writer holds them anyway.
    pub fn for_update(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " FOR UPDATE",
        }
    }

    /// Appended to a `SELECT` of a row that stands for work of which there is one at a time: nobody else takes it until
    /// the transaction ends, and others may point to it all the same.
    pub fn for_turn(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " FOR NO KEY UPDATE",
        }
    }

    /// Appended to a `SELECT` whose rows are about to be pointed to: none of them goes away before that is done.
    pub fn for_reference(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " FOR KEY SHARE",
        }
    }
}

/// A constraint of the schema that a write ran into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Violation {
    /// Two periods of one participant in one group, or at one address, overlap (M2).
    Overlap,
    /// A value that must be unique is taken.
    Unique(String),
    /// A row points to a row that is not there, or is pointed to.
    Reference,
    /// A value is outside what the column accepts.
    Check(String),
}

/// The constraint behind an error, if there is one. SQLite names columns where PostgreSQL names constraints.
pub fn violation(error: &DieselError) -> Option<Violation> {
    let DieselError::DatabaseError(kind, info) = error else { return None };
    let message = info.message();
    if message.contains("_no_overlap") || info.constraint_name().is_some_and(|name| name.ends_with("_no_overlap")) {
        return Some(Violation::Overlap);
    }
    match kind {
        DatabaseErrorKind::UniqueViolation => {
            Some(Violation::Unique(info.constraint_name().unwrap_or(message).to_owned()))
        }
        DatabaseErrorKind::ForeignKeyViolation => Some(Violation::Reference),
        DatabaseErrorKind::CheckViolation | DatabaseErrorKind::NotNullViolation => {
            Some(Violation::Check(info.constraint_name().unwrap_or(message).to_owned()))
        }
        _ => None,
    }
}
