//! Tokens that were withdrawn (I2): one of them, or all that a participant or a program was given up to a moment.
//!
//! A token is a right that its bearer carries along, so every gateway has to know of those that were taken back. They are few:
//! each gateway keeps them in memory and looks again every second ([`crate::http`]).

pub mod store;

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::Viewer;
use crate::db::Conn;
use crate::db::announce;
use crate::error::{Code, Error, Rejection};
use crate::history::{self, Action, Change, Entity};
use crate::scope::Scope;
use crate::text::line_fault;

/// The longest id of a token and the longest name of a program, in characters.
const LONGEST: usize = 200;

/// What is withdrawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// The token with this id.
    Token(String),
    /// All tokens of a participant.
    Participant(i64),
    /// All tokens of a program, which names no participant; by the name it bears.
    Program(String),
}

/// What was withdrawn up to now.
#[derive(Clone, Debug, Default)]
pub struct Withdrawals {
    tokens: HashSet<String>,
    participants: HashMap<i64, i64>,
    programs: HashMap<String, i64>,
}

impl Withdrawals {
    fn add(&mut self, token: Option<String>, participant: Option<i64>, program: Option<String>, until: i64) {
        self.tokens.extend(token);
        if let Some(id) = participant {
            let latest = self.participants.entry(id).or_insert(until);
            *latest = until.max(*latest);
        }
        if let Some(name) = program {
            let latest = self.programs.entry(name).or_insert(until);
            *latest = until.max(*latest);
        }
    }

    /// Whether the token by which somebody signed in was withdrawn. All that was issued in the very second of a withdrawal is
    /// withdrawn with it.
    pub fn stop(&self, viewer: &Viewer) -> bool {
        let Some(pass) = &viewer.pass else { return false };
        let issued = |until: Option<&i64>| until.is_some_and(|until| pass.issued_at <= *until);
        let by_name = || issued(self.programs.get(&viewer.name));
        pass.id.as_ref().is_some_and(|id| self.tokens.contains(id))
            || viewer.participant.map_or_else(by_name, |participant| issued(self.participants.get(&participant)))
    }
}

/// What was done.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Withdrawn {
    /// Tokens that were issued up to this moment are withdrawn.
    pub issued_until: DateTime<Utc>,
    /// Whose they were, if they were all of a participant's.
    pub participant: Option<i64>,
}

/// Withdraws tokens, if that is the viewer's to do: one's own, those of participants whose record one administers
/// (`may_administer` looks), and for administrators any.
///
/// # Errors
/// `NotFound` or `Forbidden`, and `InvalidValue` for a name that no token can have.
pub fn withdraw(
    conn: &mut Conn,
    scope: &Scope,
    which: &Which,
    may_administer: impl FnOnce(&mut Conn, i64) -> Result<(), Error>,
) -> Result<Withdrawn, Error> {
    let own = match which {
        Which::Token(id) => check_token(scope, id)?,
        Which::Program(name) => check_program(scope, name)?,
        Which::Participant(id) => {
            if scope.viewer.participant != Some(*id) {
                may_administer(conn, *id)?;
            }
            Some(*id)
        }
    };
    store::insert(conn, scope, which)?;
    announce::withdrawal();
    if let Some(participant) = own {
        let (field, after) = match which {
            Which::Token(id) => ("tokenWithdrawn", id.clone()),
            Which::Participant(_) | Which::Program(_) => ("tokensWithdrawn", scope.now.to_rfc3339()),
        };
        let changes = [Change { field: field.to_owned(), before: None, after: Some(after) }];
        history::record(conn, scope, Action::Updated, Entity::Participant, &[participant], &changes)?;
    }
    let participant = if let Which::Participant(id) = which { Some(*id) } else { None };
    Ok(Withdrawn { issued_until: scope.now, participant })
}

/// Whether the viewer may withdraw this token, and in whose history that stands.
fn check_token(scope: &Scope, id: &str) -> Result<Option<i64>, Error> {
    check_name("input.tokenId", id)?;
    let own = scope.viewer.pass.as_ref().is_some_and(|pass| pass.id.as_deref() == Some(id));
    if own || scope.viewer.administrator {
        return Ok(scope.viewer.participant.filter(|_| own));
    }
    let message =
        "You may withdraw the token that you use now, or all of yours. Other tokens are withdrawn by administrators.";
    Err(Rejection::new(Code::Forbidden, message).at("input.tokenId").into())
}

fn check_program(scope: &Scope, name: &str) -> Result<Option<i64>, Error> {
    check_name("input.program", name)?;
    if scope.viewer.administrator {
        return Ok(None);
    }
    let message = "Only administrators withdraw the tokens of programs.";
    Err(Rejection::new(Code::Forbidden, message).at("input.program").into())
}

fn check_name(field: &str, name: &str) -> Result<(), Error> {
    if !name.trim().is_empty() && name.chars().count() <= LONGEST && line_fault(name).is_none() {
        return Ok(());
    }
    let message = format!("This must be a line of 1 to {LONGEST} characters.");
    Err(Rejection::new(Code::InvalidValue, message).at(field).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Pass;

    fn bearer(id: &str, participant: Option<i64>, name: &str, issued_at: i64) -> Viewer {
        let pass = Pass { id: Some(id.to_owned()), issued_at, expires_at: i64::MAX };
        Viewer { participant, name: name.to_owned(), pass: Some(pass), ..Viewer::default() }
    }

    #[test]
    fn i2_one_token_or_all_of_somebody_are_stopped() {
        let withdrawals = Withdrawals {
            tokens: HashSet::from(["a".to_owned()]),
            participants: HashMap::from([(7, 100)]),
            programs: HashMap::from([("sync".to_owned(), 100)]),
        };
        for (viewer, stopped) in [
            (bearer("a", None, "x", 500), true),
            (bearer("b", None, "x", 50), false),
            (bearer("b", Some(7), "x", 100), true),
            (bearer("b", Some(7), "x", 101), false),
            (bearer("b", Some(8), "sync", 50), false),
            (bearer("b", None, "sync", 50), true),
            (bearer("b", None, "sync", 101), false),
            (Viewer::anonymous(), false),
        ] {
            assert_eq!(withdrawals.stop(&viewer), stopped, "{viewer:?}");
        }
    }
}
