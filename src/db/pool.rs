//! Connections as r2d2 hands them out.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use diesel::connection::{Connection, InstrumentationEvent};
use diesel::{PgConnection, SqliteConnection};

use super::address::Address;
use super::{Conn, Dialect, Observer, Options, statements};
use crate::error::Error;
use crate::log::plain;

/// Opens connections to one database.
#[derive(Clone)]
pub struct Manager {
    target: Target,
    statement_timeout: Duration,
    read_only: bool,
    observers: Vec<Observer>,
}

/// How much of a SQLite database a connection keeps in memory, in KiB. Readers have the mapped file besides; a change of a
/// million rows writes the same page over and over unless it can keep it.
const READ_CACHE: u32 = 16_000;
const WRITE_CACHE: u32 = 64_000;
/// What is left of the write-ahead log of SQLite when it begins anew, in bytes: nothing, so that it does not keep what has
/// been erased from the database since.
const JOURNAL: u32 = 0;

#[derive(Clone)]
enum Target {
    Sqlite(String),
    Postgres(String),
}

impl Manager {
    pub(super) fn new(options: &Options, observers: Vec<Observer>) -> Result<Self, Error> {
        let url = options.url.trim();
        let target = if let Some(path) = url.strip_prefix("sqlite://") {
            if path.is_empty() || path.contains(":memory:") {
                return Err(Error::Configuration(
                    "DATABASE_URL must name a file: sqlite://path/to/kring.db; a database in memory cannot be shared \
                     by readers and the writer"
                        .to_owned(),
                ));
            }
            Target::Sqlite(path.to_owned())
        } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            let address = Address::read(url)?;
            address.require_tls_or_local()?;
            Target::Postgres(address.bounded())
        } else {
            return Err(Error::Configuration("DATABASE_URL must start with sqlite:// or postgres://".to_owned()));
        };
        Ok(Self { target, statement_timeout: options.statement_timeout, read_only: false, observers })
    }

    pub(super) fn dialect(&self) -> Dialect {
        match self.target {
            Target::Sqlite(_) => Dialect::Sqlite,
            Target::Postgres(_) => Dialect::Postgres,
        }
    }

    pub(super) fn for_reading(&self) -> Self {
        Self { read_only: true, ..self.clone() }
    }

    /// For the one connection that waits for notifications, which belongs to no request.
    pub(super) fn for_listening(&self) -> Self {
        Self { observers: Vec::new(), ..self.clone() }
    }

    pub(super) fn open(&self) -> Result<Conn, Box<dyn std::error::Error + Send + Sync>> {
        let cache = if self.read_only { READ_CACHE } else { WRITE_CACHE };
        let mut conn = match &self.target {
            Target::Sqlite(path) => {
                make_private(path)?;
                Conn::Sqlite(SqliteConnection::establish(path)?)
            }
            Target::Postgres(url) => Conn::Postgres(PgConnection::establish(url)?),
        };
        match conn.dialect() {
            // A commit must survive a power cut, hence FULL; mapped reads are twice as quick as copied ones; what is
            // erased is overwritten, not just forgotten.
            Dialect::Sqlite => conn.batch(&format!(
                "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
                 PRAGMA foreign_keys = ON; PRAGMA cache_size = -{cache}; PRAGMA mmap_size = 1073741824; \
                 PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF; PRAGMA secure_delete = ON; \
                 PRAGMA journal_size_limit = {JOURNAL}",
            ))?,
            Dialect::Postgres => conn.batch(&format!(
                "SET statement_timeout = {}; SET lock_timeout = {}; SET timezone = 'UTC'; SET jit = off; \
                 SET client_min_messages = warning",
                self.statement_timeout.as_millis(),
                self.statement_timeout.as_millis()
            ))?,
        }
        if self.read_only && self.dialect() == Dialect::Sqlite {
            conn.batch("PRAGMA query_only = ON")?;
        }
        conn.observe(&self.observers);
        Ok(conn)
    }

    /// A connection that is closed in time: see [`statements`].
    fn renewable(&self) -> Result<Pooled, Box<dyn std::error::Error + Send + Sync>> {
        let kept = Arc::new(AtomicUsize::new(0));
        let mut observers = self.observers.clone();
        observers.push(counting(Arc::clone(&kept)));
        let manager = Self { observers, ..self.clone() };
        Ok(Pooled { conn: manager.open()?, broken: false, kept })
    }
}

/// Makes a new database readable by its owner only; SQLite gives the files beside it the same rights.
fn make_private(path: &str) -> std::io::Result<()> {
    if path.starts_with("file:") {
        return Ok(());
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// A connection in a pool, and whether it may be lent again.
pub struct Pooled {
    pub(super) conn: Conn,
    pub(super) broken: bool,
    /// How many prepared statements it keeps.
    kept: Arc<AtomicUsize>,
}

/// Counts the statements that a connection keeps.
fn counting(kept: Arc<AtomicUsize>) -> Observer {
    Observer(Arc::new(move |event| {
        if let InstrumentationEvent::CacheQuery { .. } = event {
            kept.fetch_add(1, Ordering::Relaxed);
        }
    }))
}

impl std::ops::Deref for Pooled {
    type Target = Conn;

    fn deref(&self) -> &Conn {
        &self.conn
    }
}

impl std::ops::DerefMut for Pooled {
    fn deref_mut(&mut self) -> &mut Conn {
        &mut self.conn
    }
}

impl r2d2::ManageConnection for Manager {
    type Connection = Pooled;
    type Error = PoolError;

    fn connect(&self) -> Result<Pooled, PoolError> {
        self.renewable().map_err(|error| PoolError(plain(&error.to_string())))
    }

    fn is_valid(&self, pooled: &mut Pooled) -> Result<(), PoolError> {
        pooled.conn.batch("SELECT 1").map_err(|error| PoolError(plain(&error.to_string())))
    }

    fn has_broken(&self, pooled: &mut Pooled) -> bool {
        // A panic may have left a transaction open.
        pooled.broken || pooled.kept.load(Ordering::Relaxed) >= statements::MAX_KEPT || std::thread::panicking()
    }
}

/// Why a connection could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct PoolError(String);
