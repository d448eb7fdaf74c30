//! Three organizations to look around in: an association, a primary school and a tenants' organization. All people in
//! them are made up.
//!
//! Each is a bundle of CSV files under `demo/`, read and imported as any other.

use super::bundle::{self, Bundle, BundleErrors, Limits, Memory};
use super::import::{Failure, Options, Owner, Report, import};
use super::{demo_content, demo_records};
use crate::db::Db;
use crate::scope::Scope;

/// One organization of the demo.
#[derive(Clone, Copy, Debug)]
pub struct Demo {
    /// The external id of the organization, which is a participant of the bundle itself.
    pub organization: &'static str,
    files: &'static [(&'static str, &'static [u8])],
}

/// Files of one folder under `demo/`, by name.
macro_rules! files {
    ($folder:literal: $($file:literal)+) => {
        &[$(($file, include_bytes!(concat!("demo/", $folder, "/", $file)))),+]
    };
}

/// The organizations of the demo.
pub const DEMOS: [Demo; 3] = [
    Demo {
        organization: "DEMO-VER",
        files: files!("association": "categories.csv" "participants.csv" "groups.csv" "group_components.csv"
            "memberships.csv"),
    },
    Demo {
        organization: "DEMO-SCHOOL",
        files: files!("school": "categories.csv" "participants.csv" "groups.csv" "group_components.csv"
            "memberships.csv" "guardians.csv"),
    },
    Demo {
        organization: "DEMO-HUUR",
        files: files!("tenants": "categories.csv" "participants.csv" "groups.csv" "group_components.csv"
            "memberships.csv" "residencies.csv"),
    },
];

impl Demo {
    /// Reads the organization's bundle.
    ///
    /// # Errors
    /// What is wrong with it, which is nothing.
    pub fn bundle(&self) -> Result<Bundle, BundleErrors> {
        let files: Memory = self.files.iter().map(|(name, contents)| (*name, *contents)).collect();
        bundle::read_from(&files, &Limits::default())
    }
}

/// Imports all organizations of the demo, each with its own people, groups and content, and records of pupils. Doing
/// so again changes nothing.
///
/// # Errors
/// Those of [`import`].
pub fn fill(db: &Db, scope: &Scope) -> Result<Vec<Report>, Failure> {
    let reports = import_all(db, scope)?;
    db.write(|conn| {
        demo_content::fill(conn, scope)?;
        demo_records::fill(conn, scope)
    })?;
    Ok(reports)
}

fn import_all(db: &Db, scope: &Scope) -> Result<Vec<Report>, Failure> {
    DEMOS
        .iter()
        .map(|demo| {
            let owner = Owner::ExternalId(demo.organization.to_owned());
            let options = Options { organization: Some(owner), ..Options::default() };
            import(db, scope, &demo.bundle()?, &options, &mut |_| {})
        })
        .collect()
}
