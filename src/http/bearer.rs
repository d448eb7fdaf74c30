//! Who a request comes from, as its token says.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderValue, header};
use tokio::time::Instant;

use super::Gateway;
use crate::access::Viewer;
use crate::error::Error;

/// Who is at the other end, and until when.
#[derive(Clone)]
pub struct Signed {
    pub viewer: Viewer,
    /// Absent when that is too far off to matter.
    pub until: Option<Instant>,
}

impl Gateway {
    /// Who sends a request with these headers, if their token still holds.
    ///
    /// # Errors
    /// `Unauthenticated`, `Expired` or `Withdrawn`, and `Unavailable` when it cannot be known.
    pub(super) async fn viewer(self: &Arc<Self>, headers: &HeaderMap) -> Result<Viewer, Error> {
        let viewer = self.signed_by(headers)?.map_or_else(Viewer::anonymous, |signed| signed.viewer);
        self.admit_bearer(&viewer).await?;
        Ok(viewer)
    }

    /// Who sends a request with these headers, and until when; `None` when there is no token. Whether it was withdrawn is to be
    /// asked when it is used.
    ///
    /// # Errors
    /// `Unauthenticated` or `Expired`.
    pub(super) fn signed_by(&self, headers: &HeaderMap) -> Result<Option<Signed>, Error> {
        let value = headers.get(header::AUTHORIZATION).map(HeaderValue::to_str).transpose();
        value.map_err(|_| malformed())?.map_or(Ok(None), |value| self.signed(value))
    }

    /// Who presents this as the value of an Authorization header, and until when; `None` when it is empty, as some
    /// clients send it for whoever did not sign in.
    ///
    /// # Errors
    /// `Unauthenticated` or `Expired`.
    pub(super) fn signed(&self, value: &str) -> Result<Option<Signed>, Error> {
        let value = value.trim();
        if value.is_empty() {
            return Ok(None);
        }
        let token = match value.split_once(' ') {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
            _ => return Err(malformed()),
        };
        let (viewer, left) = self.keys.verify_until(token, self.options.clock.now())?;
        Ok(Some(Signed { viewer, until: Instant::now().checked_add(left) }))
    }
}

fn malformed() -> Error {
    Error::Unauthenticated("The Authorization header must hold `Bearer` and a token.".to_owned())
}
