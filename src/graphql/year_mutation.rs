//! What can be done about year transitions, and about members who move during the year.

use async_graphql::{Context, ID, InputObject, Object, Result};

use super::engine::Obj;
use super::enums::ContentKind;
use super::inputs::{code, date, set};
use super::mutation::{identifier, rehearse, run};
use super::scalars::{Date, SchoolYear};
use super::text::{Line, Prose};
use super::types::year::payloads::{
    MoveMembersPayload, RelinkContentPayload, UndoYearTransitionPayload, YearTransitionPayload,
};
use crate::check::given;
use crate::error::{Code, Error, Rejection};
use crate::id::Kind;
use crate::year::moving::{self, Along};
use crate::year::planning::{self, Wanted, outcome};
use crate::year::relink::{self, Mapping};
use crate::year::{Exception, Move, Outcome, apply, undo};

/// Where the members of a group go: to another group, or nowhere.
#[derive(InputObject, Clone, Debug)]
pub struct YearTransitionMoveInput {
    /// The group whose members go. Memberships that start on the effective date or later stay.
    group_id: ID,
    /// The group to which they go; the same group when they stay together in it.
    to_group_id: Option<ID>,
    /// Whether they leave and go to no other group. Give this or `toGroupId`.
    #[graphql(default)]
    leaving: bool,
    /// Whether the leaders go along with the members. Leaders stay with their group otherwise.
    #[graphql(default)]
    include_leaders: bool,
}

/// A member of whom it is to be otherwise than of the group.
#[derive(InputObject, Clone, Debug)]
pub struct YearTransitionExceptionInput {
    /// The member, who may also be a leader.
    participant_id: ID,
    /// The group in which it is otherwise; every group of the plan in which the participant is when absent.
    group_id: Option<ID>,
    /// The group to which the member goes.
    to_group_id: Option<ID>,
    /// Whether the member stays in the group.
    #[graphql(default)]
    stays: bool,
    /// Whether the member leaves and goes to no other group. Give exactly one of `toGroupId`, `stays` and `leaving`.
    #[graphql(default)]
    leaving: bool,
}

/// A year transition to be planned.
#[derive(InputObject, Clone, Debug)]
pub struct PlanYearTransitionInput {
    /// The organization whose groups are concerned.
    organization_id: ID,
    /// The school year that ends.
    from_school_year: SchoolYear,
    /// The school year that begins, which is the next one.
    to_school_year: SchoolYear,
    /// The day on which memberships of the old year are no longer in force and those of the new one are.
    effective_on: Date,
    /// Where the members of each group go; at most 10,000, as far as they fit into a request. Every year group of the organization must be among them, and
    /// other groups of it may be.
    moves: Vec<YearTransitionMoveInput>,
    /// The members of whom it is to be otherwise; at most 10,000.
    #[graphql(default)]
    exceptions: Vec<YearTransitionExceptionInput>,
    /// An identifier of your own: a repeated request with the same one is answered as it was the first time.
    client_mutation_id: Option<String>,
}

/// A year transition to be applied.
#[derive(InputObject, Clone, Debug)]
pub struct ApplyYearTransitionInput {
    /// The transition.
    year_transition_id: ID,
    /// The token of the preview that you looked at.
    preview_token: String,
    /// An identifier of your own: a repeated request with the same one is answered as it was the first time.
    client_mutation_id: Option<String>,
}

/// A plan to be withdrawn.
#[derive(InputObject, Clone, Debug)]
pub struct WithdrawYearTransitionInput {
    /// The transition.
    year_transition_id: ID,
    /// An identifier of your own: a repeated request with the same one is answered as it was the first time.
    client_mutation_id: Option<String>,
}

/// A year transition to be undone.
#[derive(InputObject, Clone, Debug)]
pub struct UndoYearTransitionInput {
    /// The transition.
    year_transition_id: ID,
    /// An identifier of your own: a repeated request with the same one is answered as it was the first time.
    client_mutation_id: Option<String>,
}

/// An item that is to be linked to a group.
#[derive(InputObject, Clone, Debug)]
pub struct RelinkInput {
    /// An item that the transition took away from a group.
    content_id: ID,
    /// The group to which it is to be shown.
    group_id: ID,
}

/// What a group showed, to be linked to another.
#[derive(InputObject, Clone, Debug)]
pub struct RelinkMappingInput {
    /// A group from which the transition took content away.
    from_group_id: ID,
    /// The group to which it is to be shown.
    to_group_id: ID,
    /// Only items of these kinds; all when absent.
    kinds: Option<Vec<ContentKind>>,
}

/// Content to be linked again.
#[derive(InputObject, Clone, Debug)]
pub struct RelinkContentInput {
    /// The transition that broke the links.
    year_transition_id: ID,
    /// Items and the groups to which each is to be shown; at most 10,000.
    #[graphql(default)]
    links: Vec<RelinkInput>,
    /// Groups, of which all that was taken away, or some kinds of it, is to be shown to other groups; at most 10,000.
    #[graphql(default)]
    mapping: Vec<RelinkMappingInput>,
    /// An identifier of your own: a repeated request with the same one is answered as it was the first time.
    client_mutation_id: Option<String>,
}

