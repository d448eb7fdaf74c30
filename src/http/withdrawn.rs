//! What this gateway knows of withdrawn tokens.
//!
//! Every request asks, so the answer is kept in memory. It is read anew when it is a second old, and at once after this very
//! gateway has withdrawn something; never is an answer older than two seconds taken. The connection for that is one of its own:
//! tokens are checked before a request has its turn.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::OwnedMutexGuard;

use super::Gateway;
use crate::access::Viewer;
use crate::access::withdrawals::Withdrawals;
use crate::access::withdrawals::store::{self, State};
use crate::db::Conn;
use crate::error::Error;

/// How old what is known may be before it is read anew.
const FRESH: Duration = Duration::from_secs(1);
/// Whoever asks waits for that when it is so old, and with a token nobody is let in while it cannot be read.
const STALE: Duration = Duration::from_secs(2);

/// What is known.
#[derive(Default)]
pub struct Withdrawn {
    known: Mutex<Known>,
    /// Held by the one who reads: its connection.
    reading: Arc<tokio::sync::Mutex<Option<Conn>>>,
}

#[derive(Clone, Default)]
struct Known {
    withdrawals: Arc<Withdrawals>,
    /// Of the table when it was read, and when that was.
    read: Option<(State, Instant)>,
    /// How often this gateway had withdrawn something by then.
    own: u64,
}

impl Known {
    fn is_as_new_as(&self, own: u64, age: Duration) -> bool {
        self.own == own && self.read.is_some_and(|(_, at)| at.elapsed() < age)
    }
}

impl Withdrawn {
    fn known(&self) -> Known {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Gateway {
    /// Lets nobody in whose token was withdrawn, or has expired since it was read.
    ///
    /// # Errors
    /// `Withdrawn` or `Expired`, and `Unavailable` when that cannot be known.
    pub(super) async fn admit_bearer(self: &Arc<Self>, viewer: &Viewer) -> Result<(), Error> {
        let Some(pass) = &viewer.pass else { return Ok(()) };
        if pass.expires_at <= self.options.clock.now().timestamp() {
            return Err(Error::Expired);
        }
        let known = self.withdrawals().await?;
        if known.stop(viewer) { Err(Error::Withdrawn) } else { Ok(()) }
    }

    /// Whether a token was withdrawn, as far as is known. It waits for nothing: what is known too long is read meanwhile.
    pub(super) fn is_withdrawn(self: &Arc<Self>, viewer: &Viewer) -> bool {
        if viewer.pass.is_none() {
            return false;
        }
        let known = self.withdrawn.known();
        if !known.is_as_new_as(self.shared.db.hub().withdrawals(), FRESH)
            && let Ok(turn) = Arc::clone(&self.withdrawn.reading).try_lock_owned()
        {
            tokio::spawn(Arc::clone(self).read_withdrawals(turn));
        }
        known.withdrawals.stop(viewer)
    }

    /// What was withdrawn, no older than may be.
    async fn withdrawals(self: &Arc<Self>) -> Result<Arc<Withdrawals>, Error> {
        let own = self.shared.db.hub().withdrawals();
        let known = self.withdrawn.known();
        if known.is_as_new_as(own, FRESH) {
            return Ok(known.withdrawals);
        }
        let usable = known.is_as_new_as(own, STALE);
        let reading = Arc::clone(&self.withdrawn.reading);
        let turn = match Arc::clone(&reading).try_lock_owned() {
            // Of many who ask one reads, and nobody waits for it.
            Ok(turn) if usable => {
                tokio::spawn(Arc::clone(self).read_withdrawals(turn));
                return Ok(known.withdrawals);
            }
            Err(_) if usable => return Ok(known.withdrawals),
            Ok(turn) => turn,
            Err(_) => {
                tokio::time::timeout(self.options.wait, reading.lock_owned()).await.map_err(|_| Error::Unavailable)?
            }
        };
        let known = self.withdrawn.known();
        if known.is_as_new_as(own, FRESH) {
            return Ok(known.withdrawals);
        }
        // It goes on if nobody waits for it any more, so that there is never more than one.
        let read = tokio::spawn(Arc::clone(self).read_withdrawals(turn));
        let _ = tokio::time::timeout(self.options.wait, read).await;
        let known = self.withdrawn.known();
        if known.is_as_new_as(own, STALE) { Ok(known.withdrawals) } else { Err(Error::Unavailable) }
    }

    async fn read_withdrawals(self: Arc<Self>, mut turn: OwnedMutexGuard<Option<Conn>>) {
        let (own, since) = (self.shared.db.hub().withdrawals(), Instant::now());
        let (hub, conn) = (Arc::clone(self.shared.db.hub()), turn.take());
        let before = self.withdrawn.known().read.map(|(state, _)| state);
        let read = tokio::task::spawn_blocking(move || {
            // The connection that was kept may lead nowhere by now.
            let kept =
                conn.and_then(|mut conn| store::changed_since(&mut conn, before).ok().map(|changed| (conn, changed)));
            kept.map_or_else(
                || {
                    let mut conn = hub.aside()?;
                    store::changed_since(&mut conn, before).map(|changed| (conn, changed))
                },
                Ok,
            )
        });
        match read.await {
            Ok(Ok((conn, changed))) => {
                *turn = Some(conn);
                let mut known = self.withdrawn.known.lock().unwrap_or_else(PoisonError::into_inner);
                known.own = own;
                match changed {
                    Some((state, withdrawals)) => {
                        (known.read, known.withdrawals) = (Some((state, since)), Arc::new(withdrawals));
                    }
                    None => known.read = before.map(|state| (state, since)),
                }
            }
            Ok(Err(error)) => {
                tracing::warn!(error = error.logged(), "it could not be read which tokens were withdrawn")
            }
            Err(error) => tracing::error!(%error, "it could not be read which tokens were withdrawn"),
        }
    }
}
