//! Discussions: topics, replies, and who keeps order among them.

pub mod store;

use serde::{Deserialize, Serialize};

use super::kind::{ContentKind, Of};
use super::kinds::discussion::Discussion;
use super::store::ContentRow;
use super::taking_part::store::is_addressed;
use super::taking_part::{self, check_kind};
use super::visibility::Vision;
use crate::check::{Checks, NAME, TEXT};
use crate::db::Conn;
use crate::error::{Code, Error, Rejection};
use crate::groups::store::CompositionCache;
use crate::scope::Scope;
use store::StoredPost;

/// A post that was made or changed, and where it belongs.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Posted {
    pub id: i64,
    pub topic_id: i64,
    pub content_id: i64,
}

/// What the viewer may do in a discussion that is locked.
struct Place {
    row: ContentRow,
    moderator: bool,
}

impl Place {
    fn enter(conn: &mut Conn, scope: &Scope, vision: &Vision, content: i64) -> Result<Option<Self>, Error> {
        let Some(row) = taking_part::lock(conn, scope, vision, content)? else { return Ok(None) };
        check_kind(&row, ContentKind::Discussion, "This is no discussion.")?;
        let moderator = row.managed || store::leads_a_group_of(conn, vision, content)?;
        Ok(Some(Self { row, moderator }))
    }

    /// Refuses whoever only looks on, and everybody once it is closed.
    fn check_open(&self, conn: &mut Conn, vision: &Vision, checks: &mut Checks) -> Result<(), Error> {
        if Discussion::of(self.row.details.as_ref()).is_some_and(|discussion| discussion.closed) {
            checks.refuse(Code::NoLongerOpen, "input", "This discussion is closed.");
        }
        if !self.row.managed && !is_addressed(conn, vision, self.row.id)? {
            checks.refuse(Code::NotInvited, "input", "This discussion is not meant for you.");
        }
        Ok(())
    }
}

fn missing(what: &str, field: &str) -> Error {
    Rejection::new(Code::NotFound, format!("There is no such {what}.")).at(field).into()
}

/// Begins a topic.
///
/// # Errors
/// A rejection for each rule that stands in the way.
pub fn create_topic(
    conn: &mut Conn,
    scope: &Scope,
    cache: &CompositionCache,
    content: i64,
    title: &str,
    body: &str,
) -> Result<Posted, Error> {
    let vision = Vision::of_viewer(conn, scope, cache)?;
    let place = Place::enter(conn, scope, &vision, content)?.ok_or_else(|| missing("content", "input.contentId"))?;
    let mut checks = Checks::default();
    checks.required("input.title", Some(title), NAME);
    checks.required_prose("input.body", Some(body), TEXT);
    place.check_open(conn, &vision, &mut checks)?;
    checks.done()?;
    let id = store::insert(conn, scope, content, None, Some(title), body)?;
    Ok(Posted { id, topic_id: id, content_id: content })
}

/// Replies to a topic.
///
/// # Errors
/// A rejection for each rule that stands in the way.
pub fn create_reply(
    conn: &mut Conn,
    scope: &Scope,
    cache: &CompositionCache,
    topic: i64,
    body: &str,
) -> Result<Posted, Error> {
    let vision = Vision::of_viewer(conn, scope, cache)?;
    let (place, post) = found(conn, scope, &vision, topic, "topic", "input.topicId")?;
    if post.topic_id.is_some() {
        return Err(missing("topic", "input.topicId"));
    }
    let mut checks = Checks::default();
    checks.required_prose("input.body", Some(body), TEXT);
    place.check_open(conn, &vision, &mut checks)?;
    if post.closed || post.removed {
        checks.refuse(Code::NoLongerOpen, "input.topicId", "This topic is closed.");
    }
    checks.done()?;
    let id = store::insert(conn, scope, post.content_id, Some(topic), None, body)?;
    store::touch(conn, scope, topic)?;
    Ok(Posted { id, topic_id: topic, content_id: post.content_id })
}

/// A post within sight; its discussion is locked.
fn found(
    conn: &mut Conn,
    scope: &Scope,
    vision: &Vision,
    id: i64,
    what: &str,
    field: &str,
) -> Result<(Place, StoredPost), Error> {
    let content = store::post(conn, id)?.ok_or_else(|| missing(what, field))?.content_id;
    let place = Place::enter(conn, scope, vision, content)?.ok_or_else(|| missing(what, field))?;
    // Only what is read after the discussion is locked stays as it is.
    let post = store::post(conn, id)?.ok_or_else(|| missing(what, field))?;
    Ok((place, post))
}

/// Changes what one wrote oneself.
///
/// # Errors
/// A rejection for each rule that stands in the way.
pub fn update_post(
    conn: &mut Conn,
    scope: &Scope,
    cache: &CompositionCache,
    id: i64,
    title: Option<&str>,
    body: &str,
) -> Result<Posted, Error> {
    let vision = Vision::of_viewer(conn, scope, cache)?;
    let (place, post) = found(conn, scope, &vision, id, "post", "input.postId")?;
    let mut checks = Checks::default();
    if post.author_key != scope.viewer.actor_key() {
        checks.refuse(Code::Forbidden, "input.postId", "Only who wrote something can change it.");
    } else if post.removed {
        checks.refuse(Code::NoLongerOpen, "input.postId", "This was removed.");
    }
    checks.required_prose("input.body", Some(body), TEXT);
    match title {
        Some(_) if post.topic_id.is_some() => {
            checks.refuse(Code::InvalidValue, "input.title", "A reply has no title.");
        }
        title => checks.line("input.title", title, NAME),
    }
    place.check_open(conn, &vision, &mut checks)?;
    checks.done()?;
    store::update(conn, scope, id, title, body)?;
    Ok(Posted { id, topic_id: post.topic_id.unwrap_or(id), content_id: post.content_id })
}

/// Takes the text of a post away; its place stays. Who wrote it may, and who keeps order.
///
/// # Errors
/// `NotFound` or `Forbidden`.
pub fn remove_post(conn: &mut Conn, scope: &Scope, cache: &CompositionCache, id: i64) -> Result<Posted, Error> {
    let vision = Vision::of_viewer(conn, scope, cache)?;
    let (place, post) = found(conn, scope, &vision, id, "post", "input.postId")?;
    if !place.moderator && post.author_key != scope.viewer.actor_key() {
        let message = "Only who wrote something, and who leads the group, can remove it.";
        return Err(Rejection::new(Code::Forbidden, message).at("input.postId").into());
    }
    if !post.removed {
        store::remove(conn, scope, id)?;
    }
    Ok(Posted { id, topic_id: post.topic_id.unwrap_or(id), content_id: post.content_id })
}

/// Closes a topic to replies, or opens it again.
///
/// # Errors
/// `NotFound` or `Forbidden`.
pub fn set_closed(
    conn: &mut Conn,
    scope: &Scope,
    cache: &CompositionCache,
    topic: i64,
    closed: bool,
) -> Result<Posted, Error> {
    let vision = Vision::of_viewer(conn, scope, cache)?;
    let (place, post) = found(conn, scope, &vision, topic, "topic", "input.topicId")?;
    if post.topic_id.is_some() {
        return Err(missing("topic", "input.topicId"));
    }
    if !place.moderator {
        let message = "Only who leads the group, and who made the discussion, can do this.";
        return Err(Rejection::new(Code::Forbidden, message).at("input.topicId").into());
    }
    store::set_closed(conn, scope, topic, closed)?;
    Ok(Posted { id: topic, topic_id: topic, content_id: post.content_id })
}
