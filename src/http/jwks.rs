//! The public keys of session tokens.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::router::plain;
use crate::authn::{PUBLISHED_SECONDS, published};
use crate::request::App;

/// `/.well-known/jwks.json`, for services that verify tokens themselves. It may be cached for as long as a new key is
/// published before it is used.
pub async fn jwks(State(app): State<App>) -> Response {
    match published(&app.services.db, app.services.clock.now()).await {
        Ok(keys) => {
            // While there are no keys, the first one is used as soon as it is published.
            let keep = if keys.is_empty() {
                "no-store".to_owned()
            } else {
                format!("public, max-age={PUBLISHED_SECONDS}")
            };
            (
                [(header::CACHE_CONTROL, keep)],
                Json(serde_json::json!({ "keys": keys })),
            )
                .into_response()
        }
        Err(error) => {
            tracing::error!(%error, "the public keys cannot be read");
            plain(
                StatusCode::SERVICE_UNAVAILABLE,
                "the keys cannot be read at the moment\n",
            )
        }
    }
}
