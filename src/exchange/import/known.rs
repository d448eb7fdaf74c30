//! The records that a bundle names, as far as they are stored.

use std::collections::{HashMap, HashSet};

use diesel::sql_types::{BigInt, Bool, Nullable, Text};

use super::batch::CHUNK;
use super::{Owner, Run};
use crate::db::Sql;
use crate::error::{Code, Error};
use crate::exchange::bundle::{Reference, Target};
use crate::people::ParticipantKind;
use crate::people::commands::{administration_sight, owner};

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
enum Namespace {
    /// Whoever has them, as long as it is only one.
    Anybody,
    /// This organization's, and those of records that no organization keeps.
    Of(i64),
    /// Those of records that no organization keeps: the organization is still to come.
    Nobody,
}

impl Namespace {
    /// Of stored records, those that are meant: at most one for each external id.
    fn choose<Row>(
        self,
        rows: Vec<Row>,
        of: impl Fn(&Row) -> (&String, Option<i64>),
        id: impl Fn(&Row) -> i64,
    ) -> Result<Vec<Row>, Error> {
        let mut chosen: HashMap<String, Row> = HashMap::new();
        for row in rows {
            let (external_id, organization) = of(&row);
            let meant = match (self, organization) {
                (Self::Anybody, _) | (_, None) => true,
                (Self::Of(this), Some(that)) => this == that || this == id(&row),
                (Self::Nobody, Some(_)) => false,
            };
            if !meant {
                continue;
            }
            let external_id = external_id.clone();
            match chosen.get(&external_id).map(|other| of(other).1) {
                Some(Some(_)) if organization.is_some() => return Err(ambiguous(&external_id)),
                // A record that an organization keeps comes before one that nobody does, but never by a guess.
                Some(_) if self == Self::Anybody => return Err(ambiguous(&external_id)),
                Some(_) if organization.is_none() => {}
                _ => drop(chosen.insert(external_id, row)),
            }
        }
        Ok(chosen.into_values().collect())
    }
}

pub(super) fn ambiguous(external_id: &str) -> Error {
    let message =
        format!("Several organizations use the external id \"{external_id}\"; name the organization to import for.");
    Error::rejected(Code::Conflict, message)
}

impl Run<'_> {
    /// Finds the records that the bundle names.
    pub(super) fn look_up(&mut self) -> Result<(), Error> {
        let bundle = self.bundle;
        let namespace = self.namespace()?;
        let ids = self.named(Target::Category, bundle.categories.iter().map(|row| &*row.external_id));
        for ids in ids.chunks(CHUNK) {
            let sql = Sql::new("SELECT external_id, id FROM group_categories WHERE external_id").in_strings(ids);
            self.known.categories.extend(sql.load::<(Text, BigInt), (String, i64)>(self.conn)?);
        }
        let options = self.options;
        let keeper = match &options.organization {
            Some(Owner::ExternalId(id)) => Some(id.as_str()),
            _ => None,
        };
        let rows = bundle.participants.iter().map(|row| &*row.external_id);
        let ids = self.named(Target::Participant, rows.chain(keeper));
        for ids in ids.chunks(CHUNK) {
            self.look_up_participants(ids, namespace)?;
        }
        let ids = self.named(Target::Group, bundle.groups.iter().map(|row| &*row.external_id));
        for ids in ids.chunks(CHUNK) {
            self.look_up_groups(ids, namespace)?;
        }
        Ok(())
    }

    /// Whose external ids the bundle speaks of.
    fn namespace(&mut self) -> Result<Namespace, Error> {
        Ok(match &self.options.organization {
            None => owner(self.scope, None)?.map_or(Namespace::Anybody, Namespace::Of),
            Some(Owner::Id(id)) => Namespace::Of(*id),
            Some(Owner::ExternalId(external_id)) => {
                let found = Sql::new("SELECT id FROM participants WHERE kind = 'ORGANIZATION' AND external_id = ")
                    .string(external_id.clone())
                    .load::<BigInt, i64>(self.conn)?;
                match found.as_slice() {
                    [] => Namespace::Nobody,
                    [id] => Namespace::Of(*id),
                    _ => return Err(ambiguous(external_id)),
                }
            }
        })
    }

    /// The external ids of one kind that rows have or refer to, each once.
    fn named<'b>(&'b self, target: Target, rows: impl Iterator<Item = &'b str>) -> Vec<String> {
        let elsewhere = self.bundle.unresolved.iter().filter(|open| open.target == target);
        let ids: HashSet<&str> = rows.chain(elsewhere.map(|open| &*open.reference.id)).collect();
        ids.into_iter().map(ToOwned::to_owned).collect()
    }

    fn look_up_participants(&mut self, ids: &[String], namespace: Namespace) -> Result<(), Error> {
        let found =
            Sql::new("SELECT p.external_id, p.id, p.kind, p.organization_id FROM participants p WHERE p.external_id")
                .in_strings(ids)
                .load::<(Text, BigInt, Text, Nullable<BigInt>), (String, i64, ParticipantKind, Option<i64>)>(
                    self.conn,
                )?;
        let sight = administration_sight(self.conn, self.scope)?;
        let seen: Option<HashSet<i64>> = if sight.is_unlimited() {
            None
        } else {
            let sql = Sql::new("SELECT p.id FROM participants p WHERE p.external_id").in_strings(ids);
            Some(sight.participants(sql, "p").load::<BigInt, i64>(self.conn)?.into_iter().collect())
        };
        let found = namespace.choose(found, |row| (&row.0, row.3), |row| row.1)?;
        for (external_id, id, kind, organization) in found {
            if seen.as_ref().is_some_and(|seen| !seen.contains(&id)) {
                self.known.hidden.insert((Target::Participant, external_id.clone()));
            }
            self.known.participants.insert(external_id, Party { id, kind, organization });
        }
        Ok(())
    }

    fn look_up_groups(&mut self, ids: &[String], namespace: Namespace) -> Result<(), Error> {
        let sql = Sql::new(
            "SELECT g.external_id, g.id, g.member_filter IS NOT NULL, g.organization_id FROM groups g WHERE g.external_id",
        );
        let found = sql
            .in_strings(ids)
            .load::<(Text, BigInt, Bool, Nullable<BigInt>), (String, i64, bool, Option<i64>)>(self.conn)?;
        let found = namespace.choose(found, |row| (&row.0, row.3), |_| 0)?;
        for (external_id, id, dynamic, organization) in found {
            if !self.scope.viewer.may_administer(organization) {
                self.known.hidden.insert((Target::Group, external_id.clone()));
            }
            self.known.groups.insert(external_id, Place { id, dynamic, organization });
        }
        Ok(())
    }
}
