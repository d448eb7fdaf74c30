//! Splits a CSV file (RFC 4180) into records, one at a time and in bounded memory.
//!
//! The `csv` crate serves where any CSV will do. Here every field needs its line and column, and
//! a quote out of place or never closed has to be an error: that crate tells where a record begins
//! but not a field, and reads past such quotes.

use std::io::{self, BufRead, Read};
use std::mem;

use super::Limits;
use super::error::ErrorCode;

const BYTE_ORDER_MARK: char = '\u{feff}';

/// Why a record could not be read.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) code: ErrorCode,
    pub(super) line: u64,
    pub(super) column: u64,
    pub(super) message: String,
}

impl Fault {
    /// Whether the records after it can be read. A stray quote leaves no doubt where its line
    /// ends; after the other faults nothing in the file can be relied on.
    pub(super) fn is_confined(&self) -> bool {
        self.code == ErrorCode::StrayQuote
    }
}

/// A field as it stands in the file, without its quotes.
#[derive(Debug, Clone, Copy)]
pub(super) struct RawField<'r> {
    pub(super) text: &'r str,
    pub(super) line: u64,
    pub(super) column: u64,
}

/// Where a field's text ends (it begins where the one before it ends) and where the field began.
#[derive(Debug, Clone, Copy)]
struct Span {
    end: usize,
    line: u64,
    column: u64,
}

/// One row of a file. It is meant to be used again for the next row.
#[derive(Debug, Default)]
pub(super) struct Record {
    text: String,
    spans: Vec<Span>,
    line: u64,
    fault: Option<Fault>,
}

impl Record {
    /// The line on which the record begins.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// How many fields it has.
    pub(super) fn len(&self) -> usize {
        self.spans.len()
    }

    pub(super) fn field(&self, index: usize) -> Option<RawField<'_>> {
        let span = self.spans.get(index)?;
        let start = match index.checked_sub(1) {
            Some(before) => self.spans.get(before)?.end,
            None => 0,
        };
        Some(RawField { text: self.text.get(start..span.end)?, line: span.line, column: span.column })
    }

    pub(super) fn fields(&self) -> impl Iterator<Item = RawField<'_>> {
        (0..self.len()).filter_map(|index| self.field(index))
    }

    /// Where the last field begins.
    fn last_field(&self) -> (u64, u64) {
        self.spans.last().map_or((self.line, 1), |span| (span.line, span.column))
    }

    /// Begins a record that is put together field by field.
    pub(super) fn restart(&mut self, line: u64) {
        self.begin(line);
    }

    /// Adds a field that is said to stand there.
    pub(super) fn push(&mut self, text: &str, line: u64, column: u64) {
        self.text.push_str(text);
        self.spans.push(Span { end: self.text.len(), line, column });
    }

    fn begin(&mut self, line: u64) {
        self.text.clear();
        self.spans.clear();
        self.line = line;
        self.fault = None;
    }

    /// Takes in one line; `open` tells that it begins inside a quoted field. Answers whether it
    /// ends inside one.
    fn take_line(&mut self, line: &str, number: u64, delimiter: u8, mut open: bool) -> bool {
        let mut cursor = Cursor { rest: line, column: 1 };
        loop {
            if !open {
                self.spans.push(Span { end: self.text.len(), line: number, column: cursor.column });
                open = cursor.skip('"');
            }
            if open {
                if !self.take_quoted(&mut cursor) {
                    return true;
                }
                open = false;
                self.take_after_quote(&mut cursor, number, delimiter);
            } else {
                self.take_unquoted(&mut cursor, number, delimiter);
            }
            if let Some(span) = self.spans.last_mut() {
                span.end = self.text.len();
            }
            if !cursor.skip(char::from(delimiter)) {
                return false;
            }
        }
    }

    /// Reads up to and over the closing quote; answers whether there was one.
    fn take_quoted(&mut self, cursor: &mut Cursor<'_>) -> bool {
        loop {
            let part = cursor.take_until(b'"');
            self.text.push_str(part);
            if !cursor.skip('"') {
                return false;
            }
            if !cursor.skip('"') {
                return true;
            }
            self.text.push('"');
        }
    }

    /// Reads an unquoted field up to its delimiter.
    fn take_unquoted(&mut self, cursor: &mut Cursor<'_>, line: u64, delimiter: u8) {
        let column = cursor.column;
        let part = cursor.take_until(delimiter);
        if let Some((before, _)) = part.split_once('"') {
            let column = column + before.chars().count() as u64;
            self.stray(line, column, "a quote stands inside an unquoted field");
        }
        self.text.push_str(part);
    }

    /// Passes over what stands between a closing quote and the delimiter: nothing, in a sound file.
    fn take_after_quote(&mut self, cursor: &mut Cursor<'_>, line: u64, delimiter: u8) {
        let column = cursor.column;
        if !cursor.take_until(delimiter).is_empty() {
            self.stray(line, column, "text follows the closing quote of a field");
        }
    }

    /// Notes the record's first stray quote; those after it are most likely its consequence.
    fn stray(&mut self, line: u64, column: u64, what: &str) {
        self.fault.get_or_insert_with(|| Fault {
            code: ErrorCode::StrayQuote,
            line,
            column,
            message: format!("{what}; put the whole field in quotes and double those within"),
        });
    }
}

/// What is left of a line, and the column at which it begins.
struct Cursor<'l> {
    rest: &'l str,
    column: u64,
}

