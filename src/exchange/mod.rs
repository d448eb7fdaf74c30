//! What comes in from other systems, read and imported: bundles of CSV files, and rosters in EDEXML.

pub mod bundle;
pub mod demo;
mod demo_content;
mod demo_records;
pub mod edexml;
pub mod import;
pub mod year_plan;
