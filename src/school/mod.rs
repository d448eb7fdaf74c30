//! What a school keeps of its pupils for one school year: absence reports, leave requests and lunch stays.

pub mod records;
pub mod year;
