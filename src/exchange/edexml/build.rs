//! Markup into drafts of groups and people.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::Read;
use std::sync::Arc;

use super::check::Keys;
use super::grammar::{Field, Node};
use super::input::Fault;
use super::model::{Group, GroupKind, Person, PersonKind, Reference, Roster, School, Stated};
use super::scan::{Piece, Scanner, Tag};
use super::{FILE, check, values};
use crate::check::{LABEL, NAME};
use crate::exchange::bundle::{
    At, BundleErrors, ErrorCode, Log, Problem, Shown, Warning, WarningCode, email, line, prose,
};
use crate::school::year::SchoolYear;

/// How deeply elements may stand within each other; a roster in a message takes eight.
const DEPTH: usize = 32;
/// How many unknown elements and attributes are named.
const UNKNOWN: usize = 100;

/// The text of one element.
#[derive(Debug, Default)]
struct Text {
    at: Option<At>,
    value: String,
    characters: usize,
}

/// An element that is being read: its key and the texts of its fields.
#[derive(Debug)]
struct Draft {
    at: At,
    key: Option<Arc<str>>,
    eck_id: Option<String>,
    fields: HashMap<Field, Text>,
    references: Vec<Reference>,
}

impl Draft {
    fn new(at: At) -> Self {
        Self { at, key: None, eck_id: None, fields: HashMap::new(), references: Vec::new() }
    }

    /// What was said of a field, as `read` understands it.
    fn take<T>(&mut self, field: Field, log: &mut Log, read: impl FnOnce(&str) -> Result<T, Problem>) -> Stated<T> {
        let Some(text) = self.fields.remove(&field) else { return Stated::Unsaid };
        let value = text.value.trim();
        if value.is_empty() {
            return Stated::Empty;
        }
        match read(value) {
            Ok(value) => Stated::Is(value),
            Err(problem) => {
                log.report(text.at.unwrap_or(self.at), problem.code, problem.message);
                Stated::Unsaid
            }
        }
    }

    fn line(&mut self, field: Field, limit: usize, log: &mut Log) -> Stated<String> {
        self.take(field, log, |text| line(text, limit).map(ToOwned::to_owned))
    }
}

/// Reads a file into a roster.
#[derive(Default)]
pub(super) struct Builder {
    log: Log,
    open: Vec<Node>,
    /// What the roster, a group or a person that is open says so far.
    draft: Option<Draft>,
    /// The field that is open.
    text: Option<(Field, Text)>,
    school: Option<School>,
    roster: Option<At>,
    pupils: bool,
    groups: Vec<Group>,
    people: Vec<Person>,
    keys: Keys,
    texts: HashSet<Arc<str>>,
    unknown: BTreeMap<String, (At, u64)>,
}

impl Builder {
    /// Reads all of `input`, or as far as it can be read.
    pub(super) fn read(&mut self, input: impl Read, limit: u64) {
        let mut scanner = Scanner::new(input, limit);
        loop {
            let outcome = match scanner.next() {
                Ok((at, piece)) => match piece {
                    Piece::Open(tag) => self.open(at, &tag).map_err(|fault| (at, fault)),
                    Piece::Close => {
                        self.close();
                        Ok(())
                    }
                    Piece::Text(text) => self.text(at, &text).map_err(|fault| (at, fault)),
                    Piece::End => match self.open.len() {
                        0 => return,
                        _ => {
                            Err((at, Fault::new(ErrorCode::MalformedXml, "the file ends in the middle of an element")))
                        }
                    },
                },
                Err(fault) => Err(fault),
            };
            if let Err((at, fault)) = outcome {
                self.log.report(at, fault.code, fault.message);
                return;
            }
        }
    }

    /// The roster, if nothing is wrong with it.
    pub(super) fn finish(mut self) -> Result<Roster, BundleErrors> {
        let at = self.roster.unwrap_or(At::file(FILE));
        if self.log.is_empty() && self.roster.is_none() {
            let message = "there is no EDEX and no leerlinggegevens in this file";
            self.log.report(at, ErrorCode::NotARoster, message);
        }
        if self.log.is_empty() && !self.pupils {
            let message = "there are no pupils in this file; it would end every membership of every pupil";
            self.log.report(at, ErrorCode::NotARoster, message);
        }
        check::references(&self.people, &self.keys, &mut self.log);
        let mut warnings: Vec<Warning> = self.unknown.into_iter().map(unknown).collect();
        warnings.extend(check::unusual(&self.people));
        if !self.log.is_empty() {
            return Err(BundleErrors { what: "file", ..self.log.into_errors(warnings) });
        }
        let nowhere = School { at, year: None, reference_date: None, made_at: None };
        let school = self.school.unwrap_or(nowhere);
        Ok(Roster { school, groups: self.groups, people: self.people, warnings })
    }

