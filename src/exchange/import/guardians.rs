//! `guardians.csv`: who looks after which child. It counts for the organization for which the bundle is imported, or for all
//! when none is named (V4).

use std::collections::HashSet;

use diesel::sql_types::BigInt;
use serde::Serialize;

use super::batch::{self, CHUNK, Column, Type, written};
use super::report::Fate;
use super::{Outcome, Run, Step};
use crate::db::Sql;
use crate::error::Error;
use crate::exchange::bundle::{ErrorCode, Guardian, Shown};
use crate::history::{Action, Change, Entity};
use crate::id::{self, Kind};

const COLUMNS: &[Column] = &[("child_id", Type::Int), ("guardian_id", Type::Int)];

#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize)]
struct Pair {
    child_id: i64,
    guardian_id: i64,
}

impl Pair {
    fn reversed(self) -> Self {
        Self { child_id: self.guardian_id, guardian_id: self.child_id }
    }
}

impl<'r> Run<'r> {
    /// Adds the guardians that are new to the organization.
    pub(super) fn guardians(&mut self) -> Result<(), Error> {
        let total = self.bundle.guardians.len();
        let lines = self.readable_guardians();
        let stored = self.stored_guardians(&lines)?;
        let lasting: HashSet<Pair> = lines.iter().map(|(_, pair)| *pair).collect();
        let organization = self.keeper.id();
        let mut new = Vec::new();
        for (row, pair) in lines {
            let reversed = pair.reversed();
            if stored.contains(&reversed) || lasting.contains(&reversed) {
                let (child, guardian) = (Shown(&row.child.id), Shown(&row.guardian.id));
                let message = format!("{guardian} cannot look after {child}, who is the guardian of {guardian}");
                self.log.report(row.at, ErrorCode::MutualGuardians, message);
            } else if stored.contains(&pair) {
                let key = format!("{} of {}", Shown(&row.guardian.id), Shown(&row.child.id));
                self.report.unchanged(Step::Guardians, row.at, &key);
            } else {
                let guardian = id::encode(Kind::Participant, pair.guardian_id);
                let changes = [Change { field: "guardian".to_owned(), before: None, after: Some(guardian) }];
                let key = &format!("{} of {}", Shown(&row.guardian.id), Shown(&row.child.id));
                let (step, at, outcome) = (Step::Guardians, row.at, Outcome::Created);
                self.report.count(&Fate { step, at, key, outcome, changes: &changes }, None);
                self.journal.note(Action::Updated, Entity::Participant, pair.child_id, &changes)?;
                new.push(pair);
            }
        }
        for chunk in new.chunks(CHUNK) {
            let source = batch::rows(self.conn.dialect(), COLUMNS, chunk)?;
            let sql =
                Sql::new("INSERT INTO guardianships (child_id, guardian_id, organization_id, imported, changed_at, changed_by) SELECT r.child_id, r.guardian_id, ")
                    .int(organization)
                    .text(", TRUE, ")
                    .instant(self.scope.instant())
                    .text(", ")
                    .string(self.scope.viewer.name.clone())
                    .text(" FROM ")
                    .then(source);
            written(sql.execute(self.conn))?;
        }
        self.tell(Step::Guardians, total, total);
        self.journal.write(self.conn, self.scope)
    }

    /// The rows in keys; those of which a part was refused are left out.
    fn readable_guardians(&mut self) -> Vec<(&'r Guardian, Pair)> {
        let mut lines = Vec::new();
        for row in &self.bundle.guardians {
            let Some(child_id) = self.participant_to_change(&row.child) else { continue };
            let Some(guardian_id) = self.known.participant(&row.guardian) else { continue };
            lines.push((row, Pair { child_id, guardian_id }));
        }
        lines
    }

    /// Which of the pairs this organization has recorded or ended for itself, either way round; what was ended since stands.
    fn stored_guardians(&mut self, lines: &[(&Guardian, Pair)]) -> Result<HashSet<Pair>, Error> {
        let organization = self.keeper.id().unwrap_or_default();
        let mut stored = HashSet::new();
        let pairs: Vec<Pair> = lines.iter().flat_map(|(_, pair)| [*pair, pair.reversed()]).collect();
        for chunk in pairs.chunks(CHUNK) {
            let found = Sql::new("SELECT g.child_id, g.guardian_id FROM ")
                .then(batch::rows(self.conn.dialect(), COLUMNS, chunk)?)
                .text(
                    " CROSS JOIN guardianships g WHERE g.child_id = r.child_id AND g.guardian_id = r.guardian_id \
                     AND coalesce(g.organization_id, 0) = ",
                )
                .int(organization)
                .load::<(BigInt, BigInt), (i64, i64)>(self.conn)?;
            stored.extend(found.into_iter().map(|(child_id, guardian_id)| Pair { child_id, guardian_id }));
        }
        Ok(stored)
    }
}
