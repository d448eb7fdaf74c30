//! What can be read.

use std::sync::Arc;

use async_graphql::{Context, ID, Object, Result};

use super::engine::{Connection, Entity, Obj, root_list};
use super::enums::OutboxState;
use super::errors::resolver_error;
use super::inputs::{
    ContentFilter, ContentOrder, GroupFilter, GroupOrder, MembershipFilter, MembershipOrder, ParticipantOrder, key,
};
use super::loaders::Lookup;
use super::node::{Node, Nodes};
use super::participant_filter::ParticipantFilter;
use super::session::Session;
use super::types::content::Content;
use super::types::group::Group;
use super::types::membership::Membership;
use super::types::outbox::OutboxMessage;
use super::types::participant::Participant;
use super::types::reason::{EndReason, GroupCategory, StartReason};
use super::types::viewer::{Viewer, ViewerRow};
use super::types::year::{YearTransition, YearTransitionStatus};
use crate::content::store::{self as content, ContentRow};
use crate::groups::store::{self as groups, CategoryRow, GroupRow};
use crate::id::{self, Kind};
use crate::mail::store as mail;
use crate::members::store::{self as members, MembershipRow, ReasonRow, ReasonTable};
use crate::page::{Key, Page, PageArgs, Window, position};
use crate::people::store::{self as people, ParticipantRow};
use crate::year::planning::store as transitions;

/// The root of queries.
pub struct Query;

fn window(
    field: &str,
    first: Option<i32>,
    after: Option<String>,
    last: Option<i32>,
    before: Option<String>,
) -> Result<Window> {
    PageArgs { first, after, last, before }.window(root_list(field)).map_err(|error| resolver_error(&error))
}

/// Reads the page and the number of all rows, each only when it is wanted.
macro_rules! read_page {
    ($asked:expr, $page:expr, $count:expr) => {{
        let mut page = if $asked.rows { $page? } else { Page::default() };
        page.total = if $asked.count { Some($count?) } else { None };
        page
    }};
}

