//! Registering and changing participants and residencies.

use chrono::NaiveDate;

use super::rules::{self, Fault};
use super::store::{self, Written};
use super::{Details, ParticipantKind};
use crate::access::sight::Sight;
use crate::check::{Checks, LABEL, NAME};
use crate::db::{Conn, Violation, violation};
use crate::error::{Code, Error, Rejection};
use crate::history::{self, Action, Change, Entity, Fields};
use crate::id::{self, Kind};
use crate::scope::Scope;

/// The key of no row. What does not exist is looked up with it in the same steps as what is out of sight, so that the time that
/// an answer takes does not tell them apart (K3).
pub const NOBODY: i64 = 0;

/// A patch turns what is stored into what is wanted.
pub type Patch<T> = Box<dyn Fn(&mut T) + Send>;

/// Registers a participant and answers with its key.
///
/// # Errors
/// A rejection for each rule that the details break.
pub fn create(conn: &mut Conn, scope: &Scope, kind: ParticipantKind, mut details: Details) -> Result<i64, Error> {
    details.organization_id = owner(scope, details.organization_id)?;
    validate(conn, scope, kind, None, &details)?;
    let written = Written::new(kind, details.clone(), scope.instant());
    let id = store::insert(conn, &written).map_err(|error| taken(error, "This external id"))?;
    let changes = history::diff(&[], &fields(&details));
    history::record(conn, scope, Action::Created, Entity::Participant, &[id], &changes)?;
    Ok(id)
}

/// The organization that is to keep a new record: the one named, or the only one that the viewer administers.
///
/// # Errors
/// `Forbidden` when the viewer does not administer it.
pub fn owner(scope: &Scope, organization: Option<i64>) -> Result<Option<i64>, Error> {
    let organization = match (organization, scope.viewer.administers.as_slice()) {
        (None, [only]) if !scope.viewer.administrator => Some(*only),
        (organization, _) => organization,
    };
    if scope.viewer.may_administer(organization) {
        Ok(organization)
    } else {
        let message = "You may only add to an organization that you administer; name it in `organizationId`.";
        Err(Rejection::new(Code::Forbidden, message).at("input.organizationId").into())
    }
}

/// Changes a participant.
///
/// # Errors
/// A rejection for each rule that the change breaks; `NotFound` and `Forbidden` among them.
pub fn update(
    conn: &mut Conn,
    scope: &Scope,
    id: i64,
    kind: Option<ParticipantKind>,
    patch: Patch<Details>,
) -> Result<i64, Error> {
    let (stored_kind, before) = administered(conn, scope, id, "input.participantId")?;
    if kind.is_some_and(|kind| kind != stored_kind) {
        let message = format!("This participant is of kind {}, which cannot be changed.", stored_kind.as_str());
        return Err(Rejection::new(Code::WrongKind, message).at("input.details").into());
    }
    let mut after = before.clone();
    patch(&mut after);
    if after.organization_id != before.organization_id && !scope.viewer.may_administer(after.organization_id) {
        let message = "You may only hand a record to an organization that you administer.";
        return Err(Rejection::new(Code::Forbidden, message).at("input.organizationId").into());
    }
    validate(conn, scope, stored_kind, Some(&before), &after)?;
    let changes = history::diff(&fields(&before), &fields(&after));
    if changes.is_empty() {
        return Ok(id);
    }
    store::update(conn, id, &Written::new(stored_kind, after, scope.instant()))
        .map_err(|error| taken(error, "This external id"))?;
    history::record(conn, scope, Action::Updated, Entity::Participant, &[id], &changes)?;
    Ok(id)
}

/// The stored participant, if the viewer administers its record.
///
/// # Errors
/// `NotFound` when there is none within sight, `Forbidden` when another organization keeps it.
pub fn administered(conn: &mut Conn, scope: &Scope, id: i64, field: &str) -> Result<(ParticipantKind, Details), Error> {
    let missing = || Error::from(Rejection::new(Code::NotFound, "There is no such participant.").at(field));
    let found = store::lock(conn, id)?;
    let administers =
        |organization| scope.viewer.may_administer(organization) || scope.viewer.administers.contains(&id);
    if let Some((kind, details)) = found.filter(|(_, details)| administers(details.organization_id)) {
        return Ok((kind, details));
    }
    // A participant out of sight takes the same steps as one that does not exist (K3).
    let sight = administration_sight(conn, scope)?;
    if store::by_ids(conn, &sight, false, &[id])?.is_empty() {
        return Err(missing());
    }
    let message = "Another organization keeps this participant's record.";
    Err(Rejection::new(Code::Forbidden, message).at(field).into())
}

