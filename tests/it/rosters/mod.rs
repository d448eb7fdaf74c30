//! Rosters in EDEXML (P6, Y8): what they bring, what they leave alone, and what they cannot break.

mod adoption;
pub mod generator;
mod hands;
mod hostile;
mod keys;
mod memberships;
mod moves;
mod passed;
mod refusals;
mod shapes;
mod stays;
mod transitions;

use chrono::NaiveDate;
use diesel::sql_types::Text;
use kring::access::Viewer;
use kring::db::Sql;
use kring::exchange::bundle::BundleErrors;
use kring::exchange::edexml::{self, Roster};
use kring::exchange::import::roster::{RosterOptions, RosterReport, import_roster};
use kring::exchange::import::{Failure, Owner};
use kring::id::{self, Kind};
use kring::scope::{Clock, Scope};
use serde_json::{Value, json};

use crate::harness::{World, now, text};

/// The small roster that the documentation uses.
pub const SAMPLE: &str = include_str!("../../roster/de-wilg.xml");

pub fn read(xml: &str) -> Result<Roster, BundleErrors> {
    edexml::read_from(xml.as_bytes())
}

pub fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// A roster as it is written by hand: two classes of year 3, one of year 4 and a cross-year group.
#[derive(Clone)]
pub struct File {
    pub day: &'static str,
    pub made: &'static str,
    pub groups: String,
    pub pupils: String,
    pub teachers: String,
}

impl File {
    pub fn new(pupils: &[String]) -> Self {
        let class = |key: &str, year: u8| {
            format!("<groep key=\"{key}\"><naam>{key}</naam><jaargroep>{year}</jaargroep></groep>\n")
        };
        let groups = [class("3a", 3), class("3b", 3), class("4a", 4)].concat();
        let plus = "<samengestelde_groep key=\"plus\"><naam>Plus</naam></samengestelde_groep>";
        Self {
            day: "2026-09-14",
            made: "2026-09-14T20:00:00",
            groups: format!("{groups}{plus}"),
            pupils: pupils.join("\n"),
            teachers: String::new(),
        }
    }

    pub fn on(self, day: &'static str) -> Self {
        Self { day, ..self }
    }

    pub fn xml(&self) -> String {
        let Self { day, made, groups, pupils, teachers } = self;
        let day = if day.is_empty() { String::new() } else { format!("<peildatum>{day}</peildatum>") };
        format!(
            "<EDEX>\n<school>{day}<aanmaakdatum>{made}</aanmaakdatum></school>\n<groepen>\n{groups}</groepen>\n\
             <leerlingen>\n{pupils}</leerlingen>\n<leerkrachten>\n{teachers}</leerkrachten>\n</EDEX>\n"
        )
    }
}

/// A pupil by key and name, in a class.
pub fn pupil(key: &str, name: &str, class: &str) -> String {
    pupil_with(key, name, &format!("<geboortedatum>2018-05-02</geboortedatum><groep key=\"{class}\"/>"))
}

pub fn pupil_with(key: &str, name: &str, more: &str) -> String {
    let (first, last) = name.split_once(' ').unwrap();
    format!("<leerling key=\"{key}\"><achternaam>{last}</achternaam><roepnaam>{first}</roepnaam>{more}</leerling>\n")
}

pub fn teacher(key: &str, name: &str, class: &str) -> String {
    let (first, last) = name.split_once(' ').unwrap();
    format!(
        "<leerkracht key=\"{key}\"><achternaam>{last}</achternaam><roepnaam>{first}</roepnaam>\
         <groepen><groep key=\"{class}\"/></groepen></leerkracht>\n"
    )
}

/// Where rosters of one school come in.
pub struct Desk<'w> {
    pub world: &'w World,
    pub organization: String,
}

impl<'w> Desk<'w> {
    pub fn new(world: &'w World) -> Self {
        Self { world, organization: world.organization("De Wilg") }
    }

    pub fn options(&self) -> RosterOptions {
        RosterOptions::new(Owner::Id(id::decode_as(Kind::Participant, &self.organization).unwrap()))
    }

    pub fn scope(&self) -> Scope {
        Scope::new(Viewer::operator("kring import"), Clock::Fixed(now()), chrono_tz::Europe::Amsterdam)
    }

    pub fn try_import(&self, xml: &str, options: &RosterOptions) -> Result<RosterReport, Failure> {
        let roster = read(xml)?;
        import_roster(&self.world.db, &self.scope(), &roster, options, &mut |_| {})
    }

    pub fn import_with(&self, xml: &str, options: &RosterOptions) -> RosterReport {
        self.try_import(xml, options).unwrap_or_else(|failure| panic!("{failure}"))
    }

    pub fn import(&self, xml: &str) -> RosterReport {
        self.import_with(xml, &self.options())
    }

