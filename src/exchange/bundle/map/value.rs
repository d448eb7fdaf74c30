//! How another system writes dates and letters.

use std::borrow::Cow;

use chrono::NaiveDate;
use encoding_rs::{UTF_16BE, UTF_16LE, WINDOWS_1252};

use crate::exchange::bundle::error::ErrorCode;
use crate::exchange::bundle::value::Problem;

/// In what a file's letters are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Charset {
    Utf8,
    Windows1252,
    Utf16,
}

impl Charset {
    pub(super) const NAMES: &'static str = "utf-8, windows-1252 or utf-16";

    pub(super) fn named(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "utf-8" | "utf8" => Some(Self::Utf8),
            "windows-1252" | "cp1252" | "iso-8859-1" | "latin1" => Some(Self::Windows1252),
            "utf-16" | "utf-16le" | "utf-16be" => Some(Self::Utf16),
            _ => None,
        }
    }

    /// A file as UTF-8. What is wrong with UTF-8 is told later, with its place.
    pub(super) fn decode(self, bytes: Vec<u8>) -> Result<Vec<u8>, Problem> {
        let marked = bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff");
        let is_utf8 = !bytes.is_ascii() && std::str::from_utf8(&bytes).is_ok();
        let wrong = |message: &str| Err(Problem { code: ErrorCode::NotUtf8, message: message.to_owned() });
        match self {
            Self::Utf8 => Ok(bytes),
            Self::Windows1252 if marked => wrong("the file is UTF-16, and the map says windows-1252"),
            Self::Windows1252 if is_utf8 => wrong("the file is UTF-8, and the map says windows-1252"),
            Self::Windows1252 => Ok(owned(WINDOWS_1252.decode_without_bom_handling(&bytes).0)),
            Self::Utf16 => {
                let encoding = if bytes.starts_with(b"\xfe\xff") { UTF_16BE } else { UTF_16LE };
                match encoding.decode_with_bom_removal(&bytes) {
                    (text, false) => Ok(owned(text)),
                    (_, true) => wrong("the file is not UTF-16, and the map says that it is"),
                }
            }
        }
    }
}

fn owned(text: Cow<'_, str>) -> Vec<u8> {
    text.into_owned().into_bytes()
}

/// A part of a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Day,
    Month,
    Year,
}

/// How dates are written: such as `dd-mm-yyyy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DateFormat {
    parts: [Part; 3],
    separator: char,
    /// Whether a time of the day follows, which is passed over.
    with_time: bool,
}

impl Default for DateFormat {
    fn default() -> Self {
        Self { parts: [Part::Year, Part::Month, Part::Day], separator: '-', with_time: false }
    }
}

impl DateFormat {
    pub(super) const EXAMPLES: &'static str = "yyyy-mm-dd, dd-mm-yyyy, dd/mm/yyyy, mm/dd/yyyy, dd.mm.yyyy, Dutch jjjj for yyyy, and hh:mm behind it for a time";

    /// Reads `dd-mm-yyyy` and the like; `jjjj` is Dutch for `yyyy`.
    pub(super) fn named(name: &str) -> Option<Self> {
        let (day, time) = name.split_once(' ').map_or((name, None), |(day, time)| (day, Some(time)));
        if time.is_some_and(|time| !matches!(time, "hh:mm" | "hh:mm:ss" | "uu:mm" | "uu:mm:ss")) {
            return None;
        }
        let separator = day.chars().find(|c| matches!(c, '-' | '/' | '.'))?;
        let parts: Option<Vec<Part>> = day
            .split(separator)
            .map(|part| match part {
                "d" | "dd" => Some(Part::Day),
                "m" | "mm" => Some(Part::Month),
                "yyyy" | "jjjj" => Some(Part::Year),
                _ => None,
            })
            .collect();
        let parts: [Part; 3] = parts?.try_into().ok()?;
        let all = [Part::Day, Part::Month, Part::Year].iter().all(|part| parts.contains(part));
        all.then_some(Self { parts, separator, with_time: time.is_some() })
    }

    /// Reads a date.
    pub(super) fn read(self, text: &str) -> Option<NaiveDate> {
        let text = if self.with_time { text.split([' ', 'T']).next().unwrap_or(text) } else { text };
        let (mut day, mut month, mut year) = (None, None, None);
        let mut pieces = text.split(self.separator);
        for part in self.parts {
            let piece = pieces.next().filter(|piece| piece.bytes().all(|byte| byte.is_ascii_digit()))?;
            let fits = if part == Part::Year { piece.len() == 4 } else { matches!(piece.len(), 1 | 2) };
            let number: u32 = if fits { piece.parse().ok()? } else { return None };
            *match part {
                Part::Day => &mut day,
                Part::Month => &mut month,
                Part::Year => &mut year,
            } = Some(number);
        }
        let year = i32::try_from(year?).ok().filter(|year| *year > 0)?;
        if pieces.next().is_some() { None } else { NaiveDate::from_ymd_opt(year, month?, day?) }
    }

    /// The format in words.
    pub(super) fn shown(self) -> String {
        let word = |part| match part {
            Part::Day => "dd",
            Part::Month => "mm",
            Part::Year => "yyyy",
        };
        let day = self.parts.map(word).join(&self.separator.to_string());
        if self.with_time { format!("{day} hh:mm") } else { day }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_the_map_says_and_not_otherwise() {
        for (format, text, expected) in [
            ("dd-mm-yyyy", "03-02-2015", Some("2015-02-03")),
            ("d-m-jjjj", "3-2-2015", Some("2015-02-03")),
            ("mm/dd/yyyy", "03/02/2015", Some("2015-03-02")),
            ("yyyy-mm-dd hh:mm:ss", "2015-02-03 00:00:00", Some("2015-02-03")),
            ("dd-mm-yyyy", "31-02-2015", None),
            ("dd-mm-yyyy", "2015-02-03", None),
            ("dd-mm-yyyy", "03-02-15", None),
            ("dd-mm-yyyy", "03-02-2015 00:00", None),
            ("dd-mm-yyyy", "03-02-2015-1", None),
        ] {
            let read = DateFormat::named(format).unwrap().read(text);
            assert_eq!(read.map(|date| date.to_string()).as_deref(), expected, "{format} {text}");
        }
        for format in ["dd-mm-yy", "ddmmyyyy", "dd-mm", "dd-dd-yyyy", "yyyy-mm-dd noon", ""] {
            assert_eq!(DateFormat::named(format), None, "{format}");
        }
    }

    #[test]
    fn letters_are_read_as_the_map_says_or_told() {
        let read = |charset: Charset, bytes: &[u8]| charset.decode(bytes.to_vec()).ok();
        assert_eq!(read(Charset::Windows1252, b"Ren\xe9"), Some("René".as_bytes().to_vec()));
        assert_eq!(read(Charset::Windows1252, "René".as_bytes()), None);
        assert_eq!(read(Charset::Utf16, b"\xff\xfeA\0\xe9\0"), Some("Aé".as_bytes().to_vec()));
        assert_eq!(read(Charset::Utf16, b"\xfe\xff\0A\0\xe9"), Some("Aé".as_bytes().to_vec()));
        assert_eq!(read(Charset::Utf16, b"abc"), None);
    }
}
