//! Reads a map.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::section::{Made, Only, Section, Style, pieces};
use super::value::{Charset, DateFormat};
use super::{Map, interned};
use crate::exchange::bundle::error::{At, ErrorCode, Log};
use crate::exchange::bundle::layout::{self, Layout};
use crate::exchange::bundle::suggest;
use crate::exchange::bundle::value::Shown;

/// What stands at the top of a map, beside its sections.
const TOP: [&str; 4] = ["encoding", "delimiter", "dates", "last_day"];
/// What a section holds.
const KEYS: [&str; 9] = ["file", "encoding", "delimiter", "dates", "once", "columns", "fixed", "words", "only"];

type Key<'t> = Spanned<std::borrow::Cow<'t, str>>;
type Value<'t> = Spanned<DeValue<'t>>;

/// Reads the text of a map; what is wrong is reported.
pub(super) fn map(file: &'static str, text: &str, log: &mut Log) -> Map {
    let mut reader = Reader { file, text, log };
    match DeTable::parse(text) {
        Ok(table) => reader.top(table.get_ref()),
        Err(error) => {
            let at = reader.at(error.span().map_or(0, |span| span.start));
            reader.log.report(at, ErrorCode::InvalidMap, format!("this is not TOML: {}", error.message()));
            Map::default()
        }
    }
}

struct Reader<'r> {
    file: &'static str,
    text: &'r str,
    log: &'r mut Log,
}

