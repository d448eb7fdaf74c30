//! A school that was drawn, in a database: how it gets there, and how it is read.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Duration, NaiveDate, TimeZone, Utc};
use kring::access::{Role, Viewer};
use kring::db::{Conn, Sql};
use kring::error::Error;
use kring::groups::Settings;
use kring::groups::composition::{Composition, Mode};
use kring::id::{self, Kind};
use kring::members::causes;
use kring::scope::{Clock, Scope};
use serde_json::{Value, json};

use super::drawn::{Audience, Drawn, Exception, Fate, KINDS, RECORDS, State};
use super::rules::{End, LEFT, Row};
use crate::harness::{RUNTIME, World, now, text};

/// The school and the other organization; people are numbered on from here.
const SCHOOL: i64 = 1;
const ELSEWHERE: i64 = 2;

/// A drawn school in a database of its own. Keys are numbered from 1, as a fresh database hands them out.
pub struct Built<'d> {
    pub world: World,
    pub drawn: &'d Drawn,
    pub school: String,
}

fn number(n: usize) -> i64 {
    i64::try_from(n).unwrap()
}

pub fn person_key(n: usize) -> i64 {
    ELSEWHERE + 1 + number(n)
}

pub fn group_key(n: usize) -> i64 {
    1 + number(n)
}

pub fn person_id(n: usize) -> String {
    id::encode(Kind::Participant, person_key(n))
}

pub fn group_id(n: usize) -> String {
    id::encode(Kind::Group, group_key(n))
}

pub fn item_id(n: usize) -> String {
    id::encode(Kind::Content, 1 + number(n))
}

fn place(kind: Kind, first: i64, id: &Value) -> usize {
    usize::try_from(id::decode_as(kind, id.as_str().unwrap()).unwrap() - first).unwrap()
}

pub fn person_of(id: &Value) -> usize {
    place(Kind::Participant, ELSEWHERE + 1, id)
}

pub fn group_of(id: &Value) -> usize {
    place(Kind::Group, 1, id)
}

pub fn item_of(id: &Value) -> usize {
    place(Kind::Content, 1, id)
}

fn quoted(date: impl ToString) -> String {
    format!("'{}'", date.to_string())
}

const THEN: &str = "'2025-08-18 08:00:00.000000'";

fn insert(conn: &mut Conn, into: &str, rows: &[String]) -> Result<(), Error> {
    if !rows.is_empty() {
        Sql::new(format!("INSERT INTO {into} VALUES {}", rows.join(", "))).execute(conn)?;
    }
    Ok(())
}

impl<'d> Built<'d> {
    pub fn new(like: &World, drawn: &'d Drawn) -> Self {
        let world = if like.is_postgres() { World::postgres() } else { World::sqlite() };
        world
            .db
            .write(|conn| {
                participants(conn, drawn)?;
                groups(conn, drawn)?;
                memberships(conn, drawn)?;
                content(conn, drawn)?;
                records(conn, drawn)
            })
            .unwrap();
        let built = Self { world, drawn, school: id::encode(Kind::Participant, SCHOOL) };
        built.connect();
        built
    }

    /// Composites are composed and groups are fed by the gateway itself, a year ago.
    fn connect(&self) {
        let scope = Scope::new(
            Viewer::operator("Tester"),
            Clock::Fixed(Utc.with_ymd_and_hms(2025, 9, 10, 10, 0, 0).unwrap()),
            chrono_tz::Europe::Amsterdam,
        );
        for (n, group) in self.drawn.groups.iter().enumerate() {
            let write = |change: &dyn Fn(&mut Conn) -> Result<causes::Changed, Error>| {
                self.world.db.write(|conn| change(conn)).unwrap();
            };
            if !group.components.is_empty() {
                let mode = |included: bool| if included { Mode::Include } else { Mode::Exclude };
                let parts: Vec<(i64, Mode)> =
                    group.components.iter().map(|(part, included)| (group_key(*part), mode(*included))).collect();
                let composition = if group.all { Composition::All } else { Composition::Any };
                write(&|conn| causes::set_components(conn, &scope, group_key(n), Some(composition), &parts));
            }
        }
        for (n, group) in self.drawn.groups.iter().enumerate() {
            if let Some(source) = group.source.map(group_key) {
                let patch = Box::new(move |settings: &mut Settings| settings.source_group_id = Some(source));
                self.world.db.write(|conn| causes::update_group(conn, &scope, group_key(n), patch)).unwrap();
            }
        }
    }

    pub fn administrator(&self) -> String {
        self.world.token(Role::MembershipAdministrator, None, Some(&self.school))
    }

    /// Time goes on, so that what happens later is later.
    pub fn minutes_later(&mut self, minutes: i64) {
        let moment: DateTime<Utc> = now() + Duration::minutes(minutes);
        self.world.turn_clock(moment, chrono_tz::Europe::Amsterdam);
    }

