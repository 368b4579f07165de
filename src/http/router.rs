//! All routes, and the layers that every request passes through.

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderName, Method, StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use tower_http::cors::{Any, CorsLayer};

use super::metrics::Metrics;
use super::{health, jwks, metrics, middleware as every_request, pages};
use crate::compat;
use crate::request::{self, App};

/// The answer is the same for pages of every origin.
const NO_HEADER: [HeaderName; 0] = [];

/// Builds the routes. This does not use the database.
pub fn router(app: App) -> Router {
    let faces = app.services.faces();
    let cors = app.edge.cors();
    let metrics = Metrics::new(&app);
    let mut pages = pages::link_routes(app.link_pages);
    if app.pages {
        pages = pages.merge(pages::routes());
    }
    if app.pages || app.link_pages {
        pages = pages.merge(pages::asset_routes());
    }
    let numbers = Arc::clone(&metrics);
    let routes = Router::new()
        .merge(pages)
        .merge(pages::schema(app.introspection.then_some(&app.schema)))
        .route("/graphql", any(request::route))
        .route("/graphql/", any(request::route))
        .merge(compat::routes(&app.schema, faces))
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route(
            "/metrics",
            get(async move |state: State<App>| metrics::metrics(state, numbers).await),
        )
        .fallback(not_found)
        .layer(DefaultBodyLimit::disable());
    let guard = middleware::from_fn_with_state(faces, every_request::guard);
    let routes = routes.layer(guard.clone());
    let routes = match cors {
        Some(cors) => routes.layer(cors),
        None => routes,
    };
    let routes = routes.merge(
        compat::server_routes()
            .layer(DefaultBodyLimit::disable())
            .layer(guard.clone()),
    );
    // What everybody may know needs no list of origins.
    let everybody = CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET])
        .vary(NO_HEADER);
    let public = Router::new()
        .route("/.well-known/jwks.json", get(jwks::jwks))
        .merge(compat::public_routes());
    let routes = routes.merge(public.layer(guard).layer(everybody));
    let observer = every_request::Observer {
        app: app.clone(),
        metrics,
    };
    routes
        .layer(middleware::from_fn_with_state(observer, every_request::observe))
        .with_state(app)
}

async fn not_found() -> Response {
    plain(StatusCode::NOT_FOUND, "There is nothing here. The API is at /graphql.")
}

/// A short text as a response.
pub fn plain(status: StatusCode, text: &'static str) -> Response {
    (status, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
}
