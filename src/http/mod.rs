//! HTTP: routes, limits, credentials, and one log line per request. It contains no rules of the directory.

mod activity;
mod client;
mod connection;
mod descriptors;
mod health;
mod jwks;
mod lent;
mod metrics;
mod middleware;
mod pages;
mod places;
mod router;
mod serve;
mod starting;

pub use client::Peer;
pub use router::router;
pub use serve::{Bounds, HEAD_BYTES_MAX, serve};
pub use starting::once_started;
