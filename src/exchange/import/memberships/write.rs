//! Writes what a bundle says of memberships and was not stored yet.

use std::collections::{HashMap, HashSet};

use chrono::{NaiveDate, NaiveDateTime};
use diesel::sql_types::{BigInt, Date, Nullable};

use super::found::Known;
use super::{BothReasons, Line, Plan, Said, Stored, Verdict};
use crate::db::announce::{Kind as Announced, announce};
use crate::db::{Conn, Sql};
use crate::error::Error;
use crate::exchange::import::batch::{
    self, CHUNK, Column, Keyed, Type, assignments, hold, names, overtaken, values, written,
};
use crate::exchange::import::periods::Span;
use crate::exchange::import::report::Fate;
use crate::exchange::import::{Outcome, Run, Step};
use crate::history::{self, Action, Change, Entity};
use crate::members::Origin;
use crate::members::derive::{Wanted, make_room};
use crate::scope::Scope;

const COLUMNS: &[Column] = &[
    ("group_id", Type::Int),
    ("participant_id", Type::Int),
    ("start_date", Type::Date),
    ("start_reason_id", Type::Int),
    ("end_date", Type::Date),
    ("end_reason_id", Type::Int),
    ("role", Type::Text),
];
/// The columns in which a stored membership may change.
const CHANGING: &[Column] = &[
    ("start_date", Type::Date),
    ("start_reason_id", Type::Int),
    ("end_date", Type::Date),
    ("end_reason_id", Type::Int),
    ("role", Type::Text),
];
const PERIOD: &[Column] = &[("start_date", Type::Date), ("end_date", Type::Date), ("end_reason_id", Type::Int)];
const ID: Column = ("id", Type::Int);

type KeySql = (BigInt, BigInt, BigInt, Date, Nullable<Date>);
type Key = (i64, i64, i64, NaiveDate, Option<NaiveDate>);

/// Gives stored memberships the period, the reasons and the role that they are to have.
fn set(conn: &mut Conn, scope: &Scope, changes: &[(i64, NaiveDateTime, &Said)]) -> Result<(), Error> {
    let rows: Vec<_> = changes.iter().map(|(id, _, said)| Keyed { id: *id, row: *said }).collect();
    let source = batch::rows(conn.dialect(), &[&[ID], CHANGING].concat(), &rows)?;
    let sql = Sql::new(format!("UPDATE memberships SET {}, updated_at = ", assignments(CHANGING)))
        .instant(scope.instant())
        .text(" FROM ")
        .then(source)
        .text(" WHERE memberships.id = r.id");
    written(sql.execute(conn))?;
    Ok(())
}

/// Takes from stored memberships the days that they are to lose, so that others can have them: the database refuses two
/// periods that overlap, also while one statement changes both.
fn shrink(conn: &mut Conn, changes: &[Correction<'_>]) -> Result<(), Error> {
    let shrunk = |change: &Correction<'_>| {
        let span = change.before.said.span().shared_with(change.after.span());
        let reason = change.after.end_reason_id.or(change.before.said.end_reason_id);
        Said {
            start_date: span.start,
            end_date: span.end,
            end_reason_id: span.end.and(reason),
            ..change.before.said.clone()
        }
    };
    let smaller: Vec<(i64, Said)> = changes
        .iter()
        .map(|change| (change.before.id, shrunk(change), change.before.said.span()))
        .filter(|(_, said, before)| said.span() != *before)
        .map(|(id, said, _)| (id, said))
        .collect();
    if smaller.is_empty() {
        return Ok(());
    }
    let rows: Vec<_> = smaller.iter().map(|(id, said)| Keyed { id: *id, row: said }).collect();
    let source = batch::rows(conn.dialect(), &[&[ID], PERIOD].concat(), &rows)?;
    let sql = Sql::new(format!("UPDATE memberships SET {} FROM ", assignments(PERIOD))).then(source);
    written(sql.text(" WHERE memberships.id = r.id").execute(conn))?;
    Ok(())
}

/// The period for which derived memberships make room.
fn wanted(said: &Said) -> Wanted {
    Wanted {
        group_id: said.group_id,
        participant_id: said.participant_id,
        start_date: said.start_date,
        end_date: said.end_date,
    }
}

/// Writes new memberships in place of derived ones, and answers with the key of each.
///
/// # Errors
/// `Conflict` when somebody else changed the same; what the database answers.
pub(in crate::exchange::import) fn insert(
    conn: &mut Conn,
    scope: &Scope,
    rows: &[&Said],
) -> Result<HashMap<Span, i64>, Error> {
    make_room(conn, scope, &rows.iter().map(|said| wanted(said)).collect::<Vec<_>>())?;
    let now = scope.instant();
    let source = batch::rows(conn.dialect(), COLUMNS, rows)?;
    let columns = names(COLUMNS);
    let sql = Sql::new(format!("INSERT INTO memberships ({columns}, member_key, origin, created_at, updated_at) "))
        .text(format!("SELECT {}, p.sort_key, ", values(COLUMNS)))
        .string(Origin::Import.as_str())
        .text(", ")
        .instant(now)
        .text(", ")
        .instant(now)
        .text(" FROM ")
        .then(source)
        .text(" CROSS JOIN participants p WHERE p.id = r.participant_id")
        .text(" RETURNING id, group_id, participant_id, start_date, end_date");
    let keys = written(sql.load::<KeySql, Key>(conn))?;
    let ids: HashMap<Span, i64> = keys
        .into_iter()
        .map(|(id, group, participant, start, end)| (Span { pair: (group, participant), start, end }, id))
        .collect();
    announce(conn, Announced::Created, &ids.values().copied().collect::<Vec<_>>())?;
    Ok(ids)
}

