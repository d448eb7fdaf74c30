//! The lists of content: the viewer's feed, and what a group shows.

use std::collections::HashMap;

use async_graphql::ServerResult;

use super::{Content, ContentRow};
use crate::content::Audience;
use crate::content::kind::ContentKind;
use crate::content::store::{self, LinkedRow};
use crate::content::visibility::audience_of;
use crate::error::Error;
use crate::graphql::engine::{
    Argument, Edge, EdgeRow, Entity, Exec, Field, Link, Listed, Obj, PAGE_ARGS, Pages, Pick, arg, connection, each,
    inline_list, input, one, page_args, ty,
};
use crate::graphql::enums::{ContentAudience, ContentKind as KindName};
use crate::graphql::inputs::set;
use crate::graphql::scalars::DateTime;
use crate::graphql::types::group::Group;
use crate::graphql::types::participant::Participant;
use crate::graphql::types::viewer::ViewerRow;
use crate::graphql::types::{aligned, totals};
use crate::groups::store::GroupRow;
use crate::members::belonging::{self, Told};
use crate::page::Page;

/// An item in the feed.
pub struct FeedItem;
/// An item as a group shows it.
pub struct GroupContent;
/// One way by which an item comes to the viewer.
pub struct ContentPath;

/// An audience of the viewer; for a group the chain of groups down to a membership.
#[derive(Clone, Debug)]
pub struct PathRow {
    audience: Audience,
    participant: Option<i64>,
    groups: Vec<i64>,
}

/// An item, and why it is shown.
type FeedRow = (ContentRow, Vec<PathRow>);

impl Entity for ContentPath {
    const NAME: &'static str = "ContentPath";
    const DOC: &'static str = "One way by which an item comes to you.";
    type Row = PathRow;

    fn fields() -> &'static [Field<Self>] {
        const FIELDS: &[Field<ContentPath>] = &[
            Field::<ContentPath>::value("audience", ty::<ContentAudience>, "To whom the item is shown.", |row, out| {
                out.str(row.audience.as_str());
            }),
            Field::<ContentPath>::link(
                "participant",
                ty::<Option<Obj<Participant>>>,
                "You or the child of yours who belongs to the audience; null where it is not about one of you, such as with what \
                 everybody sees.",
                |pick| one::<PathRow, Participant>(pick, |row| row.participant),
            ),
            Field::<ContentPath>::link(
                "groups",
                ty::<Vec<Obj<Group>>>,
                "The groups on the way: from the one to which the item is linked down to the one with the membership; empty for \
                 other audiences.",
                |pick| each::<PathRow, Group>(pick, |row| row.groups.clone()),
            ),
        ];
        FIELDS
    }
}

impl Entity for FeedItem {
    const NAME: &'static str = "FeedItem";
    const DOC: &'static str = "";
    type Row = FeedRow;

    fn fields() -> &'static [Field<Self>] {
        &[]
    }
}

impl Listed for FeedItem {
    type Node = Content;
    const CONNECTION: &'static str = "FeedConnection";
    const CONNECTION_DOC: &'static str = "A page of what you may see, the newest first.";
    const EDGE: &'static str = "FeedEdge";

    fn edge_fields() -> &'static [Field<Edge<Self>>] {
        const FIELDS: &[Field<Edge<FeedItem>>] = &[
            Edge::<FeedItem>::cursor(),
            Field::<Edge<FeedItem>>::link(
                "via",
                ty::<Vec<Obj<ContentPath>>>,
                "Why you see it: every way by which it is shown to you or to a child of yours. Empty when you see it only because \
                 you made it or administer the organization.",
                |pick| inline_list::<EdgeRow<FeedRow>, ContentPath>(pick, |row| row.row.1.as_slice()),
            ),
            Edge::<FeedItem>::node(),
        ];
        FIELDS
    }

    fn node(row: &FeedRow) -> &ContentRow {
        &row.0
    }
}

/// The arguments of the lists of published content.
pub const ARGS: &[Argument] = &[
    PAGE_ARGS[0],
    PAGE_ARGS[1],
    PAGE_ARGS[2],
    PAGE_ARGS[3],
    arg("kinds", input::<Option<Vec<KindName>>>, "Only items of these kinds; all when absent."),
];

fn kinds(pick: &Pick<'_>) -> ServerResult<Option<Vec<ContentKind>>> {
    let kinds: Option<Vec<KindName>> = pick.arg("kinds")?;
    Ok(kinds.map(set))
}

