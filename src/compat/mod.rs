//! Other products' faces. They translate and call the verbs that GraphQL calls; none holds a rule of its own.
//!
//! - [`kili`] is GraphQL at that product's own path.
//! - The others are REST: [`face`] is what they share — a request in, its caller, its body read as the product reads it, a
//!   refusal in the product's own form — [`fields`] reads a body's fields, and [`people`] reads users with what all of
//!   them show beside a user.
//!
//! All are on at once; no two share a path, but that an unknown one under `/api/` answers in WAII's form.

pub mod air;
pub mod face;
pub mod fields;
pub mod kili;
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
}

/// The form in which a path's refusals are told that no handler makes: a request's head that is too large, a bug. `None`
/// is GraphQL's.
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
    } else {
        None
    }
}
