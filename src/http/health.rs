//! For those who run the server.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::router::{App, plain};

/// The process is alive.
pub async fn healthz() -> Response {
    plain(StatusCode::OK, "ok\n")
}

/// The database answers and its schema is not older than this binary's.
pub async fn readyz(State(app): State<App>) -> Response {
    if app.services.db.is_ready().await {
        plain(StatusCode::OK, "ready\n")
    } else {
        plain(
            StatusCode::SERVICE_UNAVAILABLE,
            "the database does not answer, or its schema is too old\n",
        )
    }
}
