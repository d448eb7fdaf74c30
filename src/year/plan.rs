//! What becomes of each membership of the plan's groups: pure, from facts to decisions, figures and warnings.

#[cfg(test)]
mod tests;
mod warnings;

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::starts::Started;
use super::{Exception, Move, Outcome};
use crate::content::kind::ContentKind;
use crate::members::Role;
use crate::school::records::RecordKind;

/// What is asked.
#[derive(Clone, Debug)]
pub struct Plan {
    pub effective_on: NaiveDate,
    /// Each group once, by its key.
    pub moves: Vec<Move>,
    pub exceptions: Vec<Exception>,
}

/// A group of the plan, or one to which somebody goes.
#[derive(Clone, Debug)]
pub struct Group {
    pub name: String,
    pub year_group: Option<i32>,
    /// Whether members follow from another group or from addresses.
    pub fed: bool,
    pub closed: bool,
}

/// A membership that is not over on the effective date.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub id: i64,
    pub group: i64,
    pub participant: i64,
    pub start: NaiveDate,
    pub end: Option<End>,
    pub role: Role,
    /// Whether it follows from another group or from an address.
    pub derived: bool,
}

/// An end, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    pub date: NaiveDate,
    pub reason: i64,
    pub note: Option<String>,
}

/// Things of one kind: how many, and a figure that is another one when they are others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally<K> {
    pub kind: K,
    pub number: i64,
    pub checksum: i64,
}

/// What is known.
#[derive(Debug, Default)]
pub struct Facts {
    pub groups: HashMap<i64, Group>,
    /// Of the plan's groups and those to which somebody goes, by key.
    pub rows: Vec<Row>,
    /// Open links of the plan's groups.
    pub links: HashMap<i64, Vec<Tally<ContentKind>>>,
    /// Records that end with the school year.
    pub records: HashMap<i64, Vec<Tally<RecordKind>>>,
    /// How many records of earlier years are left, and how many there are of later days.
    pub earlier_records: HashMap<i64, i64>,
    pub later_records: HashMap<i64, i64>,
    /// Groups that get members from the plan's groups, and how many open links each has.
    pub following: Vec<(i64, String, i64)>,
    /// The names of those of whom it is otherwise.
    pub names: HashMap<i64, String>,
    /// Groups, and who left them and has not joined again.
    pub opted_out: HashSet<(i64, i64)>,
}

/// What becomes of one membership of one of the plan's groups.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Decision {
    pub membership_id: i64,
    pub group_id: i64,
    pub participant_id: i64,
    pub outcome: Outcome,
    pub to_group_id: Option<i64>,
}

/// A membership that is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    pub group: i64,
    pub participant: i64,
    pub role: Role,
    /// The effective date, or a later day on which another membership ends that stands until then.
    pub from: NaiveDate,
    pub end: Option<NewEnd>,
}

/// How a membership that is to be made ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NewEnd {
    /// As the one before would have.
    Kept(End),
    /// Where a later one begins.
    Followed(NaiveDate),
}

impl NewEnd {
    /// The first day on which it is no longer in force.
    pub fn date(&self) -> NaiveDate {
        match self {
            Self::Kept(end) => end.date,
            Self::Followed(date) => *date,
        }
    }
}

/// A number of things of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    pub kind: String,
    pub count: i64,
}

/// What becomes of one group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    pub moving: i64,
    pub staying: i64,
    pub leaving: i64,
    pub links_to_break: Vec<Count>,
    pub records_to_erase: Vec<Count>,
}

/// What the administrator should know before applying.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum WarningCode {
    RecordsAreErased,
    EarlierRecords,
    LaterRecords,
    JoinedOnOrAfter,
    FollowsFromElsewhere,
    AlreadyMember,
    ScheduledLater,
    OptedOut,
    LeadershipEnds,
    UnusualTarget,
    LeavesEarly,
    TargetClosed,
    FollowingGroupKeepsContent,
    ExceptionWithoutMembership,
}

/// One warning.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Warning {
    pub code: WarningCode,
    pub group_id: Option<i64>,
    pub message: String,
}

/// All that becomes of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outcomes {
    /// By membership.
    pub decisions: Vec<Decision>,
    /// By group, participant and day.
    pub starts: Vec<Start>,
    pub figures: BTreeMap<i64, Figures>,
    pub warnings: Vec<Warning>,
}

