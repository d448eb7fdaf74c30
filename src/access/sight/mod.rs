//! What a viewer may see, as conditions that every statement takes along: what is out of sight is never read.
//!
//! [`people`] says whom the viewer sees and what may be read of them; the rest is here.

mod people;

use std::collections::{HashMap, HashSet};

use chrono::NaiveDate;
use diesel::sql_types::{BigInt, Bool, Nullable};

use super::Viewer;
use super::guardians::{Family, by_another_guardian};
use crate::db::{Conn, Sql};
use crate::error::Error;
pub use people::{is_of, people_of};

/// The reach of one viewer on one day.
#[derive(Clone, Debug, Default)]
pub struct Sight {
    everything: bool,
    organizations: Vec<i64>,
    administered: Vec<i64>,
    family: Family,
    /// The viewer, and the children whose own records are the viewer's to read.
    kept: Vec<i64>,
    /// Those of them of whom the viewer may know where they live.
    homes: Vec<i64>,
    groups: Vec<i64>,
    directories: Vec<i64>,
    today: NaiveDate,
}

impl Sight {
    /// Finds out what the viewer may see, in a fixed number of statements. `belonging` says to which groups some of
    /// the given participants belong today, directly or through components, as far as it may be told by what is known of
    /// the viewer so far; as pairs of a group and a participant.
    ///
    /// # Errors
    /// What the database answers.
    pub fn load(
        conn: &mut Conn,
        viewer: &Viewer,
        today: NaiveDate,
        belonging: impl FnOnce(&mut Conn, &Self, &[i64]) -> Result<Vec<(i64, i64)>, Error>,
    ) -> Result<Self, Error> {
        let family = Family::load(conn, viewer.participant, today)?;
        let mut sight = Self {
            everything: viewer.administrator,
            today,
            kept: family.kept(),
            homes: family.homes(),
            family,
            ..Self::default()
        };
        if sight.everything {
            if viewer.participant.is_some() {
                // Nothing is hidden from them, and yet they are told what is theirs.
                belonging(conn, &sight, &sight.family.members())?;
            }
            return Ok(sight);
        }
        sight.administered.clone_from(&viewer.administers);
        sight.organizations = [viewer.administers.as_slice(), viewer.staff_of.as_slice()].concat();
        if viewer.participant.is_some() {
            let belongs = belonging(conn, &sight, &sight.family.members())?;
            sight.look_around(conn, belongs)?;
        }
        Ok(sight)
    }

    /// Adds the groups that the viewer or a child belongs to or has been in, as far as the viewer is a guardian where they
    /// are, and those that the portal offers to everyone.
    fn look_around(&mut self, conn: &mut Conn, belongs: Vec<(i64, i64)>) -> Result<(), Error> {
        let sql = Sql::new(
            "SELECT DISTINCT m.group_id, m.participant_id FROM memberships m WHERE m.annulled_at IS NULL AND m.participant_id",
        );
        let was_in =
            self.discreet(sql.in_ids(&self.family.members()), "m").load::<(BigInt, BigInt), (i64, i64)>(conn)?;
        let mut near: Vec<i64> = belongs.iter().chain(&was_in).map(|(group, _)| *group).collect();
        near.sort_unstable();
        near.dedup();
        let settings = Sql::new(
            "SELECT id, organization_id, member_directory, subscription_group AND visible_on_portal FROM groups \
             WHERE (subscription_group AND visible_on_portal) OR id",
        )
        .in_ids(&near)
        .load::<(BigInt, Nullable<BigInt>, Bool, Bool), (i64, Option<i64>, bool, bool)>(conn)?;
        let known: HashMap<i64, (Option<i64>, bool)> =
            settings.iter().map(|(id, organization, directory, _)| (*id, (*organization, *directory))).collect();
        let counts = |(group, participant): &&(i64, i64)| {
            known.get(group).is_some_and(|(organization, _)| self.family.acts_for(*participant, *organization))
        };
        let shows_members = |group: &i64| known.get(group).is_some_and(|(_, directory)| *directory);
        let belongs: Vec<i64> = belongs.iter().filter(counts).map(|(group, _)| *group).collect();
        let was_in: Vec<i64> = was_in.iter().filter(counts).map(|(group, _)| *group).collect();
        self.directories = belongs.iter().copied().filter(shows_members).collect();
        let offered = settings.iter().filter(|(.., offered)| *offered).map(|(id, ..)| *id);
        self.groups = belongs.into_iter().chain(was_in).chain(offered).collect();
        for list in [&mut self.groups, &mut self.directories] {
            list.sort_unstable();
            list.dedup();
        }
        Ok(())
    }

