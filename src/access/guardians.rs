//! Who looks after whom, and for which organizations that counts (V4): the one place that decides it.
//!
//! A guardianship counts for the organizations that recorded or confirmed it. What was recorded for all counts for every
//! organization that has said nothing of its own. It ends on the day that is set, or else when the child comes of age,
//! unless the person agrees that it goes on.

use std::collections::BTreeMap;

use chrono::{Months, NaiveDate};
use diesel::sql_types::{BigInt, Bool, Nullable};

use crate::db::{Conn, Sql};
use crate::error::Error;

/// At this age nobody looks after a person any more, in years.
pub const OF_AGE: u32 = 18;
/// From this age on a person may agree that somebody goes on looking after them, in years: the age from which people in
/// the Netherlands decide on their own data.
pub const OLD_ENOUGH: u32 = 16;

/// Whoever was born on this day or earlier has this age.
pub fn born_by(today: NaiveDate, years: u32) -> NaiveDate {
    today.checked_sub_months(Months::new(years * 12)).unwrap_or(NaiveDate::MIN)
}

/// For which organizations somebody is the guardian of a child.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// Whether it counts for organizations that have said nothing of their own.
    everywhere: bool,
    /// What organizations have said for themselves.
    decided: Vec<(i64, bool)>,
}

impl Terms {
    fn add(&mut self, organization: Option<i64>, counts: bool) {
        match organization {
            Some(organization) => self.decided.push((organization, counts)),
            None => self.everywhere = counts,
        }
    }

    /// Whether it counts for an organization; for what belongs to none, only what was recorded for all does.
    pub fn counts_for(&self, organization: Option<i64>) -> bool {
        let own = self.decided.iter().find(|(id, _)| Some(*id) == organization);
        own.map_or(self.everywhere, |(_, counts)| *counts)
    }

    /// Whether it counts for anybody.
    pub fn counts(&self) -> bool {
        self.everywhere || self.decided.iter().any(|(_, counts)| *counts)
    }

    /// Whether it counts for every organization alike.
    fn counts_alike(&self) -> bool {
        self.everywhere && self.decided.iter().all(|(_, counts)| *counts)
    }
}

/// Appends an expression that is true of a guardianship `gu` of a child `gc` that is in force: nobody has ended it, and its
/// time is not over.
#[must_use]
pub fn in_force(sql: Sql, today: NaiveDate) -> Sql {
    sql.text("(NOT gu.ended AND (coalesce(gu.ends_on > ")
        .date(today)
        .text(", gc.birth_date > ")
        .date(born_by(today, OF_AGE))
        .text(
            ", TRUE) OR EXISTS (SELECT 1 FROM guardian_agreements ga WHERE ga.child_id = gu.child_id \
             AND ga.guardian_id = gu.guardian_id)))",
        )
}

/// Appends an expression that is true where somebody is the guardian of a child as far as an organization is concerned.
#[must_use]
pub fn guards(sql: Sql, child: &Sql, guardian: &Sql, organization: &Sql, today: NaiveDate) -> Sql {
    let sql = sql
        .text("EXISTS (SELECT 1 FROM guardianships gu JOIN participants gc ON gc.id = gu.child_id WHERE gu.child_id = ")
        .then(child.clone())
        .text(" AND gu.guardian_id = ")
        .then(guardian.clone())
        .text(" AND (gu.organization_id = ")
        .then(organization.clone())
        .text(
            " OR (gu.organization_id IS NULL AND NOT EXISTS (SELECT 1 FROM guardianships go \
             WHERE go.child_id = gu.child_id AND go.guardian_id = gu.guardian_id AND go.organization_id = ",
        )
        .then(organization.clone())
        .text("))) AND ");
    in_force(sql, today).text(")")
}

/// An expression that is true where something was written for a child by a guardian of it, now or before, other than this
/// one (V7).
pub fn by_another_guardian(guardian: i64, writer: &Sql, child: &Sql) -> Sql {
    Sql::new("(")
        .then(writer.clone())
        .text(" <> ")
        .int(guardian)
        .text(" AND EXISTS (SELECT 1 FROM guardianships gw WHERE gw.guardian_id = ")
        .then(writer.clone())
        .text(" AND gw.child_id = ")
        .then(child.clone())
        .text("))")
}

