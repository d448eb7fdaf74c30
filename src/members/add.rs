//! Adding many members at once (M5).

use std::collections::{HashMap, HashSet};

use chrono::NaiveDate;
use diesel::sql_types::BigInt;
use serde::{Deserialize, Serialize};

use super::derive::{self, Derivation, Seeds, Wanted, Whom as Concerned};
use super::joining::{self, Terms, Verdict};
use super::reasons::usable;
use super::store::{self, NewMemberships, ReasonTable};
use super::{Origin, Role};
use crate::access::sight::Sight;
use crate::check::Checks;
use crate::db::announce::{Kind as Announced, announce};
use crate::db::{Conn, Sql, Violation, violation};
use crate::error::{Code, Error, Rejection};
use crate::groups::Settings;
use crate::groups::reach::{administered, may_know};
use crate::history::{self, Action, Entity};
use crate::id::{self, Kind};
use crate::mail::store::welcome;
use crate::people::commands::administration_sight;
use crate::people::filter::ParticipantFilter;
use crate::people::store::enforces_portal_settings;
use crate::scope::Scope;

/// The start reason when none is named.
pub const DEFAULT_REASON: &str = "JOINED";
/// The most participants that can be named one by one.
pub const MAX_IDS: usize = 10_000;

/// Whom to add.
#[derive(Clone, Debug)]
pub enum Whom {
    /// These participants, by the identifiers that were given.
    Ids(Vec<String>),
    /// Everybody who passes.
    Filter(Box<ParticipantFilter>),
}

/// What is asked.
#[derive(Clone, Debug)]
pub struct Addition {
    pub group_id: i64,
    pub whom: Whom,
    pub start_date: Option<NaiveDate>,
    pub start_reason: Option<String>,
    pub role: Role,
    /// Add whoever opted out as well.
    pub include_opted_out: bool,
    /// Put memberships made by hand in the place of derived ones.
    pub make_permanent: bool,
    /// Only say what would happen.
    pub dry_run: bool,
    /// Add whom one can even if others are refused.
    pub allow_partial: bool,
}

/// What happened, or would.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Added {
    pub added: i64,
    pub already_member: i64,
    /// How many opted out and stay out.
    #[serde(default)]
    pub opted_out: i64,
    pub refused: Vec<Refused>,
    pub memberships: Vec<i64>,
    pub dry_run: bool,
    /// Why nothing was added although somebody could have been.
    pub errors: Vec<Rejection>,
}

/// Somebody who was not added, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// The participant, if the identifier is that of one.
    pub participant: Option<i64>,
    pub rejection: Rejection,
    /// The identifier that was asked for. Answers that were kept before there was one have none.
    #[serde(default)]
    id: Option<String>,
}

impl Refused {
    fn known(participant: i64, rejection: Rejection) -> Self {
        Self { participant: Some(participant), rejection, id: None }
    }

    /// The identifier that was asked for; for whoever a filter found, that of the participant.
    pub fn id(&self) -> String {
        let encoded = || id::encode(Kind::Participant, self.participant.unwrap_or_default());
        self.id.clone().unwrap_or_else(encoded)
    }
}

impl Added {
    /// Whether the transaction is to be kept.
    pub fn keep(&self) -> bool {
        !self.dry_run && self.errors.is_empty()
    }
}

/// Adds members. The caller keeps the transaction only if [`Added::keep`] says so: a dry run and a refused addition do
/// all the work, so that their figures are those of the real one, and leave nothing behind.
///
/// # Errors
/// A rejection when the group is out of reach or dynamic, or the reason cannot be used.
pub fn add(conn: &mut Conn, scope: &Scope, addition: &Addition) -> Result<Added, Error> {
    if let Whom::Filter(filter) = &addition.whom {
        let refusals = filter.refusals("input.filter");
        if !refusals.is_empty() {
            return Err(Error::Rejected(refusals));
        }
    }
    if !may_know(conn, scope, addition.group_id)? {
        return Err(Rejection::new(Code::NotFound, "There is no such group.").at("input.groupId").into());
    }
    let derivation = Derivation::prepare(conn, Seeds::Groups(&[addition.group_id]))?;
    let (group, _) = administered(conn, scope, addition.group_id, "input.groupId")?;
    takes_members(conn, &group)?;
    let code = addition.start_reason.as_deref().unwrap_or(DEFAULT_REASON);
    let start_reason_id = usable(conn, ReasonTable::Start, code, "input.startReasonCode")?;
    let start = addition.start_date.unwrap_or(scope.today);
    let sight = administration_sight(conn, scope)?;
    let mut added = Added { dry_run: addition.dry_run, ..Added::default() };
    let candidates = candidates(conn, &sight, addition, start, &mut added)?;
    let terms = Terms {
        start,
        today: scope.today,
        include_opted_out: addition.include_opted_out,
        make_permanent: addition.make_permanent,
    };
    let joining = sort_out(conn, &terms, addition.group_id, candidates, &mut added)?;
    if !added.refused.is_empty() && !addition.allow_partial {
        added.errors.push(refused_as_a_whole(&added));
        return Ok(added);
    }
    let ids = insert(conn, scope, addition, &joining, (start, code, start_reason_id))?;
    if group.new_member_template.is_some() {
        welcome(conn, scope, &ids)?;
    }
    derivation.follow(conn, scope, Concerned::These(&joining))?;
    added.added = i64::try_from(ids.len()).unwrap_or(i64::MAX);
    if !addition.dry_run {
        added.memberships = ids;
    }
    Ok(added)
}