impl<'l> Cursor<'l> {
    /// Takes what comes before the next `stop`, or all that is left. The stop is ASCII, so that
    /// its byte is never part of another character.
    fn take_until(&mut self, stop: u8) -> &'l str {
        let length = self.rest.bytes().position(|byte| byte == stop).unwrap_or(self.rest.len());
        let (part, rest) = self.rest.split_at(length);
        self.rest = rest;
        self.column += part.chars().count() as u64;
        part
    }

    fn skip(&mut self, expected: char) -> bool {
        match self.rest.strip_prefix(expected) {
            Some(rest) => {
                self.rest = rest;
                self.column += 1;
                true
            }
            None => false,
        }
    }
}

/// Reads a file record by record.
#[derive(Debug)]
pub(super) struct Scanner<'l, R> {
    input: R,
    limits: &'l Limits,
    /// What separates the fields.
    delimiter: u8,
    /// The line read last, without its end.
    line: String,
    /// Its number.
    number: u64,
    /// How many bytes of the file have been read.
    read: u64,
}

impl<'l, R: BufRead> Scanner<'l, R> {
    pub(super) fn new(input: R, limits: &'l Limits) -> Self {
        Self::separated(input, limits, b',')
    }

    /// The same for a file whose fields are separated by something else than commas; it is ASCII.
    pub(super) fn separated(input: R, limits: &'l Limits, delimiter: u8) -> Self {
        Self { input, limits, delimiter, line: String::new(), number: 0, read: 0 }
    }

    /// Reads the next record, passing over empty lines; answers whether there was one.
    pub(super) fn next(&mut self, record: &mut Record) -> Result<bool, Fault> {
        let mut size;
        loop {
            size = self.read_line(0)?;
            if size == 0 {
                return Ok(false);
            }
            if !self.line.is_empty() {
                break;
            }
        }
        record.begin(self.number);
        let mut open = false;
        loop {
            open = record.take_line(&self.line, self.number, self.delimiter, open);
            if !open {
                break;
            }
            // The line's end belongs to the field, as one character however the file ends lines.
            record.text.push('\n');
            match self.read_line(size) {
                Ok(0) => return Err(unterminated(record)),
                Ok(more) => size += more,
                // Where the field opens says more than where the row became too large.
                Err(fault) if fault.code == ErrorCode::RowTooLarge => {
                    let (line, column) = record.last_field();
                    return Err(Fault { line, column, ..fault });
                }
                Err(fault) => return Err(fault),
            }
        }
        record.fault.take().map_or(Ok(true), Err)
    }

    /// Reads a line of a record that has `before` bytes already. Answers how many bytes it took,
    /// 0 at the end of the file.
    fn read_line(&mut self, before: u64) -> Result<u64, Fault> {
        let mut bytes = mem::take(&mut self.line).into_bytes();
        bytes.clear();
        // One byte more than allowed is enough to know that it is too much.
        let room = (self.limits.row_bytes - before).min(self.limits.file_bytes - self.read);
        let size =
            self.input.by_ref().take(room + 1).read_until(b'\n', &mut bytes).map_err(|error| self.unreadable(&error))?
                as u64;
        if size == 0 {
            return Ok(0);
        }
        self.number += 1;
        self.read += size;
        if size > room {
            return Err(self.too_large());
        }
        self.line = String::from_utf8(bytes).map_err(|error| self.not_utf8(error.as_bytes()))?;
        self.strip();
        Ok(size)
    }

    /// Takes off what marks the line rather than belongs to it.
    fn strip(&mut self) {
        if self.line.ends_with('\n') {
            self.line.pop();
            if self.line.ends_with('\r') {
                self.line.pop();
            }
        }
        if self.number == 1 && self.line.starts_with(BYTE_ORDER_MARK) {
            self.line.remove(0);
        }
    }

    fn fault(&self, code: ErrorCode, column: u64, message: String) -> Fault {
        Fault { code, line: self.number, column, message }
    }

    fn unreadable(&self, error: &io::Error) -> Fault {
        let message = format!("the file cannot be read any further: {error}");
        self.fault(ErrorCode::FileUnreadable, 1, message)
    }

    fn too_large(&self) -> Fault {
        if self.read > self.limits.file_bytes {
            let message = file_too_large(self.limits);
            return self.fault(ErrorCode::FileTooLarge, 1, message);
        }
        let message = format!("a row has more than {} bytes; is a quote not closed?", self.limits.row_bytes);
        self.fault(ErrorCode::RowTooLarge, 1, message)
    }

    fn not_utf8(&self, bytes: &[u8]) -> Fault {
        if self.number == 1 && (bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff")) {
            let message = "the file is UTF-16; save it as UTF-8, or name its encoding in a map".to_owned();
            return self.fault(ErrorCode::NotUtf8, 1, message);
        }
        let chunk = bytes.utf8_chunks().next();
        let (valid, bad) = chunk.map_or(("", None), |chunk| (chunk.valid(), chunk.invalid().first().copied()));
        let valid = match self.number {
            1 => valid.strip_prefix(BYTE_ORDER_MARK).unwrap_or(valid),
            _ => valid,
        };
        let message = format!(
            "byte 0x{:02X} is not UTF-8; save the file as UTF-8, or name its encoding in a map",
            bad.unwrap_or_default()
        );
        self.fault(ErrorCode::NotUtf8, valid.chars().count() as u64 + 1, message)
    }
}

/// The message for a file that is larger than allowed.
pub(super) fn file_too_large(limits: &Limits) -> String {
    format!("the file has more than {} bytes", limits.file_bytes)
}

/// The fault of a record whose last field is never closed.
fn unterminated(record: &Record) -> Fault {
    let (line, column) = record.last_field();
    Fault {
        code: ErrorCode::UnterminatedQuote,
        line,
        column,
        message: "the quote that opens this field is never closed".to_owned(),
    }
}
