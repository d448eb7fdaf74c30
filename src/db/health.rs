//! How the database is, as whoever watches over the gateway wants to know it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use super::migrate::{self, Standing};
use super::{Conn, Db};
use crate::error::Error;

/// How the database is. That there is no answer is an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// It answers.
    Ready,
    /// It answers, and every connection is in use.
    Busy,
    /// Its schema is newer than this program: the versions are the database's and the program's.
    Newer(String, String),
    /// It lacks migrations of this program.
    Behind,
}

/// A connection of its own: whether the database answers does not depend on how many requests there are.
#[derive(Default)]
pub(super) struct Probe {
    conn: Mutex<Option<Conn>>,
    told: AtomicBool,
}

impl Db {
    /// Finds out how the database is. It takes as long as the database takes to answer.
    ///
    /// # Errors
    /// `Unavailable` when it does not answer, or the last question is not answered yet.
    pub fn health(&self) -> Result<Health, Error> {
        // Whoever finds another at it waits for no one: the answer would be the same.
        let Ok(mut probe) = self.probe.conn.try_lock() else { return Err(Error::Unavailable) };
        let mut conn = match probe.take() {
            Some(conn) => conn,
            None => self.connect()?,
        };
        let mut standing = migrate::standing(&mut conn);
        if standing.is_err() {
            // The connection may be older than the server.
            conn = self.connect()?;
            standing = migrate::standing(&mut conn);
        }
        let standing = standing?;
        *probe = Some(conn);
        Ok(match standing {
            Standing::Behind => Health::Behind,
            Standing::Newer(database, program) => {
                if !self.probe.told.swap(true, Ordering::Relaxed) {
                    tracing::warn!(database, program, "the schema is newer than this program, which goes on");
                }
                Health::Newer(database, program)
            }
            Standing::Current if self.is_busy() => Health::Busy,
            Standing::Current => Health::Ready,
        })
    }

    fn connect(&self) -> Result<Conn, Error> {
        self.manager.for_listening().open().map_err(|error| {
            tracing::warn!(%error, "the database does not answer");
            Error::Unavailable
        })
    }

    fn is_busy(&self) -> bool {
        [&self.readers, &self.writers].iter().any(|pool| {
            let state = pool.state();
            state.connections == pool.max_size() && state.idle_connections == 0
        })
    }
}
