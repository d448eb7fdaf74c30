//! The rules between rows.

use std::collections::{HashMap, HashSet};

use chrono::NaiveDate;

use super::error::{At, ErrorCode, Log};
use super::model::{Bundle, ExternalId, Membership, ParticipantKind, Reference, Residency, Target, Unresolved};
use super::value::{Shown, words};

use ParticipantKind::{Address, Organization, Person};

/// Anyone at all.
const ANYONE: &[ParticipantKind] = &[Person, Organization, Address];

/// Those that can act.
const PARTIES: &[ParticipantKind] = &[Person, Organization];

/// A reference and what it must lead to.
#[derive(Clone, Copy)]
struct Use<'b> {
    column: &'static str,
    reference: &'b Reference,
    target: Target,
    kinds: &'static [ParticipantKind],
}

impl<'b> Use<'b> {
    fn category(reference: &'b Reference) -> Self {
        Self { column: "category", reference, target: Target::Category, kinds: &[] }
    }

    fn group(column: &'static str, reference: &'b Reference) -> Self {
        Self { column, reference, target: Target::Group, kinds: &[] }
    }

    fn participant(column: &'static str, reference: &'b Reference, kinds: &'static [ParticipantKind]) -> Self {
        Self { column, reference, target: Target::Participant, kinds }
    }
}

/// Every reference of the bundle.
fn uses(bundle: &Bundle) -> impl Iterator<Item = Use<'_>> {
    let groups = bundle.groups.iter().flat_map(|row| {
        let organization = row.organization.as_ref();
        let responsible = row.responsible.as_ref();
        [
            row.category.as_ref().map(Use::category),
            organization.map(|link| Use::participant("organization", link, &[Organization])),
            responsible.map(|link| Use::participant("responsible", link, PARTIES)),
            row.restricted_to.as_ref().map(|link| Use::group("restricted_to", link)),
            row.source_group.as_ref().map(|link| Use::group("source_group", link)),
        ]
        .into_iter()
        .flatten()
    });
    let components = bundle
        .components
        .iter()
        .flat_map(|row| [Use::group("composite", &row.composite), Use::group("component", &row.component)]);
    let memberships = bundle
        .memberships
        .iter()
        .flat_map(|row| [Use::group("group", &row.group), Use::participant("participant", &row.participant, ANYONE)]);
    let residencies = bundle.residencies.iter().flat_map(|row| {
        [
            Use::participant("participant", &row.participant, PARTIES),
            Use::participant("address", &row.address, &[Address]),
        ]
    });
    let guardians = bundle.guardians.iter().flat_map(|row| {
        [Use::participant("child", &row.child, &[Person]), Use::participant("guardian", &row.guardian, &[Person])]
    });
    groups.chain(components).chain(memberships).chain(residencies).chain(guardians)
}

/// Follows every reference: reports those that lead to the wrong kind of participant, and returns
/// those that lead out of the bundle.
pub(super) fn references(bundle: &Bundle, log: &mut Log) -> Vec<Unresolved> {
    let categories: HashSet<&str> = bundle.categories.iter().map(|row| &*row.external_id).collect();
    let groups: HashSet<&str> = bundle.groups.iter().map(|row| &*row.external_id).collect();
    let participants: HashMap<&str, Option<ParticipantKind>> =
        bundle.participants.iter().map(|row| (&*row.external_id, row.kind)).collect();
    let mut unresolved: Vec<Unresolved> = Vec::new();
    let mut noted = HashMap::new();
    for link in uses(bundle) {
        let id: &str = &link.reference.id;
        let known = match link.target {
            Target::Category => categories.contains(id),
            Target::Group => groups.contains(id),
            Target::Participant => match participants.get(id) {
                Some(Some(kind)) => {
                    check_kind(link, *kind, log);
                    true
                }
                // What is stored tells the kind of a row that does not.
                Some(None) | None => false,
            },
        };
        if known {
            continue;
        }
        let position = *noted.entry((link.target, id, link.kinds)).or_insert_with(|| {
            unresolved.push(Unresolved {
                target: link.target,
                reference: link.reference.clone(),
                kinds: link.kinds,
                uses: 0,
            });
            unresolved.len() - 1
        });
        if let Some(noted) = unresolved.get_mut(position) {
            noted.uses += 1;
        }
    }
    unresolved
}

fn check_kind(link: Use<'_>, kind: ParticipantKind, log: &mut Log) {
    if !link.kinds.contains(&kind) {
        let message = format!(
            "{} must be {}, and {} is of kind {kind}",
            link.column,
            words(link.kinds),
            Shown(&link.reference.id)
        );
        log.report(link.reference.at, ErrorCode::WrongKind, message);
    }
}

