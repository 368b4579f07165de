//! Wasabi AiR's face: its users, groups and roles, REST under `/api/data`. A refusal is `{"error": "…"}`; everything is
//! inside the caller's own organization, also for a super admin.

use axum::Router;
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::face::{Face, unknown_path, usual_status, wrong_method};
use crate::authn::Actor;
use crate::error::Error;
use crate::http::{App, IMPERSONATE};

/// This product's manners.
pub struct Air;

impl Face for Air {
    const IMPERSONATE: &'static [&'static str] = &[IMPERSONATE];

    fn status(error: &Error, _owner: &Actor) -> StatusCode {
        match error {
            // The product knows no other word for "you may not".
            Error::Forbidden(_) => StatusCode::UNAUTHORIZED,
            Error::Conflict(_) | Error::SeatLimitReached(_) => StatusCode::BAD_REQUEST,
            other => usual_status(other),
        }
    }

    fn body(_status: StatusCode, message: &str) -> Value {
        json!({ "error": message })
    }
}

/// The routes.
pub fn routes() -> Router<App> {
    Router::new()
        .method_not_allowed_fallback(wrong_method::<Air>)
        .merge(unknown_path::<Air>("/api/data"))
}
