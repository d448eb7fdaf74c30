//! Signed bearer tokens (JWT, RFC 7519; HMAC with SHA-256).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use super::{Pass, Role, Viewer};
use crate::error::Error;
use crate::id::{self, Kind};
use crate::text::shown;

/// The longest that a token is valid, in hours: ten years.
pub const LONGEST_HOURS: u32 = 87_600;

/// One role, and the organization in which it holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// What may be done.
    pub role: Role,
    /// The global identifier of the organization; absent for roles that hold everywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
}

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Who issued it.
    pub iss: String,
    /// For which service.
    pub aud: String,
    /// The global identifier of the participant who is signed in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub: Option<String>,
    /// What the bearer may do.
    pub grants: Vec<Grant>,
    /// How history names the bearer.
    pub name: String,
    /// Issued at, in seconds since 1970.
    pub iat: i64,
    /// Not valid from this moment on, in seconds since 1970.
    pub exp: i64,
    /// Not valid before this moment, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nbf: Option<i64>,
    /// What tells it from all other tokens, so that it can be withdrawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jti: Option<String>,
}

const ISSUER: &str = "kring";

/// The key that signs and checks tokens.
#[derive(Clone)]
pub struct Keys {
    encoding: EncodingKey,
    decoding: DecodingKey,
}

impl Keys {
    /// Makes keys of a secret, which should not be [weak](super::secret::weakness).
    pub fn from_secret(secret: &str) -> Self {
        Self {
            encoding: EncodingKey::from_secret(secret.as_bytes()),
            decoding: DecodingKey::from_secret(secret.as_bytes()),
        }
    }

    /// What signs.
    pub(super) fn encoding(&self) -> &EncodingKey {
        &self.encoding
    }

    /// What checks.
    pub(super) fn decoding(&self) -> &DecodingKey {
        &self.decoding
    }

    /// Signs a token.
    ///
    /// # Errors
    /// `Internal` when signing fails, a configuration error for a token that is valid for longer than time is counted.
    pub fn sign(
        &self,
        participant: Option<i64>,
        grants: &[(Role, Option<i64>)],
        name: &str,
        now: DateTime<Utc>,
        valid_for: chrono::Duration,
    ) -> Result<String, Error> {
        let grants = grants
            .iter()
            .map(|(role, organization)| Grant {
                role: *role,
                organization: organization.map(|id| id::encode(Kind::Participant, id)),
            })
            .collect();
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: ISSUER.to_owned(),
            sub: participant.map(|id| id::encode(Kind::Participant, id)),
            grants,
            name: name.to_owned(),
            iat: now.timestamp(),
            exp: expiry(now, valid_for)?,
            nbf: None,
            jti: Some(random()?),
        };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.encoding)
            .map_err(|error| Error::internal(format!("token not signed: {error}")))
    }

    /// Checks a token and says who bears it.
    ///
    /// # Errors
    /// `Expired`, or `Unauthenticated` when the token is malformed, signed with another key or says what makes no sense.
    pub fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<Viewer, Error> {
        self.verify_until(token, now).map(|(viewer, _)| viewer)
    }

    /// Checks a token and says who bears it, and for how long from now on.
    ///
    /// # Errors
    /// As [`Self::verify`].
    pub fn verify_until(&self, token: &str, now: DateTime<Utc>) -> Result<(Viewer, std::time::Duration), Error> {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_audience(&[ISSUER]);
        validation.set_issuer(&[ISSUER]);
        validation.set_required_spec_claims(&["exp", "aud", "iss"]);
        // The gateway's own clock decides below.
        validation.validate_exp = false;
        let refused = || Error::Unauthenticated("The token is not valid.".to_owned());
        if demands_more(token) {
            return Err(refused());
        }
        let claims = jsonwebtoken::decode::<Claims>(token, &self.decoding, &validation).map_err(|_| refused())?.claims;
        if claims.exp <= now.timestamp() {
            return Err(Error::Expired);
        }
        if claims.nbf.is_some_and(|from| from > now.timestamp()) {
            return Err(Error::Unauthenticated("The token is not valid yet.".to_owned()));
        }
        let left = u64::try_from(claims.exp - now.timestamp()).unwrap_or_default();
        viewer(claims).map(|viewer| (viewer, std::time::Duration::from_secs(left))).ok_or_else(refused)
    }
}

fn expiry(now: DateTime<Utc>, valid_for: chrono::Duration) -> Result<i64, Error> {
    let longest = chrono::Duration::hours(LONGEST_HOURS.into());
    let end = now.checked_add_signed(valid_for).filter(|_| valid_for <= longest);
    let message = || format!("a token is valid for at most {LONGEST_HOURS} hours, which are ten years");
    end.map(|end| end.timestamp()).ok_or_else(|| Error::Configuration(message()))
}

/// The id of a token.
fn random() -> Result<String, Error> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).map_err(|error| Error::internal(format!("no randomness: {error}")))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// Whether a token says in its header that whoever reads it must know more than its signature and its claims (`crit`, RFC 7515,
/// section 4.1.11). Nothing of the kind is known here.
fn demands_more(token: &str) -> bool {
    let header = token.split('.').next().and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
    let header = header.and_then(|bytes| serde_json::from_slice::<serde_json::Value>(&bytes).ok());
    header.is_some_and(|header| header.get("crit").is_some())
}

/// What a token says, whoever signed it: its id, to withdraw it.
pub fn id_of(token: &str) -> Option<String> {
    let part = token.split('.').nth(1)?;
    let claims = serde_json::from_slice::<serde_json::Value>(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()?;
    claims.get("jti").and_then(|id| id.as_str()).map(ToOwned::to_owned)
}

fn viewer(claims: Claims) -> Option<Viewer> {
    let participant = match claims.sub.as_deref() {
        Some(text) => Some(id::decode_as(Kind::Participant, text)?),
        None => None,
    };
    let pass = Pass { id: claims.jti, issued_at: claims.iat, expires_at: claims.exp };
    let mut viewer = Viewer { name: shown(&claims.name), pass: Some(pass), ..Viewer::default() };
    for grant in claims.grants {
        let organization = match grant.organization.as_deref() {
            Some(text) => Some(id::decode_as(Kind::Participant, text)?),
            None => None,
        };
        match (grant.role, organization) {
            (Role::Administrator, None) => viewer.administrator = true,
            (Role::MembershipAdministrator, Some(id)) => viewer.administers.push(id),
            (Role::Staff, Some(id)) => viewer.staff_of.push(id),
            (Role::Participant, None) => viewer.participant = Some(participant?),
            _ => return None,
        }
    }
    // History names the participant even where the role alone would do.
    viewer.participant = viewer.participant.or(participant);
    Some(viewer)
}
