//! Health checks.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::router::plain;
use crate::request::App;
use crate::store::db::Unready;

/// The process is alive.
pub async fn healthz() -> Response {
    plain(StatusCode::OK, "ok\n")
}

/// This process can do its work: the database answers and accepts writes, and its schema is not older than this
/// binary's.
pub async fn readyz(State(app): State<App>) -> Response {
    let words = match app.services.db.ready().await {
        Ok(()) => return plain(StatusCode::OK, "ready\n"),
        Err(Unready::NoAnswer) => "the database does not answer\n",
        Err(Unready::OldSchema) => "the schema of the database is not of this release\n",
        Err(Unready::TakesNoChanges) => "the database accepts no writes\n",
    };
    plain(StatusCode::SERVICE_UNAVAILABLE, words)
}
