//! What somebody has done by hand since a roster was imported, as history tells it (M7).

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::NaiveDate;
use diesel::sql_types::{BigInt, Nullable, Text};

use super::plan::{Past, Standing, Wanted};
use super::{Intake, Pair};
use crate::db::Sql;
use crate::error::Error;
use crate::exchange::bundle::{At, Shown};
use crate::exchange::import::batch::{self, CHUNK, Column, Type};
use crate::exchange::import::memberships::Stored;
use crate::exchange::import::memberships::stored::{SELECT, load};
use crate::history::{Change, Entity};

const PAIR: &[Column] = &[("group_id", Type::Int), ("participant_id", Type::Int)];
/// The code of the reasons that a year transition gives.
const YEAR_TRANSITION: &str = "YEAR_TRANSITION";

#[derive(serde::Serialize)]
struct PairRow {
    group_id: i64,
    participant_id: i64,
}

impl Intake<'_> {
    /// Which of these memberships got the end that they have from somebody's hand, or lost it by one, or were declared a
    /// mistake by one. Imports and year transitions are nobody's hand.
    pub(super) fn by_hand(&mut self, memberships: &[i64]) -> Result<HashSet<i64>, Error> {
        type Columns = (BigInt, Nullable<BigInt>, Text, Text);
        type Tuple = (i64, Option<i64>, String, String);
        let mut by_hand = HashSet::new();
        for ids in memberships.chunks(CHUNK) {
            let sql =
                Sql::new("SELECT h.entity_id, h.actor_id, h.actor_name, h.changes FROM history h WHERE h.entity = ")
                    .string(Entity::Membership.as_str())
                    .text(" AND h.entity_id")
                    .in_ids(ids)
                    .text(" ORDER BY h.id");
            for (id, actor, name, changes) in sql.load::<Columns, Tuple>(self.conn)? {
                let changes: Vec<Change> =
                    serde_json::from_str(&changes).map_err(|error| Error::internal(error.to_string()))?;
                if !changes.iter().any(|change| matches!(change.field.as_str(), "endDate" | "annulledAt")) {
                    continue;
                }
                let imported = actor.is_none() && name == self.scope.viewer.name;
                if imported || changes.iter().any(is_of_transition) {
                    by_hand.remove(&id);
                } else {
                    by_hand.insert(id);
                }
            }
        }
        Ok(by_hand)
    }

    /// The last of what is over or was declared a mistake, of the pairs of the file that have nothing that goes on, or that
    /// the file says are over. Whoever was registered just now has nothing.
    pub(super) fn past(
        &mut self,
        wanted: &BTreeMap<Pair, Wanted>,
        stored: &[Stored],
    ) -> Result<HashMap<Pair, Past>, Error> {
        let live: HashSet<Pair> =
            stored.iter().filter(|row| row.said.start_date <= self.date).map(|row| row.said.span().pair).collect();
        let open = |(pair, wanted): &(&Pair, &Wanted)| {
            (!live.contains(pair) || !wanted.is_there()) && !self.created.contains(&pair.1)
        };
        let open: Vec<(&Pair, &Wanted)> = wanted.iter().filter(open).collect();
        let mut past: HashMap<Pair, Past> = HashMap::new();
        let mut keep = |row: Stored, annulled: bool| {
            let (pair, found) = (row.said.span().pair, Past { row, annulled });
            if past.get(&pair).is_none_or(|known| (known.day(), known.row.id) < (found.day(), found.row.id)) {
                past.insert(pair, found);
            }
        };
        for pairs in open.chunks(CHUNK) {
            let row = |(pair, _): &(&Pair, &Wanted)| PairRow { group_id: pair.0, participant_id: pair.1 };
            let rows: Vec<PairRow> = pairs.iter().map(row).collect();
            let sql = Sql::new(SELECT)
                .then(batch::rows(self.conn.dialect(), PAIR, &rows)?)
                .text(
                    " CROSS JOIN memberships m WHERE m.group_id = r.group_id AND m.participant_id = r.participant_id \
                     AND m.annulled_at IS NULL AND m.origin NOT IN ('SOURCE_GROUP', 'HOME_ADDRESS') \
                     AND (m.end_date = m.start_date OR m.end_date <= ",
                )
                .date(self.date)
                .text(")");
            load(self.conn, sql)?.into_iter().for_each(|row| keep(row, false));
        }
        let staying = open.iter().filter(|(_, wanted)| wanted.is_there());
        let staying: HashSet<Pair> = staying.map(|(pair, _)| **pair).collect();
        let groups: Vec<i64> = staying.iter().map(|(group, _)| *group).collect::<HashSet<_>>().into_iter().collect();
        for row in if groups.is_empty() { Vec::new() } else { self.mistakes(&groups)? } {
            if staying.contains(&row.said.span().pair) {
                keep(row, true);
            }
        }
        Ok(past)
    }

    /// The memberships of these groups that were declared a mistake. Those that went with a transition that was undone are
    /// none.
    fn mistakes(&mut self, groups: &[i64]) -> Result<Vec<Stored>, Error> {
        let sql = Sql::new(SELECT).text(
            "memberships m WHERE m.annulled_at IS NOT NULL AND m.origin NOT IN ('SOURCE_GROUP', 'HOME_ADDRESS') \
             AND NOT EXISTS (SELECT 1 FROM year_transition_starts s JOIN year_transitions t ON t.id = s.transition_id \
             WHERE s.membership_id = m.id AND t.status = 'UNDONE') AND m.group_id",
        );
        load(self.conn, sql.in_ids(groups))
    }

    /// Tells what stands as it was done by hand, against what the file says.
    pub(super) fn tell_standing(&mut self, stands: &[(Pair, Standing)]) -> Result<(), Error> {
        if stands.is_empty() {
            return Ok(());
        }
        let people = self.callings(&stands.iter().map(|((_, participant), _)| *participant).collect())?;
        let groups: HashSet<i64> = stands.iter().map(|((group, _), _)| *group).collect();
        let names = self.names_of_groups(&groups.into_iter().collect::<Vec<_>>())?;
        let told = stands.iter().filter_map(|((group, participant), standing)| {
            let person = people.get(participant)?;
            Some((person.at, message(&person.words, names.get(group)?, *standing)))
        });
        let told: Vec<(At, String)> = told.collect();
        self.warn_each(told);
        Ok(())
    }
}

/// Whether a change was made by a year transition, or by undoing one.
fn is_of_transition(change: &Change) -> bool {
    let is_reason = |value: &Option<String>| value.as_deref() == Some(YEAR_TRANSITION);
    change.field == "endReason" && (is_reason(&change.before) || is_reason(&change.after))
}

fn message(who: &str, group: &str, standing: Standing) -> String {
    let group = Shown(group);
    match standing {
        Standing::Ended(day) => format!("{who} was taken out of {group} on {day} by hand, and stays out"),
        Standing::Annulled => {
            format!("that {who} is in {group} was declared a mistake by hand, and stays one")
        }
        Standing::Until { stored, said } => {
            let until = |end: Option<NaiveDate>| end.map_or("without an end".to_owned(), |end| format!("until {end}"));
            format!("{who} is in {group} {} as set by hand; the file says {}", until(stored), until(said))
        }
        Standing::Kept(day) => format!("{who} stays in {group} until {day}, as set by hand"),
    }
}
