//! `guardians.csv`: who looks after which child. It counts for the organization for which the bundle is imported, or for all
//! when none is named (V4).
//!
//! Each child in `participants.csv` gets exactly the guardians that the file names, as far as bundles made them. Whom
//! somebody made a guardian in Kring stays one, and whom somebody took away there stays away (P6).

use std::collections::{BTreeSet, HashMap, HashSet};

use diesel::sql_types::{BigInt, Bool, Nullable};
use serde::Serialize;

use super::batch::{self, CHUNK, Column, Type, written};
use super::report::Fate;
use super::{FAIL_SAFE_FLOOR, Outcome, Run, Step};
use crate::db::{Conn, Sql};
use crate::error::Error;
use crate::exchange::bundle::{At, ErrorCode, Guardian, Shown};
use crate::history::{self, Action, Change, Entity};
use crate::id::{self, Kind};
use crate::people::ParticipantKind;
use crate::scope::Source;

/// The file.
const FILE: &str = "guardians.csv";
const COLUMNS: &[Column] = &[("child_id", Type::Int), ("guardian_id", Type::Int)];

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
struct Pair {
    child_id: i64,
    guardian_id: i64,
}

impl Pair {
    fn reversed(self) -> Self {
        Self { child_id: self.guardian_id, guardian_id: self.child_id }
    }
}

/// What happened last to a link, and whether a bundle did it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Last {
    added: bool,
    by_bundle: bool,
}

/// What is known of links, as far as they count for the organization.
#[derive(Default)]
struct Links {
    /// Links that stand.
    stored: BTreeSet<Pair>,
    /// Those of them that a bundle made.
    imported: BTreeSet<Pair>,
    /// Links that were ended in Kring, and stay so.
    ended: HashSet<Pair>,
    /// Links of which anything is stored, for whomever it counts.
    known: HashSet<Pair>,
    last: HashMap<Pair, Last>,
}

impl Links {
    fn made_by_bundle(&self, pair: Pair) -> bool {
        self.imported.contains(&pair)
    }

    /// What was taken away before such things were kept is in the history.
    fn removed_by_hand(&self, pair: Pair) -> bool {
        let gone = self.last.get(&pair) == Some(&Last { added: false, by_bundle: false });
        self.ended.contains(&pair) || gone && !self.known.contains(&pair)
    }
}

