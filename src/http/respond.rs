//! Writing answers.

use async_graphql::{PathSegment, Response, ServerError, Value};
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};

use super::guard::Refusal;
use crate::error::Error;
use crate::graphql::errors::server_error;

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
    if status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

/// An executed operation.
pub fn executed(media: Media, mut response: Response) -> axum::response::Response {
    let refused = settle(&mut response);
    let status = if refused { StatusCode::BAD_REQUEST } else { status_of(&response.errors) };
    json_response(status, media, result(&response, refused))
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

/// Overload is told to proxies and clients by the status too, so that they wait before they retry.
fn status_of(errors: &[ServerError]) -> StatusCode {
    let is = |name: &str| {
        errors.iter().any(|error| {
            error.extensions.as_ref().and_then(|extensions| extensions.get("code"))
                == Some(&Value::String(name.to_owned()))
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
    json_response(StatusCode::BAD_REQUEST, media, body)
}

/// A request that the guard refused.
pub fn refused(media: Media, refusal: &Refusal) -> axum::response::Response {
    let body = ShownError {
        message: &refusal.message,
        locations: refusal.position.map(|pos| Location { line: pos.line, column: pos.column }).into_iter().collect(),
        path: Vec::new(),
        extensions: Some(Extensions { code: refusal.code.as_str() }),
    }
    .alone();
    let mut response = json_response(refusal.status(), media, body);
    if let Some(allow) = refusal.allow().and_then(|allow| HeaderValue::from_str(allow).ok()) {
        response.headers_mut().insert(header::ALLOW, allow);
    }
    response
}

/// A request that ended before its execution.
pub fn failed(media: Media, error: &Error, pos: async_graphql::Pos) -> axum::response::Response {
    let status = match error {
        Error::Unauthenticated(_) | Error::Expired => StatusCode::UNAUTHORIZED,
        Error::Forbidden(_) => StatusCode::FORBIDDEN,
        Error::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Error::Timeout | Error::Unfinished => StatusCode::GATEWAY_TIMEOUT,
        Error::Internal(_) | Error::Configuration(_) => StatusCode::INTERNAL_SERVER_ERROR,
        Error::Rejected(_) | Error::BadInput(_) => StatusCode::BAD_REQUEST,
    };
    let shown = server_error(error, pos);
    let mut shown = ShownError::of(&shown);
    if pos == async_graphql::Pos::default() {
        shown.locations.clear();
    }
    let body = shown.alone();
    let mut response = json_response(status, media, body);
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}
