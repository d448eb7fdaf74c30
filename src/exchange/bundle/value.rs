//! What the text of a single field may be.

use std::fmt::{self, Write as _};

use chrono::NaiveDate;

use super::error::ErrorCode;
use super::vocabulary::Vocabulary;
use crate::people::rules;
use crate::text::{Fault, is_blank, line_fault, prose_fault, tidy_line, tidy_prose};

/// Most characters of a reason code.
const REASON_LENGTH: usize = 50;

/// Most characters of a value that a message repeats.
const SHOWN: usize = 60;

/// What is wrong with a value.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::exchange) struct Problem {
    pub(in crate::exchange) code: ErrorCode,
    pub(in crate::exchange) message: String,
}

impl Problem {
    fn new(code: ErrorCode, message: String) -> Self {
        Self { code, message }
    }
}

/// A value as a message shows it: in quotes, cut when long, control characters spelled out.
pub(in crate::exchange) struct Shown<'v>(pub(in crate::exchange) &'v str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for (index, character) in self.0.chars().enumerate() {
            if index == SHOWN {
                f.write_char('…')?;
                break;
            }
            if is_invisible(character) {
                write!(f, "{}", character.escape_default())?;
            } else {
                f.write_char(character)?;
            }
        }
        f.write_char('"')
    }
}

/// Reads a text of one line, of at most `limit` characters: what cannot be seen is left out of it.
pub(in crate::exchange) fn line(text: &str, limit: usize) -> Result<String, Problem> {
    admitted(text, line_fault(text))?;
    short(tidy_line(text), limit)
}

/// Reads a text that may have line ends and tabs in it.
pub(in crate::exchange) fn prose(text: &str, limit: usize) -> Result<String, Problem> {
    let text = tidy_prose(text);
    admitted(&text, prose_fault(&text))?;
    short(text, limit)
}

/// Whether a message has to spell a character out: it cannot be seen, or it changes how the message reads.
fn is_invisible(character: char) -> bool {
    let mut buffer = [0; 4];
    let alone: &str = character.encode_utf8(&mut buffer);
    character != ' ' && (is_blank(alone) || line_fault(alone).is_some())
}

/// Refuses what the door for texts keeps out.
fn admitted(text: &str, fault: Option<Fault>) -> Result<(), Problem> {
    let message = match fault {
        None => return Ok(()),
        Some(Fault::LineBreak) => {
            let character = text.chars().find(|c| line_fault(c.encode_utf8(&mut [0; 4])).is_some()).unwrap_or('\n');
            format!("holds U+{:04X}, a line break", u32::from(character))
        }
        Some(Fault::Control(character)) => format!("holds U+{:04X}, a control character", u32::from(character)),
        Some(Fault::Direction(character)) => {
            format!("holds U+{:04X}, which turns the direction of reading", u32::from(character))
        }
    };
    Err(Problem::new(ErrorCode::ControlCharacter, message))
}

fn short(text: String, limit: usize) -> Result<String, Problem> {
    let length = text.chars().count();
    if length > limit {
        return Err(Problem::new(
            ErrorCode::TooLong,
            format!("has {length} characters, more than the {limit} allowed"),
        ));
    }
    Ok(text)
}

/// Reads a date written yyyy-mm-dd, and nothing else that might pass for one.
pub(in crate::exchange) fn date(text: &str) -> Result<NaiveDate, Problem> {
    calendar_date(text.as_bytes()).ok_or_else(|| {
        Problem::new(ErrorCode::InvalidDate, format!("{} is not a date written yyyy-mm-dd", Shown(text)))
    })
}

fn calendar_date(text: &[u8]) -> Option<NaiveDate> {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *text else {
        return None;
    };
    let year = number(&[y1, y2, y3, y4])?;
    if year == 0 {
        return None;
    }
    NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, number(&[m1, m2])?, number(&[d1, d2])?)
}

/// The number that a few ASCII digits make.
fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |value, digit| digit.is_ascii_digit().then(|| value * 10 + u32::from(digit - b'0')))
}

/// Reads one of the words of a closed set.
pub(super) fn word<T: Vocabulary>(text: &str) -> Result<T, Problem> {
    T::ALL.iter().find(|word| word.as_str() == text).copied().ok_or_else(|| unknown(text, &words(T::ALL)))
}

/// The words of a closed set, as a message lists them.
pub(in crate::exchange) fn words<T: Vocabulary>(allowed: &[T]) -> String {
    let words: Vec<_> = allowed.iter().map(|word| word.as_str()).collect();
    match words.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}

/// Reads `true` or `false`.
pub(super) fn flag(text: &str) -> Result<bool, Problem> {
    text.parse().map_err(|_| unknown(text, "true or false"))
}

/// Reads a year group of primary education, from 1 to 8.
pub(super) fn year_group(text: &str) -> Result<u8, Problem> {
    match text.as_bytes() {
        [digit @ b'1'..=b'8'] => Ok(digit - b'0'),
        _ => Err(unknown(text, "a whole number from 1 to 8")),
    }
}

fn unknown(text: &str, allowed: &str) -> Problem {
    Problem::new(ErrorCode::UnknownValue, format!("{} is not allowed here; write {allowed}", Shown(text)))
}

/// Reads the code of a reason.
pub(super) fn reason(text: &str) -> Result<&str, Problem> {
    let fits = text.len() <= REASON_LENGTH && text.bytes().all(|byte| matches!(byte, b'A'..=b'Z' | b'0'..=b'9' | b'_'));
    fits.then_some(text).ok_or_else(|| {
        Problem::new(
            ErrorCode::InvalidReason,
            format!("{} is not a reason code: 1 to {REASON_LENGTH} of A-Z, 0-9 and _", Shown(text)),
        )
    })
}

/// Reads an e-mail address.
pub(in crate::exchange) fn email(text: &str) -> Result<&str, Problem> {
    let refuse = |_| Problem::new(ErrorCode::InvalidEmail, format!("{} is not an e-mail address", Shown(text)));
    rules::email(text).map(|()| text).map_err(refuse)
}

/// Reads a telephone number.
pub(super) fn phone(text: &str) -> Result<&str, Problem> {
    let refuse = |_| Problem::new(ErrorCode::InvalidPhone, format!("{} is not a telephone number", Shown(text)));
    rules::phone(text).map(|()| text).map_err(refuse)
}
