//! What was answered to surveys, as the graph shows it.

use std::collections::HashMap;

use async_graphql::{ID, ServerResult};

use super::slots::family;
use super::survey::QuestionKind;
use super::{Content, ContentRow};
use crate::content::kind::Of;
use crate::content::kinds::survey::{self, Question, Survey};
use crate::content::surveys::SCALE;
use crate::content::surveys::store::{self, AnswerRow, ResponseRow, TextRow};
use crate::error::Error;
use crate::graphql::engine::{
    Argument, Edge, Entity, Exec, Field, Keyed, Link, Listed, Obj, PAGE_ARGS, Pages, Pick, Values, arg, connection,
    inline_list, input, many, one, page_args, ty,
};
use crate::graphql::scalars::DateTime;
use crate::graphql::types::participant::Participant;
use crate::graphql::types::payload::{PayloadRow, UserError, payload};
use crate::graphql::types::{aligned, totals};
use crate::id::Kind;

/// That somebody has answered.
pub struct SurveyResponse;
/// The answer to one question.
pub struct SurveyAnswer;
/// What was answered to a question, summed up.
pub struct SurveyQuestionResult;
/// How often something was chosen.
pub struct SurveyChoiceCount;
/// A text that somebody wrote.
pub struct SurveyText;

/// The answer to one question.
#[derive(Clone, Default)]
pub struct AnswerOf {
    question: i64,
    choices: Vec<i64>,
    text: Option<String>,
}

/// A question, and how often each choice was made.
#[derive(Clone)]
pub struct ResultRow {
    number: i64,
    question: Question,
    choices: Vec<(String, i64)>,
    texts: i64,
}

impl Entity for SurveyAnswer {
    const NAME: &'static str = "SurveyAnswer";
    const DOC: &'static str = "The answer to one question of a survey.";
    type Row = AnswerOf;

    fn fields() -> &'static [Field<Self>] {
        const FIELDS: &[Field<SurveyAnswer>] = &[
            Field::<SurveyAnswer>::value("question", ty::<i32>, "The place of the question, from 1 on.", |row, out| {
                out.int(row.question);
            }),
            Field::<SurveyAnswer>::value(
                "choices",
                ty::<Vec<i32>>,
                "The places of the options that were chosen, from 1 on, or the number on the scale; empty for texts.",
                |row, out| {
                    out.raw(b"[");
                    for (n, choice) in row.choices.iter().enumerate() {
                        out.raw(if n > 0 { b"," } else { b"" });
                        out.int(*choice);
                    }
                    out.raw(b"]");
                },
            ),
            Field::<SurveyAnswer>::value(
                "text",
                ty::<Option<String>>,
                "The text; null for other questions.",
                |row, out| {
                    out.opt_str(row.text.as_deref());
                },
            ),
        ];
        FIELDS
    }
}

impl Entity for SurveyResponse {
    const NAME: &'static str = "SurveyResponse";
    const DOC: &'static str = "That a participant has answered a survey.";
    type Row = ResponseRow;

    fn fields() -> &'static [Field<Self>] {
        const FIELDS: &[Field<SurveyResponse>] = &[
            Field::<SurveyResponse>::value("id", ty::<ID>, "The global identifier.", |row, out| {
                out.id(Kind::SurveyResponse, row.id);
            }),
            Field::<SurveyResponse>::link(
                "participant",
                ty::<Option<Obj<Participant>>>,
                "Who answered, or for whom a guardian did; null when you may not see the participant.",
                |pick| one::<ResponseRow, Participant>(pick, |row| Some(row.participant_id)),
            ),
            Field::<SurveyResponse>::value(
                "participantName",
                ty::<String>,
                "The name of that participant.",
                |row, out| {
                    out.str(&row.participant_name);
                },
            ),
            Field::<SurveyResponse>::value(
                "answeredByName",
                ty::<String>,
                "The name of who sent the answers; empty where another guardian of the child did.",
                |row, out| {
                    out.str(&row.answered_by);
                },
            ),
            Field::<SurveyResponse>::value("createdAt", ty::<DateTime>, "When they were sent.", |row, out| {
                out.instant(row.created_at);
            }),
            Field::<SurveyResponse>::link(
                "answers",
                ty::<Vec<Obj<SurveyAnswer>>>,
                "What was answered; empty where another guardian of the child did, and always when the survey is anonymous.",
                |pick| many::<ResponseRow, SurveyAnswer>(pick, Box::new(answers)),
            ),
        ];
        FIELDS
    }
}

