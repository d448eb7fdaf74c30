//! Members of a restricted group who may no longer join it (S2). Their memberships last until somebody ends them, so
//! administrators are told who they are.

pub mod store;

use std::collections::HashMap;

use chrono::NaiveDate;

use crate::db::Conn;
use crate::error::Error;
use crate::groups::composition::Compositions;
use crate::members::effective;
use store::Held;

/// The memberships in force of these groups, by subscription or by hand, of whoever does not belong to the group to which
/// joining is restricted; by the members' names. Each group is given with the one to which it is restricted. The number of
/// statements does not depend on how many groups there are.
///
/// # Errors
/// What the database answers.
pub fn of_groups(
    conn: &mut Conn,
    compositions: &Compositions,
    groups: &[(i64, i64)],
    today: NaiveDate,
) -> Result<HashMap<i64, Vec<Held>>, Error> {
    if groups.is_empty() {
        return Ok(HashMap::new());
    }
    let restricting: HashMap<i64, i64> = groups.iter().copied().collect();
    let mut those: Vec<i64> = restricting.values().copied().collect();
    those.sort_unstable();
    those.dedup();
    let eligible = effective::of_groups(conn, compositions, &those, today)?;
    let restricted: Vec<i64> = groups.iter().map(|(group, _)| *group).collect();
    let mut found: HashMap<i64, Vec<Held>> = HashMap::new();
    for held in store::held(conn, &restricted, today)? {
        let by = restricting.get(&held.group).and_then(|group| eligible.get(group));
        if by.is_none_or(|people| !people.contains(&held.participant)) {
            found.entry(held.group).or_default().push(held);
        }
    }
    Ok(found)
}
