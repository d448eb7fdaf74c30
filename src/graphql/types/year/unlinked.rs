//! Content that a transition took away from its groups.

use std::collections::HashMap;

use async_graphql::{ID, ServerResult};

use crate::content::kind::ContentKind;
use crate::content::store as content;
use crate::error::Error;
use crate::graphql::engine::{
    Argument, Edge, EdgeRow, Entity, Exec, Field, Keyed, Link, Listed, Obj, PAGE_ARGS, Pages, Pick, arg, connection,
    input, many, one, page_args, ty,
};
use crate::graphql::enums::ContentKind as KindName;
use crate::graphql::inputs::{key, set};
use crate::graphql::scalars::DateTime;
use crate::graphql::types::content::{Content, ContentRow};
use crate::graphql::types::group::Group;
use crate::id::Kind;
use crate::page::Page;
use crate::year::TransitionRow;
use crate::year::relink::store::{self, BrokenFilter, BrokenRow};

/// A link that a transition broke, with its item.
pub struct UnlinkedContent;

/// A broken link and its item.
pub struct UnlinkedRow {
    transition_id: i64,
    broken: BrokenRow,
    content: ContentRow,
}

impl Entity for UnlinkedContent {
    const NAME: &'static str = "UnlinkedContent";
    const DOC: &'static str = "";
    type Row = UnlinkedRow;

    fn fields() -> &'static [Field<Self>] {
        &[]
    }
}

impl Listed for UnlinkedContent {
    type Node = Content;
    const CONNECTION: &'static str = "UnlinkedContentConnection";
    const CONNECTION_DOC: &'static str = "A page of content that a year transition took away from its groups, an entry for each group, in the order in which it had \
         been linked.";
    const EDGE: &'static str = "UnlinkedContentEdge";

    fn edge_fields() -> &'static [Field<Edge<Self>>] {
        const FIELDS: &[Field<Edge<UnlinkedContent>>] = &[
            Edge::<UnlinkedContent>::cursor(),
            Field::<Edge<UnlinkedContent>>::link(
                "group",
                ty::<Option<Obj<Group>>>,
                "The group that showed the item; null when you may not see it.",
                |pick| one::<EdgeRow<UnlinkedRow>, Group>(pick, |row| Some(row.row.broken.group_id)),
            ),
            Field::<Edge<UnlinkedContent>>::value(
                "unlinkedAt",
                ty::<DateTime>,
                "When the link was broken.",
                |row, out| out.instant(row.row.broken.unlinked_at),
            ),
            Field::<Edge<UnlinkedContent>>::link(
                "relinkedTo",
                ty::<Vec<Obj<Group>>>,
                "The groups to which the item was linked again after this transition.",
                relinked,
            ),
            Edge::<UnlinkedContent>::node(),
        ];
        FIELDS
    }

    fn node(row: &UnlinkedRow) -> &ContentRow {
        &row.content
    }
}

fn relinked(pick: &Pick<'_>) -> ServerResult<Box<dyn Link<EdgeRow<UnlinkedRow>>>> {
    many::<EdgeRow<UnlinkedRow>, Group>(
        pick,
        Box::new(|exec, rows, details| {
            let mut items: HashMap<i64, Vec<i64>> = HashMap::new();
            for row in rows {
                items.entry(row.row.transition_id).or_default().push(row.row.broken.content_id);
            }
            let mut groups: HashMap<(i64, i64), Vec<i64>> = HashMap::new();
            for (transition, items) in items {
                for (content, group) in store::relinked(exec.conn, transition, &items)? {
                    groups.entry((transition, content)).or_default().push(group);
                }
            }
            let mut ids: Vec<i64> = groups.values().flatten().copied().collect();
            ids.sort_unstable();
            ids.dedup();
            let found: HashMap<i64, _> =
                Group::by_ids(exec, &ids, details)?.into_iter().map(|row| (Group::key(&row), row)).collect();
            Ok(rows
                .iter()
                .map(|row| {
                    let of = groups.get(&(row.row.transition_id, row.row.broken.content_id));
                    of.into_iter().flatten().filter_map(|group| found.get(group).cloned()).collect()
                })
                .collect())
        }),
    )
}

/// The arguments of the list.
pub const ARGS: &[Argument] = &[
    PAGE_ARGS[0],
    PAGE_ARGS[1],
    PAGE_ARGS[2],
    PAGE_ARGS[3],
    arg("groupId", input::<Option<ID>>, "Only what this group showed; all groups when absent."),
    arg("kinds", input::<Option<Vec<KindName>>>, "Only items of these kinds; all when absent."),
];

/// Leads from transitions to the content that they took away.
///
/// # Errors
/// When an argument does not fit its type.
pub fn unlinked(pick: &Pick<'_>) -> ServerResult<Box<dyn Link<TransitionRow>>> {
    let window = page_args(pick)?;
    let group: Option<ID> = pick.arg("groupId")?;
    let group_id = group.map(|id| key(Kind::Group, &id, "groupId")).transpose().map_err(|error| pick.error(&error))?;
    let kinds: Option<Vec<KindName>> = pick.arg("kinds")?;
    let kinds: Option<Vec<ContentKind>> = kinds.map(set);
    let filter = BrokenFilter { group_id, kinds };
    connection::<TransitionRow, UnlinkedContent>(
        pick,
        Box::new(move |exec: &mut Exec<'_>, rows, asked| {
            let (vision, now) = (exec.vision()?, exec.scope.instant());
            if rows.len() > 1 {
                let message = "The content that transitions took away is listed for one of them at a time.";
                return Err(Error::BadInput(message.to_owned()));
            }
            let pages = rows.iter().map(|row| {
                let mut page = Page::default();
                if asked.rows {
                    page = store::page(exec.conn, &vision, row.id, &filter, &window)?;
                }
                let total = asked.count.then(|| match window.total(&page).filter(|_| asked.rows) {
                    Some(total) => Ok(total),
                    None => store::count(exec.conn, &vision, row.id, &filter),
                });
                let mut ids: Vec<i64> = page.rows.iter().map(|broken| broken.content_id).collect();
                ids.sort_unstable();
                ids.dedup();
                let items = content::by_ids(exec.conn, &vision, now, asked.details, &ids)?;
                let items: HashMap<i64, ContentRow> = items.into_iter().map(|item| (item.id, item)).collect();
                let shown = page.rows.into_iter().filter_map(|broken| {
                    let content = items.get(&broken.content_id).cloned()?;
                    Some(UnlinkedRow { transition_id: row.id, broken, content })
                });
                Ok(Page {
                    rows: shown.collect(),
                    has_next: page.has_next,
                    has_previous: page.has_previous,
                    total: total.transpose()?,
                })
            });
            let pages = pages.collect::<Result<_, Error>>()?;
            Ok(Pages { pages, cursor: Box::new(|row: &UnlinkedRow| row.broken.keys()) })
        }),
    )
}
