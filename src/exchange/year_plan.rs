//! A plan for the transition to the next school year as a CSV file.
//!
//! Columns: `group`, `participant`, `to_group`, `include_leaders`; the last two of a row may be left out of the file. A row
//! without a participant says where the members of a group go: to a group, or `LEAVING`. A row with one says of whom it is
//! otherwise: a group, `STAYS` or `LEAVING`; without a group it holds in every group of the plan. Groups and participants
//! are named by their external ids or the ids that the API prints, groups also by their names.

use std::collections::{HashMap, HashSet};
use std::io::Read;

use diesel::sql_types::{BigInt, Nullable, Text};
use serde::Deserialize;

use crate::access::sight::people_of;
use crate::db::{Conn, Sql};
use crate::error::{Code, Error, Rejection};
use crate::id::{self, Kind};
use crate::people::named_store::Whose;
use crate::text::{Fault, fold, line_fault, tidy_line};
use crate::year::{Exception, Move, Outcome};

/// The most faults that are told at once.
const MAX_FAULTS: usize = 100;
/// How many names are looked up at a time.
const CHUNK: usize = 1_000;
const LEAVING: &str = "LEAVING";
const STAYS: &str = "STAYS";

/// One row.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Row {
    group: String,
    participant: String,
    to_group: String,
    include_leaders: Option<bool>,
}

impl Row {
    /// The row as texts are kept everywhere: without what cannot be seen, and with nothing that no line may hold (G10).
    fn tidy(self) -> Result<Self, String> {
        let tidy = |column: &str, value: &str| match line_fault(value) {
            None => Ok(tidy_line(value)),
            Some(Fault::LineBreak) => Err(format!("{column} holds a line break")),
            Some(Fault::Control(c)) => Err(format!("{column} holds U+{:04X}, a control character", u32::from(c))),
            Some(Fault::Direction(c)) => {
                Err(format!("{column} holds U+{:04X}, which turns the direction of reading", u32::from(c)))
            }
        };
        Ok(Self {
            group: tidy("group", &self.group)?,
            participant: tidy("participant", &self.participant)?,
            to_group: tidy("to_group", &self.to_group)?,
            include_leaders: self.include_leaders,
        })
    }
}

/// What a file says, in keys.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Lines {
    pub moves: Vec<Move>,
    pub exceptions: Vec<Exception>,
    /// In which lines these stand.
    pub places: Places,
}

/// The lines of moves and of exceptions, in their order.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Places {
    moves: Vec<(u64, String)>,
    exceptions: Vec<(u64, String)>,
}

impl Places {
    /// What is wrong with a plan, with the line of the file in which it stands and whom that is about.
    pub fn locate(&self, error: Error) -> Error {
        let Error::Rejected(rejections) = error else { return error };
        Error::Rejected(
            rejections
                .into_iter()
                .map(|rejection| match self.of(&rejection.field) {
                    Some((line, about)) => {
                        Rejection { message: format!("Line {line} ({about}): {}", rejection.message), ..rejection }
                    }
                    None => rejection,
                })
                .collect(),
        )
    }

    fn of(&self, field: &[String]) -> Option<&(u64, String)> {
        let [_, part, place, ..] = field else { return None };
        let places = match part.as_str() {
            "moves" => &self.moves,
            "exceptions" => &self.exceptions,
            _ => return None,
        };
        places.get(place.parse::<usize>().ok()?)
    }
}

