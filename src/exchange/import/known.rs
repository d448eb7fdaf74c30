//! The records that a bundle names, as far as they are stored.

use std::collections::{HashMap, HashSet};

use diesel::sql_types::{BigInt, Bool, Nullable, Text};

use super::batch::CHUNK;
use super::{Owner, Run, aliases};
use crate::db::Sql;
use crate::error::{Code, Error};
use crate::exchange::bundle::{Reference, Target};
use crate::id::Kind;
use crate::people::ParticipantKind;
use crate::people::commands::{administration_sight, owner};
use crate::people::named_store::{self, Unnamed, Whose};

/// A participant that is stored.
#[derive(Clone, Debug)]
pub(super) struct Party {
    pub id: i64,
    pub kind: ParticipantKind,
    /// The organization that keeps the record.
    pub organization: Option<i64>,
}

/// A group that is stored.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub id: i64,
    /// Whether its members follow from a filter.
    pub dynamic: bool,
    /// The organization that owns it.
    pub organization: Option<i64>,
}

/// The stored records that a bundle names, by external id; those that it makes join them as they are written.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub categories: HashMap<String, i64>,
    pub participants: HashMap<String, Party>,
    pub groups: HashMap<String, Place>,
    /// Participants and groups that are stored and not the viewer's to know of.
    pub hidden: HashSet<(Target, String)>,
}

impl Known {
    /// The key of a record of any kind; none if it is not stored.
    pub(super) fn key(&self, target: Target, name: &str) -> Option<i64> {
        match target {
            Target::Category => self.categories.get(name).copied(),
            Target::Participant => self.participants.get(name).map(|party| party.id),
            Target::Group => self.groups.get(name).map(|place| place.id),
        }
    }

    /// The key of a category; none if it was refused.
    pub(super) fn category(&self, reference: &Reference) -> Option<i64> {
        self.categories.get(&*reference.id).copied()
    }

    /// The key of a participant; none if it was refused.
    pub(super) fn participant(&self, reference: &Reference) -> Option<i64> {
        self.participants.get(&*reference.id).map(|party| party.id)
    }

    /// The key of a group; none if it was refused.
    pub(super) fn group(&self, reference: &Reference) -> Option<i64> {
        self.groups.get(&*reference.id).map(|place| place.id)
    }
}

/// External ids are unique within the organization that gave them. Whose are meant?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Namespace {
    /// Those of records that no organization keeps, else those of the only organization that has it.
    Anybody,
    /// This organization's, else those of records that no organization keeps.
    Of(i64),
    /// Those of records that no organization keeps: the organization is still to come.
    Nobody,
}

impl Namespace {
    /// How near a record is; the nearest is meant. None if it is not meant at all.
    fn nearness(self, id: i64, organization: Option<i64>) -> Option<u8> {
        match self {
            Self::Anybody => Whose::Anybody.nearness(id, organization),
            Self::Of(this) => Whose::Of(this).nearness(id, organization),
            Self::Nobody => organization.is_none().then_some(1),
        }
    }
}

/// Of stored records, those that are meant: at most one for each external id. `of` tells a record's external id, key and
/// organization.
fn choose<Row>(
    rows: Vec<Row>,
    namespace: impl Fn(&str) -> Namespace,
    of: impl Fn(&Row) -> (&str, i64, Option<i64>),
) -> Result<Vec<Row>, Error> {
    let mut chosen: HashMap<String, (u8, bool, Row)> = HashMap::new();
    for row in rows {
        let (external_id, id, organization) = of(&row);
        let Some(nearness) = namespace(external_id).nearness(id, organization) else { continue };
        let external_id = external_id.to_owned();
        match chosen.get_mut(&external_id) {
            Some((other, _, _)) if *other > nearness => {}
            Some((other, several, _)) if *other == nearness => *several = true,
            _ => drop(chosen.insert(external_id, (nearness, false, row))),
        }
    }
    let mut several: Vec<&String> = chosen.iter().filter(|(_, (_, several, _))| *several).map(|(id, _)| id).collect();
    several.sort_unstable();
    match several.first() {
        Some(external_id) => Err(ambiguous(external_id)),
        None => Ok(chosen.into_values().map(|(_, _, row)| row).collect()),
    }
}

pub(super) fn ambiguous(external_id: &str) -> Error {
    let message = format!(
        "Several organizations use the external id \"{external_id}\"; name the organization to import for, or give the id \
         that the API prints."
    );
    Error::rejected(Code::Conflict, message)
}

type PartyRow = (Option<String>, i64, ParticipantKind, Option<i64>);
type PlaceRow = (Option<String>, i64, bool, Option<i64>);

