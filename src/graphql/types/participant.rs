//! Participants as the graph shows them: one interface, three types.

use std::collections::HashMap;

use async_graphql::ID;

use super::effective::{self, EffectiveGroup};
use super::guardianship::{self, Guardianship};
use super::history::{HistoryEntry, told_history_of};
use super::membership::{self, Membership, memberships_of};
use super::residency::{PostalAddress, Residency};
use crate::access::sight::Sight;
use crate::access::table::Rule;
use crate::error::Error;
use crate::graphql::engine::{
    Connection, Edge, Entity, Exec, Field, Keyed, Link, Listed, Obj, Out, PAGE_ARGS, Values, Variant, inline_opt, many,
    one, ty,
};
use crate::graphql::enums::{Gender, ParticipantKind as KindName};
use crate::graphql::scalars::{Date, DateTime};
use crate::history::{Change, Entity as Object};
use crate::id::{self, Kind};
use crate::members::store::Of;
use crate::people::store::{self, More, ParticipantRow, ResidencyRow, Side};
use crate::people::{ParticipantKind, Place, guardians};

/// A party that can be a member.
pub struct Participant;

const PERSON: u16 = 1;
const ORGANIZATION: u16 = 2;
const ADDRESS: u16 = 4;

fn text(row: &ParticipantRow, out: &mut Out, get: fn(&More) -> Option<&str>) {
    out.opt_str(row.more.as_deref().and_then(get));
}

