//! What a server answers before it has started.

use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tower::ServiceExt;

use super::router::plain;

/// The routes, once they are there. Before, the process only says that it lives: its start may take long, while another one
/// brings the schema up to date, and supervisors that hear nothing would end it.
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
