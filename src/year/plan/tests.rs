//! Single members, and what becomes of them.

use super::*;

const OLD: i64 = 1;
const NEW: i64 = 2;
const OTHER: i64 = 3;
const WHO: i64 = 7;

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap_or_default()
}

fn effective() -> NaiveDate {
    day("2026-08-01")
}

/// A membership since the year before, without an end.
fn row(id: i64, group: i64) -> Row {
    Row { id, group, participant: WHO, start: day("2025-08-18"), end: None, role: Role::Member, derived: false }
}

fn until(text: &str) -> End {
    End { date: day(text), reason: 5, note: Some("verhuist".to_owned()) }
}

/// The old group goes to the new one, and the new one stays as it is.
fn plan(exceptions: Vec<Exception>) -> Plan {
    let to = |group_id, to| Move { group_id, to_group_id: Some(to), with_leaders: false };
    Plan { effective_on: effective(), moves: vec![to(OLD, NEW), to(NEW, NEW)], exceptions }
}

fn exception(group_id: Option<i64>, outcome: Outcome, to_group_id: Option<i64>) -> Exception {
    Exception { participant_id: WHO, group_id, outcome, to_group_id }
}

/// What becomes of each membership, and the memberships that are made: group, role, start and end.
type Found = (Vec<(i64, Outcome, Option<i64>)>, Vec<(i64, Role, NaiveDate, Option<NaiveDate>)>);

fn found(plan: &Plan, rows: Vec<Row>) -> Found {
    let found = outcomes(plan, &Facts { rows, ..Facts::default() });
    let decisions = found.decisions.iter().map(|it| (it.membership_id, it.outcome, it.to_group_id)).collect();
    let starts =
        found.starts.iter().map(|it| (it.group, it.role, it.from, it.end.as_ref().map(NewEnd::date))).collect();
    (decisions, starts)
}

#[test]
fn y1_a_member_goes_where_the_group_goes_unless_it_is_otherwise() {
    use Outcome::{Leaves, Moves, Stays};
    let begins = |group| vec![(group, Role::Member, effective(), None)];
    let leader = Row { role: Role::Leader, ..row(10, OLD) };
    let cases = [
        ("the group's way", vec![], row(10, OLD), (Moves, Some(NEW)), begins(NEW)),
        ("to the same group", vec![], row(10, NEW), (Stays, None), vec![]),
        ("a leader", vec![], leader.clone(), (Stays, None), vec![]),
        ("stays", vec![exception(None, Stays, None)], row(10, OLD), (Stays, None), vec![]),
        ("leaves", vec![exception(None, Leaves, None)], row(10, OLD), (Leaves, None), vec![]),
        ("elsewhere", vec![exception(None, Moves, Some(OTHER))], row(10, OLD), (Moves, Some(OTHER)), begins(OTHER)),
        ("to where they are", vec![exception(None, Moves, Some(OLD))], row(10, OLD), (Stays, None), vec![]),
        (
            "the group's exception first",
            vec![exception(None, Leaves, None), exception(Some(OLD), Stays, None)],
            row(10, OLD),
            (Stays, None),
            vec![],
        ),
        (
            "another group's exception",
            vec![exception(Some(NEW), Leaves, None)],
            row(10, OLD),
            (Moves, Some(NEW)),
            begins(NEW),
        ),
        (
            "a leader by exception",
            vec![exception(None, Moves, Some(NEW))],
            leader,
            (Moves, Some(NEW)),
            vec![(NEW, Role::Leader, effective(), None)],
        ),
        ("derived", vec![], Row { derived: true, ..row(10, OLD) }, (Stays, None), vec![]),
        ("of the new year", vec![], Row { start: effective(), ..row(10, OLD) }, (Stays, None), vec![]),
    ];
    for (name, exceptions, row, (outcome, to), starts) in cases {
        assert_eq!(found(&plan(exceptions), vec![row]), (vec![(10, outcome, to)], starts), "{name}");
    }
}

#[test]
fn y3_a_new_membership_fills_what_the_group_leaves_open() {
    let new = |from: &str, end: Option<&str>| vec![(NEW, Role::Member, day(from), end.map(day))];
    let old = |end: Option<End>| Row { end, ..row(10, OLD) };
    let there = |start: &str, end: Option<End>| Row { start: day(start), end, ..row(20, NEW) };
    let cases = [
        ("a known end is kept", vec![old(Some(until("2026-12-01")))], new("2026-08-01", Some("2026-12-01"))),
        ("a member already", vec![old(None), there("2026-01-01", None)], vec![]),
        (
            "a member until later",
            vec![old(None), there("2026-01-01", Some(until("2026-10-01")))],
            new("2026-10-01", None),
        ),
        (
            "a member for longer",
            vec![old(Some(until("2026-09-01"))), there("2026-01-01", Some(until("2026-10-01")))],
            vec![],
        ),
        ("a member later", vec![old(None), there("2026-11-01", None)], new("2026-08-01", Some("2026-11-01"))),
        (
            "gone before that",
            vec![old(Some(until("2026-09-01"))), there("2026-11-01", None)],
            new("2026-08-01", Some("2026-09-01")),
        ),
        (
            "between two",
            vec![
                old(None),
                there("2026-01-01", Some(until("2026-09-01"))),
                Row { id: 21, ..there("2026-11-01", None) },
            ],
            new("2026-09-01", Some("2026-11-01")),
        ),
        (
            "what is derived gives way",
            vec![old(None), Row { derived: true, ..there("2026-01-01", None) }],
            new("2026-08-01", None),
        ),
    ];
    for (name, rows, starts) in cases {
        assert_eq!(found(&plan(Vec::new()), rows).1, starts, "{name}");
    }
}

#[test]
fn y3_who_comes_from_two_groups_is_a_member_once_and_for_the_longer_and_leads_no_longer_than_before() {
    let to = |group_id| Move { group_id, to_group_id: Some(NEW), with_leaders: true };
    let plan = Plan { effective_on: effective(), moves: vec![to(OLD), to(OTHER)], exceptions: Vec::new() };
    let leads = |end: Option<&str>| (NEW, Role::Leader, effective(), end.map(day));
    let then = |end: Option<&str>| (NEW, Role::Member, day("2026-09-01"), end.map(day));
    for (one, other, expected) in [
        (Some(until("2026-09-01")), Some(until("2026-12-01")), vec![leads(Some("2026-12-01"))]),
        (
            Some(until("2026-12-01")),
            Some(until("2026-09-01")),
            vec![leads(Some("2026-09-01")), then(Some("2026-12-01"))],
        ),
        (Some(until("2026-09-01")), None, vec![leads(None)]),
        (None, Some(until("2026-09-01")), vec![leads(Some("2026-09-01")), then(None)]),
    ] {
        let rows = vec![Row { end: one, ..row(10, OLD) }, Row { end: other, role: Role::Leader, ..row(11, OTHER) }];
        assert_eq!(found(&plan, rows).1, expected);
    }
}

#[test]
fn y3_two_groups_can_change_places() {
    let to = |group_id, to| Move { group_id, to_group_id: Some(to), with_leaders: false };
    let plan = Plan { effective_on: effective(), moves: vec![to(OLD, NEW), to(NEW, OLD)], exceptions: Vec::new() };
    let (decisions, starts) = found(&plan, vec![row(10, OLD), row(11, NEW)]);
    assert_eq!(decisions, [(10, Outcome::Moves, Some(NEW)), (11, Outcome::Moves, Some(OLD))]);
    assert_eq!(starts.iter().map(|it| it.0).collect::<Vec<_>>(), [OLD, NEW]);
}
