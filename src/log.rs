//! What the log must not hold: the names and addresses of people, tokens, and passwords.
//!
//! Texts of faults come from elsewhere: from a database, a mail server, a parser. They may repeat what they were given, so what
//! stands in quotation marks is left out of them ([`plain`]). Every line is looked over once more before it is written
//! ([`scrub`]), whoever wrote it.

use std::io::{self, Write};

/// What stands in place of what is left out.
const GAP: &str = "…";
/// Behind these words stands a name out of the schema or the settings, and not what somebody wrote.
const NAMING: [&str; 14] = [
    "at",
    "column",
    "constraint",
    "database",
    "encoding",
    "extension",
    "function",
    "host",
    "index",
    "parameter",
    "relation",
    "schema",
    "table",
    "type",
];

/// A text of a fault without what it repeats: what stands in quotation marks, and what [`scrub`] leaves out.
pub fn plain(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, mark, after)) = opening(rest) {
        kept.push_str(before);
        let end = after.find(mark);
        let quoted = end.and_then(|end| after.get(..end)).unwrap_or(after);
        if end.is_some()
            && mark == '"'
            && before.split_whitespace().next_back().is_some_and(|word| NAMING.contains(&word))
        {
            kept.push(mark);
            kept.push_str(quoted);
            kept.push(mark);
        } else {
            kept.push_str(GAP);
        }
        rest = end.and_then(|end| after.get(end + mark.len_utf8()..)).unwrap_or_default();
    }
    kept.push_str(rest);
    scrub(&kept)
}

/// Where something quoted begins. An apostrophe within a word is none.
fn opening(text: &str) -> Option<(&str, char, &str)> {
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        let quotes = matches!(c, '"' | '`') || c == '\'' && !before.is_alphanumeric();
        if quotes && before != '\\' {
            return Some((text.get(..at)?, c, text.get(at + c.len_utf8()..)?));
        }
        before = c;
    }
    None
}

/// A text without addresses of e-mail, tokens, keys of links, passwords in addresses, and the values that PostgreSQL adds to a
/// refusal.
pub fn scrub(text: &str) -> String {
    let text = without_values(text);
    let mut kept = String::with_capacity(text.len());
    for piece in
        text.split_inclusive(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"' | ',' | ';' | '(' | ')'))
    {
        let end =
            piece.trim_end_matches(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"' | ',' | ';' | '(' | ')'));
        kept.push_str(&word(end));
        kept.push_str(piece.get(end.len()..).unwrap_or_default());
    }
    kept
}

/// One word of a line.
fn word(word: &str) -> String {
    for sign in ["key=", "token=", "password=", "eyJ"] {
        if let Some(at) = word.find(sign) {
            let shown = if sign == "eyJ" { at } else { at + sign.len() };
            return format!("{}{GAP}", word.get(..shown).unwrap_or_default());
        }
    }
    match (word.find("://"), word.rfind('@')) {
        (Some(scheme), Some(at)) if scheme < at => {
            format!("{}{GAP}{}", word.get(..scheme + 3).unwrap_or_default(), word.get(at..).unwrap_or_default())
        }
        (_, Some(_)) => GAP.to_owned(),
        (_, None) => word.to_owned(),
    }
}

/// PostgreSQL names the values of a refused row: `Key (email)=(anna@example.org) already exists`, `Failing row contains (…)`.
fn without_values(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((at, sign)) =
        [")=(", "row contains ("].iter().filter_map(|sign| Some((rest.find(sign)?, *sign))).min()
    {
        let start = at + sign.len();
        kept.push_str(rest.get(..start).unwrap_or_default());
        kept.push_str(GAP);
        let after = rest.get(start..).unwrap_or_default();
        // Values may hold brackets themselves: nothing up to the last of the line is kept.
        let line = after.find('\n').unwrap_or(after.len());
        let end = after.get(..line).and_then(|line| line.rfind(')')).unwrap_or(line);
        rest = after.get(end..).unwrap_or_default();
    }
    kept.push_str(rest);
    kept
}

/// Writes lines that were looked over.
pub struct Scrubbed<W>(pub W);

impl<W: Write> Write for Scrubbed<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.write_all(scrub(&String::from_utf8_lossy(line)).as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_are_called_and_where_they_are_reached_is_left_out() {
        for (text, expected) in [
            (
                "permanent error (550): <anna.de.vries@example.org>: no such user",
                "permanent error (550): <…>: no such user",
            ),
            ("to=anna@example.org, again", "…, again"),
            ("GET /files/Q29udGVudA?key=eyJhbGciOi.J9.x HTTP/1.1", "GET /files/Q29udGVudA?key=… HTTP/1.1"),
            ("Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.e30.sig", "Authorization: Bearer …"),
            ("cannot open postgres://kring:geheim@db.example/kring", "cannot open postgres://…@db.example/kring"),
            (
                "DETAIL: Key (external_id)=(A. (Anna) Jansen) already exists.",
                "DETAIL: Key (external_id)=(…) already exists.",
            ),
            ("Failing row contains (7, Anna, Jansen)\nCONTEXT: x", "Failing row contains (…)\nCONTEXT: x"),
            ("it doesn't answer", "it doesn't answer"),
        ] {
            assert_eq!(scrub(text), expected);
        }
    }

    #[test]
    fn what_a_fault_repeats_is_left_out() {
        for (text, expected) in [
            (
                "duplicate key value violates unique constraint \"participants_key\"",
                "duplicate key value violates unique constraint \"participants_key\"",
            ),
            ("invalid input syntax for type json: \"Anna Jansen\"", "invalid input syntax for type json: …"),
            (
                "invalid type: string \"Anna\", expected i64 at line 1 column 6",
                "invalid type: string …, expected i64 at line 1 column 6",
            ),
            (
                "byte index 1 is not a char boundary; it is inside 'é' (bytes 0..2) of `été`",
                "byte index 1 is not a char boundary; it is inside … (bytes 0..2) of …",
            ),
            ("invalid URI query parameter: \"postgres://kring:geheim@[::1", "invalid URI query parameter: …"),
            ("it doesn't answer", "it doesn't answer"),
        ] {
            assert_eq!(plain(text), expected);
        }
    }
}
