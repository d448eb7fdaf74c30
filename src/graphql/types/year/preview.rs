//! What applying a plan would do, or did.

use std::collections::HashMap;

use async_graphql::{Enum, ServerResult};

use super::YearTransitionOutcome;
use crate::error::Error;
use crate::graphql::engine::{
    Connection, Edge, Entity, Exec, Field, Link, Listed, Obj, PAGE_ARGS, Pages, Pick, Selection, Values, connection,
    inline_list, one, page_args, ty,
};
use crate::graphql::enums::ContentKind;
use crate::graphql::types::group::Group;
use crate::graphql::types::participant::Participant;
use crate::page::{Key, Page, position};
use crate::school::records::RecordKind;
use crate::year::plan::{Count, Decision, Figures, Warning, WarningCode};
use crate::year::planning::store;
use crate::year::preview::work_out;
use crate::year::{Status, TransitionRow};

/// What is kept of a pupil for one school year.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "RecordKind")]
pub enum SchoolRecordKind {
    /// That a pupil was absent.
    AbsenceReport,
    /// That leave was asked for.
    LeaveRequest,
    /// That a pupil stayed for lunch.
    LunchStay,
}

/// What an administrator should know before a year transition is applied.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "WarningCode")]
pub enum YearTransitionWarningCode {
    /// School records are erased and cannot be had back, not even by undoing the transition.
    RecordsAreErased,
    /// The group has school records of earlier years; they stay.
    EarlierRecords,
    /// The group has school records of days of the new school year; they stay with it.
    LaterRecords,
    /// Members joined the group on or after the effective date; they stay in it.
    JoinedOnOrAfter,
    /// Members of the group follow from another group or from an address; they stay as long as that does.
    FollowsFromElsewhere,
    /// Some of those who go to the group are members of it already.
    AlreadyMember,
    /// Some of those who go to the group were to become members of it later.
    ScheduledLater,
    /// Some of those who go to the group left it by themselves before; they become members of it again.
    OptedOut,
    /// Some who led the group that they leave are ordinary members of this one already, and stay that.
    LeadershipEnds,
    /// The group goes to one that is not the next year's.
    UnusualTarget,
    /// Everybody in the group leaves although it is not of the last year.
    LeavesEarly,
    /// The group is closed, and members go to it or stay in it.
    TargetClosed,
    /// The group gets its members from groups of the plan and keeps its own content, which whoever comes to belong to it
    /// sees.
    FollowingGroupKeepsContent,
    /// Of somebody it is to be otherwise who is not a member of a group of the plan on the effective date.
    ExceptionWithoutMembership,
}

/// What applying a plan would do, or did.
pub struct YearTransitionPreview;

/// A preview as it is shown.
pub struct PreviewRow {
    token: String,
    groups: Vec<GroupRow>,
    warnings: Vec<Warning>,
}

/// What becomes of one group.
pub struct GroupRow {
    transition_id: i64,
    group_id: i64,
    to_group_id: Option<i64>,
    figures: Figures,
    /// What becomes of each membership, while it is not stored.
    decisions: Option<Vec<Decision>>,
}

impl Entity for YearTransitionPreview {
    const NAME: &'static str = "YearTransitionPreview";
    const DOC: &'static str =
        "What applying a plan would do as things are now; of a transition that was applied, what it did.";
    type Row = PreviewRow;

    fn fields() -> &'static [Field<Self>] {
        const FIELDS: &[Field<YearTransitionPreview>] = &[
            Field::<YearTransitionPreview>::value(
                "token",
                ty::<String>,
                "Stands for everything that was looked at. The plan can be applied with it as long as nothing of that changes.",
                |row, out| out.str(&row.token),
            ),
            Field::<YearTransitionPreview>::link(
                "groups",
                ty::<Vec<Obj<YearTransitionGroup>>>,
                "What becomes of each group of the plan.",
                |pick| inline_list::<PreviewRow, YearTransitionGroup>(pick, |row| row.groups.as_slice()),
            ),
            Field::<YearTransitionPreview>::link(
                "warnings",
                ty::<Vec<Obj<YearTransitionWarning>>>,
                "What an administrator should know.",
                |pick| inline_list::<PreviewRow, YearTransitionWarning>(pick, |row| row.warnings.as_slice()),
            ),
        ];
        FIELDS
    }
}

struct ToPreview(Selection<YearTransitionPreview>);

/// Leads from transitions to what they would do, or did.
///
/// # Errors
/// When an argument below does not fit its type.
pub fn preview(pick: &Pick<'_>) -> ServerResult<Box<dyn Link<TransitionRow>>> {
    Ok(Box::new(ToPreview(pick.select()?)))
}

