//! The public keys of session tokens.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::router::plain;
use crate::authn::{PUBLISHED_SECONDS, published};
use crate::request::App;

/// `/.well-known/jwks.json`, for those who check tokens themselves. It may be kept for as long as a new key is published
/// before it signs.
pub async fn jwks(State(app): State<App>) -> Response {
    match published(&app.services.db, app.services.clock.now()).await {
        Ok(keys) => {
            // Without keys yet, the first one comes unannounced.
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
