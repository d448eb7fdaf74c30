//! Writes what was decided.

use chrono::NaiveDateTime;

use super::plan::Plan;
use super::{Intake, is_lost, number};
use crate::db::announce::{Kind as Announced, announce};
use crate::db::{Conn, Sql};
use crate::error::Error;
use crate::exchange::import::Step;
use crate::exchange::import::batch::{self, CHUNK, Column, Keyed, Type, assignments, hold, written};
use crate::exchange::import::memberships::write::{insert, refuse_new_filters};
use crate::exchange::import::memberships::{BothReasons, Said, Stored};
use crate::history::{self, Action, Entity};
use crate::mail::store::welcome;
use crate::members::Origin;
use crate::members::derive::{Wanted, annul, make_room};
use crate::scope::Scope;

const ID: Column = ("id", Type::Int);
/// The columns in which a stored membership may change.
const CHANGING: &[Column] =
    &[("start_date", Type::Date), ("end_date", Type::Date), ("end_reason_id", Type::Int), ("role", Type::Text)];

impl Intake<'_> {
    pub(super) fn write(&mut self, plan: &Plan<'_>, reasons: &BothReasons) -> Result<(), Error> {
        annul(self.conn, self.scope, &plan.annul.iter().map(|row| row.id).collect::<Vec<_>>())?;
        self.report.memberships.annulled += number(plan.annul.len());
        // What gets shorter makes room for what gets longer.
        let (shorter, longer): (Vec<_>, Vec<_>) =
            plan.change.iter().partition(|(row, after)| is_shorter(&row.said, after));
        self.write_changes(&shorter, reasons)?;
        self.write_changes(&longer, reasons)?;
        for (n, starts) in plan.start.chunks(CHUNK).enumerate() {
            self.tell(Step::Memberships, n * CHUNK, plan.start.len());
            let rows: Vec<&Said> = starts.iter().map(|(said, _)| said).collect();
            let ids = insert(self.conn, self.scope, &rows)?;
            for said in &rows {
                let Some(id) = ids.get(&said.span()) else { continue };
                let mut fields = said.fields(reasons);
                fields.push(("origin", Some(Origin::Import.as_str().to_owned())));
                self.journal.note(Action::Created, Entity::Membership, *id, &history::diff(&[], &fields))?;
            }
            self.journal.write(self.conn, self.scope)?;
            welcome(self.conn, self.scope, &ids.into_values().collect::<Vec<_>>())?;
        }
        self.report.memberships.started += number(plan.start.len());
        refuse_new_filters(self.conn, plan.start.iter().map(|(said, _)| said.group_id).collect())
    }

    /// Writes other dates and roles. A membership has ended when that makes it over by today; one that gets an end that is
    /// still to come is only corrected.
    fn write_changes(&mut self, changes: &[&(&Stored, Said)], reasons: &BothReasons) -> Result<(), Error> {
        for changes in changes.chunks(CHUNK) {
            let rows: Vec<_> = changes.iter().map(|(row, said)| (row.id, row.updated_at, said)).collect();
            set(self.conn, self.scope, &rows)?;
            let (mut ended, mut updated) = (Vec::new(), Vec::new());
            for (row, said) in changes {
                let differs = history::diff(&row.said.fields(reasons), &said.fields(reasons));
                let gets_end = said.end_date.is_some() && said.end_date != row.said.end_date;
                let action = if gets_end { Action::Ended } else { Action::Updated };
                if gets_end { &mut ended } else { &mut updated }.push(row.id);
                self.journal.note(action, Entity::Membership, row.id, &differs)?;
                let figures = &mut self.report.memberships;
                *if is_lost(&row.said, said, self.scope.today) { &mut figures.ended } else { &mut figures.updated } +=
                    1;
            }
            self.journal.write(self.conn, self.scope)?;
            announce(self.conn, Announced::Ended, &ended)?;
            announce(self.conn, Announced::Updated, &updated)?;
        }
        Ok(())
    }
}

fn is_shorter(before: &Said, after: &Said) -> bool {
    let ends_sooner = after.end_date.is_some_and(|end| before.end_date.is_none_or(|before| end <= before));
    ends_sooner && after.start_date >= before.start_date
}

/// Gives stored memberships the dates and the role that they are to have. Derived ones give way (A3).
fn set(conn: &mut Conn, scope: &Scope, changes: &[(i64, NaiveDateTime, &Said)]) -> Result<(), Error> {
    if changes.is_empty() {
        return Ok(());
    }
    let read: Vec<_> = changes.iter().map(|(id, read_at, _)| (*id, *read_at)).collect();
    hold(conn, "memberships", &read)?;
    let wanted = |(_, _, said): &(i64, NaiveDateTime, &Said)| Wanted {
        group_id: said.group_id,
        participant_id: said.participant_id,
        start_date: said.start_date,
        end_date: said.end_date,
    };
    make_room(conn, scope, &changes.iter().map(wanted).collect::<Vec<_>>())?;
    let rows: Vec<_> = changes.iter().map(|(id, _, said)| Keyed { id: *id, row: *said }).collect();
    let source = batch::rows(conn.dialect(), &[&[ID], CHANGING].concat(), &rows)?;
    let sql = Sql::new(format!("UPDATE memberships SET {}, updated_at = ", assignments(CHANGING)))
        .instant(scope.instant())
        .text(", end_note = CASE WHEN r.end_date IS NULL THEN NULL ELSE end_note END FROM ")
        .then(source)
        .text(" WHERE memberships.id = r.id");
    written(sql.execute(conn))?;
    Ok(())
}
