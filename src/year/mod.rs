//! From one school year to the next, and from one group to another within it.

pub mod behind;
mod store;