impl Reader<'_> {
    /// The place of a byte.
    fn at(&self, start: usize) -> At {
        let before = self.text.get(..start).unwrap_or_default();
        let line = before.rsplit('\n').next().unwrap_or_default();
        let (lines, columns) = (before.matches('\n').count(), line.chars().count());
        At { file: self.file, line: lines as u64 + 1, column: columns as u64 + 1 }
    }

    fn refuse(&mut self, start: usize, key: &str, message: &str) {
        let at = self.at(start);
        self.log.report(at, ErrorCode::InvalidMap, format!("{key}: {message}"));
    }

    fn unknown(&mut self, key: &Key<'_>, path: &str, known: &[&'static str]) {
        let hint = suggest::nearest(key.get_ref(), known.iter().copied());
        let hint = hint.map(|known| format!("did you mean {known}? ")).unwrap_or_default();
        let message = format!("there is no such key; {hint}the keys are: {}", known.join(", "));
        self.refuse(key.span().start, path, &message);
    }

    fn top(&mut self, table: &DeTable<'_>) -> Map {
        let mut map = Map::default();
        let mut style = Style::default();
        let names = || layout::ALL.iter().map(|layout| layout.file.trim_end_matches(".csv"));
        for (key, value) in table {
            match &**key.get_ref() {
                "last_day" => map.last_day = self.flag("last_day", value),
                name if TOP.contains(&name) => self.style(name, name, value, &mut style),
                name if names().any(|known| known == name) => {}
                name => {
                    let known: Vec<&'static str> = TOP.into_iter().chain(names()).collect();
                    self.unknown(key, name, &known);
                }
            }
        }
        for layout in layout::ALL {
            let name = layout.file.trim_end_matches(".csv");
            let Some((key, value)) = table.get_key_value(name) else { continue };
            match value.get_ref() {
                DeValue::Table(section) => {
                    map.sections.extend(self.section(layout, name, key.span().start, section, style));
                }
                DeValue::Array(sections) => {
                    for section in sections {
                        match section.get_ref() {
                            DeValue::Table(table) => {
                                map.sections.extend(self.section(layout, name, section.span().start, table, style));
                            }
                            _ => self.refuse(section.span().start, name, "this must be a section"),
                        }
                    }
                }
                _ => self.refuse(value.span().start, name, "this must be a section"),
            }
        }
        if map.sections.is_empty() && self.log.is_empty() {
            let known: Vec<&str> = names().collect();
            let message =
                format!("there is no section; sections are called after the files of a bundle: {}", known.join(", "));
            self.refuse(0, "map", &message);
        }
        map
    }

    /// Reads how files are written.
    fn style(&mut self, name: &str, path: &str, value: &Value<'_>, style: &mut Style) {
        let Some(text) = self.text(path, value) else { return };
        let start = value.span().start;
        match name {
            "encoding" => match Charset::named(&text) {
                Some(charset) => style.charset = charset,
                None => self.refuse(start, path, &format!("{} is not one of {}", Shown(&text), Charset::NAMES)),
            },
            "delimiter" => match text.as_bytes() {
                [byte @ (b',' | b';' | b'\t' | b'|')] => style.delimiter = *byte,
                _ => self.refuse(start, path, "this must be a comma, a semicolon, a tab or a bar"),
            },
            _ => {
                if let Some(dates) = DateFormat::named(&text) {
                    style.dates = dates;
                } else {
                    let message =
                        format!("{} is not a way to write dates; such are {}", Shown(&text), DateFormat::EXAMPLES);
                    self.refuse(start, path, &message);
                }
            }
        }
    }

    fn section(
        &mut self,
        layout: &'static Layout,
        name: &str,
        start: usize,
        table: &DeTable<'_>,
        style: Style,
    ) -> Option<Section> {
        let at = self.at(start);
        let mut section = Section {
            layout,
            at,
            file: None,
            style,
            columns: Vec::new(),
            fixed: Vec::new(),
            words: BTreeMap::new(),
            only: Vec::new(),
            once: false,
        };
        for (key, value) in table {
            let path = format!("{name}.{}", key.get_ref());
            match &**key.get_ref() {
                "file" => section.file = self.text(&path, value).map(|file| interned(&file)),
                word @ ("encoding" | "delimiter" | "dates") => self.style(word, &path, value, &mut section.style),
                "once" => section.once = self.flag(&path, value),
                "columns" => self.columns(&path, value, &mut section),
                "fixed" => self.fixed(&path, value, &mut section),
                "words" => self.words(&path, value, &mut section),
                "only" => self.only(&path, value, &mut section),
                _ => self.unknown(key, &path, &KEYS),
            }
        }
        self.whole(name, start, &section).then_some(section)
    }

    /// Whether a section says all that it has to.
    fn whole(&mut self, name: &str, start: usize, section: &Section) -> bool {
        let filled = section.filled();
        let mut whole = true;
        for required in section.layout.required.iter().filter(|required| !filled.contains(required)) {
            self.refuse(start, name, &format!("the section says nothing of {required}, which every row needs"));
            whole = false;
        }
        for made in &section.columns {
            if section.fixed.iter().any(|(column, _)| *column == made.column) {
                self.log.report(
                    made.at,
                    ErrorCode::InvalidMap,
                    format!("{name}.columns.{0}: {0} is fixed, too", made.column),
                );
                whole = false;
            }
        }
        if section.file.is_none() && !(section.columns.is_empty() && section.only.is_empty()) {
            self.refuse(start, name, "the section reads columns and names no file");
            whole = false;
        }
        whole
    }

    fn columns(&mut self, path: &str, value: &Value<'_>, section: &mut Section) {
        for (key, value) in self.entries(path, value) {
            let path = format!("{path}.{}", key.get_ref());
            let Some(column) = self.column(key, &path, section.layout) else { continue };
            let Some(text) = self.text(&path, value) else { continue };
            match pieces(&text) {
                Some(pieces) if !text.is_empty() => {
                    section.columns.push(Made { column, pieces, at: self.at(key.span().start) });
                }
                _ => self.refuse(
                    value.span().start,
                    &path,
                    "this must be the name of a column, or a text with such names in braces",
                ),
            }
        }
    }

    fn fixed(&mut self, path: &str, value: &Value<'_>, section: &mut Section) {
        for (key, value) in self.entries(path, value) {
            let path = format!("{path}.{}", key.get_ref());
            let Some(column) = self.column(key, &path, section.layout) else { continue };
            let text = match value.get_ref() {
                DeValue::Boolean(flag) => Some(flag.to_string()),
                _ => self.text(&path, value),
            };
            section.fixed.extend(text.map(|text| (column, text)));
        }
    }

    fn words(&mut self, path: &str, value: &Value<'_>, section: &mut Section) {
        for (key, value) in self.entries(path, value) {
            let path = format!("{path}.{}", key.get_ref());
            let Some(column) = self.column(key, &path, section.layout) else { continue };
            for (word, value) in self.entries(&path, value) {
                let text = self.text(&format!("{path}.{}", word.get_ref()), value);
                let words = section.words.entry(column).or_default();
                words.extend(text.map(|text| (word.get_ref().to_string(), text)));
            }
        }
    }

    fn only(&mut self, path: &str, value: &Value<'_>, section: &mut Section) {
        for (key, value) in self.entries(path, value) {
            let Some(text) = self.text(&format!("{path}.{}", key.get_ref()), value) else { continue };
            let at = self.at(key.span().start);
            let value = (text != "*").then_some(text);
            section.only.push(Only { column: key.get_ref().to_string(), value, at });
        }
    }

    /// The entries of a table.
    fn entries<'t, 'v>(&mut self, path: &str, value: &'v Value<'t>) -> Vec<(&'v Key<'t>, &'v Value<'t>)> {
        if let DeValue::Table(table) = value.get_ref() {
            return table.iter().collect();
        }
        self.refuse(value.span().start, path, "this must be a table of names and texts");
        Vec::new()
    }

    /// A column of ours.
    fn column(&mut self, key: &Key<'_>, path: &str, layout: &'static Layout) -> Option<&'static str> {
        let found = layout.columns().find(|column| **column == **key.get_ref());
        if found.is_none() {
            let hint = suggest::nearest(key.get_ref(), layout.columns());
            let hint = hint.map(|column| format!("did you mean {column}? ")).unwrap_or_default();
            let columns: Vec<&str> = layout.columns().collect();
            let message = format!("{} has no such column; {hint}its columns are: {}", layout.file, columns.join(", "));
            self.refuse(key.span().start, path, &message);
        }
        found
    }

    fn text(&mut self, path: &str, value: &Value<'_>) -> Option<String> {
        if let DeValue::String(text) = value.get_ref() {
            return Some(text.to_string());
        }
        self.refuse(value.span().start, path, "this must be a text in quotes");
        None
    }

    fn flag(&mut self, path: &str, value: &Value<'_>) -> bool {
        if let DeValue::Boolean(flag) = value.get_ref() {
            return *flag;
        }
        self.refuse(value.span().start, path, "this must be true or false");
        false
    }
}
