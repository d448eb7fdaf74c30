//! Markup into drafts of groups and people.

use std::collections::HashSet;
use std::io::Read;
use std::sync::Arc;

use chrono::NaiveDate;

use super::check::Keys;
use super::draft::{Draft, Text};
use super::grammar::{Field, Node};
use super::input::Fault;
use super::model::{Group, GroupKind, Person, PersonKind, Roster, School, Stated};
use super::passed::Passed;
use super::scan::{Piece, Scanner, Tag};
use super::{FILE, check, values};
use crate::check::{LABEL, NAME};
use crate::exchange::bundle::{At, BundleErrors, ErrorCode, Log, Problem, Shown, email, prose};
use crate::school::year::SchoolYear;
use crate::text::is_blank;

/// How deeply elements may stand within each other; a roster in a message takes eight.
const DEPTH: usize = 32;
/// Reads a file into a roster.
#[derive(Default)]
pub(super) struct Builder {
    log: Log,
    open: Vec<Node>,
    /// What the roster, a group or a person that is open says so far.
    draft: Option<Draft>,
    /// The text that is open.
    text: Option<Text>,
    school: Option<School>,
    /// Whether anything of the school has a text.
    header: bool,
    roster: Option<At>,
    /// Whether the file was read to its end.
    whole: bool,
    pupils: bool,
    groups: Vec<Group>,
    people: Vec<Person>,
    /// The places of pupils who have no year group of their own.
    without_year: Vec<usize>,
    keys: Keys,
    texts: HashSet<Arc<str>>,
    passed: Passed,
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
                    Piece::End if self.open.is_empty() => {
                        self.whole = true;
                        return;
                    }
                    Piece::End => {
                        Err((at, Fault::new(ErrorCode::MalformedXml, "the file ends in the middle of an element")))
                    }
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
        self.refuse_headless(at);
        check::references(&self.people, &self.keys, &mut self.log);
        self.find_historical();
        let (passed_over, mut warnings) = self.passed.finish();
        warnings.extend(check::unusual(&self.people));
        if !self.log.is_empty() {
            return Err(BundleErrors { what: "file", ..self.log.into_errors(warnings) });
        }
        let nowhere = School { at, year: None, reference_date: None, made_at: None };
        let school = self.school.unwrap_or(nowhere);
        Ok(Roster { school, groups: self.groups, people: self.people, passed_over, warnings })
    }

    /// Refuses a roster that does not say whose it is and of which day: it may be a part of another file.
    fn refuse_headless(&mut self, at: At) {
        if !self.whole || !self.pupils || self.header {
            return;
        }
        let (at, what) = match &self.school {
            Some(school) => (school.at, "the element school is empty"),
            None => (at, "there is no school in this file"),
        };
        let message = format!(
            "{what}: the header that says which school the roster is of, and of which day (schooljaar, peildatum, \
             brincode, aanmaakdatum)"
        );
        self.log.report(at, ErrorCode::MissingValue, message);
    }

    /// A pupil without a year group of their own is in that of the home group.
    fn find_historical(&mut self) {
        let groups = self.groups.iter().filter(|group| group.historical);
        let groups: HashSet<&Arc<str>> = groups.map(|group| &group.key).collect();
        for place in &self.without_year {
            if let Some(person) = self.people.get_mut(*place) {
                let mut homes = person.groups.iter().filter(|group| group.kind == GroupKind::Home);
                person.historical = homes.any(|home| groups.contains(&home.key));
            }
        }
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
            self.passed.unknown(at, format!("element {}", Shown(&name)));
        }
        if let (Node::Ignored, Some(place)) = (node, parent.place()) {
            self.passed.known(format!("{place}/{}", name.escape_debug()));
        }
        for (attribute, _) in attributes.iter().filter(|(attribute, _)| !node.has_attribute(attribute)) {
            self.passed.unknown(at, format!("attribute {} of {}", Shown(attribute), Shown(&name)));
        }
        if let (Node::Person(_), Some(place)) = (node, node.place()) {
            for (attribute, _) in attributes.iter().filter(|(attribute, _)| attribute.starts_with("bsn")) {
                self.passed.known(format!("{place}/@{}", attribute.escape_debug()));
            }
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
            Node::Reference(kind) => self.refer(at, kind, name, &attributes),
            Node::Field(field) => {
                if self.draft.as_ref().is_some_and(|draft| draft.has(field)) {
                    self.twice(at, name);
                }
                self.text = Some(Text::at(at));
            }
            Node::Role => self.text = Some(Text::at(at)),
            _ => {}
        }
    }

    /// Notes a group of a person. An element without a key stands for no group.
    fn refer(&mut self, at: At, kind: GroupKind, name: &str, attributes: &[(String, String)]) {
        let pupil = self.open.contains(&Node::Person(PersonKind::Pupil));
        let before = self.log.total();
        let key = self.attribute(at, "key", attributes);
        let Some(key) = key.map(|key| self.shared(&key)) else {
            if self.log.total() == before {
                let person = if pupil { "leerling" } else { "leerkracht" };
                self.passed.known(format!("{person}/{name} without a key"));
            }
            return;
        };
        let Some(draft) = &mut self.draft else { return };
        if let Err(problem) = draft.open_group(at, kind, key, pupil) {
            self.log.report(at, problem.code, problem.message);
        }
    }

    fn close(&mut self) {
        let Some(node) = self.open.pop() else { return };
        match node {
            Node::Field(field) => {
                if let (Some(text), Some(draft)) = (self.text.take(), &mut self.draft) {
                    draft.put(field, text);
                }
            }
            Node::Role => {
                if let (Some(text), Some(draft)) = (self.text.take(), &mut self.draft) {
                    draft.add_role(&text);
                }
            }
            Node::Reference(_) => {
                if let Some(draft) = &mut self.draft {
                    draft.close_group();
                }
            }
            Node::School => self.finish_school(),
            Node::Group(kind) => self.finish_group(kind),
            Node::Person(kind) => self.finish_person(kind),
            _ => {}
        }
    }

    fn text(&mut self, at: At, piece: &str) -> Result<(), Fault> {
        let last = self.open.last().copied();
        let blank = piece.trim().is_empty();
        self.header |= !blank && last != Some(Node::School) && self.open.contains(&Node::School);
        if let (Some(Node::Field(_) | Node::Role), Some(text)) = (last, &mut self.text) {
            return text.add(piece).map_err(|problem| Fault::new(problem.code, problem.message));
        }
        if last.is_none() && !blank {
            return Err(Fault::new(ErrorCode::MalformedXml, "there is text outside the root of the file"));
        }
        let passed = matches!(last, Some(Node::Ignored | Node::Unknown | Node::Reference(_)));
        if !passed && !blank {
            self.passed.unknown(at, "text between elements".to_owned());
        }
        Ok(())
    }

    fn twice(&mut self, at: At, name: &str) {
        self.log.report(at, ErrorCode::DuplicateElement, format!("{} stands here a second time", Shown(name)));
    }

    /// The value of an attribute, if it has one that may be.
    fn attribute(&mut self, at: At, name: &str, attributes: &[(String, String)]) -> Option<String> {
        let (_, value) = attributes.iter().find(|(found, _)| found == name)?;
        match values::key(value) {
            Ok(value) if is_blank(&value) => None,
            Ok(value) => Some(value),
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
        key.map(|key| self.shared(&key))
    }

    /// A key is held once, however often it stands in the file.
    fn shared(&mut self, key: &str) -> Arc<str> {
        if let Some(known) = self.texts.get(key) {
            return Arc::clone(known);
        }
        let key: Arc<str> = key.into();
        self.texts.insert(Arc::clone(&key));
        key
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
        let mut historical = false;
        let year_group = draft.take(Field::YearGroup, log, |text| {
            historical = values::is_historical(text);
            values::year_group(text)
        });
        let year_group = match year_group {
            Stated::Is(Some(year)) => Stated::Is(year),
            Stated::Is(None) | Stated::Empty => Stated::Empty,
            Stated::Unsaid => Stated::Unsaid,
        };
        self.groups.push(Group {
            at: draft.at,
            kind,
            key,
            name: name.over(None).unwrap_or_default(),
            description: draft.take(Field::Description, log, |text| prose(text, values::TEXT)),
            year_group,
            historical,
        });
    }

    fn finish_person(&mut self, kind: PersonKind) {
        let Some(mut draft) = self.draft.take() else { return };
        self.pupils |= kind == PersonKind::Pupil;
        let Some(key) = draft.key.take() else { return };
        let log = &mut self.log;
        self.keys.add_person(kind, &key, draft.eck_id.as_deref(), draft.at, log);
        let names = [Field::CallName, Field::GivenNames, Field::Initials].map(|field| draft.line(field, NAME, log));
        let given_name = names.into_iter().find(|name| name.value().is_some()).unwrap_or_default();
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
        let (joined, left) = stay(&mut draft, log);
        let own_year = draft.take(Field::YearGroup, log, |text| Ok(values::is_historical(text)));
        if kind == PersonKind::Pupil && own_year == Stated::Unsaid {
            self.without_year.push(self.people.len());
        }
        let groups = draft.take_groups(kind);
        for reference in groups.iter().filter(|reference| reference.as_parent) {
            let group = Node::Reference(reference.kind).place().unwrap_or_default();
            self.passed.known(format!("leerkracht/{group} of a parent (rol OUD)"));
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
            joined,
            left,
            historical: own_year == Stated::Is(true),
            groups,
        });
    }
}

/// Since when a person is at the school, and from when on no longer. Whoever left on the first day has never come.
fn stay(draft: &mut Draft, log: &mut Log) -> (Option<NaiveDate>, Option<NaiveDate>) {
    let at = draft.place_of(Field::Left);
    let joined = draft.take(Field::Joined, log, values::day).over(None);
    let left = draft.take(Field::Left, log, values::day).over(None);
    if let (Some(joined), Some(left)) = (joined, left)
        && left < joined
    {
        let message = format!("the uitstroomdatum {left} comes before the instroomdatum {joined}");
        log.report(at, ErrorCode::EndBeforeStart, message);
    }
    (joined, left)
}
