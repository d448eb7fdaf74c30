//! Groups, their categories and components as rows.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{NaiveDate, NaiveDateTime};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Date, Integer, Nullable, Text, Timestamp};

use super::composition::{Composition, Compositions, Mode, Node};
use super::{GroupKind, NeighbourhoodRole, Settings};
use crate::access::sight::Sight;
use crate::db::batch::{self, CHUNK, Column, Type};
use crate::db::schema::{group_categories, groups};
use crate::db::{Conn, Dialect, Sql, on};
use crate::error::Error;
use crate::page::{Key, KeyType, Order, Page, Window, position};
use crate::people::filter::{ParticipantFilter, searched};
use crate::text::{searchable, sort_key};

/// What most lists show of a group.
#[derive(Clone, Debug)]
pub struct GroupRow {
    pub id: i64,
    pub external_id: Option<String>,
    pub name: String,
    pub sort_key: String,
    pub category_id: Option<i64>,
    pub responsible_id: Option<i64>,
    pub composition: Composition,
    pub dynamic: bool,
    pub composite: bool,
    pub closed: bool,
    /// The rest, read only when a field of it is selected.
    pub more: Option<Box<More>>,
}

/// What few lists show of a group.
#[derive(Clone, Debug)]
pub struct More {
    pub description: Option<String>,
    pub organization_id: Option<i64>,
    pub member_filter: Option<ParticipantFilter>,
    pub start_date: Option<NaiveDate>,
    pub completed_on: Option<NaiveDate>,
    pub visible_on_portal: bool,
    pub visible_with_contact: bool,
    pub changeable_on_portal: bool,
    pub new_member_template: Option<String>,
    pub neighbourhood_role: Option<NeighbourhoodRole>,
    pub subscription_group: bool,
    pub restricted_to_id: Option<i64>,
    pub source_group_id: Option<i64>,
    pub via_home_address: bool,
    pub analytics_group: bool,
    pub contribution_group: bool,
    pub mail_group: bool,
    pub member_directory: bool,
    pub year_group: Option<i32>,
    pub created_at: NaiveDateTime,
    pub updated_at: NaiveDateTime,
    /// Whether the viewer administers the group.
    pub administered: bool,
}

type BriefSql = (BigInt, Nullable<Text>, Text, Text, Nullable<BigInt>, Nullable<BigInt>, Text, Bool, Bool, Bool);
type Brief = (i64, Option<String>, String, String, Option<i64>, Option<i64>, Composition, bool, bool, bool);
type MoreSql = (
    (Nullable<Text>, Nullable<BigInt>, Nullable<Text>, Nullable<Date>, Nullable<Date>),
    (Bool, Bool, Bool, Nullable<Text>, Nullable<Text>),
    (Bool, Nullable<BigInt>, Nullable<BigInt>, Bool),
    (Bool, Bool, Bool, Bool, Nullable<Integer>),
    (Timestamp, Timestamp),
);
type About = (Option<String>, Option<i64>, Option<String>, Option<NaiveDate>, Option<NaiveDate>);
type Portal = (bool, bool, bool, Option<String>, Option<NeighbourhoodRole>);
type Joining = (bool, Option<i64>, Option<i64>, bool);
type Uses = (bool, bool, bool, bool, Option<i32>);
type MoreTuple = (About, Portal, Joining, Uses, (NaiveDateTime, NaiveDateTime));

const BRIEF: &str = "SELECT g.id, g.external_id, g.name, g.sort_key, g.category_id, g.responsible_id, g.composition, \
                     g.member_filter IS NOT NULL, \
                     EXISTS (SELECT 1 FROM group_components gc WHERE gc.composite_id = g.id), g.closed";
const MORE: &str = ", g.description, g.organization_id, g.member_filter, g.start_date, g.completed_on, \
                    g.visible_on_portal, g.visible_with_contact, g.changeable_on_portal, g.new_member_template, \
                    g.neighbourhood_role, g.subscription_group, g.restricted_to_id, g.source_group_id, \
                    g.via_home_address, g.analytics_group, g.contribution_group, g.mail_group, g.member_directory, \
                    g.year_group, g.created_at, g.updated_at";

