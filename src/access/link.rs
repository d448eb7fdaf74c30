//! Links to files and calendars that carry who asked for them, so that a browser can follow them without a header.
//!
//! A link opens one thing for one viewer for an hour or two, and no longer than the token by which the viewer signed in. What
//! the viewer may see is decided anew when it is followed, and such a link is no token: it opens nothing else.

use chrono::{DateTime, Utc};
use jsonwebtoken::{Algorithm, Header, Validation};
use serde::{Deserialize, Serialize};

use super::token::Keys;
use super::{Pass, Viewer};

const ISSUER: &str = "kring";
const AUDIENCE: &str = "kring-link";
/// How long a link is the same, in seconds, so that browsers can keep what it leads to.
const PERIOD: i64 = 3_600;

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    exp: i64,
    /// The global identifier of what the link leads to.
    of: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    participant: Option<i64>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    administrator: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    administers: Vec<i64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    staff_of: Vec<i64>,
    /// Of programmes only, which are told apart by it; addresses end up in logs, where names of people have no place.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    name: String,
    /// The id of the token by which the viewer signed in, and when it was issued: the link ends with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    jti: Option<String>,
    #[serde(default)]
    iat: i64,
}

/// Makes and checks links.
#[derive(Clone)]
pub struct Links {
    keys: Keys,
    /// What stands before the path: the address under which clients reach the gateway, or nothing.
    base: String,
}

impl std::fmt::Debug for Links {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Links").field("base", &self.base).finish_non_exhaustive()
    }
}

impl Links {
    /// Signs with the keys of tokens.
    pub fn new(keys: Keys, base: &str) -> Self {
        Self { keys, base: base.trim_end_matches('/').to_owned() }
    }

    /// The address of something for a viewer; for whoever did not sign in without a key.
    pub fn to(&self, path: &str, of: &str, viewer: &Viewer, now: DateTime<Utc>) -> String {
        let key = viewer.is_signed_in().then(|| self.key(of, viewer, now)).flatten();
        match key {
            Some(key) => format!("{}{path}?key={key}", self.base),
            None => format!("{}{path}", self.base),
        }
    }

    fn key(&self, of: &str, viewer: &Viewer, now: DateTime<Utc>) -> Option<String> {
        let end = (now.timestamp().div_euclid(PERIOD) + 2) * PERIOD;
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            exp: viewer.pass.as_ref().map_or(end, |pass| end.min(pass.expires_at)),
            jti: viewer.pass.as_ref().and_then(|pass| pass.id.clone()),
            iat: viewer.pass.as_ref().map_or_else(|| now.timestamp(), |pass| pass.issued_at),
            of: of.to_owned(),
            participant: viewer.participant,
            administrator: viewer.administrator,
            administers: viewer.administers.clone(),
            staff_of: viewer.staff_of.clone(),
            name: if viewer.participant.is_none() { viewer.name.clone() } else { String::new() },
        };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, self.keys.encoding()).ok()
    }

    /// Whose link to this very thing it is; none when it is forged, over, or of something else.
    pub fn viewer(&self, key: &str, of: &str, now: DateTime<Utc>) -> Option<Viewer> {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_audience(&[AUDIENCE]);
        validation.set_issuer(&[ISSUER]);
        validation.set_required_spec_claims(&["exp", "aud", "iss"]);
        // The gateway's own clock decides below.
        validation.validate_exp = false;
        let claims = jsonwebtoken::decode::<Claims>(key, self.keys.decoding(), &validation).ok()?.claims;
        let holds = claims.exp > now.timestamp() && claims.of == of;
        holds.then_some(Viewer {
            participant: claims.participant,
            administrator: claims.administrator,
            administers: claims.administers,
            staff_of: claims.staff_of,
            name: claims.name,
            pass: Some(Pass { id: claims.jti, issued_at: claims.iat, expires_at: claims.exp }),
        })
    }
}
