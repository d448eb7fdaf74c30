//! Group-bound content that does not move along with members who move from one group to another (Y8).

use std::collections::HashSet;

use crate::content::Audience;
use crate::content::commands::written;
use crate::content::kind::ContentKind;
use crate::content::store::{NewLink, announce_shown, audiences, left_behind, link as link_content};
use crate::content::visibility::key_of;
use crate::db::Conn;
use crate::error::Error;
use crate::history::{self, Action, Entity, Entry, record_each};
use crate::scope::Scope;

/// An item that one group shows and the other does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Behind {
    pub from_group: i64,
    pub to_group: i64,
    pub content_id: i64,
    pub kind: ContentKind,
    pub title: String,
}

/// What stays behind when members go from the first group of each pair to the second: the items that are linked to the
/// one and not to the other.
///
/// # Errors
/// What the database answers.
pub fn behind(conn: &mut Conn, pairs: &[(i64, i64)]) -> Result<Vec<Behind>, Error> {
    let found = left_behind(conn, pairs)?.into_iter();
    Ok(found
        .map(|(from_group, to_group, content_id, kind, title)| Behind { from_group, to_group, content_id, kind, title })
        .collect())
}

/// Shows these items to the group to which the members go, too, with their history, and answers with how many links were
/// made.
///
/// # Errors
/// What the database answers.
pub fn link(conn: &mut Conn, scope: &Scope, items: &[Behind]) -> Result<usize, Error> {
    let mut links: Vec<(i64, i64)> = items.iter().map(|item| (item.content_id, item.to_group)).collect();
    links.sort_unstable();
    links.dedup();
    let mut changed: Vec<i64> = links.iter().map(|(content, _)| *content).collect();
    changed.dedup();
    let audiences = audiences(conn, &changed)?;
    let new: Vec<NewLink> =
        links.iter().map(|(content, group)| NewLink::new(*content, Audience::Group, *group)).collect();
    let made = link_content(conn, scope, &new)?;
    let mut entries = Vec::with_capacity(changed.len());
    for linked in links.chunk_by(|one, other| one.0 == other.0) {
        let Some((content, _)) = linked.first() else { continue };
        let before: HashSet<i64> = audiences.get(content).into_iter().flatten().copied().collect();
        let mut after = before.clone();
        after.extend(linked.iter().map(|(_, group)| key_of(Audience::Group, *group)));
        let fields = |keys: &HashSet<i64>| [("availability", Some(written(keys)))];
        let changes = history::diff(&fields(&before), &fields(&after));
        entries.push(Entry::new(Action::Updated, Entity::Content, *content, &changes)?);
    }
    record_each(conn, scope, &entries)?;
    announce_shown(conn, scope, &changed)?;
    Ok(made)
}
