//! Checks of what people type, shared by all commands.

use crate::error::{Code, Rejection};

/// The longest name, in characters.
pub const NAME: usize = 200;
/// The longest label, such as a house number or a telephone number, in characters.
pub const LABEL: usize = 50;
/// The longest free text, in characters.
pub const TEXT: usize = 10_000;

/// Collects everything that is wrong, so that all of it is told at once.
#[derive(Debug, Default)]
pub struct Checks {
    rejections: Vec<Rejection>,
}

impl Checks {
    /// Adds a refusal.
    pub fn refuse(&mut self, code: Code, field: &str, message: impl Into<String>) {
        self.rejections.push(Rejection::new(code, message).at(field));
    }

    /// Checks a text that may be absent.
    pub fn text(&mut self, field: &str, value: Option<&str>, limit: usize) {
        let Some(value) = value else { return };
        if value.chars().count() > limit {
            self.refuse(Code::InvalidValue, field, format!("This may have at most {limit} characters."));
        } else if value.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t')) {
            self.refuse(Code::InvalidValue, field, "This holds characters that cannot be shown.");
        } else if value.trim().is_empty() {
            self.refuse(Code::InvalidValue, field, "This may be left out, but not be empty.");
        }
    }

    /// Checks a text that must be there.
    pub fn required(&mut self, field: &str, value: Option<&str>, limit: usize) {
        match value {
            None | Some("") => self.refuse(Code::Required, field, "This must be given."),
            value => self.text(field, value, limit),
        }
    }

    /// Checks an e-mail address as far as can be done without writing to it.
    pub fn email(&mut self, field: &str, value: Option<&str>) {
        let Some(value) = value else { return };
        let parts: Vec<&str> = value.split('@').collect();
        let shaped = matches!(parts.as_slice(), [local, domain] if !local.is_empty() && domain.contains('.')
            && !domain.starts_with('.') && !domain.ends_with('.'));
        if !shaped || value.len() > 254 || value.chars().any(|c| c.is_whitespace() || c.is_control()) {
            self.refuse(Code::InvalidValue, field, "This is not an e-mail address.");
        }
    }

    /// All that is wrong, where it makes no sense to look further.
    pub fn into_error(self) -> crate::error::Error {
        crate::error::Error::Rejected(self.rejections)
    }

    /// Whether nothing is wrong.
    ///
    /// # Errors
    /// Everything that is.
    pub fn done(self) -> Result<(), crate::error::Error> {
        if self.rejections.is_empty() { Ok(()) } else { Err(crate::error::Error::Rejected(self.rejections)) }
    }
}

/// White space around a text is never meant; an empty text is none.
pub fn trimmed(text: Option<String>) -> Option<String> {
    text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}
