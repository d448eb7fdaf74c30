//! Answers to requests that lead nowhere: an unknown path, or a method that a path does not know.

use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::Response;
use serde_json::json;

use super::accept::Media;
use super::guard::{Code, Refusal};
use super::respond::{json_response, refused};

/// There is no such path.
pub async fn path() -> Response {
    missing()
}

/// The path is there and does not take this method.
pub async fn method(method: Method, headers: HeaderMap) -> Response {
    let message = format!("{method} is not possible here; the Allow header says what is.");
    let media = Media::accepted(&headers).unwrap_or(Media::Json);
    let mut response = refused(media, &Refusal::new(Code::MethodNotAllowed, message));
    // The router knows which methods the path takes, and names them where no others are named.
    response.headers_mut().remove(header::ALLOW);
    response
}

/// There is nothing, or nothing that the viewer may see: both look the same.
pub fn missing() -> Response {
    told(StatusCode::NOT_FOUND, "NOT_FOUND", "There is nothing here.")
}

/// One error outside GraphQL, in the shape that errors have everywhere.
pub fn told(status: StatusCode, code: &str, message: &str) -> Response {
    let body = json!({ "errors": [{ "message": message, "extensions": { "code": code } }] });
    json_response(status, Media::Json, body.to_string().into_bytes())
}
