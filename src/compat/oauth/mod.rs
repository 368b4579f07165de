//! OAuth endpoints for back ends and gateways: what a credential is worth now (RFC 7662), how anybody who holds one ends
//! it (RFC 7009), and the question of a proxy whether it may pass a request on.
//!
//! Forms only, of at most 64 KiB. A repeated parameter is an error, because a proxy could have read the other value;
//! credentials in the address are never read.

mod client;
mod form;
mod forward_auth;
mod introspect;
mod revoke;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::{MethodFilter, any, on};
use serde_json::{Value, json};

use super::face::{Face, unknown_path, usual_status, wrong_method};
use crate::model::Actor;
use crate::model::error::Error;
use crate::request::App;

/// The conventions of OAuth.
pub struct OAuth;

impl Face for OAuth {
    fn status(error: &Error, _owner: &Actor) -> StatusCode {
        usual_status(error)
    }

    fn body(status: StatusCode, message: &str) -> Value {
        let error = match status {
            StatusCode::UNAUTHORIZED => "invalid_client",
            StatusCode::FORBIDDEN => "insufficient_scope",
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => "temporarily_unavailable",
            StatusCode::INTERNAL_SERVER_ERROR => "server_error",
            _ => "invalid_request",
        };
        json!({ "error": error, "error_description": message })
    }
}

/// The routes that pages of other origins may call, as the operator configures it.
pub fn routes() -> Router<App> {
    Router::new()
        .route(
            "/oauth/revoke",
            on(MethodFilter::POST, revoke::revoke).fallback(wrong_method::<OAuth>),
        )
        .merge(unknown_path::<OAuth>("/oauth"))
}

/// The routes for servers alone.
pub fn server_routes() -> Router<App> {
    Router::new()
        .route(
            "/oauth/introspect",
            on(MethodFilter::POST, introspect::introspect).fallback(wrong_method::<OAuth>),
        )
        .route("/forward-auth", any(forward_auth::by_query))
        .route("/forward-auth/-/{*rest}", any(forward_auth::by_path))
}

/// Whether the body of a request to this path is never read.
pub fn ignores_body(path: &str) -> bool {
    path.strip_prefix("/forward-auth")
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