/// Reads a file and finds the groups and participants that it names among those of an organization.
///
/// # Errors
/// A rejection for each row that cannot be read or names what is not there, with its line.
pub fn read(conn: &mut Conn, organization: i64, input: impl Read) -> Result<Lines, Error> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(input);
    let mut faults = Faults::default();
    let mut rows = Vec::new();
    // Spreadsheets in Dutch write semicolons.
    if reader.headers().is_ok_and(|header| header.len() == 1 && header.iter().any(|name| name.contains([';', '\t']))) {
        faults.add(1, "the fields are not separated by commas".to_owned());
        return faults.done().map(|()| Lines::default());
    }
    let header = reader.headers().cloned().unwrap_or_default();
    for record in reader.records() {
        let line = |position: Option<&csv::Position>| position.map_or(0, csv::Position::line);
        match record.and_then(|record| Ok((line(record.position()), record.deserialize::<Row>(Some(&header))?))) {
            Ok((line, row)) => match row.tidy() {
                Ok(row) => rows.push((line, row)),
                Err(fault) => faults.add(line, fault),
            },
            Err(error) => {
                faults.add(line(error.position()), format!("it cannot be read: {error}"));
                break;
            }
        }
    }
    let names = Names::load(conn, organization, &rows)?;
    let mut lines = Lines::default();
    for (line, row) in &rows {
        match names.line(row) {
            Ok(Line::Move(planned)) => {
                lines.moves.push(planned);
                lines.places.moves.push((*line, row.group.clone()));
            }
            Ok(Line::Exception(exception)) => {
                let about = [row.participant.as_str(), row.group.as_str()].join(" ");
                lines.exceptions.push(exception);
                lines.places.exceptions.push((*line, about.trim().to_owned()));
            }
            Err(fault) => faults.add(*line, fault),
        }
    }
    faults.done().map(|()| lines)
}

/// The group of an organization that is called so.
///
/// # Errors
/// A rejection when there is none, or several.
pub fn group(conn: &mut Conn, organization: i64, name: &str) -> Result<i64, Error> {
    let found = Names::load(conn, organization, &[])?.group(name);
    found.map_err(|fault| Error::rejected(Code::NotFound, format!("No links were made: {fault}.")))
}

enum Line {
    Move(Move),
    Exception(Exception),
}

#[derive(Default)]
struct Faults(Vec<Rejection>);

impl Faults {
    fn add(&mut self, line: u64, fault: String) {
        if self.0.len() < MAX_FAULTS {
            self.0.push(Rejection::new(Code::InvalidValue, format!("Line {line}: {fault}.")));
        }
    }

    fn done(self) -> Result<(), Error> {
        if self.0.is_empty() { Ok(()) } else { Err(Error::Rejected(self.0)) }
    }
}

/// The groups and participants of an organization, by what a file calls them.
#[derive(Default)]
struct Names {
    /// Every group of the organization.
    group_ids: HashSet<i64>,
    groups: HashMap<String, Vec<i64>>,
    /// By what names are compared by (G10).
    by_name: HashMap<String, Vec<i64>>,
    /// Those of the organization's people whom the file names by the ids that the API prints.
    people: HashSet<i64>,
    participants: HashMap<String, Vec<i64>>,
    /// External ids that only records of other organizations have.
    elsewhere: HashSet<String>,
}

impl Names {
    fn load(conn: &mut Conn, organization: i64, rows: &[(u64, Row)]) -> Result<Self, Error> {
        let groups = Sql::new("SELECT g.id, g.external_id, g.name FROM groups g WHERE g.organization_id = ")
            .int(organization)
            .text(" ORDER BY g.id")
            .load::<(BigInt, Nullable<Text>, Text), (i64, Option<String>, String)>(conn)?;
        let mut found = Self::default();
        for (id, external_id, name) in groups {
            found.group_ids.insert(id);
            found.by_name.entry(fold(&name)).or_default().push(id);
            if let Some(external_id) = external_id {
                found.groups.insert(external_id, vec![id]);
            }
        }
        let wanted = rows.iter().map(|(_, row)| &row.participant).filter(|name| !name.is_empty());
        let (keys, names): (Vec<&String>, Vec<&String>) = wanted.partition(|name| id::decode(name).is_some());
        let keys: Vec<i64> = keys.into_iter().filter_map(|name| id::decode_as(Kind::Participant, name)).collect();
        for keys in keys.chunks(CHUNK) {
            let sql = Sql::new("SELECT p.id FROM participants p WHERE p.id").in_ids(keys);
            let sql = people_of(sql.text(" AND "), "p", &[organization]);
            found.people.extend(sql.load::<BigInt, i64>(conn)?);
        }
        let names: Vec<String> = names.into_iter().cloned().collect();
        for names in names.chunks(CHUNK) {
            found.load_people(conn, organization, names)?;
        }
        Ok(found)
    }

