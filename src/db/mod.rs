//! The database floor: pools, transactions and the two backends behind one connection type.

mod address;
pub mod announce;
mod backup;
pub mod batch;
mod dialect;
mod health;
pub mod hub;
mod listen;
pub mod lock;
mod migrate;
pub mod moment;
mod pool;
pub mod schema;
pub mod sql;
mod statements;
pub mod text_enum;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use diesel::connection::{Connection, InstrumentationEvent};
use diesel::{PgConnection, SqliteConnection};

pub use dialect::{Dialect, Violation, violation};
pub use health::Health;
pub use sql::Sql;

use crate::error::Error;
use pool::Manager;

/// A connection to either database. Statements are written once: as [`Sql`], or in Diesel's DSL inside [`on!`].
pub enum Conn {
    /// The embedded database.
    Sqlite(SqliteConnection),
    /// PostgreSQL over libpq.
    Postgres(PgConnection),
}

/// Runs one body against whichever database the connection leads to; it is compiled once for each.
macro_rules! on {
    ($conn:expr, $c:ident => $body:expr) => {
        match $conn {
            $crate::db::Conn::Sqlite($c) => $body,
            $crate::db::Conn::Postgres($c) => $body,
        }
    };
}
pub(crate) use on;

impl Conn {
    /// Which database this is.
    pub fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
        }
    }

    fn batch(&mut self, text: &str) -> diesel::QueryResult<()> {
        use diesel::connection::SimpleConnection;
        on!(self, c => c.batch_execute(text))
    }

    fn observe(&mut self, observers: &[Observer]) {
        if observers.is_empty() {
            return;
        }
        let observers = observers.to_vec();
        let tell = move |event: InstrumentationEvent<'_>| observers.iter().for_each(|observer| observer.0(&event));
        on!(self, c => c.set_instrumentation(tell));
    }
}

/// Hears of every statement, transaction control included, before it is sent and when it is done. A panic in it is a
/// failure at that point.
#[derive(Clone)]
pub struct Observer(pub Arc<dyn Fn(&InstrumentationEvent<'_>) + Send + Sync>);

impl std::fmt::Debug for Observer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Observer")
    }
}

/// How to open the pools.
#[derive(Clone, Debug)]
pub struct Options {
    /// `sqlite://path` or `postgres://…`.
    pub url: String,
    /// Reading connections kept at most.
    pub readers: u32,
    /// How long a request waits for a connection before it is answered with `UNAVAILABLE`.
    pub wait: Duration,
    /// How long one statement may run on PostgreSQL.
    pub statement_timeout: Duration,
    /// Count the statements that are sent; see [`Db::statements`].
    pub count_statements: bool,
    /// Hears of every statement. No setting leads here: it is for tests and measurements.
    pub observer: Option<Observer>,
}

impl Options {
    /// The defaults for a database.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            readers: 8,
            wait: Duration::from_secs(3),
            statement_timeout: Duration::from_secs(10),
            count_statements: false,
            observer: None,
        }
    }
}

/// The open database: a pool of readers and a pool of writers (of one connection on SQLite, which has one writer).
#[derive(Clone)]
pub struct Db {
    readers: r2d2::Pool<Manager>,
    writers: r2d2::Pool<Manager>,
    dialect: Dialect,
    statements: Arc<AtomicU64>,
    capacity: usize,
    hub: Arc<hub::Hub>,
    manager: Manager,
    /// How long a connection is awaited.
    wait: Duration,
    probe: Arc<health::Probe>,
}

/// A connection lent by a pool; it goes back when dropped.
pub type Lent = r2d2::PooledConnection<Manager>;

impl Db {
    /// Opens the pools without touching the schema.
    ///
    /// # Errors
    /// A configuration error when the address makes no sense or the database cannot be opened, with the cause.
    pub fn open(options: &Options) -> Result<Self, Error> {
        let statements = Arc::new(AtomicU64::new(0));
        let counter = options.count_statements.then(|| counting(Arc::clone(&statements)));
        let observers = counter.into_iter().chain(options.observer.clone()).collect();
        let manager = Manager::new(options, observers)?;
        let first = manager.open();
        drop(first.map_err(|error| Error::Configuration(format!("the database cannot be opened: {error}")))?);
        let dialect = manager.dialect();
        let build = |size: u32, manager: Manager| {
            r2d2::Pool::builder()
                .max_size(size.max(1))
                .min_idle(Some(0))
                .test_on_check_out(false)
                .connection_timeout(options.wait)
                .error_handler(Box::new(r2d2::LoggingErrorHandler))
                .build_unchecked(manager)
        };
        let writers = if dialect == Dialect::Sqlite { 1 } else { options.readers };
        let hub = hub::Hub::new(manager.for_listening());
        Ok(Self {
            hub,
            readers: build(options.readers, manager.for_reading()),
            writers: build(writers, manager.clone()),
            manager,
            wait: options.wait,
            probe: Arc::default(),
            dialect,
            statements,
            capacity: usize::try_from(options.readers.max(1)).unwrap_or(1),
        })
    }

