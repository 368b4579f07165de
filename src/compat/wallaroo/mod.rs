//! Wallaroo's face: the MLOps API under `/v1/api`, and, shaped as Keycloak has them, the token endpoint under
//! `/auth/realms` and the admin users under `/auth/admin`, all of which its SDK calls. Everything is inside the caller's
//! own organization, also for a super admin.

use axum::Router;
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::face::{Face, unknown_path, usual_status, wrong_method};
use crate::authn::Actor;
use crate::error::Error;
use crate::http::{App, IMPERSONATE};

/// The manners of the MLOps API.
pub struct Mlops;

impl Face for Mlops {
    const IMPERSONATE: &'static [&'static str] = &[IMPERSONATE];

    fn status(error: &Error, _owner: &Actor) -> StatusCode {
        match error {
            // The SDK takes every 403 for the seat limit, and models no other status but 400, 401 and 500.
            Error::SeatLimitReached(_) => StatusCode::FORBIDDEN,
            Error::Forbidden(_) | Error::PasswordChangeRequired(_) => StatusCode::UNAUTHORIZED,
            Error::NotFound(_) | Error::Conflict(_) | Error::LimitExceeded(_) => StatusCode::BAD_REQUEST,
            other => usual_status(other),
        }
    }

    fn body(status: StatusCode, message: &str) -> Value {
        json!({ "msg": message, "code": status.as_u16() })
    }
}

/// The manners of Keycloak's admin API.
pub struct KeycloakAdmin;

impl Face for KeycloakAdmin {
    const IMPERSONATE: &'static [&'static str] = &[IMPERSONATE];

    fn status(error: &Error, _owner: &Actor) -> StatusCode {
        match error {
            Error::SeatLimitReached(_) => StatusCode::FORBIDDEN,
            other => usual_status(other),
        }
    }

    fn body(status: StatusCode, message: &str) -> Value {
        match status {
            StatusCode::BAD_REQUEST | StatusCode::CONFLICT => json!({ "errorMessage": message }),
            _ => json!({ "error": message }),
        }
    }
}

/// The routes.
pub fn routes() -> Router<App> {
    let mlops = Router::new()
        .method_not_allowed_fallback(wrong_method::<Mlops>)
        .merge(unknown_path::<Mlops>("/v1/api"));
    let keycloak = Router::new()
        .method_not_allowed_fallback(wrong_method::<KeycloakAdmin>)
        .merge(unknown_path::<KeycloakAdmin>("/auth"));
    mlops.merge(keycloak)
}