/// Writes the memberships with their history, from a day on and with a start reason.
fn insert(
    conn: &mut Conn,
    scope: &Scope,
    addition: &Addition,
    joining: &[i64],
    (start_date, code, start_reason_id): (NaiveDate, &str, i64),
) -> Result<Vec<i64>, Error> {
    let group_id = addition.group_id;
    if addition.make_permanent {
        let wanted = |participant: &i64| Wanted { group_id, participant_id: *participant, start_date, end_date: None };
        derive::make_room(conn, scope, &joining.iter().map(wanted).collect::<Vec<_>>())?;
    }
    let new = NewMemberships {
        group_id,
        start_date,
        start_reason_id,
        role: addition.role,
        origin: Origin::Manual,
        now: scope.instant(),
    };
    let ids = store::insert_many(conn, &new, joining).map_err(overlap)?;
    let fields = vec![
        ("startDate", Some(start_date.to_string())),
        ("startReason", Some(code.to_owned())),
        ("role", Some(addition.role.as_str().to_owned())),
        ("origin", Some(Origin::Manual.as_str().to_owned())),
    ];
    announce(conn, Announced::Created, &ids)?;
    history::record(conn, scope, Action::Created, Entity::Membership, &ids, &history::diff(&[], &fields))?;
    Ok(ids)
}

/// Whether members can be added by hand: not to a dynamic group (G1), and not to a closed one of an organization that
/// keeps to its portal settings (G2).
fn takes_members(conn: &mut Conn, group: &Settings) -> Result<(), Error> {
    let mut checks = Checks::default();
    if group.member_filter.is_some() {
        let message = "A dynamic group has no memberships; its members follow from its filter.";
        checks.refuse(Code::DynamicGroup, "input.groupId", message);
    }
    if let Some(organization) = group.organization_id.filter(|_| group.closed)
        && enforces_portal_settings(conn, organization)?
    {
        checks.refuse(Code::GroupClosed, "input.groupId", "This group is closed and takes no new members.");
    }
    checks.done()
}

/// Everybody who is meant and may be added by this viewer; whoever is named and out of reach is refused.
fn candidates(
    conn: &mut Conn,
    sight: &Sight,
    addition: &Addition,
    start: NaiveDate,
    added: &mut Added,
) -> Result<Vec<i64>, Error> {
    let within = |sql: Sql| sight.personal(sql.text(" AND "), "p");
    match &addition.whom {
        Whom::Filter(filter) => {
            let sql = within(filter.conditions(Sql::new("SELECT p.id FROM participants p WHERE 1 = 1"), sight, start));
            Ok(sql.text(" ORDER BY p.id").load::<BigInt, i64>(conn)?)
        }
        Whom::Ids(ids) => {
            let named = named(ids, added);
            let mut wanted: Vec<i64> = named.iter().map(|(key, _)| *key).collect();
            wanted.sort_unstable();
            let sql = within(Sql::new("SELECT p.id FROM participants p WHERE p.id").in_ids(&wanted));
            let found = sql.text(" ORDER BY p.id").load::<BigInt, i64>(conn)?;
            for (key, id) in named.into_iter().filter(|(key, _)| found.binary_search(key).is_err()) {
                // Somebody out of sight is refused in the same words as nobody at all (K3).
                let rejection = Rejection::new(Code::NotFound, "There is no such participant.");
                added.refused.push(Refused { participant: Some(key), rejection, id: Some(id) });
            }
            Ok(found)
        }
    }
}

/// The keys behind identifiers, each once, with the identifier that was asked for first. What is none is refused.
fn named(ids: &[String], added: &mut Added) -> Vec<(i64, String)> {
    let mut seen = HashSet::new();
    let mut keys = Vec::with_capacity(ids.len());
    let mut refused = HashSet::new();
    for id in ids {
        match id::decode_as(Kind::Participant, id) {
            Some(key) if seen.insert(key) => keys.push((key, id.clone())),
            None if refused.insert(id) => {
                let rejection = Rejection::new(Code::InvalidValue, "This is not the id of a participant.");
                added.refused.push(Refused { participant: None, rejection, id: Some(id.clone()) });
            }
            Some(_) | None => {}
        }
    }
    keys
}

/// Who joins; all others are counted or refused.
fn sort_out(
    conn: &mut Conn,
    terms: &Terms,
    group: i64,
    candidates: Vec<i64>,
    added: &mut Added,
) -> Result<Vec<i64>, Error> {
    let known: HashMap<i64, joining::Known> = joining::store::known(conn, group, &candidates, terms.start)?;
    let mut joining = Vec::with_capacity(candidates.len());
    for candidate in candidates {
        match known.get(&candidate).map_or(Verdict::Joins, |known| terms.verdict(known)) {
            Verdict::Joins => joining.push(candidate),
            Verdict::AlreadyMember => added.already_member += 1,
            Verdict::OptedOut => added.opted_out += 1,
            Verdict::Refused(rejection) => added.refused.push(Refused::known(candidate, rejection)),
        }
    }
    Ok(joining)
}

fn refused_as_a_whole(added: &Added) -> Rejection {
    let number = added.refused.len();
    let code = added.refused.first().map_or(Code::InvalidValue, |refused| refused.rejection.code);
    let message = format!(
        "{number} of the participants cannot be added, so nobody was. Allow a partial addition to add the others."
    );
    Rejection::new(code, message)
}

/// The database's own refusal of overlapping periods (M2).
pub fn overlap(error: diesel::result::Error) -> Error {
    match violation(&error) {
        Some(Violation::Overlap) => Error::rejected(
            Code::OverlappingPeriod,
            "The period overlaps another one of the same participant in this group.",
        ),
        Some(Violation::Reference) => Error::rejected(
            Code::Conflict,
            "Somebody else changed the participant or the group at the same moment. Please try again.",
        ),
        _ => error.into(),
    }
}
