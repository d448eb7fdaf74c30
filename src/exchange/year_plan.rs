//! A plan for the transition to the next school year as a CSV file.
//!
//! Columns: `group`, `participant`, `to_group`, `include_leaders`; the last two of a row may be left out of the file. A row
//! without a participant says where the members of a group go: to a group, or `LEAVING`. A row with one says of whom it is
//! otherwise: a group, `STAYS` or `LEAVING`; without a group it holds in every group of the plan. Groups and participants
//! are named by their external ids, groups also by their names.

use std::collections::HashMap;
use std::io::Read;

use diesel::sql_types::{BigInt, Nullable, Text};
use serde::Deserialize;

use crate::db::{Conn, Sql};
use crate::error::{Code, Error, Rejection};
use crate::year::{Exception, Move, Outcome};

/// The most faults that are told at once.
const MAX_FAULTS: usize = 100;
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
            Ok(row) => rows.push(row),
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
    groups: HashMap<String, Vec<i64>>,
    by_name: HashMap<String, Vec<i64>>,
    participants: HashMap<String, Vec<i64>>,
}

impl Names {
    fn load(conn: &mut Conn, organization: i64, rows: &[(u64, Row)]) -> Result<Self, Error> {
        let groups = Sql::new("SELECT g.id, g.external_id, g.name FROM groups g WHERE g.organization_id = ")
            .int(organization)
            .text(" ORDER BY g.id")
            .load::<(BigInt, Nullable<Text>, Text), (i64, Option<String>, String)>(conn)?;
        let mut found = Self::default();
        for (id, external_id, name) in groups {
            found.by_name.entry(name).or_default().push(id);
            if let Some(external_id) = external_id {
                found.groups.insert(external_id, vec![id]);
            }
        }
        let wanted: Vec<String> =
            rows.iter().map(|(_, row)| row.participant.clone()).filter(|name| !name.is_empty()).collect();
        if !wanted.is_empty() {
            let sql =
                Sql::new("SELECT p.id, p.external_id FROM participants p WHERE p.external_id").in_strings(&wanted);
            let sql = crate::access::sight::people_of(sql.text(" AND "), "p", &[organization]);
            for (id, external_id) in sql.load::<(BigInt, Text), (i64, String)>(conn)? {
                found.participants.entry(external_id).or_default().push(id);
            }
        }
        Ok(found)
    }

    fn group(&self, name: &str) -> Result<i64, String> {
        let names = if self.groups.contains_key(name) { &self.groups } else { &self.by_name };
        one(names, name, "group")
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
            let participant_id = one(&self.participants, &row.participant, "participant")?;
            return Ok(Line::Exception(Exception { participant_id, group_id, outcome, to_group_id }));
        }
        let group_id = group_id.ok_or_else(|| "it names neither a group nor a participant".to_owned())?;
        // Staying together is going to the same group.
        let to_group_id = if outcome == Outcome::Stays { Some(group_id) } else { to_group_id };
        let with_leaders = row.include_leaders.unwrap_or_default();
        Ok(Line::Move(Move { group_id, to_group_id, with_leaders }))
    }
}

fn one(names: &HashMap<String, Vec<i64>>, name: &str, what: &str) -> Result<i64, String> {
    match names.get(name).map(Vec::as_slice) {
        Some([id]) => Ok(*id),
        Some([_, _, ..]) => Err(format!("there are several {what}s called \"{name}\"; use the external id")),
        _ => Err(format!("the organization has no {what} called \"{name}\"")),
    }
}
