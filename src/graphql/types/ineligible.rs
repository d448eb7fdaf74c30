//! Who is in a restricted group and may no longer join it, as the graph shows it.

use async_graphql::ServerResult;

use super::membership::Membership;
use crate::error::Error;
use crate::graphql::engine::{Connection, Exec, Link, Obj, Pages, Pick, connection, page_args};
use crate::groups::store::GroupRow;
use crate::members::store::{self, MembershipOrder, MembershipRow};
use crate::page::{Key, Page, position};
use crate::subscriptions::ineligible::of_groups;
use crate::subscriptions::ineligible::store::Held;

/// Such a list as the schema names it.
pub type List = Option<Obj<Connection<Membership>>>;

/// What it is.
pub const DOC: &str = "Memberships in force of people who may no longer join: they joined or were added, and do not belong to \
                       `restrictedTo`. Their memberships last until somebody ends them. By name; empty when joining is not \
                       restricted; null when you do not administer the group.";

/// Leads from groups to such memberships.
///
/// # Errors
/// When an argument does not fit its type.
pub fn memberships(pick: &Pick<'_>) -> ServerResult<Box<dyn Link<GroupRow>>> {
    let window = page_args(pick)?;
    connection::<GroupRow, Membership>(
        pick,
        Box::new(move |exec: &mut Exec<'_>, rows, asked| {
            let restricted = |row: &&GroupRow| Some((row.id, row.more.as_ref()?.restricted_to_id?));
            let groups: Vec<(i64, i64)> = rows.iter().filter_map(restricted).collect();
            let compositions = exec.compositions()?;
            let mut found = of_groups(exec.conn, &compositions, &groups, exec.scope.today)?;
            let mut pages: Vec<Page<Held>> = Vec::with_capacity(rows.len());
            for row in rows {
                let held = found.remove(&row.id).unwrap_or_default();
                let total = i64::try_from(held.len()).ok();
                pages.push(Page { total, ..window.within(held, &keys) });
            }
            let wanted: Vec<i64> = pages.iter().flat_map(|page| &page.rows).map(|held| held.membership).collect();
            let mut read = if asked.rows { by_id(exec, &wanted)? } else { Default::default() };
            let filled = |page: Page<Held>| {
                let rows = page.rows.iter().filter_map(|held| read.remove(&held.membership)).collect();
                Page { rows, has_next: page.has_next, has_previous: page.has_previous, total: page.total }
            };
            let pages = pages.into_iter().map(filled).collect();
            Ok(Pages { pages, cursor: Box::new(|row: &MembershipRow| MembershipOrder::ParticipantName.keys(row)) })
        }),
    )
}

/// The position of a membership in the list, as that of the row which is read for it.
fn keys(held: &Held) -> Vec<Key> {
    let keys = [
        Key::Text(held.member_key.clone()),
        Key::Int(held.participant),
        Key::Text(held.start_date.to_string()),
        Key::Int(held.membership),
    ];
    position(MembershipOrder::ParticipantName.name(), keys)
}

fn by_id(exec: &mut Exec<'_>, ids: &[i64]) -> Result<std::collections::HashMap<i64, MembershipRow>, Error> {
    let sight = exec.sight()?;
    let rows = store::by_ids(exec.conn, &sight, exec.scope.today, ids)?;
    Ok(rows.into_iter().map(|row| (row.id, row)).collect())
}
