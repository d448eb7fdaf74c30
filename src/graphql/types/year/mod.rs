//! Year transitions as the graph shows them.

pub mod payloads;
pub mod preview;
pub mod unlinked;

use async_graphql::{Enum, ID, ServerResult};

use super::group::Group;
use super::participant::Participant;
use crate::error::Error;
use crate::graphql::engine::{
    Connection, Edge, Entity, Exec, Field, Keyed, Link, Listed, Obj, PAGE_ARGS, Pages, Pick, connection, one,
    page_args, ty,
};
use crate::graphql::scalars::{Date, DateTime, SchoolYear};
use crate::id::Kind;
use crate::page::{Key, Page, position};
use crate::year::planning::store;
use crate::year::{self, Exception, TransitionRow};
use preview::YearTransitionPreview;
use unlinked::UnlinkedContent;

/// Where a year transition stands.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "year::Status")]
pub enum YearTransitionStatus {
    /// It is planned and can be applied from its effective date on.
    Planned,
    /// A newer plan of the same school year took its place.
    Superseded,
    /// It was withdrawn before it was applied.
    Withdrawn,
    /// It was applied.
    Applied,
    /// It was applied and undone.
    Undone,
}

/// What becomes of a member of a group at a year transition.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "year::Outcome")]
pub enum YearTransitionOutcome {
    /// The member goes to another group.
    Moves,
    /// The member stays in the group.
    Stays,
    /// The member leaves and goes to no other group.
    Leaves,
}

/// From one school year to the next.
pub struct YearTransition;

impl Entity for YearTransition {
    const NAME: &'static str = "YearTransition";
    const DOC: &'static str = "The transition of an organization from one school year to the next: where the members of each year \
                               group go, and what that did once it was applied. Its administrators see it, and nobody else.";
    const INTERFACES: &'static [&'static str] = &["Node"];
    type Row = TransitionRow;

    fn fields() -> &'static [Field<Self>] {
        FIELDS
    }
}

const FIELDS: &[Field<YearTransition>] = &[
    Field::<YearTransition>::value("id", ty::<ID>, "The global identifier.", |row, out| {
        out.id(Kind::YearTransition, row.id);
    }),
    Field::<YearTransition>::link(
        "organization",
        ty::<Option<Obj<Participant>>>,
        "The organization whose groups are concerned; null when you may not see it.",
        |pick| one::<TransitionRow, Participant>(pick, |row| Some(row.organization_id)),
    ),
    Field::<YearTransition>::value("status", ty::<YearTransitionStatus>, "Where it stands.", |row, out| {
        out.str(row.status.as_str());
    }),
    Field::<YearTransition>::value("fromSchoolYear", ty::<SchoolYear>, "The school year that ends.", |row, out| {
        out.str(&row.from_year.to_string());
    }),
    Field::<YearTransition>::value("toSchoolYear", ty::<SchoolYear>, "The school year that begins.", |row, out| {
        out.str(&row.from_year.next().to_string());
    }),
    Field::<YearTransition>::value(
        "effectiveOn",
        ty::<Date>,
        "The day on which memberships of the old year are no longer in force and those of the new one are.",
        |row, out| out.date(Some(row.effective_on)),
    ),
    Field::<YearTransition>::value("createdAt", ty::<DateTime>, "When it was planned.", |row, out| {
        out.instant(row.created_at);
    }),
    Field::<YearTransition>::value("createdByName", ty::<String>, "The name of who planned it.", |row, out| {
        out.str(&row.created_by);
    }),
    Field::<YearTransition>::value(
        "appliedAt",
        ty::<Option<DateTime>>,
        "When it was applied; null when it was not.",
        |row, out| out.opt_instant(row.applied_at),
    ),
    Field::<YearTransition>::value(
        "appliedByName",
        ty::<Option<String>>,
        "The name of who applied it; null when it was not.",
        |row, out| out.opt_str(row.applied_by.as_deref()),
    ),
    Field::<YearTransition>::value(
        "undoableUntil",
        ty::<Option<DateTime>>,
        "Until when it can be undone; null when it was not applied, or is undone.",
        |row, out| out.opt_instant(row.undoable_until()),
    ),
    Field::<YearTransition>::value(
        "undoneAt",
        ty::<Option<DateTime>>,
        "When it was undone; null when it was not.",
        |row, out| out.opt_instant(row.undone_at),
    ),
    Field::<YearTransition>::value(
        "undoneByName",
        ty::<Option<String>>,
        "The name of who undid it; null when it was not.",
        |row, out| out.opt_str(row.undone_by.as_deref()),
    ),
    Field::<YearTransition>::link(
        "exceptions",
        ty::<Option<Obj<Connection<YearTransitionException>>>>,
        "The members of whom it is to be otherwise than of their group.",
        exceptions,
    )
    .args(&PAGE_ARGS),
    Field::<YearTransition>::link(
        "preview",
        ty::<Option<Obj<YearTransitionPreview>>>,
        "What applying it would do as things are now, or what it did; null when a newer plan took its place or it was \
         withdrawn. It is worked out for one transition at a time.",
        preview::preview,
    ),
    Field::<YearTransition>::link(
        "unlinkedContent",
        ty::<Option<Obj<Connection<UnlinkedContent>>>>,
        "The content that it took away from its groups, also what was linked again since: `relinkedTo` says to which. \
         As long as the transition is not undone, it can be linked again.",
        unlinked::unlinked,
    )
    .args(unlinked::ARGS),
];

