//! The schema's history, embedded in the program.

use diesel::backend::Backend;
use diesel::migration::MigrationSource;
use diesel::pg::Pg;
use diesel::sql_types::Text;
use diesel::sqlite::Sqlite;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::{Conn, Dialect, Sql};
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

/// Whether every migration was applied. It only reads, unlike Diesel's own check, which makes its table first.
pub(super) fn is_current(conn: &mut Conn) -> Result<bool, Error> {
    let known = match conn.dialect() {
        Dialect::Sqlite => versions::<Sqlite>(&SQLITE),
        Dialect::Postgres => versions::<Pg>(&POSTGRES),
    }?;
    let applied = Sql::new("SELECT version FROM __diesel_schema_migrations").load::<Text, String>(conn);
    match applied.map_err(Error::from) {
        Ok(applied) => Ok(known.iter().all(|version| applied.contains(version))),
        // A database without that table has no schema yet.
        Err(Error::Internal(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

fn versions<D: Backend>(source: &impl MigrationSource<D>) -> Result<Vec<String>, Error> {
    let migrations = source.migrations().map_err(|error| Error::internal(format!("migrations unreadable: {error}")))?;
    Ok(migrations.iter().map(|migration| migration.name().version().to_string()).collect())
}