impl GroupRow {
    /// G1: the kind follows from the settings.
    pub fn kind(&self) -> GroupKind {
        match (self.composite, self.dynamic) {
            (true, _) => GroupKind::Composite,
            (false, true) => GroupKind::Dynamic,
            (false, false) => GroupKind::Static,
        }
    }

    fn brief(row: Brief) -> Self {
        let (id, external_id, name, sort_key, category_id, responsible_id, composition, dynamic, composite, closed) =
            row;
        Self {
            id,
            external_id,
            name,
            sort_key,
            category_id,
            responsible_id,
            composition,
            dynamic,
            composite,
            closed,
            more: None,
        }
    }

    fn whole((brief, more): (Brief, MoreTuple), sight: &Sight) -> Self {
        let (about, portal, joining, uses, (created_at, updated_at)) = more;
        let (description, organization_id, member_filter, start_date, completed_on) = about;
        let (visible_on_portal, visible_with_contact, changeable_on_portal, new_member_template, neighbourhood_role) =
            portal;
        let (subscription_group, restricted_to_id, source_group_id, via_home_address) = joining;
        let (analytics_group, contribution_group, mail_group, member_directory, year_group) = uses;
        let member_filter = member_filter.map(|text| ParticipantFilter::read(brief.0, &text));
        let more = More {
            description,
            organization_id,
            member_filter,
            start_date,
            completed_on,
            visible_on_portal,
            visible_with_contact,
            changeable_on_portal,
            new_member_template,
            neighbourhood_role,
            subscription_group,
            restricted_to_id,
            source_group_id,
            via_home_address,
            analytics_group,
            contribution_group,
            mail_group,
            member_directory,
            year_group,
            created_at,
            updated_at,
            administered: sight.administers(organization_id),
        };
        Self { more: Some(Box::new(more)), ..Self::brief(brief) }
    }
}

impl GroupRow {
    /// The settings, and when they were last changed; nothing unless the rest was read.
    pub fn into_settings(self) -> Option<(Settings, NaiveDateTime)> {
        let more = *self.more?;
        let settings = Settings {
            external_id: self.external_id,
            name: self.name,
            description: more.description,
            category_id: self.category_id,
            organization_id: more.organization_id,
            responsible_id: self.responsible_id,
            composition: self.composition,
            member_filter: more.member_filter,
            start_date: more.start_date,
            completed_on: more.completed_on,
            closed: self.closed,
            visible_on_portal: more.visible_on_portal,
            visible_with_contact: more.visible_with_contact,
            changeable_on_portal: more.changeable_on_portal,
            new_member_template: more.new_member_template,
            neighbourhood_role: more.neighbourhood_role,
            subscription_group: more.subscription_group,
            restricted_to_id: more.restricted_to_id,
            source_group_id: more.source_group_id,
            via_home_address: more.via_home_address,
            analytics_group: more.analytics_group,
            contribution_group: more.contribution_group,
            mail_group: more.mail_group,
            member_directory: more.member_directory,
            year_group: more.year_group,
        };
        Some((settings, more.updated_at))
    }
}

fn select(conn: &mut Conn, sight: &Sight, details: bool, tail: Sql) -> Result<Vec<GroupRow>, Error> {
    if details {
        let sql = Sql::new(BRIEF).text(MORE).then(tail);
        let rows = sql.load::<(BriefSql, MoreSql), (Brief, MoreTuple)>(conn)?;
        Ok(rows.into_iter().map(|row| GroupRow::whole(row, sight)).collect())
    } else {
        let rows = Sql::new(BRIEF).then(tail).load::<BriefSql, Brief>(conn)?;
        Ok(rows.into_iter().map(GroupRow::brief).collect())
    }
}

/// The groups that the rest of a statement, from ` FROM groups g` on, selects, with all that is known of them and that the
/// viewer may read.
///
/// # Errors
/// What the database answers.
pub fn selected(conn: &mut Conn, sight: &Sight, tail: Sql) -> Result<Vec<GroupRow>, Error> {
    select(conn, sight, true, tail)
}

