//! Sends what is due. Any number of gateways may do so at the same time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::store::{self, Due};
use super::transport::{Mailer, Undelivered};
use super::{ATTEMPTS, State, backoff, message_id};
use crate::db::Db;
use crate::error::Error;
use crate::groups::template::render;
use crate::scope::Scope;

/// How long a worker rests when nothing is due.
const PAUSE: Duration = Duration::from_secs(5);

/// What one round did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Round {
    pub sent: usize,
    pub postponed: usize,
    pub given_up: usize,
    pub skipped: usize,
}

impl Round {
    /// Whether nothing was due.
    pub fn is_idle(self) -> bool {
        self == Self::default()
    }
}

/// Sends what is due at the moment of the scope, up to a batch. No transaction is open while the server is talked to.
///
/// # Errors
/// What the database answers; what was sent by then is noted.
pub fn round(db: &Db, mailer: &Mailer, scope: &Scope) -> Result<Round, Error> {
    let now = scope.instant();
    let due = db.write(|conn| store::take(conn, now, scope.today))?;
    let mut round = Round::default();
    for message in due {
        let outcome = deliver(mailer, &message);
        db.write(|conn| match &outcome {
            Outcome::Sent => store::settle(conn, now, message.id, State::Sent, None),
            Outcome::Skipped => store::settle(conn, now, message.id, State::Skipped, None),
            Outcome::GivenUp(error) => store::settle(conn, now, message.id, State::Dead, Some(error)),
            Outcome::Postponed(error) => {
                store::postpone(conn, now + backoff(message.attempts, message.id), message.id, error)
            }
        })?;
        match outcome {
            Outcome::Sent => round.sent += 1,
            Outcome::Skipped => round.skipped += 1,
            Outcome::Postponed(_) => round.postponed += 1,
            Outcome::GivenUp(_) => {
                round.given_up += 1;
                // What the mail server said may name the person.
                tracing::warn!(
                    message = message.id,
                    "an e-mail to a new member was given up; its `lastError` says why"
                );
            }
        }
    }
    if round.is_idle() {
        db.write(|conn| store::forget(conn, now))?;
    }
    Ok(round)
}

enum Outcome {
    Sent,
    Skipped,
    Postponed(String),
    GivenUp(String),
}

fn deliver(mailer: &Mailer, message: &Due) -> Outcome {
    let Some(to) = &message.to else { return Outcome::Skipped };
    let text = render(&message.template, &message.values);
    match mailer.send(to, message_id(message.id, mailer.domain()), text) {
        Ok(()) => Outcome::Sent,
        Err(Undelivered::ForNow(error)) if message.attempts < ATTEMPTS => Outcome::Postponed(error),
        Err(Undelivered::ForNow(error) | Undelivered::ForGood(error)) => Outcome::GivenUp(error),
    }
}

/// Sends until it is told to stop; to be run on a thread of its own. What piled up while no gateway ran is sent first.
pub fn run(db: &Db, mailer: &Mailer, scope: impl Fn() -> Scope, stop: &Arc<AtomicBool>) {
    while !stop.load(Ordering::Relaxed) {
        match round(db, mailer, &scope()) {
            Ok(done) if done.is_idle() => rest(stop),
            Ok(done) => tracing::info!(?done, "e-mails to new members"),
            Err(error) => {
                tracing::warn!(error = error.logged(), "e-mails to new members have to wait");
                rest(stop);
            }
        }
    }
}

fn rest(stop: &AtomicBool) {
    let step = Duration::from_millis(100);
    let mut rested = Duration::ZERO;
    while rested < PAUSE && !stop.load(Ordering::Relaxed) {
        std::thread::sleep(step);
        rested += step;
    }
}