/// The guardians of children: for each pair of a child and a guardian where it counts.
pub type Guardians = BTreeMap<(i64, i64), Terms>;

/// The guardians of these children.
///
/// # Errors
/// What the database answers.
pub fn of_children(conn: &mut Conn, children: &[i64], today: NaiveDate) -> Result<Guardians, Error> {
    let mut guardians = Guardians::new();
    for (child, guardian, organization, counts, _, _) in load(conn, "gu.child_id", children, today)? {
        guardians.entry((child, guardian)).or_default().add(organization, counts);
    }
    Ok(guardians)
}

type Row = (i64, i64, Option<i64>, bool, Option<i64>, bool);

/// Child, guardian, for which organization, whether it is in force, who keeps the child's record, and whether the child is
/// shielded.
fn load(conn: &mut Conn, column: &'static str, ids: &[i64], today: NaiveDate) -> Result<Vec<Row>, Error> {
    type Columns = (BigInt, BigInt, Nullable<BigInt>, Bool, Nullable<BigInt>, Bool);
    let sql = in_force(Sql::new("SELECT gu.child_id, gu.guardian_id, gu.organization_id, "), today);
    let sql = sql
        .text(", gc.organization_id, gc.shielded FROM guardianships gu JOIN participants gc ON gc.id = gu.child_id WHERE ")
        .text(column)
        .in_ids(ids);
    Ok(sql.text(" ORDER BY gu.child_id, gu.guardian_id").load::<Columns, Row>(conn)?)
}

/// A child whom somebody looks after.
#[derive(Clone, Debug)]
pub struct Ward {
    /// The child.
    pub child: i64,
    /// The organization that keeps the child's record.
    pub keeper: Option<i64>,
    /// Whether the child's address and contacts are told to nobody but that organization and the child (V7).
    pub shielded: bool,
    terms: Terms,
}

/// A participant, and the children whose guardian the participant is.
#[derive(Clone, Debug, Default)]
pub struct Family {
    viewer: Option<i64>,
    wards: Vec<Ward>,
    today: NaiveDate,
}

impl Family {
    /// The family of a participant, or nobody's.
    ///
    /// # Errors
    /// What the database answers.
    pub fn load(conn: &mut Conn, viewer: Option<i64>, today: NaiveDate) -> Result<Self, Error> {
        let mut family = Self { viewer, wards: Vec::new(), today };
        let Some(guardian) = viewer else { return Ok(family) };
        for (child, _, organization, counts, keeper, shielded) in load(conn, "gu.guardian_id", &[guardian], today)? {
            match family.wards.last_mut() {
                Some(ward) if ward.child == child => ward.terms.add(organization, counts),
                _ => {
                    let mut ward = Ward { child, keeper, shielded, terms: Terms::default() };
                    ward.terms.add(organization, counts);
                    family.wards.push(ward);
                }
            }
        }
        family.wards.retain(|ward| ward.terms.counts());
        Ok(family)
    }

    /// A participant without anybody else.
    pub fn alone(viewer: i64, today: NaiveDate) -> Self {
        Self { viewer: Some(viewer), wards: Vec::new(), today }
    }

    /// The participant.
    pub fn viewer(&self) -> Option<i64> {
        self.viewer
    }

    /// The children.
    pub fn wards(&self) -> &[Ward] {
        &self.wards
    }

    /// The children and the participant, whichever organization their guardianship counts for.
    pub fn members(&self) -> Vec<i64> {
        self.wards.iter().map(|ward| ward.child).chain(self.viewer).collect()
    }

    /// Whether somebody belongs to the family, for whichever organization.
    pub fn includes(&self, participant: i64) -> bool {
        self.viewer == Some(participant) || self.wards.iter().any(|ward| ward.child == participant)
    }

    /// Whether the participant acts for somebody in an organization.
    pub fn acts_for(&self, participant: i64, organization: Option<i64>) -> bool {
        let ward = || self.wards.iter().find(|ward| ward.child == participant);
        self.viewer == Some(participant) || ward().is_some_and(|ward| ward.terms.counts_for(organization))
    }

    /// The participant, and the children whose own records are theirs to read: those whose keeper their guardianship counts
    /// for.
    pub fn kept(&self) -> Vec<i64> {
        let wards = self.wards.iter().filter(|ward| ward.terms.counts_for(ward.keeper));
        wards.map(|ward| ward.child).chain(self.viewer).collect()
    }

