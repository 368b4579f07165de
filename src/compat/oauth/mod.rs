//! OAuth endpoints for back ends and gateways: access tokens (RFC 6749, RFC 8693), what a credential is worth now
//! (RFC 7662), how anybody who holds one ends it (RFC 7009), what of this is offered (RFC 8414), and the question of a
//! proxy whether it may pass a request on.
//!
//! Forms only, of at most 64 KiB. A repeated parameter is an error, because a proxy could have read the other value;
//! credentials in the address are never read.

mod client;
mod form;
mod forward_auth;
mod introspect;
mod metadata;
mod revoke;
mod token;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::{MethodFilter, any, get, on};
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
            "/oauth/token",
            on(MethodFilter::POST, token::token).fallback(wrong_method::<OAuth>),
        )
        .route(
            "/oauth/revoke",
            on(MethodFilter::POST, revoke::revoke).fallback(wrong_method::<OAuth>),
        )
        .merge(unknown_path::<OAuth>("/oauth"))
}

/// The routes that pages of all origins may read.
pub fn public_routes() -> Router<App> {
    Router::new()
        .route("/.well-known/oauth-authorization-server", get(metadata::metadata))
        .route(
            "/.well-known/oauth-authorization-server/{*path}",
            get(metadata::metadata_of_path),
        )
        .route("/.well-known/openid-configuration", get(metadata::metadata))
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
