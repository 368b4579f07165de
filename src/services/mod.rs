//! What a process has besides its database: configuration, hashing, mail, denied requests and logs.

pub mod config;
pub mod hasher;
pub mod mailer;
pub mod network;
pub mod refusals;
pub mod telemetry;
