//! What can be followed.
//!
//! A subscription is executed many times: once when it begins, to find out what it follows and whether the viewer may,
//! and once for each change, with a snapshot and a sight of its own. Which of the two it is stands in [`Watch`].

use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::{Context, Enum, ErrorExtensions, ID, Result, Subscription as Root};
use chrono::NaiveDateTime;
use futures_util::stream::{self, Stream};

use super::content_changes::ContentChange;
use super::engine::{Entity, Exec, Field, Obj, inline, ty};
use super::enums::ContentKind;
use super::errors::resolver_error;
use super::inputs::set;
use super::session::Session;
use super::types::membership::Membership;
use crate::access::guardians::Family;
use crate::content::following::{Followed, Position, Telling};
use crate::db::announce::{Change, Kind};
use crate::error::Error;
use crate::groups::store as groups;
use crate::id;
use crate::members::store::{self as members, MembershipRow};

/// What a subscription follows.
#[derive(Clone, Debug)]
pub enum Topic {
    /// The memberships of a group.
    Group(i64),
    /// The memberships of these: the viewer, who comes first, and the viewer's children.
    People(Vec<i64>),
    /// Content, from where the viewer stood last; from now on when absent.
    Content(Arc<Followed>, Option<Position>),
}

impl Topic {
    /// Whether a change may concern it; decided without the database.
    pub fn concerns(&self, change: &Change) -> bool {
        match (self, change) {
            (Self::Group(followed), Change::Membership { group, .. }) => group == followed,
            (Self::People(people), Change::Membership { participant, .. }) => people.contains(participant),
            (Self::Content(..), Change::Content(_)) => true,
            _ => false,
        }
    }

    /// Whether a change means that other people are followed from now on.
    pub fn is_moved_by(&self, change: &Change) -> bool {
        let viewer = if let Self::People(people) = self { people.first() } else { None };
        matches!(change, Change::Guardianship { guardian } if Some(guardian) == viewer)
    }

    /// The same topic for one who begins to follow it.
    fn anew(&self) -> Self {
        match self {
            Self::Content(followed, _) => Self::Content(Arc::clone(followed), None),
            other => other.clone(),
        }
    }

    /// When there may be something to tell although nothing changes.
    pub fn next(&self) -> Option<NaiveDateTime> {
        if let Self::Content(_, Some(position)) = self { position.next() } else { None }
    }

    /// The topic as it is now; `None` when there is nothing of it within sight.
    ///
    /// # Errors
    /// What the database answers.
    pub fn now(&self, exec: &mut Exec<'_>) -> Result<Option<Self>, Error> {
        match self {
            Self::Group(group) => Ok(is_in_sight(exec, *group)?.then(|| self.clone())),
            Self::People(people) => {
                let Some(viewer) = people.first() else { return Ok(None) };
                let family = Family::load(exec.conn, Some(*viewer), exec.scope.today)?;
                let children = family.wards().iter().map(|ward| ward.child);
                Ok(Some(Self::People(std::iter::once(*viewer).chain(children).collect())))
            }
            Self::Content(followed, position) => {
                if let Some(group) = followed.group
                    && !is_in_sight(exec, group)?
                {
                    return Ok(None);
                }
                let (vision, now) = (exec.vision()?, exec.scope.instant());
                let position = match position {
                    Some(position) => position.clone(),
                    None => Position::new(exec.conn, vision, now)?,
                };
                Ok(Some(Self::Content(Arc::clone(followed), Some(position))))
            }
        }
    }
}

fn is_in_sight(exec: &mut Exec<'_>, group: i64) -> Result<bool, Error> {
    let sight = exec.sight()?;
    Ok(!groups::by_ids(exec.conn, &sight, false, &[group])?.is_empty())
}

/// What an execution of a subscription is for.
pub enum Watch {
    /// Finding out what is followed.
    Opening(Mutex<Option<Topic>>),
    /// Showing one change.
    Event(Mutex<Option<Event>>),
}

/// What is told of one change.
pub enum Event {
    Membership(ChangeRow),
    Content(Box<Telling>),
}

/// A change and the membership as it is now.
pub struct ChangeRow {
    kind: Kind,
    membership: MembershipRow,
}

