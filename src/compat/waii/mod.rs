//! WAII's API for the user module of `waii-sdk-py`: REST under `/api/`.
//!
//! The client defines the contract: always `POST`, always a JSON object as response, exactly status 200, and errors are
//! `{"detail": "…"}`, of which the program sees only the text. Each call first checks whether the caller's roles allow
//! it at all, and only then parses the fields. Fields that the client cannot omit are null, or for ids the empty
//! string: both mean "not specified".
//!
//! One call of the product is not supported: `create-user-secret` stores logins for other products, and this server
//! stores no recoverable secrets.

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
use crate::model::error::{Error, Result};
use crate::model::{Actor, Door, JsonText, OrganizationId};
use crate::request::App;

/// The conventions of this product.
pub struct Waii;

impl Face for Waii {
    fn status(error: &Error, actor: &Actor) -> StatusCode {
        match error {
            // A caller of one organization must not learn what exists in others.
            Error::NotFound(_) if !actor.rights().reach_everywhere() => StatusCode::FORBIDDEN,
            other => usual_status(other),
        }
    }

    fn body(_status: StatusCode, message: &str) -> Value {
        // tenantry's own permissions, which end a list of names, mean nothing to WAII.
        let own = Door::all()
            .names()
            .into_iter()
            .filter(|name| name.starts_with("tenantry:"));
        let message = own.fold(message.to_owned(), |text, name| text.replace(&format!(", {name}"), ""));
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

fn call<H, Fut>(operation: &'static str, action: &'static str, handle: H) -> MethodRouter<App>
where
    H: Fn(Call) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<Response>> + Send + 'static,
{
    face::call::<Waii, _, _>(MethodFilter::POST, Takes::Object, operation, action, handle)
}

/// The response to a call without a result.
fn done() -> Response {
    face::json(StatusCode::OK, &json!({}))
}

/// An optional id: null and the empty string mean "not specified". An invalid id is refused before anything is looked
/// up.
fn optional_id<T>(fields: &Fields, name: &str, parse: fn(&str, &str) -> Result<T>) -> Result<Option<T>> {
    let given = fields.text(name)?.filter(|id| !id.is_empty());
    given.map(|id| parse(name, id)).transpose()
}

/// A required id; the empty string is invalid.
fn id<T>(fields: &Fields, name: &str, parse: fn(&str, &str) -> Result<T>) -> Result<T> {
    parse(name, fields.required_text(name)?)
}

/// The organization of a list: the specified one, or else the caller's, even for super admins.
fn organization_or_own(op: &OpContext, named: Option<OrganizationId>) -> Filter<organization::Term> {
    let own = || op.actor().caller().map(|caller| caller.organization_id.clone());
    match named.or_else(own) {
        Some(id) => Filter::Is(organization::Term::Id(TextTest::Equals(id.to_string()))),
        None => Filter::Any(Vec::new()),
    }
}

/// Stored JSON, written unchanged.
fn raw(json: Option<&JsonText>) -> serde_json::Result<Option<&RawValue>> {
    json.map(|json| serde_json::from_str(json.as_str())).transpose()
}
