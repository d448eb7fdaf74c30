//! Writing answers.

use async_graphql::parser::types::OperationType;
use async_graphql::{PathSegment, Response, ServerError, Value};
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};

use super::accept::Media;
use super::guard::Refusal;
use crate::error::Error;
use crate::graphql::errors::server_error;

/// The most validation errors in one answer.
const MAX_ERRORS: usize = 5;

/// An answer with a body of JSON.
pub fn json_response(status: StatusCode, media: Media, body: Vec<u8>) -> axum::response::Response {
    let mut response = axum::response::Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, media.header());
    // Personal data: nothing on the way may keep it.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    match status {
        StatusCode::SERVICE_UNAVAILABLE => _ = headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1")),
        StatusCode::UNAUTHORIZED => _ = headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")),
        // The rest of the body is not waited for.
        StatusCode::REQUEST_TIMEOUT => _ = headers.insert(header::CONNECTION, HeaderValue::from_static("close")),
        _ => {}
    }
    response
}

/// An executed operation.
pub fn executed(media: Media, kind: OperationType, mut response: Response) -> axum::response::Response {
    let refused = settle(&mut response);
    let status = match overload(kind, &response) {
        Some(status) => {
            response.data = Value::Null;
            status
        }
        None if refused => status_of_document(media),
        None => StatusCode::OK,
    };
    json_response(status, media, result(&response, refused))
}

/// The status of the answer to a document that is refused.
fn status_of_document(media: Media) -> StatusCode {
    if media == Media::OnlyJson { StatusCode::OK } else { StatusCode::BAD_REQUEST }
}

/// Gives every error of an executed operation a code, and says whether the operation was refused before it began.
pub fn settle(response: &mut Response) -> bool {
    // Without a path an error was found before execution, by the validator.
    let refused = response.data == Value::Null
        && !response.errors.is_empty()
        && response.errors.iter().all(|error| error.path.is_empty());
    if refused {
        response.errors.truncate(MAX_ERRORS);
    }
    // Our own errors know their code. The others are the library's: of its validator, or of the reading of an argument.
    let code = if refused { "GRAPHQL_VALIDATION_FAILED" } else { "BAD_USER_INPUT" };
    for error in &mut response.errors {
        let extensions = error.extensions.get_or_insert_default();
        if extensions.get("code").is_none() {
            extensions.set("code", code);
        }
    }
    refused
}

/// The result of an operation as JSON; what was refused has no data.
pub fn result(response: &Response, refused: bool) -> Vec<u8> {
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
    body
}

/// Proxies and clients learn of overload from the status too, so that they wait before they try again. An answer that
/// holds something is an answer: whoever asks again would repeat what was done.
fn overload(kind: OperationType, response: &Response) -> Option<StatusCode> {
    let is = |name: &str| {
        response.errors.iter().any(|error| {
            error.extensions.as_ref().and_then(|extensions| extensions.get("code"))
                == Some(&Value::String(name.to_owned()))
        })
    };
    let status = if is("UNAVAILABLE") {
        StatusCode::SERVICE_UNAVAILABLE
    } else if is("TIMEOUT") {
        StatusCode::GATEWAY_TIMEOUT
    } else {
        return None;
    };
    (!holds_something(kind, &response.data)).then_some(status)
}

/// Whether anything was answered. The payload of a mutation says that it was carried out, even if it says no more.
fn holds_something(kind: OperationType, data: &Value) -> bool {
    let mut body = Vec::new();
    write_value(&mut body, data);
    let data: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
    match kind {
        OperationType::Mutation => data.as_object().is_some_and(|fields| fields.values().any(|field| !field.is_null())),
        OperationType::Query | OperationType::Subscription => has_leaf(&data),
    }
}

fn has_leaf(value: &serde_json::Value) -> bool {
    match value {
        serde_json::Value::Null => false,
        serde_json::Value::Array(items) => items.is_empty() || items.iter().any(has_leaf),
        serde_json::Value::Object(fields) => fields.values().any(has_leaf),
        _ => true,
    }
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
    let errors: Vec<ShownError<'_>> = errors.iter().map(ShownError::of).collect();
    write_json(body, &errors);
}

/// An error as the specification shows it (section 7.1.2).
#[derive(serde::Serialize)]
struct ShownError<'a> {
    message: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    locations: Vec<Location>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    path: Vec<Segment<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extensions: Option<Extensions<'a>>,
}

#[derive(serde::Serialize)]
struct Location {
    line: usize,
    column: usize,
}

#[derive(serde::Serialize)]
#[serde(untagged)]
enum Segment<'a> {
    Field(&'a str),
    Index(usize),
}

#[derive(serde::Serialize)]
struct Extensions<'a> {
    code: &'a str,
}

