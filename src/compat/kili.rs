//! The Kili SDK's endpoint: the same schema, with the conventions of its client.
//!
//! - An invalid key gives a 401 with the body `Unauthorized`; the SDK checks for exactly that.
//! - If there are errors, and no root field has a result, the status is 400: for any other one, the older SDK retries ten
//!   times. Each message begins with the error's code, because the SDK shows nothing else.
//! - `/version` needs no credential, and changes with the schema, because the newer SDK uses it as cache key for the
//!   schema.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};

use crate::context::OpContext;
use crate::graphql::{Schema, sdl};
use crate::model::error::Error;
use crate::request::{
    App, LogFields, RequestInfo, Sent, execute, idempotency_key, presented, read_body, refuse_with_code, status_of,
};

const PATH: &str = "/api/label/v2";
/// The release of the older SDK with these conventions; it warns if the first two numbers are not its own.
const RELEASE: &str = "2.128";

/// The routes.
pub fn routes(schema: &Schema) -> Router<App> {
    let version = serde_json::json!({ "version": format!("{RELEASE}.{}", crc32fast::hash(sdl(schema).as_bytes())) });
    Router::new()
        .route(&format!("{PATH}/graphql"), post(graphql))
        .route(&format!("{PATH}/version"), get(async move || Json(version)))
}

async fn graphql(State(app): State<App>, Extension(id): Extension<RequestInfo>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    // Check the credential before reading the body if possible; check it again afterwards.
    let presented = match presented(&parts.headers, &id, app.services.faces()) {
        Ok(presented) => presented,
        Err(error) => return refuse_caller(error, &id),
    };
    if let Err(error) = presented.owner(&app.services).await {
        return refuse_caller(error, &id);
    }
    if is_form(&parts.headers) {
        let error = Error::invalid(
            "contentType",
            "Send the body as 'Content-Type: application/json'.".to_owned(),
        );
        return refuse_with_code(StatusCode::UNSUPPORTED_MEDIA_TYPE, error, json(), &id);
    }
    let sent = match read_body(body).await {
        Ok(body) => Sent::Body(body),
        Err(error) => return refuse_with_code(status_of(&error), error, json(), &id),
    };
    let op = match OpContext::of_request(Arc::clone(&app.services), presented).await {
        Ok(op) => op,
        Err(error) => return refuse_caller(error, &id),
    };
    let (op, parsed) = match sent.parse(op).await {
        Ok(parsed) => parsed,
        Err(error) => return refuse_with_code(status_of(&error), error, json(), &id),
    };
    let key = match idempotency_key(&parts.headers) {
        Ok(key) => key,
        Err(error) => return refuse_with_code(StatusCode::BAD_REQUEST, error, json(), &id),
    };
    let execution = execute(&app, op, parsed, key, false).await;
    let execution = execution.with_codes().without_empty_data();
    let status = if execution.has_no_data() {
        StatusCode::BAD_REQUEST
    } else {
        StatusCode::OK
    };
    execution.into_response(status, json())
}

/// The response to an invalid credential or a refused impersonation: there is no data, so it is a 400.
fn refuse_caller(error: Error, id: &RequestInfo) -> Response {
    match error {
        Error::Unauthenticated(_) => unauthorized(),
        error @ (Error::Unavailable { .. } | Error::Internal(_)) => {
            refuse_with_code(status_of(&error), error, json(), id)
        }
        error => refuse_with_code(StatusCode::BAD_REQUEST, error, json(), id),
    }
}

fn json() -> HeaderValue {
    HeaderValue::from_static("application/json; charset=utf-8")
}

fn unauthorized() -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
        (header::WWW_AUTHENTICATE, "X-API-Key"),
    ];
    let mut response = (StatusCode::UNAUTHORIZED, headers, "Unauthorized").into_response();
    let facts = LogFields {
        code: Some(crate::model::error::ErrorCode::Unauthenticated),
        ..LogFields::default()
    };
    response.extensions_mut().insert(facts);
    response
}

/// The content types that any web page can post to us without a preflight. The SDK sends JSON; a client without a
/// content type is accepted.
fn is_form(headers: &HeaderMap) -> bool {
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .map(HeaderValue::as_bytes)
        .unwrap_or_default();
    let content_type = content_type.trim_ascii_start().to_ascii_lowercase();
    [&b"text/plain"[..], b"application/x-www-form-urlencoded", b"multipart/"]
        .iter()
        .any(|form| content_type.starts_with(form))
}
