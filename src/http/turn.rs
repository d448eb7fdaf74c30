//! Who talks to the database when: as many at once as it has connections for, and, where these are more than one, never only
//! those that change something.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use super::Gateway;
use crate::error::Error;

/// What is done in a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// It changes nothing.
    Read,
    /// It writes, or may.
    Change,
}

/// The turns that there are.
pub struct Turns {
    all: Semaphore,
    /// Of them, those that changes may have at once: however many of these wait for another one to finish, others read.
    changes: Semaphore,
}

impl Turns {
    /// So many, of which changes take half.
    pub fn new(number: usize) -> Self {
        Self { all: Semaphore::new(number), changes: Semaphore::new((number / 2).max(1)) }
    }

    async fn take(&self, task: Task) -> Option<()> {
        let change = match task {
            Task::Read => None,
            Task::Change => Some(self.changes.acquire().await.ok()?),
        };
        self.all.acquire().await.ok()?.forget();
        if let Some(change) = change {
            change.forget();
        }
        Some(())
    }
}

/// The right to talk to the database; given back when dropped.
struct Turn(Arc<Gateway>, Task);

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.turns.all.add_permits(1);
        if self.1 == Task::Change {
            self.0.turns.changes.add_permits(1);
        }
    }
}

/// Does what talks to the database on a thread that may block, when it has its turn, and waits no longer than allowed. What
/// was begun goes on even if nobody waits for it any more, and keeps its turn until it is done.
///
/// # Errors
/// `Unavailable` when its turn does not come, `Timeout` or `Unfinished` when it takes too long, `Internal` when it panics.
pub async fn in_turn<T: Send + 'static>(
    gateway: &Arc<Gateway>,
    task: Task,
    work: impl FnOnce(&Gateway) -> T + Send + 'static,
) -> Result<T, Error> {
    let taken = tokio::time::timeout(gateway.options.wait, gateway.turns.take(task)).await;
    let () = taken.ok().flatten().ok_or(Error::Unavailable)?;
    let turn = Turn(Arc::clone(gateway), task);
    let execution = tokio::task::spawn_blocking(move || {
        let done = work(&turn.0);
        drop(turn);
        done
    });
    let (patience, late): (Duration, Error) = match task {
        Task::Read => (gateway.options.execution, Error::Timeout),
        Task::Change => (gateway.options.change, Error::Unfinished),
    };
    let done = tokio::time::timeout(patience, execution).await.map_err(|_| late)?;
    done.map_err(|panic| Error::internal(format!("a resolver failed: {panic}")))
}
