//! From a selection to rows and back: how the objects of the graph are read and written.
//!
//! Each type of the graph declares its fields once, in a table ([`Field`]): name, type, description, and how its value
//! comes about. A selection is compiled against these tables ([`Selection::compile`]), then rendered level by level
//! ([`Selection::render`]): a field that leads to other rows is a [`Link`], and a link is followed for all rows of its
//! level in one go. So the number of statements follows from the document alone, never from the number of rows, and
//! the answer is written once, as JSON, without a tree of values in between.

mod collect;
mod compile;
mod connection;
mod failures;
mod links;
mod out;
mod register;

use std::sync::Arc;

use async_graphql::ServerError;
use chrono::NaiveDate;

use crate::access::sight::Sight;
use crate::access::table::Rule;
use crate::content::sign_ups::standing::Standing as SignUps;
use crate::content::visibility::Vision;
use crate::db::Conn;
use crate::error::Error;
use crate::groups::chains::Allowance;
use crate::groups::composition::Compositions;
use crate::groups::store::CompositionCache;
use crate::members::effective::{self, Standing};
use crate::scope::Scope;

pub use compile::{Item, Pick, Read, Selection};
use connection::ROOT;
pub use connection::{
    Asked, Connection, CursorOf, Edge, EdgeRow, Listed, PAGE_ARGS, Pages, connection, page_args, root_list,
};
pub use failures::settle;
pub use links::{Link, each, inline, inline_list, inline_opt, many, one, one_by};
use out::MAX_ANSWER;
pub use out::{Out, Values};
pub use register::{Argument, Obj, arg, input, ty};

/// A type of the graph whose objects are read as rows.
pub trait Entity: Sized + Send + Sync + 'static {
    /// Its name in the schema.
    const NAME: &'static str;
    /// What the schema says about it.
    const DOC: &'static str;
    /// The interfaces it implements, if it is an object.
    const INTERFACES: &'static [&'static str] = &[];
    /// The object types behind it, if it is an interface; its fields say on which of them they are.
    const VARIANTS: &'static [Variant] = &[];
    /// What is read of one object.
    type Row: Send + Sync + 'static;

    /// Its fields, in the order of the schema.
    fn fields() -> &'static [Field<Self>];

    /// Which of [`Self::VARIANTS`] a row is; 0 for objects.
    fn variant(_row: &Self::Row) -> usize {
        0
    }

    /// Whether the viewer may read those fields of this row that a rule keeps for some of those who see it.
    fn opens(_row: &Self::Row, _rule: Rule) -> bool {
        true
    }
}

/// An entity with a key, which links can lead to.
pub trait Keyed: Entity {
    /// Reads the objects with these keys that are within sight, in no order; `details` when more than the usual is
    /// selected.
    ///
    /// # Errors
    /// What the database answers.
    fn by_ids(exec: &mut Exec<'_>, ids: &[i64], details: bool) -> Result<Vec<Self::Row>, Error>;

    /// The key of a row.
    fn key(row: &Self::Row) -> i64;
}

/// An object type behind an interface.
pub struct Variant {
    pub name: &'static str,
    pub doc: &'static str,
    pub interfaces: &'static [&'static str],
}

/// A field of a type.
pub struct Field<E: Entity> {
    pub name: &'static str,
    /// Registers the type and answers with its name as the schema writes it.
    pub ty: register::TypeOf,
    pub doc: &'static str,
    pub args: &'static [Argument],
    pub read: Read<E>,
    /// Whether it is among the columns that are read only when asked for.
    pub details: bool,
    /// On which of the variants it is; 0 means on the interface itself, that is on all.
    pub on: u16,
    /// Why it should not be used any more.
    pub deprecated: Option<&'static str>,
}

impl<E: Entity> Clone for Field<E> {
    fn clone(&self) -> Self {
        let read = match &self.read {
            Read::Value(write) => Read::Value(*write),
            Read::Link(link) => Read::Link(*link),
        };
        Self { read, ..*self }
    }
}

