//! Content that a transition took away from a group, and that is shown again (Y6).

pub mod store;

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use self::store::{LinkWanted, MappingWanted};
use super::{Status, planning};
use crate::check::Checks;
use crate::content::kind::ContentKind;
use crate::content::store::{announce_shown, hold};
use crate::db::Conn;
use crate::error::{Code, Error, Rejection};
use crate::scope::Scope;

/// The most links or lines that are asked for at once.
pub const MAX_WANTED: usize = 10_000;

/// All that a group showed, or some kinds of it, to be shown to another.
#[derive(Clone, Debug)]
pub struct Mapping {
    pub from_group_id: i64,
    pub to_group_id: i64,
    /// All kinds when absent.
    pub kinds: Option<Vec<ContentKind>>,
}

/// What is to be shown again.
#[derive(Clone, Debug)]
pub struct Request {
    pub transition_id: i64,
    /// Items and the groups to which each is to be shown.
    pub links: Vec<(i64, i64)>,
    pub mapping: Vec<Mapping>,
}

/// What was linked again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relinked {
    /// The transition.
    pub id: i64,
    /// How many links were made.
    pub relinked: i64,
}

/// Links content again, and answers with how many links were made. What is linked already, and what was withdrawn since,
/// is passed over.
///
/// # Errors
/// `TransitionNotApplied`, and a rejection for each group and item that cannot be used.
pub fn relink(conn: &mut Conn, scope: &Scope, request: &Request) -> Result<Relinked, Error> {
    let transition = planning::reachable(conn, scope, request.transition_id)?;
    let all = planning::store::lock_all(conn, transition.organization_id)?;
    if !all.iter().any(|row| row.id == transition.id && row.status == Status::Applied) {
        let message = "Only what an applied transition took away can be linked again.";
        return Err(Rejection::new(Code::TransitionNotApplied, message).at("input.yearTransitionId").into());
    }
    let mut checks = Checks::default();
    if request.links.is_empty() && request.mapping.is_empty() {
        checks.refuse(Code::Required, "input.links", "Give `links` or `mapping`.");
    }
    if request.links.len() > MAX_WANTED || request.mapping.len() > MAX_WANTED {
        checks.refuse(Code::TooMany, "input.links", format!("At most {MAX_WANTED} can be given at once."));
        return Err(checks.into_error());
    }
    check_groups(conn, transition.organization_id, request, &mut checks)?;
    let own = (!scope.viewer.administrator).then_some(transition.organization_id);
    check_items(conn, transition.id, own, request, &mut checks)?;
    checks.done()?;
    let named = request.links.iter().map(|(content, _)| *content);
    let groups: Vec<i64> = request.mapping.iter().map(|line| line.from_group_id).collect();
    let items: Vec<i64> = named.chain(store::items_of(conn, transition.id, &groups)?).collect();
    hold(conn, &items)?;
    let mut linked = store::relink(conn, scope, transition.id, &wanted_links(request))?;
    linked.extend(store::relink_groups(conn, scope, transition.id, own, &wanted_mapping(request))?);
    let made = super::number(linked.len());
    linked.sort_unstable();
    linked.dedup();
    announce_shown(conn, scope, &linked)?;
    Ok(Relinked { id: transition.id, relinked: made })
}

fn wanted_links(request: &Request) -> Vec<LinkWanted> {
    let unique: HashSet<(i64, i64)> = request.links.iter().copied().collect();
    let mut links: Vec<LinkWanted> =
        unique.into_iter().map(|(content_id, group_id)| LinkWanted { content_id, group_id }).collect();
    links.sort_unstable_by_key(|link| (link.content_id, link.group_id));
    links
}

fn wanted_mapping(request: &Request) -> Vec<MappingWanted> {
    let line =
        |line: &Mapping, kind: Option<ContentKind>| MappingWanted::new(line.from_group_id, line.to_group_id, kind);
    let lines = request.mapping.iter().flat_map(|mapping| match &mapping.kinds {
        None => vec![line(mapping, None)],
        Some(kinds) => kinds.iter().map(|kind| line(mapping, Some(*kind))).collect(),
    });
    lines.collect()
}

/// Content goes to groups of the same organization, from groups of the plan.
fn check_groups(conn: &mut Conn, organization: i64, request: &Request, checks: &mut Checks) -> Result<(), Error> {
    let links = request.links.iter().enumerate().map(|(n, (_, group))| (*group, format!("input.links.{n}.groupId")));
    let mapping = request.mapping.iter().enumerate().flat_map(|(n, line)| {
        [
            (line.from_group_id, format!("input.mapping.{n}.fromGroupId")),
            (line.to_group_id, format!("input.mapping.{n}.toGroupId")),
        ]
    });
    let named: Vec<(i64, String)> = links.chain(mapping).collect();
    let ids: Vec<i64> = named.iter().map(|(group, _)| *group).collect();
    let known = planning::store::known(conn, &ids)?;
    for (group, field) in named {
        if known.get(&group).is_none_or(|known| known.organization_id != Some(organization)) {
            checks.refuse(Code::NotFound, &field, "There is no such group of this organization.");
        }
    }
    Ok(())
}

fn check_items(
    conn: &mut Conn,
    transition: i64,
    own: Option<i64>,
    request: &Request,
    checks: &mut Checks,
) -> Result<(), Error> {
    let ids: Vec<i64> = request.links.iter().map(|(content, _)| *content).collect();
    let taken = store::taken_away(conn, transition, own, &ids)?;
    for (n, (content, _)) in request.links.iter().enumerate() {
        if !taken.contains(content) {
            let message = "This transition took no such content away.";
            checks.refuse(Code::NotFound, &format!("input.links.{n}.contentId"), message);
        }
    }
    Ok(())
}
