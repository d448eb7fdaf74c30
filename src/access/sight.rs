//! What a viewer may see, as conditions that every statement takes along: what is out of sight is never read.

use std::collections::HashSet;

use chrono::NaiveDate;
use diesel::sql_types::{BigInt, Bool};

use super::Viewer;
use crate::db::{Conn, Sql};
use crate::error::Error;

/// The reach of one viewer on one day.
#[derive(Clone, Debug, Default)]
pub struct Sight {
    everything: bool,
    organizations: Vec<i64>,
    administered: Vec<i64>,
    own: Vec<i64>,
    groups: Vec<i64>,
    directories: Vec<i64>,
    today: NaiveDate,
}

impl Sight {
    /// Finds out what the viewer may see, in a fixed number of statements. `belonging` says to which groups some of
    /// the given participants belong today, directly or through components.
    ///
    /// # Errors
    /// What the database answers.
    pub fn load(
        conn: &mut Conn,
        viewer: &Viewer,
        today: NaiveDate,
        belonging: impl FnOnce(&mut Conn, &[i64]) -> Result<Vec<i64>, Error>,
    ) -> Result<Self, Error> {
        let mut sight = Self { everything: viewer.administrator, today, ..Self::default() };
        if sight.everything {
            if let Some(participant) = viewer.participant {
                // Nothing is hidden from them, and yet they are told what is theirs.
                sight.own = wards(conn, participant)?;
                sight.own.push(participant);
                belonging(conn, &sight.own)?;
            }
            return Ok(sight);
        }
        sight.administered.clone_from(&viewer.administers);
        sight.organizations = [viewer.administers.as_slice(), viewer.staff_of.as_slice()].concat();
        if let Some(participant) = viewer.participant {
            sight.own = wards(conn, participant)?;
            sight.own.push(participant);
            sight.groups = belonging(conn, &sight.own)?;
            sight.look_around(conn)?;
        }
        Ok(sight)
    }

