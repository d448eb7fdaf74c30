//! The answer to a request that is not carried out.

use std::fmt;

use async_graphql::Pos;
use axum::http::StatusCode;

/// Why a request is refused; the closed list behind `extensions.code`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// The request around the document is not what the GraphQL-over-HTTP convention asks for.
    BadUserInput,
    /// The document is not GraphQL.
    GraphqlParseFailed,
    /// The document is GraphQL but cannot mean anything, such as fragments in a circle.
    GraphqlValidationFailed,
    /// The document asks for more than a limit allows.
    QueryTooComplex,
    /// The body is not declared as JSON in UTF-8.
    UnsupportedMediaType,
    /// The operation may not be sent with this HTTP method.
    MethodNotAllowed,
    /// The body is larger than a limit allows.
    PayloadTooLarge,
    /// The body did not arrive in time.
    BodyTimeout,
    /// The client takes no media type that there is.
    NotAcceptable,
}

impl Code {
    /// The value of `extensions.code`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BadUserInput => "BAD_USER_INPUT",
            Self::GraphqlParseFailed => "GRAPHQL_PARSE_FAILED",
            Self::GraphqlValidationFailed => "GRAPHQL_VALIDATION_FAILED",
            Self::QueryTooComplex => "QUERY_TOO_COMPLEX",
            Self::UnsupportedMediaType => "UNSUPPORTED_MEDIA_TYPE",
            Self::MethodNotAllowed => "METHOD_NOT_ALLOWED",
            Self::PayloadTooLarge => "PAYLOAD_TOO_LARGE",
            Self::BodyTimeout => "TIMEOUT",
            Self::NotAcceptable => "NOT_ACCEPTABLE",
        }
    }

    /// The status of the HTTP answer.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

/// A request that is not carried out, told to the one who sent it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What kind of refusal this is.
    pub code: Code,
    /// What is wrong, for the author of the request. Free of the internals of Kring.
    pub message: String,
    /// Where in the document, for `locations`; `None` when it is not about a place in the
    /// document. Places in a JSON body are in the message.
    pub position: Option<Pos>,
}

impl Refusal {
    /// A refusal that is about no place in the document.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), position: None }
    }

    /// The refusal with the place in the document that it is about.
    #[must_use]
    pub fn at(mut self, position: Pos) -> Self {
        self.position = Some(position);
        self
    }

    /// A body above `max_body_bytes`, also for callers that stop reading one half-way.
    #[must_use]
    pub fn too_large(max_body_bytes: usize) -> Self {
        Self::new(
            Code::PayloadTooLarge,
            format!("A request may have at most {max_body_bytes} bytes; send a smaller one."),
        )
    }

    /// A body that the client began to send and did not go on with.
    #[must_use]
    pub fn too_slow() -> Self {
        Self::new(Code::BodyTimeout, "The body of the request did not arrive in time.")
    }

    /// The status of the HTTP answer.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.code.status()
    }

    /// The value of the `Allow` header, where the answer needs one.
    #[must_use]
    pub fn allow(&self) -> Option<&'static str> {
        (self.code == Code::MethodNotAllowed).then_some("POST")
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Refusal {}

/// Line and column, both from 1, of the byte at `offset`; columns count characters.
pub(super) fn position(text: &[u8], offset: usize) -> Pos {
    Counter::new(text).at(offset)
}

/// Finds the places of growing offsets in one pass.
pub(super) struct Counter<'a> {
    rest: &'a [u8],
    offset: usize,
    previous: u8,
    pos: Pos,
}

impl<'a> Counter<'a> {
    pub(super) const fn new(text: &'a [u8]) -> Self {
        Self { rest: text, offset: 0, previous: 0, pos: Pos { line: 1, column: 1 } }
    }

    /// The place of a byte that does not come before the one asked for last.
    pub(super) fn at(&mut self, offset: usize) -> Pos {
        let (passed, rest) = self.rest.split_at(offset.saturating_sub(self.offset).min(self.rest.len()));
        for &byte in passed {
            match byte {
                // The second byte of a CRLF belongs to the line that the first one ended.
                b'\n' if self.previous == b'\r' => {}
                b'\n' | b'\r' => self.pos = Pos { line: self.pos.line + 1, column: 1 },
                // Continuation bytes of UTF-8 belong to the character that they continue.
                0x80..=0xBF => {}
                _ => self.pos.column += 1,
            }
            self.previous = byte;
        }
        self.offset += passed.len();
        self.rest = rest;
        self.pos
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_lines_and_characters() {
        for (text, offset, line, column) in [
            ("", 0, 1, 1),
            ("abc", 2, 1, 3),
            ("a\nbc", 3, 2, 2),
            ("a\r\nbc", 4, 2, 2),
            ("a\rbc", 3, 2, 2),
            ("é{", 2, 1, 2),
            ("a\n", 99, 2, 1),
        ] {
            let found = position(text.as_bytes(), offset);
            assert_eq!((found.line, found.column), (line, column), "{text:?}");
        }
    }

    #[test]
    fn only_a_wrong_method_names_the_right_one() {
        assert_eq!(Refusal::new(Code::MethodNotAllowed, "").allow(), Some("POST"));
        assert_eq!(Refusal::too_large(1).allow(), None);
        assert_eq!(Refusal::too_large(1).status(), StatusCode::PAYLOAD_TOO_LARGE);
    }
}