/// The groups with these keys that are within sight, in no order.
///
/// # Errors
/// What the database answers.
pub fn by_ids(conn: &mut Conn, sight: &Sight, details: bool, ids: &[i64]) -> Result<Vec<GroupRow>, Error> {
    let tail = match ids {
        [] => return Ok(Vec::new()),
        // The common look-up of one is spared the list.
        [id] => Sql::new(" FROM groups g WHERE g.id = ").int(*id),
        ids => Sql::new(" FROM groups g WHERE g.id").in_ids(ids),
    };
    select(conn, sight, details, sight.groups(tail, "g"))
}

/// Which groups.
#[derive(Clone, Debug, Default)]
pub struct GroupFilter {
    pub text: Option<String>,
    pub category_id: Option<i64>,
    pub kinds: Option<Vec<GroupKind>>,
    pub closed: Option<bool>,
    pub organization_id: Option<i64>,
    pub responsible_id: Option<i64>,
    pub external_ids: Option<Vec<String>>,
    pub subscription_group: Option<bool>,
    pub year_group: Option<i32>,
    pub started_from: Option<NaiveDate>,
    pub started_until: Option<NaiveDate>,
    pub member_id: Option<i64>,
}

impl GroupFilter {
    fn conditions(&self, mut sql: Sql, sight: &Sight, today: NaiveDate) -> Sql {
        for participant in [self.organization_id, self.responsible_id].into_iter().flatten() {
            sql = sight.names(sql, participant);
        }
        if let Some(text) = &self.text {
            sql = searched(sql, "g.search_text", text);
        }
        for (column, value) in [
            (" AND g.category_id = ", self.category_id),
            (" AND g.organization_id = ", self.organization_id),
            (" AND g.responsible_id = ", self.responsible_id),
            (" AND g.year_group = ", self.year_group.map(i64::from)),
        ] {
            if let Some(value) = value {
                sql = sql.text(column).int(value);
            }
        }
        for (column, value) in
            [(" AND g.closed = ", self.closed), (" AND g.subscription_group = ", self.subscription_group)]
        {
            if let Some(value) = value {
                sql = sql.text(column).flag(value);
            }
        }
        if let Some(kinds) = &self.kinds {
            sql = sql
                .text(
                    " AND CASE WHEN EXISTS (SELECT 1 FROM group_components k WHERE k.composite_id = g.id) \
                     THEN 'COMPOSITE' WHEN g.member_filter IS NOT NULL THEN 'DYNAMIC' ELSE 'STATIC' END",
                )
                .in_strings(&kinds.iter().map(|kind| kind.as_str().to_owned()).collect::<Vec<_>>());
        }
        if let Some(ids) = &self.external_ids {
            sql = sql.text(" AND g.external_id").in_strings(ids);
        }
        if let Some(from) = self.started_from {
            sql = sql.text(" AND g.start_date >= ").date(from);
        }
        if let Some(until) = self.started_until {
            sql = sql.text(" AND g.start_date <= ").date(until);
        }
        if let Some(member) = self.member_id {
            sql = sql
                .text(" AND EXISTS (SELECT 1 FROM memberships gm WHERE gm.group_id = g.id AND gm.annulled_at IS NULL AND gm.participant_id = ")
                .int(member)
                .text(" AND gm.start_date <= ")
                .date(today)
                .text(" AND (gm.end_date IS NULL OR gm.end_date > ")
                .date(today)
                .text(")");
            sql = sight.memberships(sql, "gm").text(")");
        }
        sql
    }
}

/// The order of groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupOrder {
    Name,
    CreatedAt,
}