/// Reports components and guardians that are listed twice.
pub(super) fn repeated_rows(bundle: &Bundle, log: &mut Log) {
    let components = bundle.components.iter().map(|row| (&row.composite, &row.component, row.at));
    for (composite, component, at, earlier) in repeated(components) {
        let message = format!(
            "{} is a component of {} already, on line {}",
            Shown(&component.id),
            Shown(&composite.id),
            earlier.line
        );
        log.report(at, ErrorCode::DuplicateRow, message);
    }
    let guardians = bundle.guardians.iter().map(|row| (&row.child, &row.guardian, row.at));
    for (child, guardian, at, earlier) in repeated(guardians) {
        let message =
            format!("{} is a guardian of {} already, on line {}", Shown(&guardian.id), Shown(&child.id), earlier.line);
        log.report(at, ErrorCode::DuplicateRow, message);
    }
}

/// The pairs that occur again, with the place of the first time.
fn repeated<'b>(
    pairs: impl Iterator<Item = (&'b Reference, &'b Reference, At)>,
) -> impl Iterator<Item = (&'b Reference, &'b Reference, At, At)> {
    let mut seen: HashMap<(&ExternalId, &ExternalId), At> = HashMap::new();
    pairs.filter_map(move |(one, other, at)| {
        let first = *seen.entry((&one.id, &other.id)).or_insert(at);
        (first != at).then_some((one, other, at, first))
    })
}

/// A stretch of time that one participant spends in one place.
#[derive(Clone, Copy)]
struct Period<'b> {
    participant: &'b str,
    place: &'b str,
    start: NaiveDate,
    /// The first day after it; open periods last for ever.
    end: NaiveDate,
    at: At,
}

impl Period<'_> {
    /// Whether it has no day at all: joined and left on the same date.
    fn is_empty(&self) -> bool {
        self.start == self.end
    }

    fn describe(&self) -> String {
        match self.end {
            NaiveDate::MAX => format!("from {}", self.start),
            end => format!("{} to {end}", self.start),
        }
    }
}

impl<'b> From<&'b Membership> for Period<'b> {
    fn from(row: &'b Membership) -> Self {
        Self {
            participant: &row.participant.id,
            place: &row.group.id,
            start: row.start_date,
            end: row.end_date.unwrap_or(NaiveDate::MAX),
            at: row.at,
        }
    }
}

impl<'b> From<&'b Residency> for Period<'b> {
    fn from(row: &'b Residency) -> Self {
        Self {
            participant: &row.participant.id,
            place: &row.address.id,
            start: row.start_date,
            end: row.end_date.unwrap_or(NaiveDate::MAX),
            at: row.at,
        }
    }
}

/// Reports periods of one participant in one group, or at one address, that overlap (M2). Where a file does not say when
/// periods end, only the same start twice is a mistake.
pub(super) fn overlaps(bundle: &Bundle, log: &mut Log) {
    fn known<'b>(bundle: &Bundle, file: &str, period: Period<'b>) -> Period<'b> {
        if bundle.has_column(file, "end_date") { period } else { Period { end: period.start, ..period } }
    }
    let memberships = bundle.memberships.iter().map(|row| known(bundle, "memberships.csv", row.into()));
    report_overlaps(memberships.collect(), "group", log);
    let residencies = bundle.residencies.iter().map(|row| known(bundle, "residencies.csv", row.into()));
    report_overlaps(residencies.collect(), "address", log);
}

/// Walks the periods of each pair by start date. Each is held against the one that reaches furthest
/// so far, not merely the one before: a long period can cover several that do not touch each other.
fn report_overlaps(mut periods: Vec<Period<'_>>, place: &str, log: &mut Log) {
    periods.sort_unstable_by_key(|period| {
        let Period { participant, place, start, end, at } = *period;
        (participant, place, start, end, at)
    });
    let mut previous: Option<Period<'_>> = None;
    let mut furthest: Option<Period<'_>> = None;
    for period in periods {
        let related = |other: &Period<'_>| (other.participant, other.place) == (period.participant, period.place);
        previous = previous.filter(related);
        furthest = furthest.filter(related);
        if period.is_empty() {
            // It covers no day and so overlaps nothing; but the very same row twice is a mistake.
            // What comes before it with the same start is empty too: a longer one comes after.
            if let Some(same) = previous.filter(|other| other.start == period.start) {
                report_overlap(ErrorCode::DuplicateRow, same, period, place, log);
            }
        } else if let Some(other) = furthest.filter(|other| period.start < other.end) {
            report_overlap(ErrorCode::OverlappingPeriods, other, period, place, log);
        }
        if furthest.is_none_or(|other| other.end < period.end) {
            furthest = Some(period);
        }
        previous = Some(period);
    }
}

/// Reports two periods at the row that comes later in the file.
fn report_overlap(code: ErrorCode, one: Period<'_>, other: Period<'_>, place: &str, log: &mut Log) {
    let (earlier, later) = if one.at <= other.at { (one, other) } else { (other, one) };
    let relation = match code {
        ErrorCode::DuplicateRow => "repeats",
        _ => "overlaps",
    };
    let message = format!(
        "the period {} of {} in {place} {} {relation} the one on line {} ({})",
        later.describe(),
        Shown(later.participant),
        Shown(later.place),
        earlier.at.line,
        earlier.describe()
    );
    log.report(later.at, code, message);
}
