//! The filter of a dynamic group.

use super::group::Group;
use super::participant::Participant;
use crate::graphql::engine::{Entity, Field, Obj, Out, one, ty};
use crate::graphql::enums::ParticipantKind;
use crate::graphql::scalars::Date;
use crate::people::filter::ParticipantFilter;

/// The filter of a dynamic group.
pub struct MemberFilter;

impl Entity for MemberFilter {
    const NAME: &'static str = "MemberFilter";
    const DOC: &'static str = "The filter that computes the members of a dynamic group. All conditions must hold; those that are null \
                               always do. In a group that an organization owns, only its own people can pass.";
    type Row = ParticipantFilter;

    fn fields() -> &'static [Field<Self>] {
        FILTER_FIELDS
    }
}

const FILTER_FIELDS: &[Field<MemberFilter>] = &[
    Field::<MemberFilter>::value(
        "kinds",
        ty::<Option<Vec<ParticipantKind>>>,
        "The participant is of one of these kinds.",
        |row, out| {
            strings(out, row.kinds.as_ref().map(|kinds| kinds.iter().map(|kind| kind.as_str())));
        },
    ),
    Field::<MemberFilter>::value("search", ty::<Option<String>>, "Every word occurs in the name.", |row, out| {
        out.opt_str(row.search.as_deref())
    }),
    Field::<MemberFilter>::value(
        "complexNumber",
        ty::<Option<String>>,
        "The address belongs to this complex.",
        |row, out| {
            out.opt_str(row.complex_number.as_deref());
        },
    ),
    Field::<MemberFilter>::value(
        "dwellingType",
        ty::<Option<String>>,
        "The address is a dwelling of this type.",
        |row, out| {
            out.opt_str(row.dwelling_type.as_deref());
        },
    ),
    Field::<MemberFilter>::value(
        "city",
        ty::<Option<String>>,
        "An address is in this city. A person or an organization is registered there, or is registered nowhere and has its \
         postal address there.",
        |row, out| out.opt_str(row.city.as_deref()),
    ),
    Field::<MemberFilter>::value(
        "postalCode",
        ty::<Option<String>>,
        "An address has this postal code. A person or an organization is registered at one that has it, or is registered \
         nowhere and has it in its postal address.",
        |row, out| {
            out.opt_str(row.postal_code.as_deref());
        },
    ),
    Field::<MemberFilter>::value(
        "bornFrom",
        ty::<Option<Date>>,
        "The person was born on this date or later.",
        |row, out| out.date(row.born_from),
    ),
    Field::<MemberFilter>::value(
        "bornUntil",
        ty::<Option<Date>>,
        "The person was born on this date or earlier.",
        |row, out| {
            out.date(row.born_until);
        },
    ),
    Field::<MemberFilter>::link(
        "currentGroup",
        ty::<Option<Obj<Group>>>,
        "The participant has a direct membership of this group in force.",
        |pick| one::<ParticipantFilter, Group>(pick, |row| row.current_group),
    ),
    Field::<MemberFilter>::link(
        "organization",
        ty::<Option<Obj<Participant>>>,
        "The participant's record is kept by this organization.",
        |pick| one::<ParticipantFilter, Participant>(pick, |row| row.organization),
    ),
    Field::<MemberFilter>::value(
        "externalIds",
        ty::<Option<Vec<String>>>,
        "The participant has one of these external ids.",
        |row, out| {
            strings(out, row.external_ids.as_ref().map(|ids| ids.iter().map(String::as_str)));
        },
    ),
    Field::<MemberFilter>::value(
        "everybody",
        ty::<bool>,
        "Whether everybody is meant, so that there is no condition.",
        |row, out| out.bool(row.everybody),
    ),
    Field::<MemberFilter>::value(
        "unreadable",
        ty::<bool>,
        "Whether the stored filter cannot be read. Nobody is a member of the group then, until it gets another filter.",
        |row, out| out.bool(row.unreadable.is_some()),
    ),
];

fn strings<'a>(out: &mut Out, values: Option<impl Iterator<Item = &'a str>>) {
    match values {
        Some(values) => out.strings(values),
        None => out.null(),
    }
}