    fn open(&mut self, at: At, tag: &Tag<'_>) -> Result<(), Fault> {
        let name = tag.name()?;
        let attributes = tag.attributes()?;
        if self.open.len() >= DEPTH {
            let message = format!("elements stand more than {DEPTH} deep within each other");
            return Err(Fault::new(ErrorCode::NestedTooDeep, message));
        }
        let parent = self.open.last().copied().unwrap_or(Node::File);
        let node = parent.child(&name);
        self.open.push(node);
        if node == Node::Unknown && parent != Node::Unknown {
            if parent == Node::File {
                let message =
                    format!("{} is not the beginning of a roster: EDEX, or a message around it", Shown(&name));
                return Err(Fault::new(ErrorCode::NotARoster, message));
            }
            self.pass_over(at, format!("element {}", Shown(&name)));
        }
        for (attribute, _) in attributes.iter().filter(|(attribute, _)| !node.has_attribute(attribute)) {
            self.pass_over(at, format!("attribute {} of {}", Shown(attribute), Shown(&name)));
        }
        self.begin(at, node, &name, attributes);
        Ok(())
    }

    fn begin(&mut self, at: At, node: Node, name: &str, attributes: Vec<(String, String)>) {
        match node {
            Node::Roster => {
                let before = self.roster.replace(at);
                if before.is_some() {
                    self.twice(at, name);
                }
            }
            Node::School => self.draft = Some(Draft::new(at)),
            Node::Group(_) | Node::Person(_) => {
                let mut draft = Draft::new(at);
                draft.key = self.key_of(at, name, &attributes);
                draft.eck_id = self.attribute(at, "eckid", &attributes);
                self.draft = Some(draft);
            }
            Node::Reference(kind) => {
                let pupil = self.open.contains(&Node::Person(PersonKind::Pupil));
                if let Some(key) = self.key_of(at, name, &attributes) {
                    self.refer(Reference { at, kind, key }, pupil);
                }
            }
            Node::Field(field) => {
                if self.draft.as_ref().is_some_and(|draft| draft.fields.contains_key(&field)) {
                    self.twice(at, name);
                }
                self.text = Some((field, Text { at: Some(at), ..Text::default() }));
            }
            _ => {}
        }
    }

    fn refer(&mut self, reference: Reference, pupil: bool) {
        let Some(draft) = &mut self.draft else { return };
        let second = pupil
            && reference.kind == GroupKind::Home
            && draft.references.iter().any(|other| other.kind == GroupKind::Home);
        if second {
            let message = "a pupil is in one groep at a time; this is the second";
            self.log.report(reference.at, ErrorCode::DuplicateElement, message);
            return;
        }
        let known = |other: &Reference| (other.kind, &other.key) == (reference.kind, &reference.key);
        if !draft.references.iter().any(known) {
            draft.references.push(reference);
        }
    }

    fn close(&mut self) {
        let Some(node) = self.open.pop() else { return };
        match node {
            Node::Field(_) => {
                if let (Some((field, text)), Some(draft)) = (self.text.take(), &mut self.draft) {
                    draft.fields.entry(field).or_insert(text);
                }
            }
            Node::School => self.finish_school(),
            Node::Group(kind) => self.finish_group(kind),
            Node::Person(kind) => self.finish_person(kind),
            _ => {}
        }
    }

    fn text(&mut self, at: At, piece: &str) -> Result<(), Fault> {
        if let (Some(Node::Field(_)), Some((_, text))) = (self.open.last(), &mut self.text) {
            text.characters += piece.chars().count();
            if text.characters > values::TEXT {
                let message = format!("this text has more than the {} characters allowed", values::TEXT);
                return Err(Fault::new(ErrorCode::TooLong, message));
            }
            text.value.push_str(piece);
            return Ok(());
        }
        if self.open.is_empty() && !piece.trim().is_empty() {
            return Err(Fault::new(ErrorCode::MalformedXml, "there is text outside the root of the file"));
        }
        let passed = matches!(self.open.last(), Some(Node::Ignored | Node::Unknown | Node::Reference(_)));
        if !passed && !piece.trim().is_empty() {
            self.pass_over(at, "text between elements".to_owned());
        }
        Ok(())
    }

    fn pass_over(&mut self, at: At, what: String) {
        if let Some((_, times)) = self.unknown.get_mut(&what) {
            *times += 1;
        } else if self.unknown.len() < UNKNOWN {
            self.unknown.insert(what, (at, 1));
        }
    }

    fn twice(&mut self, at: At, name: &str) {
        self.log.report(at, ErrorCode::DuplicateElement, format!("{} stands here a second time", Shown(name)));
    }

