//! From an HTTP request to a GraphQL request.

use async_graphql::{Value, Variables};
use axum::extract::Query;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, Uri};

use super::json::{Members, Strict, check_nesting, read};
use super::{Code, Limits, Refusal};

/// A GraphQL request, decoded and not yet looked into.
///
/// Members other than these are ignored; `extensions` must be an object, and nothing in it is looked at.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GraphqlRequest {
    /// The text of the document; not empty.
    pub query: String,
    /// Which operation of the document is meant; never an empty name.
    pub operation_name: Option<String>,
    /// The variables, as they were sent.
    pub variables: Variables,
}

/// Decodes a request sent by POST.
///
/// Only `application/json` is taken: a page of another site can send other media types without
/// asking the browser first. A member given twice is refused, at any level of what is looked at,
/// since programs on the way may have judged the other one. A batch is refused.
///
/// # Errors
///
/// `UNSUPPORTED_MEDIA_TYPE`, `PAYLOAD_TOO_LARGE`, `QUERY_TOO_COMPLEX` for JSON that nests too
/// deeply, and `BAD_USER_INPUT`.
pub fn from_post(headers: &HeaderMap, body: &[u8], limits: &Limits) -> Result<GraphqlRequest, Refusal> {
    check_media_type(headers)?;
    check_size(body.len(), limits)?;
    match body.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'{') => {}
        Some(b'[') => {
            return Err(bad("Batches are not taken; send one operation in each request."));
        }
        Some(_) => return Err(bad("The request body must be a JSON object.")),
        None => return Err(bad("The request body is empty; send a JSON object.")),
    }
    // The request object itself does not count.
    check_nesting(body, 1, limits.max_variable_nesting)?;
    request(read(body, "request body")?)
}

/// Decodes a request that came as the payload of a message, which is one level deep already.
///
/// # Errors
///
/// As [`from_post`], without `UNSUPPORTED_MEDIA_TYPE`.
pub fn from_payload(payload: &[u8], limits: &Limits) -> Result<GraphqlRequest, Refusal> {
    check_size(payload.len(), limits)?;
    check_nesting(payload, 1, limits.max_variable_nesting)?;
    request(read(payload, "payload")?)
}

/// Refuses a message whose JSON nests too deeply to be read.
///
/// # Errors
///
/// `QUERY_TOO_COMPLEX`.
pub fn check_message(message: &[u8], limits: &Limits) -> Result<(), Refusal> {
    check_nesting(message, 2, limits.max_variable_nesting)
}

/// Decodes a request sent by GET, from the parameters `query`, `operationName` and `variables`
/// (JSON). Whether the operation is one that GET may carry is for
/// [`query_only`](super::query_only) to say.
///
/// # Errors
///
/// As [`from_post`], without `UNSUPPORTED_MEDIA_TYPE`.
pub fn from_get(uri: &Uri, limits: &Limits) -> Result<GraphqlRequest, Refusal> {
    check_size(uri.query().unwrap_or_default().len(), limits)?;
    let Query(parameters) =
        Query::<Vec<(String, String)>>::try_from_uri(uri).map_err(|_| bad("The query string is not URL-encoded."))?;
    let mut members = Members::default();
    for (name, text) in parameters {
        let (member, value) = match name.as_str() {
            "query" => (&mut members.query, Value::String(text)),
            "operationName" => (&mut members.operation_name, Value::String(text)),
            "variables" => (&mut members.variables, json_parameter(&name, &text, limits)?),
            "extensions" => (&mut members.extensions, json_parameter(&name, &text, limits)?),
            _ => continue,
        };
        if member.replace(value).is_some() {
            return Err(bad("A parameter of the query string occurs twice."));
        }
    }
    request(members)
}

fn json_parameter(name: &str, text: &str, limits: &Limits) -> Result<Value, Refusal> {
    if text.is_empty() {
        return Ok(Value::Null);
    }
    check_nesting(text.as_bytes(), 0, limits.max_variable_nesting)?;
    let Strict(value) = read(text.as_bytes(), &format!("parameter `{name}`"))?;
    Ok(value)
}

