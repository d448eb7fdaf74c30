//! Who sees which content (K1 to K5): the one place that decides it.
//!
//! An item is shown through links, each to one audience. A viewer is a set of such audiences, as numbers: whoever reads
//! content takes the condition that one of an item's open links leads to one of them. What a group shows follows from
//! effective membership, so a composite carries its content to all below it (K5), from the day on which somebody belongs
//! until the day on which they do not (K2). What a child is shown its guardians are shown, as far as they are its guardians for
//! the organization that owns the group or shows the item (V4).

pub mod feed;

use std::collections::HashMap;

use chrono::NaiveDateTime;
use diesel::sql_types::{BigInt, Nullable};

use super::Audience;
use super::kind::ContentKind;
use crate::access::guardians::{Family, Ward};
use crate::db::{Conn, Sql};
use crate::error::Error;
use crate::groups::store::CompositionCache;
use crate::members::effective::{self, Standing, in_force};
use crate::scope::Scope;

/// The number of an audience, as the database makes it.
pub fn key_of(audience: Audience, target: i64) -> i64 {
    match audience {
        Audience::Everyone => 0,
        Audience::Organization => target * 8 + 1,
        Audience::Staff => target * 8 + 2,
        Audience::Participant => target * 8 + 3,
        Audience::Group => target * 8 + 4,
    }
}

/// The audience behind a number, and of whom.
pub fn audience_of(key: i64) -> (Audience, i64) {
    let audience = match key % 8 {
        0 => Audience::Everyone,
        1 => Audience::Organization,
        2 => Audience::Staff,
        3 => Audience::Participant,
        _ => Audience::Group,
    };
    (audience, key / 8)
}

/// What one viewer sees of all content at one moment.
#[derive(Clone, Debug, Default)]
pub struct Vision {
    /// Whether nothing is hidden.
    everything: bool,
    /// The audiences that the viewer is part of.
    keys: Vec<i64>,
    /// Organizations of which the viewer sees all content, whatever its audience.
    administered: Vec<i64>,
    /// Organizations for which the viewer works, by a token or as the leader of a group: what the viewer made for them is
    /// the viewer's to see and to change.
    works_for: Vec<i64>,
    /// Those among them for which a token says so. Whoever only leads a group has a say over what is shown to the groups that
    /// they lead, and no more over what others show.
    employed_by: Vec<i64>,
    /// Groups that the viewer leads.
    led: Vec<i64>,
    /// Who of the viewer's family makes that a group's content is shown: pairs of a group and a participant.
    belonging: Vec<(i64, i64)>,
    family: Family,
    /// How the viewer's own items are marked.
    author_key: String,
    now: NaiveDateTime,
}

impl Vision {
    /// Finds out what the viewer sees, in a fixed number of statements. `family` are the viewer and the viewer's children,
    /// `standing` says where they belong today.
    ///
    /// # Errors
    /// What the database answers.
    pub fn load(conn: &mut Conn, scope: &Scope, family: &Family, standing: &Standing) -> Result<Self, Error> {
        let viewer = &scope.viewer;
        let employed_by = [viewer.administers.as_slice(), viewer.staff_of.as_slice()].concat();
        let mut vision = Self {
            everything: viewer.administrator,
            keys: vec![key_of(Audience::Everyone, 0)],
            administered: viewer.administers.clone(),
            works_for: employed_by.clone(),
            employed_by,
            led: Vec::new(),
            belonging: belonging(conn, family, standing)?,
            family: family.clone(),
            author_key: viewer.actor_key(),
            now: scope.instant(),
        };
        vision.keys.extend(vision.works_for.iter().map(|organization| key_of(Audience::Staff, *organization)));
        let mut organizations = vision.works_for.clone();
        if family.viewer().is_some() {
            if let Some(participant) = viewer.participant {
                for (group, organization) in leads(conn, scope, participant)? {
                    vision.led.push(group);
                    vision.works_for.extend(organization);
                }
            }
            let groups = vision.belonging.iter().map(|(group, _)| group).chain(&vision.led);
            vision.keys.extend(groups.map(|group| key_of(Audience::Group, *group)));
            let of_family = organizations_of(conn, scope, &family.members())?;
            let counted = of_family.iter().filter(|(who, organization)| family.acts_for(*who, Some(*organization)));
            organizations.extend(counted.map(|(_, organization)| organization));
            vision.keys.extend(family.members().iter().map(|participant| key_of(Audience::Participant, *participant)));
        }
        vision.keys.extend(organizations.iter().map(|organization| key_of(Audience::Organization, *organization)));
        for list in [&mut vision.keys, &mut vision.works_for, &mut vision.led] {
            list.sort_unstable();
            list.dedup();
        }
        Ok(vision)
    }

