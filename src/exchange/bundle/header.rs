//! The header of a file: which columns it has, and where.

use super::error::{At, Checked, ErrorCode, Log};
use super::layout::Layout;
use super::scan::{RawField, Record};
use super::suggest;
use super::value::Shown;

/// Names as a message lists them.
pub(super) fn list<'n>(names: impl Iterator<Item = &'n str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}

/// Where a column stands in the rows of a file.
#[derive(Debug, Clone, Copy)]
struct Slot {
    column: &'static str,
    index: usize,
}

/// The columns of a file, as its header names them.
#[derive(Debug)]
pub(super) struct Header {
    layout: &'static Layout,
    /// The file in which the rows stand.
    file: &'static str,
    /// In the order of the layout.
    slots: Vec<Slot>,
    width: usize,
}

impl Header {
    /// Reads the header row, and reports everything wrong with it at once.
    pub(super) fn read(layout: &'static Layout, record: &Record, log: &mut Log) -> Checked<Self> {
        let mut header = Self { layout, file: layout.file, slots: Vec::new(), width: record.len() };
        header.check_delimiter(record, log)?;
        let mut outcome = Ok(());
        for (index, field) in record.fields().enumerate() {
            if let Err(reported) = header.add(index, field, log) {
                outcome = Err(reported);
            }
        }
        for column in layout.required {
            if header.slot(column).is_none() {
                let message = format!("the header lacks the column {column}");
                let at = header.at(record);
                outcome = Err(log.report(at, ErrorCode::MissingColumn, message));
            }
        }
        let order = |slot: &Slot| layout.columns().position(|column| column == slot.column);
        header.slots.sort_by_key(order);
        outcome.map(|()| header)
    }

    /// The header of rows that a map makes of another file.
    pub(super) fn mapped(layout: &'static Layout, file: &'static str, columns: &[&'static str]) -> Self {
        let slots = columns.iter().enumerate().map(|(index, column)| Slot { column, index }).collect();
        Self { layout, file, slots, width: columns.len() }
    }

    /// Spreadsheets in Dutch write semicolons: a header in one piece is worth a message of its
    /// own instead of one for every column.
    fn check_delimiter(&self, record: &Record, log: &mut Log) -> Checked<()> {
        let Some(field) = record.field(0).filter(|_| self.width == 1) else {
            return Ok(());
        };
        let used = [(';', "semicolons"), ('\t', "tabs"), ('|', "bars")]
            .into_iter()
            .find(|(delimiter, _)| field.text.contains(*delimiter));
        match used {
            Some((_, name)) => Err(log.report(
                self.at(record),
                ErrorCode::WrongDelimiter,
                format!("the fields are separated by {name}; separate them by commas"),
            )),
            None => Ok(()),
        }
    }

    fn add(&mut self, index: usize, field: RawField<'_>, log: &mut Log) -> Checked<()> {
        let at = self.place(field);
        let name = field.text.trim();
        let Some(column) = self.layout.columns().find(|column| *column == name) else {
            let hint = suggest::nearest(name, self.layout.columns())
                .map(|column| format!("did you mean {column}? "))
                .unwrap_or_default();
            let message =
                format!("there is no column {}; {hint}the columns are: {}", Shown(name), list(self.layout.columns()));
            return Err(log.report(at, ErrorCode::UnknownColumn, message));
        };
        if let Some(earlier) = self.slot(column) {
            let message = format!("the column {column} is there already, as column {} of the header", earlier + 1);
            return Err(log.report(at, ErrorCode::DuplicateColumn, message));
        }
        self.slots.push(Slot { column, index });
        Ok(())
    }

    /// The columns that the file has.
    pub(super) fn columns(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.slots.iter().map(|slot| slot.column)
    }

    /// The index of a column's field in every row.
    pub(super) fn slot(&self, column: &str) -> Option<usize> {
        self.slots.iter().find(|slot| slot.column == column).map(|slot| slot.index)
    }

    /// Where a row begins.
    pub(super) fn at(&self, record: &Record) -> At {
        At { file: self.file, line: record.line(), column: 1 }
    }

    /// Where a field begins.
    pub(super) fn place(&self, field: RawField<'_>) -> At {
        At { file: self.file, line: field.line, column: field.column }
    }

    /// Checks that a row has as many fields as the header; places the error at the first field
    /// too many, or at the last one when there are too few.
    pub(super) fn fits(&self, record: &Record, log: &mut Log) -> Checked<()> {
        if record.len() == self.width {
            return Ok(());
        }
        let culprit = record.field(self.width.min(record.len().saturating_sub(1)));
        let at = culprit.map_or(self.at(record), |field| self.place(field));
        let message =
            format!("the row has {} fields, the header {}; is a comma or a quote missing?", record.len(), self.width);
        Err(log.report(at, ErrorCode::WrongFieldCount, message))
    }
}
