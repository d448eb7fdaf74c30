//! The rows of each file: which columns they have, and what the fields of a row owe each other.

use chrono::{Datelike, NaiveDate};

use super::error::{Checked, ErrorCode, Reported};
use super::model::{Category, Component, Group, Guardian, Lack, Membership, Participant, ParticipantKind, Residency};
use super::table::Row;
use super::value::words;
use super::vocabulary::Vocabulary;

use ParticipantKind::{Address, Organization, Person};

/// The kinds of participant that have a field, for every field that not all kinds have. Street,
/// house number, postal code and city are absent: people and organizations have them too.
const FIELDS_OF_KINDS: [(&str, &[ParticipantKind]); 10] = [
    ("given_name", &[Person]),
    ("name_prefix", &[Person]),
    ("family_name", &[Person]),
    ("birth_date", &[Person]),
    ("gender", &[Person]),
    ("name", &[Organization]),
    ("email", &[Person, Organization]),
    ("phone", &[Person, Organization]),
    ("complex_number", &[Address]),
    ("dwelling_type", &[Address]),
];

/// The kinds of participant that have a field.
pub fn kinds_of_field(column: &str) -> &'static [ParticipantKind] {
    let found = FIELDS_OF_KINDS.iter().find(|(known, _)| *known == column);
    found.map_or(ParticipantKind::ALL, |(_, kinds)| kinds)
}

pub(super) fn category(row: &mut Row<'_>) -> Checked<Category> {
    let external_id = row.external_id("external_id");
    let name = row.name("name");
    let lack = lacks_name(row);
    Ok(Category { at: row.at(), external_id: external_id?, name: name?, lack })
}

/// That a row has no name, if it has none.
fn lacks_name(row: &Row<'_>) -> Option<Lack> {
    (!row.has("name")).then(|| row.lack("name", "name must have a value"))
}

pub(super) fn participant(row: &mut Row<'_>) -> Checked<Participant> {
    let external_id = row.external_id("external_id");
    let kind: Checked<Option<ParticipantKind>> = row.word("kind");
    let fields = kind.and_then(|kind| kind.map_or(Ok(()), |kind| check_fields_of_kind(row, kind)));
    let lack = kind.ok().and_then(|kind| lacks_fields_of_kind(row, kind));
    let given_name = row.name("given_name");
    let name_prefix = row.label("name_prefix");
    let family_name = row.name("family_name");
    let birth_date = row.date("birth_date");
    let gender = row.word("gender");
    let name = row.name("name");
    let email = row.email("email");
    let phone = row.phone("phone");
    let street = row.name("street");
    let house_number = row.label("house_number");
    let postal_code = row.label("postal_code");
    let city = row.name("city");
    let complex_number = row.label("complex_number");
    let dwelling_type = row.name("dwelling_type");
    fields?;
    Ok(Participant {
        at: row.at(),
        external_id: external_id?,
        kind: kind?,
        given_name: given_name?,
        name_prefix: name_prefix?,
        family_name: family_name?,
        birth_date: birth_date?,
        gender: gender?,
        name: name?,
        email: email?,
        phone: phone?,
        street: street?,
        house_number: house_number?,
        postal_code: postal_code?,
        city: city?,
        complex_number: complex_number?,
        dwelling_type: dwelling_type?,
        lack,
    })
}

/// Without what a new participant cannot be told from another.
fn lacks_fields_of_kind(row: &Row<'_>, kind: Option<ParticipantKind>) -> Option<Lack> {
    let Some(kind) = kind else {
        return Some(row.lack("kind", format!("a new participant has a kind: {}", words(ParticipantKind::ALL))));
    };
    let (known, column, needs) = match kind {
        Person => (row.has("given_name") || row.has("family_name"), "family_name", "a given_name or a family_name"),
        Organization => (row.has("name"), "name", "a name"),
        Address => {
            let known = row.has("house_number") && (row.has("street") || row.has("postal_code"));
            (known, "house_number", "a house_number and a street or postal_code")
        }
    };
    (!known).then(|| row.lack(column, format!("a participant of kind {kind} needs {needs}")))
}

/// Checks that a participant has no fields that its kind does not have.
fn check_fields_of_kind(row: &mut Row<'_>, kind: ParticipantKind) -> Checked<()> {
    let mut outcome = Ok(());
    for (column, kinds) in FIELDS_OF_KINDS {
        if row.has(column) && !kinds.contains(&kind) {
            let message = format!("{column} is for {}, and this participant is of kind {kind}", words(kinds));
            outcome = Err(row.refuse(column, ErrorCode::FieldNotAllowed, message));
        }
    }
    outcome
}

pub(super) fn group(row: &mut Row<'_>) -> Checked<Group> {
    let external_id = row.external_id("external_id");
    let name = row.name("name");
    let lack = lacks_name(row);
    let description = row.prose("description");
    let category = row.reference("category");
    let composition = row.word("composition");
    let organization = row.reference("organization");
    let responsible = row.reference("responsible");
    let start_date = row.date("start_date");
    let completed_on = row.date("completed_on");
    let closed = row.flag("closed");
    let visible_on_portal = row.flag("visible_on_portal");
    let visible_with_contact = row.flag("visible_with_contact");
    let changeable_on_portal = row.flag("changeable_on_portal");
    let neighbourhood_role = row.word("neighbourhood_role");
    let subscription_group = row.flag("subscription_group");
    let restricted_to = row.reference("restricted_to");
    let source_group = row.reference("source_group");
    let via_home_address = row.flag("via_home_address");
    let analytics_group = row.flag("analytics_group");
    let contribution_group = row.flag("contribution_group");
    let mail_group = row.flag("mail_group");
    let member_directory = row.flag("member_directory");
    let year_group = row.year_group("year_group");
    let group = Group {
        at: row.at(),
        external_id: external_id?,
        name: name?,
        lack,
        description: description?,
        category: category?,
        composition: composition?,
        organization: organization?,
        responsible: responsible?,
        start_date: start_date?,
        completed_on: completed_on?,
        closed: closed?,
        visible_on_portal: visible_on_portal?,
        visible_with_contact: visible_with_contact?,
        changeable_on_portal: changeable_on_portal?,
        neighbourhood_role: neighbourhood_role?,
        subscription_group: subscription_group?,
        restricted_to: restricted_to?,
        source_group: source_group?,
        via_home_address: via_home_address?,
        analytics_group: analytics_group?,
        contribution_group: contribution_group?,
        mail_group: mail_group?,
        member_directory: member_directory?,
        year_group: year_group?,
    };
    check_group(row, &group).map(|()| group)
}