    /// Adds the groups that the viewer or a child has been in, and those that the portal offers to everyone.
    fn look_around(&mut self, conn: &mut Conn) -> Result<(), Error> {
        let direct = Sql::new("SELECT DISTINCT group_id FROM memberships WHERE annulled_at IS NULL AND participant_id")
            .in_ids(&self.own)
            .load::<BigInt, i64>(conn)?;
        let mut directories = self.groups.clone();
        self.groups.extend(direct);
        self.groups.sort_unstable();
        self.groups.dedup();
        let settings = Sql::new(
            "SELECT id, member_directory FROM groups WHERE (subscription_group AND visible_on_portal) \
                                 OR (member_directory AND id",
        )
        .in_ids(&directories)
        .text(")")
        .load::<(BigInt, Bool), (i64, bool)>(conn)?;
        directories.retain(|group| settings.iter().any(|(id, directory)| id == group && *directory));
        self.directories = directories;
        self.groups.extend(settings.iter().map(|(id, _)| *id));
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
    pub fn own(&self) -> &[i64] {
        &self.own
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
        let column = |sql: Sql, name: &'static str| sql.text(alias).text(name);
        let mut sql = column(sql.text(" AND ("), ".participant_id").in_ids(&self.own);
        if !self.organizations.is_empty() {
            sql = column(sql.text(" OR "), ".group_id")
                .text(" IN (SELECT id FROM groups WHERE organization_id")
                .in_ids(&self.organizations)
                .text(")");
        }
        sql.text(")")
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

    /// Of these groups, those of which the viewer may know who belongs to them on a date. Of every other group the
    /// viewer knows only whether oneself and one's children belong: that somebody is seen in one group says nothing
    /// about the others that both are in.
    ///
    /// # Errors
    /// What the database answers.
    pub fn disclosed(&self, conn: &mut Conn, groups: &[i64], on: NaiveDate) -> Result<HashSet<i64>, Error> {
        if self.everything || groups.is_empty() {
            return Ok(groups.iter().copied().collect());
        }
        // A directory shows who is in it today, not who was.
        let shown = |group: &i64| on == self.today && self.directories.contains(group);
        let mut disclosed: HashSet<i64> = groups.iter().copied().filter(shown).collect();
        if !self.organizations.is_empty() {
            let sql = Sql::new("SELECT id FROM groups WHERE id")
                .in_ids(groups)
                .text(" AND organization_id")
                .in_ids(&self.organizations);
            disclosed.extend(sql.load::<BigInt, i64>(conn)?);
        }
        Ok(disclosed)
    }

    /// Appends ` AND …` so that only those remain of whom the viewer may know that they belong to a group, which
    /// [`Self::disclosed`] holds or not.
    #[must_use]
    pub fn members(&self, sql: Sql, alias: &'static str, disclosed: bool) -> Sql {
        if disclosed {
            return self.participants(sql, alias);
        }
        sql.text(" AND ").text(alias).text(".id").in_ids(&self.own)
    }

    /// An expression that is true where what concerns the member alone may be read.
    #[must_use]
    pub fn personal_membership(&self, sql: Sql, alias: &'static str) -> Sql {
        if self.everything {
            return sql.text("(1 = 1)");
        }
        let sql = sql.text("(").text(alias).text(".participant_id").in_ids(&self.own);
        if self.administered.is_empty() {
            return sql.text(")");
        }
        sql.text(" OR ")
            .text(alias)
            .text(".group_id IN (SELECT id FROM groups WHERE organization_id")
            .in_ids(&self.administered)
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

    /// Appends ` AND …` so that only participants within sight remain.
    #[must_use]
    pub fn participants(&self, sql: Sql, alias: &'static str) -> Sql {
        if self.everything {
            return sql;
        }
        let mut sql = people_of(sql.text(" AND ("), alias, &self.organizations);
        sql = sql.text(" OR ").text(alias).text(".id").in_ids(&self.own);
        if !self.own.is_empty() {
            sql = sql
                .text(" OR EXISTS (SELECT 1 FROM residencies own WHERE own.address_id = ")
                .text(alias)
                .text(".id AND own.participant_id")
                .in_ids(&self.own)
                .text(")");
        }
        if !self.directories.is_empty() {
            sql = sql
                .text(" OR EXISTS (SELECT 1 FROM memberships d WHERE d.participant_id = ")
                .text(alias)
                .text(".id AND d.annulled_at IS NULL AND d.group_id")
                .in_ids(&self.directories)
                .text(" AND d.start_date <= ")
                .date(self.today)
                .text(" AND (d.end_date IS NULL OR d.end_date > ")
                .date(self.today)
                .text("))");
        }
        sql.text(")")
    }

    /// An expression that is true where the participant's personal data may be read.
    #[must_use]
    pub fn personal(&self, sql: Sql, alias: &'static str) -> Sql {
        if self.everything {
            return sql.text("(1 = 1)");
        }
        let sql = people_of(sql.text("(("), alias, &self.administered);
        let sql = sql.text(" OR ").text(alias).text(".id").in_ids(&self.own);
        // Of whomever no organization keeps, what is compared with nothing must come out as false rather than unknown.
        if self.own.is_empty() {
            return sql.text(") IS TRUE)");
        }
        sql.text(" OR EXISTS (SELECT 1 FROM residencies own WHERE own.address_id = ")
            .text(alias)
            .text(".id AND own.participant_id")
            .in_ids(&self.own)
            .text(")) IS TRUE)")
    }
}

/// Appends a condition: somebody is one of these organizations' people, that is kept by it, the organization itself,
/// or ever a member of one of its groups.
#[must_use]
pub fn people_of(sql: Sql, alias: &'static str, organizations: &[i64]) -> Sql {
    if organizations.is_empty() {
        return sql.text("1 = 0");
    }
    sql.text("(")
        .text(alias)
        .text(".organization_id")
        .in_ids(organizations)
        .text(" OR ")
        .text(alias)
        .text(".id")
        .in_ids(organizations)
        .text(" OR EXISTS (SELECT 1 FROM memberships b JOIN groups bg ON bg.id = b.group_id WHERE b.participant_id = ")
        .text(alias)
        .text(".id AND b.annulled_at IS NULL AND bg.organization_id")
        .in_ids(organizations)
        .text("))")
}

/// The children whose guardian a participant is.
///
/// # Errors
/// What the database answers.
pub fn wards(conn: &mut Conn, guardian: i64) -> Result<Vec<i64>, Error> {
    let sql = Sql::new("SELECT child_id FROM guardianships WHERE guardian_id = ").int(guardian);
    Ok(sql.load::<BigInt, i64>(conn)?)
}
