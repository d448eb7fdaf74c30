//! What people type: how it is let in, compared, ordered and found, the same on both databases. Keys are made here and
//! compared by code point there.

mod door;
mod fold;
mod order;
mod search;

pub use door::{Fault, is_blank, line_fault, prose_fault, shown, tidy_line, tidy_prose};
pub use fold::{VERSION, fold};
pub use order::{person_sort_key, sort_key, with_prefix};
pub use search::{MAX_WORDS, pattern, searchable, searchable_person, words};

/// What a postal code is compared by: "3511 ab" is "3511AB".
pub fn postal_key(code: &str) -> String {
    fold(code).replace(' ', "")
}

/// What the code of a reason is compared by: codes are made of capitals, digits and underscores.
pub fn code_key(code: &str) -> String {
    fold(code).to_ascii_uppercase()
}
