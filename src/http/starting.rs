//! Responses before the server has started.

use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tower::ServiceExt;

use super::router::plain;

/// The routes, once they exist. Before that, the process only reports that it is alive: the start may take long while
/// another process updates the schema, and a supervisor that gets no response would kill it.
pub fn once_started(routes: Arc<OnceLock<Router>>) -> Router {
    Router::new().fallback(async move |request: Request| match routes.get() {
        Some(routes) => routes.clone().oneshot(request).await.into_response(),
        None => starting(request.uri().path()),
    })
}

fn starting(path: &str) -> Response {
    if path == "/healthz" {
        return plain(StatusCode::OK, "ok\n");
    }
    let mut answer = plain(StatusCode::SERVICE_UNAVAILABLE, "the server is starting\n");
    answer
        .headers_mut()
        .insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    answer
}
