//! What comes in from other systems: bundles of CSV files, read and imported.

pub mod bundle;
pub mod demo;
pub mod import;