/// Everything that can be read. What you may not see is left out, as if it did not exist.
#[Object]
#[allow(
    clippy::unused_async,
    reason = "resolvers are asynchronous by contract; these talk to the database on their own thread"
)]
impl Query {
    /// The version of the gateway.
    async fn version(&self) -> &'static str {
        env!("CARGO_PKG_VERSION")
    }

    /// Whoever sends this request.
    async fn viewer(&self, ctx: &Context<'_>) -> Obj<Viewer> {
        let scope = ctx.data_unchecked::<Arc<Session>>().scope();
        Obj::row(ViewerRow::of(scope))
    }

    /// The object with this global identifier; null when there is none or you may not see it.
    async fn node(&self, #[graphql(desc = "The global identifier.")] id: ID) -> Node {
        Node(id::decode(&id))
    }

    /// The objects with these global identifiers, in the same order; null for each that does not exist or that you may not see.
    async fn nodes(&self, #[graphql(desc = "The global identifiers, at most 50.")] ids: Vec<ID>) -> Result<Nodes> {
        Nodes::of(&ids).map_err(|error| resolver_error(&error))
    }

    /// The group with this identifier; null when there is none or you may not see it.
    async fn group(&self, #[graphql(desc = "The group's global identifier.")] id: ID) -> Lookup<Group> {
        Lookup::new(id::decode_as(Kind::Group, &id))
    }

    /// The participant with this identifier; null when there is none or you may not see it.
    async fn participant(
        &self,
        #[graphql(desc = "The participant's global identifier.")] id: ID,
    ) -> Lookup<Participant> {
        Lookup::new(id::decode_as(Kind::Participant, &id))
    }

    /// The membership with this identifier, annulled or not; null when there is none or you may not see it.
    async fn membership(&self, #[graphql(desc = "The membership's global identifier.")] id: ID) -> Lookup<Membership> {
        Lookup::new(id::decode_as(Kind::Membership, &id))
    }

    /// A page of groups. Closed groups are left out unless the filter asks for them.
    async fn groups(
        &self,
        #[graphql(
            desc = "The number of entries from the start, 1 to 100; 20 when neither `first` nor `last` is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Only entries after this cursor.")] after: Option<String>,
        #[graphql(desc = "The number of entries from the end, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only entries before this cursor.")] before: Option<String>,
        #[graphql(desc = "Which groups; all that are not closed when absent.")] filter: Option<GroupFilter>,
        #[graphql(desc = "In which order; by name when absent.")] order_by: Option<GroupOrder>,
    ) -> Result<Obj<Connection<Group>>> {
        let window = window("groups", first, after, last, before)?;
        let filter = GroupFilter::resolve(filter).map_err(|error| resolver_error(&error))?;
        let (by, descending) = GroupOrder::resolve(order_by);
        let order = by.order(descending);
        Ok(Obj::connection(move |exec, asked| {
            let (sight, today) = (exec.sight()?, exec.scope.today);
            let details = asked.details || by.needs_details();
            let page = read_page!(
                asked,
                groups::page(exec.conn, &sight, details, &filter, today, &order, &window),
                groups::count(exec.conn, &sight, &filter, today)
            );
            Ok((page, Box::new(move |row: &GroupRow| by.keys(row))))
        }))
    }

    /// A page of participants.
    async fn participants(
        &self,
        #[graphql(
            desc = "The number of entries from the start, 1 to 100; 20 when neither `first` nor `last` is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Only entries after this cursor.")] after: Option<String>,
        #[graphql(desc = "The number of entries from the end, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only entries before this cursor.")] before: Option<String>,
        #[graphql(desc = "Which participants; all when absent.")] filter: Option<ParticipantFilter>,
        #[graphql(desc = "In which order; by name when absent.")] order_by: Option<ParticipantOrder>,
    ) -> Result<Obj<Connection<Participant>>> {
        let window = window("participants", first, after, last, before)?;
        let filter = filter.unwrap_or_default().resolve().map_err(|error| resolver_error(&error))?;
        let (by, descending) = ParticipantOrder::resolve(order_by);
        let order = by.order(descending);
        Ok(Obj::connection(move |exec, asked| {
            let (sight, today) = (exec.sight()?, exec.scope.today);
            let details = asked.details || by.needs_details();
            let page = read_page!(
                asked,
                people::page(exec.conn, &sight, details, &filter, today, &order, &window),
                people::count(exec.conn, &sight, &filter, today)
            );
            Ok((page, Box::new(move |row: &ParticipantRow| by.keys(row))))
        }))
    }

    /// A page of direct memberships, across groups; those in force today unless the filter asks otherwise.
    async fn memberships(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "The number of entries from the start, 1 to 100; 20 when neither `first` nor `last` is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Only entries after this cursor.")] after: Option<String>,
        #[graphql(desc = "The number of entries from the end, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only entries before this cursor.")] before: Option<String>,
        #[graphql(desc = "Which memberships; those in force today when absent.")] filter: Option<MembershipFilter>,
        #[graphql(desc = "In which order; the latest start first when absent.")] order_by: Option<MembershipOrder>,
    ) -> Result<Obj<Connection<Membership>>> {
        let window = window("memberships", first, after, last, before)?;
        let scope = ctx.data_unchecked::<Arc<Session>>().scope();
        let filter = MembershipFilter::resolve(filter, scope).map_err(|error| resolver_error(&error))?;
        let (by, order) = MembershipOrder::resolve(order_by);
        Ok(Obj::connection(move |exec, asked| {
            let (sight, today) = (exec.sight()?, exec.scope.today);
            let page = read_page!(
                asked,
                members::page(exec.conn, &sight, today, &filter, &order, &window),
                members::count(exec.conn, &sight, &filter)
            );
            Ok((page, Box::new(move |row: &MembershipRow| by.keys(row))))
        }))
    }

    /// The item of content with this identifier; null when there is none or you may not see it.
    async fn content(&self, #[graphql(desc = "The item's global identifier.")] id: ID) -> Lookup<Content> {
        Lookup::new(id::decode_as(Kind::Content, &id))
    }

    /// A page of the content that you may see; what is yours to change also while it is not published.
    async fn contents(
        &self,
        #[graphql(
            desc = "The number of entries from the start, 1 to 100; 20 when neither `first` nor `last` is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Only entries after this cursor.")] after: Option<String>,
        #[graphql(desc = "The number of entries from the end, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only entries before this cursor.")] before: Option<String>,
        #[graphql(desc = "Which content; all when absent.")] filter: Option<ContentFilter>,
        #[graphql(desc = "In which order; what was made last comes first when absent.")] order_by: Option<ContentOrder>,
    ) -> Result<Obj<Connection<Content>>> {
        let window = window("contents", first, after, last, before)?;
        let filter = ContentFilter::resolve(filter).map_err(|error| resolver_error(&error))?;
        let (by, descending) = ContentOrder::resolve(order_by);
        Ok(Obj::connection(move |exec, asked| {
            let (vision, now) = (exec.vision()?, exec.scope.instant());
            let page = read_page!(
                asked,
                content::page(exec.conn, &vision, now, asked.details, &filter, (by, descending), &window),
                content::count(exec.conn, &vision, now, &filter, by)
            );
            Ok((page, Box::new(move |row: &ContentRow| by.keys(row))))
        }))
    }

    /// A page of group categories, by name.
    async fn group_categories(
        &self,
        #[graphql(
            desc = "The number of entries from the start, 1 to 100; 20 when neither `first` nor `last` is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Only entries after this cursor.")] after: Option<String>,
        #[graphql(desc = "The number of entries from the end, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only entries before this cursor.")] before: Option<String>,
    ) -> Result<Obj<Connection<GroupCategory>>> {
        let window = window("groupCategories", first, after, last, before)?;
        Ok(Obj::connection(move |exec, asked| {
            let page = read_page!(asked, groups::category_page(exec.conn, &window), groups::category_count(exec.conn));
            let keys = |row: &CategoryRow| position("name", [Key::Text(row.sort_key.clone()), Key::Int(row.id)]);
            Ok((page, Box::new(keys)))
        }))
    }

    /// A page of e-mails to new members of the groups that you administer, the newest first.
    async fn outbox(
        &self,
        #[graphql(
            desc = "The number of entries from the start, 1 to 100; 20 when neither `first` nor `last` is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Only entries after this cursor.")] after: Option<String>,
        #[graphql(desc = "The number of entries from the end, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only entries before this cursor.")] before: Option<String>,
        #[graphql(desc = "Only e-mails of which this became; all when absent.")] state: Option<OutboxState>,
    ) -> Result<Obj<Connection<OutboxMessage>>> {
        let window = window("outbox", first, after, last, before)?;
        let state = state.map(Into::into);
        Ok(Obj::connection(move |exec, asked| {
            let sight = exec.sight()?;
            let page =
                read_page!(asked, mail::page(exec.conn, &sight, state, &window), mail::count(exec.conn, &sight, state));
            Ok((page, Box::new(mail::keys)))
        }))
    }

    /// The year transition with this identifier; null when there is none or you may not see it.
    async fn year_transition(
        &self,
        #[graphql(desc = "The transition's global identifier.")] id: ID,
    ) -> Lookup<YearTransition> {
        Lookup::new(id::decode_as(Kind::YearTransition, &id))
    }

    /// A page of the year transitions of the organizations that you administer, the latest plan first.
    async fn year_transitions(
        &self,
        #[graphql(
            desc = "The number of entries from the start, 1 to 100; 20 when neither `first` nor `last` is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Only entries after this cursor.")] after: Option<String>,
        #[graphql(desc = "The number of entries from the end, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only entries before this cursor.")] before: Option<String>,
        #[graphql(desc = "Only transitions of this organization; of all that you administer when absent.")]
        organization_id: Option<ID>,
        #[graphql(desc = "Only transitions that stand so; all when absent.")] status: Option<YearTransitionStatus>,
    ) -> Result<Obj<Connection<YearTransition>>> {
        let window = window("yearTransitions", first, after, last, before)?;
        let organization = organization_id.map(|id| key(Kind::Participant, &id, "organizationId")).transpose();
        let organization = organization.map_err(|error| resolver_error(&error))?;
        let status = status.map(Into::into);
        Ok(Obj::connection(move |exec, asked| {
            let sight = exec.sight()?;
            let page = read_page!(
                asked,
                transitions::page(exec.conn, &sight, organization, status, &window),
                transitions::count(exec.conn, &sight, organization, status)
            );
            Ok((page, Box::new(transitions::keys)))
        }))
    }

    /// Why memberships start, by code.
    async fn start_reasons(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Also reasons that are no longer offered.", default)] include_retired: bool,
    ) -> Result<Vec<Obj<StartReason>>> {
        reasons(ctx, ReasonTable::Start, include_retired)
    }

    /// Why memberships end, by code.
    async fn end_reasons(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Also reasons that are no longer offered.", default)] include_retired: bool,
    ) -> Result<Vec<Obj<EndReason>>> {
        reasons(ctx, ReasonTable::End, include_retired)
    }
}

fn reasons<E>(ctx: &Context<'_>, table: ReasonTable, include_retired: bool) -> Result<Vec<Obj<E>>>
where
    E: Entity<Row = ReasonRow>,
{
    let session = ctx.data_unchecked::<Arc<Session>>();
    let rows = session.read(|exec| members::reasons(exec.conn, table, None)).map_err(|error| resolver_error(&error))?;
    Ok(rows.into_iter().filter(|row| include_retired || !row.retired).map(Obj::row).collect())
}
