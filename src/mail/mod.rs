//! E-mail to new members.
//!
//! A group may have a template. Whoever becomes a member of it gets a row in the outbox, in the same transaction as the
//! membership; a [`worker`] of each gateway sends what is due. A message is sent at least once: a gateway that dies
//! between sending and noting so sends it again, under the same `Message-ID`.

pub mod store;
pub mod transport;
pub mod worker;

use chrono::Duration;

use crate::db::Conn;
use crate::db::text_enum::text_enum;
use crate::error::{Code, Error, Rejection};
use crate::groups::reach::administered;
use crate::id::{self, Kind};
use crate::people::commands::NOBODY;
use crate::scope::Scope;

text_enum! {
    /// What became of a message.
    State {
        /// It is to be sent.
        Pending = "PENDING",
        /// It was handed to the mail server.
        Sent = "SENT",
        /// It cannot be delivered, and nobody tries any more.
        Dead = "DEAD",
        /// There was no reason to send it any more: the membership or the address was gone.
        Skipped = "SKIPPED",
    }
}

/// How often a message is tried before it is given up.
pub const ATTEMPTS: i32 = 8;

/// How long to wait after an attempt that failed for the moment: a minute, and each time four times as long, up to a
/// day. A quarter more or less by chance, told by the message's key, keeps messages that failed together apart.
pub fn backoff(attempts: i32, id: i64) -> Duration {
    let exponent = u32::try_from(attempts.clamp(1, 10) - 1).unwrap_or_default();
    let seconds = (60 * 4_i64.pow(exponent)).min(86_400);
    let scatter = (id.wrapping_mul(7_919).wrapping_add(i64::from(attempts)).rem_euclid(51)) - 25;
    Duration::seconds(seconds + seconds * scatter / 100)
}

/// Puts a message that was given up back among those to be sent.
///
/// # Errors
/// `NotFound` when there is none that the viewer administers; `InvalidValue` when it was not given up.
pub fn retry(conn: &mut Conn, scope: &Scope, message: i64) -> Result<i64, Error> {
    let missing = || Error::from(Rejection::new(Code::NotFound, "There is no such message.").at("input.messageId"));
    let group = store::group_of(conn, message)?.unwrap_or(NOBODY);
    administered(conn, scope, group, "input.messageId").map_err(|_| missing())?;
    if store::revive(conn, scope, message)? == 0 {
        let message = "Only a message that was given up can be tried again.";
        return Err(Rejection::new(Code::InvalidValue, message).at("input.messageId").into());
    }
    Ok(message)
}

/// What tells a message from all others, and stays the same when it is sent again.
pub fn message_id(message: i64, domain: &str) -> String {
    format!("<{}@{domain}>", id::encode(Kind::OutboxMessage, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_grows_up_to_a_day() {
        let mut before = Duration::zero();
        for attempts in 1..=6 {
            let all: Vec<i64> = (0..200).map(|id| backoff(attempts, id).num_seconds()).collect();
            let plain = (60 * 4_i64.pow(attempts.unsigned_abs() - 1)).min(86_400);
            assert!(all.iter().all(|wait| (wait - plain).abs() * 4 <= plain), "{attempts}");
            assert!(all.iter().any(|wait| *wait != plain), "scattered");
            assert!(Duration::seconds(plain) > before);
            before = Duration::seconds(plain);
        }
        assert!(backoff(ATTEMPTS, 1) <= Duration::seconds(108_000));
    }
}