impl GroupOrder {
    /// As expressions over `g`.
    pub fn order(self, descending: bool) -> Order {
        let columns: &'static [(&'static str, KeyType)] = match self {
            Self::Name => &[("g.sort_key", KeyType::Text), ("g.id", KeyType::Int)],
            Self::CreatedAt => &[("g.created_at", KeyType::Instant), ("g.id", KeyType::Int)],
        };
        Order { name: self.name(), columns, descending }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::CreatedAt => "created",
        }
    }

    /// Whether the position of a row takes more than the usual columns.
    pub fn needs_details(self) -> bool {
        self == Self::CreatedAt
    }

    /// The position of a row in this order.
    pub fn keys(self, row: &GroupRow) -> Vec<Key> {
        let first = match self {
            Self::Name => Key::Text(row.sort_key.clone()),
            Self::CreatedAt => Key::Text(
                row.more
                    .as_ref()
                    .map(|more| more.created_at.format("%Y-%m-%dT%H:%M:%S%.6f").to_string())
                    .unwrap_or_default(),
            ),
        };
        position(self.name(), [first, Key::Int(row.id)])
    }
}

/// A page of groups.
///
/// # Errors
/// `BadInput` for a cursor of another order; what the database answers.
pub fn page(
    conn: &mut Conn,
    sight: &Sight,
    details: bool,
    filter: &GroupFilter,
    today: NaiveDate,
    order: &Order,
    window: &Window,
) -> Result<Page<GroupRow>, Error> {
    let tail = filter.conditions(sight.groups(Sql::new(" FROM groups g WHERE 1 = 1"), "g"), sight, today);
    let tail = window.order_by(window.conditions(tail, order)?, order).text(" LIMIT ").int(window.fetch());
    Ok(window.page(select(conn, sight, details, tail)?))
}

/// How many groups pass the filter.
///
/// # Errors
/// What the database answers.
pub fn count(conn: &mut Conn, sight: &Sight, filter: &GroupFilter, today: NaiveDate) -> Result<i64, Error> {
    let sql = sight.groups(Sql::new("SELECT COUNT(*) FROM groups g WHERE 1 = 1"), "g");
    Ok(filter.conditions(sql, sight, today).first::<BigInt, i64>(conn)?.unwrap_or_default())
}

/// A group's place in a composite.
#[derive(Clone, Debug, Queryable)]
pub struct ComponentRow {
    pub composite_id: i64,
    pub component_id: i64,
    pub mode: Mode,
}

/// The components of these composites, in their order; only those within sight.
///
/// # Errors
/// What the database answers.
pub fn components(conn: &mut Conn, sight: &Sight, composites: &[i64]) -> Result<Vec<ComponentRow>, Error> {
    let sql = Sql::new(
        "SELECT c.composite_id, c.component_id, c.mode FROM group_components c \
         JOIN groups g ON g.id = c.component_id WHERE c.composite_id",
    )
    .in_ids(composites);
    let sql = sight.groups(sql, "g").text(" ORDER BY c.composite_id, c.position, c.component_id");
    Ok(sql.load::<(BigInt, BigInt, Text), ComponentRow>(conn)?)
}

/// The composites that these groups are part of, by name; only those within sight.
///
/// # Errors
/// What the database answers.
pub fn part_of(conn: &mut Conn, sight: &Sight, components: &[i64]) -> Result<Vec<ComponentRow>, Error> {
    let sql = Sql::new(
        "SELECT c.composite_id, c.component_id, c.mode FROM group_components c \
         JOIN groups g ON g.id = c.composite_id WHERE c.component_id",
    )
    .in_ids(components);
    let sql = sight.groups(sql, "g").text(" ORDER BY g.sort_key, g.id");
    Ok(sql.load::<(BigInt, BigInt, Text), ComponentRow>(conn)?)
}

/// The composition in memory, as last read.
#[derive(Default)]
pub struct CompositionCache(Mutex<Option<(i64, Arc<Compositions>)>>);

impl CompositionCache {
    /// The composition as the caller's own transaction sees it. Not after that transaction has changed it: the
    /// revision may be rolled back and then used by another.
    ///
    /// # Errors
    /// What the database answers.
    pub fn read(&self, conn: &mut Conn) -> Result<Arc<Compositions>, Error> {
        let revision = revision(conn)?;
        if let Some((known, compositions)) = self.0.lock().unwrap_or_else(PoisonError::into_inner).as_ref()
            && *known == revision
        {
            return Ok(Arc::clone(compositions));
        }
        let fresh = Arc::new(compositions(conn)?);
        // A transaction that writes sees what others commit between two statements.
        if self::revision(conn)? != revision {
            return Ok(fresh);
        }
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.as_ref().is_none_or(|(known, _)| *known < revision) {
            *kept = Some((revision, Arc::clone(&fresh)));
        }
        Ok(fresh)
    }
}