const FIELDS: &[Field<Participant>] = &[
    Field::<Participant>::value("id", ty::<ID>, "The global identifier.", |row, out| out.id(Kind::Participant, row.id)),
    Field::<Participant>::value(
        "externalId",
        ty::<Option<String>>,
        "The key of the participant in the system that it was imported from; null when there is none or you may not read it.",
        |row, out| {
            out.opt_str(row.external_id.as_deref());
        },
    ),
    Field::<Participant>::value("kind", ty::<KindName>, "What the participant is.", |row, out| {
        out.str(row.kind.as_str())
    }),
    Field::<Participant>::value(
        "displayName",
        ty::<String>,
        "The whole name, as one writes it: \"Jan van den Berg\".",
        |row, out| {
            out.str(&row.display_name);
        },
    ),
    Field::<Participant>::value(
        "sortName",
        ty::<String>,
        "The name as it stands in a Dutch alphabetical list: \"Berg, Jan van den\".",
        |row, out| out.str(&sort_name(row)),
    ),
    Field::<Participant>::value(
        "email",
        ty::<Option<String>>,
        "The e-mail address; null when there is none or you may not read it.",
        |row, out| {
            text(row, out, |more| more.email.as_deref());
        },
    ),
    Field::<Participant>::value(
        "phone",
        ty::<Option<String>>,
        "The telephone number; null when there is none or you may not read it.",
        |row, out| {
            text(row, out, |more| more.phone.as_deref());
        },
    ),
    Field::<Participant>::link(
        "organization",
        ty::<Option<Obj<Participant>>>,
        "The organization that keeps this record; null when none does or you may not read it.",
        |pick| {
            one::<ParticipantRow, Participant>(pick, |row| row.more.as_deref().and_then(|more| more.organization_id))
        },
    ),
    Field::<Participant>::link(
        "memberships",
        ty::<Option<Obj<Connection<Membership>>>>,
        "The direct memberships of this participant.",
        |pick| memberships_of::<ParticipantRow>(pick, Of::Participant, |row| row.id),
    )
    .args(membership::ARGS),
    Field::<Participant>::link(
        "effectiveGroups",
        ty::<Option<Obj<Connection<EffectiveGroup>>>>,
        "Every group to which this participant belongs, directly or through components, by name.",
        effective::groups_of_participant,
    )
    .args(effective::GROUP_ARGS),
    Field::<Participant>::value("createdAt", ty::<DateTime>, "When the participant was registered.", |row, out| {
        instant(row, out, |more| more.created_at);
    })
    .details(),
    Field::<Participant>::value("updatedAt", ty::<DateTime>, "When the record was last changed.", |row, out| {
        instant(row, out, |more| more.updated_at);
    })
    .details(),
    Field::<Participant>::link(
        "history",
        ty::<Option<Obj<Connection<HistoryEntry>>>>,
        "Every change of this record; null when you may not read it, or when another organization keeps the record.",
        |pick| Ok(Box::new(KeptHistory(told_history_of::<ParticipantRow>(pick, Object::Participant, |row| row.id, is_told)?))),
    )
    .args(&PAGE_ARGS),
    Field::<Participant>::value("givenName", ty::<Option<String>>, "The given name.", |row, out| {
        out.opt_str(row.given_name.as_deref())
    })
    .on(PERSON),
    Field::<Participant>::value(
        "namePrefix",
        ty::<Option<String>>,
        "The prefix of the family name, such as \"van den\".",
        |row, out| {
            out.opt_str(row.name_prefix.as_deref());
        },
    )
    .on(PERSON),
    Field::<Participant>::value(
        "familyName",
        ty::<Option<String>>,
        "The family name without its prefix.",
        |row, out| {
            out.opt_str(row.family_name.as_deref());
        },
    )
    .on(PERSON),
    Field::<Participant>::value(
        "birthDate",
        ty::<Option<Date>>,
        "The date of birth; null when it is not known or you may not read it.",
        |row, out| {
            out.date(row.more.as_deref().and_then(|more| more.birth_date));
        },
    )
    .on(PERSON),
    Field::<Participant>::value(
        "gender",
        ty::<Option<Gender>>,
        "The gender; null when it is not recorded or you may not read it.",
        |row, out| {
            text(row, out, |more| more.gender.map(crate::people::Gender::as_str));
        },
    )
    .on(PERSON),
    Field::<Participant>::value(
        "shielded",
        ty::<Option<bool>>,
        "Whether the address and the contacts of the person are told to nobody but those who administer the organization that \
         keeps the record and the person; null when you may not read it.",
        |row, out| match row.more.as_deref() {
            Some(more) => out.bool(more.shielded),
            None => out.null(),
        },
    )
    .on(PERSON),
    Field::<Participant>::link(
        "guardians",
        ty::<Option<Vec<Obj<Participant>>>>,
        "Who looks after this child, as far as that counts for an organization that you administer; null when you may not read it.",
        |pick| {
            many::<ParticipantRow, Participant>(
                pick,
                Box::new(|exec, rows, details| related(exec, rows, Side::Dependant, details)),
            )
        },
    )
    .on(PERSON),
    Field::<Participant>::link(
        "children",
        ty::<Option<Vec<Obj<Participant>>>>,
        "The children this person looks after, as far as that counts for an organization that you administer, or for anybody \
         where it is you; null when you may not read it.",
        |pick| {
            many::<ParticipantRow, Participant>(
                pick,
                Box::new(|exec, rows, details| related(exec, rows, Side::Anchor, details)),
            )
        },
    )
    .on(PERSON),
    Field::<Participant>::link(
        "guardianships",
        ty::<Vec<Obj<Guardianship>>>,
        "Who was recorded to look after this child, and for which organizations that counts: for those who administer an \
         organization of whose people the child is, the guardians themselves and the child; empty for others.",
        guardianship::of_children,
    )
    .on(PERSON),
    Field::<Participant>::value("name", ty::<Option<String>>, "The name.", |row, out| {
        text(row, out, |more| more.name.as_deref())
    })
    .on(ORGANIZATION)
    .details(),
    Field::<Participant>::value(
        "enforcePortalSettings",
        ty::<bool>,
        "Whether the organization keeps to the portal settings of its groups: then a closed group takes no new members, and \
         only a group that is visible and changeable on the portal can be joined or left by oneself.",
        |row, out| out.bool(row.more.as_deref().is_some_and(|more| more.enforce_portal_settings)),
    )
    .on(ORGANIZATION)
    .details(),
    Field::<Participant>::link(
        "postalAddress",
        ty::<Option<Obj<PostalAddress>>>,
        "Where mail goes; null when it is not known or you may not read it. Where somebody lives is told by `residencies`.",
        |pick| inline_opt::<ParticipantRow, PostalAddress>(pick, postal_address),
    )
    .on(PERSON | ORGANIZATION)
    .details(),
    Field::<Participant>::link(
        "residencies",
        ty::<Option<Vec<Obj<Residency>>>>,
        "The registrations at addresses, the latest first; null when you may not read them.",
        |pick| {
            many::<ParticipantRow, Residency>(pick, Box::new(|exec, rows, _| residencies(exec, rows, Side::Dependant)))
        },
    )
    .on(PERSON | ORGANIZATION),
    Field::<Participant>::value("street", ty::<Option<String>>, "The street.", |row, out| {
        text(row, out, |more| more.place.street.as_deref())
    })
    .on(ADDRESS),
    Field::<Participant>::value(
        "houseNumber",
        ty::<Option<String>>,
        "The house number with its addition.",
        |row, out| {
            text(row, out, |more| more.place.house_number.as_deref());
        },
    )
    .on(ADDRESS),
    Field::<Participant>::value("postalCode", ty::<Option<String>>, "The postal code.", |row, out| {
        text(row, out, |more| more.place.postal_code.as_deref())
    })
    .on(ADDRESS),
    Field::<Participant>::value("city", ty::<Option<String>>, "The city.", |row, out| {
        text(row, out, |more| more.place.city.as_deref())
    })
    .on(ADDRESS),
    Field::<Participant>::value(
        "complexNumber",
        ty::<Option<String>>,
        "The number of the complex that the dwelling belongs to.",
        |row, out| {
            text(row, out, |more| more.complex_number.as_deref());
        },
    )
    .on(ADDRESS),
    Field::<Participant>::value("dwellingType", ty::<Option<String>>, "The type of dwelling.", |row, out| {
        text(row, out, |more| more.dwelling_type.as_deref());
    })
    .on(ADDRESS),
    Field::<Participant>::link(
        "residents",
        ty::<Option<Vec<Obj<Residency>>>>,
        "Who is or was registered here, the latest first; null when you may not read it.",
        |pick| many::<ParticipantRow, Residency>(pick, Box::new(|exec, rows, _| residencies(exec, rows, Side::Anchor))),
    )
    .on(ADDRESS),
];

