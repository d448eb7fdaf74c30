//! Who may see and do what.

pub mod guardians;
pub mod link;
pub mod secret;
pub mod sight;
pub mod table;
pub mod token;
pub mod withdrawals;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What a token can grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Sees and does everything.
    Administrator,
    /// Sees an organization's people and groups with their personal data, and changes them.
    MembershipAdministrator,
    /// Sees an organization's people and groups, without personal data.
    Staff,
    /// Sees oneself, one's children and what their groups show.
    Participant,
}

/// Who asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Viewer {
    /// The participant signed in, if the token names one.
    pub participant: Option<i64>,
    /// Whether everything is open.
    pub administrator: bool,
    /// Organizations whose people and groups the viewer administers.
    pub administers: Vec<i64>,
    /// Organizations the viewer works for.
    pub staff_of: Vec<i64>,
    /// How history names the viewer.
    pub name: String,
    /// The token by which the viewer signed in; none for the gateway itself.
    pub pass: Option<Pass>,
}

/// What tells one token from another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pass {
    /// Its id; tokens of before there were ids have none.
    pub id: Option<String>,
    /// When it was issued, in seconds since 1970.
    pub issued_at: i64,
    /// From when on it is not valid any more, in seconds since 1970.
    pub expires_at: i64,
}

impl Viewer {
    /// Somebody who did not sign in.
    pub fn anonymous() -> Self {
        Self::default()
    }

    /// The gateway itself, on the command line.
    pub fn operator(name: &str) -> Self {
        Self { administrator: true, name: name.to_owned(), ..Self::default() }
    }

    /// Whether anybody signed in at all.
    pub fn is_signed_in(&self) -> bool {
        self.administrator || self.participant.is_some() || !self.administers.is_empty() || !self.staff_of.is_empty()
    }

    /// Whether the viewer may change what belongs to this organization; what belongs to none is the administrator's.
    pub fn may_administer(&self, organization: Option<i64>) -> bool {
        self.administrator || organization.is_some_and(|id| self.administers.contains(&id))
    }

    /// Whether the viewer administers anything.
    pub fn is_some_administrator(&self) -> bool {
        self.administrator || !self.administers.is_empty()
    }

    /// The key under which repeated mutations of this viewer are recognized.
    pub fn actor_key(&self) -> String {
        match self.participant {
            Some(id) => format!("participant:{id}"),
            // Programmes with the same rights are told apart as history tells them apart.
            None => format!("grant:{}:{:?}:{:?}:{}", self.administrator, self.administers, self.staff_of, self.name),
        }
    }

    /// The number under which clients keep what they have read about this viewer. It stays the same when the token is renewed.
    pub fn key(&self) -> i64 {
        let digest = Sha256::digest(self.actor_key());
        let number = digest.iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        i64::try_from(number >> 1).unwrap_or(i64::MAX).max(1)
    }
}