fn revision(conn: &mut Conn) -> Result<i64, Error> {
    let found = Sql::new("SELECT revision FROM composition_revision").first::<BigInt, i64>(conn)?;
    found.ok_or_else(|| Error::internal("composition_revision has no row"))
}

/// Reads the composition of all groups.
///
/// # Errors
/// What the database answers.
pub fn compositions(conn: &mut Conn) -> Result<Compositions, Error> {
    let rows = Sql::new(
        "SELECT g.id, g.composition, g.member_filter IS NOT NULL, c.component_id, c.mode FROM groups g \
         LEFT JOIN group_components c ON c.composite_id = g.id \
         WHERE g.member_filter IS NOT NULL OR c.component_id IS NOT NULL ORDER BY g.id, c.position, c.component_id",
    )
    .load::<(BigInt, Text, Bool, Nullable<BigInt>, Nullable<Text>), (i64, Composition, bool, Option<i64>, Option<Mode>)>(
        conn,
    )?;
    let mut nodes: HashMap<i64, Node> = HashMap::new();
    for (group, composition, dynamic, component, mode) in rows {
        let node = nodes.entry(group).or_default();
        node.composition = composition;
        node.dynamic = dynamic;
        node.components.extend(component.zip(mode));
    }
    Ok(Compositions::new(nodes))
}

/// Announces a change of the composition, and holds off every other one until this transaction ends.
///
/// # Errors
/// What the database answers.
pub fn lock_composition(conn: &mut Conn) -> Result<(), Error> {
    queue(conn, "SELECT pg_advisory_xact_lock(")?;
    Sql::new("UPDATE composition_revision SET revision = revision + 1").execute(conn)?;
    Ok(())
}

/// Keeps what groups are made of as it is until this transaction ends; others may do so at the same time.
///
/// # Errors
/// What the database answers.
pub fn hold_composition(conn: &mut Conn) -> Result<(), Error> {
    queue(conn, "SELECT pg_advisory_xact_lock_shared(")
}

/// Waits in line. Locks of rows have no line: those who share one pass by whoever wants it alone, who then never gets
/// it while enough people join and leave. SQLite has one writer.
fn queue(conn: &mut Conn, lock: &'static str) -> Result<(), Error> {
    if conn.dialect() == Dialect::Postgres {
        let sql = Sql::new(lock).text("hashtextextended(current_schema() || '.composition_revision', 0))");
        sql.execute(conn)?;
    }
    Ok(())
}

/// The names of the groups within sight, for messages.
///
/// # Errors
/// What the database answers.
pub fn names(conn: &mut Conn, sight: &Sight, ids: &[i64]) -> Result<HashMap<i64, String>, Error> {
    let sql = Sql::new("SELECT g.id, g.name FROM groups g WHERE g.id").in_ids(ids);
    Ok(sight.groups(sql, "g").load::<(BigInt, Text), (i64, String)>(conn)?.into_iter().collect())
}

/// A group as written.
#[derive(Clone, Debug, Insertable, AsChangeset, serde::Serialize)]
#[diesel(table_name = groups, treat_none_as_null = true)]
pub struct Written {
    pub external_id: Option<String>,
    pub name: String,
    pub sort_key: String,
    pub search_text: String,
    pub description: Option<String>,
    pub category_id: Option<i64>,
    pub organization_id: Option<i64>,
    pub responsible_id: Option<i64>,
    pub composition: Composition,
    pub member_filter: Option<String>,
    pub start_date: Option<NaiveDate>,
    pub completed_on: Option<NaiveDate>,
    pub closed: bool,
    pub visible_on_portal: bool,
    pub visible_with_contact: bool,
    pub changeable_on_portal: bool,
    pub new_member_template: Option<String>,
    pub neighbourhood_role: Option<NeighbourhoodRole>,
    pub subscription_group: bool,
    pub restricted_to_id: Option<i64>,
    pub source_group_id: Option<i64>,
    pub via_home_address: bool,
    pub analytics_group: bool,
    pub contribution_group: bool,
    pub mail_group: bool,
    pub member_directory: bool,
    pub year_group: Option<i32>,
    pub updated_at: NaiveDateTime,
}