/// The postal address of a person or an organization, if anything of it is known.
fn postal_address(row: &ParticipantRow) -> Option<&Place> {
    row.more.as_deref().map(|more| &more.place).filter(|place| !place.is_empty())
}

fn instant(row: &ParticipantRow, out: &mut Out, get: fn(&More) -> chrono::NaiveDateTime) {
    match row.more.as_deref() {
        Some(more) => out.instant(get(more)),
        None => out.null(),
    }
}

fn sort_name(row: &ParticipantRow) -> String {
    match (row.kind, &row.family_name) {
        (ParticipantKind::Person, Some(family)) => {
            let rest: Vec<&str> =
                [&row.given_name, &row.name_prefix].into_iter().filter_map(|part| part.as_deref()).collect();
            if rest.is_empty() { family.clone() } else { format!("{family}, {}", rest.join(" ")) }
        }
        _ => row.display_name.clone(),
    }
}

impl Entity for Participant {
    const NAME: &'static str = "Participant";
    const DOC: &'static str = "A party that can be a member: a person, an organization or an address.";
    const INTERFACES: &'static [&'static str] = &["Node"];
    const VARIANTS: &'static [Variant] = &[
        Variant { name: "Person", doc: "A natural person.", interfaces: &["Node"] },
        Variant {
            name: "Organization",
            doc: "A legal person, such as an association, a company or a school.",
            interfaces: &["Node"],
        },
        Variant {
            name: "Address",
            doc: "A dwelling or other address. It can be a member of groups itself, and people are registered at it.",
            interfaces: &["Node"],
        },
    ];
    type Row = ParticipantRow;

    fn fields() -> &'static [Field<Self>] {
        FIELDS
    }

    fn variant(row: &ParticipantRow) -> usize {
        match row.kind {
            ParticipantKind::Person => 0,
            ParticipantKind::Organization => 1,
            ParticipantKind::Address => 2,
        }
    }

    fn opens(row: &ParticipantRow, rule: Rule) -> bool {
        row.more.as_ref().is_some_and(|more| match rule {
            Rule::Contact => more.rights.contacts,
            Rule::Home => more.rights.home,
            _ => more.rights.personal,
        })
    }
}

impl Keyed for Participant {
    fn by_ids(exec: &mut Exec<'_>, ids: &[i64], details: bool) -> Result<Vec<ParticipantRow>, Error> {
        let sight = exec.sight()?;
        store::by_ids(exec.conn, &sight, details, ids)
    }

    fn key(row: &ParticipantRow) -> i64 {
        row.id
    }
}

