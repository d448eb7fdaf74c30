//! What a school keeps of its pupils for one school year: absence reports, leave requests and lunch stays.
//!
//! All of it is bound to a group and a school year and is erased when that year is over. So nothing of it is written to
//! the history or into any other place that outlives it.
//!
//! ```text
//! readers    who reads a record
//! rules      what making and changing all of them have in common
//! absence, leave, lunch    what can be done, each in a file
//! store      the records as rows
//! erasure    what the transition to the next school year erases
//! ```

pub mod absence;
pub mod erasure;
pub mod leave;
pub mod lunch;
pub mod readers;
pub mod records;
pub mod rules;
pub mod store;
pub mod year;
