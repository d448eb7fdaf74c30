//! Participants as rows.

use std::collections::HashMap;

use chrono::{NaiveDate, NaiveDateTime};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Date, Nullable, Text, Timestamp};

use super::filter::ParticipantFilter;
use super::place_store::{self, Looking};
use super::{Details, Gender, ParticipantKind, Place};
use crate::access::sight::Sight;
use crate::db::schema::{participants, residencies};
use crate::db::{Conn, Sql, on};
use crate::error::Error;
use crate::page::{Key, KeyType, Order, Page, Window, position};
use crate::text::{fold, postal_key};

/// What most lists show of a participant.
#[derive(Clone, Debug)]
pub struct ParticipantRow {
    pub id: i64,
    pub external_id: Option<String>,
    pub kind: ParticipantKind,
    pub given_name: Option<String>,
    pub name_prefix: Option<String>,
    pub family_name: Option<String>,
    pub display_name: String,
    pub sort_key: String,
    /// The rest, read only when a field of it is selected.
    pub more: Option<Box<More>>,
}

/// What the viewer may read of a participant besides the name.
#[derive(Clone, Copy, Debug, Queryable)]
pub struct Rights {
    /// What is personal.
    pub personal: bool,
    /// The e-mail address and the telephone number.
    pub contacts: bool,
    /// Where the participant lives.
    pub home: bool,
}

/// What few lists show of a participant, and what not every viewer may.
#[derive(Clone, Debug)]
pub struct More {
    /// What of it the viewer may read.
    pub rights: Rights,
    pub name: Option<String>,
    pub birth_date: Option<NaiveDate>,
    pub gender: Option<Gender>,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub place: Place,
    pub complex_number: Option<String>,
    pub dwelling_type: Option<String>,
    pub organization_id: Option<i64>,
    pub enforce_portal_settings: bool,
    pub shielded: bool,
    pub created_at: NaiveDateTime,
    pub updated_at: NaiveDateTime,
}

type BriefSql = (BigInt, Nullable<Text>, Text, Nullable<Text>, Nullable<Text>, Nullable<Text>, Text, Text);
type Brief = (i64, Option<String>, ParticipantKind, Option<String>, Option<String>, Option<String>, String, String);
type MoreSql = (
    (Bool, Bool, Bool),
    Nullable<Text>,
    Nullable<Date>,
    Nullable<Text>,
    Nullable<Text>,
    Nullable<Text>,
    (Nullable<Text>, Nullable<Text>, Nullable<Text>, Nullable<Text>, Nullable<Text>, Nullable<Text>, Nullable<Text>),
    (Nullable<BigInt>, Bool, Bool),
    Timestamp,
    Timestamp,
);
type Residence =
    (Option<String>, Option<String>, Option<String>, Option<String>, Option<String>, Option<String>, Option<String>);
type MoreTuple = (
    Rights,
    Option<String>,
    Option<NaiveDate>,
    Option<Gender>,
    Option<String>,
    Option<String>,
    Residence,
    (Option<i64>, bool, bool),
    NaiveDateTime,
    NaiveDateTime,
);

const BRIEF: &str =
    "SELECT p.id, p.external_id, p.kind, p.given_name, p.name_prefix, p.family_name, p.display_name, p.sort_key";
const MORE: &str = ", p.name, p.birth_date, p.gender, p.email, p.phone, p.street, p.house_number, p.postal_code, p.city, \
                    p.country, p.complex_number, p.dwelling_type, p.organization_id, p.enforce_portal_settings, p.shielded, p.created_at, p.updated_at";

impl ParticipantRow {
    fn brief(row: Brief) -> Self {
        let (id, external_id, kind, given_name, name_prefix, family_name, display_name, sort_key) = row;
        Self { id, external_id, kind, given_name, name_prefix, family_name, display_name, sort_key, more: None }
    }

    fn whole((brief, more): (Brief, MoreTuple)) -> Self {
        let (rights, name, birth_date, gender, email, phone, residence, keeping, created_at, updated_at) = more;
        let (organization_id, enforce_portal_settings, shielded) = keeping;
        let (street, house_number, postal_code, city, country, complex_number, dwelling_type) = residence;
        let more = More {
            rights,
            name,
            birth_date,
            gender,
            email,
            phone,
            place: Place { street, house_number, postal_code, city, country },
            complex_number,
            dwelling_type,
            organization_id,
            enforce_portal_settings,
            shielded,
            created_at,
            updated_at,
        };
        Self { more: Some(Box::new(more)), ..Self::brief(brief) }
    }
}

