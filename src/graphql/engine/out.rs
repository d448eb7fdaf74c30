//! Writing JSON.

use std::ops::Range;

use chrono::{NaiveDate, NaiveDateTime};

use crate::error::Error;
use crate::id::{self, Kind};

/// The most bytes that an answer may have, with what it is put together from.
pub const MAX_ANSWER: usize = 10_000_000;

/// A JSON text being written.
#[derive(Default)]
pub struct Out {
    bytes: Vec<u8>,
}

impl Out {
    /// Starts with room for about this many bytes.
    pub fn with_capacity(bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes) }
    }

    /// How many bytes are written.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether nothing is written.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// What is written.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Writes text that is JSON already.
    pub fn raw(&mut self, json: &[u8]) {
        self.bytes.extend_from_slice(json);
    }

    /// Writes `null`.
    pub fn null(&mut self) {
        self.raw(b"null");
    }

    /// Writes a string.
    pub fn str(&mut self, text: &str) {
        if text.bytes().all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\') {
            self.bytes.push(b'"');
            self.raw(text.as_bytes());
            self.bytes.push(b'"');
        } else if serde_json::to_writer(&mut self.bytes, text).is_err() {
            // Writing text to memory cannot fail; an absent value is the honest answer if it ever does.
            self.null();
        }
    }

    /// Writes a string or `null`.
    pub fn opt_str(&mut self, text: Option<&str>) {
        match text {
            Some(text) => self.str(text),
            None => self.null(),
        }
    }

    /// Writes a whole number.
    pub fn int(&mut self, number: i64) {
        let mut digits = itoa::Buffer::new();
        self.raw(digits.format(number).as_bytes());
    }

    /// Writes a whole number or `null`.
    pub fn opt_int(&mut self, number: Option<i64>) {
        match number {
            Some(number) => self.int(number),
            None => self.null(),
        }
    }

    /// Writes a truth value.
    pub fn bool(&mut self, value: bool) {
        self.raw(if value { b"true" } else { b"false" });
    }

    /// Writes a calendar date.
    pub fn date(&mut self, date: Option<NaiveDate>) {
        use chrono::Datelike;
        let Some(date) = date else { return self.null() };
        let year = date.year();
        if !(0..=9_999).contains(&year) {
            return self.str(&date.to_string());
        }
        let pair = |number: u32| {
            [b'0' + u8::try_from(number / 10 % 10).unwrap_or(0), b'0' + u8::try_from(number % 10).unwrap_or(0)]
        };
        let year = u32::try_from(year).unwrap_or(0);
        self.bytes.push(b'"');
        for part in [pair(year / 100), pair(year % 100)] {
            self.raw(&part);
        }
        for part in [pair(date.month()), pair(date.day())] {
            self.bytes.push(b'-');
            self.raw(&part);
        }
        self.bytes.push(b'"');
    }

    /// Writes an instant, which is in UTC.
    pub fn instant(&mut self, instant: NaiveDateTime) {
        self.str(&instant.and_utc().to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true));
    }

    /// Writes an instant or `null`.
    pub fn opt_instant(&mut self, instant: Option<NaiveDateTime>) {
        match instant {
            Some(instant) => self.instant(instant),
            None => self.null(),
        }
    }

    /// Writes a list of strings.
    pub fn strings<'s>(&mut self, values: impl Iterator<Item = &'s str>) {
        self.raw(b"[");
        for (n, value) in values.enumerate() {
            if n > 0 {
                self.raw(b",");
            }
            self.str(value);
        }
        self.raw(b"]");
    }

    /// Writes a global identifier.
    pub fn id(&mut self, kind: Kind, id: i64) {
        self.str(&id::encode(kind, id));
    }
}

/// One JSON value for each row of a level; several rows may share one.
#[derive(Default)]
pub struct Values {
    bytes: Vec<u8>,
    spans: Vec<Range<usize>>,
}

impl Values {
    /// Starts with room for this many values.
    pub fn with_capacity(rows: usize) -> Self {
        Self { bytes: Vec::with_capacity(rows * 64), spans: Vec::with_capacity(rows) }
    }

    /// Adds the next row's value.
    pub fn push(&mut self, write: impl FnOnce(&mut Out)) {
        let start = self.bytes.len();
        let mut out = Out { bytes: std::mem::take(&mut self.bytes) };
        write(&mut out);
        self.bytes = out.bytes;
        self.spans.push(start..self.bytes.len());
    }

    /// The same values in another order, some repeated, `null` where there is none.
    #[must_use]
    pub fn arranged(mut self, positions: impl Iterator<Item = Option<usize>>) -> Self {
        let null = self.bytes.len()..self.bytes.len() + 4;
        self.bytes.extend_from_slice(b"null");
        let spans = positions
            .map(|position| position.and_then(|at| self.spans.get(at).cloned()).unwrap_or_else(|| null.clone()))
            .collect();
        Self { bytes: self.bytes, spans }
    }

    /// The value of a row; `null` where there is none.
    pub fn get(&self, row: usize) -> &[u8] {
        self.spans.get(row).and_then(|span| self.bytes.get(span.clone())).unwrap_or(b"null")
    }

    /// The first value alone; `null` where there is none.
    pub fn into_first(mut self) -> Vec<u8> {
        match self.spans.first() {
            Some(span) if span.start == 0 => {
                self.bytes.truncate(span.end);
                self.bytes
            }
            _ => self.get(0).to_vec(),
        }
    }

    /// The number of values.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// How many bytes are kept.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// The values in lists of the given lengths, one list a row.
    ///
    /// # Errors
    /// `TooComplex` when they would take more bytes than there is room for.
    pub fn in_lists(&self, lengths: impl Iterator<Item = usize>, room: usize) -> Result<Self, Error> {
        let bytes = self.spans.iter().map(|span| span.len() + 1).sum::<usize>();
        if bytes > room {
            return Err(too_long());
        }
        let mut lists = Self { bytes: Vec::with_capacity(bytes + lengths.size_hint().0 * 2), spans: Vec::new() };
        let mut next = 0;
        for length in lengths {
            lists.push(|out| {
                out.raw(b"[");
                for n in 0..length {
                    if n > 0 {
                        out.raw(b",");
                    }
                    out.raw(self.get(next + n));
                }
                out.raw(b"]");
            });
            next += length;
        }
        Ok(lists)
    }
}

/// What is said of an answer for which there is no room.
pub fn too_long() -> Error {
    Error::TooComplex(format!(
        "The answer would be longer than {} MB. Ask for fewer rows or fields at once.",
        MAX_ANSWER / 1_000_000
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Out)) -> String {
        let mut out = Out::default();
        write(&mut out);
        String::from_utf8(out.into_bytes()).unwrap_or_default()
    }

    #[test]
    fn text_is_written_as_serde_writes_it() {
        for text in ["", "Jan", "\"q\" \\ \n \u{1}", "Édith 🦀", "\u{2028}"] {
            assert_eq!(written(|out| out.str(text)), serde_json::Value::from(text).to_string());
        }
    }

    #[test]
    fn dates_have_four_two_and_two_digits() {
        for (y, m, d, text) in [(2026, 1, 9, "\"2026-01-09\""), (1, 12, 31, "\"0001-12-31\"")] {
            assert_eq!(written(|out| out.date(NaiveDate::from_ymd_opt(y, m, d))), text);
        }
        assert_eq!(written(|out| out.date(None)), "null");
    }
}