fn answers(exec: &mut Exec<'_>, rows: &[&ResponseRow], _details: bool) -> Result<Vec<Vec<AnswerOf>>, Error> {
    let told: Vec<i64> = rows.iter().filter(|row| row.told).map(|row| row.id).collect();
    let mut found: HashMap<i64, Vec<AnswerOf>> = HashMap::new();
    for AnswerRow { response_id, question, choice, answer } in store::answers(exec.conn, &told)? {
        let of = found.entry(response_id).or_default();
        if of.last().is_none_or(|last| last.question != question) {
            of.push(AnswerOf { question, ..AnswerOf::default() });
        }
        if let Some(last) = of.last_mut() {
            last.choices.extend(choice);
            last.text = answer.or(last.text.take());
        }
    }
    Ok(rows.iter().map(|row| found.remove(&row.id).unwrap_or_default()).collect())
}

impl Keyed for SurveyResponse {
    fn by_ids(exec: &mut Exec<'_>, ids: &[i64], _details: bool) -> Result<Vec<ResponseRow>, Error> {
        let (vision, own) = (exec.vision()?, family(exec)?);
        store::by_ids(exec.conn, &vision, &own, ids)
    }

    fn key(row: &ResponseRow) -> i64 {
        row.id
    }
}

macro_rules! listed {
    ($entity:ident, $row:ty, $connection:literal, $doc:literal, $edge:literal) => {
        impl Listed for $entity {
            type Node = Self;
            const CONNECTION: &'static str = $connection;
            const CONNECTION_DOC: &'static str = $doc;
            const EDGE: &'static str = $edge;

            fn edge_fields() -> &'static [Field<Edge<Self>>] {
                Edge::<Self>::BASIC
            }

            fn node(row: &$row) -> &$row {
                row
            }
        }
    };
}
listed!(
    SurveyResponse,
    ResponseRow,
    "SurveyResponseConnection",
    "A page of responses, the latest first.",
    "SurveyResponseEdge"
);
listed!(
    SurveyText,
    TextRow,
    "SurveyTextConnection",
    "A page of texts, in no order that would tell anything.",
    "SurveyTextEdge"
);

impl Entity for SurveyText {
    const NAME: &'static str = "SurveyText";
    const DOC: &'static str = "A text that somebody wrote as an answer.";
    type Row = TextRow;

    fn fields() -> &'static [Field<Self>] {
        const FIELDS: &[Field<SurveyText>] =
            &[Field::<SurveyText>::value("text", ty::<String>, "The text.", |row, out| out.str(&row.answer))];
        FIELDS
    }
}

impl Entity for SurveyChoiceCount {
    const NAME: &'static str = "SurveyChoiceCount";
    const DOC: &'static str = "How often something was chosen.";
    type Row = (String, i64);

    fn fields() -> &'static [Field<Self>] {
        const FIELDS: &[Field<SurveyChoiceCount>] = &[
            Field::<SurveyChoiceCount>::value(
                "label",
                ty::<String>,
                "The option, or the number on the scale.",
                |row, out| {
                    out.str(&row.0);
                },
            ),
            Field::<SurveyChoiceCount>::value("count", ty::<i32>, "How often it was chosen.", |row, out| {
                out.int(row.1)
            }),
        ];
        FIELDS
    }
}

