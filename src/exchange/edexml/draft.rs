//! What an element says so far.

use std::collections::HashMap;
use std::sync::Arc;

use super::grammar::Field;
use super::model::{GroupKind, PersonKind, Reference, Stated};
use super::values;
use crate::exchange::bundle::{At, ErrorCode, Log, Problem, line};
use crate::text::is_blank;

/// The text of one element.
#[derive(Debug, Default)]
pub(super) struct Text {
    at: Option<At>,
    value: String,
    characters: usize,
}

impl Text {
    pub(super) fn at(at: At) -> Self {
        Self { at: Some(at), ..Self::default() }
    }

    /// Adds a piece to it.
    ///
    /// # Errors
    /// What is wrong when it gets too long.
    pub(super) fn add(&mut self, piece: &str) -> Result<(), Problem> {
        self.characters += piece.chars().count();
        if self.characters > values::TEXT {
            let message = format!("this text has more than the {} characters allowed", values::TEXT);
            return Err(Problem { code: ErrorCode::TooLong, message });
        }
        self.value.push_str(piece);
        Ok(())
    }

    fn value(&self) -> &str {
        self.value.trim()
    }
}

/// The roles of a person, or of a person in one group.
#[derive(Debug, Default, Clone, Copy)]
struct Roles {
    /// Whether one is that of a parent.
    parent: bool,
    /// Whether one is another.
    other: bool,
}

impl Roles {
    fn is_said(self) -> bool {
        self.parent || self.other
    }
}

/// A group of a person.
#[derive(Debug)]
struct Place {
    at: At,
    kind: GroupKind,
    key: Arc<str>,
    roles: Roles,
}

/// An element that is being read: its key and the texts of its fields.
#[derive(Debug)]
pub(super) struct Draft {
    pub at: At,
    pub key: Option<Arc<str>>,
    pub eck_id: Option<String>,
    fields: HashMap<Field, Text>,
    places: Vec<Place>,
    roles: Roles,
    /// The place of the group that is open.
    open: Option<usize>,
}

impl Draft {
    pub(super) fn new(at: At) -> Self {
        Self {
            at,
            key: None,
            eck_id: None,
            fields: HashMap::new(),
            places: Vec::new(),
            roles: Roles::default(),
            open: None,
        }
    }

    pub(super) fn has(&self, field: Field) -> bool {
        self.fields.contains_key(&field)
    }

    pub(super) fn put(&mut self, field: Field, text: Text) {
        self.fields.entry(field).or_insert(text);
    }

    /// Where a field stands, or else the element.
    pub(super) fn place_of(&self, field: Field) -> At {
        self.fields.get(&field).and_then(|text| text.at).unwrap_or(self.at)
    }

    /// Opens a group of the person. A pupil is in one home group at a time.
    ///
    /// # Errors
    /// That this is the second one.
    pub(super) fn open_group(&mut self, at: At, kind: GroupKind, key: Arc<str>, pupil: bool) -> Result<(), Problem> {
        let same = |place: &Place| (place.kind, &place.key) == (kind, &key);
        let second = pupil && kind == GroupKind::Home && self.places.iter().any(|place| place.kind == GroupKind::Home);
        if second {
            let message = "a pupil is in one groep at a time; this is the second".to_owned();
            return Err(Problem { code: ErrorCode::DuplicateElement, message });
        }
        let known = self.places.iter().position(same);
        self.open = known.or(Some(self.places.len()));
        if known.is_none() {
            self.places.push(Place { at, kind, key, roles: Roles::default() });
        }
        Ok(())
    }

    pub(super) fn close_group(&mut self) {
        self.open = None;
    }

    /// Adds a role: in the group that is open, or else of the person.
    pub(super) fn add_role(&mut self, role: &Text) {
        let value = role.value();
        let open = self.open.and_then(|open| self.places.get_mut(open));
        let roles = open.map_or(&mut self.roles, |place| &mut place.roles);
        if is_blank(value) {
            return;
        }
        *if values::is_parent(value) { &mut roles.parent } else { &mut roles.other } = true;
    }

    /// The groups of the person. The roles that are said of a group go before those of the person.
    pub(super) fn take_groups(&mut self, kind: PersonKind) -> Vec<Reference> {
        let own = self.roles;
        let reference = |Place { at, kind: group, key, roles }: Place| {
            let roles = if roles.is_said() { roles } else { own };
            let as_parent = kind == PersonKind::Teacher && roles.parent && !roles.other;
            Reference { at, kind: group, key, as_parent }
        };
        std::mem::take(&mut self.places).into_iter().map(reference).collect()
    }

    /// What was said of a field, as `read` understands it.
    pub(super) fn take<T>(
        &mut self,
        field: Field,
        log: &mut Log,
        read: impl FnOnce(&str) -> Result<T, Problem>,
    ) -> Stated<T> {
        let Some(text) = self.fields.remove(&field) else { return Stated::Unsaid };
        if is_blank(text.value()) {
            return Stated::Unsaid;
        }
        match read(text.value()) {
            Ok(value) => Stated::Is(value),
            Err(problem) => {
                log.report(text.at.unwrap_or(self.at), problem.code, problem.message);
                Stated::Unsaid
            }
        }
    }

    pub(super) fn line(&mut self, field: Field, limit: usize, log: &mut Log) -> Stated<String> {
        self.take(field, log, |text| line(text, limit))
    }
}
