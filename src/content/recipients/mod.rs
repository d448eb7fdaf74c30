//! To whom an item goes: everybody whom it is shown to, each once, however many ways lead there.
//!
//! It says for all people what `visibility` says for one viewer. Whom an item for everybody is shown to cannot be listed, nor
//! can staff, who are known by their tokens only.

pub mod store;

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::NaiveDate;

use super::visibility::audience_of;
use super::{Audience, store as contents};
use crate::access::guardians;
use crate::db::Conn;
use crate::error::Error;
use crate::groups::composition::Compositions;
use crate::members::effective;
use store::Recipient;

/// Everybody to whom each of the items goes, by name, in a fixed number of statements.
///
/// # Errors
/// What the database answers.
pub fn of_items(
    conn: &mut Conn,
    compositions: &Compositions,
    today: NaiveDate,
    items: &[i64],
) -> Result<HashMap<i64, Vec<Recipient>>, Error> {
    let audiences = contents::audiences(conn, items)?;
    let targets = |wanted: Audience| {
        let all = audiences.values().flatten().map(|key| audience_of(*key));
        all.filter(move |(audience, _)| *audience == wanted).map(|(_, target)| target).collect::<BTreeSet<i64>>()
    };
    let organizations: Vec<i64> = targets(Audience::Organization).into_iter().collect();
    let kept = store::kept_by(conn, &organizations)?;
    let owners = store::organizations_of(conn, items)?;
    let made_members = store::members_of(conn, &organizations, today)?;
    let groups: Vec<i64> = targets(Audience::Group).into_iter().collect();
    let mut members = effective::of_groups(conn, compositions, &groups, today)?;
    for (group, leader) in store::leaders(conn, &groups, today)? {
        members.entry(group).or_default().insert(leader);
    }
    let mut invited: HashMap<i64, HashSet<i64>> = HashMap::new();
    for (item, keys) in audiences {
        let people = invited.entry(item).or_default();
        for key in keys {
            match audience_of(key) {
                (Audience::Group, group) => people.extend(members.get(&group).into_iter().flatten()),
                (Audience::Participant, participant) => drop(people.insert(participant)),
                (Audience::Organization, organization) => {
                    let of = |(owner, id): &(i64, i64)| (*owner == organization).then_some(*id);
                    people.extend(kept.iter().chain(&made_members).filter_map(of));
                }
                (Audience::Everyone | Audience::Staff, _) => {}
            }
        }
    }
    with_guardians(conn, today, &owners, invited)
}

/// Adds the guardians of everybody, as far as they are so for the organization that shows the item, and finds out who they
/// all are.
fn with_guardians(
    conn: &mut Conn,
    today: NaiveDate,
    owners: &HashMap<i64, Option<i64>>,
    mut invited: HashMap<i64, HashSet<i64>>,
) -> Result<HashMap<i64, Vec<Recipient>>, Error> {
    let all = |invited: &HashMap<i64, HashSet<i64>>| {
        let all: BTreeSet<i64> = invited.values().flatten().copied().collect();
        all.into_iter().collect::<Vec<i64>>()
    };
    let guardians = guardians::of_children(conn, &all(&invited), today)?;
    let of = |child: i64| guardians.range((child, i64::MIN)..=(child, i64::MAX));
    for (item, people) in &mut invited {
        let owner = owners.get(item).copied().flatten();
        let counting = people.iter().flat_map(|child| of(*child)).filter(|(_, terms)| terms.counts_for(owner));
        let more: Vec<i64> = counting.map(|((_, guardian), _)| *guardian).collect();
        people.extend(more);
    }
    let known: HashMap<i64, Recipient> =
        store::people(conn, &all(&invited))?.into_iter().map(|person| (person.id, person)).collect();
    let listed = invited.into_iter().map(|(item, people)| {
        let mut people: Vec<Recipient> = people.iter().filter_map(|id| known.get(id).cloned()).collect();
        people.sort_by(|a, b| (&a.sort_key, a.id).cmp(&(&b.sort_key, b.id)));
        (item, people)
    });
    Ok(listed.collect())
}
