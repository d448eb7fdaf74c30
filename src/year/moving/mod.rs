//! Members who move from one group to another during the year, and the content that stays behind (Y8).

use std::collections::{HashMap, HashSet};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::apply::{Carrying, carry_out};
use super::behind::{Behind, behind, link};
use super::plan::{Decision, Facts, Outcomes, Plan, Row, Start, outcomes};
use super::{Move, Outcome, number, planning, preview};
use crate::check::{Checks, TEXT};
use crate::content::store::hold;
use crate::db::Conn;
use crate::error::{Code, Error, Rejection};
use crate::groups::Settings;
use crate::groups::reach::{administered, may_know};
use crate::members::Origin;
use crate::members::derive::{Derivation, Seeds, Whom};
use crate::members::joining::store::opted_out;
use crate::people::store::enforces_portal_settings;
use crate::scope::Scope;

/// The reasons when none are named.
pub const DEFAULT_REASON: &str = "MOVED_GROUP";
/// The most members, or items, that are named at once.
pub const MAX_IDS: usize = 10_000;

/// Which of the content that stays behind is to be shown to the new group, too.
#[derive(Clone, Debug)]
pub enum Along {
    Nothing,
    These(Vec<i64>),
    Everything,
}

/// What is asked.
#[derive(Clone, Debug)]
pub struct Request {
    pub from_group_id: i64,
    pub to_group_id: i64,
    pub participants: Vec<i64>,
    pub on: Option<NaiveDate>,
    pub end_reason: Option<String>,
    pub start_reason: Option<String>,
    pub note: Option<String>,
    pub along: Along,
    /// Move whoever opted out of the other group as well.
    pub include_opted_out: bool,
    /// Put memberships made by hand in the place of derived ones.
    pub make_permanent: bool,
    pub dry_run: bool,
}

/// What happened, or would.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    pub from_group_id: i64,
    pub to_group_id: i64,
    /// How many members moved; those among them who were members of the other group already.
    pub moved: i64,
    pub already_member: i64,
    /// How many opted out of the other group and stay where they are.
    #[serde(default)]
    pub opted_out: i64,
    pub memberships: Vec<i64>,
    /// How many items are shown to the new group from now on.
    pub linked: i64,
    /// The items that the old group shows and the new one does not.
    pub left_behind: Vec<i64>,
    /// What the administrator should know.
    #[serde(default)]
    pub warnings: Vec<Rejection>,
    pub dry_run: bool,
}

/// Moves members: their memberships of the one group end and those of the other start on the same day. All of them move,
/// or nobody.
///
/// # Errors
/// A rejection for each rule that is broken.
pub fn move_members(conn: &mut Conn, scope: &Scope, request: &Request) -> Result<Moved, Error> {
    let groups = [request.from_group_id, request.to_group_id];
    for (group, field) in [(request.from_group_id, "input.fromGroupId"), (request.to_group_id, "input.toGroupId")] {
        if !may_know(conn, scope, group)? {
            return Err(Rejection::new(Code::NotFound, "There is no such group.").at(field).into());
        }
    }
    let derivation = Derivation::prepare_alone(conn, Seeds::Groups(&groups))?;
    let (from, to) = both(conn, scope, request)?;
    let on = request.on.unwrap_or(scope.today);
    let mut checks = Checks::default();
    checks.prose("input.note", request.note.as_deref(), TEXT);
    check_groups(conn, request, &from, &to, &mut checks)?;
    if !check_size(request, &mut checks) {
        return Err(checks.into_error());
    }
    let rows = preview::store::rows(conn, &groups, on)?;
    let rows = concerned(conn, request, on, rows, &mut checks)?;
    let left = behind(conn, &[(request.from_group_id, request.to_group_id)])?;
    let along = along(request, &left, &mut checks);
    checks.done()?;
    hold(conn, &along.iter().map(|item| item.content_id).collect::<Vec<_>>())?;
    planning::store::hold_people(conn, &request.participants)?;
    let (rows, opted_out) = without_opted_out(conn, request, rows)?;
    let warnings = replaced_notes(request, &rows);
    let moving = Moving { request, on, derivation: &derivation };
    let (decisions, starts, memberships) = moving.carry_out(conn, scope, rows)?;
    derivation.follow(conn, scope, Whom::These(&request.participants))?;
    let linked = link(conn, scope, &along)?;
    let linked_items: HashSet<i64> = along.iter().map(|item| item.content_id).collect();
    let moved = decisions.iter().filter(|it| it.outcome == Outcome::Moves).count();
    let started: HashSet<i64> = starts.iter().map(|start| start.participant).collect();
    Ok(Moved {
        from_group_id: request.from_group_id,
        to_group_id: request.to_group_id,
        moved: number(moved),
        already_member: number(moved.saturating_sub(started.len())),
        opted_out: number(opted_out),
        memberships: if request.dry_run { Vec::new() } else { memberships },
        linked: number(linked),
        left_behind: left.iter().map(|item| item.content_id).filter(|id| !linked_items.contains(id)).collect(),
        warnings,
        dry_run: request.dry_run,
    })
}

