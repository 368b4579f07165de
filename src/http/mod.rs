//! HTTP: routes, limits, credentials, and one log line a request. It knows no rule of the directory.

mod body;
mod client;
mod connection;
mod graphql;
mod health;
mod jwks;
mod media;
mod metrics;
mod pages;
mod parameters;
mod places;
mod request;
mod router;
mod sending;
mod serve;

pub use crate::edge::Edge;
pub use body::{BODY_BYTES_MAX, read_body};
pub use client::Peer;
pub use graphql::{Sent, execute, refuse, status_of};
pub use request::{Facts, Form, RequestId, in_time, presented, to_its_end};
pub use router::{App, router};
pub use serve::{Bounds, HEAD_BYTES_MAX, serve};