    /// Which database this is.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Where news of changes comes together.
    pub fn hub(&self) -> &Arc<hub::Hub> {
        &self.hub
    }

    /// How many requests can hold a reading connection at once.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Statements sent since the start, transaction control left out; always 0 unless counting was asked for.
    pub fn statements(&self) -> u64 {
        self.statements.load(Ordering::Relaxed)
    }

    /// Lends a connection for reading.
    ///
    /// # Errors
    /// `Unavailable` when none is free in time.
    pub fn reader(&self) -> Result<Lent, Error> {
        lend(&self.readers)
    }

    /// Reads in one transaction: every statement in `body` sees the same state.
    ///
    /// # Errors
    /// Those of `body`, and `Unavailable`.
    pub fn read<T>(&self, body: impl FnOnce(&mut Conn) -> Result<T, Error>) -> Result<T, Error> {
        let mut snapshot = self.snapshot()?;
        body(snapshot.conn())
    }

    /// Opens a transaction for reading that lasts until the value is dropped.
    ///
    /// # Errors
    /// `Unavailable` when no connection comes free in time or the database does not answer.
    pub fn snapshot(&self) -> Result<Snapshot, Error> {
        Ok(Snapshot { lent: self.begin(&self.readers, self.dialect.begin_read())? })
    }

    /// Lends a connection with a transaction open. A server that was restarted has left connections in the pool that
    /// lead nowhere; none has done anything yet, so each is thrown away for the next, until a new one is opened.
    fn begin(&self, pool: &r2d2::Pool<Manager>, begin: &str) -> Result<Lent, Error> {
        let mut spare = match self.dialect {
            Dialect::Sqlite => 0,
            Dialect::Postgres => pool.max_size(),
        };
        let begun = Instant::now();
        loop {
            let mut lent = lend(pool)?;
            match lent.batch(begin) {
                Ok(()) => return Ok(lent),
                Err(error) => {
                    lent.broken = true;
                    if spare == 0 || begun.elapsed() > self.wait {
                        return Err(error.into());
                    }
                    spare -= 1;
                }
            }
        }
    }

    /// Writes in one transaction, which takes its locks at the start on SQLite and commits whole or not at all.
    ///
    /// # Errors
    /// Those of `body`; the transaction is rolled back then.
    pub fn write<T>(&self, body: impl FnOnce(&mut Conn) -> Result<T, Error>) -> Result<T, Error> {
        self.write_if(|conn| body(conn).map(|value| (value, true)))
    }

    /// Writes in one transaction that is kept only if `body` says so; otherwise its answer is all that remains, as of
    /// a rehearsal.
    ///
    /// # Errors
    /// Those of `body`; the transaction is rolled back then.
    pub fn write_if<T>(&self, body: impl FnOnce(&mut Conn) -> Result<(T, bool), Error>) -> Result<T, Error> {
        let mut lent = self.begin(&self.writers, self.dialect.begin_write())?;
        announce::forget();
        match body(&mut lent) {
            Ok((value, true)) => match lent.batch("COMMIT") {
                Ok(()) => {
                    announce::committed(&self.hub);
                    Ok(value)
                }
                Err(error) => {
                    roll_back(&mut lent);
                    Err(error.into())
                }
            },
            Ok((value, false)) => {
                roll_back(&mut lent);
                Ok(value)
            }
            Err(error) => {
                roll_back(&mut lent);
                Err(error)
            }
        }
    }

    /// Brings the schema up to date; safe when several processes start at once: the others wait.
    ///
    /// # Errors
    /// A configuration error when the schema is newer than this program; what the database answers.
    pub fn migrate(&self) -> Result<Vec<String>, Error> {
        // On a connection of its own: it waits without a limit, which no request should inherit.
        let conn = self.manager.open();
        migrate::run(
            &mut conn.map_err(|error| Error::Configuration(format!("the database cannot be opened: {error}")))?,
        )
    }
}

/// Lends a connection of a pool.
fn lend(pool: &r2d2::Pool<Manager>) -> Result<Lent, Error> {
    pool.get().map_err(|error| {
        tracing::warn!(%error, "no connection to the database");
        Error::Unavailable
    })
}

/// A connection that cannot roll back is not lent again; closing it rolls back.
fn roll_back(lent: &mut Lent) {
    if lent.batch("ROLLBACK").is_err() {
        lent.broken = true;
    }
}

/// A transaction for reading: all that is read through it is one state of the database.
pub struct Snapshot {
    lent: Lent,
}

impl Snapshot {
    /// The connection to read with.
    pub fn conn(&mut self) -> &mut Conn {
        &mut self.lent
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        if !std::thread::panicking() && self.lent.batch("COMMIT").is_err() {
            self.lent.broken = true;
        }
    }
}

fn counting(counter: Arc<AtomicU64>) -> Observer {
    Observer(Arc::new(move |event| {
        if let InstrumentationEvent::StartQuery { query, .. } = event
            && !is_transaction_control(&query.to_string())
        {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }))
}

fn is_transaction_control(text: &str) -> bool {
    ["BEGIN", "COMMIT", "ROLLBACK"].iter().any(|word| text.starts_with(word))
}