impl Run<'_> {
    /// Finds the records that the bundle names.
    pub(super) fn look_up(&mut self) -> Result<(), Error> {
        let bundle = self.bundle;
        let namespace = self.namespace()?;
        self.namespace = namespace;
        let names = self.named(Target::Category, bundle.categories.iter().map(|row| &*row.external_id));
        self.look_up_categories(names)?;
        let options = self.options;
        let keeper = match &options.organization {
            Some(Owner::ExternalId(id)) => Some(id.as_str()),
            _ => None,
        };
        let rows = bundle.participants.iter().map(|row| &*row.external_id);
        let (keys, ids) = aliases::part(Kind::Participant, self.named(Target::Participant, rows.chain(keeper)));
        let keyed: Vec<i64> = keys.keys().copied().collect();
        for ids in keyed.chunks(CHUNK) {
            self.look_up_participants(&|sql| sql.text("p.id").in_ids(ids), namespace, &keys)?;
        }
        for ids in ids.chunks(CHUNK) {
            self.look_up_participants(&|sql| sql.text("p.external_id").in_strings(ids), namespace, &HashMap::new())?;
        }
        let names = self.named(Target::Group, bundle.groups.iter().map(|row| &*row.external_id));
        let (keys, ids) = aliases::part(Kind::Group, names);
        let keyed: Vec<i64> = keys.keys().copied().collect();
        for ids in keyed.chunks(CHUNK) {
            self.look_up_groups(&|sql| sql.text("g.id").in_ids(ids), &keys)?;
        }
        for ids in ids.chunks(CHUNK) {
            self.look_up_groups(&|sql| sql.text("g.external_id").in_strings(ids), &HashMap::new())?;
        }
        Ok(())
    }

    fn look_up_categories(&mut self, names: Vec<String>) -> Result<(), Error> {
        let (keys, ids) = aliases::part(Kind::GroupCategory, names);
        for ids in ids.chunks(CHUNK) {
            let sql = Sql::new("SELECT external_id, id FROM group_categories WHERE external_id").in_strings(ids);
            self.known.categories.extend(sql.load::<(Text, BigInt), (String, i64)>(self.conn)?);
        }
        let keyed: Vec<i64> = keys.keys().copied().collect();
        for ids in keyed.chunks(CHUNK) {
            let sql = Sql::new("SELECT id FROM group_categories WHERE id").in_ids(ids);
            let found = sql.load::<BigInt, i64>(self.conn)?;
            self.known.categories.extend(found.into_iter().filter_map(|id| Some((keys.get(&id)?.clone(), id))));
        }
        Ok(())
    }

    /// Whose external ids the bundle speaks of.
    fn namespace(&mut self) -> Result<Namespace, Error> {
        Ok(match &self.options.organization {
            None => owner(self.scope, None)?.map_or(Namespace::Anybody, Namespace::Of),
            Some(Owner::Id(id)) => Namespace::Of(*id),
            Some(Owner::ExternalId(external_id)) => {
                match named_store::find(self.conn, external_id, Whose::Organizations)? {
                    Ok(named) => Namespace::Of(named.id),
                    Err(Unnamed::Nobody) => Namespace::Nobody,
                    Err(Unnamed::Several) => return Err(ambiguous(external_id)),
                }
            }
        })
    }

    /// Whose external id that of a group is. In a bundle for nobody, it is that of the organization that its row names.
    fn namespace_of_group(&self, namespace: Namespace) -> HashMap<&str, Namespace> {
        if namespace != Namespace::Anybody {
            return HashMap::new();
        }
        let rows = self.bundle.groups.iter().filter_map(|row| Some((row, row.organization.as_ref()?)));
        rows.map(|(row, organization)| {
            (&*row.external_id, self.known.participant(organization).map_or(Namespace::Nobody, Namespace::Of))
        })
        .collect()
    }

    /// The names of one kind that rows have or refer to, each once.
    fn named<'b>(&'b self, target: Target, rows: impl Iterator<Item = &'b str>) -> Vec<String> {
        let elsewhere = self.bundle.unresolved.iter().filter(|open| open.target == target);
        let ids: HashSet<&str> = rows.chain(elsewhere.map(|open| &*open.reference.id)).collect();
        ids.into_iter().map(ToOwned::to_owned).collect()
    }

    /// Looks participants up by a condition: by keys, which are called by the names given here, or by external ids.
    fn look_up_participants(
        &mut self,
        condition: &dyn Fn(Sql) -> Sql,
        namespace: Namespace,
        keys: &HashMap<i64, String>,
    ) -> Result<(), Error> {
        let sql = Sql::new("SELECT p.external_id, p.id, p.kind, p.organization_id FROM participants p WHERE ");
        let found = condition(sql).load::<(Nullable<Text>, BigInt, Text, Nullable<BigInt>), PartyRow>(self.conn)?;
        let sight = administration_sight(self.conn, self.scope)?;
        let seen: Option<HashSet<i64>> = if sight.is_unlimited() {
            None
        } else {
            let sql = condition(Sql::new("SELECT p.id FROM participants p WHERE "));
            Some(sight.participants(sql, "p").load::<BigInt, i64>(self.conn)?.into_iter().collect())
        };
        let found = if keys.is_empty() {
            choose(found, |_| namespace, |row| (row.0.as_deref().unwrap_or_default(), row.1, row.3))?
        } else {
            found
        };
        for (external_id, id, kind, organization) in found {
            let Some(name) = keys.get(&id).cloned().or(external_id) else { continue };
            if seen.as_ref().is_some_and(|seen| !seen.contains(&id)) {
                self.known.hidden.insert((Target::Participant, name.clone()));
            }
            self.known.participants.insert(name, Party { id, kind, organization });
        }
        Ok(())
    }

    /// The same for groups.
    fn look_up_groups(&mut self, condition: &dyn Fn(Sql) -> Sql, keys: &HashMap<i64, String>) -> Result<(), Error> {
        let sql =
            Sql::new("SELECT g.external_id, g.id, g.member_filter IS NOT NULL, g.organization_id FROM groups g WHERE ");
        let found = condition(sql).load::<(Nullable<Text>, BigInt, Bool, Nullable<BigInt>), PlaceRow>(self.conn)?;
        let found = if keys.is_empty() {
            let usual = self.namespace;
            let own = self.namespace_of_group(usual);
            let namespace = |name: &str| own.get(name).copied().unwrap_or(usual);
            choose(found, namespace, |row| (row.0.as_deref().unwrap_or_default(), 0, row.3))?
        } else {
            found
        };
        for (external_id, id, dynamic, organization) in found {
            let Some(name) = keys.get(&id).cloned().or(external_id) else { continue };
            if !self.scope.viewer.may_administer(organization) {
                self.known.hidden.insert((Target::Group, name.clone()));
            }
            self.known.groups.insert(name, Place { id, dynamic, organization });
        }
        Ok(())
    }
}
