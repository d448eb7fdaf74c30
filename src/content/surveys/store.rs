//! Responses and answers as rows.

use std::collections::HashMap;

use chrono::NaiveDateTime;
use diesel::Queryable;
use diesel::sql_types::{BigInt, Bool, Nullable, Text, Timestamp};
use serde::Serialize;

use crate::access::guardians::Family;
use crate::content::visibility::Vision;
use crate::db::batch::{self, Column, Type};
use crate::db::{Conn, Dialect, Sql};
use crate::error::Error;
use crate::page::{Key, KeyType, Order, Page, Window, position};
use crate::scope::Scope;

/// Whether a participant has answered.
///
/// # Errors
/// What the database answers.
pub fn has_answered(conn: &mut Conn, content: i64, participant: i64) -> Result<bool, Error> {
    let sql = Sql::new("SELECT s.id FROM survey_responses s WHERE s.content_id = ").int(content);
    Ok(sql.text(" AND s.participant_id = ").int(participant).first::<BigInt, i64>(conn)?.is_some())
}

/// Whether anybody has answered.
///
/// # Errors
/// What the database answers.
pub fn is_answered(conn: &mut Conn, content: i64) -> Result<bool, Error> {
    let sql = Sql::new("SELECT s.id FROM survey_responses s WHERE s.content_id = ").int(content).text(" LIMIT 1");
    Ok(sql.first::<BigInt, i64>(conn)?.is_some())
}

/// Notes that a participant has answered, and answers with the key of the response.
///
/// # Errors
/// What the database answers.
pub fn insert(conn: &mut Conn, scope: &Scope, content: i64, participant: i64) -> Result<i64, Error> {
    Sql::new(
        "INSERT INTO survey_responses (content_id, participant_id, answered_by, answered_by_id, created_at) VALUES (",
    )
    .int(content)
    .text(", ")
    .int(participant)
    .text(", ")
    .string(scope.viewer.name.clone())
    .text(", ")
    .int(scope.viewer.participant)
    .text(", ")
    .instant(scope.instant())
    .text(") RETURNING id")
    .first::<BigInt, i64>(conn)?
    .ok_or_else(|| Error::internal("nothing was inserted"))
}

/// An answer as it is written.
#[derive(Serialize)]
pub struct NewAnswer {
    pub id: String,
    pub response_id: Option<i64>,
    pub question: i32,
    pub choice: Option<i32>,
    pub answer: Option<String>,
}

/// Writes answers.
///
/// # Errors
/// What the database answers.
pub fn insert_answers(conn: &mut Conn, content: i64, answers: &[NewAnswer]) -> Result<(), Error> {
    const COLUMNS: &[Column] = &[
        ("id", Type::Text),
        ("response_id", Type::Int),
        ("question", Type::Int),
        ("choice", Type::Int),
        ("answer", Type::Text),
    ];
    if answers.is_empty() {
        return Ok(());
    }
    Sql::new(format!("INSERT INTO survey_answers (content_id, {}) SELECT ", batch::names(COLUMNS)))
        .int(content)
        .text(format!(", {} FROM ", batch::values(COLUMNS)))
        .then(batch::rows(conn.dialect(), COLUMNS, answers)?)
        .execute(conn)?;
    Ok(())
}

/// How many have answered each of the surveys.
///
/// # Errors
/// What the database answers.
pub fn counts(conn: &mut Conn, surveys: &[i64]) -> Result<HashMap<i64, i64>, Error> {
    let sql = Sql::new("SELECT s.content_id, COUNT(*) FROM survey_responses s WHERE s.content_id").in_ids(surveys);
    Ok(sql.text(" GROUP BY s.content_id").load::<(BigInt, BigInt), (i64, i64)>(conn)?.into_iter().collect())
}

/// How often something was answered: survey, question, and the choice or nothing for texts.
pub type Tally = HashMap<(i64, i64, Option<i64>), i64>;

/// Sums up the answers of surveys.
///
/// # Errors
/// What the database answers.
pub fn tally(conn: &mut Conn, surveys: &[i64]) -> Result<Tally, Error> {
    type Columns = (BigInt, BigInt, Nullable<BigInt>, BigInt);
    let sql = Sql::new("SELECT a.content_id, a.question, a.choice, COUNT(*) FROM survey_answers a WHERE a.content_id");
    let rows = sql
        .in_ids(surveys)
        .text(" GROUP BY a.content_id, a.question, a.choice")
        .load::<Columns, (i64, i64, Option<i64>, i64)>(conn)?;
    Ok(rows.into_iter().map(|(survey, question, choice, count)| ((survey, question, choice), count)).collect())
}

