//! Joining and leaving as rows.

use chrono::NaiveDate;
use diesel::sql_types::BigInt;

use super::facts::Place;
use crate::access::guardians::guards;
use crate::access::sight::Sight;
use crate::db::{Conn, Sql};
use crate::error::Error;
use crate::groups::store::{GroupRow, selected};
use crate::page::{Order, Page, Window};

/// The organizations that somebody has to do with: the one that keeps the record, and those of whose groups they are or
/// were a member.
///
/// # Errors
/// What the database answers.
pub fn organizations(conn: &mut Conn, participant: i64) -> Result<Vec<i64>, Error> {
    let sql = Sql::new("SELECT organization_id FROM participants WHERE organization_id IS NOT NULL AND id = ")
        .int(participant)
        .text(
            " UNION SELECT g.organization_id FROM memberships m JOIN groups g ON g.id = m.group_id \
             WHERE m.annulled_at IS NULL AND g.organization_id IS NOT NULL AND m.participant_id = ",
        )
        .int(participant);
    Ok(sql.load::<BigInt, i64>(conn)?)
}

/// Which of the organizations that own these groups keep to their portal settings (G2).
///
/// # Errors
/// What the database answers.
pub fn enforcing(conn: &mut Conn, places: &[Place]) -> Result<Vec<i64>, Error> {
    let mut owners: Vec<i64> = places.iter().filter_map(|place| place.organization_id).collect();
    owners.sort_unstable();
    owners.dedup();
    // Without any too: a group that does not exist takes as many steps as one that is out of sight.
    let sql = Sql::new("SELECT id FROM participants WHERE enforce_portal_settings AND id").in_ids(&owners);
    Ok(sql.load::<BigInt, i64>(conn)?)
}

/// The subscription groups that are shown to a participant: those that they are or were a member of, and those on
/// offer in their organizations.
#[derive(Clone, Debug)]
pub struct Offer {
    pub participant: i64,
    pub organizations: Vec<i64>,
    /// Only groups of these organizations, if given: what somebody does elsewhere is not every administrator's.
    pub within: Option<Vec<i64>>,
    /// The guardian who looks, and when, if it is one: only groups of organizations for which that counts.
    pub guardian: Option<(i64, NaiveDate)>,
    /// Every group to which the participant belongs.
    pub belongs: Vec<i64>,
}

impl Offer {
    fn conditions(&self, mut sql: Sql) -> Sql {
        if let Some(within) = &self.within {
            sql = sql.text(" AND g.organization_id").in_ids(within);
        }
        if let Some((guardian, today)) = self.guardian {
            let int = |id: i64| Sql::default().int(id);
            let organization = Sql::new("g.organization_id");
            sql = guards(sql.text(" AND "), &int(self.participant), &int(guardian), &organization, today);
        }
        sql.text(
            " AND g.subscription_group AND (EXISTS (SELECT 1 FROM memberships m WHERE m.annulled_at IS NULL \
             AND m.group_id = g.id AND m.participant_id = ",
        )
        .int(self.participant)
        .text(") OR (NOT g.closed AND (g.organization_id IS NULL OR g.organization_id")
        .in_ids(&self.organizations)
        // A restricted group that is not on the portal is the affair of those who may join it.
        .text(") AND (g.visible_on_portal OR ((g.restricted_to_id IS NULL OR g.restricted_to_id")
        .in_ids(&self.belongs)
        .text(
            ") AND NOT EXISTS (SELECT 1 FROM participants o WHERE o.id = g.organization_id \
             AND o.enforce_portal_settings)))))",
        )
    }
}

/// A page of what is offered.
///
/// # Errors
/// `BadInput` for a cursor of another list; what the database answers.
pub fn page(
    conn: &mut Conn,
    sight: &Sight,
    offer: &Offer,
    order: &Order,
    window: &Window,
) -> Result<Page<GroupRow>, Error> {
    let tail = window.conditions(offer.conditions(Sql::new(" FROM groups g WHERE 1 = 1")), order)?;
    let tail = window.order_by(tail, order).text(" LIMIT ").int(window.fetch());
    Ok(window.page(selected(conn, sight, tail)?))
}

/// How many groups are offered.
///
/// # Errors
/// What the database answers.
pub fn count(conn: &mut Conn, offer: &Offer) -> Result<i64, Error> {
    let sql = offer.conditions(Sql::new("SELECT COUNT(*) FROM groups g WHERE 1 = 1"));
    Ok(sql.first::<BigInt, i64>(conn)?.unwrap_or_default())
}