    /// The same inside a change, from nothing but who asks.
    ///
    /// # Errors
    /// What the database answers.
    pub fn of_viewer(conn: &mut Conn, scope: &Scope, cache: &CompositionCache) -> Result<Self, Error> {
        let family = Family::load(conn, scope.viewer.participant, scope.today)?;
        let compositions = cache.read(conn)?;
        let standing = effective::of_participants(conn, &compositions, &family.members(), scope.today)?;
        Self::load(conn, scope, &family, &standing)
    }

    /// What is shown to one participant, whoever asks: what that participant may take part in.
    ///
    /// # Errors
    /// What the database answers.
    pub fn of_participant(
        conn: &mut Conn,
        scope: &Scope,
        cache: &CompositionCache,
        participant: i64,
    ) -> Result<Self, Error> {
        let viewer = crate::access::Viewer { participant: Some(participant), ..Default::default() };
        let scope = Scope { viewer, ..scope.clone() };
        let compositions = cache.read(conn)?;
        let standing = effective::of_participants(conn, &compositions, &[participant], scope.today)?;
        Self::load(conn, &scope, &Family::alone(participant, scope.today), &standing)
    }

    /// Whether nothing is hidden.
    pub fn is_unlimited(&self) -> bool {
        self.everything
    }

    /// Whether all content of this organization is the viewer's to see and to change.
    pub fn administers(&self, organization: Option<i64>) -> bool {
        self.everything || organization.is_some_and(|id| self.administered.contains(&id))
    }

    /// Organizations for which the viewer can make content.
    pub fn works_for(&self) -> &[i64] {
        &self.works_for
    }

    /// Groups that the viewer leads.
    pub fn led(&self) -> &[i64] {
        &self.led
    }

