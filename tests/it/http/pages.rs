//! What is served beside the API, and what turns it off. The pages themselves are driven in a browser: `web/test`.

use std::sync::Arc;

use axum::body::Body;
use axum::http::Request;
use serde_json::json;
use tenantry::http::router;
use tenantry::request::App as HttpApp;

use super::app;
use crate::support::{App, Reply};

async fn get(app: &App, path: &str) -> Reply {
    app.send(Request::builder().uri(path).body(Body::empty()).unwrap())
        .await
}

async fn with(pages: bool, link_pages: bool, introspection: bool) -> App {
    let app = app().await;
    let schema = tenantry::graphql::build(introspection);
    let router = router(HttpApp {
        services: Arc::clone(&app.services),
        schema: schema.clone(),
        pages,
        link_pages,
        introspection,
        edge: Arc::default(),
    });
    App { router, schema, ..app }
}

#[tokio::test]
async fn the_schema_is_there_as_text() {
    let app = app().await;
    let reply = get(&app, "/schema.graphql").await;
    assert_eq!(
        (reply.status.as_u16(), reply.body.as_str()),
        (200, include_str!("../../../schema.graphql"))
    );
    assert_eq!(reply.headers["content-type"], "text/plain; charset=utf-8");
    assert_eq!(reply.headers["x-content-type-options"], "nosniff");
}

/// Either the pages were built into this binary, or each of them says what to run.
#[tokio::test]
async fn the_pages_are_there_or_say_what_to_run() {
    let app = app().await;
    let built = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("web/dist/graphiql.html")
        .exists();
    for path in ["/", "/graphiql"] {
        let reply = get(&app, path).await;
        if reply.status == 200 {
            let policy = reply.headers["content-security-policy"].to_str().unwrap();
            assert!(
                policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
                "{policy}"
            );
            assert!(reply.body.starts_with("<!doctype html>"), "{}", reply.body);
        } else {
            assert!(!built, "{path} is built and not served");
            assert_eq!(reply.status, 404);
            assert_eq!(reply.headers["content-type"], "text/plain; charset=utf-8");
            assert!(
                reply.body.contains("make run") && reply.body.contains("Node.js"),
                "{}",
                reply.body
            );
        }
    }
}

#[tokio::test]
async fn pages_and_introspection_can_be_turned_off() {
    let introspection = json!({ "query": "{ __schema { queryType { name } } __type(name: \"User\") { name } }" });
    for (pages, shown) in [(false, true), (true, false), (false, false)] {
        let app = with(pages, false, shown).await;
        for path in [
            "/",
            "/graphiql",
            "/graphiql/",
            "/assets/none.js",
            "/licenses.txt",
            "/docs/",
        ] {
            let reply = get(&app, path).await;
            if !pages {
                assert_eq!(
                    (reply.status.as_u16(), reply.body.as_str()),
                    (404, "There is nothing here. The API is at /graphql."),
                    "{path}"
                );
            }
        }
        let schema = get(&app, "/schema.graphql").await;
        assert_eq!(schema.status.as_u16(), if shown { 200 } else { 404 });
        assert_eq!(schema.body.contains("type User"), shown);
        let reply = app.send(app.admin().request("/graphql", &introspection)).await;
        assert_eq!(reply.body.contains("\"Query\""), shown, "{}", reply.body);
        // The API is as it was.
        assert_eq!(
            app.admin().ok("{ me { id } }", json!({})).await,
            json!({"me": {"id": "admin"}})
        );
    }
}

/// The pages behind the links in mails are there without the other pages, and say so if the links lead elsewhere.
#[tokio::test]
async fn the_pages_behind_links_are_there_unless_links_lead_elsewhere() {
    let built = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("web/dist/index.html.br")
        .exists();
    for (pages, here) in [(true, true), (false, true), (true, false), (false, false)] {
        let app = with(pages, here, false).await;
        for path in ["/accept-invitation", "/reset-password", "/verify-email"] {
            let reply = get(&app, path).await;
            if !here {
                assert_eq!(reply.status, 404);
                assert!(reply.body.contains("TENANTRY_APP_URL"), "{}", reply.body);
                continue;
            }
            let moved = get(&app, &format!("{path}/")).await;
            assert_eq!(moved.status, 308);
            assert_eq!(moved.headers["location"], format!("..{path}"));
            if !built {
                assert!(reply.status == 404 && reply.body.contains("make run"), "{}", reply.body);
                continue;
            }
            assert_eq!(reply.status, 200);
            let policy = reply.headers["content-security-policy"].to_str().unwrap();
            let directives: Vec<&str> = policy.split(';').map(str::trim).collect();
            for directive in [
                "default-src 'none'",
                "script-src 'self'",
                "connect-src 'self'",
                "style-src 'self'",
                "form-action 'none'",
                "frame-ancestors 'none'",
                "base-uri 'none'",
            ] {
                assert!(directives.contains(&directive), "{policy}");
            }
            assert!(!policy.contains("unsafe"), "{policy}");
            assert_eq!(reply.headers["referrer-policy"], "no-referrer");
            assert!(!reply.headers.contains_key("set-cookie"));
            assert!(
                !reply.body.to_lowercase().contains("graphql") && !reply.body.contains("style="),
                "{}",
                reply.body
            );
        }
    }
}