    /// The value of an attribute, if it has one that may be.
    fn attribute(&mut self, at: At, name: &str, attributes: &[(String, String)]) -> Option<String> {
        let (_, value) = attributes.iter().find(|(found, _)| found == name)?;
        match values::key(value) {
            Ok("") => None,
            Ok(value) => Some(value.to_owned()),
            Err(problem) => {
                self.log.report(at, problem.code, format!("the {name} {}", problem.message));
                None
            }
        }
    }

    fn key_of(&mut self, at: At, name: &str, attributes: &[(String, String)]) -> Option<Arc<str>> {
        let before = self.log.total();
        let key = self.attribute(at, "key", attributes);
        if key.is_none() && self.log.total() == before {
            self.log.report(at, ErrorCode::MissingValue, format!("{} has no key", Shown(name)));
        }
        let key: Arc<str> = key?.into();
        if let Some(known) = self.texts.get(&key) {
            return Some(Arc::clone(known));
        }
        self.texts.insert(Arc::clone(&key));
        Some(key)
    }

    fn finish_school(&mut self) {
        let Some(mut draft) = self.draft.take() else { return };
        if self.school.is_some() {
            self.twice(draft.at, "school");
            return;
        }
        let log = &mut self.log;
        let year = |text: &str| {
            text.parse::<SchoolYear>().map_err(|message| Problem {
                code: ErrorCode::InvalidDate,
                message: format!("{}: {message}", Shown(text)),
            })
        };
        self.school = Some(School {
            at: draft.at,
            year: draft.take(Field::SchoolYear, log, year).over(None),
            reference_date: draft.take(Field::ReferenceDate, log, values::day).over(None),
            made_at: draft.take(Field::MadeAt, log, values::moment).over(None),
        });
    }

    fn finish_group(&mut self, kind: GroupKind) {
        let Some(mut draft) = self.draft.take() else { return };
        let Some(key) = draft.key.take() else { return };
        let log = &mut self.log;
        self.keys.add_group(kind, &key, draft.at, log);
        let name = draft.line(Field::Name, NAME, log);
        if name.value().is_none() {
            log.report(draft.at, ErrorCode::MissingValue, format!("the group {} has no naam", Shown(&key)));
        }
        let year_group = match draft.take(Field::YearGroup, log, values::year_group) {
            Stated::Is(Some(year)) => Stated::Is(year),
            Stated::Is(None) | Stated::Empty => Stated::Empty,
            Stated::Unsaid => Stated::Unsaid,
        };
        self.groups.push(Group {
            at: draft.at,
            kind,
            key,
            name: name.over(None).unwrap_or_default(),
            description: draft.take(Field::Description, log, |text| prose(text, values::TEXT).map(ToOwned::to_owned)),
            year_group,
        });
    }

    fn finish_person(&mut self, kind: PersonKind) {
        let Some(mut draft) = self.draft.take() else { return };
        self.pupils |= kind == PersonKind::Pupil;
        let Some(key) = draft.key.take() else { return };
        let log = &mut self.log;
        self.keys.add_person(kind, &key, draft.eck_id.as_deref(), draft.at, log);
        let names = [Field::CallName, Field::GivenNames, Field::Initials].map(|field| draft.line(field, NAME, log));
        let said = names.iter().any(|name| *name != Stated::Unsaid);
        let first = names.into_iter().find(|name| name.value().is_some());
        let given_name = first.unwrap_or(if said { Stated::Empty } else { Stated::Unsaid });
        let family_name = draft.line(Field::FamilyName, NAME, log);
        let prefix = draft.line(Field::Prefix, LABEL, log);
        // A family name is said with its prefix: without one it has none.
        let name_prefix =
            if family_name != Stated::Unsaid && prefix == Stated::Unsaid { Stated::Empty } else { prefix };
        if given_name.value().is_none() && family_name.value().is_none() {
            log.report(
                draft.at,
                ErrorCode::MissingValue,
                format!("{} has neither achternaam nor roepnaam", Shown(&key)),
            );
        }
        self.people.push(Person {
            at: draft.at,
            kind,
            key,
            eck_id: draft.eck_id.take(),
            given_name,
            name_prefix,
            family_name,
            birth_date: draft.take(Field::BirthDate, log, values::day),
            gender: draft.take(Field::Gender, log, values::gender),
            email: draft.take(Field::Email, log, |text| email(text).map(ToOwned::to_owned)),
            groups: draft.references,
        });
    }
}

fn unknown((what, (at, times)): (String, (At, u64))) -> Warning {
    let times = if times == 1 { "once".to_owned() } else { format!("{times} times") };
    let message = format!("the {what} is not known here and was passed over, {times}; this is the first place");
    Warning { code: WarningCode::UnknownElement, file: at.to_string(), message }
}