/// The same, and of those out of sight the names: for links from what may be read to whom it is about.
///
/// # Errors
/// What the database answers.
pub fn named(exec: &mut Exec<'_>, ids: &[i64], details: bool) -> Result<Vec<ParticipantRow>, Error> {
    let mut rows = Participant::by_ids(exec, ids, details)?;
    let missing: Vec<i64> = ids.iter().copied().filter(|id| rows.iter().all(|row| row.id != *id)).collect();
    if !missing.is_empty() {
        rows.extend(store::names_of(exec.conn, details, &missing)?);
    }
    Ok(rows)
}

impl Listed for Participant {
    type Node = Self;
    const CONNECTION: &'static str = "ParticipantConnection";
    const CONNECTION_DOC: &'static str = "A page of participants.";
    const EDGE: &'static str = "ParticipantEdge";

    fn edge_fields() -> &'static [Field<Edge<Self>>] {
        Edge::<Self>::BASIC
    }

    fn node(row: &ParticipantRow) -> &ParticipantRow {
        row
    }
}

/// The history of records for those who keep them and for those whom they are about. Organizations can share a person;
/// what the one wrote and who did it there is not the other's.
struct KeptHistory(Box<dyn Link<ParticipantRow>>);

impl Link<ParticipantRow> for KeptHistory {
    fn follow(&self, exec: &mut Exec<'_>, rows: &[&ParticipantRow]) -> Result<Values, Error> {
        let sight = exec.sight()?;
        let keeper = |row: &ParticipantRow| row.more.as_deref().and_then(|more| more.organization_id);
        let shielded = |row: &ParticipantRow| row.more.as_deref().is_none_or(|more| more.shielded);
        let open = |row: &ParticipantRow| {
            let own = sight.family().acts_for(row.id, keeper(row));
            let own = own && (sight.family().viewer() == Some(row.id) || !shielded(row));
            own || sight.administers(Some(row.id)) || sight.administers(keeper(row))
        };
        let kept: Vec<&ParticipantRow> = rows.iter().copied().filter(|row| open(row)).collect();
        let values = if kept.is_empty() { Values::default() } else { self.0.follow(exec, &kept)? };
        let mut next = 0..kept.len();
        let positions: Vec<Option<usize>> = rows.iter().map(|row| if open(row) { next.next() } else { None }).collect();
        Ok(values.arranged(positions.into_iter()))
    }
}

/// Who else looks after a child is told to no guardian (V7).
fn is_told(sight: &Sight, row: &ParticipantRow, change: &Change) -> bool {
    let keeper = row.more.as_deref().and_then(|more| more.organization_id);
    let viewer = sight.family().viewer();
    let as_guardian = viewer != Some(row.id) && sight.family().includes(row.id) && !sight.administers(keeper);
    let own = viewer.map(|id| id::encode(Kind::Participant, id)).unwrap_or_default();
    let names =
        |value: &Option<String>| value.as_ref().is_none_or(|value| value.split(' ').next() == Some(own.as_str()));
    let about_guardians = matches!(change.field.as_str(), "guardian" | "agreesToGuardian");
    !as_guardian || !about_guardians || (names(&change.before) && names(&change.after))
}

fn residencies(exec: &mut Exec<'_>, rows: &[&ParticipantRow], side: Side) -> Result<Vec<Vec<ResidencyRow>>, Error> {
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    let sight = exec.sight()?;
    let mut by_id: HashMap<i64, Vec<ResidencyRow>> = HashMap::new();
    for row in store::residencies(exec.conn, &sight, side, &ids)? {
        let id = if side == Side::Dependant { row.participant_id } else { row.address_id };
        by_id.entry(id).or_default().push(row);
    }
    Ok(ids.iter().map(|id| by_id.remove(id).unwrap_or_default()).collect())
}

fn related(
    exec: &mut Exec<'_>,
    rows: &[&ParticipantRow],
    side: Side,
    details: bool,
) -> Result<Vec<Vec<ParticipantRow>>, Error> {
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    let sight = exec.sight()?;
    let pairs = guardians::store::pairs(exec.conn, &sight, exec.scope.today, side, &ids)?;
    let others: Vec<i64> = pairs.iter().map(|(_, other)| *other).collect();
    let people: HashMap<i64, ParticipantRow> =
        store::by_ids(exec.conn, &sight, details, &others)?.into_iter().map(|row| (row.id, row)).collect();
    let of = |id: &i64| {
        pairs.iter().filter(|(one, _)| one == id).filter_map(|(_, other)| people.get(other).cloned()).collect()
    };
    Ok(ids.iter().map(of).collect())
}
