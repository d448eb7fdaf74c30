//! What can be followed.
//!
//! A subscription is executed many times: once when it begins, to find out what it follows and whether the viewer may,
//! and once for each change, with a snapshot and a sight of its own. Which of the two it is stands in [`Watch`].

use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::{Context, Enum, ErrorExtensions, ID, Result, Subscription as Root};
use futures_util::stream::{self, Stream};

use super::engine::{Entity, Exec, Field, Obj, inline, ty};
use super::errors::resolver_error;
use super::session::Session;
use super::types::membership::Membership;
use crate::access::sight::Sight;
use crate::db::announce::{Change, Kind};
use crate::error::Error;
use crate::groups::store as groups;
use crate::id;
use crate::members::store::{self as members, MembershipRow};
use crate::people::store::{self as people, Side};

/// What a subscription follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Topic {
    /// The memberships of a group.
    Group(i64),
    /// The memberships of these: the viewer, who comes first, and the viewer's children.
    People(Vec<i64>),
}

impl Topic {
    /// Whether a change may concern it; decided without the database.
    pub fn concerns(&self, change: &Change) -> bool {
        match self {
            _ if change.kind == Kind::Guardianship => false,
            Self::Group(group) => change.group == *group,
            Self::People(people) => people.contains(&change.participant),
        }
    }

    /// Whether a change means that other people are followed from now on.
    pub fn is_moved_by(&self, change: &Change) -> bool {
        let viewer = if let Self::People(people) = self { people.first() } else { None };
        change.kind == Kind::Guardianship && viewer == Some(&change.participant)
    }

    /// The topic as it is now; `None` when there is nothing of it within sight.
    ///
    /// # Errors
    /// What the database answers.
    pub fn now(&self, exec: &mut Exec<'_>) -> Result<Option<Self>, Error> {
        match self {
            Self::Group(group) => {
                let sight = exec.sight()?;
                let found = groups::by_ids(exec.conn, &sight, false, &[*group])?;
                Ok((!found.is_empty()).then(|| self.clone()))
            }
            Self::People(people) => {
                let Some(viewer) = people.first() else { return Ok(None) };
                let wards = people::guardianships(exec.conn, &Sight::unlimited(), Side::Anchor, &[*viewer])?;
                let children = wards.into_iter().map(|(_, child)| child);
                Ok(Some(Self::People(std::iter::once(*viewer).chain(children).collect())))
            }
        }
    }
}

/// What an execution of a subscription is for.
pub enum Watch {
    /// Finding out what is followed.
    Opening(Mutex<Option<Topic>>),
    /// Showing one change.
    Event(Mutex<Option<ChangeRow>>),
}

/// A change and the membership as it is now.
pub struct ChangeRow {
    kind: Kind,
    membership: MembershipRow,
}

/// Reads those of the changed memberships that the viewer may see, in the order of the changes. Nothing is told of the
/// others, not even that something happened.
///
/// # Errors
/// What the database answers.
pub fn visible(exec: &mut Exec<'_>, topic: &Topic, changes: &[Change]) -> Result<Vec<ChangeRow>, Error> {
    let Some(topic) = topic.now(exec)? else { return Ok(Vec::new()) };
    let changes: Vec<&Change> = changes.iter().filter(|change| topic.concerns(change)).collect();
    let mut ids: Vec<i64> = changes.iter().map(|change| change.membership).collect();
    ids.sort_unstable();
    ids.dedup();
    let sight = exec.sight()?;
    let rows = members::by_ids(exec.conn, &sight, exec.scope.today, &ids)?;
    let row = |change: &&Change| {
        let row = rows.iter().find(|row| row.id == change.membership)?;
        Some(ChangeRow { kind: change.kind, membership: row.clone() })
    };
    Ok(changes.iter().filter_map(row).collect())
}

/// What happened to a membership.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum MembershipChangeKind {
    /// It was added.
    Created,
    /// Some of its fields were corrected.
    Updated,
    /// It was given an end.
    Ended,
    /// It was declared a mistake, and counts nowhere any more.
    Annulled,
}

/// A change of a membership.
pub struct MembershipChange;

impl Entity for MembershipChange {
    const NAME: &'static str = "MembershipChange";
    const DOC: &'static str = "A change of a membership, told after it was stored.";
    type Row = ChangeRow;

    fn fields() -> &'static [Field<Self>] {
        const FIELDS: &[Field<MembershipChange>] = &[
            Field::<MembershipChange>::value(
                "change",
                ty::<MembershipChangeKind>,
                "What happened to the membership.",
                |row, out| out.str(row.kind.as_str()),
            ),
            Field::<MembershipChange>::link(
                "membership",
                ty::<Obj<Membership>>,
                "The membership as it is when you are told, which may be after a later change.",
                |pick| inline::<ChangeRow, Membership>(pick, |row| &row.membership),
            ),
        ];
        FIELDS
    }
}

/// The root of subscriptions.
pub struct Subscription;

/// Everything that can be followed over a WebSocket. You are told of every change that you may see; when changes may
/// have been missed, the subscription ends with the error `INTERRUPTED`: subscribe again, and then read anew.
#[Root]
#[allow(
    clippy::unused_async,
    reason = "resolvers are asynchronous by contract; these talk to the database on their own thread"
)]
impl Subscription {
    /// The changes of the direct memberships of a group, as far as you may see them; `NOT_FOUND` when there is no such
    /// group or you may not see it.
    async fn membership_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The group's global identifier.")] group_id: ID,
    ) -> Result<impl Stream<Item = Obj<MembershipChange>>> {
        follow(ctx, id::decode_as(id::Kind::Group, &group_id).map(Topic::Group))
    }

    /// The changes of your own direct memberships, and of those of the children whose guardian you are; `NOT_FOUND`
    /// when your token names no participant.
    async fn viewer_membership_changed(&self, ctx: &Context<'_>) -> Result<impl Stream<Item = Obj<MembershipChange>>> {
        let viewer = ctx.data_unchecked::<Arc<Session>>().scope().viewer.participant;
        follow(ctx, viewer.map(|viewer| Topic::People(vec![viewer])))
    }
}

fn follow(ctx: &Context<'_>, topic: Option<Topic>) -> Result<impl Stream<Item = Obj<MembershipChange>>> {
    let event = match ctx.data_unchecked::<Arc<Watch>>().as_ref() {
        Watch::Event(event) => event.lock().unwrap_or_else(PoisonError::into_inner).take(),
        Watch::Opening(found) => {
            let session = ctx.data_unchecked::<Arc<Session>>();
            let now = topic.map(|topic| session.read(|exec| topic.now(exec))).transpose();
            let now = now.map_err(|error| resolver_error(&error))?.flatten();
            let missing = || {
                let error = async_graphql::Error::new("There is nothing to follow under this name.");
                error.extend_with(|_, extensions| extensions.set("code", "NOT_FOUND"))
            };
            *found.lock().unwrap_or_else(PoisonError::into_inner) = Some(now.ok_or_else(missing)?);
            None
        }
    };
    Ok(stream::iter(event.map(Obj::row)))
}
