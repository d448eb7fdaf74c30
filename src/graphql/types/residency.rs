//! Where people live, and where their mail goes.

use async_graphql::ID;

use super::participant::Participant;
use crate::error::Error;
use crate::graphql::engine::{Entity, Exec, Field, Keyed, Obj, one, ty};
use crate::graphql::scalars::Date;
use crate::id::Kind;
use crate::people::Place;
use crate::people::store::{self, ResidencyRow};

/// A registration at an address.
pub struct Residency;
/// Where mail goes (P1b).
pub struct PostalAddress;

impl Entity for Residency {
    const NAME: &'static str = "Residency";
    const DOC: &'static str = "The registration of a person or an organization at an address, for a period.";
    const INTERFACES: &'static [&'static str] = &["Node"];
    type Row = ResidencyRow;

    fn fields() -> &'static [Field<Self>] {
        const FIELDS: &[Field<Residency>] = &[
            Field::<Residency>::value("id", ty::<ID>, "The global identifier.", |row, out| {
                out.id(Kind::Residency, row.id)
            }),
            Field::<Residency>::link(
                "participant",
                ty::<Option<Obj<Participant>>>,
                "Who is registered; null when you may not see them.",
                |pick| one::<ResidencyRow, Participant>(pick, |row| Some(row.participant_id)),
            ),
            Field::<Residency>::link(
                "address",
                ty::<Option<Obj<Participant>>>,
                "At which address; null when you may not see it.",
                |pick| one::<ResidencyRow, Participant>(pick, |row| Some(row.address_id)),
            ),
            Field::<Residency>::value("startDate", ty::<Date>, "The first day of the registration.", |row, out| {
                out.date(Some(row.start_date))
            }),
            Field::<Residency>::value(
                "endDate",
                ty::<Option<Date>>,
                "The first day on which the registration is no longer in force; null while no end is known.",
                |row, out| out.date(row.end_date),
            ),
        ];
        FIELDS
    }
}

impl Keyed for Residency {
    fn by_ids(exec: &mut Exec<'_>, ids: &[i64], _details: bool) -> Result<Vec<ResidencyRow>, Error> {
        let sight = exec.sight()?;
        store::residencies_by_ids(exec.conn, &sight, ids)
    }

    fn key(row: &ResidencyRow) -> i64 {
        row.id
    }
}

impl Entity for PostalAddress {
    const NAME: &'static str = "PostalAddress";
    const DOC: &'static str =
        "The address to which mail for a person or an organization goes. It says nothing of where they live.";
    type Row = Place;

    fn fields() -> &'static [Field<Self>] {
        const FIELDS: &[Field<PostalAddress>] = &[
            Field::<PostalAddress>::value(
                "street",
                ty::<Option<String>>,
                "The street, or a post office box.",
                |row, out| out.opt_str(row.street.as_deref()),
            ),
            Field::<PostalAddress>::value(
                "houseNumber",
                ty::<Option<String>>,
                "The house number with its addition.",
                |row, out| out.opt_str(row.house_number.as_deref()),
            ),
            Field::<PostalAddress>::value("postalCode", ty::<Option<String>>, "The postal code.", |row, out| {
                out.opt_str(row.postal_code.as_deref())
            }),
            Field::<PostalAddress>::value("city", ty::<Option<String>>, "The city.", |row, out| {
                out.opt_str(row.city.as_deref())
            }),
            Field::<PostalAddress>::value(
                "country",
                ty::<Option<String>>,
                "The country, as it is written on an envelope; null where it goes without saying.",
                |row, out| out.opt_str(row.country.as_deref()),
            ),
        ];
        FIELDS
    }
}