impl ParticipantRow {
    /// What is recorded, and when it was last changed; nothing unless the rest was read.
    pub fn into_details(self) -> Option<(ParticipantKind, Details, NaiveDateTime)> {
        let more = *self.more?;
        let details = Details {
            external_id: self.external_id,
            given_name: self.given_name,
            name_prefix: self.name_prefix,
            family_name: self.family_name,
            name: more.name,
            birth_date: more.birth_date,
            gender: more.gender,
            email: more.email,
            phone: more.phone,
            street: more.place.street,
            house_number: more.place.house_number,
            postal_code: more.place.postal_code,
            city: more.place.city,
            country: more.place.country,
            complex_number: more.complex_number,
            dwelling_type: more.dwelling_type,
            organization_id: more.organization_id,
            enforce_portal_settings: more.enforce_portal_settings,
            shielded: more.shielded,
        };
        Some((self.kind, details, more.updated_at))
    }
}

/// Runs `SELECT participant columns` + `tail`.
fn select(conn: &mut Conn, sight: &Sight, details: bool, tail: Sql) -> Result<Vec<ParticipantRow>, Error> {
    if details {
        let sql = sight.personal(Sql::new(BRIEF).text(", "), "p");
        let sql = sight.home(sight.contacts(sql.text(", "), "p").text(", "), "p").text(MORE).then(tail);
        let rows = sql.load::<(BriefSql, MoreSql), (Brief, MoreTuple)>(conn)?;
        Ok(rows.into_iter().map(ParticipantRow::whole).collect())
    } else {
        let rows = Sql::new(BRIEF).then(tail).load::<BriefSql, Brief>(conn)?;
        Ok(rows.into_iter().map(ParticipantRow::brief).collect())
    }
}

/// The participants with these keys that are within sight, in no order.
///
/// # Errors
/// What the database answers.
pub fn by_ids(conn: &mut Conn, sight: &Sight, details: bool, ids: &[i64]) -> Result<Vec<ParticipantRow>, Error> {
    let tail = match ids {
        [] => return Ok(Vec::new()),
        // The common look-up of one is spared the list.
        [id] => Sql::new(" FROM participants p WHERE p.id = ").int(*id),
        ids => Sql::new(" FROM participants p WHERE p.id").in_ids(ids),
    };
    select(conn, sight, details, sight.participants(tail, "p"))
}

/// The participants with these keys, out of sight or not, with nothing personal that may be read: whom they are told to is
/// the caller's to decide.
///
/// # Errors
/// What the database answers.
pub fn names_of(conn: &mut Conn, details: bool, ids: &[i64]) -> Result<Vec<ParticipantRow>, Error> {
    let tail = Sql::new(" FROM participants p WHERE p.id").in_ids(ids);
    select(conn, &Sight::default(), details, tail)
}

/// The names of participants, out of sight or not: whom they are told to is the caller's to decide.
///
/// # Errors
/// What the database answers.
pub fn display_names(conn: &mut Conn, ids: &[i64]) -> Result<HashMap<i64, String>, Error> {
    let sql = Sql::new("SELECT p.id, p.display_name FROM participants p WHERE p.id").in_ids(ids);
    Ok(sql.load::<(BigInt, Text), (i64, String)>(conn)?.into_iter().collect())
}

/// The order of participants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParticipantOrder {
    Name,
    CreatedAt,
}