/// Members who are to move to another group.
#[derive(InputObject, Clone, Debug)]
pub struct MoveMembersInput {
    /// The group that they leave.
    from_group_id: ID,
    /// The group to which they go.
    to_group_id: ID,
    /// The members; at most 10,000. All of them move, or nobody.
    participant_ids: Vec<ID>,
    /// The first day in the new group, which is the first one on which the old membership is no longer in force; today
    /// when absent.
    on: Option<Date>,
    /// The code of the reason for the end; `MOVED_GROUP` when absent.
    end_reason_code: Option<Line>,
    /// The code of the reason for the start; `MOVED_GROUP` when absent.
    start_reason_code: Option<Line>,
    /// A note on the end.
    note: Option<Prose>,
    /// Items that the old group shows and the new one does not, which are to be shown to the new group, too.
    #[graphql(default)]
    link_content_ids: Vec<ID>,
    /// Whether all that the old group shows is to be shown to the new group, too. Give this or `linkContentIds`.
    #[graphql(default)]
    link_all_content: bool,
    /// Move those who left the new group by themselves as well. Otherwise they stay where they are and are counted as
    /// `optedOut`.
    #[graphql(default)]
    include_opted_out: bool,
    /// Make memberships of the new group that follow from another group or from an address permanent. Otherwise these members
    /// only leave the old group and are counted as `alreadyMember`.
    #[graphql(default)]
    make_permanent: bool,
    /// Only say what would happen.
    #[graphql(default)]
    dry_run: bool,
    /// An identifier of your own: a repeated request with the same one is answered as it was the first time.
    client_mutation_id: Option<String>,
}

fn group(id: &ID, name: &str) -> Result<i64> {
    identifier(Kind::Group, id, name)
}

fn optional_group(id: Option<&ID>, name: &str) -> Result<Option<i64>> {
    id.map(|id| group(id, name)).transpose()
}

/// What is asked, or why it makes no sense.
type Asked<T> = std::result::Result<T, Rejection>;

impl YearTransitionMoveInput {
    fn resolve(&self, n: usize) -> Result<Asked<Move>> {
        let to_group_id = optional_group(self.to_group_id.as_ref(), "moves.toGroupId")?;
        let group_id = group(&self.group_id, "moves.groupId")?;
        if to_group_id.is_some() == self.leaving {
            let message = "Say where the members go, or that they leave: give either `toGroupId` or `leaving`.";
            return Ok(Err(Rejection::new(Code::Required, message).at(&format!("input.moves.{n}.toGroupId"))));
        }
        Ok(Ok(Move { group_id, to_group_id, with_leaders: self.include_leaders }))
    }
}

impl YearTransitionExceptionInput {
    fn resolve(&self, n: usize) -> Result<Asked<Exception>> {
        let to_group_id = optional_group(self.to_group_id.as_ref(), "exceptions.toGroupId")?;
        let participant_id = identifier(Kind::Participant, &self.participant_id, "exceptions.participantId")?;
        let group_id = optional_group(self.group_id.as_ref(), "exceptions.groupId")?;
        let Some(outcome) = outcome(to_group_id, self.stays, self.leaving) else {
            let message = "Give exactly one of `toGroupId`, `stays` and `leaving`.";
            return Ok(Err(Rejection::new(Code::Required, message).at(&format!("input.exceptions.{n}"))));
        };
        let to_group_id = to_group_id.filter(|_| outcome == Outcome::Moves);
        Ok(Ok(Exception { participant_id, group_id, outcome, to_group_id }))
    }
}

/// All of them, or everything that makes no sense about them.
fn sorted<T>(all: Vec<Asked<T>>, refused: &mut Vec<Rejection>) -> Vec<T> {
    all.into_iter()
        .filter_map(|asked| match asked {
            Ok(asked) => Some(asked),
            Err(rejection) => {
                refused.push(rejection);
                None
            }
        })
        .collect()
}

impl PlanYearTransitionInput {
    fn resolve(&self) -> Result<std::result::Result<Wanted, Error>> {
        let moves = self.moves.iter().enumerate().map(|(n, it)| it.resolve(n)).collect::<Result<Vec<_>>>()?;
        let exceptions = self.exceptions.iter().enumerate().map(|(n, it)| it.resolve(n)).collect::<Result<Vec<_>>>()?;
        let mut refused = Vec::new();
        let wanted = Wanted {
            organization_id: identifier(Kind::Participant, &self.organization_id, "organizationId")?,
            from_year: self.from_school_year.0,
            to_year: self.to_school_year.0,
            effective_on: self.effective_on.0,
            moves: sorted(moves, &mut refused),
            exceptions: sorted(exceptions, &mut refused),
        };
        Ok(if refused.is_empty() { Ok(wanted) } else { Err(Error::Rejected(refused)) })
    }
}

/// The root of mutations, as far as it is about school years.
#[derive(Default)]
pub struct YearMutation;