impl<'r> Run<'r> {
    /// Makes the guardians of each child those that the file names.
    pub(super) fn guardians(&mut self) -> Result<(), Error> {
        if !self.bundle.files.iter().any(|file| file.name == FILE) {
            return Ok(());
        }
        let total = self.bundle.guardians.len();
        let lines = self.readable_guardians();
        let children = self.children_of_the_bundle();
        let links = self.links(&lines, &children)?;
        let mut gone: BTreeSet<Pair> = BTreeSet::new();
        let new = self.new_guardians(&lines, &links, &mut gone)?;
        let named: HashSet<Pair> = lines.iter().map(|(_, pair)| *pair).collect();
        let made = links.stored.iter().filter(|pair| children.contains(&pair.child_id) && links.made_by_bundle(**pair));
        let made: Vec<Pair> = made.copied().collect();
        let dropped: Vec<Pair> = made.iter().filter(|pair| !named.contains(pair)).copied().collect();
        self.guardian_fail_safe(dropped.len(), made.len());
        gone.extend(dropped);
        self.remove_guardians(&gone)?;
        for chunk in new.chunks(CHUNK) {
            let source = batch::rows(self.conn.dialect(), COLUMNS, chunk)?;
            let sql = Sql::new(
                "INSERT INTO guardianships (child_id, guardian_id, organization_id, imported, changed_at, changed_by) \
                 SELECT r.child_id, r.guardian_id, ",
            )
            .int(self.keeper.id())
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

    /// The persons in `participants.csv` whose records are the bundle's to change.
    fn children_of_the_bundle(&self) -> HashSet<i64> {
        let rows = self.bundle.participants.iter();
        let parties = rows.filter_map(|row| self.known.participants.get(&*row.external_id));
        let own = parties
            .filter(|party| party.kind == ParticipantKind::Person && !self.is_kept_elsewhere(party.organization));
        own.map(|party| party.id).collect()
    }

    /// The links that are to be made. Those that came the wrong way round before are gone then.
    fn new_guardians(
        &mut self,
        lines: &[(&'r Guardian, Pair)],
        links: &Links,
        gone: &mut BTreeSet<Pair>,
    ) -> Result<Vec<Pair>, Error> {
        let named: HashSet<Pair> = lines.iter().map(|(_, pair)| *pair).collect();
        let mut new = Vec::new();
        for (row, pair) in lines {
            let (child, guardian) = (Shown(&row.child.id), Shown(&row.guardian.id));
            let key = format!("{guardian} of {child}");
            let back = pair.reversed();
            if named.contains(&back) {
                let message = format!("{guardian} cannot look after {child}, who is the guardian of {guardian}");
                self.log.report(row.at, ErrorCode::MutualGuardians, message);
            } else if links.stored.contains(pair) {
                self.report.unchanged(Step::Guardians, row.at, &key);
            } else if links.removed_by_hand(*pair) {
                let note = format!("{guardian} was taken away from {child} in Kring, and stays away");
                let (step, at, outcome) = (Step::Guardians, row.at, Outcome::Kept);
                self.report.count(&Fate { step, at, key: &key, outcome, changes: &[] }, Some(&note));
            } else if links.stored.contains(&back) && !links.made_by_bundle(back) {
                let message = format!("{child} was made the guardian of {guardian} in Kring, and stays so");
                self.report.refuse(Step::Guardians, row.at, &key, ErrorCode::MutualGuardians, &message);
            } else {
                if links.stored.contains(&back) {
                    gone.insert(back);
                }
                let changes = [change(None, Some(pair.guardian_id))];
                let (step, at, outcome) = (Step::Guardians, row.at, Outcome::Created);
                self.report.count(&Fate { step, at, key: &key, outcome, changes: &changes }, None);
                self.journal.note(Action::Updated, Entity::Participant, pair.child_id, &changes)?;
                new.push(*pair);
            }
        }
        Ok(new)
    }

    fn remove_guardians(&mut self, gone: &BTreeSet<Pair>) -> Result<(), Error> {
        let names: HashMap<i64, String> = self
            .known
            .participants
            .iter()
            .filter(|(_, party)| gone.iter().any(|pair| pair.child_id == party.id || pair.guardian_id == party.id))
            .map(|(external_id, party)| (party.id, Shown(external_id).to_string()))
            .collect();
        for pair in gone {
            let name = |id: i64| names.get(&id).cloned().unwrap_or_else(|| id::encode(Kind::Participant, id));
            let changes = [change(Some(pair.guardian_id), None)];
            let key = &format!("{} of {}", name(pair.guardian_id), name(pair.child_id));
            let (step, at, outcome) = (Step::Guardians, At::file(FILE), Outcome::Removed);
            self.report.count(&Fate { step, at, key, outcome, changes: &changes }, None);
            self.journal.note(Action::Updated, Entity::Participant, pair.child_id, &changes)?;
        }
        let gone: Vec<Pair> = gone.iter().copied().collect();
        for chunk in gone.chunks(CHUNK) {
            let source = batch::rows(self.conn.dialect(), COLUMNS, chunk)?;
            let sql = Sql::new("DELETE FROM guardianships WHERE coalesce(organization_id, 0) = ")
                .int(self.keeper.id().unwrap_or_default())
                .text(" AND EXISTS (SELECT 1 FROM ")
                .then(source)
                .text(" WHERE r.child_id = guardianships.child_id AND r.guardian_id = guardianships.guardian_id)");
            written(sql.execute(self.conn))?;
        }
        Ok(())
    }

    /// Refuses a file by which more guardians would be lost than the set share.
    fn guardian_fail_safe(&mut self, dropped: usize, made: usize) {
        let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        let (dropped, made, limit) = (number(dropped), number(made), u64::from(self.options.end_limit));
        if dropped >= FAIL_SAFE_FLOOR && dropped.saturating_mul(100) > made.saturating_mul(limit) {
            let message = format!(
                "{dropped} of the {made} guardians of these children would be taken away, more than the {limit} % that \
                 may; if this is meant, allow more (--end-limit)"
            );
            self.log.report(At::file(FILE), ErrorCode::TooManyRemoved, message);
        }
    }

    /// What is stored of the children and of the pairs of the rows, either way round, and what happened to it.
    fn links(&mut self, lines: &[(&Guardian, Pair)], children: &HashSet<i64>) -> Result<Links, Error> {
        let pairs = lines.iter().flat_map(|(_, pair)| [pair.child_id, pair.guardian_id]);
        let all: BTreeSet<i64> = children.iter().copied().chain(pairs).collect();
        let all: Vec<i64> = all.into_iter().collect();
        let mut links = Links::default();
        let mut unmarked = BTreeSet::new();
        let own = self.keeper.id();
        for ids in all.chunks(CHUNK) {
            for stored in stored_links(self.conn, ids)? {
                links.known.insert(stored.pair);
                match (stored.organization == own, stored.ended) {
                    (true, false) => {
                        links.stored.insert(stored.pair);
                        if stored.imported {
                            links.imported.insert(stored.pair);
                        } else if stored.unmarked {
                            unmarked.insert(stored.pair);
                        }
                    }
                    (true, true) => drop(links.ended.insert(stored.pair)),
                    (false, true) if stored.organization.is_none() => drop(links.ended.insert(stored.pair)),
                    (false, _) => {}
                }
            }
        }
        links.ended.retain(|pair| !links.stored.contains(pair));
        let missing = lines.iter().map(|(_, pair)| *pair).filter(|pair| !links.stored.contains(pair));
        let asked: BTreeSet<i64> = missing.chain(unmarked.iter().copied()).map(|pair| pair.child_id).collect();
        links.last = last_changes(self.conn, &asked.into_iter().collect::<Vec<_>>())?;
        let by_bundle = Last { added: true, by_bundle: true };
        links.imported.extend(unmarked.into_iter().filter(|pair| links.last.get(pair) == Some(&by_bundle)));
        Ok(links)
    }
}

/// What is stored of a link.
struct StoredLink {
    pair: Pair,
    organization: Option<i64>,
    ended: bool,
    imported: bool,
    /// Whether it is from before it was noted who made a link.
    unmarked: bool,
}

fn stored_links(conn: &mut Conn, children: &[i64]) -> Result<Vec<StoredLink>, Error> {
    type Columns = (BigInt, BigInt, Nullable<BigInt>, Bool, Bool, Bool);
    let sql = Sql::new(
        "SELECT g.child_id, g.guardian_id, g.organization_id, g.ended, g.imported, g.changed_at IS NULL \
         FROM guardianships g WHERE g.child_id",
    );
    let rows = sql.in_ids(children).load::<Columns, (i64, i64, Option<i64>, bool, bool, bool)>(conn)?;
    let link = |(child_id, guardian_id, organization, ended, imported, unmarked)| StoredLink {
        pair: Pair { child_id, guardian_id },
        organization,
        ended,
        imported,
        unmarked,
    };
    Ok(rows.into_iter().map(link).collect())
}

/// What happened last to the links of these children.
fn last_changes(conn: &mut Conn, children: &[i64]) -> Result<HashMap<Pair, Last>, Error> {
    let mut last = HashMap::new();
    for ids in children.chunks(CHUNK) {
        for past in history::pasts(conn, Entity::Participant, ids)? {
            let by_bundle = past.source == Some(Source::Bundle);
            for change in past.changes.iter().filter(|change| change.field == "guardian") {
                let guardian = change.after.as_deref().or(change.before.as_deref());
                let guardian = guardian.and_then(|text| id::decode_as(Kind::Participant, text));
                if let Some(guardian_id) = guardian {
                    let pair = Pair { child_id: past.entity_id, guardian_id };
                    last.insert(pair, Last { added: change.after.is_some(), by_bundle });
                }
            }
        }
    }
    Ok(last)
}

fn change(before: Option<i64>, after: Option<i64>) -> Change {
    let text = |id: Option<i64>| id.map(|id| id::encode(Kind::Participant, id));
    Change { field: "guardian".to_owned(), before: text(before), after: text(after) }
}
