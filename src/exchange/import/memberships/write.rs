//! Writes what a bundle says of memberships and was not stored yet.

use std::collections::{HashMap, HashSet};

use chrono::{NaiveDate, NaiveDateTime};
use diesel::sql_types::{BigInt, Date, Nullable};

use super::{BothReasons, Line, Said, Update};
use crate::db::announce::{Kind as Announced, announce};
use crate::db::{Conn, Sql};
use crate::error::Error;
use crate::exchange::import::batch::{
    self, CHUNK, Column, Keyed, Type, assignments, hold, names, overtaken, values, written,
};
use crate::exchange::import::periods::Span;
use crate::exchange::import::{Outcome, Run, Step};
use crate::history::{self, Action, Entity};
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
const CHANGING: &[Column] =
    &[("start_reason_id", Type::Int), ("end_date", Type::Date), ("end_reason_id", Type::Int), ("role", Type::Text)];
const ID: Column = ("id", Type::Int);

type KeySql = (BigInt, BigInt, BigInt, Date, Nullable<Date>);
type Key = (i64, i64, i64, NaiveDate, Option<NaiveDate>);

/// Gives stored memberships the end, the reasons and the role that they are to have.
///
/// # Errors
/// `Conflict` when somebody else changed the same; what the database answers.
pub(in crate::exchange::import) fn change(
    conn: &mut Conn,
    scope: &Scope,
    changes: &[(i64, NaiveDateTime, &Said)],
) -> Result<(), Error> {
    let read: Vec<_> = changes.iter().map(|(id, read_at, _)| (*id, *read_at)).collect();
    hold(conn, "memberships", &read)?;
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

/// Writes new memberships in place of derived ones, and answers with the key of each.
///
/// # Errors
/// `Conflict` when somebody else changed the same; what the database answers.
pub(in crate::exchange::import) fn insert(
    conn: &mut Conn,
    scope: &Scope,
    rows: &[&Said],
) -> Result<HashMap<Span, i64>, Error> {
    let wanted = |said: &&Said| Wanted {
        group_id: said.group_id,
        participant_id: said.participant_id,
        start_date: said.start_date,
        end_date: said.end_date,
    };
    make_room(conn, scope, &rows.iter().map(wanted).collect::<Vec<_>>())?;
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

impl Run<'_> {
    /// Ends and corrects stored memberships. This comes before new ones, whose periods may begin where these end.
    pub(super) fn update_memberships(&mut self, updates: &[Update<'_>]) -> Result<(), Error> {
        for chunk in updates.chunks(CHUNK) {
            let changes: Vec<_> = chunk.iter().map(|update| (update.id, update.read_at, &update.after)).collect();
            change(self.conn, self.scope, &changes)?;
            let of = |ended: bool| -> Vec<i64> {
                let chosen = chunk.iter().filter(|update| (update.outcome == Outcome::Ended) == ended);
                chosen.map(|update| update.id).collect()
            };
            announce(self.conn, Announced::Ended, &of(true))?;
            announce(self.conn, Announced::Updated, &of(false))?;
            for update in chunk {
                let action = if update.outcome == Outcome::Ended { Action::Ended } else { Action::Updated };
                self.report.count(update.row.at, update.outcome, &update.changes);
                self.journal.note(action, Entity::Membership, update.id, &update.changes)?;
            }
            self.journal.write(self.conn, self.scope)?;
        }
        Ok(())
    }

    /// Writes new memberships.
    pub(super) fn insert_memberships(&mut self, lines: &[Line<'_>], reasons: &BothReasons) -> Result<(), Error> {
        let total = self.bundle.memberships.len();
        for (n, chunk) in lines.chunks(CHUNK).enumerate() {
            self.tell(Step::Memberships, (total - lines.len()) + n * CHUNK, total);
            self.insert_chunk(chunk, reasons)?;
            self.journal.write(self.conn, self.scope)?;
        }
        refuse_new_filters(self.conn, lines.iter().map(|line| line.said.group_id).collect())
    }

    fn insert_chunk(&mut self, lines: &[Line<'_>], reasons: &BothReasons) -> Result<(), Error> {
        let rows: Vec<&Said> = lines.iter().map(|line| &line.said).collect();
        let ids = insert(self.conn, self.scope, &rows)?;
        for line in lines {
            let id = ids.get(&line.said.span()).copied().ok_or_else(overtaken)?;
            let mut fields = line.said.fields(reasons);
            fields.push(("origin", Some(Origin::Import.as_str().to_owned())));
            let changes = history::diff(&[], &fields);
            self.report.count(line.row.at, Outcome::Created, &changes);
            self.journal.note(Action::Created, Entity::Membership, id, &changes)?;
        }
        Ok(())
    }
}
