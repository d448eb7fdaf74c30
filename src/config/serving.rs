//! How requests are served.

use std::net::SocketAddr;
use std::time::Duration;

use chrono_tz::Tz;
use clap::Args;

use crate::http::guard::Limits;
use crate::http::server;
use crate::http::server::source::Proxies;

/// How to serve.
#[derive(Clone, Debug, Args)]
pub struct Serving {
    /// The address to listen on.
    #[arg(long, env = "KRING_LISTEN", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// The time zone that decides which date is today.
    #[arg(long, env = "KRING_TIME_ZONE", default_value = "Europe/Amsterdam")]
    pub time_zone: Tz,
    /// How long one request may take that reads, and one statement of any, in seconds.
    #[arg(long, env = "KRING_EXECUTION_SECONDS", default_value_t = 10)]
    pub execution_seconds: u64,
    /// How long one request may take that changes something, in seconds. A year transition of a large school board takes
    /// longer than anything else; a proxy in front should be as patient.
    #[arg(long, env = "KRING_CHANGE_SECONDS", default_value_t = 120)]
    pub change_seconds: u64,
    /// The largest request body, in bytes.
    #[arg(long, env = "KRING_MAX_BODY_BYTES", default_value_t = Limits::default().max_body_bytes)]
    pub max_body_bytes: usize,
    /// The longest document, in characters.
    #[arg(long, env = "KRING_MAX_CHARACTERS", default_value_t = Limits::default().max_characters)]
    pub max_characters: usize,
    /// The most tokens in a document.
    #[arg(long, env = "KRING_MAX_TOKENS", default_value_t = Limits::default().max_tokens)]
    pub max_tokens: usize,
    /// The deepest selection.
    #[arg(long, env = "KRING_MAX_DEPTH", default_value_t = Limits::default().max_depth)]
    pub max_depth: usize,
    /// The most aliases in a document.
    #[arg(long, env = "KRING_MAX_ALIASES", default_value_t = Limits::default().max_aliases)]
    pub max_aliases: u64,
    /// The most rows that a document may ask for, lists multiplied.
    #[arg(long, env = "KRING_MAX_COST", default_value_t = Limits::default().max_cost)]
    pub max_cost: u64,
    /// The most connections at once.
    #[arg(long, env = "KRING_MAX_CONNECTIONS", default_value_t = server::Options::default().connections)]
    pub max_connections: usize,
    /// The most connections at once from one address, or one network of IPv6; a trusted proxy may have them all.
    #[arg(long, env = "KRING_MAX_CONNECTIONS_PER_SOURCE", default_value_t = server::Options::default().per_source)]
    pub max_connections_per_source: usize,
    /// The proxies in front of the gateway, which stand for many clients and may have all connections: addresses and
    /// networks, such as `127.0.0.1,10.0.0.0/8`.
    #[arg(long, env = "KRING_TRUSTED_PROXIES", default_value = "")]
    pub trusted_proxies: Proxies,
    /// How long the gateway goes on with what is under way when it is told to stop, in seconds.
    #[arg(long, env = "KRING_STOP_SECONDS", default_value_t = 20)]
    pub stop_seconds: u64,
    /// Write the log as one JSON object a line.
    #[arg(long, env = "KRING_LOG_JSON")]
    pub log_json: bool,
}

impl Serving {
    /// What a document may ask at most.
    pub fn limits(&self) -> Limits {
        Limits {
            max_body_bytes: self.max_body_bytes,
            max_characters: self.max_characters,
            max_tokens: self.max_tokens,
            max_depth: self.max_depth,
            max_aliases: self.max_aliases,
            max_cost: self.max_cost,
            ..Limits::default()
        }
    }

    /// How long one request may take that reads.
    pub fn execution(&self) -> Duration {
        Duration::from_secs(self.execution_seconds.max(1))
    }

    /// How long one request may take that changes something.
    pub fn change(&self) -> Duration {
        Duration::from_secs(self.change_seconds.max(self.execution_seconds).max(1))
    }

    /// How connections are taken.
    pub fn connections(&self) -> server::Options {
        server::Options {
            connections: self.max_connections.max(1),
            per_source: self.max_connections_per_source.max(1),
            proxies: self.trusted_proxies.clone(),
            ..server::Options::default()
        }
    }

    /// How long the gateway goes on when it is told to stop.
    pub fn stopping(&self) -> Duration {
        Duration::from_secs(self.stop_seconds)
    }
}
