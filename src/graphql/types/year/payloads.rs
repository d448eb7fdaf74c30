//! What mutations of year transitions and moves answer with.

use async_graphql::ServerResult;

use super::YearTransition;
use crate::content::store as content;
use crate::error::Error;
use crate::graphql::engine::{
    Connection, Entity, Exec, Field, Link, Obj, PAGE_ARGS, Pages, Pick, connection, inline_list, one, page_args, ty,
};
use crate::graphql::types::content::{Content, ContentRow};
use crate::graphql::types::group::Group;
use crate::graphql::types::membership::Membership;
use crate::graphql::types::payload::{PayloadRow, UserError, Warning, payload};
use crate::members::store::{self as members, MembershipRow};
use crate::page::{Key, Page};
use crate::year::moving::Moved;
use crate::year::relink::Relinked;
use crate::year::undo::Undone;

payload!(
    YearTransitionPayload,
    i64,
    "What became of a year transition.",
    [Field::<YearTransitionPayload>::link(
        "yearTransition",
        ty::<Option<Obj<YearTransition>>>,
        "The transition as it is now; null when the mutation was refused.",
        |pick| one::<PayloadRow<i64>, YearTransition>(pick, |row| row.done),
    )]
);

payload!(
    RelinkContentPayload,
    Relinked,
    "What became of content that was to be linked again.",
    [
        Field::<RelinkContentPayload>::value("relinked", ty::<i32>, "How many links were made.", |row, out| {
            out.int(row.done.as_ref().map_or(0, |done| done.relinked));
        }),
        Field::<RelinkContentPayload>::link(
            "yearTransition",
            ty::<Option<Obj<YearTransition>>>,
            "The transition that had broken the links; null when the mutation was refused.",
            |pick| one::<PayloadRow<Relinked>, YearTransition>(pick, |row| row.done.as_ref().map(|done| done.id)),
        ),
    ]
);

payload!(
    UndoYearTransitionPayload,
    Undone,
    "What became of a year transition that was to be undone.",
    [
        Field::<UndoYearTransitionPayload>::link(
            "yearTransition",
            ty::<Option<Obj<YearTransition>>>,
            "The transition as it is now; null when the mutation was refused.",
            |pick| one::<PayloadRow<Undone>, YearTransition>(pick, |row| row.done.as_ref().map(|done| done.id)),
        ),
        Field::<UndoYearTransitionPayload>::value(
            "membershipsRestored",
            ty::<i32>,
            "How many memberships that had ended with the transition are as they were before it.",
            |row, out| out.int(row.done.as_ref().map_or(0, |done| done.memberships_restored)),
        ),
        Field::<UndoYearTransitionPayload>::value(
            "membershipsAnnulled",
            ty::<i32>,
            "How many memberships that the transition had made count no more.",
            |row, out| out.int(row.done.as_ref().map_or(0, |done| done.memberships_annulled)),
        ),
        Field::<UndoYearTransitionPayload>::value(
            "linksRestored",
            ty::<i32>,
            "How many links between content and groups hold again.",
            |row, out| out.int(row.done.as_ref().map_or(0, |done| done.links_restored)),
        ),
        Field::<UndoYearTransitionPayload>::value(
            "linksLeft",
            ty::<i32>,
            "How many links stay broken, because the item was published anew or withdrawn since.",
            |row, out| out.int(row.done.as_ref().map_or(0, |done| done.links_left)),
        ),
        Field::<UndoYearTransitionPayload>::value(
            "itemsLeft",
            ty::<Vec<String>>,
            "The titles of the first 50 items of which links stay broken.",
            |row, out| {
                let left = row.done.as_ref().map_or(&[][..], |done| done.left.as_slice());
                out.strings(left.iter().map(String::as_str));
            },
        ),
    ]
);

type MovedRow = PayloadRow<Moved>;

