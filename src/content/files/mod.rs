//! Files of content: photos and documents.
//!
//! `objects` is where their bytes are kept, `photo` makes photos fit to be shown, `name` and `media` say what is accepted;
//! `store` has the rows. Who sees a file is whoever sees its item, which `visibility` decides.

pub mod burden;
pub mod media;
pub mod name;
pub mod objects;
pub mod photo;
pub mod store;

use serde::{Deserialize, Serialize};

use super::commands::managed;
use super::kind::Files;
use super::visibility::Vision;
use crate::check::{Checks, NAME};
use crate::db::Conn;
use crate::error::{Code, Error, Rejection};
use crate::groups::store::CompositionCache;
use crate::history::{self, Action, Entity};
use crate::scope::Scope;
use store::FileRow;

/// The most files of one item.
pub const MAX_FILES: i64 = 1_000;

/// A file whose objects are stored already.
#[derive(Clone, Debug)]
pub struct NewFile {
    pub content_id: i64,
    pub name: String,
    pub caption: Option<String>,
    pub media_type: String,
    pub size: i64,
    pub sha256: String,
    /// Width and height of a photo, in pixels.
    pub extent: Option<(i64, i64)>,
    pub object_key: String,
    pub preview_key: Option<String>,
}

/// Whether the viewer may put a file with an item now, and which files that item takes.
///
/// # Errors
/// `NotFound`, `Forbidden`, `WrongKind` for an item that holds no files, `TooMany`.
pub fn accepts(conn: &mut Conn, scope: &Scope, cache: &CompositionCache, content: i64) -> Result<Files, Error> {
    let vision = Vision::of_viewer(conn, scope, cache)?;
    let row = managed(conn, scope, &vision, content)?;
    let files = row.kind.files();
    if files == Files::None {
        let message = format!("Content of kind {} holds no files.", row.kind.as_str());
        return Err(Rejection::new(Code::WrongKind, message).into());
    }
    if store::count(conn, content)? >= MAX_FILES {
        return Err(Rejection::new(Code::TooMany, format!("An item holds at most {MAX_FILES} files.")).into());
    }
    Ok(files)
}

/// Puts a file with its item, last of all, and answers with its key. `noted` are the objects that were to be removed if the
/// file never came so far.
///
/// # Errors
/// As [`accepts`], since much may have happened while the file was on its way.
pub fn add(
    conn: &mut Conn,
    scope: &Scope,
    cache: &CompositionCache,
    file: &NewFile,
    noted: &[String],
) -> Result<i64, Error> {
    accepts(conn, scope, cache, file.content_id)?;
    let mut checks = Checks::default();
    checks.prose("caption", file.caption.as_deref(), 1_000);
    checks.done()?;
    let id = store::insert(conn, scope, file)?;
    store::spare(conn, noted)?;
    note(conn, scope, file.content_id, None, Some(&file.name))?;
    Ok(id)
}

fn note(conn: &mut Conn, scope: &Scope, content: i64, before: Option<&str>, after: Option<&str>) -> Result<(), Error> {
    let fields = |name: Option<&str>| [("file", name.map(ToOwned::to_owned))];
    let changes = history::diff(&fields(before), &fields(after));
    history::record(conn, scope, Action::Updated, Entity::Content, &[content], &changes)
}

/// What is to become of a file; what is absent stays.
#[derive(Clone, Debug, Default)]
pub struct Change {
    pub name: Option<String>,
    /// `Some(None)` takes the caption away.
    pub caption: Option<Option<String>>,
    /// Its place among the files of the item, from 1 on.
    pub position: Option<i32>,
}

/// A file that was changed, or is gone.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Changed {
    pub id: i64,
    pub gone: bool,
}

/// Changes what is said of a file, or its place.
///
/// # Errors
/// `NotFound`, `Forbidden`, `InvalidValue`.
pub fn update(
    conn: &mut Conn,
    scope: &Scope,
    cache: &CompositionCache,
    id: i64,
    change: &Change,
) -> Result<Changed, Error> {
    let row = held(conn, scope, cache, id)?;
    let mut checks = Checks::default();
    let name = change.name.as_deref().map(name::safe);
    checks.line("input.name", change.name.as_deref(), NAME);
    checks.prose("input.caption", change.caption.as_ref().and_then(Option::as_deref), 1_000);
    if change.position.is_some_and(|position| position < 1) {
        checks.refuse(Code::InvalidValue, "input.position", "The first place is 1.");
    }
    checks.done()?;
    let name = name.unwrap_or_else(|| row.name.clone());
    let caption = change.caption.clone().unwrap_or_else(|| row.caption.clone());
    store::update(conn, id, &name, caption)?;
    if let Some(position) = change.position {
        let mut order = store::order(conn, row.content_id)?;
        order.retain(|file| *file != id);
        let place = usize::try_from(position - 1).unwrap_or(usize::MAX).min(order.len());
        order.insert(place, id);
        store::arrange(conn, &order)?;
    }
    if name != row.name {
        note(conn, scope, row.content_id, Some(&row.name), Some(&name))?;
    }
    Ok(Changed { id, gone: false })
}

/// Takes a file away; its objects are removed after the commit.
///
/// # Errors
/// `NotFound`, `Forbidden`.
pub fn delete(conn: &mut Conn, scope: &Scope, cache: &CompositionCache, id: i64) -> Result<Changed, Error> {
    let row = held(conn, scope, cache, id)?;
    store::delete(conn, id)?;
    let keys: Vec<String> = [Some(row.object_key), row.preview_key].into_iter().flatten().collect();
    store::doom(conn, &keys, scope.instant())?;
    note(conn, scope, row.content_id, Some(&row.name), None)?;
    Ok(Changed { id, gone: true })
}

/// A file of an item that the viewer may change; the item is locked.
fn held(conn: &mut Conn, scope: &Scope, cache: &CompositionCache, id: i64) -> Result<FileRow, Error> {
    let missing = || Error::from(Rejection::new(Code::NotFound, "There is no such file.").at("input.fileId"));
    let row = store::by_id(conn, id)?.ok_or_else(missing)?;
    let vision = Vision::of_viewer(conn, scope, cache)?;
    managed(conn, scope, &vision, row.content_id).map_err(|error| match error {
        // Of a file out of sight not even that there is one.
        Error::Rejected(rejections) if rejections.iter().all(|rejection| rejection.code == Code::NotFound) => missing(),
        error => error,
    })?;
    // Read again under the lock.
    store::by_id(conn, id)?.ok_or_else(missing)
}
