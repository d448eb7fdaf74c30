//! Messages of the two protocols that are spoken over a WebSocket: `graphql-transport-ws`, and the older one that is
//! called `graphql-ws`, which says the same in other words.

use serde::Deserialize;
use serde_json::value::RawValue;

/// The longest name that a client may give an operation, in bytes.
const MAX_NAME: usize = 200;

/// Which of the two is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// `graphql-transport-ws`.
    Transport,
    /// `graphql-ws`, of the package `subscriptions-transport-ws`.
    Legacy,
}

/// What a client says.
#[derive(Debug)]
pub enum Message<'a> {
    /// It introduces itself.
    Init(Option<&'a RawValue>),
    /// It wants an answer.
    Ping(Option<&'a RawValue>),
    /// It answers.
    Pong,
    /// It begins an operation under a name of its own.
    Subscribe { id: String, payload: &'a RawValue },
    /// It wants no more of an operation.
    Complete { id: String },
    /// It leaves.
    Terminate,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    id: Option<String>,
    #[serde(borrow, default)]
    payload: Option<&'a RawValue>,
}

/// The payload of an operation, as far as the protocol knows it. What is in it is looked at later.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Operation<'a> {
    #[serde(borrow)]
    query: &'a RawValue,
    #[serde(borrow, default)]
    operation_name: Option<&'a RawValue>,
    #[serde(borrow, default)]
    variables: Option<&'a RawValue>,
    #[serde(borrow, default)]
    extensions: Option<&'a RawValue>,
}

fn is_object(value: &RawValue) -> bool {
    value.get().starts_with('{')
}

fn is_string(value: &RawValue) -> bool {
    value.get().starts_with('"')
}

impl Dialect {
    /// Both, the better one first.
    pub const ALL: [Self; 2] = [Self::Transport, Self::Legacy];

    /// The name in the handshake.
    pub fn subprotocol(self) -> &'static str {
        match self {
            Self::Transport => "graphql-transport-ws",
            Self::Legacy => "graphql-ws",
        }
    }

    /// Reads a message, whose nesting is known to be harmless.
    ///
    /// # Errors
    /// What is wrong with it, in the words of a close frame.
    pub fn read(self, text: &str) -> Result<Message<'_>, &'static str> {
        let envelope: Envelope<'_> = serde_json::from_str(text).map_err(|_| "The message is no object with a type.")?;
        let Envelope { kind, id, payload } = envelope;
        let id = id.filter(|id| !id.is_empty() && id.len() <= MAX_NAME);
        let named = id.ok_or("The message needs an `id` of 1 to 200 bytes.");
        let details = || match payload {
            Some(payload) if !is_object(payload) => Err("The payload must be an object."),
            payload => Ok(payload),
        };
        match (self, kind.as_str()) {
            (_, "connection_init") => Ok(Message::Init(details()?)),
            (_, "ping") => Ok(Message::Ping(details()?)),
            (_, "pong") => details().map(|_| Message::Pong),
            (Self::Transport, "subscribe") | (Self::Legacy, "start") => {
                let payload = payload.ok_or("The message needs a `payload`.")?;
                check(payload)?;
                Ok(Message::Subscribe { id: named?, payload })
            }
            (Self::Transport, "complete") | (Self::Legacy, "stop") => Ok(Message::Complete { id: named? }),
            (Self::Legacy, "connection_terminate") => Ok(Message::Terminate),
            _ => Err("There is no message of this type."),
        }
    }

    /// A result of an operation, written as JSON.
    pub fn next(self, id: &str, result: &str) -> String {
        let kind = if self == Self::Transport { "next" } else { "data" };
        about(kind, id, result)
    }

    /// What is said before the connection is closed because somebody is not let in.
    pub fn refusal(self, message: &str) -> Option<String> {
        let told = || serde_json::json!({ "type": "connection_error", "payload": { "message": message } }).to_string();
        (self == Self::Legacy).then(told)
    }
}

/// The whole operation is refused for these errors, a list as JSON.
pub fn error(id: &str, errors: &str) -> String {
    about("error", id, errors)
}

/// An operation is over.
pub fn complete(id: &str) -> String {
    serde_json::json!({ "type": "complete", "id": id }).to_string()
}

/// The client is let in.
pub fn ack() -> String {
    r#"{"type":"connection_ack"}"#.to_owned()
}

