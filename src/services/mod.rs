//! What a process has besides its database: configuration, hashing, mail, denied requests, counts and logs.

pub mod config;
pub mod counts;
pub mod hasher;
pub mod mailer;
pub mod network;
pub mod refusals;
pub mod telemetry;
pub mod user_counts;
