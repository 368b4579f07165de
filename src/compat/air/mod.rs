//! Wasabi AiR's API for users, groups and roles: REST under `/api/data`. An error is `{"error": "…"}`; every call is
//! limited to the caller's organization, even for a super admin.
//!
//! The product shows one role per user, `role_id`, which is a view on all of the user's roles
//! ([`crate::directory::role::Held::role_id`]). A group's id is its key. Null instead of a string or a boolean is a
//! wrong type here, and is refused before it reaches the verbs, where it would mean "not specified".

mod groups;
mod members;
mod roles;
mod users;

use axum::Router;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter};
use serde_json::{Value, json};

use super::face::{self, Call, Face, Takes, call, unknown_path, usual_status, wrong_method};
use crate::model::Actor;
use crate::model::error::{Error, Result};
use crate::request::App;

/// The conventions of this product.
pub struct Air;

impl Face for Air {
    fn status(error: &Error, _owner: &Actor) -> StatusCode {
        match error {
            // The product has no other status for "not allowed".
            Error::Forbidden(_) | Error::PasswordChangeRequired(_) => StatusCode::UNAUTHORIZED,
            Error::Conflict(_) | Error::SeatLimitReached(_) => StatusCode::BAD_REQUEST,
            other => usual_status(other),
        }
    }

    fn body(_status: StatusCode, message: &str) -> Value {
        json!({ "error": message })
    }
}

fn bare<H, Fut>(method: MethodFilter, operation: &'static str, action: &'static str, handle: H) -> MethodRouter<App>
where
    H: Fn(Call) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<Response>> + Send + 'static,
{
    call::<Air, _, _>(method, Takes::Nothing, operation, action, handle)
}

fn sent<H, Fut>(method: MethodFilter, operation: &'static str, action: &'static str, handle: H) -> MethodRouter<App>
where
    H: Fn(Call) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<Response>> + Send + 'static,
{
    call::<Air, _, _>(method, Takes::Object, operation, action, handle)
}

/// The routes.
pub fn routes() -> Router<App> {
    use MethodFilter as On;
    let create = sent(On::POST, "air POST users", "user.create", users::create);
    let users = bare(On::GET, "air GET users", "user.read", users::list).merge(create);
    let user = bare(On::GET, "air GET users/{id}", "user.read", users::read)
        .merge(sent(On::PUT, "air PUT users/{id}", "user.update", users::replace))
        .merge(sent(On::PATCH, "air PATCH users/{id}", "user.update", users::change));
    let set = "air PUT users/{id}/password";
    let password = sent(On::PUT, set, "password.set", users::set_password);
    let roles = bare(On::GET, "air GET roles", "role.read", roles::list);
    let role = bare(On::GET, "air GET roles/{id}", "role.read", roles::read);
    let create = sent(On::POST, "air POST groups", "group.create", groups::create);
    let groups = bare(On::GET, "air GET groups", "group.read", groups::list).merge(create);
    let delete = bare(On::DELETE, "air DELETE groups/{id}", "group.delete", groups::delete);
    let group = bare(On::GET, "air GET groups/{id}", "group.read", groups::read)
        .merge(sent(On::PUT, "air PUT groups/{id}", "group.update", groups::change))
        .merge(delete);
    let groups_of_user = bare(On::GET, "air GET users/{id}/groups", "group.read", members::list);
    let (add, remove) = ("air PUT users/{id}/groups/{id}", "air DELETE users/{id}/groups/{id}");
    let member = bare(On::PUT, add, "group.addUser", members::add).merge(bare(
        On::DELETE,
        remove,
        "group.removeUser",
        members::remove,
    ));
    Router::new()
        .route("/api/data/users", users)
        .route("/api/data/users/{id}", user)
        .route("/api/data/users/{id}/password", password)
        .route("/api/data/roles", roles)
        .route("/api/data/roles/{id}", role)
        .route("/api/data/v3/groups", groups)
        .route("/api/data/v3/groups/{id}", group)
        .route("/api/data/v3/users/{id}/groups", groups_of_user)
        .route("/api/data/v3/users/{id}/groups/{group_id}", member)
        .method_not_allowed_fallback(wrong_method::<Air>)
        .merge(unknown_path::<Air>("/api/data"))
}

/// The response to a change without a result.
fn done() -> Response {
    face::json(StatusCode::OK, &json!({ "ok": true }))
}
