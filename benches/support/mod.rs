//! What the benchmark of the gateway is made of.

pub mod client;
pub mod generate;
pub mod handwritten;
pub mod operations;
pub mod usage;
