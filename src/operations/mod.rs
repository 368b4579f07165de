//! Everything besides requests: set-up, background work, cleanup and diagnosis.

pub mod cleanup;
pub mod demo;
pub mod doctor;
pub mod setup;
pub mod signals;
pub mod words;
pub mod worker;
