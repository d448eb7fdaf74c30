//! Writing answers.

use async_graphql::{PathSegment, Response, ServerError, Value};
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use serde_json::json;

use super::guard::Refusal;
use crate::error::Error;
use crate::graphql::errors::{code, server_error};

/// The most validation errors in one answer.
const MAX_ERRORS: usize = 5;

/// The media type of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Media {
    /// `application/json`, which every client reads.
    Json,
    /// `application/graphql-response+json`, for clients that ask for it.
    GraphqlResponse,
}

impl Media {
    /// What the `Accept` header prefers.
    pub fn accepted(accept: Option<&HeaderValue>) -> Self {
        let accept = accept.and_then(|value| value.to_str().ok()).unwrap_or_default();
        if accept.contains("application/graphql-response+json") { Self::GraphqlResponse } else { Self::Json }
    }

    fn header(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Json => "application/json; charset=utf-8",
            Self::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
        })
    }
}

/// An answer with a body of JSON.
pub fn json_response(status: StatusCode, media: Media, body: Vec<u8>) -> axum::response::Response {
    let mut response = axum::response::Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, media.header());
    // Personal data: nothing on the way may keep it.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// An executed operation.
pub fn executed(media: Media, mut response: Response) -> axum::response::Response {
    // Without a path an error was found before execution, by the validator.
    let refused = response.data == Value::Null && response.errors.iter().all(|error| error.path.is_empty());
    let status = if refused && !response.errors.is_empty() { StatusCode::BAD_REQUEST } else { status_of(&response.errors) };
    if refused {
        response.errors.truncate(MAX_ERRORS);
        for error in &mut response.errors {
            if error.extensions.as_ref().is_none_or(|extensions| extensions.get("code").is_none()) {
                let values = error.extensions.get_or_insert_default();
                values.set("code", "GRAPHQL_VALIDATION_FAILED");
            }
        }
    }
    let mut body = Vec::with_capacity(1_024);
    body.push(b'{');
    if !refused {
        body.extend_from_slice(b"\"data\":");
        write_value(&mut body, &response.data);
    }
    if !response.errors.is_empty() {
        if !refused {
            body.push(b',');
        }
        body.extend_from_slice(b"\"errors\":");
        write_errors(&mut body, &response.errors);
    }
    body.push(b'}');
    json_response(status, media, body)
}

/// Overload is told to proxies and clients by the status too, so that they wait before they retry.
fn status_of(errors: &[ServerError]) -> StatusCode {
    let is = |name: &str| {
        errors.iter().any(|error| {
            error.extensions.as_ref().and_then(|extensions| extensions.get("code")) == Some(&Value::String(name.to_owned()))
        })
    };
    if is("UNAVAILABLE") { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK }
}

/// Writes a value; what the engine rendered is copied as it is.
fn write_value(body: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Binary(json) => body.extend_from_slice(json),
        Value::List(items) => {
            body.push(b'[');
            for (n, item) in items.iter().enumerate() {
                if n > 0 {
                    body.push(b',');
                }
                write_value(body, item);
            }
            body.push(b']');
        }
        Value::Object(fields) => {
            body.push(b'{');
            for (n, (name, value)) in fields.iter().enumerate() {
                if n > 0 {
                    body.push(b',');
                }
                write_json(body, name.as_str());
                body.push(b':');
                write_value(body, value);
            }
            body.push(b'}');
        }
        other => write_json(body, other),
    }
}

fn write_json(body: &mut Vec<u8>, value: &(impl serde::Serialize + ?Sized)) {
    let start = body.len();
    if serde_json::to_writer(&mut *body, value).is_err() {
        body.truncate(start);
        body.extend_from_slice(b"null");
    }
}

fn write_errors(body: &mut Vec<u8>, errors: &[ServerError]) {
    let errors: Vec<serde_json::Value> = errors.iter().map(error_json).collect();
    write_json(body, &errors);
}

fn error_json(error: &ServerError) -> serde_json::Value {
    let mut json = json!({ "message": error.message });
    let locations: Vec<_> = error.locations.iter().map(|pos| json!({ "line": pos.line, "column": pos.column })).collect();
    if !locations.is_empty() {
        json["locations"] = locations.into();
    }
    if !error.path.is_empty() {
        let path = error.path.iter().map(|segment| match segment {
            PathSegment::Field(name) => serde_json::Value::from(name.as_str()),
            PathSegment::Index(n) => serde_json::Value::from(*n),
        });
        json["path"] = path.collect();
    }
    let code = error.extensions.as_ref().and_then(|extensions| extensions.get("code"));
    if let Some(Value::String(code)) = code {
        json["extensions"] = json!({ "code": code });
    }
    json
}

/// A request that the guard refused.
pub fn refused(media: Media, refusal: &Refusal) -> axum::response::Response {
    let mut error = json!({ "message": refusal.message, "extensions": { "code": refusal.code.as_str() } });
    if let Some(pos) = refusal.position {
        error["locations"] = json!([{ "line": pos.line, "column": pos.column }]);
    }
    let mut body = Vec::new();
    write_json(&mut body, &json!({ "errors": [error] }));
    let mut response = json_response(refusal.status(), media, body);
    if let Some(allow) = refusal.allow().and_then(|allow| HeaderValue::from_str(allow).ok()) {
        response.headers_mut().insert(header::ALLOW, allow);
    }
    response
}

/// A request that ended before its execution.
pub fn failed(media: Media, error: &Error, pos: async_graphql::Pos) -> axum::response::Response {
    let status = match error {
        Error::Unauthenticated(_) => StatusCode::UNAUTHORIZED,
        Error::Forbidden(_) => StatusCode::FORBIDDEN,
        Error::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Error::Timeout => StatusCode::GATEWAY_TIMEOUT,
        Error::Internal(_) | Error::Configuration(_) => StatusCode::INTERNAL_SERVER_ERROR,
        Error::Rejected(_) | Error::BadInput(_) => StatusCode::BAD_REQUEST,
    };
    let shown = server_error(error, pos);
    let mut json = error_json(&shown);
    json["extensions"] = json!({ "code": code(error) });
    if pos == async_graphql::Pos::default()
        && let Some(json) = json.as_object_mut()
    {
        json.remove("locations");
    }
    let mut body = Vec::new();
    write_json(&mut body, &json!({ "errors": [json] }));
    let mut response = json_response(status, media, body);
    let headers = response.headers_mut();
    match status {
        StatusCode::UNAUTHORIZED => drop(headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))),
        StatusCode::SERVICE_UNAVAILABLE => drop(headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"))),
        _ => {}
    }
    response
}