impl Entity for SurveyQuestionResult {
    const NAME: &'static str = "SurveyQuestionResult";
    const DOC: &'static str = "What was answered to a question of a survey, summed up.";
    type Row = ResultRow;

    fn fields() -> &'static [Field<Self>] {
        const FIELDS: &[Field<SurveyQuestionResult>] = &[
            Field::<SurveyQuestionResult>::value(
                "question",
                ty::<i32>,
                "The place of the question, from 1 on.",
                |row, out| {
                    out.int(row.number);
                },
            ),
            Field::<SurveyQuestionResult>::value("text", ty::<String>, "The question.", |row, out| {
                out.str(&row.question.text)
            }),
            Field::<SurveyQuestionResult>::value("kind", ty::<QuestionKind>, "How it is answered.", |row, out| {
                out.str(row.question.kind.as_str());
            }),
            Field::<SurveyQuestionResult>::link(
                "choices",
                ty::<Vec<Obj<SurveyChoiceCount>>>,
                "Every option, or every number from 1 to 5, with how often it was chosen; empty for texts.",
                |pick| inline_list::<ResultRow, SurveyChoiceCount>(pick, |row| row.choices.as_slice()),
            ),
            Field::<SurveyQuestionResult>::value("textCount", ty::<i32>, "How many texts were written.", |row, out| {
                out.int(row.texts);
            }),
            Field::<SurveyQuestionResult>::value(
                "average",
                ty::<Option<f64>>,
                "The average on a scale, to two decimals; null for other questions and while nobody has answered.",
                average,
            ),
        ];
        FIELDS
    }
}

fn average(row: &ResultRow, out: &mut crate::graphql::engine::Out) {
    let number: i64 = row.choices.iter().map(|(_, count)| count).sum();
    if row.question.kind != survey::QuestionKind::Scale || number == 0 {
        return out.null();
    }
    let sum: i64 = (1..).zip(&row.choices).map(|(value, (_, count)): (i64, _)| value * count).sum();
    let hundredths = (sum * 100 + number / 2) / number;
    out.raw(format!("{}.{:02}", hundredths / 100, hundredths % 100).as_bytes());
}

/// Leads from surveys to what was answered, summed up.
///
/// # Errors
/// When an argument below does not fit its type.
pub fn results(pick: &Pick<'_>) -> ServerResult<Box<dyn Link<ContentRow>>> {
    many::<ContentRow, SurveyQuestionResult>(
        pick,
        Box::new(|exec, rows, _| {
            let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
            let tally = store::tally(exec.conn, &ids)?;
            let count = |row: &ContentRow, number: i64, choice: Option<i64>| {
                tally.get(&(row.id, number, choice)).copied().unwrap_or_default()
            };
            let result = |row: &ContentRow, number: i64, question: &Question| {
                let labels: Vec<String> = match question.kind {
                    survey::QuestionKind::Scale => (1..=SCALE).map(|value| value.to_string()).collect(),
                    _ => question.options.clone(),
                };
                let choices = (1..).zip(labels).map(|(choice, label)| (label, count(row, number, Some(choice))));
                let (choices, texts) = (choices.collect(), count(row, number, None));
                ResultRow { number, question: question.clone(), choices, texts }
            };
            let of = |row: &&ContentRow| {
                let questions = Survey::of(row.details()).map_or(&[][..], |survey| &survey.questions);
                (1..).zip(questions).map(|(number, question)| result(row, number, question)).collect()
            };
            Ok(rows.iter().map(of).collect())
        }),
    )
}

struct Counted;

impl Link<ContentRow> for Counted {
    fn follow(&self, exec: &mut Exec<'_>, rows: &[&ContentRow]) -> Result<Values, Error> {
        let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
        let counts = store::counts(exec.conn, &ids)?;
        let mut values = Values::with_capacity(rows.len());
        for id in ids {
            values.push(|out| out.int(counts.get(&id).copied().unwrap_or_default()));
        }
        Ok(values)
    }
}

