//! Surveys: answering them, once, and what was answered.

pub mod store;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::kind::{ContentKind, Details, Of};
use super::kinds::survey::{Question, QuestionKind, Survey};
use super::store::ContentRow;
use super::taking_part::{self, check_invited, check_kind, check_open, for_whom};
use super::visibility::Vision;
use crate::check::Checks;
use crate::db::Conn;
use crate::error::{Code, Error, Rejection};
use crate::groups::store::CompositionCache;
use crate::scope::Scope;
use store::NewAnswer;

/// The highest number on a scale; the lowest is 1.
pub const SCALE: i32 = 5;
/// The longest text, in characters.
const LONGEST: usize = 5_000;

/// The answer to one question.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// The place of the question, from 1 on.
    pub question: i32,
    /// The places of the options that are chosen, from 1 on.
    pub choices: Vec<i32>,
    pub scale: Option<i32>,
    pub text: Option<String>,
}

/// Who answers what.
#[derive(Clone, Debug)]
pub struct Request {
    pub content_id: i64,
    /// The participant concerned; the viewer when absent.
    pub participant_id: Option<i64>,
    pub answers: Vec<Answer>,
}

/// Answers a survey, and answers with the key of the response.
///
/// # Errors
/// A rejection for each rule that stands in the way.
pub fn answer(conn: &mut Conn, scope: &Scope, cache: &CompositionCache, request: &Request) -> Result<i64, Error> {
    let vision = Vision::of_viewer(conn, scope, cache)?;
    let missing = || Error::from(Rejection::new(Code::NotFound, "There is no such content.").at("input.contentId"));
    let row = taking_part::lock(conn, scope, &vision, request.content_id)?.ok_or_else(missing)?;
    check_kind(&row, ContentKind::Survey, "This is no survey, so it cannot be answered.")?;
    // Nobody answers for somebody else, whoever made the survey.
    let row = ContentRow { managed: false, ..row };
    let survey = Survey::of(row.details.as_ref()).ok_or_else(|| Error::internal("a survey without its questions"))?;
    let participant = for_whom(conn, scope, cache, &vision, &row, request.participant_id)?;
    let mut checks = Checks::default();
    check_invited(conn, scope, cache, &row, participant, &mut checks)?;
    check_open(row.managed, scope.instant(), (None, survey.closes_at), ("to answer", "input.contentId"), &mut checks);
    if store::has_answered(conn, row.id, participant)? {
        checks.refuse(Code::AlreadyAnswered, "input.participantId", "This participant has answered already.");
    }
    check_answers(&survey.questions, &request.answers, &mut checks);
    checks.done()?;
    let response = store::insert(conn, scope, row.id, participant)?;
    let mut new = Vec::new();
    for answer in &request.answers {
        let of = |choice: Option<i32>, text: Option<&String>| {
            Ok::<_, Error>(NewAnswer {
                id: random()?,
                response_id: (!survey.anonymous).then_some(response),
                question: answer.question,
                choice,
                answer: text.cloned(),
            })
        };
        for choice in answer.choices.iter().copied().chain(answer.scale) {
            new.push(of(Some(choice), None)?);
        }
        if let Some(text) = &answer.text {
            new.push(of(None, Some(text))?);
        }
    }
    store::insert_answers(conn, row.id, &new)?;
    Ok(response)
}

fn random() -> Result<String, Error> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).map_err(|error| Error::internal(format!("no randomness: {error}")))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// Collects everything that is wrong with answers.
fn check_answers(questions: &[Question], answers: &[Answer], checks: &mut Checks) {
    let mut answered = vec![false; questions.len()];
    for (n, answer) in answers.iter().enumerate() {
        let field = format!("input.answers.{n}");
        let place = usize::try_from(answer.question).ok().and_then(|place| place.checked_sub(1));
        let known = place.and_then(|place| questions.get(place).zip(answered.get_mut(place)));
        let Some((question, done)) = known else {
            checks.refuse(Code::InvalidValue, &field, "There is no such question.");
            continue;
        };
        if std::mem::replace(done, true) {
            checks.refuse(Code::NotUnique, &field, "This question is answered twice.");
        }
        if let Some(fault) = fault(question, answer) {
            checks.refuse(Code::InvalidValue, &field, fault);
        }
        checks.prose(&format!("{field}.text"), answer.text.as_deref(), LONGEST);
    }
    for (n, (question, done)) in questions.iter().zip(answered).enumerate() {
        if question.required && !done {
            checks.refuse(Code::Required, "input.answers", format!("Question {} must be answered.", n + 1));
        }
    }
}