/// A note on the move takes the place of notes beside ends that are known already.
fn replaced_notes(request: &Request, rows: &[Row]) -> Vec<Rejection> {
    let Some(note) = &request.note else { return Vec::new() };
    let other = |row: &&Row| {
        let stored = row.end.as_ref().and_then(|end| end.note.as_ref());
        row.group == request.from_group_id && stored.is_some_and(|stored| stored != note)
    };
    let number = rows.iter().filter(other).count();
    let message = || format!("Notes beside earlier ends are replaced ({number}). The history keeps them.");
    (number > 0).then(|| Rejection::new(Code::NoteReplaced, message())).into_iter().collect()
}

/// The memberships of those who move, and how many do not because they opted out of the other group. Whoever is in it all the
/// same only leaves the one.
fn without_opted_out(conn: &mut Conn, request: &Request, rows: Vec<Row>) -> Result<(Vec<Row>, usize), Error> {
    if request.include_opted_out {
        return Ok((rows, 0));
    }
    let out: HashSet<i64> = opted_out(conn, request.to_group_id, &request.participants)?.into_iter().collect();
    let inside: HashSet<i64> =
        rows.iter().filter(|row| row.group == request.to_group_id).map(|row| row.participant).collect();
    let stays = |row: &Row| out.contains(&row.participant) && !inside.contains(&row.participant);
    let (stay, go): (Vec<Row>, Vec<Row>) = rows.into_iter().partition(stays);
    Ok((go, stay.iter().map(|row| row.participant).collect::<HashSet<_>>().len()))
}

/// A move at work.
struct Moving<'m> {
    request: &'m Request,
    on: NaiveDate,
    derivation: &'m Derivation,
}

/// Who moved, what was started, and the memberships that were written.
type Carried = (Vec<Decision>, Vec<Start>, Vec<i64>);

impl Moving<'_> {
    /// Ends and starts memberships. Whoever belongs to the other group by derivation, and still does after leaving the one,
    /// needs no other membership of it.
    fn carry_out(&self, conn: &mut Conn, scope: &Scope, rows: Vec<Row>) -> Result<Carried, Error> {
        let request = self.request;
        let carrying = Carrying {
            on: self.on,
            origin: Origin::Manual,
            start_reason: request.start_reason.as_deref().unwrap_or(DEFAULT_REASON),
            end_reason: request.end_reason.as_deref().unwrap_or(DEFAULT_REASON),
            note: request.note.as_deref(),
            transition: None,
        };
        let follows = |row: &Row| row.group == request.to_group_id && row.derived;
        if request.make_permanent || !rows.iter().any(follows) {
            let outcomes = work_out(request, self.on, rows);
            let memberships = carry_out(conn, scope, &carrying, &outcomes, &mut |_| {})?;
            return Ok((outcomes.decisions, outcomes.starts, memberships));
        }
        let ends = Outcomes { starts: Vec::new(), ..work_out(request, self.on, rows.clone()) };
        carry_out(conn, scope, &carrying, &ends, &mut |_| {})?;
        self.derivation.follow(conn, scope, Whom::These(&request.participants))?;
        let named: HashSet<i64> = rows.iter().map(|row| row.participant).collect();
        let mut facts: Vec<Row> = rows.into_iter().filter(|row| row.group == request.from_group_id).collect();
        let there = preview::store::rows(conn, &[request.to_group_id], self.on)?.into_iter();
        facts.extend(there.filter(|row| named.contains(&row.participant)).map(|row| Row { derived: false, ..row }));
        let starts = Outcomes { decisions: Vec::new(), ..work_out(request, self.on, facts) };
        let memberships = carry_out(conn, scope, &carrying, &starts, &mut |_| {})?;
        Ok((ends.decisions, starts.starts, memberships))
    }
}