fn request(members: Members) -> Result<GraphqlRequest, Refusal> {
    let query = match members.query {
        Some(Value::String(query)) if !query.trim().is_empty() => query,
        Some(Value::String(_)) => return Err(bad("`query` is empty; it must be a document.")),
        None | Some(Value::Null) => return Err(bad("`query` is missing.")),
        Some(_) => return Err(bad("`query` must be a string.")),
    };
    let operation_name = match members.operation_name {
        Some(Value::String(name)) => Some(name).filter(|name| !name.is_empty()),
        None | Some(Value::Null) => None,
        Some(_) => return Err(bad("`operationName` must be a string.")),
    };
    let variables = match members.variables {
        Some(object @ Value::Object(_)) => Variables::from_value(object),
        None | Some(Value::Null) => Variables::default(),
        Some(_) => return Err(bad("`variables` must be an object.")),
    };
    match members.extensions {
        None | Some(Value::Null | Value::Object(_)) => {}
        Some(_) => return Err(bad("`extensions` must be an object.")),
    }
    Ok(GraphqlRequest { query, operation_name, variables })
}

fn check_size(bytes: usize, limits: &Limits) -> Result<(), Refusal> {
    if bytes > limits.max_body_bytes {
        return Err(Refusal::too_large(limits.max_body_bytes));
    }
    Ok(())
}

fn check_media_type(headers: &HeaderMap) -> Result<(), Refusal> {
    let mut declared = headers.get_all(CONTENT_TYPE).iter();
    let is_json = match (declared.next(), declared.next()) {
        (Some(only), None) => only.to_str().is_ok_and(is_json_in_utf8),
        _ => false,
    };
    if is_json {
        return Ok(());
    }
    Err(Refusal::new(
        Code::UnsupportedMediaType,
        "Send the request as JSON in UTF-8, with the header `Content-Type: application/json`.",
    ))
}

fn is_json_in_utf8(media_type: &str) -> bool {
    let mut parts = media_type.split(';').map(str::trim);
    let is_json = parts.next().is_some_and(|essence| essence.eq_ignore_ascii_case("application/json"));
    is_json
        && parts.all(|parameter| match parameter.split_once('=') {
            Some((name, value)) if name.trim().eq_ignore_ascii_case("charset") => {
                value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
            }
            _ => true,
        })
}

