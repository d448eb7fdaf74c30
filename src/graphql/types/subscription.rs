//! What somebody can join and leave by oneself.

use async_graphql::ServerResult;

use super::group::Group;
use super::membership::Membership;
use super::payload::UserError;
use super::viewer::ViewerRow;
use crate::error::{Error, Rejection};
use crate::graphql::engine::{
    Argument, Connection, Edge, Entity, Exec, Field, Link, Listed, Obj, PAGE_ARGS, Pages, Pick, Values, arg,
    connection, inline, inline_list, input, one, page_args, ty,
};
use crate::graphql::inputs::key;
use crate::groups::store::{GroupOrder, GroupRow};
use crate::id::Kind;
use crate::members::effective;
use crate::page::{Page, Window};
use crate::people::commands::administration_sight;
use crate::people::store as people;
use crate::subscriptions::facts::{self, Place};
use crate::subscriptions::rule::{Acting, Wish, refusals};
use crate::subscriptions::store::{self, Offer};

/// A subscription group as somebody stands with it.
pub struct GroupSubscription;

/// A group, the membership of it, and what stands in the way of joining and leaving.
pub struct SubscriptionRow {
    group: GroupRow,
    membership: Option<i64>,
    joining: Vec<Rejection>,
    leaving: Vec<Rejection>,
}

impl Entity for GroupSubscription {
    const NAME: &'static str = "GroupSubscription";
    const DOC: &'static str =
        "A subscription group, where a participant stands with it, and whether it can be joined or left.";
    type Row = SubscriptionRow;

    fn fields() -> &'static [Field<Self>] {
        const FIELDS: &[Field<GroupSubscription>] = &[
            Field::<GroupSubscription>::link("group", ty::<Obj<Group>>, "The group.", |pick| {
                inline::<SubscriptionRow, Group>(pick, |row| &row.group)
            }),
            Field::<GroupSubscription>::link(
                "membership",
                ty::<Option<Obj<Membership>>>,
                "The direct membership that is in force; else the one that is to come, else the last one. Null when there never \
                 was any.",
                |pick| one::<SubscriptionRow, Membership>(pick, |row| row.membership),
            ),
            Field::<GroupSubscription>::value(
                "canSubscribe",
                ty::<bool>,
                "Whether the participant can join now.",
                |row, out| out.bool(row.joining.is_empty()),
            ),
            Field::<GroupSubscription>::link(
                "subscribeErrors",
                ty::<Vec<Obj<UserError>>>,
                "Everything that stands in the way of joining; empty when the participant can join.",
                |pick| inline_list::<SubscriptionRow, UserError>(pick, |row| row.joining.as_slice()),
            ),
            Field::<GroupSubscription>::value(
                "canUnsubscribe",
                ty::<bool>,
                "Whether the participant can leave now.",
                |row, out| out.bool(row.leaving.is_empty()),
            ),
            Field::<GroupSubscription>::link(
                "unsubscribeErrors",
                ty::<Vec<Obj<UserError>>>,
                "Everything that stands in the way of leaving; empty when the participant can leave.",
                |pick| inline_list::<SubscriptionRow, UserError>(pick, |row| row.leaving.as_slice()),
            ),
        ];
        FIELDS
    }
}

impl Listed for GroupSubscription {
    type Node = Self;
    const CONNECTION: &'static str = "GroupSubscriptionConnection";
    const CONNECTION_DOC: &'static str = "A page of subscription groups, by name.";
    const EDGE: &'static str = "GroupSubscriptionEdge";

    fn edge_fields() -> &'static [Field<Edge<Self>>] {
        Edge::<Self>::BASIC
    }

    fn node(row: &SubscriptionRow) -> &SubscriptionRow {
        row
    }
}

/// The arguments of the list of subscription groups.
pub const ARGS: &[Argument] = &[
    PAGE_ARGS[0],
    PAGE_ARGS[1],
    PAGE_ARGS[2],
    PAGE_ARGS[3],
    arg(
        "participantId",
        input::<Option<async_graphql::ID>>,
        "For whom: a child whose guardian you are, or somebody you administer; the viewer when absent.",
    ),
];

/// For whom the list is, and in whose name.
struct Target {
    participant: i64,
    acting: Acting,
}

struct ForTarget {
    participant: Option<i64>,
    list: Box<dyn Link<Target>>,
}