/// A text that somebody wrote. Its key is random, and so is its place in the list.
#[derive(Clone, Debug, Queryable)]
pub struct TextRow {
    pub id: String,
    pub content_id: i64,
    pub answer: String,
}

/// By their keys, which are random.
pub const TEXT_ORDER: Order = Order { name: "texts", columns: &[("a.id", KeyType::Text)], descending: false };

impl TextRow {
    /// The position of a text.
    pub fn keys(&self) -> Vec<Key> {
        position(TEXT_ORDER.name, [Key::Text(self.id.clone())])
    }
}

/// A page of the texts that answer a question of each of the surveys.
///
/// # Errors
/// `BadInput` for a cursor of another list; what the database answers.
pub fn texts(
    conn: &mut Conn,
    surveys: &[i64],
    question: i64,
    window: &Window,
) -> Result<HashMap<i64, Page<TextRow>>, Error> {
    const COLUMNS: &str = "SELECT a.id, a.content_id, a.answer";
    let inner = |sql: Sql| {
        let sql = sql.text(
            " FROM survey_answers a WHERE a.answer IS NOT NULL AND a.content_id = parent.value AND a.question = ",
        );
        let sql = window.conditions(sql.int(question), &TEXT_ORDER)?;
        Ok::<_, Error>(window.order_by(sql, &TEXT_ORDER).text(" LIMIT ").int(window.fetch()))
    };
    let sql = match conn.dialect() {
        Dialect::Sqlite => {
            let sql = Sql::new(COLUMNS)
                .text(" FROM json_each(")
                .string(serde_json::Value::from(surveys.to_vec()).to_string());
            inner(sql.text(") parent CROSS JOIN survey_answers a ON a.id IN (SELECT a.id"))?.text(")")
        }
        Dialect::Postgres => {
            let sql =
                Sql::new("SELECT a.* FROM unnest(").id_array(surveys).text(") parent (value) CROSS JOIN LATERAL (");
            inner(sql.text(COLUMNS))?.text(") a")
        }
    };
    let mut by_survey: HashMap<i64, Vec<TextRow>> = HashMap::new();
    for row in window.order_by(sql, &TEXT_ORDER).load::<(Text, BigInt, Text), TextRow>(conn)? {
        by_survey.entry(row.content_id).or_default().push(row);
    }
    Ok(by_survey.into_iter().map(|(survey, rows)| (survey, window.page(rows))).collect())
}

/// How many texts answer a question of each of the surveys.
///
/// # Errors
/// What the database answers.
pub fn text_counts(conn: &mut Conn, surveys: &[i64], question: i64) -> Result<HashMap<i64, i64>, Error> {
    let sql =
        Sql::new("SELECT a.content_id, COUNT(*) FROM survey_answers a WHERE a.answer IS NOT NULL AND a.content_id");
    let sql = sql.in_ids(surveys).text(" AND a.question = ").int(question).text(" GROUP BY a.content_id");
    Ok(sql.load::<(BigInt, BigInt), (i64, i64)>(conn)?.into_iter().collect())
}

/// That somebody has answered.
#[derive(Clone, Debug, Queryable)]
pub struct ResponseRow {
    pub id: i64,
    pub content_id: i64,
    pub participant_id: i64,
    pub participant_name: String,
    /// Empty where another guardian answered.
    pub answered_by: String,
    pub created_at: NaiveDateTime,
    /// Whether the viewer reads what was answered (V7).
    pub told: bool,
}

type ResponseSql = (BigInt, BigInt, BigInt, Text, Text, Timestamp, Bool);
const RESPONSE: &str = "SELECT s.id, s.content_id, s.participant_id, p.display_name, s.answered_by, s.created_at, ";
const RESPONSES: &str = " FROM survey_responses s JOIN participants p ON p.id = s.participant_id";

/// The latest first.
pub const RESPONSE_ORDER: Order = Order { name: "responses", columns: &[("s.id", KeyType::Int)], descending: true };

impl ResponseRow {
    /// The position of a response.
    pub fn keys(&self) -> Vec<Key> {
        position(RESPONSE_ORDER.name, [Key::Int(self.id)])
    }
}