impl<'a> ShownError<'a> {
    fn of(error: &'a ServerError) -> Self {
        let path = error.path.iter().map(|segment| match segment {
            PathSegment::Field(name) => Segment::Field(name),
            PathSegment::Index(n) => Segment::Index(*n),
        });
        let code = match error.extensions.as_ref().and_then(|extensions| extensions.get("code")) {
            Some(Value::String(code)) => Some(Extensions { code }),
            _ => None,
        };
        Self {
            message: &error.message,
            locations: error.locations.iter().map(|pos| Location { line: pos.line, column: pos.column }).collect(),
            path: path.collect(),
            extensions: code,
        }
    }

    fn alone(self) -> Vec<u8> {
        let mut body = b"{\"errors\":[".to_vec();
        write_json(&mut body, &self);
        body.extend_from_slice(b"]}");
        body
    }
}

/// The errors for which an operation was not carried out, as JSON.
pub fn error_list(errors: &[ServerError]) -> Vec<u8> {
    let mut list = Vec::new();
    write_errors(&mut list, errors);
    list
}

/// A request that breaks rules of the specification: nothing of it was executed.
pub fn invalid(media: Media, errors: &[ServerError]) -> axum::response::Response {
    let mut body = b"{\"errors\":".to_vec();
    write_errors(&mut body, errors);
    body.push(b'}');
    json_response(status_of_document(media), media, body)
}

/// A request that the guard refused.
pub fn refused(media: Media, refusal: &Refusal) -> axum::response::Response {
    refused_with(refusal.status(), media, refusal)
}

/// A request that is well formed, and of which the guard refused the document.
pub fn refused_document(media: Media, refusal: &Refusal) -> axum::response::Response {
    let status = match refusal.status() {
        StatusCode::BAD_REQUEST => status_of_document(media),
        other => other,
    };
    refused_with(status, media, refusal)
}

fn refused_with(status: StatusCode, media: Media, refusal: &Refusal) -> axum::response::Response {
    let body = ShownError {
        message: &refusal.message,
        locations: refusal.position.map(|pos| Location { line: pos.line, column: pos.column }).into_iter().collect(),
        path: Vec::new(),
        extensions: Some(Extensions { code: refusal.code.as_str() }),
    }
    .alone();
    let mut response = json_response(status, media, body);
    if let Some(allow) = refusal.allow().and_then(|allow| HeaderValue::from_str(allow).ok()) {
        response.headers_mut().insert(header::ALLOW, allow);
    }
    response
}

/// The status that goes with an error.
pub fn status(error: &Error) -> StatusCode {
    match error {
        Error::Unauthenticated(_) | Error::Expired | Error::Withdrawn => StatusCode::UNAUTHORIZED,
        Error::Forbidden(_) => StatusCode::FORBIDDEN,
        Error::Unavailable | Error::Full => StatusCode::SERVICE_UNAVAILABLE,
        Error::Timeout | Error::Unfinished => StatusCode::GATEWAY_TIMEOUT,
        Error::Internal(_) | Error::Configuration(_) => StatusCode::INTERNAL_SERVER_ERROR,
        Error::Rejected(_) | Error::BadInput(_) | Error::TooComplex(_) => StatusCode::BAD_REQUEST,
    }
}

/// A request that ended before its execution.
pub fn failed(media: Media, error: &Error, pos: async_graphql::Pos) -> axum::response::Response {
    let shown = server_error(error, pos);
    let mut shown = ShownError::of(&shown);
    if pos == async_graphql::Pos::default() {
        shown.locations.clear();
    }
    json_response(status(error), media, shown.alone())
}

#[cfg(test)]
mod tests {
    use async_graphql::ErrorExtensionValues;

    use super::*;

    #[test]
    fn only_an_answer_without_anything_in_it_has_the_status_of_overload() {
        use OperationType::{Mutation, Query};
        let (late, away) = (Some(StatusCode::GATEWAY_TIMEOUT), Some(StatusCode::SERVICE_UNAVAILABLE));
        for (kind, data, code, expected) in [
            (Query, "null", "TIMEOUT", late),
            (Query, r#"{"a": null}"#, "TIMEOUT", late),
            (Query, r#"{"a": {"b": [null, {"c": null}]}}"#, "UNAVAILABLE", away),
            (Query, r#"{"a": null, "b": false}"#, "TIMEOUT", None),
            (Query, r#"{"a": {"b": []}}"#, "UNAVAILABLE", None),
            (Query, "null", "INTERNAL", None),
            (Mutation, r#"{"a": null}"#, "UNAVAILABLE", away),
            (Mutation, r#"{"a": {"b": null}}"#, "UNAVAILABLE", None),
        ] {
            let mut error = ServerError::new("", None);
            let mut extensions = ErrorExtensionValues::default();
            extensions.set("code", code);
            error.extensions = Some(extensions);
            let mut response = Response::new(Value::Binary(data.to_owned().into()));
            response.errors.push(error);
            assert_eq!(overload(kind, &response), expected, "{data} {code}");
        }
    }
}
