//! The GraphQL route: what it takes, what it refuses, and how it says so.

mod answer_headers;
mod body;
mod connections;
mod document_cost;
mod early_answers;
pub(crate) mod errors;
mod fuzz;
mod introspection;
mod kili;
mod metrics;
mod negotiation;
mod pages;
mod persisted;
mod stopping;

use axum::body::Body;
use axum::http::{Method, Request, header};
use tenantry::http::router;
use tenantry::request::App as HttpApp;

use crate::support::{App, Backend, Caller, Reply};

/// For what touches no data, and so no difference between databases.
async fn app() -> App {
    App::new(Backend::Sqlite).await
}

/// The same server with another schema.
fn with_schema(app: App, schema: tenantry::graphql::Schema) -> App {
    let router = router(HttpApp {
        pages: true,
        link_pages: true,
        introspection: true,
        edge: std::sync::Arc::default(),
        services: std::sync::Arc::clone(&app.services),
        schema: schema.clone(),
    });
    App { router, schema, ..app }
}

/// A POST of this very body, as the JSON it may or may not be.
async fn post(caller: &Caller<'_>, body: impl Into<Body>) -> Reply {
    let mut request = caller.request("/graphql", &serde_json::Value::Null);
    *request.body_mut() = body.into();
    caller.app.send(request).await
}

/// A GET with these parameters.
async fn get(app: &App, parameters: &[(&str, &str)]) -> Reply {
    let encoded: Vec<String> = parameters
        .iter()
        .map(|(name, value)| format!("{name}={}", percent(value)))
        .collect();
    let request = Request::builder()
        .method(Method::GET)
        .uri(format!("/graphql?{}", encoded.join("&")))
        .header(header::ACCEPT, "application/json");
    app.send(request.body(Body::empty()).unwrap()).await
}

fn percent(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect()
}
