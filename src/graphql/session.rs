//! What one request works with: who asks, and one snapshot of the database.

use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::ServerError;

use super::engine::{Exec, Memory};
use crate::db::{Conn, Db, Snapshot};
use crate::error::Error;
use crate::groups::store::CompositionCache;
use crate::scope::Scope;

/// What all requests share.
#[derive(Clone)]
pub struct Shared {
    pub db: Db,
    pub compositions: Arc<CompositionCache>,
}

/// One request. Everything is read in one transaction, opened when first needed, so that an answer never mixes two
/// states of the database; a mutation opens a new one after its own commit.
pub struct Session {
    shared: Shared,
    scope: Scope,
    open: Mutex<Option<Open>>,
}

struct Open {
    snapshot: Snapshot,
    memory: Memory,
}

impl Session {
    /// A request that has read nothing yet.
    pub fn new(shared: Shared, scope: Scope) -> Self {
        Self { shared, scope, open: Mutex::new(None) }
    }

    /// Who asks, and when.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// What groups are made of, as far as it is known.
    pub fn compositions(&self) -> &CompositionCache {
        &self.shared.compositions
    }

    /// Reads in the request's snapshot.
    ///
    /// # Errors
    /// Those of `body`, and `Unavailable`.
    pub fn read<T>(&self, body: impl FnOnce(&mut Exec<'_>) -> Result<T, Error>) -> Result<T, Error> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let open = match &mut *open {
            Some(open) => open,
            none => none.insert(Open { snapshot: self.shared.db.snapshot()?, memory: Memory::default() }),
        };
        let mut exec = Exec::new(open.snapshot.conn(), &self.scope, &self.shared.compositions, &mut open.memory);
        body(&mut exec)
    }

    /// The errors of fields that failed alone since the snapshot was opened.
    pub fn failures(&self) -> Vec<ServerError> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.as_ref().map(|open| open.memory.failures().to_vec()).unwrap_or_default()
    }

    /// Writes in a transaction of its own. What is read afterwards sees it.
    ///
    /// # Errors
    /// Those of `body`; nothing is written then.
    pub fn write<T>(&self, body: impl FnOnce(&mut Conn) -> Result<T, Error>) -> Result<T, Error> {
        self.write_if(|conn| body(conn).map(|value| (value, true)))
    }

    /// Writes in a transaction of its own that is kept only if `body` says so.
    ///
    /// # Errors
    /// Those of `body`; nothing is written then.
    pub fn write_if<T>(&self, body: impl FnOnce(&mut Conn) -> Result<(T, bool), Error>) -> Result<T, Error> {
        *self.open.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.shared.db.write_if(body)
    }
}
