//! Files and calendars over HTTP.
//!
//! A file is sent in one request, `POST /content/{id}/files?name=…`, with its bytes as the body. Whoever may see the item may
//! fetch it from `/files/{id}`; whether they may is decided at every request, by the condition that everything else takes.

mod download;
mod range;
mod upload;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{DefaultBodyLimit, Path};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use axum::routing::{get, post};
use serde::Deserialize;
use tokio::sync::Semaphore;

use super::Gateway;
use super::turn::{Task, in_turn};
use super::{nowhere, respond};
use crate::access::Viewer;
use crate::access::link::Links;
use crate::content::files::media::DOCUMENTS;
use crate::content::files::objects::Objects;
use crate::content::files::store;
use crate::db::Conn;
use crate::error::{Code, Error};
use crate::graphql::errors;
use crate::groups::store::CompositionCache;
use crate::scope::Scope;

/// The most files that are received at once.
const RECEIVING: usize = 16;

/// How files are kept and which are accepted.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where they are kept.
    pub objects: Objects,
    /// The address under which clients reach the gateway; links are relative to it when empty.
    pub public_url: String,
    /// The largest document, in bytes.
    pub max_document_bytes: u64,
    /// The largest photo as it is sent, in bytes.
    pub max_photo_bytes: u64,
    /// The media types of documents that are accepted.
    pub document_types: Vec<String>,
    /// How long the sender of a file may take for the next piece of it.
    pub patience: Duration,
}

impl Options {
    /// The defaults for a store.
    pub fn new(objects: Objects) -> Self {
        Self {
            objects,
            public_url: String::new(),
            max_document_bytes: 50 * 1024 * 1024,
            max_photo_bytes: 20 * 1024 * 1024,
            document_types: DOCUMENTS.iter().map(|media_type| (*media_type).to_owned()).collect(),
            patience: Duration::from_secs(30),
        }
    }
}

/// What a gateway with files has.
pub struct Files {
    options: Options,
    pub links: Links,
    receiving: Semaphore,
    /// Photos take much memory while they are read: one after another.
    preparing: Arc<Semaphore>,
}

impl Files {
    pub(super) fn new(options: Options, links: Links) -> Self {
        Self { options, links, receiving: Semaphore::new(RECEIVING), preparing: Arc::new(Semaphore::new(1)) }
    }
}

/// The routes of files; each answers with `NOT_FOUND` where none are kept.
pub fn routes(gateway: Arc<Gateway>) -> Router {
    Router::new()
        .route("/content/{id}/files", post(upload::receive).layer(DefaultBodyLimit::disable()))
        .route("/files/{id}", get(download::file))
        .route("/files/{id}/preview", get(download::preview))
        .route("/calendar/{id}", get(download::calendar))
        .with_state(gateway)
}

/// Why a file is neither taken nor given.
#[derive(Debug)]
enum Fault {
    /// There is no such thing, or it is not the viewer's to see.
    Missing,
    /// A larger file than is accepted, in bytes.
    TooLarge(u64),
    /// A picture with more pixels than can be read.
    TooManyPixels(String),
    /// Of a type that is not accepted, or not what it says it is.
    WrongType(String),
    /// The sender stopped half-way.
    Broken,
    /// The sender was too slow.
    Stalled,
    Other(Error),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        match &error {
            Error::Rejected(rejections) if rejections.iter().any(|rejection| rejection.code == Code::NotFound) => {
                Self::Missing
            }
            _ => Self::Other(error),
        }
    }
}

impl Fault {
    fn response(self) -> Response {
        let (status, code, message) = match self {
            Self::Missing => return nowhere::missing(),
            Self::TooLarge(limit) => {
                let message = format!("A file of this kind may have at most {limit} bytes.");
                (StatusCode::PAYLOAD_TOO_LARGE, "PAYLOAD_TOO_LARGE".to_owned(), message)
            }
            Self::TooManyPixels(message) => (StatusCode::PAYLOAD_TOO_LARGE, "PAYLOAD_TOO_LARGE".to_owned(), message),
            Self::WrongType(message) => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE".to_owned(), message)
            }
            Self::Broken => {
                let message = "The file did not arrive as a whole.".to_owned();
                (StatusCode::BAD_REQUEST, "BAD_USER_INPUT".to_owned(), message)
            }
            Self::Stalled => {
                let message = "The file did not arrive in time.".to_owned();
                (StatusCode::REQUEST_TIMEOUT, "TIMEOUT".to_owned(), message)
            }
            Self::Other(error) => {
                let (status, code) = told(&error);
                (status, code, errors::resolver_error(&error).message)
            }
        };
        nowhere::told(status, &code, &message)
    }
}

