//! The rules of joining and leaving, one file each.

pub mod acting;
pub mod eligible;
pub mod open;
pub mod portal;
pub mod standing;
pub mod subscription_group;
