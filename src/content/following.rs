//! What is told of changes of content while they happen, and to whom.
//!
//! Whoever follows is told of what they see at that moment, and that an item is gone only if it was shown to them until
//! then: through an audience that they were part of when they were last told something, and still are. So nobody hears
//! of an item that they could not have read before.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::{NaiveDateTime, TimeDelta};

use super::kind::ContentKind;
use super::store::{self, ContentRow, Span};
use super::visibility::{Vision, key_of};
use super::{Audience, State};
use crate::db::Conn;
use crate::db::announce::ContentChange;
use crate::db::text_enum::text_enum;
use crate::error::Error;

text_enum! {
    /// What became of an item for the one who follows.
    Told {
        /// It is shown from now on.
        Published = "PUBLISHED",
        /// It was shown before, and is.
        Updated = "UPDATED",
        /// It is not shown any more.
        Withdrawn = "WITHDRAWN",
    }
}

/// Which content is followed.
#[derive(Clone, Debug, Default)]
pub struct Followed {
    pub kinds: Option<Vec<ContentKind>>,
    /// Only what this group shows.
    pub group: Option<i64>,
}

/// Where somebody who follows stands.
#[derive(Clone, Debug)]
pub struct Position {
    /// What they saw when they were last told something.
    vision: Arc<Vision>,
    /// When the next of the scheduled items is published.
    next: Option<NaiveDateTime>,
    /// What they were told lately of each item.
    lately: HashMap<i64, Lately>,
}

/// How late news of a change may be.
const LATE: TimeDelta = TimeDelta::minutes(1);

/// When an item was last changed, and when its links to the viewer's audiences were.
type Version = (NaiveDateTime, Option<NaiveDateTime>);

/// What somebody was told of an item.
#[derive(Clone, Copy, Debug)]
struct Lately {
    at: NaiveDateTime,
    /// The version that they were shown; nothing if they were told that it is gone.
    shown: Option<Version>,
}

/// One piece of news.
#[derive(Clone, Debug)]
pub struct Telling {
    pub told: Told,
    pub content: i64,
    /// The item, if it may be read still.
    pub row: Option<ContentRow>,
}

impl Position {
    /// Where somebody stands who begins to follow.
    ///
    /// # Errors
    /// What the database answers.
    pub fn new(conn: &mut Conn, vision: Arc<Vision>, now: NaiveDateTime) -> Result<Self, Error> {
        Ok(Self { vision, next: store::next_publication(conn, now)?, lately: HashMap::new() })
    }

    /// When there may be something to tell although nothing changes.
    pub fn next(&self) -> Option<NaiveDateTime> {
        self.next
    }

    /// What is to be told of some changes, and of scheduled items whose moment has come. `vision` is what is seen now.
    ///
    /// # Errors
    /// What the database answers.
    pub fn advance(
        &mut self,
        conn: &mut Conn,
        followed: &Followed,
        vision: Arc<Vision>,
        now: NaiveDateTime,
        changes: &[ContentChange],
    ) -> Result<Vec<Telling>, Error> {
        let due = match self.next.filter(|next| *next <= now) {
            Some(next) => store::due(conn, next, now)?,
            None => Vec::new(),
        };
        let view = View::read(conn, followed, &self.vision, &vision, now, changes, &due)?;
        let changed: HashSet<i64> = changes.iter().map(|change| change.content).collect();
        let published = due.iter().filter(|id| !changed.contains(id)).map(|id| (view.tell(*id, false), now));
        let untold: HashSet<i64> = due.iter().copied().collect();
        let others = changes.iter().map(|change| {
            let was_shown = !untold.contains(&change.content) && view.was_shown(change);
            (view.tell(change.content, was_shown), change.at)
        });
        let found = published.chain(others);
        let told =
            found.filter_map(|(telling, at)| telling.and_then(|telling| self.news(&view, telling, at, now))).collect();
        (self.vision, self.next) = (vision, store::next_publication(conn, now)?);
        Ok(told)
    }