    /// The plan as it is asked for.
    pub fn wanted(&self) -> Value {
        let moves = self.drawn.moves.iter().map(|planned| {
            json!({ "groupId": group_id(planned.group), "toGroupId": planned.to.map(group_id), "leaving": planned.to.is_none(),
                "includeLeaders": planned.leaders })
        });
        let exceptions = self.drawn.exceptions.iter().map(|Exception { person, group, fate }| {
            let to = if let Fate::Moves(to) = fate { Some(group_id(*to)) } else { None };
            json!({ "participantId": person_id(*person), "groupId": group.map(group_id), "toGroupId": to,
                "stays": *fate == Fate::Stays, "leaving": *fate == Fate::Leaves })
        });
        json!({ "organizationId": self.school, "fromSchoolYear": "2025-2026", "toSchoolYear": "2026-2027",
            "effectiveOn": self.drawn.effective, "moves": moves.collect::<Vec<_>>(), "exceptions": exceptions.collect::<Vec<_>>() })
    }

    /// All memberships: those by hand, and those that were derived as group, person, start and end.
    pub fn memberships(&self) -> (Vec<Row>, Vec<(usize, usize, NaiveDate, Option<NaiveDate>)>) {
        const QUERY: &str = "query($after: String) { memberships(first: 100, after: $after, filter: { status: ANY }) { \
            pageInfo { hasNextPage endCursor } edges { node { group { id } participant { id } startDate endDate endNote role origin \
            startReason { code } endReason { code } } } } }";
        let (mut by_hand, mut derived, mut after) = (Vec::new(), Vec::new(), Value::Null);
        loop {
            let page = self.world.data(QUERY, json!({ "after": after }))["memberships"].take();
            for edge in page["edges"].as_array().unwrap() {
                let node = &edge["node"];
                let (group, person) = (group_of(&node["group"]["id"]), person_of(&node["participant"]["id"]));
                let date = |field: &str| node[field].as_str().map(|text| text.parse::<NaiveDate>().unwrap());
                let (start, end) = (date("startDate").unwrap(), date("endDate"));
                let origin = known(&node["origin"]);
                if ["SOURCE_GROUP", "HOME_ADDRESS"].contains(&origin) {
                    derived.push((group, person, start, end));
                    continue;
                }
                let end: Option<End> = end.map(|date| {
                    let note = node["endNote"].as_str().map(|_| known(&node["endNote"]));
                    (date, known(&node["endReason"]["code"]), note)
                });
                let (leads, reason) = (node["role"] == "LEADER", known(&node["startReason"]["code"]));
                by_hand.push(Row { group, person, start, end, leads, origin, reason });
            }
            if page["pageInfo"]["hasNextPage"] != json!(true) {
                break;
            }
            after = page["pageInfo"]["endCursor"].clone();
        }
        by_hand.sort();
        derived.sort();
        (by_hand, derived)
    }

    /// What somebody is shown: the items, and by group what it shows, as far as it can be seen at all.
    pub fn shown_to(&self, person: usize) -> (BTreeSet<usize>, BTreeMap<usize, BTreeSet<usize>>) {
        const QUERY: &str = "query($items: [ID!]!, $groups: [ID!]!) { viewer { feed(first: 20) { totalCount edges { node { id } } } } \
            contents(first: 20) { totalCount edges { node { id } } } items: nodes(ids: $items) { id } \
            groups: nodes(ids: $groups) { ... on Group { id content(first: 20) { totalCount edges { node { id } } } } } }";
        let token = self.world.token(Role::Participant, Some(&person_id(person)), None);
        let ids = |number: usize, id: fn(usize) -> String| (0..number).map(id).collect::<Vec<_>>();
        let variables =
            json!({ "items": ids(self.drawn.items.len(), item_id), "groups": ids(self.drawn.groups.len(), group_id) });
        let found = self.world.data_as(&token, QUERY, variables);
        let listed = |list: &Value| -> BTreeSet<usize> {
            let edges = list["edges"].as_array().unwrap();
            assert_eq!(list["totalCount"], json!(edges.len()), "the count is that of the list");
            edges.iter().map(|edge| item_of(&edge["node"]["id"])).collect()
        };
        let feed = listed(&found["viewer"]["feed"]);
        assert_eq!(listed(&found["contents"]), feed, "the list shows what the feed shows");
        let single = found["items"].as_array().unwrap().iter().filter(|item| !item.is_null());
        assert_eq!(single.map(|item| item_of(&item["id"])).collect::<BTreeSet<_>>(), feed, "so do items by their ids");
        let groups = found["groups"].as_array().unwrap().iter().filter(|group| !group.is_null());
        (feed, groups.map(|group| (group_of(&group["id"]), listed(&group["content"]))).collect())
    }

