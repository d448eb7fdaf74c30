//! Whom content is shown to.

use std::collections::HashMap;

use async_graphql::{ID, ServerResult};

use super::ContentRow;
use crate::content::Audience;
use crate::content::store::{self, LinkRow};
use crate::content::visibility::audience_of;
use crate::error::Error;
use crate::graphql::engine::{
    Edge, Entity, Exec, Field, Link, Listed, Obj, Pages, Pick, connection, each, one, page_args, ty,
};
use crate::graphql::enums::{ContentAudience, UnlinkReason};
use crate::graphql::scalars::DateTime;
use crate::graphql::types::group::Group;
use crate::graphql::types::participant::Participant;
use crate::graphql::types::{aligned, totals};
use crate::id::Kind;
use crate::page::{Key, position};

/// Whom an item is shown to.
pub struct Availability;
/// One link of an item to an audience.
pub struct ContentLink;

/// The audiences of an item, as numbers.
pub struct AvailabilityRow(Vec<i64>);

impl AvailabilityRow {
    fn has(&self, audience: Audience) -> bool {
        self.0.iter().any(|key| audience_of(*key).0 == audience)
    }

    fn targets(&self, audience: Audience) -> impl Iterator<Item = i64> {
        self.0
            .iter()
            .map(|key| audience_of(*key))
            .filter(move |(found, _)| *found == audience)
            .map(|(_, target)| target)
    }
}

impl Entity for Availability {
    const NAME: &'static str = "Availability";
    const DOC: &'static str = "Whom an item is shown to: any mix of these.";
    type Row = AvailabilityRow;

    fn fields() -> &'static [Field<Self>] {
        const FIELDS: &[Field<Availability>] = &[
            Field::<Availability>::value("everyone", ty::<bool>, "Everybody, signed in or not.", |row, out| {
                out.bool(row.has(Audience::Everyone));
            }),
            Field::<Availability>::value(
                "organization",
                ty::<bool>,
                "All who belong to the organization, and the guardians of children who do.",
                |row, out| out.bool(row.has(Audience::Organization)),
            ),
            Field::<Availability>::value("staff", ty::<bool>, "Those who work for the organization.", |row, out| {
                out.bool(row.has(Audience::Staff));
            }),
            Field::<Availability>::link(
                "groups",
                ty::<Vec<Obj<Group>>>,
                "Those who belong to these groups, directly or through components, their guardians and the groups' leaders. Groups \
                 that you may not see are left out.",
                |pick| each::<AvailabilityRow, Group>(pick, |row| row.targets(Audience::Group).collect()),
            ),
            Field::<Availability>::link(
                "participants",
                ty::<Vec<Obj<Participant>>>,
                "These participants, and the guardians of children among them. Those whom you may not see are left out.",
                |pick| each::<AvailabilityRow, Participant>(pick, |row| row.targets(Audience::Participant).collect()),
            ),
        ];
        FIELDS
    }
}

struct ToAvailability(crate::graphql::engine::Selection<Availability>);

/// Leads from items to whom they are shown.
///
/// # Errors
/// When an argument does not fit its type.
pub fn availability(pick: &Pick<'_>) -> ServerResult<Box<dyn Link<ContentRow>>> {
    Ok(Box::new(ToAvailability(pick.select()?)))
}

impl Link<ContentRow> for ToAvailability {
    fn follow(&self, exec: &mut Exec<'_>, rows: &[&ContentRow]) -> Result<crate::graphql::engine::Values, Error> {
        let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
        let mut audiences = store::audiences(exec.conn, &ids)?;
        let found: Vec<AvailabilityRow> =
            ids.iter().map(|id| AvailabilityRow(audiences.remove(id).unwrap_or_default())).collect();
        self.0.render(exec, &found.iter().collect::<Vec<_>>())
    }
}

impl Entity for ContentLink {
    const NAME: &'static str = "ContentLink";
    const DOC: &'static str = "That an item is, or was, shown to an audience. What was broken is kept.";
    type Row = LinkRow;

    fn fields() -> &'static [Field<Self>] {
        const FIELDS: &[Field<ContentLink>] = &[
            Field::<ContentLink>::value("id", ty::<ID>, "The global identifier.", |row, out| {
                out.id(Kind::ContentLink, row.id);
            }),
            Field::<ContentLink>::value("audience", ty::<ContentAudience>, "To whom.", |row, out| {
                out.str(row.audience.as_str());
            }),
            Field::<ContentLink>::link(
                "group",
                ty::<Option<Obj<Group>>>,
                "The group; null for other audiences, or when you may not see it.",
                |pick| one::<LinkRow, Group>(pick, |row| row.group_id),
            ),
            Field::<ContentLink>::link(
                "participant",
                ty::<Option<Obj<Participant>>>,
                "The participant or the organization; null for other audiences, or when you may not see it.",
                |pick| one::<LinkRow, Participant>(pick, |row| row.participant_id),
            ),
            Field::<ContentLink>::value("linkedAt", ty::<DateTime>, "When the link was made.", |row, out| {
                out.instant(row.linked_at);
            }),
            Field::<ContentLink>::value("linkedBy", ty::<String>, "The name of who made it.", |row, out| {
                out.str(&row.linked_by);
            }),
            Field::<ContentLink>::value(
                "unlinkedAt",
                ty::<Option<DateTime>>,
                "When it was broken; null while it holds.",
                |row, out| out.opt_instant(row.unlinked_at),
            ),
            Field::<ContentLink>::value(
                "unlinkedBy",
                ty::<Option<String>>,
                "The name of who broke it; null while it holds.",
                |row, out| out.opt_str(row.unlinked_by.as_deref()),
            ),
            Field::<ContentLink>::value(
                "unlinkReason",
                ty::<Option<UnlinkReason>>,
                "Why it was broken; null while it holds.",
                |row, out| out.opt_str(row.unlink_reason.map(crate::content::UnlinkReason::as_str)),
            ),
        ];
        FIELDS
    }
}

impl Listed for ContentLink {
    type Node = Self;
    const CONNECTION: &'static str = "ContentLinkConnection";
    const CONNECTION_DOC: &'static str = "A page of links, the latest first.";
    const EDGE: &'static str = "ContentLinkEdge";

    fn edge_fields() -> &'static [Field<Edge<Self>>] {
        Edge::<Self>::BASIC
    }

    fn node(row: &LinkRow) -> &LinkRow {
        row
    }
}

/// Leads from items to all their links.
///
/// # Errors
/// When an argument does not fit its type.
pub fn links(pick: &Pick<'_>) -> ServerResult<Box<dyn Link<ContentRow>>> {
    let window = page_args(pick)?;
    connection::<ContentRow, ContentLink>(
        pick,
        Box::new(move |exec: &mut Exec<'_>, rows, asked| {
            let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
            let found = if asked.rows { store::links(exec.conn, &ids, &window)? } else { HashMap::new() };
            let count = |ids: &[i64]| store::link_counts(exec.conn, ids);
            let totals = asked.count.then(|| totals(&ids, asked.rows.then_some(&found), &window, count)).transpose()?;
            let pages = aligned(&ids, found, totals.as_ref());
            Ok(Pages { pages, cursor: Box::new(|row: &LinkRow| position("links", [Key::Int(row.id)])) })
        }),
    )
}
