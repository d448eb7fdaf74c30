//! Repeated commands: the same `clientMutationId` from the same viewer is carried out once (S4).

use chrono::{Duration, NaiveDateTime};
use diesel::sql_types::Text;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::db::{Conn, Dialect, Sql};
use crate::error::{Code, Error, Rejection};
use crate::scope::Scope;
use crate::text::line_fault;

/// How long the first answer is remembered, in days.
const REMEMBERED_DAYS: i64 = 30;
/// The longest identifier, in characters.
const MAX_LENGTH: usize = 200;

/// How a command can be recognized when it comes again.
#[derive(Clone, Debug)]
pub struct Repeatable {
    /// The client's identifier, if it sent one.
    pub id: Option<String>,
    /// A digest of what was asked; the same identifier for something else is a mistake of the client.
    pub request: String,
    /// Whether nothing is kept of what is done, so that there is nothing to recognize later.
    pub rehearsal: bool,
}

impl Repeatable {
    /// The identifier by which the command is remembered.
    fn identifier(&self) -> Result<Option<&str>, Error> {
        let refuse =
            |message: String| Err(Rejection::new(Code::InvalidValue, message).at("input.clientMutationId").into());
        let Some(id) = self.id.as_deref() else { return Ok(None) };
        if id.is_empty() || id.chars().count() > MAX_LENGTH {
            return refuse(format!("`clientMutationId` must have 1 to {MAX_LENGTH} characters."));
        }
        match line_fault(id) {
            Some(fault) => refuse(fault.to_string()),
            None => Ok(Some(id).filter(|_| !self.rehearsal)),
        }
    }
}

/// An object that was made or changed, and what its administrator should know about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Answer")]
pub struct Saved {
    pub id: i64,
    pub warnings: Vec<Rejection>,
}

impl Saved {
    /// One about which there is nothing to know.
    pub fn new(id: i64) -> Self {
        Self { id, warnings: Vec::new() }
    }
}

/// As first answers are kept. Those of earlier programs hold the key alone.
#[derive(Deserialize)]
#[serde(untagged)]
enum Answer {
    Key(i64),
    Whole { id: i64, warnings: Vec<Rejection> },
}

impl From<Answer> for Saved {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Key(id) => Self::new(id),
            Answer::Whole { id, warnings } => Self { id, warnings },
        }
    }
}

/// Carries out a command, unless it was before: then answers what it answered.
///
/// # Errors
/// Those of the command, and `ClientMutationIdReused`.
pub fn once<T: Serialize + DeserializeOwned>(
    conn: &mut Conn,
    scope: &Scope,
    repeatable: &Repeatable,
    command: impl FnOnce(&mut Conn) -> Result<T, Error>,
) -> Result<T, Error> {
    let Some(id) = repeatable.identifier()? else { return command(conn) };
    let actor = scope.viewer.actor_key();
    forget(conn, scope.instant() - Duration::days(REMEMBERED_DAYS))?;
    if !claim(conn, scope, &actor, id, &repeatable.request)? {
        return first_answer(conn, &actor, id, &repeatable.request);
    }
    let outcome = command(conn)?;
    let json = serde_json::to_string(&outcome).map_err(|error| Error::internal(error.to_string()))?;
    Sql::new("UPDATE client_mutations SET outcome = ")
        .string(json)
        .text(" WHERE actor = ")
        .string(actor)
        .text(" AND client_mutation_id = ")
        .string(id)
        .execute(conn)?;
    Ok(outcome)
}

/// Takes the identifier. A second request with it waits here until the first is committed or rolled back.
fn claim(conn: &mut Conn, scope: &Scope, actor: &str, id: &str, request: &str) -> Result<bool, Error> {
    let rows = Sql::new("INSERT INTO client_mutations (actor, client_mutation_id, request, outcome, at) VALUES (")
        .string(actor)
        .text(", ")
        .string(id)
        .text(", ")
        .string(request)
        .text(", 'null', ")
        .instant(scope.instant())
        .text(") ON CONFLICT DO NOTHING")
        .execute(conn)?;
    Ok(rows > 0)
}

fn first_answer<T: DeserializeOwned>(conn: &mut Conn, actor: &str, id: &str, request: &str) -> Result<T, Error> {
    let (first_request, outcome) = Sql::new("SELECT request, outcome FROM client_mutations WHERE actor = ")
        .string(actor)
        .text(" AND client_mutation_id = ")
        .string(id)
        .first::<(Text, Text), (String, String)>(conn)?
        .ok_or_else(|| Error::rejected(Code::Conflict, "The same request was just undone. Please send it again."))?;
    if first_request != request {
        let message = "This `clientMutationId` was used for another request before.";
        return Err(Rejection::new(Code::ClientMutationIdReused, message).at("input.clientMutationId").into());
    }
    serde_json::from_str(&outcome).map_err(|error| Error::internal(format!("first answer unreadable: {error}")))
}

/// Forgets some of what is older. A change that takes long keeps what it forgets until it is done, so others pass over that
/// rather than wait.
fn forget(conn: &mut Conn, before: NaiveDateTime) -> Result<(), Error> {
    let sql = Sql::new(
        "DELETE FROM client_mutations WHERE (actor, client_mutation_id) IN \
         (SELECT actor, client_mutation_id FROM client_mutations WHERE at < ",
    );
    let sql = sql.instant(before).text(" ORDER BY at LIMIT 100");
    let sql = match conn.dialect() {
        Dialect::Sqlite => sql,
        Dialect::Postgres => sql.text(" FOR UPDATE SKIP LOCKED"),
    };
    sql.text(")").execute(conn)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_answers_of_earlier_programs_are_read() {
        let read = |text: &str| serde_json::from_str::<Saved>(text).ok();
        let warned = Saved { id: 7, warnings: vec![Rejection::new(Code::InUse, "x")] };
        assert_eq!(read("7"), Some(Saved::new(7)));
        assert_eq!(read(&serde_json::to_string(&warned).unwrap_or_default()), Some(warned));
    }
}