    /// The effective members of some groups on a date.
    pub fn members(&self, groups: &[usize], on: NaiveDate) -> Vec<BTreeSet<usize>> {
        const QUERY: &str = "query($ids: [ID!]!, $on: Date) { nodes(ids: $ids) { ... on Group { effectiveMembers(first: 40, asOf: $on) { edges { node { id } } } } } }";
        let ids: Vec<String> = groups.iter().map(|group| group_id(*group)).collect();
        let found = self.world.data(QUERY, json!({ "ids": ids, "on": on }));
        let members = |group: &Value| {
            let edges = group["effectiveMembers"]["edges"].as_array().unwrap();
            edges.iter().map(|edge| person_of(&edge["node"]["id"])).collect()
        };
        found["nodes"].as_array().unwrap().iter().map(members).collect()
    }

    pub fn send(&self, token: &str, document: &str, operation: &str, variables: Value) -> Value {
        let body = json!({ "query": document, "operationName": operation, "variables": variables }).to_string();
        let (status, answer) = RUNTIME.block_on(self.world.send(World::post(Some(token), body)));
        assert_eq!(status, 200, "{answer}");
        let mut answer: Value = serde_json::from_str(&answer).unwrap();
        assert!(answer.get("errors").is_none(), "{answer:#}");
        answer["data"].take()
    }
}

/// One of the few texts that these schools know.
fn known(value: &Value) -> &'static str {
    const ALL: [&str; 14] = [
        "MANUAL",
        "YEAR_TRANSITION",
        "SOURCE_GROUP",
        "HOME_ADDRESS",
        "JOINED",
        "JOINED_SOURCE_GROUP",
        "LEFT",
        "LEFT_SOURCE_GROUP",
        "Verhuizing",
        "MOVED_GROUP",
        "SUBSCRIPTION",
        "SELF_SUBSCRIBED",
        "SELF_UNSUBSCRIBED",
        "TAKEN_OVER",
    ];
    let found = text(value);
    ALL.into_iter().find(|one| *one == found).unwrap_or_else(|| panic!("unknown: {found}"))
}

fn participants(conn: &mut Conn, drawn: &Drawn) -> Result<(), Error> {
    let organization =
        |name: &str| format!("('ORGANIZATION', '{name}', NULL, '{name}', '{name}', '{name}', NULL, {THEN}, {THEN})");
    let person = |n: usize| {
        let kept = if n < drawn.pupils + drawn.teachers { SCHOOL.to_string() } else { "NULL".to_owned() };
        format!("('PERSON', NULL, 'P{n}', 'P{n}', 'p{n:02}', 'p{n}', {kept}, {THEN}, {THEN})")
    };
    let rows: Vec<String> = [organization("School"), organization("Elders")]
        .into_iter()
        .chain((0..drawn.people_count()).map(person))
        .collect();
    let columns = "participants (kind, name, family_name, display_name, sort_key, search_text, organization_id, created_at, updated_at)";
    insert(conn, columns, &rows)?;
    let pair = |(child, guardian): &(usize, usize)| format!("({}, {})", person_key(*child), person_key(*guardian));
    insert(conn, "guardianships (child_id, guardian_id)", &drawn.pairs.iter().map(pair).collect::<Vec<_>>())
}

fn groups(conn: &mut Conn, drawn: &Drawn) -> Result<(), Error> {
    let group = |(n, group): (usize, &super::drawn::Group)| {
        let owner = if group.elsewhere { ELSEWHERE } else { SCHOOL };
        let year = group.year.map_or("NULL".to_owned(), |year| year.to_string());
        let subscription = if group.restricted.is_some() || group.source.is_some() { "TRUE" } else { "FALSE" };
        format!("('G{n}', 'g{n:02}', 'g{n}', {owner}, {year}, {subscription}, {THEN}, {THEN})")
    };
    let columns =
        "groups (name, sort_key, search_text, organization_id, year_group, subscription_group, created_at, updated_at)";
    insert(conn, columns, &drawn.groups.iter().enumerate().map(group).collect::<Vec<_>>())?;
    for (n, group) in drawn.groups.iter().enumerate() {
        if let Some(to) = group.restricted {
            let sql = Sql::new("UPDATE groups SET restricted_to_id = ").int(group_key(to)).text(" WHERE id = ");
            sql.int(group_key(n)).execute(conn)?;
        }
    }
    Ok(())
}