    /// The same without the children who are shielded: those of whom it may be known where they live.
    pub fn homes(&self) -> Vec<i64> {
        let shielded = |id: &i64| self.wards.iter().any(|ward| ward.child == *id && ward.shielded);
        self.kept().into_iter().filter(|id| !shielded(id)).collect()
    }

    /// Appends an expression that is true where what was written for somebody of the family may be told: it is not where another
    /// guardian of a child wrote it (V7). Writer and participant are expressions.
    #[must_use]
    pub fn may_read(&self, sql: Sql, writer: &Sql, participant: &Sql) -> Sql {
        let Some(viewer) = self.viewer.filter(|_| !self.wards.is_empty()) else { return sql.text("(1 = 1)") };
        let sql = sql.text("((").then(participant.clone()).text(" = ").int(viewer).text(" OR NOT ");
        sql.then(by_another_guardian(viewer, writer, participant)).text(") IS NOT FALSE)")
    }

    /// Whether it makes no difference which organization somebody is looked at in.
    pub fn is_alike(&self) -> bool {
        self.wards.iter().all(|ward| ward.terms.counts_alike())
    }

    /// Appends an expression that is true where somebody is of the family as far as an organization is concerned; both are
    /// expressions too.
    #[must_use]
    pub fn of(&self, sql: Sql, participant: &Sql, organization: &Sql) -> Sql {
        let Some(viewer) = self.viewer else { return sql.text("(1 = 0)") };
        let sql = sql.text("(").then(participant.clone()).text(" = ").int(viewer);
        if self.wards.is_empty() {
            return sql.text(")");
        }
        self.of_wards(sql.text(" OR "), participant, organization).text(")")
    }

    /// The same of the children alone.
    #[must_use]
    pub fn of_wards(&self, sql: Sql, participant: &Sql, organization: &Sql) -> Sql {
        let Some(viewer) = self.viewer.filter(|_| !self.wards.is_empty()) else { return sql.text("(1 = 0)") };
        let wards: Vec<i64> = self.wards.iter().map(|ward| ward.child).collect();
        let sql = sql.text("(").then(participant.clone()).in_ids(&wards);
        if self.is_alike() {
            return sql.text(")");
        }
        guards(sql.text(" AND "), participant, &Sql::default().int(viewer), organization, self.today).text(")")
    }
}

/// Whether somebody looks after a child as far as an organization is concerned.
///
/// # Errors
/// What the database answers.
pub fn is_guardian(
    conn: &mut Conn,
    child: i64,
    guardian: i64,
    organization: Option<i64>,
    today: NaiveDate,
) -> Result<bool, Error> {
    let int = |id: Option<i64>| Sql::default().int(id);
    let sql = Sql::new("SELECT p.id FROM participants p WHERE p.id = ").int(child).text(" AND ");
    let sql = guards(sql, &int(Some(child)), &int(Some(guardian)), &int(organization), today);
    Ok(sql.first::<BigInt, i64>(conn)?.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(y: i32, m: u32, d: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(y, m, d).unwrap_or_default()
    }

    #[test]
    fn v4_a_person_comes_of_age_on_a_birthday() {
        for (born, minor, adult) in [
            (day(2008, 9, 15), day(2026, 9, 14), day(2026, 9, 15)),
            (day(2008, 2, 29), day(2026, 2, 28), day(2026, 3, 1)),
            (day(2008, 12, 31), day(2026, 12, 30), day(2026, 12, 31)),
        ] {
            assert!(born > born_by(minor, OF_AGE) && born <= born_by(adult, OF_AGE), "{born}");
        }
    }

    #[test]
    fn v4_what_an_organization_says_comes_before_what_holds_for_all() {
        let mut terms = Terms::default();
        assert!(!terms.counts() && !terms.counts_for(None));
        terms.add(Some(1), true);
        assert!(terms.counts() && terms.counts_for(Some(1)) && !terms.counts_for(Some(2)) && !terms.counts_for(None));
        terms.add(None, true);
        terms.add(Some(3), false);
        assert!(terms.counts_for(None) && terms.counts_for(Some(2)) && !terms.counts_for(Some(3)));
    }
}
