//! The APIs of other products. They translate requests and call the same verbs as GraphQL; they contain no rules of
//! their own.
//!
//! - [`kili`] is GraphQL under that product's path.
//! - The others are REST: [`face`] is what they share — request, caller, body and errors in the product's format —
//!   [`fields`] parses a body's fields, [`listed`] writes a list while it is read, and [`users`] reads users with the related objects that all of them show.
//!
//! - [`oauth`] is the standard's own face: what back ends and gateways ask about a credential.
//! - [`scim`] is another standard's: identity providers keep users and groups here.
//!
//! Those of other products can be turned off; see [`crate::directory::faces`]. All can be on at the same time, because they
//! have different paths. An unknown path under `/api/` gives a response in WAII's format, if that is on.

pub mod air;
pub mod face;
pub mod fields;
pub mod kili;
pub mod listed;
pub mod oauth;
pub mod scim;
pub mod users;
pub mod waii;
pub mod wallaroo;

use axum::Router;

use crate::graphql::Schema;
use crate::model::Faces;
use crate::request::{App, RefusalFormat};

/// The routes of those that are on, and of the standards.
pub fn routes(schema: &Schema, on: Faces) -> Router<App> {
    let mut routes = oauth::routes().merge(scim::routes());
    if on.contains(Faces::KILI) {
        routes = routes.merge(kili::routes(schema));
    }
    if on.contains(Faces::WAII) {
        routes = routes.merge(waii::routes());
    }
    if on.contains(Faces::WALLAROO) {
        routes = routes.merge(wallaroo::routes());
    }
    if on.contains(Faces::AIR) {
        routes = routes.merge(air::routes());
    }
    routes
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

/// The format of a path's errors outside of handlers: a request head that is too large, a bug. `None` is GraphQL's. `on` are
/// the faces that are on.
pub fn form_of(path: &str, on: Faces) -> Option<RefusalFormat> {
    let under = |top: &str| {
        path.strip_prefix(top)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let is = |face: Faces, top: &str| on.contains(face) && under(top);
    if is(Faces::KILI, "/api/label") {
        None
    } else if is(Faces::AIR, "/api/data") {
        Some(face::form::<air::Air>)
    } else if is(Faces::WAII, "/api") {
        Some(face::form::<waii::Waii>)
    } else if is(Faces::WALLAROO, "/v1/api") {
        Some(face::form::<wallaroo::Mlops>)
    } else if is(Faces::WALLAROO, "/auth/realms") {
        Some(face::form::<wallaroo::OpenId>)
    } else if is(Faces::WALLAROO, "/auth") {
        Some(face::form::<wallaroo::KeycloakAdmin>)
    } else if under("/scim") {
        Some(scim::form)
    } else if under("/oauth") || under("/forward-auth") {
        Some(face::form::<oauth::OAuth>)
    } else {
        None
    }
}