impl<E: Entity> Field<E> {
    /// A value that stands in the row.
    pub const fn value(
        name: &'static str,
        ty: register::TypeOf,
        doc: &'static str,
        write: fn(&E::Row, &mut Out),
    ) -> Self {
        Self { name, ty, doc, args: &[], read: Read::Value(write), details: false, on: 0, deprecated: None }
    }

    /// A value that leads to other rows.
    pub const fn link(name: &'static str, ty: register::TypeOf, doc: &'static str, link: compile::Linker<E>) -> Self {
        Self { name, ty, doc, args: &[], read: Read::Link(link), details: false, on: 0, deprecated: None }
    }

    /// With arguments.
    #[must_use]
    pub const fn args(mut self, args: &'static [Argument]) -> Self {
        self.args = args;
        self
    }

    /// Among the columns that are read only when asked for.
    #[must_use]
    pub const fn details(mut self) -> Self {
        self.details = true;
        self
    }

    /// Only on these variants: a bit for each.
    #[must_use]
    pub const fn on(mut self, variants: u16) -> Self {
        self.on = variants;
        self
    }

    /// Marked as going to disappear.
    #[must_use]
    pub const fn deprecated(mut self, reason: &'static str) -> Self {
        self.deprecated = Some(reason);
        self
    }
}

/// What a link needs to read: a connection inside one transaction, and who asks.
pub struct Exec<'a> {
    pub conn: &'a mut Conn,
    pub scope: &'a Scope,
    pub cache: &'a CompositionCache,
    memory: &'a mut Memory,
}

/// What one request finds out once.
#[derive(Default)]
pub struct Memory {
    allowance: Allowance,
    /// How many bytes of JSON are kept: the answers to the root fields that are done, and what others are put together from.
    kept: usize,
    /// How many of them are answers.
    answered: usize,
    sight: Option<Arc<Sight>>,
    compositions: Option<Arc<Compositions>>,
    standing: Option<Arc<Standing>>,
    vision: Option<Arc<Vision>>,
    /// Of the forms that were looked at last.
    sign_ups: Option<(Vec<i64>, Arc<SignUps>)>,
    /// Fields that failed alone.
    failures: Vec<ServerError>,
}

impl Memory {
    /// The errors of fields that failed alone, by their marks.
    pub fn failures(&self) -> &[ServerError] {
        &self.failures
    }
}

impl<'a> Exec<'a> {
    /// Reads through a connection that is inside a transaction; `memory` must be new for each transaction.
    pub fn new(conn: &'a mut Conn, scope: &'a Scope, cache: &'a CompositionCache, memory: &'a mut Memory) -> Self {
        Self { conn, scope, cache, memory }
    }

    /// Notes that a field fails alone, and returns what is written in its place until [`settle`] finds it.
    pub fn fail(&mut self, error: ServerError) -> Vec<u8> {
        self.memory.failures.push(error);
        failures::mark(self.memory.failures.len() - 1)
    }

    /// What the viewer may see.
    ///
    /// # Errors
    /// What the database answers.
    pub fn sight(&mut self) -> Result<Arc<Sight>, Error> {
        if let Some(sight) = &self.memory.sight {
            return Ok(Arc::clone(sight));
        }
        let (cache, today) = (self.cache, self.scope.today);
        let mut standing = None;
        let sight = Sight::load(self.conn, &self.scope.viewer, today, |conn, sight, own| {
            let compositions = cache.read(conn)?;
            let found = effective::told_of_participants(conn, &compositions, sight, own, today)?;
            let pairs = found.pairs();
            standing = Some(Arc::new(found));
            Ok(pairs)
        })?;
        let sight = Arc::new(sight);
        self.memory.standing = standing;
        self.memory.sight = Some(Arc::clone(&sight));
        Ok(sight)
    }