/// Reads what the viewer may see of some changes, in their order, and where the topic stands afterwards. Nothing is told
/// of the others, not even that something happened.
///
/// # Errors
/// What the database answers.
pub fn visible(exec: &mut Exec<'_>, topic: &Topic, changes: &[Change]) -> Result<(Vec<Event>, Topic), Error> {
    match topic.now(exec)? {
        // The group is out of sight: nothing is told, and nothing waits to be.
        None => Ok((Vec::new(), topic.anew())),
        Some(Topic::Content(followed, Some(mut position))) => {
            let of_content = |change: &Change| if let Change::Content(change) = change { Some(*change) } else { None };
            let changes: Vec<_> = changes.iter().filter_map(of_content).collect();
            let (vision, now) = (exec.vision()?, exec.scope.instant());
            let told = position.advance(exec.conn, &followed, vision, now, &changes)?;
            Ok((
                told.into_iter().map(|telling| Event::Content(Box::new(telling))).collect(),
                Topic::Content(followed, Some(position)),
            ))
        }
        Some(topic) => {
            let rows = memberships(exec, &topic, changes)?;
            Ok((rows.into_iter().map(Event::Membership).collect(), topic))
        }
    }
}

fn memberships(exec: &mut Exec<'_>, topic: &Topic, changes: &[Change]) -> Result<Vec<ChangeRow>, Error> {
    let concerning = changes.iter().filter(|change| topic.concerns(change));
    let changes: Vec<(Kind, i64)> = concerning
        .filter_map(|change| match change {
            Change::Membership { kind, membership, .. } => Some((*kind, *membership)),
            _ => None,
        })
        .collect();
    let mut ids: Vec<i64> = changes.iter().map(|(_, membership)| *membership).collect();
    ids.sort_unstable();
    ids.dedup();
    let sight = exec.sight()?;
    let rows = members::by_ids(exec.conn, &sight, exec.scope.today, &ids)?;
    let row = |(kind, membership): &(Kind, i64)| {
        let row = rows.iter().find(|row| row.id == *membership)?;
        Some(ChangeRow { kind: *kind, membership: row.clone() })
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
        follow::<MembershipChange>(ctx, id::decode_as(id::Kind::Group, &group_id).map(Topic::Group), of_membership)
    }

    /// The changes of your own direct memberships, and of those of the children whose guardian you are; `NOT_FOUND`
    /// when your token names no participant.
    async fn viewer_membership_changed(&self, ctx: &Context<'_>) -> Result<impl Stream<Item = Obj<MembershipChange>>> {
        let viewer = ctx.data_unchecked::<Arc<Session>>().scope().viewer.participant;
        follow::<MembershipChange>(ctx, viewer.map(|viewer| Topic::People(vec![viewer])), of_membership)
    }

    /// The changes of published content that you may see: that an item is shown to you from now on, that it was changed, or
    /// that it is shown to you no more. Of drafts nothing is told, and of what is scheduled not before its moment. That an
    /// item is gone is told only if it was shown to you until then; whoever ceases to belong to its audience, or begins
    /// to, is not told anything: what changed then are memberships. `NOT_FOUND` when there is no such group or you may not see it.
    async fn content_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only items of these kinds; all when absent.")] kinds: Option<Vec<ContentKind>>,
        #[graphql(desc = "Only what this group shows, as in its `content`; all when absent.")] group_id: Option<ID>,
    ) -> Result<impl Stream<Item = Obj<ContentChange>>> {
        let kinds = kinds.map(set);
        let group = group_id.map(|id| id::decode_as(id::Kind::Group, &id));
        let topic = match group {
            Some(None) => None,
            group => Some(Topic::Content(Arc::new(Followed { kinds, group: group.flatten() }), None)),
        };
        follow::<ContentChange>(
            ctx,
            topic,
            |event| if let Event::Content(telling) = event { Some(*telling) } else { None },
        )
    }
}

fn of_membership(event: Event) -> Option<ChangeRow> {
    if let Event::Membership(row) = event { Some(row) } else { None }
}

fn follow<E: Entity>(
    ctx: &Context<'_>,
    topic: Option<Topic>,
    row: fn(Event) -> Option<E::Row>,
) -> Result<impl Stream<Item = Obj<E>>> {
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
    Ok(stream::iter(event.and_then(row).map(Obj::row)))
}