    /// The sight of the gateway itself.
    pub fn unlimited() -> Self {
        Self { everything: true, ..Self::default() }
    }

    /// Whether nothing is hidden from the viewer.
    pub fn is_unlimited(&self) -> bool {
        self.everything
    }

    /// The viewer and the children whose guardian the viewer is.
    pub fn family(&self) -> &Family {
        &self.family
    }

    /// Appends ` AND …` so that only groups within sight remain.
    #[must_use]
    pub fn groups(&self, sql: Sql, alias: &'static str) -> Sql {
        if self.everything {
            return sql;
        }
        sql.text(" AND (")
            .text(alias)
            .text(".organization_id")
            .in_ids(&self.organizations)
            .text(" OR ")
            .text(alias)
            .text(".id")
            .in_ids(&self.groups)
            .text(")")
    }

    /// Appends ` AND …` so that only memberships within sight remain. Of others in a directory the viewer sees the
    /// names, in the list of effective members; since when, why and until when somebody is a member is not in it.
    #[must_use]
    pub fn memberships(&self, sql: Sql, alias: &'static str) -> Sql {
        if self.everything {
            return sql;
        }
        let mut sql = self.own_membership(sql.text(" AND ("), alias);
        if !self.organizations.is_empty() {
            sql = sql
                .text(" OR ")
                .text(alias)
                .text(".group_id IN (SELECT id FROM groups WHERE organization_id")
                .in_ids(&self.organizations)
                .text(")");
        }
        self.discreet(sql.text(")"), alias)
    }

    /// An expression that is true of the memberships of the viewer, and of those of the viewer's children in the groups of
    /// organizations that the viewer is a guardian for.
    fn own_membership(&self, sql: Sql, alias: &'static str) -> Sql {
        let participant = Sql::new(alias).text(".participant_id");
        let organization =
            Sql::new("(SELECT fg.organization_id FROM groups fg WHERE fg.id = ").text(alias).text(".group_id)");
        self.family.of(sql, &participant, &organization)
    }

    /// Appends ` AND …` so that nothing is found when this participant is out of sight: a filter that names somebody
    /// must not tell whether there is such a one.
    #[must_use]
    pub fn names(&self, sql: Sql, participant: i64) -> Sql {
        if self.everything {
            return sql;
        }
        let sql = sql.text(" AND EXISTS (SELECT 1 FROM participants named WHERE named.id = ").int(participant);
        self.participants(sql, "named").text(")")
    }

    /// What the viewer may know of who belongs to these groups on a date.
    ///
    /// # Errors
    /// What the database answers.
    pub fn disclosed(&self, conn: &mut Conn, groups: &[i64], on: NaiveDate) -> Result<Disclosed, Error> {
        if self.everything || groups.is_empty() {
            return Ok(Disclosed { all: groups.iter().copied().collect(), ..Disclosed::default() });
        }
        // A directory shows who is in it today, not who was.
        let shown = |group: &i64| on == self.today && self.directories.contains(group);
        let mut all: HashSet<i64> = groups.iter().copied().filter(shown).collect();
        let mut owners = HashMap::new();
        if !self.organizations.is_empty() || !self.family.is_alike() {
            let sql = Sql::new("SELECT id, organization_id FROM groups WHERE id").in_ids(groups);
            owners.extend(sql.load::<(BigInt, Nullable<BigInt>), (i64, Option<i64>)>(conn)?);
            let owned = |organization: &Option<i64>| organization.is_some_and(|id| self.organizations.contains(&id));
            all.extend(owners.iter().filter(|(_, organization)| owned(organization)).map(|(group, _)| *group));
        }
        Ok(Disclosed { all, owners, family: self.family.clone() })
    }

