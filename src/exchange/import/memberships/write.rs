//! Writes what a bundle says of memberships and was not stored yet.

use std::collections::{HashMap, HashSet};

use chrono::NaiveDate;
use diesel::sql_types::{BigInt, Date, Nullable};

use super::{BothReasons, Line, Said, Update};
use crate::db::Sql;
use crate::db::announce::{Kind as Announced, announce};
use crate::error::Error;
use crate::exchange::import::batch::{
    self, CHUNK, Column, Keyed, Type, assignments, hold, names, overtaken, values, written,
};
use crate::exchange::import::periods::Span;
use crate::exchange::import::{Outcome, Run, Step};
use crate::history::{self, Action, Entity};
use crate::members::Origin;
use crate::members::derive::{Wanted, make_room};

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

impl Run<'_> {
    /// Ends and corrects stored memberships. This comes before new ones, whose periods may begin where these end.
    pub(super) fn update_memberships(&mut self, updates: &[Update<'_>]) -> Result<(), Error> {
        for chunk in updates.chunks(CHUNK) {
            let read: Vec<_> = chunk.iter().map(|update| (update.id, update.read_at)).collect();
            hold(self.conn, "memberships", &read)?;
            let rows: Vec<_> = chunk.iter().map(|update| Keyed { id: update.id, row: &update.after }).collect();
            let source = batch::rows(self.conn.dialect(), &[&[ID], CHANGING].concat(), &rows)?;
            let sql = Sql::new(format!("UPDATE memberships SET {}, updated_at = ", assignments(CHANGING)))
                .instant(self.scope.instant())
                .text(" FROM ")
                .then(source)
                .text(" WHERE memberships.id = r.id");
            written(sql.execute(self.conn))?;
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
        self.refuse_new_filters(lines)
    }

    fn insert_chunk(&mut self, lines: &[Line<'_>], reasons: &BothReasons) -> Result<(), Error> {
        let wanted = |line: &Line<'_>| Wanted {
            group_id: line.said.group_id,
            participant_id: line.said.participant_id,
            start_date: line.said.start_date,
            end_date: line.said.end_date,
        };
        make_room(self.conn, self.scope, &lines.iter().map(wanted).collect::<Vec<_>>())?;
        let now = self.scope.instant();
        let rows: Vec<&Said> = lines.iter().map(|line| &line.said).collect();
        let source = batch::rows(self.conn.dialect(), COLUMNS, &rows)?;
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
        let keys = written(sql.load::<KeySql, Key>(self.conn))?;
        let ids: HashMap<Span, i64> = keys
            .into_iter()
            .map(|(id, group, participant, start, end)| (Span { pair: (group, participant), start, end }, id))
            .collect();
        announce(self.conn, Announced::Created, &ids.values().copied().collect::<Vec<_>>())?;
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

    /// Makes sure that none of the groups became dynamic after it was looked up (G1). The new memberships keep it from
    /// becoming so now.
    fn refuse_new_filters(&mut self, lines: &[Line<'_>]) -> Result<(), Error> {
        let groups: HashSet<i64> = lines.iter().map(|line| line.said.group_id).collect();
        let groups: Vec<i64> = groups.into_iter().collect();
        let sql = Sql::new("SELECT id FROM groups WHERE member_filter IS NOT NULL AND id").in_ids(&groups);
        match sql.first::<BigInt, i64>(self.conn)? {
            None => Ok(()),
            Some(_) => Err(overtaken()),
        }
    }
}
