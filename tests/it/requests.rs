//! Requests as the specification says: what is wrong anywhere is refused before anything runs, and what is left out
//! changes nothing.

mod absent;
mod alone;
mod before_anything_runs;
mod differential;
mod roots;