fn told(error: &Error) -> (StatusCode, String) {
    let status = match error {
        Error::Rejected(rejections) => match rejections.first().map(|rejection| rejection.code) {
            Some(Code::Forbidden) => StatusCode::FORBIDDEN,
            Some(Code::WrongKind | Code::TooMany | Code::Conflict) => StatusCode::CONFLICT,
            _ => StatusCode::BAD_REQUEST,
        },
        other => respond::status(other),
    };
    let code = match error {
        Error::Rejected(rejections) => rejections
            .first()
            .and_then(|rejection| serde_json::to_value(rejection.code).ok())
            .and_then(|code| code.as_str().map(ToOwned::to_owned))
            .unwrap_or_default(),
        other => errors::code(other).to_owned(),
    };
    (status, code)
}

/// What a path names; an error when that is no text.
type Named = Result<Path<String>, PathRejection>;

fn named(id: Named) -> Result<String, Fault> {
    id.map(|Path(id)| id).map_err(|_| Fault::Missing)
}

/// The query of an address; what is not understood is not there.
fn query<T: for<'q> Deserialize<'q> + Default>(uri: &Uri) -> T {
    axum::extract::Query::<T>::try_from_uri(uri).map(|query| query.0).unwrap_or_default()
}

impl Gateway {
    fn files(&self) -> Result<&Files, Fault> {
        self.files.as_ref().ok_or(Fault::Missing)
    }

    /// Who follows a link: whose key it carries, or whoever signs in by a header.
    async fn follower(self: &Arc<Self>, headers: &HeaderMap, uri: &Uri, of: &str) -> Result<Viewer, Fault> {
        #[derive(Default, Deserialize)]
        struct Query {
            key: Option<String>,
        }
        match query::<Query>(uri).key {
            None => Ok(self.viewer(headers).await?),
            Some(key) => {
                let viewer = self.files()?.links.viewer(&key, of, self.options.clock.now()).ok_or(Fault::Missing)?;
                match self.admit_bearer(&viewer).await {
                    Err(Error::Withdrawn | Error::Expired) => Err(Fault::Missing),
                    admitted => Ok(admitted.map(|()| viewer)?),
                }
            }
        }
    }

    pub(super) fn scope(&self, viewer: Viewer) -> Scope {
        Scope::new(viewer, self.options.clock, self.options.zone)
            .with_mail(self.options.mail)
            .with_links(self.files.as_ref().map(|files| files.links.clone()))
    }
}

/// Does something in a transaction of its own, kept or not.
async fn write<T: Send + 'static>(
    gateway: &Arc<Gateway>,
    viewer: Viewer,
    keep: bool,
    body: impl FnOnce(&mut Conn, &Scope, &CompositionCache) -> Result<T, Error> + Send + 'static,
) -> Result<T, Fault> {
    let done = in_turn(gateway, Task::Change, move |gateway| {
        let scope = gateway.scope(viewer);
        let cache = &gateway.shared.compositions;
        gateway.shared.db.write_if(|conn| body(conn, &scope, cache).map(|value| (value, keep)))
    });
    Ok(done.await??)
}

/// Removes the objects of uploads that were never finished and of files that are gone; answers with how many.
///
/// # Errors
/// What the database or the store answers; what is left is removed next time.
pub async fn sweep(gateway: &Arc<Gateway>) -> Result<usize, Error> {
    let Some(files) = &gateway.files else { return Ok(0) };
    let now = gateway.options.clock.now().naive_utc();
    let keys =
        in_turn(gateway, Task::Read, move |gateway| gateway.shared.db.read(|conn| store::doomed(conn, now))).await??;
    for key in &keys {
        files.options.objects.remove(key).await?;
    }
    let removed = keys.len();
    if removed > 0 {
        in_turn(gateway, Task::Change, move |gateway| gateway.shared.db.write(|conn| store::spare(conn, &keys)))
            .await??;
    }
    Ok(removed)
}
