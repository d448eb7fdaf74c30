//! Memberships as the graph shows them.

use async_graphql::{ID, ServerResult};

use super::group::Group;
use super::history::{HistoryEntry, history_of};
use super::participant::Participant;
use super::reason::{EndReason, StartReason};
use super::{aligned, totals};
use crate::access::table::Rule;
use crate::error::Error;
use crate::graphql::engine::{
    Argument, Connection, Edge, Entity, Exec, Field, Keyed, Link, Listed, Obj, PAGE_ARGS, Pages, Pick, arg, connection,
    input, one, page_args, ty,
};
use crate::graphql::enums::{MembershipOrigin, MembershipRole, MembershipStatus};
use crate::graphql::inputs::{MembershipFilter, MembershipOrder};
use crate::graphql::scalars::{Date, DateTime};
use crate::history::Entity as Object;
use crate::id::Kind;
use crate::members::store::{self, MembershipRow, Of};

/// A direct membership.
pub struct Membership;

const FIELDS: &[Field<Membership>] = &[
    Field::<Membership>::value("id", ty::<ID>, "The global identifier.", |row, out| out.id(Kind::Membership, row.id)),
    Field::<Membership>::link("group", ty::<Option<Obj<Group>>>, "The group; null when you may not see it.", |pick| {
        one::<MembershipRow, Group>(pick, |row| Some(row.group_id))
    }),
    Field::<Membership>::link(
        "participant",
        ty::<Option<Obj<Participant>>>,
        "The member; null when you may not see the participant.",
        |pick| one::<MembershipRow, Participant>(pick, |row| Some(row.participant_id)),
    ),
    Field::<Membership>::value(
        "startDate",
        ty::<Date>,
        "The first day on which the membership is in force.",
        |row, out| {
            out.date(Some(row.start_date));
        },
    ),
    Field::<Membership>::link("startReason", ty::<Obj<StartReason>>, "Why it started.", |pick| {
        one::<MembershipRow, StartReason>(pick, |row| Some(row.start_reason_id))
    }),
    Field::<Membership>::value(
        "endDate",
        ty::<Option<Date>>,
        "The first day on which the membership is no longer in force; null while no end is known.",
        |row, out| out.date(row.end_date),
    ),
    Field::<Membership>::link(
        "endReason",
        ty::<Option<Obj<EndReason>>>,
        "Why it ended; null while no end is known.",
        |pick| one::<MembershipRow, EndReason>(pick, |row| row.end_reason_id),
    ),
    Field::<Membership>::value(
        "endNote",
        ty::<Option<String>>,
        "A free note beside the end reason; null when there is none or you may not read it.",
        |row, out| out.opt_str(row.end_note.as_deref()),
    ),
    Field::<Membership>::value("role", ty::<MembershipRole>, "The part that the member plays.", |row, out| {
        out.str(row.role.as_str())
    }),
    Field::<Membership>::value("origin", ty::<MembershipOrigin>, "Where the membership came from.", |row, out| {
        out.str(row.origin.as_str());
    }),
    Field::<Membership>::value("status", ty::<MembershipStatus>, "Where the membership stands today.", |row, out| {
        out.str(row.status.as_str());
    }),
    Field::<Membership>::value(
        "annulledAt",
        ty::<Option<DateTime>>,
        "When the membership was declared a mistake; it is in no list or count since. Null otherwise.",
        |row, out| match row.annulled_at {
            Some(at) => out.instant(at),
            None => out.null(),
        },
    ),
    Field::<Membership>::value("createdAt", ty::<DateTime>, "When it was registered.", |row, out| {
        out.instant(row.created_at)
    }),
    Field::<Membership>::value("updatedAt", ty::<DateTime>, "When it was last changed.", |row, out| {
        out.instant(row.updated_at)
    }),
    Field::<Membership>::link(
        "history",
        ty::<Option<Obj<Connection<HistoryEntry>>>>,
        "Every change of this membership; null when you may not read it.",
        |pick| history_of::<MembershipRow>(pick, Object::Membership, |row| row.id),
    )
    .args(&PAGE_ARGS),
];

impl Entity for Membership {
    const NAME: &'static str = "Membership";
    const DOC: &'static str = "A direct membership: a participant is in a group for a period, for a reason. Coming back makes a \
                               new membership. Whoever belongs to a group only through its components has none.";
    const INTERFACES: &'static [&'static str] = &["Node"];
    type Row = MembershipRow;

    fn fields() -> &'static [Field<Self>] {
        FIELDS
    }

    fn opens(row: &MembershipRow, _: Rule) -> bool {
        row.personal
    }
}

impl Keyed for Membership {
    fn by_ids(exec: &mut Exec<'_>, ids: &[i64], _details: bool) -> Result<Vec<MembershipRow>, Error> {
        let sight = exec.sight()?;
        store::by_ids(exec.conn, &sight, exec.scope.today, ids)
    }

    fn key(row: &MembershipRow) -> i64 {
        row.id
    }
}

impl Listed for Membership {
    type Node = Self;
    const CONNECTION: &'static str = "MembershipConnection";
    const CONNECTION_DOC: &'static str = "A page of memberships.";
    const EDGE: &'static str = "MembershipEdge";

    fn edge_fields() -> &'static [Field<Edge<Self>>] {
        Edge::<Self>::BASIC
    }

    fn node(row: &MembershipRow) -> &MembershipRow {
        row
    }
}

/// The arguments of every list of memberships.
pub const ARGS: &[Argument] = &[
    PAGE_ARGS[0],
    PAGE_ARGS[1],
    PAGE_ARGS[2],
    PAGE_ARGS[3],
    arg("filter", input::<Option<MembershipFilter>>, "Which memberships; those in force today when absent."),
    arg("orderBy", input::<Option<MembershipOrder>>, "In which order; the latest start first when absent."),
];

/// Leads to the memberships of a group or a participant.
///
/// # Errors
/// When an argument does not fit its type.
pub fn memberships_of<R: 'static>(pick: &Pick<'_>, of: Of, key: fn(&R) -> i64) -> ServerResult<Box<dyn Link<R>>> {
    let window = page_args(pick)?;
    let filter = MembershipFilter::resolve(pick.arg("filter")?, pick.scope).map_err(|error| pick.error(&error))?;
    let (by, order) = MembershipOrder::resolve(pick.arg("orderBy")?);
    connection::<R, Membership>(
        pick,
        Box::new(move |exec: &mut Exec<'_>, rows, asked| {
            let ids: Vec<i64> = rows.iter().map(|row| key(row)).collect();
            let sight = exec.sight()?;
            let today = exec.scope.today;
            let found = if asked.rows {
                store::pages(exec.conn, &sight, today, of, &ids, &filter, &order, &window)?
            } else {
                Default::default()
            };
            let read = asked.rows.then_some(&found);
            let count = |ids: &[i64]| store::counts(exec.conn, &sight, of, ids, &filter);
            let totals = asked.count.then(|| totals(&ids, read, &window, count)).transpose()?;
            let pages = aligned(&ids, found, totals.as_ref());
            Ok(Pages { pages, cursor: Box::new(move |row: &MembershipRow| by.keys(row)) })
        }),
    )
}