    /// External ids are the organization's own, or those of records that nobody keeps.
    fn load_people(&mut self, conn: &mut Conn, organization: i64, names: &[String]) -> Result<(), Error> {
        let sql = Sql::new("SELECT p.id, p.external_id, p.organization_id FROM participants p WHERE p.external_id");
        let sql = people_of(sql.in_strings(names).text(" AND "), "p", &[organization]);
        let mut nearest: HashMap<String, (u8, i64)> = HashMap::new();
        let rows = sql.load::<(BigInt, Text, Nullable<BigInt>), (i64, String, Option<i64>)>(conn)?;
        for (id, external_id, keeper) in rows {
            let Some(nearness) = Whose::Of(organization).nearness(id, keeper) else {
                self.elsewhere.insert(external_id);
                continue;
            };
            let best = nearest.entry(external_id).or_insert((nearness, id));
            *best = (*best).max((nearness, id));
        }
        self.participants.extend(nearest.into_iter().map(|(name, (_, id))| (name, vec![id])));
        Ok(())
    }

    fn group(&self, name: &str) -> Result<i64, String> {
        if id::decode(name).is_some() {
            let id = id::decode_as(Kind::Group, name).filter(|id| self.group_ids.contains(id));
            return id.ok_or_else(|| format!("the organization has no group with the id \"{name}\""));
        }
        match self.groups.get(name) {
            Some(_) => one(&self.groups, name, name, "group"),
            None => one(&self.by_name, &fold(name), name, "group"),
        }
    }

    fn participant(&self, name: &str) -> Result<i64, String> {
        if id::decode(name).is_some() {
            let id = id::decode_as(Kind::Participant, name).filter(|id| self.people.contains(id));
            return id.ok_or_else(|| format!("the organization has no participant with the id \"{name}\""));
        }
        if !self.participants.contains_key(name) && self.elsewhere.contains(name) {
            return Err(format!(
                "\"{name}\" is no external id of the organization's own; whom another organization keeps is named by the id \
                 that the API prints"
            ));
        }
        one(&self.participants, name, name, "participant")
    }

    fn line(&self, row: &Row) -> Result<Line, String> {
        let group_id = if row.group.is_empty() { None } else { Some(self.group(&row.group)?) };
        let (outcome, to_group_id) = match row.to_group.as_str() {
            "" => return Err("it does not say where to".to_owned()),
            LEAVING => (Outcome::Leaves, None),
            STAYS => (Outcome::Stays, None),
            name => (Outcome::Moves, Some(self.group(name)?)),
        };
        if !row.participant.is_empty() {
            if row.include_leaders.is_some() {
                return Err("whether leaders go along is said of groups only".to_owned());
            }
            let participant_id = self.participant(&row.participant)?;
            return Ok(Line::Exception(Exception { participant_id, group_id, outcome, to_group_id }));
        }
        let group_id = group_id.ok_or_else(|| "it names neither a group nor a participant".to_owned())?;
        // Staying together is going to the same group.
        let to_group_id = if outcome == Outcome::Stays { Some(group_id) } else { to_group_id };
        let with_leaders = row.include_leaders.unwrap_or_default();
        Ok(Line::Move(Move { group_id, to_group_id, with_leaders }))
    }
}

fn one(names: &HashMap<String, Vec<i64>>, key: &str, name: &str, what: &str) -> Result<i64, String> {
    match names.get(key).map(Vec::as_slice) {
        Some([id]) => Ok(*id),
        Some([_, _, ..]) => Err(format!("there are several {what}s called \"{name}\"; use the external id")),
        _ => Err(format!("the organization has no {what} called \"{name}\"")),
    }
}