    /// An expression that is true where what concerns the member alone may be read.
    #[must_use]
    pub fn personal_membership(&self, sql: Sql, alias: &'static str) -> Sql {
        if self.everything {
            return sql.text("(1 = 1)");
        }
        let sql = self.own_membership(sql.text("(("), alias);
        let sql = self.not_noted_by_others(sql, alias).text(")");
        if self.administered.is_empty() {
            return sql.text(")");
        }
        sql.text(" OR ")
            .text(alias)
            .text(".group_id IN (SELECT id FROM groups WHERE organization_id")
            .in_ids(&self.administered)
            .text("))")
    }

    /// Appends ` AND …` so that of children's memberships those do not remain of which another guardian wrote a note (V7).
    fn not_noted_by_others(&self, sql: Sql, alias: &'static str) -> Sql {
        let Some(viewer) = self.family.viewer().filter(|_| !self.family.wards().is_empty()) else { return sql };
        sql.text(" AND (")
            .text(alias)
            .text(".participant_id = ")
            .int(viewer)
            .text(" OR NOT EXISTS (SELECT 1 FROM history hn WHERE hn.entity = 'MEMBERSHIP' AND hn.entity_id = ")
            .text(alias)
            .text(".id AND hn.changes LIKE '%\"field\":\"endNote\"%' AND ")
            .then(by_another_guardian(viewer, &Sql::new("hn.actor_id"), &Sql::new(alias).text(".participant_id")))
            .text("))")
    }

    /// An expression that is true where the viewer administers the group of a membership.
    #[must_use]
    pub fn administered_membership(&self, sql: Sql, alias: &'static str) -> Sql {
        if self.everything {
            return sql.text("(1 = 1)");
        }
        sql.text(alias)
            .text(".group_id IN (SELECT id FROM groups WHERE organization_id")
            .in_ids(&self.administered)
            .text(")")
    }

    /// Appends ` AND …` so that only what belongs to an organization that the viewer administers remains; `column` is the
    /// organization's.
    #[must_use]
    pub fn administered_by(&self, sql: Sql, column: &'static str) -> Sql {
        if self.everything {
            return sql;
        }
        sql.text(" AND ").text(column).in_ids(&self.administered)
    }

    /// Whether the viewer administers what belongs to this organization.
    pub fn administers(&self, organization: Option<i64>) -> bool {
        self.everything || organization.is_some_and(|id| self.administered.contains(&id))
    }
}

/// Of some groups, who may be told to belong to them. Of a group that is not disclosed the viewer knows only whether oneself
/// and one's children belong: that somebody is seen in one group says nothing about the others that both are in.
#[derive(Debug, Default)]
pub struct Disclosed {
    all: HashSet<i64>,
    owners: HashMap<i64, Option<i64>>,
    family: Family,
}

impl Disclosed {
    /// Whether all members of a group are told, as far as they are in sight themselves.
    pub fn discloses(&self, group: i64) -> bool {
        self.all.contains(&group)
    }

    /// Whether it may be told that somebody who is in sight belongs to a group.
    pub fn tells(&self, group: i64, participant: i64) -> bool {
        self.discloses(group) || self.family.acts_for(participant, self.owners.get(&group).copied().flatten())
    }

    /// Those of one's own of whom it may be told that they belong to a group.
    pub fn own(&self, group: i64) -> Vec<i64> {
        self.family.members().into_iter().filter(|participant| self.tells(group, *participant)).collect()
    }
}
