//! Content for the organizations of the demo: something of every kind, for the audiences that it has.

use chrono::{Duration, NaiveDateTime};
use diesel::sql_types::BigInt;
use serde::Deserialize;
use serde_json::Value;

use crate::content::Availability;
use crate::content::commands::{self, Wanted};
use crate::content::kind::{ContentKind, Details};
use crate::content::kinds::conversation_round::Slot;
use crate::db::{Conn, Sql};
use crate::error::Error;
use crate::groups::store::CompositionCache;
use crate::scope::Scope;

/// What there is, the oldest first. Moments are written as `in 24 hours`.
const ITEMS: &str = include_str!("demo/content.json");

/// One item; organizations and groups by their external ids.
#[derive(Deserialize)]
struct Item {
    organization: String,
    #[serde(default)]
    everyone: bool,
    #[serde(default)]
    whole: bool,
    #[serde(default)]
    staff: bool,
    #[serde(default)]
    groups: Vec<String>,
    kind: ContentKind,
    title: String,
    details: Value,
}

/// Makes and publishes the content of the demo, unless there is content already.
///
/// # Errors
/// What the database answers.
pub fn fill(conn: &mut Conn, scope: &Scope) -> Result<(), Error> {
    let there = Sql::new("SELECT COUNT(*) FROM content").first::<BigInt, i64>(conn)?.unwrap_or_default();
    if there > 0 {
        return Ok(());
    }
    let items: Vec<Item> = serde_json::from_str(ITEMS).map_err(|error| Error::internal(error.to_string()))?;
    let cache = CompositionCache::default();
    // Each a minute after the one before, so that the feed has an order.
    let mut now = scope.now - Duration::minutes(i64::try_from(items.len()).unwrap_or(0));
    for item in items {
        now += Duration::minutes(1);
        make(conn, &Scope { now, ..scope.clone() }, &cache, item)?;
    }
    Ok(())
}

fn make(conn: &mut Conn, scope: &Scope, cache: &CompositionCache, mut item: Item) -> Result<(), Error> {
    for value in item.details.as_object_mut().into_iter().flat_map(serde_json::Map::values_mut) {
        if let Some(moment) = value.as_str().and_then(|text| from_now(text, scope.instant())) {
            *value = serde_json::to_value(moment).map_err(|error| Error::internal(error.to_string()))?;
        }
    }
    let mut details = Details::parse(item.kind, &item.details.to_string())?;
    if let Details::ConversationRound(round) = &mut details {
        round.slots = slots(scope.instant());
    }
    let wanted =
        Wanted { title: item.title, details, organization_id: Some(find(conn, "participants", &item.organization)?) };
    let id = commands::create(conn, scope, cache, &wanted)?;
    let availability = Availability {
        everyone: item.everyone,
        organization: item.whole,
        staff: item.staff,
        groups: item.groups.iter().map(|group| find(conn, "groups", group)).collect::<Result<_, _>>()?,
        participants: Vec::new(),
    };
    commands::publish(conn, scope, cache, id, &availability, None)?;
    Ok(())
}

/// Talks of ten minutes, ten days from now.
fn slots(now: NaiveDateTime) -> Vec<Slot> {
    let first = now + Duration::days(10);
    let slot = |n: i64| Slot {
        starts_at: first + Duration::minutes(n * 10),
        ends_at: first + Duration::minutes(n * 10 + 10),
        location: Some("Lokaal 2".to_owned()),
    };
    (0..6).map(slot).collect()
}

fn from_now(text: &str, now: NaiveDateTime) -> Option<NaiveDateTime> {
    let hours = text.strip_prefix("in ")?.strip_suffix(" hours")?.parse().ok()?;
    Some(now + Duration::hours(hours))
}

pub(super) fn find(conn: &mut Conn, table: &'static str, external_id: &str) -> Result<i64, Error> {
    let sql = Sql::new("SELECT id FROM ").text(table).text(" WHERE external_id = ").string(external_id);
    sql.first::<BigInt, i64>(conn)?.ok_or_else(|| Error::internal(format!("{external_id} is not in the demo")))
}