    /// Those of the viewer's family who belong to a group and make that its content is shown.
    pub fn belonging(&self, group: i64) -> impl Iterator<Item = i64> + use<'_> {
        self.belonging.iter().filter(move |(of, _)| *of == group).map(|(_, participant)| *participant)
    }

    /// Appends ` AND …` so that of the links to the viewer's children themselves only those remain to items of organizations
    /// that the viewer is a guardian for.
    #[must_use]
    pub fn guarded(&self, sql: Sql, alias: &'static str) -> Sql {
        if self.everything || self.family.is_alike() {
            return sql;
        }
        let of = |ward: &Ward| key_of(Audience::Participant, ward.child);
        let keys: Vec<i64> = self.family.wards().iter().map(of).collect();
        let child = Sql::new(alias).text(".participant_id");
        let organization =
            Sql::new("(SELECT oc.organization_id FROM content oc WHERE oc.id = ").text(alias).text(".content_id)");
        let sql = sql.text(" AND (NOT (").text(alias).text(".audience_key").in_ids(&keys).text(") OR ");
        self.family.of_wards(sql, &child, &organization).text(")")
    }

    /// Whether the viewer belongs to this audience.
    pub fn is_among(&self, audience: Audience, target: i64) -> bool {
        self.keys.binary_search(&key_of(audience, target)).is_ok()
    }

    /// The audiences of which the viewer is part now and was part before.
    pub fn in_common(&self, before: &Self) -> Vec<i64> {
        self.keys.iter().copied().filter(|key| before.keys.binary_search(key).is_ok()).collect()
    }

    /// Appends ` AND …` so that only items remain that the viewer sees.
    #[must_use]
    pub fn visible(&self, sql: Sql, alias: &'static str) -> Sql {
        if self.everything {
            return sql;
        }
        let sql = self.managed(sql.text(" AND ("), alias);
        self.shown(sql.text(" OR "), alias).text(")")
    }

    /// The same for lists: what is shown to the viewer is found once, rather than looked for at every item on the way.
    #[must_use]
    pub fn listed(&self, sql: Sql, alias: &'static str) -> Sql {
        if self.everything {
            return sql;
        }
        let links = Sql::new("SELECT v.content_id FROM content_links v WHERE v.unlinked_at IS NULL AND v.audience_key");
        let links = self.guarded(self.published(links.in_ids(&self.keys).text(" AND "), "v"), "v");
        let sql = sql.text(" AND (");
        let sql = if self.works_for.is_empty() { sql } else { self.managed(sql, alias).text(" OR ") };
        sql.text(alias).text(".id IN (").then(links).text("))")
    }

    /// Appends ` AND …` so that only items remain that are shown to the viewer; that the viewer manages an item is not
    /// enough.
    #[must_use]
    pub fn addressed(&self, sql: Sql, alias: &'static str) -> Sql {
        self.shown(sql.text(" AND "), alias)
    }

    /// An expression that is true of items with a link to one of the viewer's audiences.
    fn shown(&self, sql: Sql, alias: &'static str) -> Sql {
        let sql = sql
            .text("EXISTS (SELECT 1 FROM content_links v WHERE v.content_id = ")
            .text(alias)
            .text(".id AND v.unlinked_at IS NULL AND v.audience_key")
            .in_ids(&self.keys);
        self.guarded(self.published(sql.text(" AND "), "v"), "v").text(")")
    }

    /// An expression that is true of items that the viewer may change, and of which the viewer sees what concerns their
    /// makers.
    #[must_use]
    pub fn managed(&self, sql: Sql, alias: &'static str) -> Sql {
        if self.everything {
            return sql.text("(1 = 1)");
        }
        let sql = of_organizations(sql.text("("), alias, &self.administered);
        if self.works_for.is_empty() {
            return sql.text(")");
        }
        self.made(sql.text(" OR "), alias).text(")")
    }

    /// An expression that is true of items that the viewer made and that are the viewer's still.
    fn made(&self, sql: Sql, alias: &'static str) -> Sql {
        let sql = sql.text("(").text(alias).text(".author_key = ").string(self.author_key.clone());
        let sql = of_organizations(sql.text(" AND ("), alias, &self.employed_by);
        if self.led.is_empty() {
            return sql.text("))");
        }
        of_organizations(sql.text(" OR ("), alias, &self.works_for)
            .text(" AND NOT EXISTS (SELECT 1 FROM content_links u WHERE u.content_id = ")
            .text(alias)
            .text(".id AND u.unlinked_at IS NULL AND u.audience <> 'PARTICIPANT' AND NOT (coalesce(u.group_id, 0)")
            .in_ids(&self.led)
            .text(")))))")
    }

    /// An expression that is true of items that are linked to a group that the viewer leads.
    #[must_use]
    pub fn moderated(&self, sql: Sql, alias: &'static str) -> Sql {
        let keys: Vec<i64> = self.led.iter().map(|group| key_of(Audience::Group, *group)).collect();
        let sql = sql
            .text("EXISTS (SELECT 1 FROM content_links v WHERE v.content_id = ")
            .text(alias)
            .text(".id AND v.unlinked_at IS NULL AND v.audience_key")
            .in_ids(&keys);
        self.published(sql.text(" AND "), "v").text(")")
    }

    fn published(&self, sql: Sql, alias: &'static str) -> Sql {
        sql.text(alias).text(".published_at <= ").instant(self.now)
    }

    /// By which links each of the items is shown to the viewer: audience keys by item, in their order.
    ///
    /// # Errors
    /// What the database answers.
    pub fn reasons(&self, conn: &mut Conn, items: &[i64]) -> Result<HashMap<i64, Vec<i64>>, Error> {
        if items.is_empty() {
            return Ok(HashMap::new());
        }
        let sql = Sql::new(
            "SELECT v.content_id, v.audience_key FROM content_links v WHERE v.unlinked_at IS NULL AND v.content_id",
        )
        .in_ids(items)
        .text(" AND v.audience_key")
        .in_ids(&self.keys);
        let sql = self.guarded(self.published(sql.text(" AND "), "v"), "v").text(" ORDER BY v.audience_key");
        let mut reasons: HashMap<i64, Vec<i64>> = HashMap::new();
        for (item, key) in sql.load::<(BigInt, BigInt), (i64, i64)>(conn)? {
            reasons.entry(item).or_default().push(key);
        }
        Ok(reasons)
    }

    /// Of these groups, those whose content the viewer sees as one who belongs to them.
    pub fn shown_by<'g>(&self, groups: &'g [i64]) -> impl Iterator<Item = i64> + use<'_, 'g> {
        groups.iter().copied().filter(|group| self.everything || self.is_among(Audience::Group, *group))
    }
}

