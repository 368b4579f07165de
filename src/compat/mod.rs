//! The APIs of other products. They translate requests and call the same verbs as GraphQL; they contain no rules of
//! their own.
//!
//! - [`kili`] is GraphQL under that product's path.
//! - The others are REST: [`face`] is what they share — request, caller, body and errors in the product's format —
//!   [`fields`] parses a body's fields, and [`users`] reads users with the related objects that all of them show.
//!
//! - [`oauth`] is the standard's own face: what back ends and gateways ask about a credential.
//!
//! All are enabled at the same time and have different paths. An unknown path under `/api/` gives a response in WAII's
//! format.

pub mod air;
pub mod face;
pub mod fields;
pub mod kili;
pub mod oauth;
pub mod users;
pub mod waii;
pub mod wallaroo;

use axum::Router;

use crate::graphql::Schema;
use crate::request::{App, RefusalFormat};

/// The routes of all of them.
pub fn routes(schema: &Schema) -> Router<App> {
    Router::new()
        .merge(kili::routes(schema))
        .merge(waii::routes())
        .merge(wallaroo::routes())
        .merge(air::routes())
        .merge(oauth::routes())
}

/// The routes that pages of all origins may read.
pub fn public_routes() -> Router<App> {
    oauth::public_routes()
}

/// The routes that no page of another origin may call, whatever the operator configures.
pub fn server_routes() -> Router<App> {
    oauth::server_routes()
}

/// Whether the body of a request to this path is never read, and so may have any encoding.
pub fn ignores_body(path: &str) -> bool {
    oauth::ignores_body(path)
}

/// The format of a path's errors outside of handlers: a request head that is too large, a bug. `None` is GraphQL's.
pub fn form_of(path: &str) -> Option<RefusalFormat> {
    let under = |top: &str| {
        path.strip_prefix(top)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    if under("/api/label") {
        None
    } else if under("/api/data") {
        Some(face::form::<air::Air>)
    } else if under("/api") {
        Some(face::form::<waii::Waii>)
    } else if under("/v1/api") {
        Some(face::form::<wallaroo::Mlops>)
    } else if under("/auth/realms") {
        Some(face::form::<wallaroo::OpenId>)
    } else if under("/auth") {
        Some(face::form::<wallaroo::KeycloakAdmin>)
    } else if under("/oauth") || under("/forward-auth") {
        Some(face::form::<oauth::OAuth>)
    } else {
        None
    }
}
