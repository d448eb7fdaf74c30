//! Checks of what people type, shared by all commands.

use crate::error::{Code, Rejection};
use crate::text::{Fault, is_blank, line_fault, prose_fault};

/// The longest name, in characters.
pub const NAME: usize = 200;
/// The longest label, such as a house number or a telephone number, in characters.
pub const LABEL: usize = 50;
/// The longest free text, in characters.
pub const TEXT: usize = 10_000;

/// How many refusals are told one by one; of the others only their number is.
pub const MOST: usize = 100;

/// Collects everything that is wrong, so that all of it is told at once.
#[derive(Debug, Default)]
pub struct Checks {
    rejections: Vec<Rejection>,
    /// How many there are beyond those, and the code of the first.
    more: Option<(usize, Code)>,
}

impl Checks {
    /// Adds a refusal.
    pub fn refuse(&mut self, code: Code, field: &str, message: impl Into<String>) {
        if self.rejections.len() < MOST {
            self.rejections.push(Rejection::new(code, message).at(field));
        } else {
            let (number, first) = self.more.unwrap_or((0, code));
            self.more = Some((number + 1, first));
        }
    }

    /// Checks a text of one line that may be absent: a name, a code, a label.
    pub fn line(&mut self, field: &str, value: Option<&str>, limit: usize) {
        self.text(field, value, limit, line_fault);
    }

    /// Checks a text of several lines that may be absent: a description, a note.
    pub fn prose(&mut self, field: &str, value: Option<&str>, limit: usize) {
        self.text(field, value, limit, prose_fault);
    }

    fn text(&mut self, field: &str, value: Option<&str>, limit: usize, fault: fn(&str) -> Option<Fault>) {
        let Some(value) = value else { return };
        if value.chars().count() > limit {
            self.refuse(Code::InvalidValue, field, format!("This may have at most {limit} characters."));
        } else if let Some(fault) = fault(value) {
            self.refuse(Code::InvalidValue, field, fault.to_string());
        } else if is_blank(value) {
            self.refuse(Code::InvalidValue, field, "This may be left out, but not be empty.");
        }
    }

    /// Checks a text of one line that must be there.
    pub fn required(&mut self, field: &str, value: Option<&str>, limit: usize) {
        self.required_text(field, value, limit, line_fault);
    }

    /// Checks a text of several lines that must be there.
    pub fn required_prose(&mut self, field: &str, value: Option<&str>, limit: usize) {
        self.required_text(field, value, limit, prose_fault);
    }

    fn required_text(&mut self, field: &str, value: Option<&str>, limit: usize, fault: fn(&str) -> Option<Fault>) {
        match value {
            None | Some("") => self.refuse(Code::Required, field, "This must be given."),
            value => self.text(field, value, limit, fault),
        }
    }

    /// All that is wrong, where it makes no sense to look further.
    pub fn into_error(mut self) -> crate::error::Error {
        if let Some((number, code)) = self.more {
            let message =
                if number == 1 { "There is one more.".to_owned() } else { format!("There are {number} more.") };
            self.rejections.push(Rejection::new(code, message));
        }
        crate::error::Error::Rejected(self.rejections)
    }

    /// Whether nothing is wrong.
    ///
    /// # Errors
    /// Everything that is.
    pub fn done(self) -> Result<(), crate::error::Error> {
        if self.rejections.is_empty() { Ok(()) } else { Err(self.into_error()) }
    }
}

/// A text of which something can be seen; any other is none.
pub fn given(text: Option<impl Into<String>>) -> Option<String> {
    text.map(Into::into).filter(|text: &String| !is_blank(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    #[test]
    fn what_is_wrong_beyond_a_hundred_things_is_counted() {
        for (number, told, last) in
            [(100, 100, "This is wrong: 99."), (101, 101, "There is one more."), (20_000, 101, "There are 19900 more.")]
        {
            let mut checks = Checks::default();
            for n in 0..number {
                checks.refuse(Code::InvalidValue, "input", format!("This is wrong: {n}."));
            }
            let Err(Error::Rejected(rejections)) = checks.done() else { panic!("nothing is wrong?") };
            assert_eq!(rejections.len(), told);
            assert_eq!(rejections.last().map(|rejection| rejection.message.as_str()), Some(last));
        }
    }
}
