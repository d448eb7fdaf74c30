//! What applying a plan would do: the facts, the plan worked out over them, and a token of both. It changes nothing.

pub mod store;

use std::collections::BTreeSet;

use super::plan::{Facts, Outcomes, Plan, outcomes};
use super::token::Token;
use super::{TransitionRow, planning};
use crate::db::Conn;
use crate::error::Error;

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
    let all = groups_of(plan);
    let planned: Vec<i64> = plan.moves.iter().map(|planned| planned.group_id).collect();
    let people: Vec<i64> = plan.exceptions.iter().map(|exception| exception.participant_id).collect();
    let records = store::records(conn, &planned, transition.from_year, transition.effective_on)?;
    Ok(Facts {
        groups: store::groups(conn, &all)?,
        rows: store::rows(conn, &all, plan.effective_on)?,
        links: store::links(conn, &planned)?,
        records: records.ending,
        earlier_records: records.earlier,
        later_records: records.later,
        composites: store::composites(conn, &planned)?,
        names: store::names(conn, &people)?,
    })
}