impl Keyed for YearTransition {
    fn by_ids(exec: &mut Exec<'_>, ids: &[i64], _details: bool) -> Result<Vec<TransitionRow>, Error> {
        let sight = exec.sight()?;
        store::by_ids(exec.conn, &sight, ids)
    }

    fn key(row: &TransitionRow) -> i64 {
        row.id
    }
}

impl Listed for YearTransition {
    type Node = Self;
    const CONNECTION: &'static str = "YearTransitionConnection";
    const CONNECTION_DOC: &'static str = "A page of year transitions, the latest plan first.";
    const EDGE: &'static str = "YearTransitionEdge";

    fn edge_fields() -> &'static [Field<Edge<Self>>] {
        Edge::<Self>::BASIC
    }

    fn node(row: &TransitionRow) -> &TransitionRow {
        row
    }
}

fn exceptions(pick: &Pick<'_>) -> ServerResult<Box<dyn Link<TransitionRow>>> {
    let window = page_args(pick)?;
    connection::<TransitionRow, YearTransitionException>(
        pick,
        Box::new(move |exec: &mut Exec<'_>, rows, _| {
            let keys = |row: &(i64, Exception)| position("exceptions", [Key::Int(row.0)]);
            let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
            let mut found = store::exceptions_of(exec.conn, &ids)?;
            let pages = ids.iter().map(|id| {
                let all: Vec<_> = (1..).zip(found.remove(id).unwrap_or_default()).collect();
                let total = i64::try_from(all.len()).ok();
                Page { total, ..window.within(all, &keys) }
            });
            Ok(Pages { pages: pages.collect(), cursor: Box::new(keys) })
        }),
    )
}

/// A member of whom it is to be otherwise.
pub struct YearTransitionException;

impl Entity for YearTransitionException {
    const NAME: &'static str = "YearTransitionException";
    const DOC: &'static str = "A member of whom it is to be otherwise than of the group.";
    type Row = (i64, Exception);

    fn fields() -> &'static [Field<Self>] {
        const FIELDS: &[Field<YearTransitionException>] = &[
            Field::<YearTransitionException>::link(
                "participant",
                ty::<Option<Obj<Participant>>>,
                "The member; null when you may not see the participant.",
                |pick| one::<(i64, Exception), Participant>(pick, |(_, row)| Some(row.participant_id)),
            ),
            Field::<YearTransitionException>::link(
                "group",
                ty::<Option<Obj<Group>>>,
                "The group in which it is otherwise; null when it is so in every group of the plan.",
                |pick| one::<(i64, Exception), Group>(pick, |(_, row)| row.group_id),
            ),
            Field::<YearTransitionException>::value(
                "outcome",
                ty::<YearTransitionOutcome>,
                "What becomes of the member.",
                |(_, row), out| out.str(row.outcome.as_str()),
            ),
            Field::<YearTransitionException>::link(
                "toGroup",
                ty::<Option<Obj<Group>>>,
                "The group to which the member goes; null when staying or leaving.",
                |pick| one::<(i64, Exception), Group>(pick, |(_, row)| row.to_group_id),
            ),
        ];
        FIELDS
    }
}

impl Listed for YearTransitionException {
    type Node = Self;
    const CONNECTION: &'static str = "YearTransitionExceptionConnection";
    const CONNECTION_DOC: &'static str = "A page of the exceptions of a plan, as they were given.";
    const EDGE: &'static str = "YearTransitionExceptionEdge";

    fn edge_fields() -> &'static [Field<Edge<Self>>] {
        Edge::<Self>::BASIC
    }

    fn node(row: &(i64, Exception)) -> &(i64, Exception) {
        row
    }
}
