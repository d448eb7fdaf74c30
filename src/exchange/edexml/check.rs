//! What the elements of a roster owe each other.

use std::collections::HashMap;
use std::sync::Arc;

use super::model::{GroupKind, Person, PersonKind};
use crate::exchange::bundle::{At, ErrorCode, Log, Shown, Warning, WarningCode};

/// The keys of a roster, and where each stands first.
#[derive(Debug, Default)]
pub(super) struct Keys {
    groups: HashMap<(GroupKind, Arc<str>), At>,
    people: HashMap<(PersonKind, Arc<str>), At>,
    pseudonyms: HashMap<(PersonKind, String), At>,
}

impl Keys {
    pub(super) fn add_group(&mut self, kind: GroupKind, key: &Arc<str>, at: At, log: &mut Log) {
        if let Some(first) = self.groups.get(&(kind, Arc::clone(key))) {
            repeated(key, "key", at, *first, ErrorCode::DuplicateId, log);
        } else {
            self.groups.insert((kind, Arc::clone(key)), at);
        }
    }

    pub(super) fn add_person(&mut self, kind: PersonKind, key: &Arc<str>, eck_id: Option<&str>, at: At, log: &mut Log) {
        if let Some(first) = self.people.get(&(kind, Arc::clone(key))) {
            repeated(key, "key", at, *first, ErrorCode::DuplicateId, log);
        } else {
            self.people.insert((kind, Arc::clone(key)), at);
        }
        let Some(eck_id) = eck_id else { return };
        if let Some(first) = self.pseudonyms.get(&(kind, eck_id.to_owned())) {
            repeated(eck_id, "eckid", at, *first, ErrorCode::SamePerson, log);
        } else {
            self.pseudonyms.insert((kind, eck_id.to_owned()), at);
        }
    }
}

fn repeated(value: &str, what: &str, at: At, first: At, code: ErrorCode, log: &mut Log) {
    let message = format!("the {what} {} stands already in line {}, column {}", Shown(value), first.line, first.column);
    log.report(at, code, message);
}

/// Refuses keys that stand for no group of the file.
pub(super) fn references(people: &[Person], keys: &Keys, log: &mut Log) {
    for reference in people.iter().flat_map(|person| &person.groups) {
        if keys.groups.contains_key(&(reference.kind, Arc::clone(&reference.key))) {
            continue;
        }
        let kind = match reference.kind {
            GroupKind::Home => "groep",
            GroupKind::CrossYear => "samengestelde_groep",
        };
        let message = format!("there is no {kind} {} among the groups of the file", Shown(&reference.key));
        log.report(reference.at, ErrorCode::UnknownReference, message);
    }
}

/// What is possible and seldom meant.
pub(super) fn unusual(people: &[Person]) -> Option<Warning> {
    let is_there = |person: &&Person| person.left.is_none() && !person.historical;
    let pupils = people.iter().filter(|person| person.kind == PersonKind::Pupil).filter(is_there);
    let mut alone = pupils.filter(|person| person.groups.is_empty());
    let first = alone.next()?;
    let message = match alone.count() + 1 {
        1 => "1 pupil is in no group".to_owned(),
        many => format!("{many} pupils are in no group; this is the first"),
    };
    Some(Warning { code: WarningCode::Unusual, file: first.at.to_string(), message })
}
