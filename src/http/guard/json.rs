//! JSON from strangers, read strictly.

use std::fmt;

use async_graphql::indexmap::IndexMap;
use async_graphql::{Name, Value};
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::refusal::position;
use super::{Code, Refusal};

/// Refuses JSON whose lists and objects nest deeper than `limit` inside as many outer levels as
/// given, in one pass over the bytes and without recursion. Text that is not JSON may pass;
/// reading it will tell.
pub(super) fn check_nesting(text: &[u8], outer: usize, limit: usize) -> Result<(), Refusal> {
    let mut depth: usize = 0;
    let mut in_string = false;
    let mut bytes = text.iter().enumerate();
    while let Some((offset, byte)) = bytes.next() {
        match byte {
            b'"' => in_string = !in_string,
            // Whatever is escaped, it does not end the string.
            b'\\' if in_string => _ = bytes.next(),
            b'[' | b'{' if !in_string => {
                depth += 1;
                if depth.saturating_sub(outer) > limit {
                    return Err(too_deep(text, offset, limit));
                }
            }
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}

fn too_deep(text: &[u8], offset: usize, limit: usize) -> Refusal {
    let place = position(text, offset);
    Refusal::new(
        Code::QueryTooComplex,
        format!(
            "Variables may nest at most {limit} deep; the JSON nests deeper at line {}, column {}.",
            place.line, place.column
        ),
    )
}

/// Reads JSON whose nesting has been checked. `what` names the text in the message of a refusal,
/// which says what is wrong and where, but quotes nothing.
pub(super) fn read<'de, T: Deserialize<'de>>(text: &'de [u8], what: &str) -> Result<T, Refusal> {
    serde_json::from_slice(text).map_err(|error| {
        let full = error.to_string();
        let reason = full.rsplit_once(" at line ").map_or(full.as_str(), |(reason, _)| reason);
        Refusal::new(
            Code::BadUserInput,
            format!("The {what} cannot be read as JSON: {reason} at line {}, column {}.", error.line(), error.column()),
        )
    })
}

/// The members of a request that are looked at.
#[derive(Debug, Default)]
pub(super) struct Members {
    pub query: Option<Value>,
    pub operation_name: Option<Value>,
    pub variables: Option<Value>,
    pub extensions: Option<Value>,
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
        let mut members = Members::default();
        while let Some(name) = map.next_key::<String>()? {
            let member = match name.as_str() {
                "query" => &mut members.query,
                "operationName" => &mut members.operation_name,
                "variables" => &mut members.variables,
                "extensions" => &mut members.extensions,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            let Strict(value) = map.next_value()?;
            if member.replace(value).is_some() {
                return Err(repeated());
            }
        }
        Ok(members)
    }
}

/// A JSON value in which no object has two members of the same name.
///
/// Reading a `serde_json::Value` instead would let a member of a name private to that crate
/// smuggle in a JSON text of its own, whose nesting nobody has checked.
#[derive(Debug)]
pub(super) struct Strict(pub Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Boolean(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Strict(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = IndexMap::new();
        while let Some(name) = members.next_key::<String>()? {
            if name.starts_with(PRIVATE) {
                return Err(Error::custom("an object has a member with a reserved name"));
            }
            let Strict(value) = members.next_value()?;
            if object.insert(Name::new(name), value).is_some() {
                return Err(repeated());
            }
        }
        Ok(Value::Object(object))
    }
}

/// Member names that make serde's JSON crate, and with it the GraphQL library, write a string as
/// JSON text when the value is written out again.
const PRIVATE: &str = "$serde_json::private::";

fn repeated<E: Error>() -> E {
    E::custom("an object has the same member twice")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nesting_is_counted_outside_strings() {
        for (text, depth) in [
            ("", 0),
            ("1", 0),
            ("[]", 1),
            (r#"{"a": [{}, [], {}]}"#, 3),
            (r#"{"[[[\"{{{": "\\"}"#, 1),
            (r#"["\"]", {}]"#, 2),
            ("]]][", 1),
            (r#""["#, 0),
            ("\"\\", 0),
        ] {
            assert_eq!(check_nesting(text.as_bytes(), 0, depth), Ok(()), "{text}");
            if depth > 0 {
                assert!(check_nesting(text.as_bytes(), 0, depth - 1).is_err(), "{text}");
                assert_eq!(check_nesting(text.as_bytes(), 1, depth - 1), Ok(()), "{text}");
            }
        }
        let refusal = check_nesting(b"[\n [", 0, 1).expect_err("two levels");
        assert_eq!(refusal.message, "Variables may nest at most 1 deep; the JSON nests deeper at line 2, column 2.");
    }

    #[test]
    fn values_are_read_as_they_are() {
        let text = r#"{"a": [null, true, -1, 18446744073709551615, 0.5, "\u00e9\n"], "b": {}}"#;
        let Strict(value) = read(text.as_bytes(), "text").expect("JSON");
        assert_eq!(value.to_string(), r#"{a: [null, true, -1, 18446744073709551615, 0.5, "é\n"], b: {}}"#);
    }

    #[test]
    fn refusals_say_where_and_quote_nothing() {
        for (text, message) in [
            (r#"{"secret": }"#, "expected value at line 1, column 12."),
            (r#"{"secret": 1"#, "EOF while parsing an object at line 1, column 12."),
            ("[1] secret", "trailing characters at line 1, column 5."),
            ("[1e999]", "number out of range at line 1, column 6."),
            (r#"{"secret": 1, "secret": 2}"#, "an object has the same member twice at line 1, column 26."),
            (
                r#"[{"\u0024serde_json::private::RawValue": "[[["}]"#,
                "an object has a member with a reserved name at line 1, column 39.",
            ),
        ] {
            let refusal = read::<Strict>(text.as_bytes(), "text").expect_err(text);
            assert_eq!(refusal.code, Code::BadUserInput);
            assert_eq!(refusal.message, format!("The text cannot be read as JSON: {message}"));
        }
    }
}
