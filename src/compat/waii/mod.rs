//! WAII's face: the user module of `waii-sdk-py`, REST under `/api/`.
//!
//! Its contract is the client's: always `POST`, always a JSON object back, exactly 200, and a refusal is
//! `{"detail": "…"}`, all that a program there ever learns of it. Each call asks first whether the caller's roles allow it
//! at all, and reads the fields only then. What the client cannot leave out arrives as null, ids also as the empty text:
//! both mean "not given".
//!
//! One thing of the product there is not: it keeps other products' logins for its users (`create-user-secret`), and this
//! server keeps no secret that it could give back.

mod keys;
mod oneself;
mod organizations;
mod roles;
mod tenants;
mod users;

use std::future::Future;

use axum::Router;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::face::{self, Call, Face, Takes, unknown_path, usual_status, wrong_method};
use super::fields::Fields;
use crate::context::OpContext;
use crate::directory::organization;
use crate::list::{Filter, TextTest};
use crate::model::Actor;
use crate::model::Permissions;
use crate::model::error::{Error, Result};
use crate::model::{JsonText, OrganizationId};
use crate::request::App;

/// This product's manners.
pub struct Waii;

impl Face for Waii {
    fn status(error: &Error, actor: &Actor) -> StatusCode {
        match error {
            // Whoever is bound to one organization must not learn what exists elsewhere.
            Error::NotFound(_) if !actor.permissions().contains(Permissions::EVERY_ORGANIZATION) => {
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
        .merge(oneself::routes())
        .merge(keys::routes())
        .merge(organizations::routes())
        .merge(tenants::routes())
        .merge(users::routes())
        .method_not_allowed_fallback(wrong_method::<Waii>)
        .merge(unknown_path::<Waii>("/api"))
}

fn call<H, Fut>(operation: &'static str, handle: H) -> MethodRouter<App>
where
    H: Fn(Call) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<Response>> + Send + 'static,
{
    face::call::<Waii, _, _>(MethodFilter::POST, Takes::Object, operation, handle)
}

/// The answer of a call that has nothing to tell.
fn done() -> Response {
    face::json(StatusCode::OK, &json!({}))
}

/// An id that may be left out: null and the empty text are not given. What can be nobody's id is refused before anything
/// is looked for.
fn optional_id<T>(fields: &Fields, name: &str, parse: fn(&str, &str) -> Result<T>) -> Result<Option<T>> {
    let given = fields.text(name)?.filter(|id| !id.is_empty());
    given.map(|id| parse(name, id)).transpose()
}

/// An id that must be given; the empty text is none.
fn id<T>(fields: &Fields, name: &str, parse: fn(&str, &str) -> Result<T>) -> Result<T> {
    parse(name, fields.required_text(name)?)
}

/// The organization that a list is about: the one named, or else the caller's own, also for who reaches further.
fn organization_or_own(op: &OpContext, named: Option<OrganizationId>) -> Filter<organization::Term> {
    let own = || op.actor().caller().map(|caller| caller.organization_id.clone());
    match named.or_else(own) {
        Some(id) => Filter::Is(organization::Term::Id(TextTest::Equals(id.to_string()))),
        None => Filter::Any(Vec::new()),
    }
}

/// Stored JSON, to be written as it is.
fn kept(json: Option<&JsonText>) -> serde_json::Result<Option<&RawValue>> {
    json.map(|json| serde_json::from_str(json.as_str())).transpose()
}
