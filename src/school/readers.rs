//! Who reads what is kept of pupils: the one place that decides it.
//!
//! The pupil's guardians as far as they are so for the organization that owns the group (V4), today's leaders of the very
//! group, and whoever works for that organization. Nobody else, not even the pupil: what a class shows its members is
//! content, and no record of any of them.

use crate::access::Viewer;
use crate::access::guardians::Family;
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
    family: Family,
    /// Groups that the viewer leads today.
    led: Vec<i64>,
}

impl Readers {
    /// From what is known of the viewer.
    pub fn new(viewer: &Viewer, family: &Family, led: &[i64]) -> Self {
        Self {
            everything: viewer.administrator,
            organizations: [viewer.administers.as_slice(), viewer.staff_of.as_slice()].concat(),
            family: family.clone(),
            led: led.to_vec(),
        }
    }

    /// The same from nothing but who asks.
    ///
    /// # Errors
    /// What the database answers.
    pub fn load(conn: &mut Conn, scope: &Scope) -> Result<Self, Error> {
        let family = Family::load(conn, scope.viewer.participant, scope.today)?;
        let mut led = Vec::new();
        if let Some(participant) = scope.viewer.participant {
            led.extend(visibility::leads(conn, scope, participant)?.into_iter().map(|(group, _)| group));
        }
        Ok(Self::new(&scope.viewer, &family, &led))
    }

    /// Whether the viewer makes and changes records of this child in the groups of an organization as its guardian.
    pub fn is_guardian_of(&self, participant: i64, organization: Option<i64>) -> bool {
        self.family.viewer() != Some(participant) && self.family.acts_for(participant, organization)
    }

    /// Whether the viewer makes and changes records in the groups of this organization.
    pub fn works_for(&self, organization: Option<i64>) -> bool {
        self.everything || organization.is_some_and(|id| self.organizations.contains(&id))
    }

    /// An expression that is true where the viewer reads what was written along with a record. What one guardian wrote is not
    /// told to another (V7).
    #[must_use]
    pub fn told(&self, sql: Sql, alias: &'static str) -> Sql {
        if self.everything || self.family.wards().is_empty() {
            return sql.text("(1 = 1)");
        }
        let sql = self.family.may_read(
            sql.text("("),
            &Sql::new(alias).text(".made_by_id"),
            &Sql::new(alias).text(".participant_id"),
        );
        self.by_office(sql, alias).text(")")
    }

    /// Appends ` AND …` so that only records remain that the viewer reads.
    #[must_use]
    pub fn readable(&self, sql: Sql, alias: &'static str) -> Sql {
        if self.everything {
            return sql;
        }
        let mut sql = sql.text(" AND (1 = 0");
        // Whoever has no wards is spared a look at whose each record is, which the index by group does not tell.
        if !self.family.wards().is_empty() {
            let participant = Sql::new(alias).text(".participant_id");
            let organization =
                Sql::new("(SELECT fg.organization_id FROM groups fg WHERE fg.id = ").text(alias).text(".group_id)");
            sql = self.family.of_wards(sql.text(" OR "), &participant, &organization);
        }
        self.by_office(sql, alias).text(")")
    }

    /// Appends ` OR …`: the viewer leads the group, or works for the organization that owns it.
    fn by_office(&self, mut sql: Sql, alias: &'static str) -> Sql {
        let column = |sql: Sql, name: &'static str| sql.text(" OR ").text(alias).text(name);
        if !self.led.is_empty() {
            sql = column(sql, ".group_id").in_ids(&self.led);
        }
        if !self.organizations.is_empty() {
            let owned = ".group_id IN (SELECT o.id FROM groups o WHERE o.organization_id";
            sql = column(sql, owned).in_ids(&self.organizations).text(")");
        }
        sql
    }
}
