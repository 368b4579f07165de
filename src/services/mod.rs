//! What a process has beside its database: configuration, hashing, mailing, what it counts and what it tells.

pub mod config;
pub mod hasher;
pub mod mailer;
pub mod network;
pub mod refusals;
pub mod telemetry;
