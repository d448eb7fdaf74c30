//! Who reads what is kept of pupils: the one place that decides it.
//!
//! The pupil's guardians, today's leaders of the very group, and whoever works for the organization that owns it. Nobody
//! else, not even the pupil: what a class shows its members is content, and no record of any of them.

use crate::access::{Viewer, sight};
use crate::content::visibility;
use crate::db::{Conn, Sql};
use crate::error::Error;
use crate::scope::Scope;

/// Whose records one viewer reads.
#[derive(Clone, Debug, Default)]
pub struct Readers {
    everything: bool,
    /// Organizations that the viewer works for.
    organizations: Vec<i64>,
    /// The children whose guardian the viewer is.
    wards: Vec<i64>,
    /// Groups that the viewer leads today.
    led: Vec<i64>,
}

impl Readers {
    /// From what is known of the viewer; `family` may hold the viewer too, who does not count as a ward.
    pub fn new(viewer: &Viewer, family: &[i64], led: &[i64]) -> Self {
        Self {
            everything: viewer.administrator,
            organizations: [viewer.administers.as_slice(), viewer.staff_of.as_slice()].concat(),
            wards: family.iter().copied().filter(|id| viewer.participant != Some(*id)).collect(),
            led: led.to_vec(),
        }
    }

    /// The same from nothing but who asks.
    ///
    /// # Errors
    /// What the database answers.
    pub fn load(conn: &mut Conn, scope: &Scope) -> Result<Self, Error> {
        let (mut wards, mut led) = (Vec::new(), Vec::new());
        if let Some(participant) = scope.viewer.participant {
            wards = sight::wards(conn, participant)?;
            led.extend(visibility::leads(conn, scope, participant)?.into_iter().map(|(group, _)| group));
        }
        Ok(Self::new(&scope.viewer, &wards, &led))
    }

    /// Whether the viewer makes and changes records of this child as its guardian.
    pub fn is_guardian_of(&self, participant: i64) -> bool {
        self.wards.contains(&participant)
    }

    /// Whether the viewer makes and changes records in the groups of this organization.
    pub fn works_for(&self, organization: Option<i64>) -> bool {
        self.everything || organization.is_some_and(|id| self.organizations.contains(&id))
    }

    /// Appends ` AND …` so that only records remain that the viewer reads.
    #[must_use]
    pub fn readable(&self, sql: Sql, alias: &'static str) -> Sql {
        if self.everything {
            return sql;
        }
        let column = |sql: Sql, name: &'static str| sql.text(" OR ").text(alias).text(name);
        let mut sql = sql.text(" AND (1 = 0");
        // Whoever has no wards is spared a look at whose each record is, which the index by group does not tell.
        if !self.wards.is_empty() {
            sql = column(sql, ".participant_id").in_ids(&self.wards);
        }
        if !self.led.is_empty() {
            sql = column(sql, ".group_id").in_ids(&self.led);
        }
        if !self.organizations.is_empty() {
            let owned = ".group_id IN (SELECT o.id FROM groups o WHERE o.organization_id";
            sql = column(sql, owned).in_ids(&self.organizations).text(")");
        }
        sql.text(")")
    }
}
