//! Keeps a whole database safe: copies of it, and checks of it. Knows tables and columns, and nothing of what they mean.

pub mod backup;
pub mod copy;
mod counters;
mod digest;
pub mod draft;
pub mod indexes;
mod laws;
mod load;
mod note;
pub mod relations;
pub mod restore;
mod rows;
pub mod scan;
pub mod secret;
pub mod space;
pub mod structure;
pub mod tables;
pub mod target;
mod verify;

pub use digest::{Digest, digest};