    /// What is new in this: with news of an earlier change, the item may have been shown as it is after this one, which
    /// happened `at` this moment.
    fn news(
        &mut self,
        view: &View<'_>,
        mut telling: Telling,
        at: NaiveDateTime,
        now: NaiveDateTime,
    ) -> Option<Telling> {
        let row = telling.row.as_ref().filter(|_| telling.told != Told::Withdrawn);
        let shown = row.map(|row| view.version(row));
        self.lately.retain(|_, lately| now - lately.at < LATE);
        let before = self.lately.insert(telling.content, Lately { at: now, shown });
        match (before, shown) {
            (Some(Lately { shown: None, at: told }), None) => (at > told).then_some(telling),
            (Some(Lately { shown: Some(before), .. }), Some(shown)) => {
                telling.told = Told::Updated;
                let has_it = before == shown && Some(at) <= Some(shown.0).max(shown.1);
                (!has_it).then_some(telling)
            }
            _ => Some(telling),
        }
    }
}

/// What is known of the items in question.
struct View<'f> {
    followed: &'f Followed,
    rows: Vec<ContentRow>,
    /// Links over which they are, or were, shown: to the group that is followed, or else to the viewer's audiences.
    spans: Vec<Span>,
    /// Whether the viewer belongs to the group that is followed, and did so before.
    belongs: bool,
    belonged: bool,
}

impl<'f> View<'f> {
    fn read(
        conn: &mut Conn,
        followed: &'f Followed,
        before: &Vision,
        vision: &Vision,
        now: NaiveDateTime,
        changes: &[ContentChange],
        due: &[i64],
    ) -> Result<Self, Error> {
        let mut ids: Vec<i64> = changes.iter().map(|change| change.content).chain(due.iter().copied()).collect();
        ids.sort_unstable();
        ids.dedup();
        let kinds = followed.kinds.as_deref();
        let mut rows = store::by_ids(conn, vision, now, true, &ids)?;
        rows.retain(|row| kinds.is_none_or(|kinds| kinds.contains(&row.kind)));
        let audiences = match followed.group {
            Some(group) => vec![key_of(Audience::Group, group)],
            None => vision.in_common(before),
        };
        let among = |vision: &Vision| followed.group.is_none_or(|group| vision.shown_by(&[group]).next().is_some());
        Ok(Self {
            followed,
            rows,
            spans: store::spans(conn, vision, &ids, &audiences, kinds)?,
            belongs: among(vision),
            belonged: among(vision) && among(before),
        })
    }

    fn row(&self, id: i64) -> Option<&ContentRow> {
        self.rows.iter().find(|row| row.id == id)
    }

    fn tell(&self, id: i64, was_shown: bool) -> Option<Telling> {
        let row = self.row(id);
        let told = match (was_shown, row.is_some_and(|row| self.is_shown(row))) {
            (false, false) => return None,
            (false, true) => Told::Published,
            (true, true) => Told::Updated,
            (true, false) => Told::Withdrawn,
        };
        Some(Telling { told, content: id, row: row.cloned() })
    }

    fn version(&self, row: &ContentRow) -> Version {
        let spans = self.spans.iter().filter(|span| span.content_id == row.id);
        (row.updated_at, spans.map(|span| span.unlinked_at.unwrap_or(span.linked_at)).max())
    }

    fn is_shown(&self, row: &ContentRow) -> bool {
        let open = |span: &Span| span.content_id == row.id && span.unlinked_at.is_none();
        let by_group = || (self.belongs || row.managed) && self.spans.iter().any(open);
        row.state == State::Published && (self.followed.group.is_none() || by_group())
    }

    /// Whether the item was shown until this change.
    fn was_shown(&self, change: &ContentChange) -> bool {
        let managed = self.row(change.content).is_some_and(|row| row.managed);
        let held = |span: &Span| {
            let until_then = span.unlinked_at.is_none_or(|unlinked| unlinked >= change.at);
            span.content_id == change.content && span.linked_at < change.at && until_then
        };
        let linked = || self.spans.iter().any(held);
        let shown = match self.followed.group {
            None => managed || linked(),
            Some(_) => (managed || self.belonged) && linked(),
        };
        change.was_published && shown
    }
}
