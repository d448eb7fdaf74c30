//! Whom a viewer sees, and what may be read of them.

use chrono::NaiveDate;

use super::Sight;
use crate::db::Sql;

impl Sight {
    /// Appends ` AND …` so that only participants within sight remain.
    #[must_use]
    pub fn participants(&self, sql: Sql, alias: &'static str) -> Sql {
        if self.everything {
            return sql;
        }
        let mut sql = people_of(sql.text(" AND ("), alias, &self.organizations);
        sql = sql.text(" OR ").text(alias).text(".id").in_ids(&self.family.members());
        if !self.homes.is_empty() {
            sql = self.lived_at(sql.text(" OR "), alias);
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
                .text(")");
            sql = self.discreet(sql, "d").text(")");
        }
        sql.text(")")
    }

    /// Appends ` AND …` so that of guardianships `gu` of children `gc` only those remain that count for the viewer: for an
    /// organization that the viewer administers and of whose people the child is, or in which the viewer is one of the two.
    #[must_use]
    pub fn guardianships(&self, sql: Sql) -> Sql {
        if self.everything {
            return sql;
        }
        let viewer = self.family.viewer();
        let sql = sql.text(" AND (gu.guardian_id = ").int(viewer).text(" OR gu.child_id = ").int(viewer);
        if self.administered.is_empty() {
            return sql.text(")");
        }
        let sql = sql.text(" OR EXISTS (SELECT 1 FROM participants vo WHERE vo.id").in_ids(&self.administered);
        let sql = sql.text(
            " AND (gu.organization_id = vo.id OR (gu.organization_id IS NULL AND NOT EXISTS (SELECT 1 FROM guardianships go \
             WHERE go.child_id = gu.child_id AND go.guardian_id = gu.guardian_id AND go.organization_id = vo.id))) AND ",
        );
        is_of(sql, "gc", &Sql::new("vo.id"), self.today).text("))")
    }

    /// An expression that is true of addresses where the viewer or a child of the viewer's lives or has lived.
    fn lived_at(&self, sql: Sql, alias: &'static str) -> Sql {
        sql.text("EXISTS (SELECT 1 FROM residencies own WHERE own.address_id = ")
            .text(alias)
            .text(".id AND own.participant_id")
            .in_ids(&self.homes)
            .text(")")
    }

    /// An expression that is true where the participant's personal data may be read.
    #[must_use]
    pub fn personal(&self, sql: Sql, alias: &'static str) -> Sql {
        if self.everything {
            return sql.text("(1 = 1)");
        }
        // Of whomever no organization keeps, what is compared with nothing must come out as false rather than unknown.
        let sql = people_of(sql.text("(("), alias, &self.administered);
        let sql = sql.text(" OR ").text(alias).text(".id").in_ids(&self.kept);
        if self.homes.is_empty() {
            return sql.text(") IS TRUE)");
        }
        self.lived_at(sql.text(" OR "), alias).text(") IS TRUE)")
    }

    /// An expression that is true where the participant's e-mail address and telephone number may be read.
    #[must_use]
    pub fn contacts(&self, sql: Sql, alias: &'static str) -> Sql {
        self.unless_shielded(sql, alias)
    }

    /// An expression that is true where it may be read where the participant lives.
    #[must_use]
    pub fn home(&self, sql: Sql, alias: &'static str) -> Sql {
        self.unless_shielded(sql, alias)
    }

    /// An expression that is true where personal data may be read and the participant is not shielded, or not from the viewer
    /// (V7).
    fn unless_shielded(&self, sql: Sql, alias: &'static str) -> Sql {
        if self.everything {
            return sql.text("(1 = 1)");
        }
        let sql = self.keeps(sql.text("("), alias).text(" OR (NOT ").text(alias).text(".shielded AND ");
        self.personal(sql, alias).text("))")
    }

    /// An expression that is true of the viewer, and of those whose records are kept by an organization that the viewer
    /// administers.
    fn keeps(&self, sql: Sql, alias: &'static str) -> Sql {
        sql.text("((")
            .text(alias)
            .text(".organization_id")
            .in_ids(&self.administered)
            .text(" OR ")
            .text(alias)
            .text(".id = ")
            .int(self.family.viewer())
            .text(") IS TRUE)")
    }

    /// Appends ` AND …` so that nobody remains who is shielded from the viewer (V7).
    #[must_use]
    pub fn unshielded(&self, sql: Sql, alias: &'static str) -> Sql {
        if self.everything {
            return sql;
        }
        self.keeps(sql.text(" AND (NOT ").text(alias).text(".shielded OR "), alias).text(")")
    }

    /// Appends ` AND …` so that no membership remains that tells where a shielded person lives, because it follows from an
    /// address (V7).
    #[must_use]
    pub fn discreet(&self, sql: Sql, alias: &'static str) -> Sql {
        if self.everything {
            return sql;
        }
        let sql = sql
            .text(" AND (")
            .text(alias)
            .text(".origin <> 'HOME_ADDRESS' OR NOT EXISTS (SELECT 1 FROM participants hs WHERE hs.id = ")
            .text(alias)
            .text(".participant_id AND hs.shielded AND NOT ");
        self.keeps(sql, "hs").text("))")
    }
}

/// Appends a condition: somebody is one of the people of an organization today, which is an expression: its record is kept by
/// it, it is the organization itself, or it is a member of one of its groups.
#[must_use]
pub fn is_of(sql: Sql, alias: &'static str, organization: &Sql, today: NaiveDate) -> Sql {
    let sql = sql.text("(").text(alias).text(".organization_id = ").then(organization.clone()).text(" OR ");
    let sql = sql.text(alias).text(".id = ").then(organization.clone());
    sql.text(" OR EXISTS (SELECT 1 FROM memberships b JOIN groups bg ON bg.id = b.group_id WHERE b.participant_id = ")
        .text(alias)
        .text(".id AND b.annulled_at IS NULL AND b.start_date <= ")
        .date(today)
        .text(" AND (b.end_date IS NULL OR b.end_date > ")
        .date(today)
        .text(") AND bg.organization_id = ")
        .then(organization.clone())
        .text("))")
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
