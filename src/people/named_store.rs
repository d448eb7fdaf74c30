//! Participants by what people call them on the command line and in files: the external id, or the id that the API prints.
//!
//! External ids are unique within the organization that gave them. Those of an organization are looked for among its own
//! records and those that no organization keeps, and never among another organization's.

use diesel::sql_types::{BigInt, Nullable, Text};

use super::ParticipantKind;
use crate::db::{Conn, Sql};
use crate::error::Error;
use crate::id::{self, Kind};

/// Who is called so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    pub id: i64,
    pub kind: ParticipantKind,
    pub display_name: String,
}

/// Why nobody can be said to be called so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unnamed {
    /// There is nobody.
    Nobody,
    /// Several organizations have somebody.
    Several,
}

/// Whose external ids are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// Those of records that no organization keeps, else those of the only organization that has it.
    Anybody,
    /// Those of this organization, else those of records that no organization keeps.
    Of(i64),
    /// Those of organizations as participants: of one that keeps its own record or is kept by nobody, else of the only one.
    Organizations,
}

impl Whose {
    /// How near a record is; the nearest is meant. None if it is not meant at all.
    pub fn nearness(self, id: i64, organization: Option<i64>) -> Option<u8> {
        match (self, organization) {
            (Self::Of(this), _) if this == id => Some(3),
            (Self::Of(this), Some(keeper)) => (this == keeper).then_some(2),
            (Self::Organizations, Some(keeper)) if keeper == id => Some(1),
            (_, None) => Some(1),
            (Self::Anybody | Self::Organizations, Some(_)) => Some(0),
        }
    }
}

/// The participant who is called so.
///
/// # Errors
/// What the database answers. That there is nobody, or more than one, is no error here.
pub fn find(conn: &mut Conn, name: &str, whose: Whose) -> Result<Result<Named, Unnamed>, Error> {
    let sql = Sql::new("SELECT p.id, p.kind, p.display_name, p.organization_id FROM participants p WHERE ");
    let global = id::decode_as(Kind::Participant, name);
    let sql = match global {
        Some(id) => sql.text("p.id = ").int(id),
        None => sql.text("p.external_id = ").string(name),
    };
    let rows = sql.load::<(BigInt, Text, Text, Nullable<BigInt>), (i64, ParticipantKind, String, Option<i64>)>(conn)?;
    let mut found: Vec<(u8, Named)> = rows
        .into_iter()
        .filter(|(_, kind, ..)| whose != Whose::Organizations || *kind == ParticipantKind::Organization)
        .filter_map(|(id, kind, display_name, organization_id)| {
            let nearness = if global.is_some() { Some(0) } else { whose.nearness(id, organization_id) };
            Some((nearness?, Named { id, kind, display_name }))
        })
        .collect();
    found.sort_by_key(|(nearness, _)| *nearness);
    let nearest = found.pop();
    let rival = found.pop();
    Ok(match (nearest, rival) {
        (None, _) => Err(Unnamed::Nobody),
        (Some((nearness, _)), Some((other, _))) if other == nearness => Err(Unnamed::Several),
        (Some((_, named)), _) => Ok(named),
    })
}