/// Makes sure that none of the groups of new memberships became dynamic after it was looked up (G1). The memberships
/// keep it from becoming so now.
///
/// # Errors
/// `Conflict` when one did; what the database answers.
pub(in crate::exchange::import) fn refuse_new_filters(conn: &mut Conn, groups: HashSet<i64>) -> Result<(), Error> {
    let groups: Vec<i64> = groups.into_iter().collect();
    let sql = Sql::new("SELECT id FROM groups WHERE member_filter IS NOT NULL AND id").in_ids(&groups);
    match sql.first::<BigInt, i64>(conn)? {
        None => Ok(()),
        Some(_) => Err(overtaken()),
    }
}

/// A stored membership and what its row makes of it.
struct Correction<'p> {
    line: Line<'p>,
    before: &'p Stored,
    after: &'p Said,
    changes: &'p [Change],
    note: Option<&'p str>,
}

impl Correction<'_> {
    /// Whether it ends a membership that went on.
    fn ends(&self) -> bool {
        self.before.said.end_date.is_none() && self.after.end_date.is_some()
    }
}

impl<'r> Run<'r> {
    /// Writes what is to become of the rows. Corrections come before new memberships, whose periods may begin where
    /// corrected ones end.
    pub(super) fn write_memberships(
        &mut self,
        plan: &Plan<'r>,
        known: &Known,
        reasons: &BothReasons,
    ) -> Result<(), Error> {
        let mut corrections = Vec::new();
        let mut inserts = Vec::new();
        for (line, verdict) in plan.lines.iter().zip(&plan.verdicts) {
            match verdict {
                Verdict::Create(said) => inserts.push((*line, said)),
                Verdict::Change { stored, after, changes, note } => {
                    let Some(before) = known.stored.get(*stored) else { continue };
                    corrections.push(Correction { line: *line, before, after, changes, note: note.as_deref() });
                }
                Verdict::Stand { .. } | Verdict::Refuse { .. } => {}
            }
        }
        self.correct_memberships(&corrections)?;
        self.insert_memberships(&inserts, reasons)
    }

    fn correct_memberships(&mut self, corrections: &[Correction<'_>]) -> Result<(), Error> {
        for chunk in corrections.chunks(CHUNK) {
            let read: Vec<_> = chunk.iter().map(|change| (change.before.id, change.before.updated_at)).collect();
            hold(self.conn, "memberships", &read)?;
        }
        for chunk in corrections.chunks(CHUNK) {
            shrink(self.conn, chunk)?;
        }
        for chunk in corrections.chunks(CHUNK) {
            make_room(self.conn, self.scope, &chunk.iter().map(|change| wanted(change.after)).collect::<Vec<_>>())?;
            let rows: Vec<_> =
                chunk.iter().map(|change| (change.before.id, change.before.updated_at, change.after)).collect();
            set(self.conn, self.scope, &rows)?;
            self.tell_corrections(chunk)?;
        }
        Ok(())
    }

    fn tell_corrections(&mut self, corrections: &[Correction<'_>]) -> Result<(), Error> {
        let of = |ends: bool| -> Vec<i64> {
            corrections.iter().filter(|change| change.ends() == ends).map(|change| change.before.id).collect()
        };
        announce(self.conn, Announced::Ended, &of(true))?;
        announce(self.conn, Announced::Updated, &of(false))?;
        for change in corrections {
            let (action, outcome) =
                if change.ends() { (Action::Ended, Outcome::Ended) } else { (Action::Updated, Outcome::Updated) };
            let Correction { line, changes, note, .. } = change;
            let fate = Fate { step: Step::Memberships, at: line.row.at, key: line, outcome, changes };
            self.report.count(&fate, *note);
            self.journal.note(action, Entity::Membership, change.before.id, changes)?;
        }
        self.journal.write(self.conn, self.scope)
    }

    fn insert_memberships(&mut self, rows: &[(Line<'r>, &Said)], reasons: &BothReasons) -> Result<(), Error> {
        let total = self.bundle.memberships.len();
        for (n, chunk) in rows.chunks(CHUNK).enumerate() {
            self.tell(Step::Memberships, (total - rows.len()) + n * CHUNK, total);
            self.insert_chunk(chunk, reasons)?;
            self.journal.write(self.conn, self.scope)?;
        }
        refuse_new_filters(self.conn, rows.iter().map(|(line, _)| line.pair.0).collect())
    }

    fn insert_chunk(&mut self, rows: &[(Line<'r>, &Said)], reasons: &BothReasons) -> Result<(), Error> {
        let said: Vec<&Said> = rows.iter().map(|(_, said)| *said).collect();
        let ids = insert(self.conn, self.scope, &said)?;
        for (line, said) in rows {
            let id = ids.get(&said.span()).copied().ok_or_else(overtaken)?;
            let mut fields = said.fields(reasons);
            fields.push(("origin", Some(Origin::Import.as_str().to_owned())));
            let changes = history::diff(&[], &fields);
            let outcome = Outcome::Created;
            let fate = Fate { step: Step::Memberships, at: line.row.at, key: line, outcome, changes: &changes };
            self.report.count(&fate, None);
            self.journal.note(Action::Created, Entity::Membership, id, &changes)?;
        }
        Ok(())
    }
}