impl Outcomes {
    /// Whose memberships are decided of, each once, in the order of their keys.
    pub fn people(&self) -> Vec<i64> {
        let mut people: Vec<i64> = self.decisions.iter().map(|decision| decision.participant_id).collect();
        people.sort_unstable();
        people.dedup();
        people
    }
}

/// Works out what becomes of every membership. Each membership of a group of the plan that is not over on the effective
/// date gets exactly one decision.
pub fn outcomes(plan: &Plan, facts: &Facts) -> Outcomes {
    let moves: HashMap<i64, &Move> = plan.moves.iter().map(|group| (group.group_id, group)).collect();
    let exceptions = Exceptions::new(&plan.exceptions);
    let mut decisions = Vec::with_capacity(facts.rows.len());
    for row in &facts.rows {
        let Some(planned) = moves.get(&row.group) else { continue };
        let (outcome, to_group_id) = decide(plan, planned, &exceptions, row);
        decisions.push(Decision {
            membership_id: row.id,
            group_id: row.group,
            participant_id: row.participant,
            outcome,
            to_group_id,
        });
    }
    let started = Started::work_out(plan, facts, &decisions);
    let figures = figures(plan, facts, &decisions);
    let warnings = warnings::warnings(plan, facts, &decisions, &started, &figures);
    Outcomes { decisions, starts: started.starts, figures, warnings }
}

/// Who is otherwise, by participant and group.
struct Exceptions<'p>(HashMap<(i64, Option<i64>), &'p Exception>);

impl<'p> Exceptions<'p> {
    fn new(exceptions: &'p [Exception]) -> Self {
        Self(exceptions.iter().map(|it| ((it.participant_id, it.group_id), it)).collect())
    }

    /// The one that names the group goes before the one that names none.
    fn of(&self, row: &Row) -> Option<&'p Exception> {
        let find = |group| self.0.get(&(row.participant, group)).copied();
        find(Some(row.group)).or_else(|| find(None))
    }
}

/// What follows from elsewhere goes where that goes, and who came on or after the effective date came for the new year:
/// neither is the plan's to move.
fn decide(plan: &Plan, planned: &Move, exceptions: &Exceptions<'_>, row: &Row) -> (Outcome, Option<i64>) {
    const STAYS: (Outcome, Option<i64>) = (Outcome::Stays, None);
    if row.derived || row.start >= plan.effective_on {
        return STAYS;
    }
    let to = match exceptions.of(row) {
        Some(exception) => match exception.outcome {
            Outcome::Stays => return STAYS,
            Outcome::Leaves => None,
            Outcome::Moves => exception.to_group_id,
        },
        None if row.role == Role::Leader && !planned.with_leaders => return STAYS,
        None => planned.to_group_id,
    };
    match to {
        Some(group) if group == row.group => STAYS,
        Some(group) => (Outcome::Moves, Some(group)),
        None => (Outcome::Leaves, None),
    }
}

fn figures(plan: &Plan, facts: &Facts, decisions: &[Decision]) -> BTreeMap<i64, Figures> {
    let mut all: BTreeMap<i64, Figures> = plan.moves.iter().map(|it| (it.group_id, Figures::default())).collect();
    for decision in decisions {
        let Some(figures) = all.get_mut(&decision.group_id) else { continue };
        *match decision.outcome {
            Outcome::Moves => &mut figures.moving,
            Outcome::Stays => &mut figures.staying,
            Outcome::Leaves => &mut figures.leaving,
        } += 1;
    }
    for (group, figures) in &mut all {
        let links = facts.links.get(group).into_iter().flatten();
        figures.links_to_break = counts(links.map(|tally| (tally.kind.as_str(), tally.number)));
        let records = facts.records.get(group).into_iter().flatten();
        figures.records_to_erase = counts(records.map(|tally| (tally.kind.as_str(), tally.number)));
    }
    all
}

/// By kind, those of which there are none left out.
fn counts<'k>(tallies: impl Iterator<Item = (&'k str, i64)>) -> Vec<Count> {
    let mut counts: Vec<Count> =
        tallies.filter(|(_, number)| *number > 0).map(|(kind, count)| Count { kind: kind.to_owned(), count }).collect();
    counts.sort_by(|one, other| one.kind.cmp(&other.kind));
    counts
}

/// How many things there are in all.
pub fn sum(counts: &[Count]) -> i64 {
    counts.iter().map(|count| count.count).sum()
}
