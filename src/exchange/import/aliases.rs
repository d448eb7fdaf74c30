//! The ids that the API prints, which a bundle may have wherever it has an external id.

use std::collections::HashMap;

use super::Run;
use crate::exchange::bundle::{At, ErrorCode, ExternalId, Shown, Target};
use crate::id::{self, Kind};

/// Whether a text is an id that the API prints.
pub(super) fn is_one(text: &str) -> bool {
    id::decode(text).is_some()
}

/// The external id that a record has after a row: that of the row, unless the row named it by the id of the API.
pub(super) fn kept(name: &str, stored: Option<String>) -> Option<String> {
    if is_one(name) { stored } else { Some(name.to_owned()) }
}

/// Parts names into keys, for those that are ids of the API, and external ids.
pub(super) fn part(kind: Kind, names: Vec<String>) -> (HashMap<i64, String>, Vec<String>) {
    let (aliases, external): (Vec<String>, Vec<String>) = names.into_iter().partition(|name| is_one(name));
    let keys = aliases.into_iter().filter_map(|name| Some((id::decode_as(kind, &name)?, name)));
    (keys.collect(), external)
}

impl<'r> Run<'r> {
    /// Refuses rows with ids of the API that lead nowhere, and records that are called by two names: rows about the same
    /// would not be seen to be so.
    pub(super) fn check_aliases(&mut self) {
        let names = self.names();
        if !names.iter().any(|(_, name, ..)| is_one(name)) {
            return;
        }
        let mut called: HashMap<(Target, i64), (&'r ExternalId, At)> = HashMap::new();
        for (target, name, at, is_row) in names {
            let hidden = self.known.hidden.contains(&(target, name.to_string()));
            let id = self.known.key(target, name).filter(|_| !hidden);
            let Some(id) = id else {
                if is_one(name) && is_row {
                    let message = format!("there is no {} with the id {}", word(target), Shown(name));
                    self.log.report(at, ErrorCode::UnknownReference, message);
                }
                continue;
            };
            let (first, _) = *called.entry((target, id)).or_insert((name, at));
            if first != name {
                let message = format!(
                    "{} and {} are the same {}; name it in one way in the whole bundle",
                    Shown(first),
                    Shown(name),
                    word(target)
                );
                self.log.report(at, ErrorCode::DuplicateId, message);
            }
        }
    }

    /// What the bundle calls records, where, and whether that is a row of their own. What is referred to only is looked at
    /// elsewhere.
    fn names(&self) -> Vec<(Target, &'r ExternalId, At, bool)> {
        let bundle = self.bundle;
        let categories = bundle.categories.iter().map(|row| (Target::Category, &row.external_id, row.at, true));
        let participants = bundle.participants.iter().map(|row| (Target::Participant, &row.external_id, row.at, true));
        let groups = bundle.groups.iter().map(|row| (Target::Group, &row.external_id, row.at, true));
        let open = bundle.unresolved.iter().map(|open| (open.target, &open.reference.id, open.reference.at, false));
        categories.chain(participants).chain(groups).chain(open).collect()
    }
}

fn word(target: Target) -> &'static str {
    match target {
        Target::Category => "category",
        Target::Participant => "participant",
        Target::Group => "group",
    }
}