impl Written {
    /// Fills in what follows from the rest.
    ///
    /// # Errors
    /// `Internal` when the filter cannot be written as JSON.
    pub fn new(settings: Settings, now: NaiveDateTime) -> Result<Self, Error> {
        let member_filter = settings.member_filter.as_ref().map(ParticipantFilter::write).transpose()?;
        Ok(Self {
            sort_key: sort_key(&settings.name),
            search_text: searchable([settings.name.as_str()]),
            external_id: settings.external_id,
            name: settings.name,
            description: settings.description,
            category_id: settings.category_id,
            organization_id: settings.organization_id,
            responsible_id: settings.responsible_id,
            composition: settings.composition,
            member_filter,
            start_date: settings.start_date,
            completed_on: settings.completed_on,
            closed: settings.closed,
            visible_on_portal: settings.visible_on_portal,
            visible_with_contact: settings.visible_with_contact,
            changeable_on_portal: settings.changeable_on_portal,
            new_member_template: settings.new_member_template,
            neighbourhood_role: settings.neighbourhood_role,
            subscription_group: settings.subscription_group,
            restricted_to_id: settings.restricted_to_id,
            source_group_id: settings.source_group_id,
            via_home_address: settings.via_home_address,
            analytics_group: settings.analytics_group,
            contribution_group: settings.contribution_group,
            mail_group: settings.mail_group,
            member_directory: settings.member_directory,
            year_group: settings.year_group,
            updated_at: now,
        })
    }
}

/// Stores a new group and answers with its key.
///
/// # Errors
/// What the database answers.
pub fn insert(conn: &mut Conn, written: &Written) -> QueryResult<i64> {
    let created = groups::created_at.eq(written.updated_at);
    on!(conn, c => diesel::insert_into(groups::table).values((written, created)).returning(groups::id).get_result(c))
}

/// Overwrites a group.
///
/// # Errors
/// What the database answers.
pub fn update(conn: &mut Conn, id: i64, written: &Written) -> QueryResult<usize> {
    on!(conn, c => diesel::update(groups::table.find(id)).set(written).execute(c))
}

/// Removes a group that nothing holds.
///
/// # Errors
/// What the database answers.
pub fn delete(conn: &mut Conn, id: i64) -> QueryResult<usize> {
    on!(conn, c => diesel::delete(groups::table.find(id)).execute(c))
}

/// The settings of a group and whether it has components, locked until the transaction ends.
///
/// # Errors
/// What the database answers.
pub fn lock(conn: &mut Conn, id: i64) -> Result<Option<(Settings, bool)>, Error> {
    let tail = Sql::new(" FROM groups g WHERE g.id = ").int(id).text(conn.dialect().for_update());
    settings(conn, tail)
}

/// The settings of a group as they are at this moment.
///
/// # Errors
/// What the database answers.
pub fn peek(conn: &mut Conn, id: i64) -> Result<Option<Settings>, Error> {
    let tail = Sql::new(" FROM groups g WHERE g.id = ").int(id);
    Ok(settings(conn, tail)?.map(|(settings, _)| settings))
}

fn settings(conn: &mut Conn, tail: Sql) -> Result<Option<(Settings, bool)>, Error> {
    let row = select(conn, &Sight::default(), true, tail)?.into_iter().next();
    Ok(row.and_then(|row| {
        let composite = row.composite;
        row.into_settings().map(|(settings, _)| (settings, composite))
    }))
}