/// What the viewer sees as an administrator, leaving out what the viewer sees as a member: that others are in the same
/// group gives no right to put them into another.
///
/// # Errors
/// What the database answers.
pub fn administration_sight(conn: &mut Conn, scope: &Scope) -> Result<Sight, Error> {
    let mut viewer = scope.viewer.clone();
    viewer.participant = None;
    viewer.staff_of.clear();
    Sight::load(conn, &viewer, scope.today, |_, _, _| Ok(Vec::new()))
}

fn validate(
    conn: &mut Conn,
    scope: &Scope,
    kind: ParticipantKind,
    before: Option<&Details>,
    details: &Details,
) -> Result<(), Error> {
    let mut checks = Checks::default();
    let of = |name: &str| format!("input.details.{}.{name}", kind.as_str().to_lowercase());
    checks.line("input.externalId", details.external_id.as_deref(), NAME);
    let part = |name: &str| match kind {
        ParticipantKind::Address => of(name),
        _ => of(&format!("postalAddress.{name}")),
    };
    for (name, value, limit) in [
        ("street", &details.street, NAME),
        ("houseNumber", &details.house_number, LABEL),
        ("postalCode", &details.postal_code, LABEL),
        ("city", &details.city, NAME),
        ("country", &details.country, NAME),
    ] {
        checks.line(&part(name), value.as_deref(), limit);
    }
    for (name, value, limit) in [
        ("givenName", &details.given_name, NAME),
        ("namePrefix", &details.name_prefix, LABEL),
        ("familyName", &details.family_name, NAME),
        ("complexNumber", &details.complex_number, LABEL),
        ("dwellingType", &details.dwelling_type, NAME),
    ] {
        checks.line(&of(name), value.as_deref(), limit);
    }
    check_sense(scope, before, details, of, &mut checks);
    match kind {
        ParticipantKind::Person if details.given_name.is_none() && details.family_name.is_none() => {
            checks.refuse(Code::Required, &of("familyName"), "A person needs a given name or a family name.");
        }
        ParticipantKind::Person => {}
        ParticipantKind::Organization => checks.required(&of("name"), details.name.as_deref(), NAME),
        ParticipantKind::Address => {
            if details.house_number.is_none() {
                checks.refuse(Code::Required, &of("houseNumber"), "This must be given.");
            }
            if details.street.is_none() && details.postal_code.is_none() {
                checks.refuse(Code::Required, &of("street"), "An address needs a street or a postal code.");
            }
        }
    }
    if let Some(organization) = details.organization_id {
        let found = store::lock(conn, organization)?;
        if found.is_none_or(|(kind, _)| kind != ParticipantKind::Organization) {
            checks.refuse(Code::NotFound, "input.organizationId", "There is no such organization.");
        }
    }
    checks.done()
}

/// Refuses what makes no sense. What was stored before there were such rules stands in the way of no other change.
fn check_sense(
    scope: &Scope,
    before: Option<&Details>,
    details: &Details,
    of: impl Fn(&str) -> String,
    checks: &mut Checks,
) {
    let blank = Details::default();
    let before = before.unwrap_or(&blank);
    let text = |stored: &Option<String>, wanted: &Option<String>, rule: fn(&str) -> Result<(), Fault>| {
        wanted.as_deref().filter(|_| stored != wanted).and_then(|wanted| rule(wanted).err())
    };
    let born = details.birth_date.filter(|_| before.birth_date != details.birth_date);
    for (name, fault) in [
        ("email", text(&before.email, &details.email, rules::email)),
        ("phone", text(&before.phone, &details.phone, rules::phone)),
        ("birthDate", born.and_then(|born| rules::birth_date(born, scope.today).err())),
    ] {
        if let Some(fault) = fault {
            checks.refuse(fault.code, &of(name), fault.message);
        }
    }
}

/// Registers a participant at an address and answers with the residency's key.
///
/// # Errors
/// A rejection for each rule that is broken, an overlapping registration at the same address among them.
pub fn register_residency(
    conn: &mut Conn,
    scope: &Scope,
    participant: i64,
    address: i64,
    start: NaiveDate,
    end: Option<NaiveDate>,
) -> Result<i64, Error> {
    let (kind, _) = administered(conn, scope, participant, "input.participantId")?;
    let (place, _) = administered(conn, scope, address, "input.addressId")?;
    let mut checks = Checks::default();
    if kind == ParticipantKind::Address {
        checks.refuse(Code::WrongKind, "input.participantId", "An address does not live anywhere.");
    }
    if place != ParticipantKind::Address {
        checks.refuse(Code::WrongKind, "input.addressId", "This participant is not an address.");
    }
    if end.is_some_and(|end| end < start) {
        checks.refuse(Code::InvalidDate, "input.endDate", "The end comes before the start.");
    }
    checks.done()?;
    let id = store::insert_residency(conn, participant, address, start, end).map_err(overlap)?;
    let changes = [change("residency", None, Some(residency_text(address, start, end)))];
    history::record(conn, scope, Action::Updated, Entity::Participant, &[participant], &changes)?;
    Ok(id)
}