/// Both groups, locked in the order of their keys, so that two who move members to and fro never wait for each other.
fn both(conn: &mut Conn, scope: &Scope, request: &Request) -> Result<(Settings, Settings), Error> {
    let mut found = HashMap::new();
    let mut named = [(request.from_group_id, "input.fromGroupId"), (request.to_group_id, "input.toGroupId")];
    named.sort_unstable();
    for (group, field) in named {
        found.insert(group, administered(conn, scope, group, field)?.0);
    }
    let from = found.get(&request.from_group_id).cloned().unwrap_or_default();
    let to = found.remove(&request.to_group_id).unwrap_or_default();
    Ok((from, to))
}

fn check_groups(
    conn: &mut Conn,
    request: &Request,
    from: &Settings,
    to: &Settings,
    checks: &mut Checks,
) -> Result<(), Error> {
    if request.from_group_id == request.to_group_id {
        checks.refuse(Code::InvalidValue, "input.toGroupId", "The members are in this group already.");
    }
    for (group, field) in [(from, "input.fromGroupId"), (to, "input.toGroupId")] {
        if group.member_filter.is_some() {
            let message = "A dynamic group has no memberships; its members follow from its filter.";
            checks.refuse(Code::DynamicGroup, field, message);
        }
    }
    if let Some(organization) = to.organization_id.filter(|_| to.closed)
        && enforces_portal_settings(conn, organization)?
    {
        checks.refuse(Code::GroupClosed, "input.toGroupId", "This group is closed and takes no new members.");
    }
    Ok(())
}

fn check_size(request: &Request, checks: &mut Checks) -> bool {
    let items = match &request.along {
        Along::These(items) => items.len(),
        Along::Nothing | Along::Everything => 0,
    };
    if request.participants.is_empty() {
        checks.refuse(Code::Required, "input.participantIds", "Say who moves.");
        return false;
    }
    for (count, field) in [(request.participants.len(), "input.participantIds"), (items, "input.linkContentIds")] {
        if count > MAX_IDS {
            checks.refuse(Code::TooMany, field, format!("At most {MAX_IDS} can be named at once."));
            return false;
        }
    }
    true
}

/// The memberships of those who move. Everybody who is named must have one that can be ended.
fn concerned(
    conn: &mut Conn,
    request: &Request,
    on: NaiveDate,
    rows: Vec<Row>,
    checks: &mut Checks,
) -> Result<Vec<Row>, Error> {
    let named: HashSet<i64> = request.participants.iter().copied().collect();
    let rows: Vec<Row> = rows.into_iter().filter(|row| named.contains(&row.participant)).collect();
    let names = planning::store::members_named(conn, request.from_group_id, &request.participants)?;
    for (n, participant) in request.participants.iter().enumerate() {
        let field = format!("input.participantIds.{n}");
        let who = names.get(participant).map_or("This participant", String::as_str);
        let own: Vec<&Row> =
            rows.iter().filter(|row| row.group == request.from_group_id && row.participant == *participant).collect();
        if own.iter().any(|row| !row.derived && row.start < on) {
            continue;
        }
        if own.iter().any(|row| row.derived) {
            let message = format!("{who} is a member because of another group or an address; move them there.");
            checks.refuse(Code::DerivedMembership, &field, message);
        } else if own.is_empty() {
            checks.refuse(Code::NotAMember, &field, format!("{who} is no member of the group on {on}."));
        } else {
            let message = format!("{who} joins the group on {on} or later. Annul that membership if it is a mistake.");
            checks.refuse(Code::InvalidDate, &field, message);
        }
    }
    Ok(rows)
}

fn along(request: &Request, left: &[Behind], checks: &mut Checks) -> Vec<Behind> {
    match &request.along {
        Along::Nothing => Vec::new(),
        Along::Everything => left.to_vec(),
        Along::These(items) => {
            let by_id: HashMap<i64, &Behind> = left.iter().map(|item| (item.content_id, item)).collect();
            for (n, item) in items.iter().enumerate().filter(|(_, item)| !by_id.contains_key(item)) {
                let message =
                    format!("No such content stays behind ({}).", crate::id::encode(crate::id::Kind::Content, *item));
                checks.refuse(Code::NotFound, &format!("input.linkContentIds.{n}"), message);
            }
            items.iter().filter_map(|item| by_id.get(item).map(|item| (*item).clone())).collect()
        }
    }
}

fn work_out(request: &Request, on: NaiveDate, rows: Vec<Row>) -> Outcomes {
    let to_group_id = Some(request.to_group_id);
    let plan = Plan {
        effective_on: on,
        moves: vec![Move { group_id: request.from_group_id, to_group_id, with_leaders: true }],
        exceptions: Vec::new(),
    };
    outcomes(&plan, &Facts { rows, ..Facts::default() })
}