    /// Where the viewer and the viewer's children belong today; nowhere for viewers who are no participant.
    ///
    /// # Errors
    /// What the database answers.
    pub fn standing(&mut self) -> Result<Arc<Standing>, Error> {
        self.sight()?;
        Ok(self.memory.standing.clone().unwrap_or_default())
    }

    /// Which content the viewer sees.
    ///
    /// # Errors
    /// What the database answers.
    pub fn vision(&mut self) -> Result<Arc<Vision>, Error> {
        if let Some(vision) = &self.memory.vision {
            return Ok(Arc::clone(vision));
        }
        let (sight, standing) = (self.sight()?, self.standing()?);
        let vision = Arc::new(Vision::load(self.conn, self.scope, sight.family(), &standing)?);
        self.memory.vision = Some(Arc::clone(&vision));
        Ok(vision)
    }

    /// What groups are made of, in this transaction.
    ///
    /// # Errors
    /// What the database answers.
    pub fn compositions(&mut self) -> Result<Arc<Compositions>, Error> {
        if let Some(compositions) = &self.memory.compositions {
            return Ok(Arc::clone(compositions));
        }
        let compositions = self.cache.read(self.conn)?;
        self.memory.compositions = Some(Arc::clone(&compositions));
        Ok(compositions)
    }

    /// Which entries of these sign-up forms hold or wait for a place.
    ///
    /// # Errors
    /// What the database answers.
    pub fn sign_ups(&mut self, forms: &[i64]) -> Result<Arc<SignUps>, Error> {
        if let Some((known, sign_ups)) = &self.memory.sign_ups
            && known == forms
        {
            return Ok(Arc::clone(sign_ups));
        }
        let compositions = self.compositions()?;
        let sign_ups = Arc::new(SignUps::load(self.conn, self.scope, &compositions, forms)?);
        self.memory.sign_ups = Some((forms.to_vec(), Arc::clone(&sign_ups)));
        Ok(sign_ups)
    }

    /// What may still be spent on chains of groups.
    pub fn allowance(&mut self) -> &mut Allowance {
        &mut self.memory.allowance
    }

    /// How many bytes of JSON may still be written.
    pub fn room(&self) -> usize {
        MAX_ANSWER.saturating_sub(self.memory.kept)
    }

    /// Keeps values until they are written elsewhere.
    ///
    /// # Errors
    /// `TooComplex` when there is no room for them.
    fn keep(&mut self, bytes: usize) -> Result<(), Error> {
        if bytes > self.room() {
            return Err(out::too_long());
        }
        self.memory.kept += bytes;
        Ok(())
    }

    fn let_go(&mut self, bytes: usize) {
        self.memory.kept = self.memory.kept.saturating_sub(bytes);
    }

    /// Writes the answer to a field at the root: what is selected of one row.
    ///
    /// # Errors
    /// What the database answers, and `TooComplex` when the answers become too long.
    pub fn answer<E: Entity>(&mut self, selection: &Selection<E>, row: &E::Row) -> Result<Vec<u8>, Error> {
        let json = self.answers(selection, &[row])?.into_first();
        self.count(json.len())?;
        Ok(json)
    }

    /// The same of several rows, whose answers are counted when it is known how often each is given.
    ///
    /// # Errors
    /// Those of [`Self::answer`].
    pub fn answers<E: Entity>(&mut self, selection: &Selection<E>, rows: &[&E::Row]) -> Result<Values, Error> {
        // A field that failed has kept what it had.
        self.memory.kept = self.memory.answered;
        selection.render(self, rows)
    }

    /// Counts what is answered to a field at the root.
    ///
    /// # Errors
    /// `TooComplex` when the answers become too long.
    pub fn count(&mut self, bytes: usize) -> Result<(), Error> {
        self.keep(bytes)?;
        self.memory.answered = self.memory.kept;
        Ok(())
    }

    /// The date asked for, or today.
    pub fn on(&self, as_of: Option<NaiveDate>) -> NaiveDate {
        as_of.unwrap_or(self.scope.today)
    }
}
