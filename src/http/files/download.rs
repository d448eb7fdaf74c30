//! Giving files and calendars.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use futures_util::StreamExt;

use super::range::{Part, part};
use super::{Fault, Gateway, Named, Task, in_turn, named};
use crate::access::Viewer;
use crate::content::files::objects::Pieces;
use crate::content::files::store::{self, FileRow};
use crate::content::visibility::Vision;
use crate::content::{calendar as ics, store as content};
use crate::error::Error;
use crate::id::{self, Kind};

/// `GET /files/{id}`.
pub async fn file(State(gateway): State<Arc<Gateway>>, id: Named, request: Request) -> Response {
    give(&gateway, id, &request.into_parts().0, false).await.unwrap_or_else(Fault::response)
}

/// `GET /files/{id}/preview`.
pub async fn preview(State(gateway): State<Arc<Gateway>>, id: Named, request: Request) -> Response {
    give(&gateway, id, &request.into_parts().0, true).await.unwrap_or_else(Fault::response)
}

/// `GET /calendar/{id}`, with or without `.ics`.
pub async fn calendar(State(gateway): State<Arc<Gateway>>, id: Named, request: Request) -> Response {
    let request = request.into_parts().0;
    let found = async {
        let id = named(id)?;
        let id = id.strip_suffix(".ics").unwrap_or(&id).to_owned();
        let viewer = gateway.follower(&request.headers, &request.uri, &id).await?;
        let key = id::decode_as(Kind::Content, &id).ok_or(Fault::Missing)?;
        let text = seen(&gateway, viewer, move |conn, vision, scope| {
            let rows = content::by_ids(conn, vision, scope.instant(), true, &[key])?;
            Ok(rows.first().and_then(|row| ics::text(row, scope.zone)))
        });
        let text = text.await?.ok_or(Fault::Missing)?;
        let mut response = Response::new(Body::from(text));
        protect(response.headers_mut());
        set(&mut response, header::CONTENT_TYPE, "text/calendar; charset=utf-8");
        set(&mut response, header::CONTENT_DISPOSITION, "attachment; filename=\"calendar.ics\"");
        Ok::<_, Fault>(response)
    };
    found.await.unwrap_or_else(Fault::response)
}

/// Reads something with what the viewer sees.
async fn seen<T: Send + 'static>(
    gateway: &Arc<Gateway>,
    viewer: Viewer,
    body: impl FnOnce(&mut crate::db::Conn, &Vision, &crate::scope::Scope) -> Result<T, Error> + Send + 'static,
) -> Result<T, Fault> {
    let read = in_turn(gateway, Task::Read, move |gateway| {
        let scope = gateway.scope(viewer);
        gateway.shared.db.read(|conn| {
            let vision = Vision::of_viewer(conn, &scope, &gateway.shared.compositions)?;
            body(conn, &vision, &scope)
        })
    });
    Ok(read.await??)
}

async fn give(gateway: &Arc<Gateway>, id: Named, request: &Parts, preview: bool) -> Result<Response, Fault> {
    let (files, id) = (gateway.files()?, named(id)?);
    let viewer = gateway.follower(&request.headers, &request.uri, &id).await?;
    let key = id::decode_as(Kind::ContentFile, &id).ok_or(Fault::Missing)?;
    let found = seen(gateway, viewer.clone(), move |conn, vision, _| store::visible(conn, vision, &[key])).await?;
    let row = found.into_iter().next().ok_or(Fault::Missing)?;
    let object = if preview { row.preview_key.clone().ok_or(Fault::Missing)? } else { row.object_key.clone() };
    let tag = format!("\"{}{}\"", row.sha256, if preview { "-preview" } else { "" });
    let header = |name: HeaderName| request.headers.get(name).and_then(|value| value.to_str().ok());
    let mut response = Response::new(Body::empty());
    describe(&mut response, &row, &tag);
    if header(header::IF_NONE_MATCH)
        .is_some_and(|tags| tags.split(',').any(|known| known.trim() == tag || known == "*"))
    {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return Ok(response);
    }
    let size = u64::try_from(row.size).unwrap_or_default();
    let current = header(header::IF_RANGE).is_none_or(|known| known == tag);
    let wanted = header(header::RANGE).filter(|_| current && !preview);
    let range = match part(wanted, size) {
        Part::Nowhere => {
            set(&mut response, header::CONTENT_RANGE, &format!("bytes */{size}"));
            *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
            return Ok(response);
        }
        Part::Whole => None,
        Part::Some(range) => {
            let end = range.end.saturating_sub(1);
            set(&mut response, header::CONTENT_RANGE, &format!("bytes {}-{end}/{size}", range.start));
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            Some(range)
        }
    };
    if !preview {
        set(&mut response, header::ACCEPT_RANGES, "bytes");
        let length = range.as_ref().map_or(size, |range| range.end - range.start);
        set(&mut response, header::CONTENT_LENGTH, &length.to_string());
    }
    if request.method != Method::HEAD {
        let pieces = files.options.objects.read(&object, range).await?;
        *response.body_mut() = while_allowed(Arc::clone(gateway), viewer, pieces);
    }
    Ok(response)
}

/// A file piece by piece, which breaks off when the token by which it is fetched is withdrawn.
fn while_allowed(gateway: Arc<Gateway>, viewer: Viewer, pieces: Pieces) -> Body {
    Body::from_stream(pieces.map(move |piece| {
        if gateway.is_withdrawn(&viewer) {
            return Err(std::io::Error::other(Error::Withdrawn));
        }
        piece.map_err(std::io::Error::other)
    }))
}

/// What holds for the whole file and for every part of it.
fn describe(response: &mut Response, row: &FileRow, tag: &str) {
    protect(response.headers_mut());
    set(response, header::CONTENT_TYPE, &row.media_type);
    set(response, header::ETAG, tag);
    // Only what the gateway itself has made of a photo is shown in place.
    let manner = if row.preview_key.is_some() { "inline" } else { "attachment" };
    set(response, header::CONTENT_DISPOSITION, &disposition(manner, &row.name));
}

/// The name for old and for new clients (RFC 6266, RFC 8187).
fn disposition(manner: &str, name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|c| if c.is_ascii_graphic() && !matches!(c, '"' | '\\' | '%') || c == ' ' { c } else { '_' })
        .collect();
    let encoded: String = name
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect();
    format!("{manner}; filename=\"{plain}\"; filename*=UTF-8''{encoded}")
}

/// What people send is theirs: nothing on the way keeps it for others, and nothing in it runs.
fn protect(headers: &mut HeaderMap) {
    for (name, value) in [
        (header::CACHE_CONTROL, "private, no-cache"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-resource-policy"), "cross-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

fn set(response: &mut Response, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}
