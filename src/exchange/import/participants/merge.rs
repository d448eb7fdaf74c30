//! What a row of `participants.csv` makes of a record.

use crate::exchange::bundle::{self, Participant};
use crate::exchange::import::aliases;
use crate::exchange::import::cells::Cells;
use crate::people::{Details, ParticipantKind};

/// What a row makes of what is stored.
pub(super) fn merge(row: &Participant, cells: &Cells, old: Details) -> Details {
    let text = |column: &str, new: &Option<String>, old: Option<String>| cells.over(column, new.clone(), old);
    Details {
        external_id: aliases::kept(&row.external_id, old.external_id),
        given_name: text("given_name", &row.given_name, old.given_name),
        name_prefix: text("name_prefix", &row.name_prefix, old.name_prefix),
        family_name: text("family_name", &row.family_name, old.family_name),
        name: text("name", &row.name, old.name),
        birth_date: cells.over("birth_date", row.birth_date, old.birth_date),
        gender: cells.over("gender", row.gender.map(Into::into), old.gender),
        email: text("email", &row.email, old.email),
        phone: text("phone", &row.phone, old.phone),
        street: text("street", &row.street, old.street),
        house_number: text("house_number", &row.house_number, old.house_number),
        postal_code: text("postal_code", &row.postal_code, old.postal_code),
        city: text("city", &row.city, old.city),
        country: old.country,
        complex_number: text("complex_number", &row.complex_number, old.complex_number),
        dwelling_type: text("dwelling_type", &row.dwelling_type, old.dwelling_type),
        organization_id: old.organization_id,
        enforce_portal_settings: old.enforce_portal_settings,
        shielded: old.shielded,
    }
}

/// Puts a field back to what is stored.
pub(super) fn take_back(details: &mut Details, stored: &Details, field: &str) {
    let text = match field {
        "givenName" => (&mut details.given_name, &stored.given_name),
        "namePrefix" => (&mut details.name_prefix, &stored.name_prefix),
        "familyName" => (&mut details.family_name, &stored.family_name),
        "name" => (&mut details.name, &stored.name),
        "email" => (&mut details.email, &stored.email),
        "phone" => (&mut details.phone, &stored.phone),
        "street" => (&mut details.street, &stored.street),
        "houseNumber" => (&mut details.house_number, &stored.house_number),
        "postalCode" => (&mut details.postal_code, &stored.postal_code),
        "city" => (&mut details.city, &stored.city),
        "complexNumber" => (&mut details.complex_number, &stored.complex_number),
        "dwellingType" => (&mut details.dwelling_type, &stored.dwelling_type),
        "birthDate" => {
            details.birth_date = stored.birth_date;
            return;
        }
        "gender" => {
            details.gender = stored.gender;
            return;
        }
        // The others are not the row's to change.
        _ => return,
    };
    text.0.clone_from(text.1);
}

/// What a record would lack without which one of its kind cannot be told from another.
pub(super) fn lacking(kind: ParticipantKind, details: &Details) -> Option<&'static str> {
    match kind {
        ParticipantKind::Person if details.given_name.is_none() && details.family_name.is_none() => {
            Some("a person keeps a given_name or a family_name")
        }
        ParticipantKind::Organization if details.name.is_none() => Some("an organization keeps its name"),
        ParticipantKind::Address
            if details.house_number.is_none() || details.street.is_none() && details.postal_code.is_none() =>
        {
            Some("an address keeps its house_number and a street or postal_code")
        }
        _ => None,
    }
}

/// The columns in which a row has a value that a participant of this kind does not have.
pub(super) fn not_of_kind(row: &Participant, kind: ParticipantKind) -> Vec<&'static str> {
    let values = [
        ("given_name", row.given_name.is_some()),
        ("name_prefix", row.name_prefix.is_some()),
        ("family_name", row.family_name.is_some()),
        ("birth_date", row.birth_date.is_some()),
        ("gender", row.gender.is_some()),
        ("name", row.name.is_some()),
        ("email", row.email.is_some()),
        ("phone", row.phone.is_some()),
        ("complex_number", row.complex_number.is_some()),
        ("dwelling_type", row.dwelling_type.is_some()),
    ];
    let fits = |column: &str| bundle::kinds_of_field(column).iter().any(|fitting| kind == (*fitting).into());
    values.into_iter().filter(|(column, given)| *given && !fits(column)).map(|(column, _)| column).collect()
}
