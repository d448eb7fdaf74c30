//! The content that stays behind when people move to another group (Y8).

use std::collections::HashSet;

use super::store;
use crate::content::Audience;
use crate::content::commands::written;
use crate::content::kind::ContentKind;
use crate::content::store::{self as content, NewLink};
use crate::content::visibility::key_of;
use crate::db::Conn;
use crate::db::announce::{self, ContentChange};
use crate::error::Error;
use crate::history::{Action, Entity, Entry, diff, record_each};
use crate::scope::Scope;

/// An item that is linked to the group that people left, and not to the one that they came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Behind {
    pub from_group: i64,
    pub to_group: i64,
    pub content_id: i64,
    pub kind: ContentKind,
    pub title: String,
}

/// What stays behind, for each pair of a group that people left and one that they came to.
///
/// # Errors
/// What the database answers.
pub fn behind(conn: &mut Conn, pairs: &[(i64, i64)]) -> Result<Vec<Behind>, Error> {
    store::behind(conn, pairs)
}

/// Links items to the groups that people came to, besides the ones that they left. Answers with how many links were
/// made.
///
/// # Errors
/// What the database answers.
pub fn link(conn: &mut Conn, scope: &Scope, items: &[Behind]) -> Result<usize, Error> {
    let mut targets: Vec<(i64, i64)> = items.iter().map(|item| (item.content_id, item.to_group)).collect();
    targets.sort_unstable();
    targets.dedup();
    let links: Vec<NewLink> =
        targets.iter().map(|(content, group)| NewLink::new(*content, Audience::Group, *group)).collect();
    let contents: Vec<i64> =
        targets.chunk_by(|one, other| one.0 == other.0).filter_map(|same| Some(same.first()?.0)).collect();
    let audiences = content::audiences(conn, &contents)?;
    let made = content::link(conn, scope, &links)?;
    let mut entries = Vec::new();
    let mut changes = Vec::new();
    for linked in targets.chunk_by(|one, other| one.0 == other.0) {
        let Some((content, _)) = linked.first() else { continue };
        let before: HashSet<i64> = audiences.get(content).into_iter().flatten().copied().collect();
        let mut after = before.clone();
        after.extend(linked.iter().map(|(_, group)| key_of(Audience::Group, *group)));
        let fields = |keys: &HashSet<i64>| [("availability", Some(written(keys)))];
        let entry = Entry::new(Action::Updated, Entity::Content, *content, &diff(&fields(&before), &fields(&after)))?;
        entries.push(entry);
        changes.push(ContentChange { content: *content, at: scope.instant(), was_published: true });
    }
    record_each(conn, scope, &entries)?;
    announce::content(conn, &changes)?;
    Ok(made)
}
