//! What this server offers, for clients that configure themselves: the same for everybody.

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

use super::answer;
use super::documents;
use super::error::Scim;
use super::locations::Locations;
use super::names::LIST_RESPONSE;
use crate::compat::face::{Call, Face};
use crate::model::error::{Error, Result, shown};

/// `GET /ServiceProviderConfig`.
pub async fn configuration(call: Call) -> Result<Response> {
    let places = Locations::of(&call.op);
    Ok(unfiltered(&call).unwrap_or_else(|| {
        let document = documents::service_provider_config(places.base());
        answer::json(StatusCode::OK, &document)
    }))
}

/// `GET /ResourceTypes`.
pub async fn resource_types(call: Call) -> Result<Response> {
    Ok(listed(&call, documents::resource_types(Locations::of(&call.op).base())))
}

/// `GET /ResourceTypes/{name}`.
pub async fn resource_type(call: Call) -> Result<Response> {
    one(
        &call,
        documents::resource_types(Locations::of(&call.op).base()),
        "resource type",
    )
}

/// `GET /Schemas`.
pub async fn schemas(call: Call) -> Result<Response> {
    Ok(listed(&call, documents::schemas(Locations::of(&call.op).base())))
}

/// `GET /Schemas/{urn}`.
pub async fn schema(call: Call) -> Result<Response> {
    one(&call, documents::schemas(Locations::of(&call.op).base()), "schema")
}

/// The refusal of a filter, as RFC 7644 demands in section 4. Not one of the directory's: no permission is missing.
fn unfiltered(call: &Call) -> Option<Response> {
    let filtered = call.query("filter").is_some();
    filtered.then(|| Scim::saying(StatusCode::FORBIDDEN, "What this server offers cannot be filtered."))
}

fn listed(call: &Call, documents: Vec<Value>) -> Response {
    let list = || {
        json!({
            "schemas": [LIST_RESPONSE],
            "totalResults": documents.len(),
            "itemsPerPage": documents.len(),
            "startIndex": 1,
            "Resources": documents,
        })
    };
    unfiltered(call).unwrap_or_else(|| answer::json(StatusCode::OK, &list()))
}

fn one(call: &Call, documents: Vec<Value>, what: &str) -> Result<Response> {
    if let Some(refused) = unfiltered(call) {
        return Ok(refused);
    }
    let id = call.path("id");
    let found = documents
        .iter()
        .find(|document| document.get("id").and_then(Value::as_str) == Some(id));
    match found {
        Some(document) => Ok(answer::json(StatusCode::OK, document)),
        None => Err(Error::NotFound(format!("There is no {what} '{}'.", shown(id)))),
    }
}