/// Ends a residency, and answers with its key and that of the participant.
///
/// # Errors
/// `NotFound`, `Forbidden`, or `InvalidDate` for an end before the start or of what is over.
pub fn end_residency(conn: &mut Conn, scope: &Scope, id: i64, end: NaiveDate) -> Result<(i64, i64), Error> {
    let missing = || Error::from(Rejection::new(Code::NotFound, "There is no such residency.").at("input.residencyId"));
    let found = store::lock_residency(conn, id)?;
    let participant = found.as_ref().map_or(NOBODY, |row| row.participant_id);
    administered(conn, scope, participant, "input.residencyId").map_err(|error| match error {
        // Of a residency out of sight not even that there is one.
        Error::Rejected(rejections) if rejections.iter().all(|rejection| rejection.code == Code::NotFound) => missing(),
        error => error,
    })?;
    let row = found.ok_or_else(missing)?;
    let mut checks = Checks::default();
    if end < row.start_date {
        checks.refuse(
            Code::InvalidDate,
            "input.endDate",
            format!("The registration starts on {} only.", row.start_date),
        );
    }
    if let Some(ended) = row.end_date.filter(|ended| *ended <= scope.today) {
        checks.refuse(Code::InvalidDate, "input.residencyId", format!("The registration ended on {ended} already."));
    }
    checks.done()?;
    store::end_residency(conn, id, Some(end)).map_err(overlap)?;
    let before = residency_text(row.address_id, row.start_date, row.end_date);
    let after = residency_text(row.address_id, row.start_date, Some(end));
    let changes = [change("residency", Some(before), Some(after))];
    history::record(conn, scope, Action::Updated, Entity::Participant, &[row.participant_id], &changes)?;
    Ok((id, row.participant_id))
}

fn residency_text(address: i64, start: NaiveDate, end: Option<NaiveDate>) -> String {
    let end = end.map(|end| end.to_string()).unwrap_or_default();
    format!("{} {start}..{end}", id::encode(Kind::Participant, address))
}

fn change(field: &str, before: Option<String>, after: Option<String>) -> Change {
    Change { field: field.to_owned(), before, after }
}

fn overlap(error: diesel::result::Error) -> Error {
    match violation(&error) {
        Some(Violation::Overlap) => Rejection::new(
            Code::OverlappingPeriod,
            "The participant is registered at this address in that period already.",
        )
        .at("input.startDate")
        .into(),
        _ => error.into(),
    }
}

/// A value that must be unique and is taken.
pub fn taken(error: diesel::result::Error, what: &str) -> Error {
    match violation(&error) {
        Some(Violation::Unique(_)) => Rejection::new(Code::NotUnique, format!("{what} is taken already.")).into(),
        // It was there when it was looked up.
        Some(Violation::Reference) => Error::rejected(
            Code::Conflict,
            "Something that this refers to was deleted at the same moment. Please try again.",
        ),
        _ => error.into(),
    }
}

/// The fields of a participant as history shows them.
pub fn fields(details: &Details) -> Fields {
    vec![
        ("externalId", details.external_id.clone()),
        ("givenName", details.given_name.clone()),
        ("namePrefix", details.name_prefix.clone()),
        ("familyName", details.family_name.clone()),
        ("name", details.name.clone()),
        ("birthDate", details.birth_date.map(|date| date.to_string())),
        ("gender", details.gender.map(|gender| gender.as_str().to_owned())),
        ("email", details.email.clone()),
        ("phone", details.phone.clone()),
        ("street", details.street.clone()),
        ("houseNumber", details.house_number.clone()),
        ("postalCode", details.postal_code.clone()),
        ("city", details.city.clone()),
        ("country", details.country.clone()),
        ("complexNumber", details.complex_number.clone()),
        ("dwellingType", details.dwelling_type.clone()),
        ("organization", details.organization_id.map(|key| id::encode(Kind::Participant, key))),
        ("shielded", details.shielded.then(|| true.to_string())),
        ("enforcePortalSettings", details.enforce_portal_settings.then(|| true.to_string())),
    ]
}