/// What is wrong with an answer to a question.
fn fault(question: &Question, answer: &Answer) -> Option<&'static str> {
    let (chosen, scaled, written) = (!answer.choices.is_empty(), answer.scale.is_some(), answer.text.is_some());
    let options = i32::try_from(question.options.len()).unwrap_or(i32::MAX);
    let mut sorted = answer.choices.clone();
    sorted.sort_unstable();
    sorted.dedup();
    let known = sorted.len() == answer.choices.len() && sorted.iter().all(|choice| (1..=options).contains(choice));
    match question.kind {
        QuestionKind::SingleChoice if scaled || written || answer.choices.len() != 1 || !known => {
            Some("Choose one of the options.")
        }
        QuestionKind::MultipleChoice if scaled || written || !chosen || !known => {
            Some("Choose among the options, each once.")
        }
        QuestionKind::Scale if chosen || written || !answer.scale.is_some_and(|scale| (1..=SCALE).contains(&scale)) => {
            Some("Give a number from 1 to 5.")
        }
        QuestionKind::Text if chosen || scaled || !written => Some("Write a text."),
        _ => None,
    }
}

/// Refuses to change the questions of a survey that somebody has answered, and whether it is anonymous: what was answered
/// would come to mean something else.
///
/// # Errors
/// `InUse`.
pub fn check_change(conn: &mut Conn, content: i64, before: &Details, after: &Details) -> Result<(), Error> {
    let (Details::Survey(before), Details::Survey(after)) = (before, after) else { return Ok(()) };
    let same = before.questions == after.questions && before.anonymous == after.anonymous;
    if same || !store::is_answered(conn, content)? {
        return Ok(());
    }
    let message = "Somebody has answered this survey, so its questions stay as they are.";
    Err(Rejection::new(Code::InUse, message).at("input.content.survey.questions").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_fit_their_questions() {
        let question = |kind: QuestionKind, required: bool| Question {
            text: "?".to_owned(),
            kind,
            options: if matches!(kind, QuestionKind::Scale | QuestionKind::Text) {
                Vec::new()
            } else {
                vec!["a".to_owned(), "b".to_owned()]
            },
            required,
        };
        let questions = [
            question(QuestionKind::SingleChoice, true),
            question(QuestionKind::MultipleChoice, false),
            question(QuestionKind::Scale, false),
            question(QuestionKind::Text, false),
        ];
        let chosen =
            |question: i32, choices: &[i32]| Answer { question, choices: choices.to_vec(), ..Answer::default() };
        let scaled = |question: i32, scale: i32| Answer { question, scale: Some(scale), ..Answer::default() };
        let written = |question: i32, text: &str| Answer { question, text: Some(text.to_owned()), ..Answer::default() };
        let first = || chosen(1, &[1]);
        let refusals = |answers: &[Answer]| {
            let mut checks = Checks::default();
            check_answers(&questions, answers, &mut checks);
            match checks.done() {
                Err(Error::Rejected(rejections)) => rejections.len(),
                _ => 0,
            }
        };
        assert_eq!(refusals(&[first(), chosen(2, &[2, 1]), scaled(3, 5), written(4, "x")]), 0);
        assert_eq!(refusals(&[]), 1, "the first must be answered");
        for wrong in [
            chosen(2, &[]),
            chosen(2, &[1, 1]),
            chosen(2, &[3]),
            chosen(2, &[0]),
            scaled(2, 1),
            scaled(3, 0),
            scaled(3, 6),
            chosen(3, &[1]),
            written(3, "5"),
            written(4, " "),
            scaled(4, 1),
            written(5, "x"),
            written(0, "x"),
            written(i32::MIN, "x"),
        ] {
            assert_eq!(refusals(&[first(), wrong.clone()]), 1, "{wrong:?}");
        }
        assert_eq!(refusals(&[first(), first()]), 1, "twice");
        assert_eq!(refusals(&[chosen(1, &[1, 2])]), 1, "two where one is to be chosen");
    }
}
