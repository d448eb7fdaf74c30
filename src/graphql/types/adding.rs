//! What became of an addition of members, as the graph shows it.

use std::sync::Arc;

use async_graphql::ID;

use super::membership::Membership;
use super::participant::Participant;
use super::payload::{PayloadRow, UserError, code, payload};
use crate::error::Error;
use crate::graphql::engine::{
    Connection, Entity, Exec, Field, Link, Obj, PAGE_ARGS, Pages, Pick, connection, inline_list, one, page_args, ty,
};
use crate::graphql::user_error_code::UserErrorCode;
use crate::members::add::{Added, Refused};
use crate::members::store::{self as members, MembershipRow};
use crate::page::{Key, Page};

/// A participant who was not added.
pub struct RefusedMember;

impl Entity for RefusedMember {
    const NAME: &'static str = "RefusedMember";
    const DOC: &'static str = "A participant who cannot be added, and why.";
    type Row = Refused;

    fn fields() -> &'static [Field<Self>] {
        const FIELDS: &[Field<RefusedMember>] = &[
            Field::<RefusedMember>::value(
                "id",
                ty::<ID>,
                "The identifier that was asked for, or that of the participant whom the filter found.",
                |row, out| out.str(&row.id()),
            ),
            Field::<RefusedMember>::link(
                "participant",
                ty::<Option<Obj<Participant>>>,
                "The participant; null when there is none with the given identifier or you may not see it.",
                |pick| one::<Refused, Participant>(pick, |row| row.participant),
            ),
            Field::<RefusedMember>::value("code", ty::<UserErrorCode>, "The reason, for programmes.", |row, out| {
                code(&row.rejection, out)
            }),
            Field::<RefusedMember>::value("message", ty::<String>, "The reason, for people.", |row, out| {
                out.str(&row.rejection.message)
            }),
        ];
        FIELDS
    }
}

/// The addition, shared with the list of memberships that it made.
type AddedRow = PayloadRow<Arc<Added>>;

payload!(
    AddMembershipsPayload,
    Arc<Added>,
    "What became of an addition of members.",
    [
        Field::<AddMembershipsPayload>::value(
            "added",
            ty::<i32>,
            "How many participants were added, or would be in a dry run.",
            |row, out| {
                out.int(row.done.as_ref().map_or(0, |added| added.added));
            }
        ),
        Field::<AddMembershipsPayload>::value(
            "alreadyMember",
            ty::<i32>,
            "How many of the participants are members already, those among them whose membership follows from another group or \
             from an address.",
            |row, out| out.int(row.done.as_ref().map_or(0, |added| added.already_member)),
        ),
        Field::<AddMembershipsPayload>::value(
            "optedOut",
            ty::<i32>,
            "How many of the participants left the group by themselves and stay out.",
            |row, out| out.int(row.done.as_ref().map_or(0, |added| added.opted_out)),
        ),
        Field::<AddMembershipsPayload>::link(
            "refused",
            ty::<Vec<Obj<RefusedMember>>>,
            "Who cannot be added, and why.",
            |pick| {
                inline_list::<AddedRow, RefusedMember>(pick, |row| {
                    row.done.as_ref().map_or(&[], |added| added.refused.as_slice())
                })
            }
        ),
        Field::<AddMembershipsPayload>::link(
            "memberships",
            ty::<Option<Obj<Connection<Membership>>>>,
            "The memberships that were made, by the name of the participant; empty after a dry run.",
            new_memberships,
        )
        .args(&PAGE_ARGS),
        Field::<AddMembershipsPayload>::value(
            "dryRun",
            ty::<bool>,
            "Whether this only says what would happen.",
            |row, out| {
                out.bool(row.done.as_ref().is_some_and(|added| added.dry_run));
            }
        ),
    ]
);

fn new_memberships(pick: &Pick<'_>) -> async_graphql::ServerResult<Box<dyn Link<AddedRow>>> {
    let window = page_args(pick)?;
    connection::<AddedRow, Membership>(
        pick,
        Box::new(move |exec: &mut Exec<'_>, rows, asked| {
            let pages = rows.iter().map(|row| {
                let ids: &[i64] = row.done.as_ref().map_or(&[], |added| added.memberships.as_slice());
                let mut numbered: Vec<(usize, i64)> = ids.iter().copied().enumerate().collect();
                numbered.sort_unstable();
                let keys = window.within(numbered, &|(_, id)| vec![Key::Int(*id)]);
                let sight = exec.sight()?;
                let wanted: Vec<i64> = keys.rows.iter().map(|(_, id)| *id).collect();
                let mut found = if asked.rows && !wanted.is_empty() {
                    members::by_ids(exec.conn, &sight, exec.scope.today, &wanted)?
                } else {
                    Vec::new()
                };
                found.sort_by_key(|row| row.id);
                let total = i64::try_from(ids.len()).ok();
                Ok(Page { rows: found, has_next: keys.has_next, has_previous: keys.has_previous, total })
            });
            let pages = pages.collect::<Result<_, Error>>()?;
            Ok(Pages { pages, cursor: Box::new(|row: &MembershipRow| vec![Key::Int(row.id)]) })
        }),
    )
}