    /// The places and codes of a refusal, which leaves everything as it was.
    pub fn refused_with(&self, xml: &str, options: &RosterOptions) -> Vec<String> {
        let before = dump(self.world);
        let outcome = self.try_import(xml, options);
        assert_eq!(dump(self.world), before, "nothing of a refused roster is kept");
        match outcome {
            Err(Failure::Refused(errors)) => {
                errors.errors.iter().map(|error| format!("{} {}", error.at, error.code)).collect()
            }
            other => panic!("not refused: {other:?}"),
        }
    }

    pub fn refused(&self, xml: &str) -> Vec<String> {
        self.refused_with(xml, &self.options())
    }

    /// The groups of the school by name, with their year groups.
    pub fn groups(&self) -> Vec<(String, Value)> {
        let query = "query($of: ID!) { groups(first: 100, filter: { organizationId: $of, includeClosed: true }) { edges { node { name yearGroup } } } }";
        let data = self.world.data(query, json!({ "of": self.organization }));
        let edges = data["groups"]["edges"].as_array().unwrap();
        edges.iter().map(|edge| (text(&edge["node"]["name"]), edge["node"]["yearGroup"].clone())).collect()
    }

    pub fn group(&self, name: &str) -> String {
        let query = "query($of: ID!) { groups(first: 100, filter: { organizationId: $of, includeClosed: true }) { edges { node { id name } } } }";
        let data = self.world.data(query, json!({ "of": self.organization }));
        let edges = data["groups"]["edges"].as_array().unwrap();
        let found: Vec<_> = edges.iter().filter(|edge| edge["node"]["name"] == name).collect();
        assert_eq!(found.len(), 1, "groups called {name}");
        text(&found[0]["node"]["id"])
    }

    /// All memberships of a group: name, role, period, origin and status.
    pub fn memberships(&self, group: &str) -> Vec<String> {
        let query = "query($id: ID!) { group(id: $id) { memberships(first: 100, filter: { status: ANY }) { edges { node { \
                     participant { displayName } role startDate endDate origin status startReason { code } endReason { code } } } } } }";
        let data = self.world.data(query, json!({ "id": self.group(group) }));
        let edges = data["group"]["memberships"]["edges"].as_array().unwrap();
        let word = |value: &Value| value.as_str().unwrap_or("-").to_owned();
        let mut rows: Vec<String> = edges
            .iter()
            .map(|edge| {
                let node = &edge["node"];
                let words = [
                    word(&node["participant"]["displayName"]),
                    word(&node["role"]),
                    word(&node["startDate"]),
                    word(&node["startReason"]["code"]),
                    word(&node["endDate"]),
                    word(&node["endReason"]["code"]),
                    word(&node["origin"]),
                    word(&node["status"]),
                ];
                words.join(" ")
            })
            .collect();
        rows.sort();
        rows
    }

    /// The names of who is in a group today.
    pub fn members(&self, group: &str) -> Vec<String> {
        self.world.members(&self.group(group), None)
    }

    /// The people of the school: name, birth date, gender and e-mail.
    pub fn people(&self) -> Vec<Value> {
        let query = "query($of: ID!) { participants(first: 100, filter: { organizationId: $of, kinds: [PERSON] }) { edges { node { \
                     ... on Person { id displayName givenName namePrefix familyName birthDate gender email organization { id } } } } } }";
        let data = self.world.data(query, json!({ "of": self.organization }));
        data["participants"]["edges"].as_array().unwrap().iter().map(|edge| edge["node"].clone()).collect()
    }

    /// The id of the only person of that name.
    pub fn person(&self, name: &str) -> String {
        let found: Vec<Value> = self.people().into_iter().filter(|person| person["displayName"] == name).collect();
        assert_eq!(found.len(), 1, "people called {name}");
        text(&found[0]["id"])
    }
}

/// Every row of every table.
pub fn dump(world: &World) -> Vec<String> {
    world
        .db
        .read(|conn| {
            let postgres = world.is_postgres();
            let tables = if postgres {
                "SELECT table_name::text FROM information_schema.tables WHERE table_schema = current_schema() ORDER BY 1"
            } else {
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
            };
            let mut rows = Vec::new();
            for table in Sql::new(tables).load::<Text, String>(conn)? {
                let line = if postgres {
                    "t::text".to_owned()
                } else {
                    let columns = Sql::new("SELECT name FROM pragma_table_info(").string(table.clone()).text(")");
                    let columns = columns.load::<Text, String>(conn)?;
                    columns.iter().map(|column| format!("quote(\"{column}\")")).collect::<Vec<_>>().join(" || ' ' || ")
                };
                let sql = Sql::new(format!("SELECT {line} AS line FROM \"{table}\" t ORDER BY line"));
                rows.extend(sql.load::<Text, String>(conn)?.into_iter().map(|row| format!("{table} {row}")));
            }
            Ok(rows)
        })
        .unwrap()
}