/// The answer to a ping, with what came along.
pub fn pong(payload: Option<&RawValue>) -> String {
    match payload {
        None => r#"{"type":"pong"}"#.to_owned(),
        Some(payload) => format!(r#"{{"type":"pong","payload":{}}}"#, payload.get()),
    }
}

fn about(kind: &str, id: &str, payload: &str) -> String {
    let id = serde_json::Value::from(id);
    format!(r#"{{"type":"{kind}","id":{id},"payload":{payload}}}"#)
}

fn check(payload: &RawValue) -> Result<(), &'static str> {
    let misshapen = "The payload must be an object with a `query`.";
    if !is_object(payload) {
        return Err(misshapen);
    }
    let operation: Operation<'_> = serde_json::from_str(payload.get()).map_err(|_| misshapen)?;
    if !is_string(operation.query) {
        return Err("`query` must be a string.");
    }
    if operation.operation_name.is_some_and(|name| !is_string(name)) {
        return Err("`operationName` must be a string.");
    }
    if operation.variables.is_some_and(|variables| !is_object(variables)) {
        return Err("`variables` must be an object.");
    }
    if operation.extensions.is_some_and(|extensions| !is_object(extensions)) {
        return Err("`extensions` must be an object.");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read_as_the_client_means_them() {
        for text in [
            r#"{"type":"connection_init"}"#,
            r#"{"type":"connection_init","payload":null}"#,
            r#"{"payload":{"a":[1]},"type":"connection_init"}"#,
            r#"{"type":"ping","payload":{}}"#,
            r#"{"type":"pong"}"#,
            r#"{"type":"subscribe","id":"1","payload":{"query":""}}"#,
            r#"{"type":"subscribe","id":"1","payload":{"query":"{ a }","operationName":null,"variables":null,"extensions":null}}"#,
            r#"{"type":"subscribe","id":"1","payload":{"query":"{ a }","operationName":"A","variables":{},"extensions":{"x":1}}}"#,
            r#"{"type":"complete","id":"é","more":1}"#,
        ] {
            assert!(Dialect::Transport.read(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn what_the_protocol_does_not_know_is_refused() {
        let long = format!(r#"{{"type":"complete","id":"{}"}}"#, "x".repeat(201));
        for text in [
            "",
            "1",
            "null",
            "[]",
            "{}",
            r#"{"type":1}"#,
            r#"{"type":"nothing"}"#,
            r#"{"type":"connection_ack"}"#,
            r#"{"type":"next","id":"1","payload":{}}"#,
            r#"{"type":"start","id":"1","payload":{"query":"{ a }"}}"#,
            r#"{"type":"connection_init","payload":"x"}"#,
            r#"{"type":"ping","payload":[]}"#,
            r#"{"type":"pong","payload":1}"#,
            r#"{"type":"complete"}"#,
            r#"{"type":"complete","id":1}"#,
            r#"{"type":"complete","id":""}"#,
            &long,
            r#"{"type":"complete","id":"1","id":"2"}"#,
            r#"{"type":"subscribe","id":"1"}"#,
            r#"{"type":"subscribe","payload":{"query":"{ a }"}}"#,
            r#"{"type":"subscribe","id":"1","payload":"{ a }"}"#,
            r#"{"type":"subscribe","id":"1","payload":[]}"#,
            r#"{"type":"subscribe","id":"1","payload":{}}"#,
            r#"{"type":"subscribe","id":"1","payload":{"query":1}}"#,
            r#"{"type":"subscribe","id":"1","payload":{"query":"{ a }","operationName":1}}"#,
            r#"{"type":"subscribe","id":"1","payload":{"query":"{ a }","variables":[]}}"#,
            r#"{"type":"subscribe","id":"1","payload":{"query":"{ a }","extensions":"x"}}"#,
        ] {
            assert!(Dialect::Transport.read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn each_protocol_has_its_own_words() {
        let start = r#"{"type":"start","id":"1","payload":{"query":"{ a }"}}"#;
        assert!(matches!(Dialect::Legacy.read(start), Ok(Message::Subscribe { id, .. }) if id == "1"));
        assert!(Dialect::Legacy.read(r#"{"type":"subscribe","id":"1","payload":{"query":"{ a }"}}"#).is_err());
        assert_eq!(Dialect::Legacy.next("1", "{}"), r#"{"type":"data","id":"1","payload":{}}"#);
        assert_eq!(Dialect::Transport.next("\"", "{}"), r#"{"type":"next","id":"\"","payload":{}}"#);
    }
}
