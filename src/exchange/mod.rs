//! What comes in from other systems: bundles of CSV files, read and imported.

pub mod bundle;
pub mod demo;
mod demo_content;
mod demo_records;
pub mod import;
pub mod year_plan;
