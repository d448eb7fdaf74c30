//! What an administrator should know before a plan is applied.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::{Decision, Facts, Figures, Plan, Warning, WarningCode};
use crate::year::Outcome;
use crate::year::starts::Started;

/// Everything that is to be known, in a fixed order.
pub fn warnings(
    plan: &Plan,
    facts: &Facts,
    decisions: &[Decision],
    started: &Started,
    figures: &BTreeMap<i64, Figures>,
) -> Vec<Warning> {
    let mut all = Vec::new();
    let mut warn = |code, group_id: Option<i64>, message: String| all.push(Warning { code, group_id, message });
    let name = |group: &i64| facts.groups.get(group).map_or("?", |group| group.name.as_str());
    let erased: i64 = figures.values().flat_map(|it| &it.records_to_erase).map(|count| count.count).sum();
    if erased > 0 {
        let message = format!(
            "{erased} absence reports, leave requests and lunch stays are erased. They cannot be had back, not even by \
             undoing the transition."
        );
        warn(WarningCode::RecordsAreErased, None, message);
    }
    let rest = [
        (WarningCode::EarlierRecords, &facts.earlier_records, "of earlier school years are left; they stay"),
        (
            WarningCode::LaterRecords,
            &facts.later_records,
            "are of days of the new school year; they stay with the group",
        ),
    ];
    for (code, numbers, what) in rest {
        for group in plan.moves.iter().map(|it| it.group_id) {
            if let Some(number) = numbers.get(&group).filter(|number| **number > 0) {
                warn(code, Some(group), format!("{number} records of {} {what}.", name(&group)));
            }
        }
    }
    for (numbers, code, what) in [
        (
            &started.followers,
            WarningCode::LeadershipEnds,
            "led the group that they leave and are ordinary members of it",
        ),
        (&started.standing, WarningCode::AlreadyMember, "are members of it already and get no second membership"),
        (
            &started.scheduled,
            WarningCode::ScheduledLater,
            "were to become members of it later; they are so from now on",
        ),
    ] {
        for (group, number) in numbers {
            warn(code, Some(*group), format!("{number} of those who go to {} {what}.", name(group)));
        }
    }
    let mut back: BTreeMap<i64, BTreeSet<i64>> = BTreeMap::new();
    for start in started.starts.iter().filter(|start| facts.opted_out.contains(&(start.group, start.participant))) {
        back.entry(start.group).or_default().insert(start.participant);
    }
    for (group, people) in back {
        let message = format!(
            "{} of those who go to {} left it by themselves before; they become members of it again.",
            people.len(),
            name(&group)
        );
        warn(WarningCode::OptedOut, Some(group), message);
    }
    who_stays(plan, facts, decisions, &mut warn);
    where_they_go(plan, facts, &mut warn);
    all.sort();
    all
}

type Warn<'w> = &'w mut dyn FnMut(WarningCode, Option<i64>, String);

/// Members whom the plan leaves where they are although it does not say so.
fn who_stays(plan: &Plan, facts: &Facts, decisions: &[Decision], warn: Warn<'_>) {
    let decided: HashMap<i64, Outcome> = decisions.iter().map(|it| (it.membership_id, it.outcome)).collect();
    let mut joined: BTreeMap<i64, usize> = BTreeMap::new();
    let mut derived: BTreeMap<i64, usize> = BTreeMap::new();
    let mut present: HashSet<(i64, Option<i64>)> = HashSet::new();
    for row in facts.rows.iter().filter(|row| decided.contains_key(&row.id)) {
        if row.derived {
            *derived.entry(row.group).or_default() += 1;
        } else if row.start >= plan.effective_on {
            *joined.entry(row.group).or_default() += 1;
        } else {
            present.extend([(row.participant, Some(row.group)), (row.participant, None)]);
        }
    }
    let name = |group: &i64| facts.groups.get(group).map_or("?", |group| group.name.as_str());
    for (group, number) in &joined {
        let message =
            format!("{number} members of {} joined on or after the effective date; they stay there.", name(group));
        warn(WarningCode::JoinedOnOrAfter, Some(*group), message);
    }
    for (group, number) in &derived {
        let message = format!(
            "{number} members of {} follow from another group or from an address; they stay as long as that does.",
            name(group)
        );
        warn(WarningCode::FollowsFromElsewhere, Some(*group), message);
    }
    for exception in &plan.exceptions {
        if !present.contains(&(exception.participant_id, exception.group_id)) {
            // Whom the organization has nothing to do with by now is not named to it.
            let who = facts.names.get(&exception.participant_id).map_or("Somebody", String::as_str);
            let message = format!(
                "{who} is among the exceptions and will not be a member of that group, or of any in the plan, on the \
                 effective date; the exception does nothing."
            );
            warn(WarningCode::ExceptionWithoutMembership, exception.group_id, message);
        }
    }
}

/// Ways that are seldom meant.
fn where_they_go(plan: &Plan, facts: &Facts, warn: Warn<'_>) {
    for planned in &plan.moves {
        let Some(group) = facts.groups.get(&planned.group_id) else { continue };
        match planned.to_group_id.and_then(|to| facts.groups.get(&to)) {
            Some(target) => {
                if let (Some(from), Some(to)) = (group.year_group, target.year_group)
                    && to != from + 1
                    && planned.to_group_id != Some(planned.group_id)
                {
                    let message = format!("{} (year {from}) goes to {} (year {to}).", group.name, target.name);
                    warn(WarningCode::UnusualTarget, Some(planned.group_id), message);
                }
            }
            None => {
                if let Some(year) = group.year_group.filter(|year| *year < 8 && planned.to_group_id.is_none()) {
                    let message = format!("Everybody in {} (year {year}) leaves, before the last year.", group.name);
                    warn(WarningCode::LeavesEarly, Some(planned.group_id), message);
                }
            }
        }
    }
    let targets: BTreeSet<i64> = plan
        .moves
        .iter()
        .filter_map(|it| it.to_group_id)
        .chain(plan.exceptions.iter().filter_map(|it| it.to_group_id))
        .collect();
    for target in targets {
        if let Some(group) = facts.groups.get(&target).filter(|group| group.closed) {
            let message = format!("{} is closed, and members go to it or stay in it.", group.name);
            warn(WarningCode::TargetClosed, Some(target), message);
        }
    }
    for (group, name, links) in &facts.following {
        let message = format!(
            "{name} gets its members from groups of the plan and has {links} items of its own. They stay linked, so whoever comes to \
             belong to it sees them."
        );
        warn(WarningCode::FollowingGroupKeepsContent, Some(*group), message);
    }
}