/// Leads from the viewer to the subscription groups of a participant; null for whoever may not act for that one.
///
/// # Errors
/// When an argument does not fit its type.
pub fn subscriptions(pick: &Pick<'_>) -> ServerResult<Box<dyn Link<ViewerRow>>> {
    let window = page_args(pick)?;
    let id: Option<async_graphql::ID> = pick.arg("participantId")?;
    let participant = id.map(|id| key(Kind::Participant, &id, "participantId")).transpose();
    let participant = participant.map_err(|error| pick.error(&error))?;
    let list = connection::<Target, GroupSubscription>(
        pick,
        Box::new(move |exec: &mut Exec<'_>, targets, asked| {
            let order = GroupOrder::Name.order(false);
            let pages = targets.iter().map(|target| {
                let offer = offer(exec, target)?;
                let mut page = if asked.rows {
                    let sight = exec.sight()?;
                    let page = store::page(exec.conn, &sight, &offer, &order, &window)?;
                    stand(exec, target, page)?
                } else {
                    Page::default()
                };
                page.total = asked.count.then(|| total(exec, &offer, &page, &window, asked.rows)).transpose()?;
                Ok(page)
            });
            let pages = pages.collect::<Result<_, Error>>()?;
            Ok(Pages { pages, cursor: Box::new(|row: &SubscriptionRow| GroupOrder::Name.keys(&row.group)) })
        }),
    )?;
    Ok(Box::new(ForTarget { participant, list }))
}

impl Link<ViewerRow> for ForTarget {
    fn follow(&self, exec: &mut Exec<'_>, rows: &[&ViewerRow]) -> Result<Values, Error> {
        let target = self.target(exec)?;
        let targets: Vec<&Target> = rows.iter().filter_map(|_| target.as_ref()).collect();
        let values = if targets.is_empty() { Values::default() } else { self.list.follow(exec, &targets)? };
        Ok(values.arranged((0..rows.len()).map(|place| target.is_some().then_some(place))))
    }
}

impl ForTarget {
    fn target(&self, exec: &mut Exec<'_>) -> Result<Option<Target>, Error> {
        let viewer = &exec.scope.viewer;
        let Some(participant) = self.participant.or(viewer.participant) else { return Ok(None) };
        if exec.sight()?.family().includes(participant) {
            return Ok(Some(Target { participant, acting: Acting::Own }));
        }
        let viewer = &exec.scope.viewer;
        if !viewer.is_some_administrator() {
            return Ok(None);
        }
        let sight = administration_sight(exec.conn, exec.scope)?;
        let found = people::by_ids(exec.conn, &sight, false, &[participant])?;
        Ok((!found.is_empty()).then_some(Target { participant, acting: Acting::Administrator }))
    }
}

fn offer(exec: &mut Exec<'_>, target: &Target) -> Result<Offer, Error> {
    let participant = target.participant;
    let compositions = exec.compositions()?;
    let standing = effective::of_participants(exec.conn, &compositions, &[participant], exec.scope.today)?;
    let organizations = store::organizations(exec.conn, participant)?;
    let viewer = &exec.scope.viewer;
    let limited = target.acting == Acting::Administrator && !viewer.administrator;
    let within = limited.then(|| viewer.administers.clone());
    let guardian = (target.acting == Acting::Own).then_some(viewer.participant).flatten();
    let guardian = guardian.filter(|guardian| *guardian != participant).map(|guardian| (guardian, exec.scope.today));
    Ok(Offer { participant, organizations, within, guardian, belongs: standing.groups() })
}

fn total(
    exec: &mut Exec<'_>,
    offer: &Offer,
    page: &Page<SubscriptionRow>,
    window: &Window,
    read: bool,
) -> Result<i64, Error> {
    match window.total(page).filter(|_| read) {
        Some(total) => Ok(total),
        None => store::count(exec.conn, offer),
    }
}

/// Where the participant stands with each group of a page.
fn stand(exec: &mut Exec<'_>, target: &Target, page: Page<GroupRow>) -> Result<Page<SubscriptionRow>, Error> {
    let places: Vec<Place> = page.rows.iter().filter_map(Place::of_row).collect();
    let sight = exec.sight()?;
    let viewer = &exec.scope.viewer;
    let acting = |place: &Place| match target.acting {
        Acting::Administrator if !viewer.may_administer(place.organization_id) => Acting::Stranger,
        Acting::Own if !sight.family().acts_for(target.participant, place.organization_id) => Acting::Stranger,
        acting => acting,
    };
    let found = facts::of_many(exec.conn, exec.cache, exec.scope, target.participant, &places, acting)?;
    let rows = page.rows.into_iter().zip(found).map(|(group, found)| SubscriptionRow {
        group,
        membership: found.membership,
        joining: refusals(Wish::Join, &found.facts),
        leaving: refusals(Wish::Leave, &found.facts),
    });
    Ok(Page { rows: rows.collect(), has_next: page.has_next, has_previous: page.has_previous, total: page.total })
}

/// A page of the subscription groups of somebody, as the schema names it.
pub type List = Option<Obj<Connection<GroupSubscription>>>;
