//! Kring as its clients see it. Every case runs on SQLite and on PostgreSQL; without a PostgreSQL server
//! (`KRING_TEST_POSTGRES`) the second half is reported as ignored.

// A test says what it expects by failing; these lints are for code that people rely on.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![allow(clippy::pedantic, clippy::type_complexity, clippy::cloned_ref_to_slice_refs)]

mod harness;

mod access;
mod backends;
mod bucket;
mod budget;
mod budget_walk;
mod composition;
mod content;
mod content_model;
mod copies;
mod deleting;
mod explorer_page;
mod files;
mod groups;
mod guardians;
mod hostile;
mod house;
mod http;
mod import_rules;
mod imports;
mod joining;
mod lattices;
mod live;
mod logs;
mod machines;
mod mail;
mod members;
mod memory;
mod operations;
mod participation;
mod people;
mod pictures;
mod postal;
mod races;
mod reads;
mod requests;
mod rosters;
mod rounds;
mod schema;
mod school_records;
mod shapes;
mod shields;
mod sign_ups;
mod smtp;
mod soak;
mod statuses;
mod subscriptions;
mod talks;
mod text;
mod tokens;
mod turns;
mod year;
mod year_model;

#[global_allocator]
static ALLOCATOR: memory::Counting = memory::Counting;

fn main() {
    let arguments = libtest_mimic::Arguments::from_args();
    libtest_mimic::run(&arguments, harness::trials()).exit();
}
