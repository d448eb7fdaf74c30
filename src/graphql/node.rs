//! `node` and `nodes`: objects of any type by their global identifiers (Relay's object identification).

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::parser::types::Field as AstField;
use async_graphql::registry::{MetaField, MetaType, MetaTypeId, Registry};
use async_graphql::{ContextSelectionSet, ID, OutputType, Positioned, ServerResult, Value};

use super::engine::{Entity, Exec, Keyed, Obj, Out, Pick, settle};
use super::loaders::look_up;
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
use crate::id::{self, Kind};

/// The most objects that `nodes` answers with.
pub const MAX_NODES: usize = 50;

/// An object of any type, to be looked up.
pub struct Node(pub Option<(Kind, i64)>);

/// Objects of any type, to be looked up; null for each that is not found.
pub struct Nodes(pub Vec<Option<(Kind, i64)>>);

/// The types of objects that can be looked up, besides those of content.
const NAMED: &[&str] = &[
    "Group",
    "Person",
    "Organization",
    "Address",
    "Membership",
    "Residency",
    "GroupCategory",
    "StartReason",
    "EndReason",
    "ConversationSlot",
    "SignUpEntry",
    "YearTransition",
    "AbsenceReport",
    "LeaveRequest",
    "LunchStay",
    "Viewer",
];

fn register(registry: &mut Registry) {
    registry.create_output_type::<Node, _>(MetaTypeId::Interface, |registry| {
        for object in [
            <Obj<Group> as OutputType>::create_type_info,
            <Obj<Participant> as OutputType>::create_type_info,
            <Obj<Membership> as OutputType>::create_type_info,
            <Obj<Residency> as OutputType>::create_type_info,
            <Obj<GroupCategory> as OutputType>::create_type_info,
            <Obj<StartReason> as OutputType>::create_type_info,
            <Obj<EndReason> as OutputType>::create_type_info,
            <Obj<Content> as OutputType>::create_type_info,
            <Obj<ConversationSlot> as OutputType>::create_type_info,
            <Obj<SignUpEntry> as OutputType>::create_type_info,
            <Obj<YearTransition> as OutputType>::create_type_info,
            <Obj<AbsenceReport> as OutputType>::create_type_info,
            <Obj<LeaveRequest> as OutputType>::create_type_info,
            <Obj<LunchStay> as OutputType>::create_type_info,
            <Obj<Viewer> as OutputType>::create_type_info,
        ] {
            object(registry);
        }
        let id = MetaField {
            name: "id".to_owned(),
            description: Some("The global identifier.".to_owned()),
            args: Default::default(),
            ty: <ID as OutputType>::create_type_info(registry),
            deprecation: Default::default(),
            cache_control: Default::default(),
            external: false,
            requires: None,
            provides: None,
            visible: None,
            shareable: false,
            inaccessible: false,
            tags: Vec::new(),
            override_from: None,
            compute_complexity: None,
            directive_invocations: Vec::new(),
            requires_scopes: Vec::new(),
        };
        let mut names = NAMED.to_vec();
        names.extend(Content::VARIANTS.iter().map(|variant| variant.name));
        MetaType::Interface {
            name: "Node".to_owned(),
            description: Some("An object that can be looked up again by its global identifier.".to_owned()),
            fields: std::iter::once(("id".to_owned(), id)).collect(),
            possible_types: names.iter().map(|name| (*name).to_owned()).collect(),
            extends: false,
            inaccessible: false,
            tags: Vec::new(),
            keys: None,
            visible: None,
            rust_typename: Some(std::any::type_name::<Node>()),
            directive_invocations: Vec::new(),
            requires_scopes: Vec::new(),
        }
    });
}

/// Whoever did not sign in sees content and its slots and themselves, and nothing else.
fn is_open(session: &Session, kind: Kind) -> bool {
    matches!(kind, Kind::Content | Kind::ConversationSlot | Kind::Viewer) || session.scope().viewer.is_signed_in()
}

impl OutputType for Node {
    fn type_name() -> Cow<'static, str> {
        Cow::Borrowed("Node")
    }

    fn qualified_type_name() -> String {
        "Node".to_owned()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        register(registry);
        "Node".to_owned()
    }

    async fn resolve(&self, ctx: &ContextSelectionSet<'_>, field: &Positioned<AstField>) -> ServerResult<Value> {
        let session = ctx.data_unchecked::<Arc<Session>>();
        let Some((kind, key)) = self.0.filter(|(kind, _)| is_open(session, *kind)) else { return Ok(Value::Null) };
        match kind {
            Kind::Group => look_up::<Group>(ctx, field, Some(key)).await,
            Kind::Participant => look_up::<Participant>(ctx, field, Some(key)).await,
            Kind::Membership => look_up::<Membership>(ctx, field, Some(key)).await,
            Kind::Residency => look_up::<Residency>(ctx, field, Some(key)).await,
            Kind::GroupCategory => look_up::<GroupCategory>(ctx, field, Some(key)).await,
            Kind::StartReason => look_up::<StartReason>(ctx, field, Some(key)).await,
            Kind::EndReason => look_up::<EndReason>(ctx, field, Some(key)).await,
            Kind::Content => look_up::<Content>(ctx, field, Some(key)).await,
            Kind::ConversationSlot => look_up::<ConversationSlot>(ctx, field, Some(key)).await,
            Kind::SignUpEntry => look_up::<SignUpEntry>(ctx, field, Some(key)).await,
            Kind::YearTransition => look_up::<YearTransition>(ctx, field, Some(key)).await,
            Kind::AbsenceReport => look_up::<AbsenceReport>(ctx, field, Some(key)).await,
            Kind::LeaveRequest => look_up::<LeaveRequest>(ctx, field, Some(key)).await,
            Kind::LunchStay => look_up::<LunchStay>(ctx, field, Some(key)).await,
            Kind::Viewer => look_up::<Viewer>(ctx, field, Some(key)).await,
            // They are read with the object that they are of, and messages in the outbox.
            Kind::HistoryEntry
            | Kind::OutboxMessage
            | Kind::ContentLink
            | Kind::ContentFile
            | Kind::SurveyResponse
            | Kind::DiscussionPost => Ok(Value::Null),
        }
    }
}

