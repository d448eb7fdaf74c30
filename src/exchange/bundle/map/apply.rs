//! Reads an export through a map.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::io::Read;

use super::Map;
use super::section::{Piece, Section};
use crate::exchange::bundle::error::{At, Checked, ErrorCode, Log, Warning, WarningCode};
use crate::exchange::bundle::header::Header;
use crate::exchange::bundle::layout::Layout;
use crate::exchange::bundle::model::FileSummary;
use crate::exchange::bundle::scan::{Record, Scanner, file_too_large};
use crate::exchange::bundle::source::Source;
use crate::exchange::bundle::table::{Context, Row};
use crate::exchange::bundle::value::Shown;
use crate::text::{fold, is_blank, tidy_line};

/// The columns that hold dates.
const DATES: [&str; 4] = ["birth_date", "start_date", "end_date", "completed_on"];
/// How many words or columns a message lists.
const LISTED: usize = 20;

/// The columns of an export's file, and where each stands.
struct Columns {
    file: &'static str,
    index: HashMap<String, usize>,
    width: usize,
}

impl Map {
    /// The files of the export that it names.
    pub(in crate::exchange::bundle) fn files(&self) -> BTreeSet<&'static str> {
        self.sections.iter().filter_map(|section| section.file).collect()
    }

    /// Reads the rows of one file of a bundle.
    pub(in crate::exchange::bundle) fn rows<T>(
        &self,
        layout: &'static Layout,
        source: &dyn Source,
        context: &mut Context<'_>,
        parse: fn(&mut Row<'_>) -> Checked<T>,
    ) -> Vec<T> {
        let mut rows = Vec::new();
        let mut ids = HashMap::new();
        let sections: Vec<&Section> =
            self.sections.iter().filter(|section| section.layout.file == layout.file).collect();
        let mut count = 0;
        for section in &sections {
            let header = Header::mapped(layout, section.file.unwrap_or(section.at.file), &section.filled());
            let mut seen = HashSet::new();
            let mut take = |context: &mut Context<'_>, record: &Record| {
                let values: Vec<String> = record.fields().map(|field| field.text.to_owned()).collect();
                if !section.once || seen.insert(values) {
                    count += 1;
                    rows.extend(context.row(&header, record, &mut ids, parse));
                }
            };
            match section.file {
                None => take(context, &section.fixed_row()),
                Some(file) => section.read_file(file, source, context, &mut take),
            }
        }
        if !sections.is_empty() {
            // A column of which only some of the sections speak is left alone by empty cells. That is not so of the end of a
            // period: a section that has none is of periods that go on.
            let filled = |column: &&'static str| {
                let mut of = sections.iter().map(|section| section.filled().contains(column));
                if *column == "end_date" { of.any(|filled| filled) } else { of.all(|filled| filled) }
            };
            let columns = layout.columns().filter(filled).collect();
            context.files.push(FileSummary { name: layout.file, columns, rows: count });
        }
        rows
    }

    /// Warns of the columns of the export that no section reads.
    pub(in crate::exchange::bundle) fn unread(&self, context: &Context<'_>) -> Vec<Warning> {
        let mut read: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for section in &self.sections {
            read.entry(section.file.unwrap_or_default()).or_default().extend(section.read().map(|(column, _)| column));
        }
        let warnings = context.exported.iter().filter_map(|(file, columns)| {
            let known = read.get(file)?;
            let unread: Vec<String> = columns
                .iter()
                .filter(|column| !known.contains(column.as_str()))
                .map(|column| Shown(column).to_string())
                .collect();
            (!unread.is_empty()).then(|| Warning {
                code: WarningCode::UnknownColumn,
                file: (*file).to_owned(),
                message: format!("the map does not read these columns: {}", listed(&unread)),
            })
        });
        warnings.collect()
    }
}

fn listed(words: &[String]) -> String {
    let shown = words.iter().take(LISTED).cloned().collect::<Vec<_>>().join(", ");
    if words.len() > LISTED { format!("{shown} and {} more", words.len() - LISTED) } else { shown }
}

impl Section {
    /// The only row of a section without a file.
    fn fixed_row(&self) -> Record {
        let mut record = Record::default();
        record.restart(self.at.line);
        for (_, value) in &self.fixed {
            record.push(value, self.at.line, self.at.column);
        }
        record
    }

