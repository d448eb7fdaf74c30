//! The schema's history, embedded in the program.

use std::fmt::Display;

use diesel::backend::Backend;
use diesel::connection::SimpleConnection;
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

/// How the schema stands to what the program knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Current,
    /// Migrations are missing.
    Behind,
    /// There are migrations that the program does not know: the last of the database's, and the last of the program's.
    Newer(String, String),
}

/// Brings the schema up to date, on a connection that is used for nothing else afterwards.
pub(super) fn run(conn: &mut Conn) -> Result<Vec<String>, Error> {
    // The write lock is taken before looking at what is pending, so that of several processes that start at once
    // one applies and the others find nothing left to do. They wait for as long as that takes.
    match conn {
        Conn::Sqlite(conn) => {
            conn.batch_execute("PRAGMA busy_timeout = 3600000")?;
            conn.immediate_transaction(|conn| apply(conn, SQLITE))
        }
        Conn::Postgres(conn) => {
            let waiting = "SET statement_timeout = 0; SET lock_timeout = 0";
            conn.batch_execute(&format!("{waiting}; SELECT pg_advisory_lock({LOCK})"))?;
            apply(conn, POSTGRES)
        }
    }
}

fn apply<D: Backend>(conn: &mut impl MigrationHarness<D>, known: EmbeddedMigrations) -> Result<Vec<String>, Error>
where
    EmbeddedMigrations: MigrationSource<D>,
{
    let failed = |error: &dyn Display| Error::internal(format!("migration failed: {error}"));
    let applied = conn.applied_migrations().map_err(|error| failed(&error))?;
    let applied: Vec<String> = applied.iter().map(ToString::to_string).collect();
    if let Standing::Newer(database, program) = compare(&applied, &versions::<D>(&known)?) {
        return Err(Error::Configuration(format!(
            "the schema of the database has version {database}, and this program knows versions up to {program}: \
             it is too old for this database. Start the newer program."
        )));
    }
    let pending = conn.run_pending_migrations(known).map_err(|error| failed(&error))?;
    Ok(pending.iter().map(ToString::to_string).collect())
}

/// How the schema stands. It only reads, unlike Diesel's own check, which makes its table first.
pub(super) fn standing(conn: &mut Conn) -> Result<Standing, Error> {
    let known = match conn.dialect() {
        Dialect::Sqlite => versions::<Sqlite>(&SQLITE),
        Dialect::Postgres => versions::<Pg>(&POSTGRES),
    }?;
    let applied = Sql::new("SELECT version FROM __diesel_schema_migrations").load::<Text, String>(conn);
    match applied.map_err(Error::from) {
        Ok(applied) => Ok(compare(&applied, &known)),
        // A database without that table has no schema yet.
        Err(Error::Internal(_)) => Ok(Standing::Behind),
        Err(error) => Err(error),
    }
}

fn compare(applied: &[String], known: &[String]) -> Standing {
    let last = |versions: &mut dyn Iterator<Item = &String>| versions.max().cloned();
    match last(&mut applied.iter().filter(|version| !known.contains(version))) {
        Some(newer) => Standing::Newer(newer, last(&mut known.iter()).unwrap_or_default()),
        None if known.iter().all(|version| applied.contains(version)) => Standing::Current,
        None => Standing::Behind,
    }
}

fn versions<D: Backend>(source: &impl MigrationSource<D>) -> Result<Vec<String>, Error> {
    let migrations = source.migrations().map_err(|error| Error::internal(format!("migrations unreadable: {error}")))?;
    Ok(migrations.iter().map(|migration| migration.name().version().to_string()).collect())
}