payload!(
    MoveMembersPayload,
    Moved,
    "What became of members who were to move to another group.",
    [
        Field::<MoveMembersPayload>::link(
            "fromGroup",
            ty::<Option<Obj<Group>>>,
            "The group that they leave; null when the mutation was refused.",
            |pick| one::<MovedRow, Group>(pick, |row| row.done.as_ref().map(|done| done.from_group_id)),
        ),
        Field::<MoveMembersPayload>::link(
            "toGroup",
            ty::<Option<Obj<Group>>>,
            "The group to which they go; null when the mutation was refused.",
            |pick| one::<MovedRow, Group>(pick, |row| row.done.as_ref().map(|done| done.to_group_id)),
        ),
        Field::<MoveMembersPayload>::value("moved", ty::<i32>, "How many members moved, or would.", |row, out| {
            out.int(row.done.as_ref().map_or(0, |done| done.moved));
        }),
        Field::<MoveMembersPayload>::value(
            "alreadyMember",
            ty::<i32>,
            "How many of them were members of the other group already, and got no second membership.",
            |row, out| out.int(row.done.as_ref().map_or(0, |done| done.already_member)),
        ),
        Field::<MoveMembersPayload>::value(
            "optedOut",
            ty::<i32>,
            "How many left the other group by themselves before, so that they do not move.",
            |row, out| out.int(row.done.as_ref().map_or(0, |done| done.opted_out)),
        ),
        Field::<MoveMembersPayload>::link(
            "memberships",
            ty::<Option<Obj<Connection<Membership>>>>,
            "The memberships that were made; empty after a dry run.",
            memberships,
        )
        .args(&PAGE_ARGS),
        Field::<MoveMembersPayload>::value(
            "linked",
            ty::<i32>,
            "How many items are shown to the new group from now on, too, or would be.",
            |row, out| out.int(row.done.as_ref().map_or(0, |done| done.linked)),
        ),
        Field::<MoveMembersPayload>::link(
            "contentLeftBehind",
            ty::<Option<Obj<Connection<Content>>>>,
            "The content that the old group shows and the new one does not, so that it did not move along.",
            left_behind,
        )
        .args(&PAGE_ARGS),
        Field::<MoveMembersPayload>::link(
            "warnings",
            ty::<Vec<Obj<Warning>>>,
            "What you should know about what was done all the same.",
            |pick| inline_list::<MovedRow, Warning>(pick, |row| row.done.as_ref().map_or(&[], |done| &done.warnings)),
        ),
        Field::<MoveMembersPayload>::value(
            "dryRun",
            ty::<bool>,
            "Whether this only says what would happen.",
            |row, out| out.bool(row.done.as_ref().is_some_and(|done| done.dry_run)),
        ),
    ]
);

fn memberships(pick: &Pick<'_>) -> ServerResult<Box<dyn Link<MovedRow>>> {
    let window = page_args(pick)?;
    connection::<MovedRow, Membership>(
        pick,
        Box::new(move |exec: &mut Exec<'_>, rows, asked| {
            let (sight, today) = (exec.sight()?, exec.scope.today);
            let pages = rows.iter().map(|row| {
                let all = row.done.as_ref().map_or(&[][..], |done| done.memberships.as_slice());
                listed(all, &window, asked.rows, |ids| {
                    let mut found = members::by_ids(exec.conn, &sight, today, ids)?;
                    found.sort_by_key(|row| row.id);
                    Ok(found)
                })
            });
            let pages = pages.collect::<Result<_, Error>>()?;
            Ok(Pages { pages, cursor: Box::new(|row: &MembershipRow| vec![Key::Int(row.id)]) })
        }),
    )
}

fn left_behind(pick: &Pick<'_>) -> ServerResult<Box<dyn Link<MovedRow>>> {
    let window = page_args(pick)?;
    connection::<MovedRow, Content>(
        pick,
        Box::new(move |exec: &mut Exec<'_>, rows, asked| {
            let (vision, now) = (exec.vision()?, exec.scope.instant());
            let pages = rows.iter().map(|row| {
                let all = row.done.as_ref().map_or(&[][..], |done| done.left_behind.as_slice());
                // What the viewer may not see is not there, and not counted.
                let seen = content::seen_among(exec.conn, &vision, all)?;
                listed(&seen, &window, asked.rows, |ids| {
                    let mut found = content::by_ids(exec.conn, &vision, now, asked.details, ids)?;
                    found.sort_by_key(|row| row.id);
                    Ok(found)
                })
            });
            let pages = pages.collect::<Result<_, Error>>()?;
            Ok(Pages { pages, cursor: Box::new(|row: &ContentRow| vec![Key::Int(row.id)]) })
        }),
    )
}

/// The page of a list of keys, by key; `read` finds the rows, by key as well.
fn listed<Row>(
    all: &[i64],
    window: &crate::page::Window,
    wanted: bool,
    read: impl FnOnce(&[i64]) -> Result<Vec<Row>, Error>,
) -> Result<Page<Row>, Error> {
    let mut sorted = all.to_vec();
    sorted.sort_unstable();
    let page = window.within(sorted, &|id| vec![Key::Int(*id)]);
    let rows = if wanted && !page.rows.is_empty() { read(&page.rows)? } else { Vec::new() };
    let total = i64::try_from(all.len()).ok();
    Ok(Page { rows, has_next: page.has_next, has_previous: page.has_previous, total })
}
