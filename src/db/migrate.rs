//! The schema's history, embedded in the program.

use diesel::migration::MigrationSource;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::{Conn, Dialect};
use crate::error::Error;

const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// Any number will do as long as every process uses the same: PostgreSQL's advisory lock has no names.
const LOCK: i64 = 0x004b_7269_6e67;

pub(super) fn run(conn: &mut Conn) -> Result<Vec<String>, Error> {
    // The write lock is taken before looking at what is pending, so that of several processes that start at once
    // one applies and the others find nothing left to do.
    match conn.dialect() {
        Dialect::Sqlite => conn.batch("PRAGMA busy_timeout = 60000")?,
        Dialect::Postgres => {
            conn.batch(&format!("SET statement_timeout = 0; SELECT pg_advisory_lock({LOCK})"))?;
        }
    }
    let applied = apply(conn);
    match conn.dialect() {
        Dialect::Sqlite => conn.batch("PRAGMA busy_timeout = 5000")?,
        Dialect::Postgres => {
            conn.batch(&format!("RESET statement_timeout; SELECT pg_advisory_unlock({LOCK})"))?;
        }
    }
    applied
}

fn apply(conn: &mut Conn) -> Result<Vec<String>, Error> {
    match conn {
        Conn::Sqlite(conn) => conn.immediate_transaction(|conn| pending(conn.run_pending_migrations(SQLITE))),
        Conn::Postgres(conn) => pending(conn.run_pending_migrations(POSTGRES)),
    }
}

fn pending(
    outcome: diesel::migration::Result<Vec<diesel::migration::MigrationVersion<'_>>>,
) -> Result<Vec<String>, Error> {
    let versions = outcome.map_err(|error| Error::internal(format!("migration failed: {error}")))?;
    Ok(versions.iter().map(ToString::to_string).collect())
}

pub(super) fn is_current(conn: &mut Conn) -> Result<bool, Error> {
    let pending = match conn {
        Conn::Sqlite(conn) => has_pending(conn, SQLITE),
        Conn::Postgres(conn) => has_pending(conn, POSTGRES),
    };
    pending.map(|pending| !pending)
}

fn has_pending<C, D>(conn: &mut C, source: impl MigrationSource<D>) -> Result<bool, Error>
where
    C: MigrationHarness<D>,
    D: diesel::backend::Backend,
{
    conn.has_pending_migration(source).map_err(|error| Error::internal(format!("migrations unreadable: {error}")))
}