/// Checks the rules between a group's settings (S2, G4, G8).
fn check_group(row: &mut Row<'_>, group: &Group) -> Checked<()> {
    let mut outcome = Ok(());
    let subscription = group.subscription_group == Some(true);
    if group.contribution_group == Some(true) {
        let conflicts = [
            ("source_group", group.source_group.is_some()),
            ("via_home_address", group.via_home_address == Some(true)),
            ("subscription_group", subscription),
        ];
        for (column, _) in conflicts.into_iter().filter(|(_, set)| *set) {
            let message = format!(
                "a contribution group cannot have {column}: leaving it would end a membership \
                 that dues are paid for"
            );
            outcome = Err(row.refuse(column, ErrorCode::ContributionConflict, message));
        }
    }
    // Without a word in the row it is what is stored that counts.
    if group.restricted_to.is_some() && group.subscription_group == Some(false) {
        let message = "restricted_to is for subscription groups; set subscription_group to true";
        outcome = Err(row.refuse("restricted_to", ErrorCode::RestrictionWithoutSubscription, message));
    }
    let links = [("source_group", &group.source_group), ("restricted_to", &group.restricted_to)];
    for (column, link) in links {
        if link.as_ref().is_some_and(|link| link.id == group.external_id) {
            outcome = Err(refuse_self(row, column, "a group"));
        }
    }
    outcome
}

fn refuse_self(row: &mut Row<'_>, column: &str, what: &str) -> Reported {
    let message = format!("{what} cannot be its own {column}");
    row.refuse(column, ErrorCode::SelfReference, message)
}

pub(super) fn component(row: &mut Row<'_>) -> Checked<Component> {
    let composite = row.required("composite", Row::reference);
    let component = row.required("component", Row::reference);
    let mode = row.word("mode");
    let component = Component { at: row.at(), composite: composite?, component: component?, mode: mode? };
    if component.composite.id == component.component.id {
        return Err(refuse_self(row, "component", "a group"));
    }
    Ok(component)
}

pub(super) fn membership(row: &mut Row<'_>) -> Checked<Membership> {
    let group = row.required("group", Row::reference);
    let participant = row.required("participant", Row::reference);
    let start_reason = row.reason("start_reason");
    let end_reason = row.reason("end_reason");
    let role = row.word("role");
    let period = period(row);
    let ending = check_ending(row);
    let (start_date, end_date) = period?;
    ending?;
    Ok(Membership {
        at: row.at(),
        group: group?,
        participant: participant?,
        start_date,
        start_reason: start_reason?,
        end_date,
        end_reason: end_reason?,
        role: role?,
    })
}

/// Checks that a membership that goes on has no reason to end (M3).
fn check_ending(row: &mut Row<'_>) -> Checked<()> {
    if row.has("end_reason") && !row.has("end_date") {
        let message = "there is an end_reason and no end_date; a membership that goes on has neither";
        return Err(row.refuse("end_date", ErrorCode::EndDateMissing, message));
    }
    Ok(())
}

/// Reads `start_date` and `end_date`, which may be said to be the last day that counts. They may be the same day: whoever
/// joins and leaves on one day leaves a period without a day behind (M1).
fn period(row: &mut Row<'_>) -> Checked<(NaiveDate, Option<NaiveDate>)> {
    let start = row.required("start_date", Row::date);
    let end = row.date("end_date");
    let (start, end) = (start?, end?);
    match end {
        Some(end) if end < start => {
            let message = format!("end_date {end} is before start_date {start}");
            Err(row.refuse("end_date", ErrorCode::EndBeforeStart, message))
        }
        Some(last) if row.ends_on_last_day() => {
            let end = last.succ_opt().filter(|day| day.year() <= 9999).ok_or_else(|| {
                let message = format!("end_date {last} has no day after it; leave it empty where the period goes on");
                row.refuse("end_date", ErrorCode::InvalidDate, message)
            })?;
            Ok((start, Some(end)))
        }
        _ => Ok((start, end)),
    }
}

pub(super) fn residency(row: &mut Row<'_>) -> Checked<Residency> {
    let participant = row.required("participant", Row::reference);
    let address = row.required("address", Row::reference);
    let period = period(row);
    let (start_date, end_date) = period?;
    Ok(Residency { at: row.at(), participant: participant?, address: address?, start_date, end_date })
}

pub(super) fn guardian(row: &mut Row<'_>) -> Checked<Guardian> {
    let child = row.required("child", Row::reference);
    let guardian = row.required("guardian", Row::reference);
    let (child, guardian) = (child?, guardian?);
    if child.id == guardian.id {
        return Err(refuse_self(row, "guardian", "a person"));
    }
    Ok(Guardian { at: row.at(), child, guardian })
}
