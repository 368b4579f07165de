//! WAII's face: the user module of `waii-sdk-py`, REST under `/api/`. Its contract is the client's: always `POST`, always a
//! JSON object back, exactly 200, and a refusal is `{"detail": "…"}`.

use axum::Router;
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::face::{Face, unknown_path, usual_status, wrong_method};
use crate::authn::Actor;
use crate::error::Error;
use crate::http::{App, IMPERSONATE};
use crate::permission::Permissions;

/// This product's manners.
pub struct Waii;

impl Face for Waii {
    const IMPERSONATE: &'static [&'static str] = &[IMPERSONATE, "x-waii-impersonate-user"];

    fn status(error: &Error, owner: &Actor) -> StatusCode {
        match error {
            // Whoever is bound to one organization must not learn what exists elsewhere.
            Error::NotFound(_) if !owner.permissions().contains(Permissions::EVERY_ORGANIZATION) => {
                StatusCode::FORBIDDEN
            }
            other => usual_status(other),
        }
    }

    fn body(_status: StatusCode, message: &str) -> Value {
        json!({ "detail": message })
    }
}

/// The routes.
pub fn routes() -> Router<App> {
    Router::new()
        .method_not_allowed_fallback(wrong_method::<Waii>)
        .merge(unknown_path::<Waii>("/api"))
}
