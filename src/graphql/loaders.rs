//! Look-ups of single objects at the root of a document, gathered.
//!
//! A document may ask for many objects by identifier (`a: group(id: …) b: group(id: …)`). async-graphql starts the
//! resolvers of all root fields before it finishes any; what they look up meanwhile is read in one statement for each
//! type. Below the root nothing is loaded one by one: there the engine follows each link once for a whole level.

use std::borrow::Cow;
use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::Arc;

use ::dataloader::BatchFn;
use ::dataloader::non_cached::Loader;
use async_graphql::parser::types::Field as AstField;
use async_graphql::registry::Registry;
use async_graphql::{ContextSelectionSet, OutputType, Positioned, ServerResult, Value};

use super::engine::{Entity, Keyed, Obj, Pick, settle};
use super::session::Session;
use super::types::content::Content;
use super::types::content::entries::SignUpEntry;
use super::types::content::slots::ConversationSlot;
use super::types::group::Group;
use super::types::membership::Membership;
use super::types::participant::Participant;
use super::types::reason::{EndReason, GroupCategory, StartReason};
use super::types::residency::Residency;
use super::types::school::absence::AbsenceReport;
use super::types::school::leave::LeaveRequest;
use super::types::school::lunch::LunchStay;
use super::types::viewer::Viewer;
use super::types::year::YearTransition;
use crate::error::Error;

/// The largest number of objects read at once.
const MAX_BATCH: usize = 1_000;

/// What a look-up answers with; an object that is not there, or out of sight, is no error.
type Found<E> = Result<Option<Arc<<E as Entity>::Row>>, Arc<Error>>;
/// A key, and whether more than the usual columns are wanted.
type Key = (i64, bool);
type LoaderOf<E> = Loader<Key, Found<E>, ByKey<E>>;

/// Reads objects of one type by their keys, in the request's snapshot.
pub struct ByKey<E> {
    session: Arc<Session>,
    entity: PhantomData<fn() -> E>,
}

impl<E: Keyed> BatchFn<Key, Found<E>> for ByKey<E> {
    async fn load(&mut self, keys: &[Key]) -> HashMap<Key, Found<E>> {
        let details = keys.iter().any(|(_, details)| *details);
        let ids: Vec<i64> = keys.iter().map(|(id, _)| *id).collect();
        let rows = self.session.read(|exec| E::by_ids(exec, &ids, details));
        let rows: Result<HashMap<i64, Arc<E::Row>>, Arc<Error>> =
            rows.map(|rows| rows.into_iter().map(|row| (E::key(&row), Arc::new(row))).collect()).map_err(Arc::new);
        let found = |(id, _): &Key| rows.as_ref().map(|rows| rows.get(id).cloned()).map_err(Arc::clone);
        keys.iter().map(|key| (*key, found(key))).collect()
    }
}

/// The loaders of one request.
pub struct Loaders {
    groups: LoaderOf<Group>,
    participants: LoaderOf<Participant>,
    memberships: LoaderOf<Membership>,
    residencies: LoaderOf<Residency>,
    categories: LoaderOf<GroupCategory>,
    start_reasons: LoaderOf<StartReason>,
    end_reasons: LoaderOf<EndReason>,
    content: LoaderOf<Content>,
    slots: LoaderOf<ConversationSlot>,
    entries: LoaderOf<SignUpEntry>,
    transitions: LoaderOf<YearTransition>,
    absences: LoaderOf<AbsenceReport>,
    leaves: LoaderOf<LeaveRequest>,
    stays: LoaderOf<LunchStay>,
    viewers: LoaderOf<Viewer>,
}

impl Loaders {
    /// Loaders that read through this request's snapshot.
    pub fn new(session: &Arc<Session>) -> Self {
        Self {
            groups: loader(session),
            participants: loader(session),
            memberships: loader(session),
            residencies: loader(session),
            categories: loader(session),
            start_reasons: loader(session),
            end_reasons: loader(session),
            content: loader(session),
            slots: loader(session),
            entries: loader(session),
            transitions: loader(session),
            absences: loader(session),
            leaves: loader(session),
            stays: loader(session),
            viewers: loader(session),
        }
    }
}

fn loader<E: Keyed>(session: &Arc<Session>) -> LoaderOf<E> {
    // All root fields have asked once the executor comes round again.
    Loader::new(ByKey { session: Arc::clone(session), entity: PhantomData })
        .with_yield_count(1)
        .with_max_batch_size(MAX_BATCH)
}

/// A type that can be looked up at the root.
pub trait Loadable: Keyed {
    /// Its loader.
    fn loader(loaders: &Loaders) -> &LoaderOf<Self>;
}

macro_rules! loadable {
    ($($entity:ident: $field:ident),+) => {
        $(impl Loadable for $entity {
            fn loader(loaders: &Loaders) -> &LoaderOf<Self> {
                &loaders.$field
            }
        })+
    };
}
loadable!(
    Group: groups, Participant: participants, Membership: memberships, Residency: residencies,
    GroupCategory: categories, StartReason: start_reasons, EndReason: end_reasons, Content: content,
    ConversationSlot: slots, SignUpEntry: entries, AbsenceReport: absences, LeaveRequest: leaves,
    LunchStay: stays, Viewer: viewers, YearTransition: transitions
);

/// An object to be looked up by its key, as a resolver's answer: null when there is none within sight.
pub struct Lookup<E> {
    key: Option<i64>,
    entity: PhantomData<fn() -> E>,
}

impl<E: Loadable> Lookup<E> {
    /// Of an identifier that is none of this type nothing is found.
    pub fn new(key: Option<i64>) -> Self {
        Self { key, entity: PhantomData }
    }
}

impl<E: Loadable> OutputType for Lookup<E> {
    fn type_name() -> Cow<'static, str> {
        Cow::Borrowed(E::NAME)
    }

    fn qualified_type_name() -> String {
        E::NAME.to_owned()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        <Obj<E> as OutputType>::create_type_info(registry);
        E::NAME.to_owned()
    }

    async fn resolve(&self, ctx: &ContextSelectionSet<'_>, field: &Positioned<AstField>) -> ServerResult<Value> {
        look_up::<E>(ctx, field, self.key).await
    }
}

/// Looks up one object and writes what is selected of it.
///
/// # Errors
/// When an argument below does not fit its type, and what the database answers.
pub async fn look_up<E: Loadable>(
    ctx: &ContextSelectionSet<'_>,
    field: &Positioned<AstField>,
    key: Option<i64>,
) -> ServerResult<Value> {
    let session = ctx.data_unchecked::<Arc<Session>>();
    let pick = Pick::root(field, session.scope());
    let Some(key) = key else { return Ok(Value::Null) };
    let selection = pick.select::<E>()?;
    let failed = |error: &Error| ctx.set_error_path(pick.error(error));
    let loaders = ctx.data_unchecked::<Loaders>();
    let found = E::loader(loaders).try_load((key, selection.details())).await;
    let found = found.map_err(|error| failed(&Error::internal(error.to_string())))?;
    let Some(row) = found.map_err(|error| failed(&error))? else { return Ok(Value::Null) };
    let json = session.read(|exec| exec.answer(&selection, &*row));
    json.map(|json| settle(ctx, session, json)).map_err(|error| failed(&error))
}