impl Link<TransitionRow> for ToPreview {
    fn follow(&self, exec: &mut Exec<'_>, rows: &[&TransitionRow]) -> Result<Values, Error> {
        if rows.len() > 1 {
            let message = "A preview looks at everything that a transition concerns: ask for one at a time.";
            return Err(Error::BadInput(message.to_owned()));
        }
        let done: Vec<i64> = rows.iter().filter(|row| row.applied_at.is_some()).map(|row| row.id).collect();
        let mut results = store::results(exec.conn, &done)?;
        let mut previews = Vec::new();
        let mut places = Vec::with_capacity(rows.len());
        for row in rows {
            let found = match row.status {
                Status::Superseded | Status::Withdrawn => None,
                Status::Planned => Some(planned(exec, row)?),
                Status::Applied | Status::Undone => results.remove(&row.id).map(|done| applied(row, done)),
            };
            places.push(found.is_some().then_some(previews.len()));
            previews.extend(found);
        }
        let values = self.0.render(exec, &previews.iter().collect::<Vec<_>>())?;
        Ok(values.arranged(places.into_iter()))
    }
}

fn planned(exec: &mut Exec<'_>, row: &TransitionRow) -> Result<PreviewRow, Error> {
    let mut found = work_out(exec.conn, row)?;
    let mut decisions: HashMap<i64, Vec<Decision>> = HashMap::new();
    for decision in std::mem::take(&mut found.outcomes.decisions) {
        decisions.entry(decision.group_id).or_default().push(decision);
    }
    let groups = found.plan.moves.iter().map(|planned| GroupRow {
        transition_id: row.id,
        group_id: planned.group_id,
        to_group_id: planned.to_group_id,
        figures: found.outcomes.figures.remove(&planned.group_id).unwrap_or_default(),
        decisions: Some(decisions.remove(&planned.group_id).unwrap_or_default()),
    });
    Ok(PreviewRow { groups: groups.collect(), token: found.token.encode(), warnings: found.outcomes.warnings })
}

fn applied(row: &TransitionRow, done: store::Done) -> PreviewRow {
    let groups = done.groups.into_iter().map(|(group_id, to_group_id, figures)| GroupRow {
        transition_id: row.id,
        group_id,
        to_group_id,
        figures,
        decisions: None,
    });
    PreviewRow {
        token: row.preview_token.clone().unwrap_or_default(),
        groups: groups.collect(),
        warnings: done.warnings,
    }
}

/// What becomes of one group.
pub struct YearTransitionGroup;

impl Entity for YearTransitionGroup {
    const NAME: &'static str = "YearTransitionGroup";
    const DOC: &'static str = "What becomes of one group of a plan.";
    type Row = GroupRow;

    fn fields() -> &'static [Field<Self>] {
        GROUP
    }
}

const GROUP: &[Field<YearTransitionGroup>] = &[
    Field::<YearTransitionGroup>::link(
        "group",
        ty::<Option<Obj<Group>>>,
        "The group; null when you may not see it.",
        |pick| one::<GroupRow, Group>(pick, |row| Some(row.group_id)),
    ),
    Field::<YearTransitionGroup>::link(
        "toGroup",
        ty::<Option<Obj<Group>>>,
        "The group to which its members go; null when they leave.",
        |pick| one::<GroupRow, Group>(pick, |row| row.to_group_id),
    ),
    Field::<YearTransitionGroup>::value(
        "moving",
        ty::<i32>,
        "How many memberships end because the member goes to another group.",
        |row, out| out.int(row.figures.moving),
    ),
    Field::<YearTransitionGroup>::value(
        "staying",
        ty::<i32>,
        "How many memberships are left alone: those of leaders, of whoever is to stay, of whoever joined for the new year, \
         and those that follow from another group or from an address, which go on for as long as that does.",
        |row, out| out.int(row.figures.staying),
    ),
    Field::<YearTransitionGroup>::value(
        "leaving",
        ty::<i32>,
        "How many memberships end because the member leaves.",
        |row, out| out.int(row.figures.leaving),
    ),
    Field::<YearTransitionGroup>::link(
        "linksToBreak",
        ty::<Vec<Obj<YearTransitionLinkCount>>>,
        "How many links between content and the group are broken, by kind.",
        |pick| inline_list::<GroupRow, YearTransitionLinkCount>(pick, |row| row.figures.links_to_break.as_slice()),
    ),
    Field::<YearTransitionGroup>::link(
        "recordsToErase",
        ty::<Vec<Obj<YearTransitionRecordCount>>>,
        "How many school records of the group are erased, by kind. They cannot be had back.",
        |pick| inline_list::<GroupRow, YearTransitionRecordCount>(pick, |row| row.figures.records_to_erase.as_slice()),
    ),
    Field::<YearTransitionGroup>::link(
        "members",
        ty::<Option<Obj<Connection<YearTransitionMember>>>>,
        "What becomes of each of its members.",
        members,
    )
    .args(&PAGE_ARGS),
];

