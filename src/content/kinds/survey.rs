//! Surveys.

use chrono::NaiveDateTime;
use serde::{Deserialize, Serialize};

use crate::check::{Checks, NAME, TEXT};
use crate::content::kind::Kind;
use crate::db::text_enum::text_enum;
use crate::error::Code;

/// The most questions of one survey.
const MAX_QUESTIONS: usize = 100;
/// The most options of one question.
const MAX_OPTIONS: usize = 50;

text_enum! {
    /// How a question is answered.
    QuestionKind {
        /// By one of its options.
        SingleChoice = "SINGLE_CHOICE",
        /// By any of its options.
        MultipleChoice = "MULTIPLE_CHOICE",
        /// By a number from 1 to 5.
        Scale = "SCALE",
        /// By a text.
        Text = "TEXT",
    }
}

/// One question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    pub text: String,
    pub kind: QuestionKind,
    pub options: Vec<String>,
    pub required: bool,
}

/// Questions, which each answers once. Moments are in UTC.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Survey {
    pub description: Option<String>,
    /// Whether nobody can find out who answered what.
    pub anonymous: bool,
    pub closes_at: Option<NaiveDateTime>,
    pub questions: Vec<Question>,
}

impl Kind for Survey {
    const FIELD: &'static str = "survey";

    fn check(&self, checks: &mut Checks) {
        checks.prose(&Self::at("description"), self.description.as_deref(), TEXT);
        if self.questions.is_empty() || self.questions.len() > MAX_QUESTIONS {
            let message = format!("A survey has from 1 to {MAX_QUESTIONS} questions.");
            checks.refuse(Code::InvalidValue, &Self::at("questions"), message);
        }
        for (n, question) in self.questions.iter().take(MAX_QUESTIONS).enumerate() {
            question.check(checks, &Self::at(&format!("questions.{n}")));
        }
    }

    fn texts(&self) -> Vec<&str> {
        let questions = self.questions.iter().map(|question| question.text.as_str());
        self.description.as_deref().into_iter().chain(questions).collect()
    }
}

impl Question {
    fn check(&self, checks: &mut Checks, field: &str) {
        checks.required_prose(&format!("{field}.text"), Some(&self.text), 1_000);
        let field = format!("{field}.options");
        let chosen = matches!(self.kind, QuestionKind::SingleChoice | QuestionKind::MultipleChoice);
        if chosen && !(2..=MAX_OPTIONS).contains(&self.options.len()) {
            let message = format!("A choice has from 2 to {MAX_OPTIONS} options.");
            checks.refuse(Code::InvalidValue, &field, message);
        }
        if !chosen && !self.options.is_empty() {
            checks.refuse(Code::InvalidValue, &field, "Only a choice has options.");
        }
        for option in self.options.iter().take(MAX_OPTIONS) {
            checks.required(&field, Some(option), NAME);
        }
        let mut sorted: Vec<&String> = self.options.iter().collect();
        sorted.sort_unstable();
        sorted.dedup();
        if sorted.len() < self.options.len() {
            checks.refuse(Code::NotUnique, &field, "An option is named twice.");
        }
    }
}
