//! What is done to a server and beside its requests: set-up, work in the background, cleaning up, looking after it.

pub mod cleanup;
pub mod demo;
pub mod doctor;
pub mod setup;
pub mod signals;
pub mod worker;