/// Leads from surveys to how many have answered.
///
/// # Errors
/// None.
pub fn count(_: &Pick<'_>) -> ServerResult<Box<dyn Link<ContentRow>>> {
    Ok(Box::new(Counted))
}

/// Leads from surveys to the responses of the viewer and the viewer's children.
///
/// # Errors
/// When an argument below does not fit its type.
pub fn of_viewer(pick: &Pick<'_>) -> ServerResult<Box<dyn Link<ContentRow>>> {
    many::<ContentRow, SurveyResponse>(
        pick,
        Box::new(|exec, rows, _| {
            let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
            let (vision, own) = (exec.vision()?, family(exec)?);
            let found = store::of_family(exec.conn, &vision, &ids, &own)?;
            Ok(ids.iter().map(|id| found.iter().filter(|row| row.content_id == *id).cloned().collect()).collect())
        }),
    )
}

/// Leads from surveys to all responses.
///
/// # Errors
/// When an argument does not fit its type.
pub fn responses(pick: &Pick<'_>) -> ServerResult<Box<dyn Link<ContentRow>>> {
    let window = page_args(pick)?;
    connection::<ContentRow, SurveyResponse>(
        pick,
        Box::new(move |exec: &mut Exec<'_>, rows, asked| {
            let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
            let found = if asked.rows { store::responses(exec.conn, &ids, &window)? } else { HashMap::new() };
            let count = |ids: &[i64]| store::counts(exec.conn, ids);
            let totals = asked.count.then(|| totals(&ids, asked.rows.then_some(&found), &window, count)).transpose()?;
            let pages = aligned(&ids, found, totals.as_ref());
            Ok(Pages { pages, cursor: Box::new(ResponseRow::keys) })
        }),
    )
}

/// The arguments of the list of texts.
pub const TEXT_ARGS: &[Argument] = &[
    arg("question", input::<i32>, "The place of the question, from 1 on."),
    PAGE_ARGS[0],
    PAGE_ARGS[1],
    PAGE_ARGS[2],
    PAGE_ARGS[3],
];

/// Leads from surveys to the texts that answer a question.
///
/// # Errors
/// When an argument does not fit its type.
pub fn texts(pick: &Pick<'_>) -> ServerResult<Box<dyn Link<ContentRow>>> {
    let window = page_args(pick)?;
    let question = i64::from(pick.arg::<i32>("question")?);
    connection::<ContentRow, SurveyText>(
        pick,
        Box::new(move |exec: &mut Exec<'_>, rows, asked| {
            let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
            let found = if asked.rows { store::texts(exec.conn, &ids, question, &window)? } else { HashMap::new() };
            let count = |ids: &[i64]| store::text_counts(exec.conn, ids, question);
            let totals = asked.count.then(|| totals(&ids, asked.rows.then_some(&found), &window, count)).transpose()?;
            let pages = aligned(&ids, found, totals.as_ref());
            Ok(Pages { pages, cursor: Box::new(TextRow::keys) })
        }),
    )
}

payload!(
    SurveyResponsePayload,
    (i64, i64),
    "What became of the answers to a survey.",
    [
        Field::<SurveyResponsePayload>::link(
            "response",
            ty::<Option<Obj<SurveyResponse>>>,
            "The response; null when the mutation was refused.",
            |pick| one::<PayloadRow<(i64, i64)>, SurveyResponse>(pick, |row| row.done.map(|(response, _)| response)),
        ),
        Field::<SurveyResponsePayload>::link(
            "content",
            ty::<Option<Obj<Content>>>,
            "The survey; null when the mutation was refused.",
            |pick| one::<PayloadRow<(i64, i64)>, Content>(pick, |row| row.done.map(|(_, content)| content)),
        ),
    ]
);
