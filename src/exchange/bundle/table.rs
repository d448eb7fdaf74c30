//! Reads a file as a table: a header that names the columns, and rows whose fields have types.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::BufRead;
use std::sync::Arc;

use chrono::NaiveDate;

use super::Limits;
use super::error::{At, Checked, ErrorCode, Log, Reported};
use super::header::{self, Header};
use super::layout::Layout;
use super::model::{ExternalId, FileSummary, Lack, Reference};
use super::scan::{Fault, RawField, Record, Scanner};
use super::value::{self, Problem, Shown};
use super::vocabulary::Vocabulary;
use crate::text::{is_blank, tidy_line};

/// Most characters of an external id, a name and most other texts.
const NAME_LENGTH: usize = 200;

/// Most characters of a telephone number, a house number and the like.
const LABEL_LENGTH: usize = 50;

/// Most characters of a description.
const PROSE_LENGTH: usize = 10_000;

/// Texts that many rows repeat, each kept once.
#[derive(Debug, Default)]
pub(super) struct Names(HashSet<Arc<str>>);

impl Names {
    fn share(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.0.get(text) {
            return Arc::clone(known);
        }
        let name: Arc<str> = text.into();
        self.0.insert(Arc::clone(&name));
        name
    }
}

/// What the reading of all files has in common.
pub(super) struct Context<'l> {
    pub(super) limits: &'l Limits,
    pub(super) log: Log,
    pub(super) names: Names,
    pub(super) files: Vec<FileSummary>,
    /// The columns of the files that were read through a map.
    pub(super) exported: BTreeMap<&'static str, Vec<String>>,
    /// Whether `end_date` is the last day that counts.
    pub(super) last_day: bool,
}

impl Context<'_> {
    /// Reads the rows of one file with `parse`. Rows that are refused are left out; once the
    /// header is refused, so is the whole file.
    pub(super) fn read<T>(
        &mut self,
        layout: &'static Layout,
        input: impl BufRead,
        parse: fn(&mut Row<'_>) -> Checked<T>,
    ) -> Vec<T> {
        let mut rows = Vec::new();
        let mut scanner = Scanner::new(input, self.limits);
        let mut record = Record::default();
        let Ok(header) = self.header(layout, &mut scanner, &mut record) else {
            return rows;
        };
        let mut ids = HashMap::new();
        let mut count = 0;
        loop {
            match scanner.next(&mut record) {
                Ok(false) => break,
                Ok(true) => {}
                Err(fault) => {
                    self.fault(layout.file, &fault);
                    if fault.is_confined() {
                        continue;
                    }
                    break;
                }
            }
            count += 1;
            if count > self.limits.rows {
                let message = format!("the file has more than {} rows", self.limits.rows);
                self.log.report(header.at(&record), ErrorCode::TooManyRows, message);
                break;
            }
            if header.fits(&record, &mut self.log).is_ok() {
                rows.extend(self.row(&header, &record, &mut ids, parse));
            }
        }
        self.files.push(FileSummary { name: layout.file, columns: header.columns().collect(), rows: count });
        rows
    }

    /// Reads one row, unless it is refused.
    pub(super) fn row<T>(
        &mut self,
        header: &Header,
        record: &Record,
        ids: &mut HashMap<ExternalId, u64>,
        parse: fn(&mut Row<'_>) -> Checked<T>,
    ) -> Option<T> {
        let Self { log, names, last_day, .. } = self;
        parse(&mut Row { header, record, log, names, ids, last_day: *last_day }).ok()
    }

    fn header<R: BufRead>(
        &mut self,
        layout: &'static Layout,
        scanner: &mut Scanner<'_, R>,
        record: &mut Record,
    ) -> Checked<Header> {
        match scanner.next(record) {
            Ok(true) => Header::read(layout, record, &mut self.log),
            Ok(false) => {
                let at = At { file: layout.file, line: 1, column: 1 };
                let message = format!(
                    "the file is empty; its first row must name the columns: {}",
                    header::list(layout.required.iter().copied())
                );
                Err(self.log.report(at, ErrorCode::MissingHeader, message))
            }
            Err(fault) => Err(self.fault(layout.file, &fault)),
        }
    }

    /// Reports why a record could not be read.
    pub(super) fn fault(&mut self, file: &'static str, fault: &Fault) -> Reported {
        let at = At { file, line: fault.line, column: fault.column };
        self.log.report(at, fault.code, fault.message.as_str())
    }
}

/// A row of a file. Every method that reads a value reports what is wrong with it.
pub(super) struct Row<'t> {
    header: &'t Header,
    record: &'t Record,
    log: &'t mut Log,
    names: &'t mut Names,
    /// The external ids of the rows before it, and their lines.
    ids: &'t mut HashMap<ExternalId, u64>,
    last_day: bool,
}

impl<'t> Row<'t> {
    /// Whether `end_date` is the last day that counts, rather than the first that does not.
    pub(super) fn ends_on_last_day(&self) -> bool {
        self.last_day
    }