#[Object]
#[allow(
    clippy::unused_async,
    reason = "resolvers are asynchronous by contract; these talk to the database on their own thread"
)]
impl YearMutation {
    /// Plans the transition to the next school year. It takes the place of a plan of the same year that was not applied,
    /// and changes nothing else.
    async fn plan_year_transition(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to become of each group.")] input: PlanYearTransitionInput,
    ) -> Result<Obj<YearTransitionPayload>> {
        let wanted = input.resolve()?;
        run(ctx, input.client_mutation_id, move |conn, scope| planning::plan(conn, scope, &wanted?))
    }

    /// Applies a plan, all of it or nothing: links between content and the groups of the plan are broken, school records of
    /// the year that ends are erased, memberships end and start. It is refused before the effective date, and when
    /// something has changed since the preview. Applied once, it answers the same again.
    async fn apply_year_transition(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The transition, and the preview that you looked at.")] input: ApplyYearTransitionInput,
    ) -> Result<Obj<YearTransitionPayload>> {
        let id = identifier(Kind::YearTransition, &input.year_transition_id, "yearTransitionId")?;
        run(ctx, input.client_mutation_id, move |conn, scope| {
            apply::apply(conn, scope, id, &input.preview_token, &mut |_| {})
        })
    }

    /// Withdraws a plan that was not applied.
    async fn withdraw_year_transition(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The plan to be withdrawn.")] input: WithdrawYearTransitionInput,
    ) -> Result<Obj<YearTransitionPayload>> {
        let id = identifier(Kind::YearTransition, &input.year_transition_id, "yearTransitionId")?;
        run(ctx, input.client_mutation_id, move |conn, scope| planning::withdraw(conn, scope, id))
    }

    /// Undoes a transition within 30 days: memberships and links are as they were. It is refused when memberships have
    /// changed since; `userErrors` says which. What was erased stays erased.
    async fn undo_year_transition(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The transition to be undone.")] input: UndoYearTransitionInput,
    ) -> Result<Obj<UndoYearTransitionPayload>> {
        let id = identifier(Kind::YearTransition, &input.year_transition_id, "yearTransitionId")?;
        run(ctx, input.client_mutation_id, move |conn, scope| undo::undo(conn, scope, id))
    }

    /// Links content again that a transition took away from its groups, one by one or all that a group showed. What is
    /// linked already, and what was withdrawn since, is passed over.
    async fn relink_content(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be linked again, and to which groups.")] input: RelinkContentInput,
    ) -> Result<Obj<RelinkContentPayload>> {
        let links = input.links.iter().map(|link| {
            let content = identifier(Kind::Content, &link.content_id, "links.contentId")?;
            Ok((content, group(&link.group_id, "links.groupId")?))
        });
        let mapping = input.mapping.iter().map(|line| {
            Ok(Mapping {
                from_group_id: group(&line.from_group_id, "mapping.fromGroupId")?,
                to_group_id: group(&line.to_group_id, "mapping.toGroupId")?,
                kinds: line.kinds.clone().map(set),
            })
        });
        let request = relink::Request {
            transition_id: identifier(Kind::YearTransition, &input.year_transition_id, "yearTransitionId")?,
            links: links.collect::<Result<_>>()?,
            mapping: mapping.collect::<Result<_>>()?,
        };
        run(ctx, input.client_mutation_id, move |conn, scope| relink::relink(conn, scope, &request))
    }

    /// Moves members from one group to another during the year: the one membership ends on the day on which the other
    /// starts. It answers with the content that did not move along, and can show that to the new group in the same step.
    async fn move_members(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who moves from which group to which.")] input: MoveMembersInput,
    ) -> Result<Obj<MoveMembersPayload>> {
        let participants = input.participant_ids.iter().map(|id| identifier(Kind::Participant, id, "participantIds"));
        let participants = participants.collect::<Result<Vec<i64>>>()?;
        let items = input.link_content_ids.iter().map(|id| identifier(Kind::Content, id, "linkContentIds"));
        let items = items.collect::<Result<Vec<i64>>>()?;
        let both = input.link_all_content && !items.is_empty();
        let request = moving::Request {
            from_group_id: group(&input.from_group_id, "fromGroupId")?,
            to_group_id: group(&input.to_group_id, "toGroupId")?,
            participants,
            on: date(input.on),
            end_reason: code(input.end_reason_code),
            start_reason: code(input.start_reason_code),
            note: given(input.note),
            along: match (input.link_all_content, items.is_empty()) {
                (true, _) => Along::Everything,
                (false, true) => Along::Nothing,
                (false, false) => Along::These(items),
            },
            include_opted_out: input.include_opted_out,
            make_permanent: input.make_permanent,
            dry_run: input.dry_run,
        };
        rehearse(ctx, input.client_mutation_id, input.dry_run, move |conn, scope| {
            if both {
                let message = "Give `linkAllContent` or `linkContentIds`, not both.";
                return Err(Rejection::new(Code::InvalidValue, message).at("input.linkContentIds").into());
            }
            moving::move_members(conn, scope, &request)
        })
    }
}