fn memberships(conn: &mut Conn, drawn: &Drawn) -> Result<(), Error> {
    let row = |one: &super::drawn::Membership| {
        let (end, reason, note) = match one.end {
            Some(end) => {
                let reason = format!("(SELECT id FROM end_reasons WHERE code = '{}')", LEFT.0);
                (quoted(end), reason, quoted(LEFT.1.unwrap_or_default()))
            }
            None => ("NULL".to_owned(), "NULL".to_owned(), "NULL".to_owned()),
        };
        let role = if one.leads { "LEADER" } else { "MEMBER" };
        let annulled = if one.annulled { THEN } else { "NULL" };
        let start = quoted(one.start);
        format!(
            "({}, {}, 'p{:02}', {start}, (SELECT id FROM start_reasons WHERE code = 'JOINED'), {end}, {reason}, {note}, '{role}', 'MANUAL', {annulled}, {THEN}, {THEN})",
            group_key(one.group),
            person_key(one.person),
            one.person
        )
    };
    let columns = "memberships (group_id, participant_id, member_key, start_date, start_reason_id, end_date, end_reason_id, end_note, role, origin, annulled_at, created_at, updated_at)";
    insert(conn, columns, &drawn.memberships.iter().map(row).collect::<Vec<_>>())?;
    let out = |(group, person): &(usize, usize)| {
        format!("({}, {}, '2025-08-18', {THEN})", group_key(*group), person_key(*person))
    };
    insert(
        conn,
        "opt_outs (group_id, participant_id, since, created_at)",
        &drawn.opt_outs.iter().map(out).collect::<Vec<_>>(),
    )
}

fn content(conn: &mut Conn, drawn: &Drawn) -> Result<(), Error> {
    const LATER: &str = "'2026-12-01 08:00:00.000000'";
    let at = |state: State| match state {
        State::Published => THEN,
        State::Scheduled => LATER,
        State::Withdrawn => "NULL",
    };
    let item = |(n, item): (usize, &super::drawn::Item)| {
        let owner = if item.elsewhere { ELSEWHERE } else { SCHOOL };
        let withdrawn = if item.state == State::Withdrawn { THEN } else { "NULL" };
        format!(
            "('{}', 'I{n}', 'i{n:02}', 'i{n}', '{{\"body\":\"x\",\"description\":\"x\"}}', {owner}, 'made', 'Maker', {}, {withdrawn}, {THEN}, {THEN})",
            KINDS[item.kind],
            at(item.state)
        )
    };
    let columns = "content (kind, title, sort_key, search_text, details, organization_id, author_key, author_name, published_at, withdrawn_at, created_at, updated_at)";
    insert(conn, columns, &drawn.items.iter().enumerate().map(item).collect::<Vec<_>>())?;
    let link = |n: usize, item: &super::drawn::Item, audience: &Audience| {
        let (audience, participant, group) = match audience {
            Audience::Everyone => ("EVERYONE", "NULL".to_owned(), "NULL".to_owned()),
            Audience::Organization => ("ORGANIZATION", SCHOOL.to_string(), "NULL".to_owned()),
            Audience::Participant(who) => ("PARTICIPANT", person_key(*who).to_string(), "NULL".to_owned()),
            Audience::Group(group) => ("GROUP", "NULL".to_owned(), group_key(*group).to_string()),
        };
        let gone = if item.state == State::Withdrawn {
            format!("{THEN}, 'Maker', 'WITHDRAWN'")
        } else {
            "NULL, NULL, NULL".to_owned()
        };
        format!(
            "({}, '{}', '{audience}', {participant}, {group}, {}, {THEN}, 'Maker', {gone})",
            1 + n,
            KINDS[item.kind],
            at(item.state)
        )
    };
    let links: Vec<String> = drawn
        .items
        .iter()
        .enumerate()
        .flat_map(|(n, item)| item.links.iter().map(move |audience| link(n, item, audience)))
        .collect();
    insert(
        conn,
        "content_links (content_id, kind, audience, participant_id, group_id, published_at, linked_at, linked_by, unlinked_at, unlinked_by, unlink_reason)",
        &links,
    )
}

fn records(conn: &mut Conn, drawn: &Drawn) -> Result<(), Error> {
    for (kind, (table, _)) in RECORDS.iter().enumerate() {
        let leave = *table == "leave_requests";
        let day = if leave { "from_date, until_date, reason" } else { "date" };
        let row = |record: &super::drawn::Record| {
            let date = quoted(record.date);
            let when = if leave { format!("{date}, {date}, 'Feest'") } else { date };
            format!(
                "({}, {}, {}, {when}, 'Ouder', {THEN})",
                person_key(record.person),
                group_key(record.group),
                record.year
            )
        };
        let rows: Vec<String> = drawn.records.iter().filter(|record| record.kind == kind).map(row).collect();
        insert(
            conn,
            &format!("{table} (participant_id, group_id, school_year, {day}, made_by_name, created_at)"),
            &rows,
        )?;
    }
    Ok(())
}