/// Appends ` AND …` so that only items of these kinds remain.
#[must_use]
pub fn of_kinds(sql: Sql, alias: &'static str, kinds: Option<&[ContentKind]>) -> Sql {
    let Some(kinds) = kinds else { return sql };
    let words: Vec<String> = kinds.iter().map(|kind| kind.as_str().to_owned()).collect();
    sql.text(" AND ").text(alias).text(".kind").in_strings(&words)
}

/// An expression that is true of items of these organizations. What belongs to no organization is the administrator's, and must
/// come out as false rather than as unknown.
fn of_organizations(sql: Sql, alias: &'static str, ids: &[i64]) -> Sql {
    sql.text("coalesce(").text(alias).text(".organization_id, 0)").in_ids(ids)
}

/// The groups that a participant leads today, and the organizations that own them.
///
/// # Errors
/// What the database answers.
pub fn leads(conn: &mut Conn, scope: &Scope, participant: i64) -> Result<Vec<(i64, Option<i64>)>, Error> {
    let sql =
        Sql::new("SELECT m.group_id, g.organization_id FROM memberships m JOIN groups g ON g.id = m.group_id WHERE ");
    let sql = in_force(sql, scope.today).text(" AND m.role = 'LEADER' AND m.participant_id = ").int(participant);
    Ok(sql.load::<(BigInt, Nullable<BigInt>), (i64, Option<i64>)>(conn)?)
}

/// Where the family belongs today, as far as it is one for the organization that owns the group: pairs of a group and a
/// participant.
fn belonging(conn: &mut Conn, family: &Family, standing: &Standing) -> Result<Vec<(i64, i64)>, Error> {
    let mut pairs = standing.pairs();
    if family.is_alike() {
        return Ok(pairs);
    }
    let sql = Sql::new("SELECT g.id, g.organization_id FROM groups g WHERE g.id").in_ids(&standing.groups());
    let owners: HashMap<i64, Option<i64>> =
        sql.load::<(BigInt, Nullable<BigInt>), (i64, Option<i64>)>(conn)?.into_iter().collect();
    pairs.retain(|(group, participant)| family.acts_for(*participant, owners.get(group).copied().flatten()));
    Ok(pairs)
}

/// The organizations to which these participants belong: those that keep their records, those of whose groups they are a
/// member, and an organization itself; pairs of a participant and an organization.
fn organizations_of(conn: &mut Conn, scope: &Scope, participants: &[i64]) -> Result<Vec<(i64, i64)>, Error> {
    let sql = Sql::new("SELECT o.id, o.organization_id FROM participants o WHERE o.organization_id IS NOT NULL AND o.id")
        .in_ids(participants)
        .text(" UNION SELECT o.id, o.id FROM participants o WHERE o.kind = 'ORGANIZATION' AND o.id")
        .in_ids(participants)
        .text(
            " UNION SELECT m.participant_id, g.organization_id FROM memberships m JOIN groups g ON g.id = m.group_id WHERE ",
        );
    let sql = in_force(sql, scope.today).text(" AND g.organization_id IS NOT NULL AND m.participant_id");
    Ok(sql.in_ids(participants).load::<(BigInt, BigInt), (i64, i64)>(conn)?)
}