impl ParticipantOrder {
    /// As expressions over `p`.
    pub fn order(self, descending: bool) -> Order {
        let columns: &'static [(&'static str, KeyType)] = match self {
            Self::Name => &[("p.sort_key", KeyType::Text), ("p.id", KeyType::Int)],
            Self::CreatedAt => &[("p.created_at", KeyType::Instant), ("p.id", KeyType::Int)],
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
    pub fn keys(self, row: &ParticipantRow) -> Vec<Key> {
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

/// A page of participants.
///
/// # Errors
/// `BadInput` for a cursor of another order; what the database answers.
pub fn page(
    conn: &mut Conn,
    sight: &Sight,
    details: bool,
    filter: &ParticipantFilter,
    today: NaiveDate,
    order: &Order,
    window: &Window,
) -> Result<Page<ParticipantRow>, Error> {
    let looking = place_store::for_first(conn, &filter.places())?;
    let mut tail = listed(sight, filter, today, looking);
    tail = window.conditions(tail, order)?;
    tail = window.order_by(tail, order).text(" LIMIT ").int(window.fetch());
    Ok(window.page(select(conn, sight, details, tail)?))
}

/// How many participants pass the filter.
///
/// # Errors
/// What the database answers.
pub fn count(conn: &mut Conn, sight: &Sight, filter: &ParticipantFilter, today: NaiveDate) -> Result<i64, Error> {
    let sql = Sql::new("SELECT COUNT(*)").then(listed(sight, filter, today, Looking::ByPlace));
    Ok(sql.first::<BigInt, i64>(conn)?.unwrap_or_default())
}

fn listed(sight: &Sight, filter: &ParticipantFilter, today: NaiveDate, looking: Looking) -> Sql {
    let mut tail = sight.participants(Sql::new(" FROM participants p WHERE 1 = 1"), "p");
    if filter.reads_personal_data() && !sight.is_unlimited() {
        tail = sight.personal(tail.text(" AND "), "p");
    }
    if filter.reads_homes() && !sight.is_unlimited() {
        tail = sight.home(tail.text(" AND "), "p");
    }
    filter.conditions_looking(tail, sight, today, looking)
}

/// A participant as written.
#[derive(Clone, Debug, Insertable, AsChangeset, serde::Serialize)]
#[diesel(table_name = participants, treat_none_as_null = true)]
pub struct Written {
    pub external_id: Option<String>,
    pub kind: ParticipantKind,
    pub given_name: Option<String>,
    pub name_prefix: Option<String>,
    pub family_name: Option<String>,
    pub name: Option<String>,
    pub birth_date: Option<NaiveDate>,
    pub gender: Option<Gender>,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub street: Option<String>,
    pub house_number: Option<String>,
    pub postal_code: Option<String>,
    pub city: Option<String>,
    pub country: Option<String>,
    pub complex_number: Option<String>,
    pub dwelling_type: Option<String>,
    pub organization_id: Option<i64>,
    pub enforce_portal_settings: bool,
    pub shielded: bool,
    pub display_name: String,
    pub sort_key: String,
    pub search_text: String,
    pub email_key: Option<String>,
    pub postal_key: Option<String>,
    pub city_key: Option<String>,
    pub complex_key: Option<String>,
    pub dwelling_key: Option<String>,
    pub updated_at: NaiveDateTime,
}

impl Written {
    /// Fills in what follows from the rest.
    pub fn new(kind: ParticipantKind, details: Details, now: NaiveDateTime) -> Self {
        Self {
            display_name: details.display_name(kind),
            sort_key: details.sort_key(kind),
            search_text: details.search_text(kind),
            email_key: details.email.as_deref().map(fold),
            postal_key: details.postal_code.as_deref().map(postal_key),
            city_key: details.city.as_deref().map(fold),
            complex_key: details.complex_number.as_deref().map(fold),
            dwelling_key: details.dwelling_type.as_deref().map(fold),
            external_id: details.external_id,
            kind,
            given_name: details.given_name,
            name_prefix: details.name_prefix,
            family_name: details.family_name,
            name: details.name,
            birth_date: details.birth_date,
            gender: details.gender,
            email: details.email,
            phone: details.phone,
            street: details.street,
            house_number: details.house_number,
            postal_code: details.postal_code,
            city: details.city,
            country: details.country,
            complex_number: details.complex_number,
            dwelling_type: details.dwelling_type,
            organization_id: details.organization_id,
            enforce_portal_settings: details.enforce_portal_settings,
            shielded: details.shielded,
            updated_at: now,
        }
    }
}

/// Stores a new participant and answers with its key.
///
/// # Errors
/// What the database answers.
pub fn insert(conn: &mut Conn, written: &Written) -> QueryResult<i64> {
    let created = participants::created_at.eq(written.updated_at);
    on!(conn, c => diesel::insert_into(participants::table)
        .values((written, created))
        .returning(participants::id)
        .get_result(c))
}

/// Overwrites a participant.
///
/// # Errors
/// What the database answers.
pub fn update(conn: &mut Conn, id: i64, written: &Written) -> QueryResult<usize> {
    on!(conn, c => diesel::update(participants::table.find(id)).set(written).execute(c))
}

/// What is stored of a participant, locked until the transaction ends.
///
/// # Errors
/// What the database answers.
pub fn lock(conn: &mut Conn, id: i64) -> Result<Option<(ParticipantKind, Details)>, Error> {
    let sql = Sql::new(BRIEF)
        .text(", (1 = 1), (1 = 1), (1 = 1)")
        .text(MORE)
        .text(" FROM participants p WHERE p.id = ")
        .int(id);
    let sql = sql.text(conn.dialect().for_update());
    let row = sql.first::<(BriefSql, MoreSql), (Brief, MoreTuple)>(conn)?.map(ParticipantRow::whole);
    Ok(row.and_then(|row| row.into_details().map(|(kind, details, _)| (kind, details))))
}

/// Whether an organization's groups keep to their portal settings (G2).
///
/// # Errors
/// What the database answers.
pub fn enforces_portal_settings(conn: &mut Conn, organization: i64) -> Result<bool, Error> {
    let sql = Sql::new("SELECT enforce_portal_settings FROM participants WHERE id = ").int(organization);
    Ok(sql.first::<Bool, bool>(conn)?.unwrap_or_default())
}

/// A participant's registration at an address.
#[derive(Clone, Debug, Queryable)]
pub struct ResidencyRow {
    pub id: i64,
    pub participant_id: i64,
    pub address_id: i64,
    pub start_date: NaiveDate,
    pub end_date: Option<NaiveDate>,
}

type ResidencySql = (BigInt, BigInt, BigInt, Date, Nullable<Date>);
const RESIDENCY: &str = "SELECT r.id, r.participant_id, r.address_id, r.start_date, r.end_date FROM residencies r \
                         JOIN participants p ON p.id = r.participant_id WHERE ";

/// Which side of a residency or a guardianship is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The one who lives there; the child.
    Dependant,
    /// The address; the guardian.
    Anchor,
}

/// The residencies of these participants, or at these addresses, newest first, of people of whom the viewer may read where
/// they live.
///
/// # Errors
/// What the database answers.
pub fn residencies(conn: &mut Conn, sight: &Sight, of: Side, ids: &[i64]) -> Result<Vec<ResidencyRow>, Error> {
    let column = if of == Side::Dependant { "r.participant_id" } else { "r.address_id" };
    let sql = Sql::new(RESIDENCY).text(column).in_ids(ids).text(" AND ");
    let sql = sight.home(sql, "p").text(" ORDER BY r.start_date DESC, r.id DESC");
    Ok(sql.load::<ResidencySql, ResidencyRow>(conn)?)
}

/// The residencies with these keys that are within sight.
///
/// # Errors
/// What the database answers.
pub fn residencies_by_ids(conn: &mut Conn, sight: &Sight, ids: &[i64]) -> Result<Vec<ResidencyRow>, Error> {
    let sql = sight.home(Sql::new(RESIDENCY).text("r.id").in_ids(ids).text(" AND "), "p");
    Ok(sql.load::<ResidencySql, ResidencyRow>(conn)?)
}

/// Registers a residency.
///
/// # Errors
/// What the database answers, an overlap among it.
pub fn insert_residency(
    conn: &mut Conn,
    participant: i64,
    address: i64,
    start: NaiveDate,
    end: Option<NaiveDate>,
) -> QueryResult<i64> {
    on!(conn, c => diesel::insert_into(residencies::table)
        .values((
            residencies::participant_id.eq(participant),
            residencies::address_id.eq(address),
            residencies::start_date.eq(start),
            residencies::end_date.eq(end),
        ))
        .returning(residencies::id)
        .get_result(c))
}

/// The residency with this key, locked until the transaction ends.
///
/// # Errors
/// What the database answers.
pub fn lock_residency(conn: &mut Conn, id: i64) -> Result<Option<ResidencyRow>, Error> {
    let sql = Sql::new(
        "SELECT r.id, r.participant_id, r.address_id, r.start_date, r.end_date FROM residencies r WHERE r.id = ",
    )
    .int(id)
    .text(conn.dialect().for_update());
    Ok(sql.first::<ResidencySql, ResidencyRow>(conn)?)
}

/// Ends a residency.
///
/// # Errors
/// What the database answers.
pub fn end_residency(conn: &mut Conn, id: i64, end: Option<NaiveDate>) -> QueryResult<usize> {
    on!(conn, c => diesel::update(residencies::table.find(id)).set(residencies::end_date.eq(end)).execute(c))
}