impl OutputType for Nodes {
    fn type_name() -> Cow<'static, str> {
        Cow::Borrowed("[Node]")
    }

    fn create_type_info(registry: &mut Registry) -> String {
        register(registry);
        "[Node]!".to_owned()
    }

    async fn resolve(&self, ctx: &ContextSelectionSet<'_>, field: &Positioned<AstField>) -> ServerResult<Value> {
        let session = ctx.data_unchecked::<Arc<Session>>();
        let pick = Pick::root(field, session.scope());
        let mut written: HashMap<(Kind, i64), Vec<u8>> = HashMap::new();
        self.write::<Group>(ctx, &pick, session, Kind::Group, &mut written)?;
        self.write::<Participant>(ctx, &pick, session, Kind::Participant, &mut written)?;
        self.write::<Membership>(ctx, &pick, session, Kind::Membership, &mut written)?;
        self.write::<Residency>(ctx, &pick, session, Kind::Residency, &mut written)?;
        self.write::<GroupCategory>(ctx, &pick, session, Kind::GroupCategory, &mut written)?;
        self.write::<StartReason>(ctx, &pick, session, Kind::StartReason, &mut written)?;
        self.write::<EndReason>(ctx, &pick, session, Kind::EndReason, &mut written)?;
        self.write::<Content>(ctx, &pick, session, Kind::Content, &mut written)?;
        self.write::<ConversationSlot>(ctx, &pick, session, Kind::ConversationSlot, &mut written)?;
        self.write::<SignUpEntry>(ctx, &pick, session, Kind::SignUpEntry, &mut written)?;
        self.write::<YearTransition>(ctx, &pick, session, Kind::YearTransition, &mut written)?;
        self.write::<AbsenceReport>(ctx, &pick, session, Kind::AbsenceReport, &mut written)?;
        self.write::<LeaveRequest>(ctx, &pick, session, Kind::LeaveRequest, &mut written)?;
        self.write::<LunchStay>(ctx, &pick, session, Kind::LunchStay, &mut written)?;
        self.write::<Viewer>(ctx, &pick, session, Kind::Viewer, &mut written)?;
        let found = |wanted: &Option<(Kind, i64)>| wanted.and_then(|wanted| written.get(&wanted));
        let bytes = self.0.iter().map(|wanted| found(wanted).map_or(4, Vec::len) + 1).sum();
        session.read(|exec| exec.count(bytes)).map_err(|error| ctx.set_error_path(pick.error(&error)))?;
        let mut out = Out::with_capacity(bytes + 1);
        for (n, wanted) in self.0.iter().enumerate() {
            out.raw(if n > 0 { b"," } else { b"[" });
            match found(wanted) {
                Some(json) => out.raw(json),
                None => out.null(),
            }
        }
        out.raw(if self.0.is_empty() { b"[]" } else { b"]" });
        Ok(settle(ctx, session, out.into_bytes()))
    }
}

impl Nodes {
    /// Reads the identifiers.
    ///
    /// # Errors
    /// `BadInput` when there are too many.
    pub fn of(ids: &[ID]) -> Result<Self, Error> {
        if ids.len() > MAX_NODES {
            return Err(Error::BadInput(format!("`ids` may hold at most {MAX_NODES} identifiers, not {}.", ids.len())));
        }
        Ok(Self(ids.iter().map(|text| id::decode(text)).collect()))
    }

    /// Writes the objects of one type.
    fn write<E: Keyed>(
        &self,
        ctx: &ContextSelectionSet<'_>,
        pick: &Pick<'_>,
        session: &Session,
        kind: Kind,
        written: &mut HashMap<(Kind, i64), Vec<u8>>,
    ) -> ServerResult<()> {
        let mut keys: Vec<i64> =
            self.0.iter().flatten().filter(|(found, _)| *found == kind).map(|(_, key)| *key).collect();
        if keys.is_empty() || !is_open(session, kind) {
            return Ok(());
        }
        keys.sort_unstable();
        keys.dedup();
        let selection = pick.select::<E>()?;
        let render = |exec: &mut Exec<'_>| {
            let rows = E::by_ids(exec, &keys, selection.details())?;
            let values = exec.answers(&selection, &rows.iter().collect::<Vec<_>>())?;
            Ok(rows
                .iter()
                .enumerate()
                .map(|(n, row)| ((kind, E::key(row)), values.get(n).to_vec()))
                .collect::<Vec<_>>())
        };
        let rows = session.read(render).map_err(|error| ctx.set_error_path(pick.error(&error)))?;
        written.extend(rows);
        Ok(())
    }
}
