//! What a client wants to be answered in, as its `Accept` headers say (RFC 9110, section 12.5.1).

use axum::http::{HeaderMap, HeaderValue, header};

use super::guard::{Code, Refusal};

const JSON: &str = "application/json";
const GRAPHQL: &str = "application/graphql-response+json";

/// The media type of an answer, and how refusals are told in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Media {
    /// `application/json`, for a client that names this type and not the newer one. Programs between such a client and
    /// the gateway may take any other status than 200 for a fault of the server. So a document that is refused is
    /// answered with 200, as the GraphQL-over-HTTP convention asks for.
    OnlyJson,
    /// `application/json`, for everybody else who prefers it or says nothing.
    Json,
    /// `application/graphql-response+json`, for clients that ask for it.
    GraphqlResponse,
}

impl Media {
    /// What the client prefers. A client that names neither type gets JSON, as browsers do that follow a link.
    ///
    /// # Errors
    /// `NOT_ACCEPTABLE` when the client refuses both types.
    pub fn accepted(headers: &HeaderMap) -> Result<Self, Refusal> {
        let lines = headers.get_all(header::ACCEPT).iter().filter_map(|line| line.to_str().ok());
        let ranges: Vec<Range<'_>> = lines.flat_map(|line| split(line, ',')).filter_map(Range::read).collect();
        let (json, graphql) = (Wish::of(JSON, &ranges), Wish::of(GRAPHQL, &ranges));
        let only_json = if json.is_named && json.weight > Some(0) { Self::OnlyJson } else { Self::Json };
        let prefers_graphql = match (json.weight, graphql.weight) {
            (Some(0), Some(0)) => return Err(refused()),
            (Some(0), None) => true,
            (_, None | Some(0)) => false,
            (None, Some(_)) => true,
            (Some(json), Some(weight)) => weight > json || (weight == json && graphql.is_named),
        };
        Ok(match prefers_graphql {
            true => Self::GraphqlResponse,
            false if graphql.is_named && graphql.weight > Some(0) => Self::Json,
            false => only_json,
        })
    }

    /// The value of `Content-Type`.
    pub fn header(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::OnlyJson | Self::Json => "application/json; charset=utf-8",
            Self::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
        })
    }
}

fn refused() -> Refusal {
    let message = format!("The Accept header refuses both types that there are: {JSON} and {GRAPHQL}.");
    Refusal::new(Code::NotAcceptable, message)
}

/// One media range of the header, such as `application/*;q=0.5`.
struct Range<'h> {
    media: &'h str,
    /// In thousandths.
    weight: u16,
}

impl<'h> Range<'h> {
    fn read(text: &'h str) -> Option<Self> {
        let mut parts = split(text, ';').map(str::trim);
        let media = parts.next().filter(|media| !media.is_empty())?;
        let weight =
            parts.filter_map(|part| part.split_once('=')).find(|(name, _)| name.trim().eq_ignore_ascii_case("q"));
        Some(Self { media, weight: weight.map_or(1_000, |(_, value)| thousandths(value.trim())) })
    }

    /// How exactly the range names a media type; `None` when it does not fit.
    fn precision(&self, media: &str) -> Option<u8> {
        let group = media.split_once('/').map_or("", |(group, _)| group);
        match self.media.split_once('/') {
            Some(("*", "*")) => Some(0),
            Some((known, "*")) => known.eq_ignore_ascii_case(group).then_some(1),
            _ => self.media.eq_ignore_ascii_case(media).then_some(2),
        }
    }
}

/// How much a client wants one media type.
struct Wish {
    /// Absent when no range fits.
    weight: Option<u16>,
    /// Whether the type itself is named, and not only a range in which it lies.
    is_named: bool,
}

impl Wish {
    /// The range that names the type most exactly decides. Among equals the highest weight does.
    fn of(media: &str, ranges: &[Range<'_>]) -> Self {
        let fitting = ranges.iter().filter_map(|range| Some((range.precision(media)?, range.weight)));
        let best = fitting.max();
        Self { weight: best.map(|(_, weight)| weight), is_named: best.is_some_and(|(precision, _)| precision == 2) }
    }
}

/// A weight from 0 to 1 with at most three decimals. Whatever else is written there counts as 1.
fn thousandths(text: &str) -> u16 {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    if whole != "0" || decimals.len() > 3 || !decimals.bytes().all(|byte| byte.is_ascii_digit()) {
        return 1_000;
    }
    format!("{decimals:0<3}").parse().unwrap_or(1_000)
}

/// The parts between separators that stand outside quotation marks.
fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |letter| {
        let was_escaped = std::mem::take(&mut escaped);
        match letter {
            '"' if !was_escaped => quoted = !quoted,
            '\\' if quoted && !was_escaped => escaped = true,
            _ => {}
        }
        letter == separator && !quoted
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_weight_wins_and_zero_refuses() {
        use Media::{GraphqlResponse, Json, OnlyJson};
        const BOTH: &str = "application/json, application/graphql-response+json";
        for (accept, expected) in [
            ("", Some(Json)),
            ("*/*", Some(Json)),
            ("text/html", Some(Json)),
            ("application/*", Some(Json)),
            ("application/json", Some(OnlyJson)),
            ("Application/JSON; charset=utf-8", Some(OnlyJson)),
            ("application/json, text/plain, */*", Some(OnlyJson)),
            ("application/graphql-response+json", Some(GraphqlResponse)),
            (BOTH, Some(GraphqlResponse)),
            ("application/graphql-response+json, application/json;q=0.9", Some(GraphqlResponse)),
            ("application/graphql-response+json;q=0.8, application/json;q=0.9", Some(Json)),
            ("application/graphql-response+json;q=0, application/json", Some(OnlyJson)),
            ("application/graphql-response+json;q=0.0, */*", Some(Json)),
            ("application/graphql-response+json;Q=0", Some(Json)),
            ("application/graphql-response+json;q=0.5, */*", Some(Json)),
            ("application/graphql-response+json;q=0.5, */*;q=0.4", Some(GraphqlResponse)),
            ("application/graphql-response+json, */*;q=0", Some(GraphqlResponse)),
            ("application/json;q=0", Some(GraphqlResponse)),
            ("application/json;q=0, */*", Some(GraphqlResponse)),
            ("application/json;q=0.001, application/*;q=0.002", Some(GraphqlResponse)),
            ("application/json;q=0.5, application/*;q=0.5", Some(OnlyJson)),
            ("application/json;profile=\"a,b;q=0\"", Some(OnlyJson)),
            ("application/json;q=x", Some(OnlyJson)),
            ("*/*;q=0", None),
            ("application/*;q=0.000", None),
            ("application/json;q=0, application/graphql-response+json;q=0", None),
        ] {
            let headers = HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(accept))]);
            assert_eq!(Media::accepted(&headers).ok(), expected, "{accept}");
        }
        let mut headers = HeaderMap::new();
        assert_eq!(Media::accepted(&headers), Ok(Json), "no header");
        for part in BOTH.split(", ") {
            headers.append(header::ACCEPT, HeaderValue::from_static(part));
        }
        assert_eq!(Media::accepted(&headers), Ok(GraphqlResponse), "two lines");
    }
}