    fn read_file(
        &self,
        file: &'static str,
        source: &dyn Source,
        context: &mut Context<'_>,
        take: &mut dyn FnMut(&mut Context<'_>, &Record),
    ) {
        let Ok(bytes) = self.bytes(file, source, context) else { return };
        let mut scanner = Scanner::separated(bytes.as_slice(), context.limits, self.style.delimiter);
        let mut record = Record::default();
        let columns = match scanner.next(&mut record) {
            Ok(true) => self.header(file, &record, context),
            Ok(false) => {
                let at = At { file, line: 1, column: 1 };
                Err(context.log.report(
                    at,
                    ErrorCode::MissingHeader,
                    "the file is empty; its first row must name the columns",
                ))
            }
            Err(fault) => Err(context.fault(file, &fault)),
        };
        let Ok(columns) = columns else { return };
        let mut made = Record::default();
        let mut count = 0;
        loop {
            match scanner.next(&mut record) {
                Ok(false) => return,
                Ok(true) => {}
                Err(fault) => {
                    context.fault(file, &fault);
                    if fault.is_confined() {
                        continue;
                    }
                    return;
                }
            }
            count += 1;
            if count > context.limits.rows {
                let at = At { file, line: record.line(), column: 1 };
                context.log.report(
                    at,
                    ErrorCode::TooManyRows,
                    format!("the file has more than {} rows", context.limits.rows),
                );
                return;
            }
            if self.make(&columns, &record, &mut made, &mut context.log) == Ok(true) {
                take(context, &made);
            }
        }
    }

    /// The text of a file.
    fn bytes(&self, file: &'static str, source: &dyn Source, context: &mut Context<'_>) -> Checked<Vec<u8>> {
        let limit = context.limits.file_bytes;
        let mut bytes = Vec::new();
        let read = source.open(file).and_then(|input| input.take(limit + 1).read_to_end(&mut bytes));
        let log = &mut context.log;
        if let Err(error) = read {
            let message = format!("the file, which the map names on line {}, cannot be read: {error}", self.at.line);
            return Err(log.report(At::file(file), ErrorCode::FileUnreadable, message));
        }
        if bytes.len() as u64 > limit {
            return Err(log.report(At::file(file), ErrorCode::FileTooLarge, file_too_large(context.limits)));
        }
        self.style.charset.decode(bytes).map_err(|problem| log.report(At::file(file), problem.code, problem.message))
    }

    fn header(&self, file: &'static str, record: &Record, context: &mut Context<'_>) -> Checked<Columns> {
        let names: Vec<String> = record.fields().map(|field| tidy_line(field.text)).collect();
        let mut columns = Columns { file, index: HashMap::new(), width: names.len() };
        let at = At { file, line: record.line(), column: 1 };
        let mut outcome = Ok(());
        let read: BTreeMap<&str, At> = self.read().collect();
        for (index, name) in names.iter().enumerate() {
            if columns.index.insert(name.clone(), index).is_some() && read.contains_key(name.as_str()) {
                let message = format!("there are two columns {}, and the map reads one", Shown(name));
                outcome = Err(context.log.report(at, ErrorCode::DuplicateColumn, message));
            }
        }
        for (name, place) in read.into_iter().filter(|(name, _)| !columns.index.contains_key(*name)) {
            let known: Vec<String> = names.iter().map(|name| Shown(name).to_string()).collect();
            let message = format!(
                "there is no column {}, which {}:{} reads; the columns are: {}",
                Shown(name),
                place.file,
                place.line,
                listed(&known)
            );
            outcome = Err(context.log.report(at, ErrorCode::MissingColumn, message));
        }
        context.exported.entry(file).or_insert(names);
        outcome.map(|()| columns)
    }

    /// Makes a row of ours of a row of the export. Answers whether there is one.
    fn make(&self, columns: &Columns, record: &Record, made: &mut Record, log: &mut Log) -> Checked<bool> {
        let file = columns.file;
        if record.len() != columns.width {
            let at = At { file, line: record.line(), column: 1 };
            let message = format!(
                "the row has {} fields, the header {}; is a delimiter or a quote missing?",
                record.len(),
                columns.width
            );
            return Err(log.report(at, ErrorCode::WrongFieldCount, message));
        }
        let field = |column: &str| record.field(*columns.index.get(column)?);
        let counts = self.only.iter().all(|only| {
            let text = field(&only.column).map(|field| tidy_line(field.text)).unwrap_or_default();
            only.value.as_ref().map_or(!is_blank(&text), |value| fold(value) == fold(&text))
        });
        if !counts {
            return Ok(false);
        }
        made.restart(record.line());
        let mut outcome = Ok(true);
        for part in &self.columns {
            let (mut text, mut place, mut said) = (String::new(), None, false);
            for piece in &part.pieces {
                match piece {
                    Piece::Text(fixed) => text.push_str(fixed),
                    Piece::Column(column) => {
                        let Some(found) = field(column) else { continue };
                        place.get_or_insert((found.line, found.column));
                        said |= !is_blank(found.text);
                        text.push_str(found.text.trim());
                    }
                }
            }
            let (line, column) = place.unwrap_or((record.line(), 1));
            let text = if said { text } else { String::new() };
            match self.value(part.column, &text) {
                Ok(value) => made.push(&value, line, column),
                Err((code, message)) => outcome = Err(log.report(At { file, line, column }, code, message)),
            }
        }
        for (_, value) in &self.fixed {
            made.push(value, record.line(), 1);
        }
        outcome
    }

    /// A value of the export as a bundle writes it.
    fn value(&self, column: &str, text: &str) -> Result<String, (ErrorCode, String)> {
        let is_date = DATES.contains(&column);
        if let Some(words) = self.words.get(column) {
            let tidy = tidy_line(text);
            let folded = fold(&tidy);
            let exact = words.get(&tidy);
            let found = exact.or_else(|| words.iter().find(|(word, _)| fold(word) == folded).map(|(_, value)| value));
            if let Some(value) = found {
                return Ok(value.clone());
            }
            if !is_date && !tidy.is_empty() {
                let known: Vec<String> = words.keys().map(|word| Shown(word).to_string()).collect();
                let message = format!(
                    "{column} {} is not among the words that the map has for it: {}",
                    Shown(&tidy),
                    listed(&known)
                );
                return Err((ErrorCode::UnknownValue, message));
            }
        }
        if !is_date || is_blank(text) {
            return Ok(text.to_owned());
        }
        let dates = self.style.dates;
        dates.read(&tidy_line(text)).map(|date| date.format("%Y-%m-%d").to_string()).ok_or_else(|| {
            (ErrorCode::InvalidDate, format!("{column} {} is not a date written {}", Shown(text), dates.shown()))
        })
    }
}