/// Leads from the viewer to everything that the viewer may see.
///
/// # Errors
/// When an argument does not fit its type.
pub fn feed(pick: &Pick<'_>) -> ServerResult<Box<dyn Link<ViewerRow>>> {
    let window = page_args(pick)?;
    let kinds = kinds(pick)?;
    let wants_via = pick.below("edges").is_some_and(|edges| edges.wants("via"));
    connection::<ViewerRow, FeedItem>(
        pick,
        Box::new(move |exec: &mut Exec<'_>, viewers, asked| {
            let vision = exec.vision()?;
            let now = exec.scope.instant();
            let pages = viewers.iter().map(|_| {
                let mut page = Page::default();
                if asked.rows {
                    page = store::feed(exec.conn, &vision, now, asked.details, kinds.as_deref(), &window)?;
                }
                let known = window.total(&page).filter(|_| asked.rows);
                let count = |exec: &mut Exec<'_>| match known {
                    Some(total) => Ok(total),
                    None => vision.feed_count(exec.conn, kinds.as_deref()),
                };
                let total = asked.count.then(|| count(exec)).transpose()?;
                let mut paths = if wants_via { paths(exec, &page.rows)? } else { HashMap::new() };
                let (has_next, has_previous) = (page.has_next, page.has_previous);
                let rows = page.rows.into_iter().map(|row| {
                    let via = paths.remove(&row.id).unwrap_or_default();
                    (row, via)
                });
                Ok(Page { rows: rows.collect(), has_next, has_previous, total })
            });
            let pages = pages.collect::<Result<_, Error>>()?;
            Ok(Pages { pages, cursor: Box::new(|(row, _): &FeedRow| row.feed_keys()) })
        }),
    )
}

/// Every way by which each of the items comes to the viewer.
fn paths(exec: &mut Exec<'_>, items: &[ContentRow]) -> Result<HashMap<i64, Vec<PathRow>>, Error> {
    let ids: Vec<i64> = items.iter().map(|row| row.id).collect();
    let vision = exec.vision()?;
    let reasons = vision.reasons(exec.conn, &ids)?;
    let (standing, compositions) = (exec.standing()?, exec.compositions()?);
    let own = |group: i64| vision.belonging(group).map(move |participant| (group, participant));
    let (mut places, mut pairs) = (Vec::new(), Vec::new());
    for (item, keys) in &reasons {
        for key in keys {
            let of = match audience_of(*key) {
                (Audience::Group, group) => own(group).collect(),
                _ => Vec::new(),
            };
            places.push((*item, *key, of.len()));
            pairs.extend(of);
        }
    }
    // One is told everything of oneself and one's own.
    let told = Told { family: &[], tells: &|_, _| true };
    let chains = belonging::chains(&standing, &compositions, &pairs, &told, exec.allowance())?;
    let mut chains = pairs.into_iter().zip(chains);
    let mut paths: HashMap<i64, Vec<PathRow>> = HashMap::new();
    for (item, key, number) in places {
        let of = chains.by_ref().take(number).flat_map(|((_, participant), chains)| {
            let path = move |groups| PathRow { audience: Audience::Group, participant: Some(participant), groups };
            chains.into_iter().map(path)
        });
        let of: Vec<PathRow> = of.collect();
        paths.entry(item).or_default().extend(if of.is_empty() { vec![outright(key)] } else { of });
    }
    Ok(paths)
}

/// The one way by which an item comes to an audience that is no group, or to a group that the viewer leads without belonging
/// to it.
fn outright(key: i64) -> PathRow {
    let (audience, target) = audience_of(key);
    let participant = (audience == Audience::Participant).then_some(target);
    PathRow { audience, participant, groups: if audience == Audience::Group { vec![target] } else { Vec::new() } }
}

impl Entity for GroupContent {
    const NAME: &'static str = "GroupContent";
    const DOC: &'static str = "";
    type Row = LinkedRow;

    fn fields() -> &'static [Field<Self>] {
        &[]
    }
}

impl Listed for GroupContent {
    type Node = Content;
    const CONNECTION: &'static str = "GroupContentConnection";
    const CONNECTION_DOC: &'static str = "A page of what a group shows, the newest first.";
    const EDGE: &'static str = "GroupContentEdge";

    fn edge_fields() -> &'static [Field<Edge<Self>>] {
        const FIELDS: &[Field<Edge<GroupContent>>] = &[
            Edge::<GroupContent>::cursor(),
            Field::<Edge<GroupContent>>::value(
                "linkedAt",
                ty::<DateTime>,
                "When the item was linked to the group.",
                |row, out| out.instant(row.row.linked_at),
            ),
            Edge::<GroupContent>::node(),
        ];
        FIELDS
    }

    fn node(row: &LinkedRow) -> &ContentRow {
        &row.content
    }
}

/// Leads from groups to what they show.
///
/// # Errors
/// When an argument does not fit its type.
pub fn of_groups(pick: &Pick<'_>) -> ServerResult<Box<dyn Link<GroupRow>>> {
    let window = page_args(pick)?;
    let kinds = kinds(pick)?;
    connection::<GroupRow, GroupContent>(
        pick,
        Box::new(move |exec: &mut Exec<'_>, rows, asked| {
            let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
            let (vision, now, kinds) = (exec.vision()?, exec.scope.instant(), kinds.as_deref());
            let found = if asked.rows {
                store::pages_of_groups(exec.conn, &vision, now, asked.details, &ids, kinds, &window)?
            } else {
                HashMap::new()
            };
            let count = |ids: &[i64]| store::counts_of_groups(exec.conn, &vision, now, ids, kinds);
            let totals = asked.count.then(|| totals(&ids, asked.rows.then_some(&found), &window, count)).transpose()?;
            let pages = aligned(&ids, found, totals.as_ref());
            Ok(Pages { pages, cursor: Box::new(|row: &LinkedRow| row.content.feed_keys()) })
        }),
    )
}