macro_rules! count {
    ($name:ident, $kind:ty, $doc:literal) => {
        #[doc = $doc]
        pub struct $name;

        impl Entity for $name {
            const NAME: &'static str = stringify!($name);
            const DOC: &'static str = $doc;
            type Row = Count;

            fn fields() -> &'static [Field<Self>] {
                const FIELDS: &[Field<$name>] = &[
                    Field::<$name>::value("kind", ty::<$kind>, "The kind.", |row, out| out.str(&row.kind)),
                    Field::<$name>::value("count", ty::<i32>, "The number.", |row, out| out.int(row.count)),
                ];
                FIELDS
            }
        }
    };
}
count!(YearTransitionLinkCount, ContentKind, "The number of links of one kind of content.");
count!(YearTransitionRecordCount, SchoolRecordKind, "The number of school records of one kind.");

/// Something an administrator should know.
pub struct YearTransitionWarning;

impl Entity for YearTransitionWarning {
    const NAME: &'static str = "YearTransitionWarning";
    const DOC: &'static str = "Something an administrator should know before a year transition is applied.";
    type Row = Warning;

    fn fields() -> &'static [Field<Self>] {
        const FIELDS: &[Field<YearTransitionWarning>] = &[
            Field::<YearTransitionWarning>::value(
                "code",
                ty::<YearTransitionWarningCode>,
                "The reason, for programmes.",
                |row, out| {
                    let code = YearTransitionWarningCode::from(row.code);
                    out.str(async_graphql::resolver_utils::enum_value(code).to_string().trim_matches('"'));
                },
            ),
            Field::<YearTransitionWarning>::value("message", ty::<String>, "The reason, for people.", |row, out| {
                out.str(&row.message);
            }),
            Field::<YearTransitionWarning>::link(
                "group",
                ty::<Option<Obj<Group>>>,
                "The group concerned; null when it is the plan as a whole.",
                |pick| one::<Warning, Group>(pick, |row| row.group_id),
            ),
        ];
        FIELDS
    }
}

/// What becomes of one member.
pub struct YearTransitionMember;

impl Entity for YearTransitionMember {
    const NAME: &'static str = "YearTransitionMember";
    const DOC: &'static str = "What becomes of one member of a group.";
    type Row = Decision;

    fn fields() -> &'static [Field<Self>] {
        const FIELDS: &[Field<YearTransitionMember>] = &[
            Field::<YearTransitionMember>::link(
                "participant",
                ty::<Option<Obj<Participant>>>,
                "The member; null when you may not see the participant.",
                |pick| one::<Decision, Participant>(pick, |row| Some(row.participant_id)),
            ),
            Field::<YearTransitionMember>::value(
                "outcome",
                ty::<YearTransitionOutcome>,
                "What becomes of the member.",
                |row, out| out.str(row.outcome.as_str()),
            ),
            Field::<YearTransitionMember>::link(
                "toGroup",
                ty::<Option<Obj<Group>>>,
                "The group to which the member goes; null when staying or leaving.",
                |pick| one::<Decision, Group>(pick, |row| row.to_group_id),
            ),
        ];
        FIELDS
    }
}

impl Listed for YearTransitionMember {
    type Node = Self;
    const CONNECTION: &'static str = "YearTransitionMemberConnection";
    const CONNECTION_DOC: &'static str =
        "A page of the members of a group of a plan, in the order in which their memberships were recorded.";
    const EDGE: &'static str = "YearTransitionMemberEdge";

    fn edge_fields() -> &'static [Field<Edge<Self>>] {
        Edge::<Self>::BASIC
    }

    fn node(row: &Decision) -> &Decision {
        row
    }
}

fn members(pick: &Pick<'_>) -> ServerResult<Box<dyn Link<GroupRow>>> {
    let window = page_args(pick)?;
    connection::<GroupRow, YearTransitionMember>(
        pick,
        Box::new(move |exec: &mut Exec<'_>, rows, _| {
            let keys = |row: &Decision| position("members", [Key::Int(row.membership_id)]);
            let stored: Vec<(i64, i64)> = rows
                .iter()
                .filter(|row| row.decisions.is_none())
                .map(|row| (row.transition_id, row.group_id))
                .collect();
            let mut found = store::members(exec.conn, &stored)?;
            let pages = rows.iter().map(|row| {
                let all = match &row.decisions {
                    Some(decisions) => decisions.clone(),
                    None => found.remove(&(row.transition_id, row.group_id)).unwrap_or_default(),
                };
                let total = i64::try_from(all.len()).ok();
                Page { total, ..window.within(all, &keys) }
            });
            Ok(Pages { pages: pages.collect(), cursor: Box::new(keys) })
        }),
    )
}
