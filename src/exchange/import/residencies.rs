//! `residencies.csv`: who is registered at which address.

use std::collections::HashSet;

use chrono::NaiveDate;
use diesel::sql_types::{BigInt, Date, Nullable};
use serde::Serialize;

use super::batch::{self, CHUNK, Column, Type, names, overtaken, values, written};
use super::periods::{Match, Span, matches};
use super::{Outcome, Run, Step};
use crate::db::Sql;
use crate::error::Error;
use crate::exchange::bundle::{ErrorCode, Residency, Shown};
use crate::history::{Action, Change, Entity};
use crate::id::{self, Kind};

const COLUMNS: &[Column] =
    &[("participant_id", Type::Int), ("address_id", Type::Int), ("start_date", Type::Date), ("end_date", Type::Date)];
const PAIR: &[Column] = &[("participant_id", Type::Int), ("address_id", Type::Int)];
const ENDING: &[Column] = &[("id", Type::Int), ("end_date", Type::Date)];

type Stored = (i64, Span);
type StoredSql = (BigInt, BigInt, BigInt, Date, Nullable<Date>);
type StoredTuple = (i64, i64, i64, NaiveDate, Option<NaiveDate>);

#[derive(Serialize)]
struct Pair {
    participant_id: i64,
    address_id: i64,
}

#[derive(Serialize)]
struct New {
    participant_id: i64,
    address_id: i64,
    start_date: NaiveDate,
    end_date: Option<NaiveDate>,
}

#[derive(Serialize)]
struct Ending {
    id: i64,
    end_date: Option<NaiveDate>,
}

impl<'r> Run<'r> {
    /// Registers residencies that are new, and ends those whose row has an end by now.
    pub(super) fn residencies(&mut self) -> Result<(), Error> {
        let total = self.bundle.residencies.len();
        let lines = self.readable_residencies();
        let rows: Vec<Span> = lines.iter().map(|(_, span)| *span).collect();
        let stored = self.stored_residencies(&rows)?;
        let spans: Vec<Span> = stored.iter().map(|(_, span)| *span).collect();
        let (mut inserts, mut endings) = (Vec::new(), Vec::new());
        for ((row, span), found) in lines.into_iter().zip(matches(&rows, &spans)) {
            match found {
                Match::Same(_) => self.report.count(row.at, Outcome::Unchanged, &[]),
                Match::New => {
                    let change = change(None, Some(&span));
                    self.note_residency(row, &span, Outcome::Created, change)?;
                    let (participant_id, address_id) = span.pair;
                    inserts.push(New { participant_id, address_id, start_date: span.start, end_date: span.end });
                }
                Match::Ends(place) => {
                    let Some((id, before)) = stored.get(place) else { continue };
                    let change = change(Some(before), Some(&span));
                    self.note_residency(row, &span, Outcome::Ended, change)?;
                    endings.push(Ending { id: *id, end_date: span.end });
                }
                Match::Overlaps(place) => {
                    if let Some((_, before)) = stored.get(place) {
                        self.refuse_residency(row, &span, before);
                    }
                }
            }
        }
        self.end_residencies(&endings)?;
        self.insert_residencies(&inserts)?;
        self.tell(Step::Residencies, total, total);
        self.journal.write(self.conn, self.scope)
    }

    /// The rows in keys; those of which a part was refused are left out.
    fn readable_residencies(&mut self) -> Vec<(&'r Residency, Span)> {
        let mut lines = Vec::new();
        for row in &self.bundle.residencies {
            let Some(participant) = self.participant_to_change(&row.participant) else { continue };
            let Some(address) = self.known.participant(&row.address) else { continue };
            lines.push((row, Span { pair: (participant, address), start: row.start_date, end: row.end_date }));
        }
        lines
    }

    fn stored_residencies(&mut self, rows: &[Span]) -> Result<Vec<Stored>, Error> {
        let pairs: HashSet<(i64, i64)> = rows.iter().map(|span| span.pair).collect();
        let pairs: Vec<Pair> =
            pairs.into_iter().map(|(participant_id, address_id)| Pair { participant_id, address_id }).collect();
        let mut stored = Vec::new();
        for chunk in pairs.chunks(CHUNK) {
            let rows = Sql::new("SELECT s.id, s.participant_id, s.address_id, s.start_date, s.end_date FROM ")
                .then(batch::rows(self.conn.dialect(), PAIR, chunk)?)
                .text(
                    " CROSS JOIN residencies s WHERE s.participant_id = r.participant_id \
                     AND s.address_id = r.address_id",
                )
                .load::<StoredSql, StoredTuple>(self.conn)?;
            stored.extend(
                rows.into_iter().map(|(id, participant, address, start, end)| {
                    (id, Span { pair: (participant, address), start, end })
                }),
            );
        }
        Ok(stored)
    }

    fn note_residency(&mut self, row: &Residency, span: &Span, outcome: Outcome, change: Change) -> Result<(), Error> {
        let changes = [change];
        self.report.count(row.at, outcome, &changes);
        self.journal.note(Action::Updated, Entity::Participant, span.pair.0, &changes)
    }

    fn refuse_residency(&mut self, row: &Residency, span: &Span, stored: &Span) {
        let message = format!(
            "the period {} of {} at {} overlaps one that is stored ({})",
            span.describe(),
            Shown(&row.participant.id),
            Shown(&row.address.id),
            stored.describe()
        );
        self.log.report(row.at, ErrorCode::OverlappingPeriods, message);
    }

    fn end_residencies(&mut self, endings: &[Ending]) -> Result<(), Error> {
        for chunk in endings.chunks(CHUNK) {
            let source = batch::rows(self.conn.dialect(), ENDING, chunk)?;
            let sql = Sql::new("UPDATE residencies SET end_date = r.end_date FROM ").then(source);
            let sql = sql.text(" WHERE residencies.id = r.id AND residencies.end_date IS NULL");
            if written(sql.execute(self.conn))? != chunk.len() {
                return Err(overtaken());
            }
        }
        Ok(())
    }

    fn insert_residencies(&mut self, new: &[New]) -> Result<(), Error> {
        for chunk in new.chunks(CHUNK) {
            let source = batch::rows(self.conn.dialect(), COLUMNS, chunk)?;
            let sql = Sql::new(format!("INSERT INTO residencies ({}) SELECT ", names(COLUMNS)));
            written(sql.text(format!("{} FROM ", values(COLUMNS))).then(source).execute(self.conn))?;
        }
        Ok(())
    }
}

/// A residency as the history of whoever lives there shows it.
fn change(before: Option<&Span>, after: Option<&Span>) -> Change {
    let text = |span: &Span| {
        let end = span.end.map(|end| end.to_string()).unwrap_or_default();
        format!("{} {}..{end}", id::encode(Kind::Participant, span.pair.1), span.start)
    };
    Change { field: "residency".to_owned(), before: before.map(text), after: after.map(text) }
}
