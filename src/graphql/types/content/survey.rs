//! Surveys as the graph shows them.

use async_graphql::{Enum, InputObject};

use super::responses::{self, SurveyQuestionResult, SurveyResponse, SurveyText};
use super::{Content, ContentRow, face, input};
use crate::check::given;
use crate::content::kind::Of;
use crate::content::kinds::survey::{self, Question, Survey};
use crate::graphql::engine::{Connection, Entity, Field, Obj, PAGE_ARGS, inline_list, ty};
use crate::graphql::scalars::DateTime;
use crate::graphql::text::{Line, Prose};

/// How a question is answered.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "survey::QuestionKind")]
pub enum QuestionKind {
    /// By one of its options.
    SingleChoice,
    /// By any number of its options.
    MultipleChoice,
    /// By a number from 1 to 5.
    Scale,
    /// By a text.
    Text,
}

/// One question.
pub struct SurveyQuestion;

impl Entity for SurveyQuestion {
    const NAME: &'static str = "SurveyQuestion";
    const DOC: &'static str = "A question of a survey.";
    type Row = Question;

    fn fields() -> &'static [Field<Self>] {
        const FIELDS: &[Field<SurveyQuestion>] = &[
            Field::<SurveyQuestion>::value("text", ty::<String>, "The question.", |row, out| out.str(&row.text)),
            Field::<SurveyQuestion>::value("kind", ty::<QuestionKind>, "How it is answered.", |row, out| {
                out.str(row.kind.as_str());
            }),
            Field::<SurveyQuestion>::value(
                "options",
                ty::<Vec<String>>,
                "What can be chosen; empty unless it is a choice.",
                |row, out| {
                    out.strings(row.options.iter().map(String::as_str));
                },
            ),
            Field::<SurveyQuestion>::value("required", ty::<bool>, "Whether it must be answered.", |row, out| {
                out.bool(row.required);
            }),
        ];
        FIELDS
    }
}

face!(
    Survey,
    "Questions, which each answers once.",
    [
        Field::<Content>::value(
            "description",
            ty::<Option<String>>,
            "What it is about; null when nothing is said.",
            |row, out| {
                out.opt_str(Survey::of(row.details()).and_then(|item| item.description.as_deref()));
            }
        ),
        Field::<Content>::value(
            "anonymous",
            ty::<bool>,
            "Whether nobody can find out who answered what.",
            |row, out| {
                out.bool(Survey::of(row.details()).is_some_and(|item| item.anonymous));
            }
        ),
        Field::<Content>::value(
            "closesAt",
            ty::<Option<DateTime>>,
            "Until when it can be answered; always when null.",
            |row, out| {
                out.opt_instant(Survey::of(row.details()).and_then(|item| item.closes_at));
            }
        ),
        Field::<Content>::link("questions", ty::<Vec<Obj<SurveyQuestion>>>, "The questions, in their order.", |pick| {
            inline_list::<ContentRow, SurveyQuestion>(pick, |row| {
                Survey::of(row.details()).map_or(&[], |item| item.questions.as_slice())
            })
        }),
        Field::<Content>::link("responseCount", ty::<i32>, "How many have answered.", responses::count),
        Field::<Content>::link(
            "viewerResponses",
            ty::<Vec<Obj<SurveyResponse>>>,
            "That you have answered, and each of your children, as far as this is so.",
            responses::of_viewer,
        ),
        Field::<Content>::link(
            "results",
            ty::<Option<Vec<Obj<SurveyQuestionResult>>>>,
            "What was answered, question by question; null when the survey is not yours to change.",
            responses::results,
        ),
        Field::<Content>::link(
            "responses",
            ty::<Option<Obj<Connection<SurveyResponse>>>>,
            "Who has answered, the latest first; null when the survey is not yours to change.",
            responses::responses,
        )
        .args(&PAGE_ARGS),
        Field::<Content>::link(
            "texts",
            ty::<Option<Obj<Connection<SurveyText>>>>,
            "The texts that answer a question, in no order that would tell anything; null when the survey is not yours to change.",
            responses::texts,
        )
        .args(responses::TEXT_ARGS),
]
);

/// A question.
#[derive(InputObject, Clone, Debug)]
pub struct SurveyQuestionInput {
    /// The question, at most 1,000 characters.
    text: Prose,
    /// How it is answered.
    kind: QuestionKind,
    /// What can be chosen, from 2 to 50; only for choices.
    #[graphql(default)]
    options: Vec<Line>,
    /// Whether it must be answered.
    #[graphql(default)]
    required: bool,
}

input!(SurveyInput, Survey,
/// A survey.
{
    /// What it is about, at most 10,000 characters.
    description: Option<Prose>,
    /// Whether nobody can find out who answered what.
    #[graphql(default)]
    anonymous: bool,
    /// Until when it can be answered.
    closes_at: Option<DateTime>,
    /// The questions, from 1 to 100. Once somebody has answered they cannot be changed.
    questions: Vec<SurveyQuestionInput>,
}, |input| Survey {
    description: given(input.description),
    anonymous: input.anonymous,
    closes_at: input.closes_at.map(|at| at.0),
    questions: input
        .questions
        .into_iter()
        .map(|question| Question {
            text: question.text.into(),
            kind: question.kind.into(),
            options: question.options.into_iter().map(Into::into).collect(),
            required: question.required,
        })
        .collect(),
});