/// Replaces the components of a group.
///
/// # Errors
/// What the database answers.
pub fn replace_components(
    conn: &mut Conn,
    composite: i64,
    composition: Composition,
    components: &[(i64, Mode)],
    now: NaiveDateTime,
) -> Result<(), Error> {
    const COLUMNS: &[Column] = &[("component", Type::Int), ("mode", Type::Text), ("position", Type::Int)];
    #[derive(serde::Serialize)]
    struct Row {
        component: i64,
        mode: &'static str,
        position: usize,
    }
    Sql::new("DELETE FROM group_components WHERE composite_id = ").int(composite).execute(conn)?;
    let rows = components.iter().enumerate().map(|(position, (component, mode))| Row {
        component: *component,
        mode: mode.as_str(),
        position,
    });
    for rows in rows.collect::<Vec<_>>().chunks(CHUNK) {
        Sql::new("INSERT INTO group_components (composite_id, component_id, mode, position) SELECT ")
            .int(composite)
            .text(", r.component, r.mode, r.position FROM ")
            .then(batch::rows(conn.dialect(), COLUMNS, rows)?)
            .execute(conn)?;
    }
    on!(conn, c => diesel::update(groups::table.find(composite))
        .set((groups::composition.eq(composition), groups::updated_at.eq(now)))
        .execute(c))?;
    Ok(())
}

/// How many groups of organizations other than this one get members from a group, or give it any, in whatever way.
///
/// # Errors
/// What the database answers.
pub fn bound_to_others(conn: &mut Conn, id: i64, organization: i64) -> Result<i64, Error> {
    let own_filter = peek(conn, id)?.and_then(|settings| settings.member_filter?.current_group);
    let mut filters = filters_naming(conn, id)?;
    filters.extend(own_filter);
    let sql = Sql::new("SELECT COUNT(*) FROM groups o WHERE o.organization_id <> ").int(organization);
    let sql = sql.text(" AND (o.id").in_ids(&filters).text(" OR o.source_group_id = ").int(id);
    let sql = sql.text(" OR o.restricted_to_id = ").int(id);
    let sql = sql.text(" OR o.id IN (SELECT c.composite_id FROM group_components c WHERE c.component_id = ").int(id);
    let sql = sql.text(") OR o.id IN (SELECT c.component_id FROM group_components c WHERE c.composite_id = ").int(id);
    let sql = sql.text(") OR EXISTS (SELECT 1 FROM groups s WHERE s.id = ").int(id);
    let sql = sql.text(" AND (s.source_group_id = o.id OR s.restricted_to_id = o.id)))");
    Ok(sql.first::<BigInt, i64>(conn)?.unwrap_or_default())
}

/// The dynamic groups whose filter names this group as the one to be a member of.
///
/// # Errors
/// What the database answers.
pub fn filters_naming(conn: &mut Conn, id: i64) -> Result<Vec<i64>, Error> {
    let rows = Sql::new("SELECT id, member_filter FROM groups WHERE member_filter LIKE ")
        .string(format!("%\"current_group\":{id}%"))
        .load::<(BigInt, Text), (i64, String)>(conn)?;
    Ok(rows
        .into_iter()
        .filter(|(group, filter)| ParticipantFilter::read(*group, filter).current_group == Some(id))
        .map(|(group, _)| group)
        .collect())
}

/// Where groups lead to by one setting, for the search for cycles.
///
/// # Errors
/// What the database answers.
pub fn pointers(conn: &mut Conn, column: Pointer) -> Result<HashMap<i64, i64>, Error> {
    let text = match column {
        Pointer::Source => "SELECT id, source_group_id FROM groups WHERE source_group_id IS NOT NULL",
        Pointer::Restriction => "SELECT id, restricted_to_id FROM groups WHERE restricted_to_id IS NOT NULL",
    };
    Ok(Sql::new(text).load::<(BigInt, BigInt), (i64, i64)>(conn)?.into_iter().collect())
}

/// A setting that points from one group to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pointer {
    /// The group that feeds this one.
    Source,
    /// The group whose members may join this one.
    Restriction,
}

/// A category of groups.
#[derive(Clone, Debug, Queryable)]
pub struct CategoryRow {
    pub id: i64,
    pub external_id: Option<String>,
    pub name: String,
    pub sort_key: String,
}

type CategorySql = (BigInt, Nullable<Text>, Text, Text);
const CATEGORY: &str = "SELECT k.id, k.external_id, k.name, k.sort_key FROM group_categories k WHERE 1 = 1";

