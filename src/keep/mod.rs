//! Keeps a whole database safe: copies of it, and checks of it. Knows tables and columns, and nothing of what they mean.

pub mod backup;
mod counters;
mod digest;
mod draft;
mod indexes;
mod laws;
mod load;
pub mod relations;
mod rows;
pub mod scan;
pub mod structure;
pub mod tables;
mod verify;

pub use digest::{Digest, digest};
