//! For which organization a bundle is imported, and what is its to change.

use super::known::{Namespace, Party};
use super::{Owner, Run};
use crate::access::sight::Sight;
use crate::error::{Code, Error};
use crate::exchange::bundle::{self, At, ErrorCode, Reference, Shown};
use crate::people;
use crate::people::ParticipantKind;
use crate::people::commands::owner;

/// The organization that keeps what a bundle brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keeper {
    /// New records belong to no organization; a bundle may change any.
    Nobody,
    /// This organization.
    Stored(i64),
    /// An organization of the bundle that is still to be written.
    Coming,
}

impl Keeper {
    /// Its key, once it is stored.
    pub(super) fn id(self) -> Option<i64> {
        match self {
            Self::Stored(id) => Some(id),
            Self::Nobody | Self::Coming => None,
        }
    }
}

impl Run<'_> {
    /// Finds the organization for which the bundle is imported.
    pub(super) fn find_keeper(&mut self) -> Result<Keeper, Error> {
        let keeper = match &self.options.organization {
            None => return Ok(owner(self.scope, None)?.map_or(Keeper::Nobody, Keeper::Stored)),
            Some(Owner::Id(id)) => {
                let found = people::store::by_ids(self.conn, &Sight::unlimited(), false, &[*id])?;
                let fits = found.iter().any(|row| row.kind == ParticipantKind::Organization);
                fits.then_some(Keeper::Stored(*id))
            }
            Some(Owner::ExternalId(external_id)) => self.keeper_by_external_id(external_id),
        };
        let keeper = keeper
            .ok_or_else(|| Error::rejected(Code::NotFound, "There is no organization to import the bundle for."))?;
        if self.scope.viewer.may_administer(keeper.id()) {
            Ok(keeper)
        } else {
            Err(Error::rejected(Code::Forbidden, "You may only import for an organization that you administer."))
        }
    }

    fn keeper_by_external_id(&self, external_id: &str) -> Option<Keeper> {
        match self.namespace {
            Namespace::Of(id) => Some(Keeper::Stored(id)),
            Namespace::Anybody | Namespace::Nobody => {
                let is_it = |row: &&bundle::Participant| {
                    &*row.external_id == external_id && row.kind == Some(bundle::ParticipantKind::Organization)
                };
                self.bundle.participants.iter().find(is_it).map(|_| Keeper::Coming)
            }
        }
    }

    /// Whether a stored record is another organization's.
    pub(super) fn is_kept_elsewhere(&self, organization: Option<i64>) -> bool {
        match (self.keeper, organization) {
            (Keeper::Nobody, _) => false,
            (Keeper::Stored(keeper), Some(organization)) => keeper != organization,
            (Keeper::Coming, Some(_)) => true,
            (_, None) => !self.scope.viewer.may_administer(None),
        }
    }

    /// The key of a participant whose record a row changes; refused if another organization keeps it.
    pub(super) fn participant_to_change(&mut self, reference: &Reference) -> Option<i64> {
        let Party { id, organization, .. } = *self.known.participants.get(&*reference.id)?;
        if self.keeper.id() != Some(id) && self.is_kept_elsewhere(organization) {
            self.refuse_elsewhere(reference.at, "participant", &reference.id);
            return None;
        }
        Some(id)
    }

    /// Refuses a row that would change another organization's record.
    pub(super) fn refuse_elsewhere(&mut self, at: At, what: &str, external_id: &str) {
        let message = format!("{what} {} is kept by another organization", Shown(external_id));
        self.log.report(at, ErrorCode::OtherOrganization, message);
    }
}
