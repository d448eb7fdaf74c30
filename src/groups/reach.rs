//! Which groups the viewer may change.

use super::{Settings, store};
use crate::db::Conn;
use crate::error::{Code, Error, Rejection};
use crate::scope::Scope;

/// The stored settings of a group that the viewer administers, and whether it has components; locked.
///
/// # Errors
/// `NotFound` when there is none within sight, `Forbidden` when it is another organization's.
pub fn administered(conn: &mut Conn, scope: &Scope, id: i64, field: &str) -> Result<(Settings, bool), Error> {
    let missing = || Error::from(Rejection::new(Code::NotFound, "There is no such group.").at(field));
    let (settings, composite) = store::lock(conn, id)?.ok_or_else(missing)?;
    let viewer = &scope.viewer;
    if viewer.may_administer(settings.organization_id) {
        Ok((settings, composite))
    } else if settings.organization_id.is_some_and(|organization| viewer.staff_of.contains(&organization)) {
        Err(Rejection::new(Code::Forbidden, "You do not administer this group.").at(field).into())
    } else {
        Err(missing())
    }
}

/// The settings of a group of which [`administered`] says more than that there is none. It locks nothing: whoever may not know of
/// a group is told so in the same steps as of one that does not exist (K3), before anything else is looked at.
pub(super) fn known(conn: &mut Conn, scope: &Scope, id: i64) -> Result<Option<Settings>, Error> {
    let viewer = &scope.viewer;
    Ok(store::peek(conn, id)?.filter(|settings| {
        let organization = settings.organization_id;
        viewer.may_administer(organization) || organization.is_some_and(|id| viewer.staff_of.contains(&id))
    }))
}

/// Whether the viewer may know of a group that is to be changed, if there is one.
///
/// # Errors
/// What the database answers.
pub fn may_know(conn: &mut Conn, scope: &Scope, id: i64) -> Result<bool, Error> {
    // Nothing is hidden from administrators.
    Ok(scope.viewer.administrator || known(conn, scope, id)?.is_some())
}
