//! What applying a plan would do: the facts, the plan worked out over them, and a token of both. It changes nothing.

pub mod store;

use std::collections::{BTreeSet, HashMap};

use super::plan::{Facts, Outcomes, Plan, Tally, outcomes};
use super::token::Token;
use super::{TransitionRow, planning};
use crate::db::Conn;
use crate::error::Error;
use crate::school::erasure;
use crate::school::erasure::store::tallies;
use crate::school::records::RecordKind;

/// A plan worked out over the facts.
pub struct Preview {
    pub plan: Plan,
    pub outcomes: Outcomes,
    pub token: Token,
    /// The names of the plan's groups, in its order.
    pub names: Vec<String>,
}

/// Works a plan out over the facts as they are now.
///
/// # Errors
/// What the database answers.
pub fn work_out(conn: &mut Conn, transition: &TransitionRow) -> Result<Preview, Error> {
    let plan = planning::store::plan(conn, transition)?;
    let facts = facts(conn, transition, &plan)?;
    let outcomes = outcomes(&plan, &facts);
    let token = Token::new(transition.id, &plan, &facts, &outcomes);
    let name = |group: i64| facts.groups.get(&group).map(|group| group.name.clone()).unwrap_or_default();
    let names = plan.moves.iter().map(|planned| name(planned.group_id)).collect();
    Ok(Preview { plan, outcomes, token, names })
}

/// Every group that a plan names.
pub fn groups_of(plan: &Plan) -> Vec<i64> {
    let moves = plan.moves.iter().flat_map(|planned| [Some(planned.group_id), planned.to_group_id]);
    let exceptions = plan.exceptions.iter().map(|exception| exception.to_group_id);
    let groups: BTreeSet<i64> = moves.chain(exceptions).flatten().collect();
    groups.into_iter().collect()
}

fn facts(conn: &mut Conn, transition: &TransitionRow, plan: &Plan) -> Result<Facts, Error> {
    // Of what another organization has by now nothing is told; applying is refused because of it.
    let groups = store::groups(conn, transition.organization_id, &groups_of(plan))?;
    let mut all: Vec<i64> = groups.keys().copied().collect();
    all.sort_unstable();
    let planned = plan.moves.iter().map(|planned| planned.group_id).filter(|group| groups.contains_key(group));
    let planned: Vec<i64> = planned.collect();
    let people: Vec<i64> = plan.exceptions.iter().map(|exception| exception.participant_id).collect();
    let records = tallies(conn, &planned, transition.from_year, transition.effective_on)?;
    let number = |of: fn(&erasure::Tally) -> i64| {
        let mut numbers: HashMap<i64, i64> = HashMap::new();
        for tally in &records {
            *numbers.entry(tally.group_id).or_default() += of(tally);
        }
        numbers
    };
    let (earlier_records, later_records) = (number(|tally| tally.earlier), number(|tally| tally.later));
    let mut ending: HashMap<i64, Vec<Tally<RecordKind>>> = HashMap::new();
    for erasure::Tally { group_id, kind, number, checksum, .. } in records {
        if number > 0 {
            ending.entry(group_id).or_default().push(Tally { kind, number, checksum });
        }
    }
    Ok(Facts {
        groups,
        rows: store::rows(conn, &all, plan.effective_on)?,
        links: store::links(conn, &planned)?,
        records: ending,
        earlier_records,
        later_records,
        following: store::following(conn, transition.organization_id, &planned)?,
        names: store::names(conn, transition.organization_id, &people)?,
        opted_out: store::opted_out(conn, &all)?,
    })
}
