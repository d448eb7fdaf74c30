//! What a bundle refers to and does not hold itself.

use std::collections::{HashMap, HashSet};

use super::known::Namespace;
use super::{Run, aliases};
use crate::exchange::bundle::{At, ErrorCode, Reference, Shown, Target, Unresolved, words};
use crate::people::ParticipantKind;

impl<'r> Run<'r> {
    /// Refuses references that lead nowhere, and answers with the groups that are gone: in no `groups.csv` any more and
    /// never stored, while people were in them. What has been must not be lost.
    pub(super) fn references(&mut self) -> Vec<String> {
        let bundle = self.bundle;
        let uses = self.uses_of_missing_groups();
        // What is wrong with a row that does not say its kind is told of the row itself.
        let coming: HashSet<&str> = bundle.participants.iter().map(|row| &*row.external_id).collect();
        let mut gone = Vec::new();
        for open in &bundle.unresolved {
            match open.target {
                Target::Category if self.known.categories.contains_key(&*open.reference.id) => {}
                Target::Category => self.refuse_unknown(open, "category"),
                Target::Participant
                    if coming.contains(&*open.reference.id)
                        && !self.known.participants.contains_key(&*open.reference.id) => {}
                Target::Participant => self.participant(open),
                Target::Group => match uses.get(&*open.reference.id) {
                    None => {}
                    Some(None) => gone.push(open.reference.id.to_string()),
                    Some(Some(at)) => {
                        let message = format!(
                            "there is no group {}, neither in the bundle nor stored{}; only a membership that has ended may \
                             name a group that is gone",
                            Shown(&open.reference.id),
                            self.hint_of_elsewhere()
                        );
                        self.log.report(*at, ErrorCode::UnknownReference, message);
                    }
                },
            }
        }
        gone
    }

    fn participant(&mut self, open: &Unresolved) {
        let id = &*open.reference.id;
        let hidden = self.known.hidden.contains(&(Target::Participant, id.to_owned()));
        match self.known.participants.get(id) {
            Some(party) if !hidden => {
                let fits = open.kinds.iter().any(|kind| ParticipantKind::from(*kind) == party.kind);
                if !fits {
                    let kind = party.kind.as_str();
                    let message = format!("{} is of kind {kind}; here it must be {}", Shown(id), words(open.kinds));
                    self.log.report(open.reference.at, ErrorCode::WrongKind, message);
                }
            }
            _ => self.refuse_unknown(open, "participant"),
        }
    }

    fn refuse_unknown(&mut self, open: &Unresolved, what: &str) {
        let id = Shown(&open.reference.id);
        let uses = if open.uses > 1 { format!("; {} fields name it", open.uses) } else { String::new() };
        let elsewhere = self.hint_of_elsewhere();
        let message = format!("there is no {what} {id}, neither in the bundle nor stored{elsewhere}{uses}");
        self.log.report(open.reference.at, ErrorCode::UnknownReference, message);
    }

    /// What may be meant by an id that leads nowhere. It says the same whether or not others have the id.
    fn hint_of_elsewhere(&self) -> &'static str {
        match self.namespace {
            Namespace::Anybody => "",
            Namespace::Of(_) | Namespace::Nobody => {
                " by this organization; what another organization keeps is named by the id that the API prints"
            }
        }
    }

    /// The groups that are neither in the bundle nor stored, and where each is needed by more than memberships that
    /// have ended.
    fn uses_of_missing_groups(&self) -> HashMap<&'r str, Option<At>> {
        let bundle = self.bundle;
        let stored = |id: &str| {
            self.known.groups.contains_key(id) && !self.known.hidden.contains(&(Target::Group, id.to_owned()))
        };
        let missing: HashSet<&'r str> = bundle
            .unresolved
            .iter()
            .filter(|open| open.target == Target::Group && !stored(&open.reference.id))
            .map(|open| &*open.reference.id)
            .collect();
        let mut uses: HashMap<&'r str, Option<At>> = missing.iter().map(|id| (*id, None)).collect();
        let settings = bundle.groups.iter().flat_map(|row| [&row.restricted_to, &row.source_group]).flatten();
        let components = bundle.components.iter().flat_map(|row| [&row.composite, &row.component]);
        let open = bundle.memberships.iter().filter(|row| row.end_date.is_none()).map(|row| &row.group);
        // A group that another keeps is there, whatever the viewer may know of it, and cannot be made again.
        let hidden = bundle.memberships.iter().map(|row| &row.group).filter(|group| self.is_hidden_group(group));
        for reference in settings.chain(components).chain(open).chain(hidden) {
            if let Some(place) = uses.get_mut(&*reference.id) {
                place.get_or_insert(reference.at);
            }
        }
        uses
    }

    fn is_hidden_group(&self, group: &Reference) -> bool {
        // An id of the API is never that of a group that is gone: no group can be made with it.
        aliases::is_one(&group.id)
            || !self.known.hidden.is_empty() && self.known.hidden.contains(&(Target::Group, group.id.to_string()))
    }
}