/// A page of who answered each of the surveys.
///
/// # Errors
/// `BadInput` for a cursor of another list; what the database answers.
pub fn responses(conn: &mut Conn, surveys: &[i64], window: &Window) -> Result<HashMap<i64, Page<ResponseRow>>, Error> {
    let inner = |sql: Sql| {
        let sql = sql.text(" FROM survey_responses s WHERE s.content_id = parent.value");
        let sql = window.conditions(sql, &RESPONSE_ORDER)?;
        Ok::<_, Error>(window.order_by(sql, &RESPONSE_ORDER).text(" LIMIT ").int(window.fetch()))
    };
    let sql = Sql::new(RESPONSE).text("(1 = 1)");
    let sql = match conn.dialect() {
        Dialect::Sqlite => {
            let sql = sql.text(" FROM json_each(").string(serde_json::Value::from(surveys.to_vec()).to_string());
            inner(sql.text(") parent CROSS JOIN survey_responses s ON s.id IN (SELECT s.id"))?.text(")")
        }
        Dialect::Postgres => {
            let sql =
                sql.text(" FROM unnest(").id_array(surveys).text(") parent (value) CROSS JOIN LATERAL (SELECT s.*");
            inner(sql)?.text(") s")
        }
    };
    let sql = window.order_by(sql.text(" JOIN participants p ON p.id = s.participant_id"), &RESPONSE_ORDER);
    let mut by_survey: HashMap<i64, Vec<ResponseRow>> = HashMap::new();
    for row in sql.load::<ResponseSql, ResponseRow>(conn)? {
        by_survey.entry(row.content_id).or_default().push(row);
    }
    Ok(by_survey.into_iter().map(|(survey, rows)| (survey, window.page(rows))).collect())
}

/// The columns of a response: what one guardian answered for a child is not told to another (V7), nor what was answered by
/// nobody knows whom.
fn told(vision: &Vision, family: &Family) -> Sql {
    let sql = vision.managed(Sql::new(RESPONSE).text("("), "c").text(" OR (");
    let sql = family.may_read(sql, &Sql::new("s.answered_by_id"), &Sql::new("s.participant_id"));
    let sql = sql.text(" AND (s.answered_by_id IS NOT NULL OR s.participant_id = ").int(family.viewer());
    sql.text("))) AS told")
}

fn select(conn: &mut Conn, sql: Sql) -> Result<Vec<ResponseRow>, Error> {
    let mut rows = sql.load::<ResponseSql, ResponseRow>(conn)?;
    rows.iter_mut().filter(|row| !row.told).for_each(|row| row.answered_by.clear());
    Ok(rows)
}

/// An expression that is true of responses of one of a family, as far as the organization of the survey goes.
fn given_by(sql: Sql, family: &Family) -> Sql {
    family.of(sql, &Sql::new("s.participant_id"), &Sql::new("c.organization_id"))
}

/// The responses of a family to the surveys.
///
/// # Errors
/// What the database answers.
pub fn of_family(
    conn: &mut Conn,
    vision: &Vision,
    surveys: &[i64],
    family: &Family,
) -> Result<Vec<ResponseRow>, Error> {
    let sql = told(vision, family).text(RESPONSES).text(" JOIN content c ON c.id = s.content_id WHERE s.content_id");
    let sql = given_by(sql.in_ids(surveys).text(" AND "), family).text(" ORDER BY s.participant_id");
    select(conn, sql)
}

/// The responses with these keys, as far as they are of a family, or of surveys that the viewer may change.
///
/// # Errors
/// What the database answers.
pub fn by_ids(conn: &mut Conn, vision: &Vision, family: &Family, ids: &[i64]) -> Result<Vec<ResponseRow>, Error> {
    let sql =
        told(vision, family).text(RESPONSES).text(" JOIN content c ON c.id = s.content_id WHERE s.id").in_ids(ids);
    let sql = given_by(vision.visible(sql, "c").text(" AND ("), family).text(" OR ");
    select(conn, vision.managed(sql, "c").text(")"))
}

/// What was answered in one response.
#[derive(Clone, Debug, Queryable)]
pub struct AnswerRow {
    pub response_id: i64,
    pub question: i64,
    pub choice: Option<i64>,
    pub answer: Option<String>,
}

/// The answers of responses to surveys that are not anonymous.
///
/// # Errors
/// What the database answers.
pub fn answers(conn: &mut Conn, responses: &[i64]) -> Result<Vec<AnswerRow>, Error> {
    type Columns = (BigInt, BigInt, Nullable<BigInt>, Nullable<Text>);
    let sql =
        Sql::new("SELECT a.response_id, a.question, a.choice, a.answer FROM survey_answers a WHERE a.response_id");
    Ok(sql.in_ids(responses).text(" ORDER BY a.question, a.choice").load::<Columns, AnswerRow>(conn)?)
}
