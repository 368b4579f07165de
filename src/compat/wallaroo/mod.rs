//! Wallaroo's APIs, as its SDK uses them: the MLOps API under `/v1/api`, and Keycloak's token endpoint under
//! `/auth/realms` and admin API for users under `/auth/admin`. Every call is limited to the caller's organization, even
//! for a super admin.
//!
//! Each of the three has its own error format. The SDK ignores messages and checks statuses: it treats every 403 of the
//! MLOps API as the seat limit, and every response to a `PUT` except 204 as an unknown user.
//!
//! The device grant, which the SDK uses for `auth_type="sso"`, is not supported, because it needs a sign-in page.

mod admin;
mod pattern;
mod representation;
mod search;
mod token;
mod users;

use axum::Router;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter, on};
use serde_json::{Value, json};

use super::face::{Call, Face, Takes, call, refused, unknown_path, usual_status, wrong_method};
use crate::model::Actor;
use crate::model::error::{Error, Result};
use crate::request::App;

/// The conventions of the MLOps API.
pub struct Mlops;

impl Face for Mlops {
    fn status(error: &Error, _owner: &Actor) -> StatusCode {
        match error {
            // The SDK treats every 403 as the seat limit, and otherwise only knows 400, 401 and 500.
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

/// The conventions of Keycloak's admin API.
pub struct KeycloakAdmin;

impl Face for KeycloakAdmin {
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

    /// Uses Keycloak's own messages where it has some.
    fn refusal(error: &Error, owner: &Actor) -> Response {
        let status = Self::status(error, owner);
        let text = match error {
            Error::Unauthenticated(_) => "HTTP 401 Unauthorized".to_owned(),
            Error::NotFound(_) => "User not found".to_owned(),
            other => other.to_string(),
        };
        refused(Self::saying(status, &text), error, owner)
    }
}

/// The conventions of the token endpoint, and of the other paths under it.
pub struct OpenId;

impl Face for OpenId {
    fn status(error: &Error, _owner: &Actor) -> StatusCode {
        usual_status(error)
    }

    fn body(status: StatusCode, message: &str) -> Value {
        let error = match status {
            StatusCode::UNAUTHORIZED => "invalid_client",
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => "temporarily_unavailable",
            StatusCode::INTERNAL_SERVER_ERROR => "server_error",
            _ => "invalid_request",
        };
        json!({ "error": error, "error_description": message })
    }
}

fn post<H, Fut>(operation: &'static str, action: &'static str, handle: H) -> MethodRouter<App>
where
    H: Fn(Call) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<Response>> + Send + 'static,
{
    call::<Mlops, _, _>(MethodFilter::POST, Takes::Object, operation, action, handle)
}

/// The routes.
pub fn routes() -> Router<App> {
    let mlops = Router::new()
        .route("/v1/api/config", on(MethodFilter::GET, users::config))
        .route("/v1/api/users/query", post("wallaroo query", "user.read", users::query))
        .route(
            "/v1/api/users/invite",
            post("wallaroo invite", "user.create", users::invite),
        )
        .route(
            "/v1/api/users/deactivate",
            post("wallaroo deactivate", "user.deactivate", users::deactivate),
        )
        .route(
            "/v1/api/users/activate",
            post("wallaroo activate", "user.activate", users::activate),
        )
        .route("/v1/api/user", post("wallaroo edit", "user.update", users::edit))
        .method_not_allowed_fallback(wrong_method::<Mlops>)
        .merge(unknown_path::<Mlops>("/v1/api"));
    let search = call::<KeycloakAdmin, _, _>(
        MethodFilter::GET,
        Takes::Nothing,
        "wallaroo GET users",
        "user.read",
        search::search,
    );
    let read = call::<KeycloakAdmin, _, _>(
        MethodFilter::GET,
        Takes::Nothing,
        "wallaroo GET user",
        "user.read",
        admin::read,
    );
    let update = call::<KeycloakAdmin, _, _>(
        MethodFilter::PUT,
        Takes::Object,
        "wallaroo PUT user",
        "user.update",
        admin::update,
    );
    let admin = Router::new()
        .route("/auth/admin/realms/master/users", search)
        .route("/auth/admin/realms/master/users/{id}", read.merge(update))
        .method_not_allowed_fallback(wrong_method::<KeycloakAdmin>)
        .merge(unknown_path::<KeycloakAdmin>("/auth"));
    let openid = Router::new()
        .route(
            "/auth/realms/master/protocol/openid-connect/token",
            on(MethodFilter::POST, token::token),
        )
        .method_not_allowed_fallback(wrong_method::<OpenId>)
        .merge(unknown_path::<OpenId>("/auth/realms"));
    mlops.merge(admin).merge(openid)
}