fn bad(message: &str) -> Refusal {
    Refusal::new(Code::BadUserInput, message)
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderValue, StatusCode};

    use super::*;

    fn post(body: &str) -> Result<GraphqlRequest, Refusal> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        from_post(&headers, body.as_bytes(), &Limits::default())
    }

    fn get(uri: &'static str) -> Result<GraphqlRequest, Refusal> {
        from_get(&Uri::from_static(uri), &Limits::default())
    }

    #[test]
    fn a_whole_request_is_read() {
        let whole = post(
            r#" {"query": "query A { a }", "operationName": "A", "variables": {"b": [1, {"c": null}]},
                 "extensions": {"any": "thing"}, "id": 1} "#,
        );
        let same = get("/graphql?query=query%20A+%7B+a+%7D&operationName=A\
             &variables=%7B%22b%22:[1,%7B%22c%22:null%7D]%7D&extensions=%7B%22any%22:1%7D&other");
        assert_eq!(whole, same);
        let request = whole.expect("a request");
        assert_eq!(request.query, "query A { a }");
        assert_eq!(request.operation_name.as_deref(), Some("A"));
        assert_eq!(request.variables.to_string(), "{b: [1, {c: null}]}");
    }

    #[test]
    fn null_and_absent_are_the_same() {
        let expected = GraphqlRequest { query: "{ a }".to_owned(), ..GraphqlRequest::default() };
        for body in [
            r#"{"query": "{ a }"}"#,
            r#"{"query": "{ a }", "operationName": null, "variables": null, "extensions": null}"#,
            r#"{"query": "{ a }", "operationName": "", "variables": {}}"#,
        ] {
            assert_eq!(post(body).as_ref(), Ok(&expected), "{body}");
        }
        assert_eq!(get("/?query=%7B+a+%7D&variables=&operationName=&extensions="), Ok(expected));
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (body, message) in [
            ("", "The request body is empty; send a JSON object."),
            ("[{\"query\": \"{ a }\"}]", "Batches are not taken; send one operation in each request."),
            ("\"query\"", "The request body must be a JSON object."),
            ("{}", "`query` is missing."),
            (r#"{"query": null}"#, "`query` is missing."),
            (r#"{"query": " \n"}"#, "`query` is empty; it must be a document."),
            (r#"{"query": ["{ a }"]}"#, "`query` must be a string."),
            (r#"{"query": "{ a }", "operationName": 1}"#, "`operationName` must be a string."),
            (r#"{"query": "{ a }", "variables": "{}"}"#, "`variables` must be an object."),
            (r#"{"query": "{ a }", "extensions": ["a"]}"#, "`extensions` must be an object."),
            (r#"{"query": "{ a }", "extensions": 0}"#, "`extensions` must be an object."),
            (
                r#"{"query": "{ a }", "query": "{ b }"}"#,
                "The request body cannot be read as JSON: \
                 an object has the same member twice at line 1, column 36.",
            ),
            ("{\"query\":\n secret}", "The request body cannot be read as JSON: expected value at line 2, column 2."),
        ] {
            let refusal = post(body).expect_err(body);
            assert_eq!(refusal.status(), StatusCode::BAD_REQUEST);
            assert_eq!(refusal.message, message);
        }
        for (uri, message) in [
            ("/graphql", "`query` is missing."),
            ("/?query=a&query=b", "A parameter of the query string occurs twice."),
            ("/?query=a&variables=1", "`variables` must be an object."),
            ("/?query=a&extensions=false", "`extensions` must be an object."),
            (
                "/?query=a&variables=%7B",
                "The parameter `variables` cannot be read as JSON: \
                 EOF while parsing an object at line 1, column 1.",
            ),
        ] {
            assert_eq!(get(uri).expect_err(uri).message, message);
        }
    }

    #[test]
    fn variables_nest_as_deep_as_the_limit_says() {
        let body = |lists: usize| {
            let (open, close) = ("[".repeat(lists), "]".repeat(lists));
            format!(r#"{{"query": "{{ a }}", "variables": {{"b": {open}{close}}}}}"#)
        };
        assert!(post(&body(31)).is_ok());
        let refusal = post(&body(32)).expect_err("33 levels");
        assert_eq!(refusal.code, Code::QueryTooComplex);
    }

    #[test]
    fn only_json_in_utf8_is_taken() {
        for (media_type, taken) in [
            ("application/json", true),
            ("Application/JSON; charset=UTF-8", true),
            ("application/json;charset=\"utf-8\"; x=y", true),
            ("application/json; charset=utf-16", false),
            ("application/jsonp", false),
            ("text/plain", false),
            ("text/plain; application/json", false),
            ("multipart/form-data; boundary=x", false),
            ("application/x-www-form-urlencoded", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
            let result = from_post(&headers, br#"{"query": "{ a }"}"#, &Limits::default());
            let status = result.map_err(|refusal| refusal.status());
            let refused = Err(StatusCode::UNSUPPORTED_MEDIA_TYPE);
            assert_eq!(status.is_ok(), taken, "{media_type}");
            assert!(taken || status == refused, "{media_type}");
        }
        let refusal = from_post(&HeaderMap::new(), b"{}", &Limits::default());
        assert_eq!(refusal.map_err(|refusal| refusal.code), Err(Code::UnsupportedMediaType));
    }

    #[test]
    fn too_large_a_body_is_refused_by_its_size() {
        let refusal = post(&" ".repeat(100 * 1024 + 1)).expect_err("a byte too many");
        assert_eq!(refusal.status(), StatusCode::PAYLOAD_TOO_LARGE);
    }
}