/// The categories with these keys.
///
/// # Errors
/// What the database answers.
pub fn categories_by_ids(conn: &mut Conn, ids: &[i64]) -> Result<Vec<CategoryRow>, Error> {
    Ok(Sql::new(CATEGORY).text(" AND k.id").in_ids(ids).load::<CategorySql, CategoryRow>(conn)?)
}

/// The order of categories: by name.
pub fn category_order() -> Order {
    Order { name: "name", columns: &[("k.sort_key", KeyType::Text), ("k.id", KeyType::Int)], descending: false }
}

/// A page of categories.
///
/// # Errors
/// `BadInput` for a cursor of another list; what the database answers.
pub fn category_page(conn: &mut Conn, window: &Window) -> Result<Page<CategoryRow>, Error> {
    let order = category_order();
    let sql = window.conditions(Sql::new(CATEGORY), &order)?;
    let sql = window.order_by(sql, &order).text(" LIMIT ").int(window.fetch());
    Ok(window.page(sql.load::<CategorySql, CategoryRow>(conn)?))
}

/// How many categories there are.
///
/// # Errors
/// What the database answers.
pub fn category_count(conn: &mut Conn) -> Result<i64, Error> {
    Ok(Sql::new("SELECT COUNT(*) FROM group_categories").first::<BigInt, i64>(conn)?.unwrap_or_default())
}

/// A category as written.
#[derive(Clone, Debug, Insertable, AsChangeset, serde::Serialize)]
#[diesel(table_name = group_categories, treat_none_as_null = true)]
pub struct WrittenCategory {
    pub external_id: Option<String>,
    pub name: String,
    pub sort_key: String,
}

/// Stores a new category and answers with its key.
///
/// # Errors
/// What the database answers; a name that is taken among it.
pub fn insert_category(conn: &mut Conn, written: &WrittenCategory) -> QueryResult<i64> {
    on!(conn, c => diesel::insert_into(group_categories::table)
        .values(written)
        .returning(group_categories::id)
        .get_result(c))
}

/// Overwrites a category.
///
/// # Errors
/// What the database answers; a name that is taken among it.
pub fn update_category(conn: &mut Conn, id: i64, written: &WrittenCategory) -> QueryResult<usize> {
    on!(conn, c => diesel::update(group_categories::table.find(id)).set(written).execute(c))
}

/// Removes a category that no group has.
///
/// # Errors
/// What the database answers; a group that has it among it.
pub fn delete_category(conn: &mut Conn, id: i64) -> QueryResult<usize> {
    on!(conn, c => diesel::delete(group_categories::table.find(id)).execute(c))
}

/// From which groups each group gets its members: its components, its source, and the group its filter names.
///
/// # Errors
/// What the database answers.
pub fn dependencies(conn: &mut Conn) -> Result<HashMap<i64, Vec<i64>>, Error> {
    let mut dependencies: HashMap<i64, Vec<i64>> = HashMap::new();
    let components = Sql::new("SELECT composite_id, component_id FROM group_components")
        .load::<(BigInt, BigInt), (i64, i64)>(conn)?;
    for (group, on) in components.into_iter().chain(pointers(conn, Pointer::Source)?) {
        dependencies.entry(group).or_default().push(on);
    }
    let filters = Sql::new("SELECT id, member_filter FROM groups WHERE member_filter IS NOT NULL")
        .load::<(BigInt, Text), (i64, String)>(conn)?;
    for (group, filter) in filters {
        dependencies.entry(group).or_default().extend(ParticipantFilter::read(group, &filter).current_group);
    }
    Ok(dependencies)
}

/// Whether the group has any membership, past and future ones included, annulled ones left out.
///
/// # Errors
/// What the database answers.
pub fn has_memberships(conn: &mut Conn, group: i64) -> Result<bool, Error> {
    let sql =
        Sql::new("SELECT id FROM memberships WHERE annulled_at IS NULL AND group_id = ").int(group).text(" LIMIT 1");
    Ok(sql.first::<BigInt, i64>(conn)?.is_some())
}