    /// Where the row begins.
    pub(super) fn at(&self) -> At {
        self.header.at(self.record)
    }

    /// Reports that the value of a column does not do.
    pub(super) fn refuse(&mut self, column: &str, code: ErrorCode, message: impl Into<String>) -> Reported {
        let at = self.place(column);
        self.log.report(at, code, message)
    }

    /// What a new record needs in a column.
    pub(super) fn lack(&self, column: &str, message: impl Into<String>) -> Lack {
        Lack { at: self.place(column), message: message.into() }
    }

    /// Where a column's field begins, or the row where the file does not have the column.
    fn place(&self, column: &str) -> At {
        self.cell(column).map_or(self.at(), |field| self.header.place(field))
    }

    /// Whether a column has a value.
    pub(super) fn has(&self, column: &str) -> bool {
        self.value(column).is_some()
    }

    /// Reads a value that must be there.
    pub(super) fn required<T>(
        &mut self,
        column: &'static str,
        read: fn(&mut Self, &'static str) -> Checked<Option<T>>,
    ) -> Checked<T> {
        read(self, column)?
            .ok_or_else(|| self.refuse(column, ErrorCode::MissingValue, format!("{column} must have a value")))
    }

    /// Reads a short text, such as a telephone number.
    pub(super) fn label(&mut self, column: &'static str) -> Checked<Option<String>> {
        self.parse(column, |text| value::line(text, LABEL_LENGTH))
    }

    /// Reads a name.
    pub(super) fn name(&mut self, column: &'static str) -> Checked<Option<String>> {
        self.parse(column, |text| value::line(text, NAME_LENGTH))
    }

    /// Reads a text of any number of lines.
    pub(super) fn prose(&mut self, column: &'static str) -> Checked<Option<String>> {
        self.parse(column, |text| value::prose(text, PROSE_LENGTH))
    }

    pub(super) fn email(&mut self, column: &'static str) -> Checked<Option<String>> {
        self.tidy(column, |text| value::email(text).map(Into::into))
    }

    pub(super) fn phone(&mut self, column: &'static str) -> Checked<Option<String>> {
        self.tidy(column, |text| value::phone(text).map(Into::into))
    }

    pub(super) fn date(&mut self, column: &'static str) -> Checked<Option<NaiveDate>> {
        self.tidy(column, value::date)
    }

    pub(super) fn flag(&mut self, column: &'static str) -> Checked<Option<bool>> {
        self.tidy(column, value::flag)
    }

    pub(super) fn year_group(&mut self, column: &'static str) -> Checked<Option<u8>> {
        self.tidy(column, value::year_group)
    }

    /// Reads a word of a closed set.
    pub(super) fn word<T: Vocabulary>(&mut self, column: &'static str) -> Checked<Option<T>> {
        self.tidy(column, value::word)
    }

    /// Reads the code of a reason.
    pub(super) fn reason(&mut self, column: &'static str) -> Checked<Option<Arc<str>>> {
        let code = self.tidy(column, |text| value::reason(text).map(ToOwned::to_owned))?;
        Ok(code.map(|code| self.names.share(&code)))
    }

    /// Reads the external id of another record.
    pub(super) fn reference(&mut self, column: &'static str) -> Checked<Option<Reference>> {
        let id = self.parse(column, |text| value::line(text, NAME_LENGTH))?;
        let at = self.place(column);
        Ok(id.map(|id| Reference { id: self.names.share(&id), at }))
    }

    /// Reads the row's own external id, which no row before it may have.
    pub(super) fn external_id(&mut self, column: &'static str) -> Checked<ExternalId> {
        let Reference { id, at } = self.required(column, Self::reference)?;
        if let Some(earlier) = self.ids.get(&id) {
            let message = format!("{column} {} is there already, on line {earlier}", Shown(&id));
            return Err(self.log.report(at, ErrorCode::DuplicateId, message));
        }
        self.ids.insert(Arc::clone(&id), at.line);
        Ok(id)
    }

    /// Reads a value in which nothing that cannot be seen means anything.
    fn tidy<T>(&mut self, column: &'static str, parse: impl FnOnce(&str) -> Result<T, Problem>) -> Checked<Option<T>> {
        self.parse(column, |text| parse(&tidy_line(text)))
    }

    fn parse<T>(&mut self, column: &'static str, parse: impl FnOnce(&str) -> Result<T, Problem>) -> Checked<Option<T>> {
        let Some(text) = self.value(column) else {
            return Ok(None);
        };
        parse(text).map(Some).map_err(|problem| {
            let message = format!("{column} {}", problem.message);
            self.refuse(column, problem.code, message)
        })
    }

    /// The value of a column; an empty field has none.
    fn value(&self, column: &str) -> Option<&'t str> {
        self.cell(column).map(|field| field.text.trim()).filter(|text| !is_blank(text))
    }

    fn cell(&self, column: &str) -> Option<RawField<'t>> {
        self.record.field(self.header.slot(column)?)
    }
}
