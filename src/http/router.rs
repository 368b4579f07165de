//! All routes, and what every request passes.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use tower_http::catch_panic::CatchPanicLayer;

use super::{Edge, graphql, health, jwks, request};
use crate::compat::kili;
use crate::context::Services;
use crate::error::Error;
use crate::graphql::Schema;

/// What handlers work with.
#[derive(Clone)]
pub struct App {
    pub services: Arc<Services>,
    pub schema: Schema,
    pub edge: Arc<Edge>,
}

/// Builds the routes. It touches no database.
pub fn router(app: App) -> Router {
    let cors = app.edge.cors();
    let routes = Router::new()
        .route("/graphql", any(graphql::route))
        .merge(kili::routes(&app.schema))
        .route("/.well-known/jwks.json", get(jwks::jwks))
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .fallback(not_found)
        .layer(DefaultBodyLimit::disable())
        .layer(CatchPanicLayer::custom(panicked));
    let routes = match cors {
        Some(cors) => routes.layer(cors),
        None => routes,
    };
    routes
        .layer(middleware::from_fn_with_state(app.clone(), request::observe))
        .with_state(app)
}

async fn not_found() -> Response {
    plain(StatusCode::NOT_FOUND, "There is nothing here. The API is at /graphql.")
}

/// A bug of ours: the request ends with a 500 that tells nothing, the server goes on.
fn panicked(cause: Box<dyn std::any::Any + Send>) -> Response {
    let text = cause
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| cause.downcast_ref::<&str>().copied());
    tracing::error!(panic = text.unwrap_or("unknown"), "a request panicked");
    let response = crate::graphql::response_of(Error::internal("panic"));
    let mut response = (
        StatusCode::INTERNAL_SERVER_ERROR,
        serde_json::to_vec(&response).unwrap_or_default(),
    )
        .into_response();
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json; charset=utf-8"),
    );
    response
}

/// A short text as an answer.
pub fn plain(status: StatusCode, text: &'static str) -> Response {
    (status, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
}
