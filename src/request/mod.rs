//! Requests, before they reach an API: what handlers work with, the credential, the body with its limits, and GraphQL
//! over HTTP. It contains no rules of the directory.

mod body;
mod credentials;
mod graphql;
mod info;
mod media;
mod once;
mod parameters;
mod run;
mod sending;

use std::sync::Arc;

pub use body::{BODY_BYTES_MAX, Stopping, read_body, read_body_up_to};
pub use credentials::presented;
pub use graphql::{execute, refuse, refuse_with_code, route, status_of};
pub use info::{LogFields, RefusalFormat, RequestInfo};
pub use media::is_encoded;
pub use once::key as idempotency_key;
pub use parameters::Sent;
pub use run::{in_time, to_its_end};
pub use sending::held_body;

use crate::context::Services;
use crate::graphql::Schema;
use crate::services::network::Edge;

/// What handlers work with.
#[derive(Clone)]
pub struct App {
    pub services: Arc<Services>,
    pub schema: Schema,
    /// Whether the start page and GraphiQL are served.
    pub pages: bool,
    /// Whether the pages behind the links in mails are served, because these links lead here.
    pub link_pages: bool,
    /// Whether the schema may be read: as text here, and by introspection according to
    /// [`graphql::build`](crate::graphql::build).
    pub introspection: bool,
    pub edge: Arc<Edge>,
}
