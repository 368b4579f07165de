//! The way between clients and the server: addresses behind proxies, other sites' pages, and its configuration.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderValue, Method, Request, StatusCode, header};
use serde_json::json;
use tenantry::http::{Peer, router};
use tenantry::request::App as HttpApp;
use tenantry::services::config::{Config, ConfigArgs};
use tenantry::services::network;
use tenantry::services::network::Edge;

use crate::http::errors::{Sabotage, sabotaged};
use crate::on_both;
use crate::support::session::code_of;
use crate::support::{App, Backend};

pub fn behind(mut app: App, edge: Edge) -> App {
    app.router = router(HttpApp {
        pages: true,
        link_pages: true,
        introspection: true,
        services: Arc::clone(&app.services),
        schema: app.schema.clone(),
        edge: Arc::new(edge),
    });
    app
}

async fn sign_in(app: &App, peer: &str, forwarded: &str, email: &str) -> String {
    let document =
        format!("mutation {{ signIn(data: {{email: \"{email}\", password: \"wrong\"}}) {{ accessToken }} }}");
    let mut request = app.anonymous().request("/graphql", &json!({ "query": document }));
    request.extensions_mut().insert(Peer(peer.parse().unwrap()));
    request
        .headers_mut()
        .insert("x-forwarded-for", HeaderValue::from_str(forwarded).unwrap());
    code_of(&app.send(request).await.json())
}

on_both! {
    async fn only_a_trusted_proxy_says_whom_it_serves(app: App) {
        let proxies = Edge { trusted_proxies: vec![network::proxies("10.0.0.0/8").unwrap()], ..Edge::default() };
        let app = behind(app, proxies);
        // A hundred failures that claim a hundred addresses come from one.
        for n in 0..100 {
            let code = sign_in(&app, "192.0.2.1", &format!("198.51.100.{n}"), &format!("nobody{n}@acme.example")).await;
            assert_eq!(code, "UNAUTHENTICATED", "{n}");
        }
        assert_eq!(sign_in(&app, "192.0.2.1", "203.0.113.1", "last@acme.example").await, "RATE_LIMITED");
        // Those whom the proxy serves are told apart, and the first one by its own address.
        assert_eq!(sign_in(&app, "10.0.0.1", "198.51.100.1", "last@acme.example").await, "UNAUTHENTICATED");
        assert_eq!(sign_in(&app, "10.0.0.1", "198.51.100.1, 192.0.2.1", "last@acme.example").await, "RATE_LIMITED");
    }

    async fn pages_of_configured_origins_may_call(app: App) {
        let preflight = |origin: &str, headers: &'static str| {
            Request::builder()
                .method(Method::OPTIONS)
                .uri("/graphql")
                .header(header::ORIGIN, origin)
                .header(header::ACCESS_CONTROL_REQUEST_METHOD, "POST")
                .header(header::ACCESS_CONTROL_REQUEST_HEADERS, headers)
                .body(Body::empty())
                .unwrap()
        };
        let usual = "authorization,content-type";
        let closed = app.send(preflight("https://app.example", usual)).await;
        assert!(!closed.headers.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN));
        // As configured: browsers leave out the usual port and write small letters.
        let origins = ["https://App.example:443", "http://localhost:3000"];
        let edge = Edge { cors_origins: origins.map(|text| network::origin(text).unwrap()).to_vec(), ..Edge::default() };
        let app = behind(app, edge);
        for origin in ["https://app.example", "http://localhost:3000"] {
            for headers in [usual, "authorization,content-type,idempotency-key", "traceparent,apollographql-client-name,x-apollo-operation-name,authorization"] {
                let open = app.send(preflight(origin, headers)).await;
                assert_eq!(open.status, StatusCode::OK);
                assert_eq!(open.headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], origin);
                assert_eq!(open.headers[header::ACCESS_CONTROL_ALLOW_HEADERS], headers);
                // A page that sends credentials along is refused by its browser without it.
                assert_eq!(open.headers[header::ACCESS_CONTROL_ALLOW_CREDENTIALS], "true");
            }
        }
        for other in ["https://app.example.evil.example", "http://app.example", "https://app.example:8443", "null", "*"] {
            let reply = app.send(preflight(other, usual)).await;
            assert!(!reply.headers.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN), "{other}");
        }
        let origin = HeaderValue::from_static("https://app.example");
        let mut request = app.admin().request("/graphql", &json!({"query": "{ me { id } }"}));
        request.headers_mut().insert(header::ORIGIN, origin.clone());
        let reply = app.send(request).await;
        assert_eq!(reply.headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], origin);
        // What only servers ask, no page asks.
        for (path, allowed) in [("/oauth/revoke", true), ("/oauth/token", true), ("/oauth/introspect", false), ("/forward-auth", false)] {
            for method in [Method::POST, Method::OPTIONS] {
                let request = Request::builder().method(method).uri(path).header(header::ORIGIN, origin.clone());
                let request = request.header(header::ACCESS_CONTROL_REQUEST_METHOD, "POST").body(Body::empty()).unwrap();
                let reply = app.send(request).await;
                assert_eq!(reply.headers.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN), allowed, "{path}");
            }
        }
        assert_eq!(reply.json()["data"]["me"]["id"], "admin");
    }
}

#[tokio::test]
async fn every_answer_to_a_configured_origin_can_be_read_by_its_pages() {
    const ORIGIN: &str = "https://app.example";
    let edge = Edge {
        cors_origins: vec![network::origin(ORIGIN).unwrap()],
        ..Edge::default()
    };
    let app = behind(sabotaged(App::new(Backend::Sqlite).await, Sabotage::Panic), edge);
    let panics = json!({"query": "{ sabotaged: me { id } }"});
    let asked = |path: &str, name: &'static str, value: &str| {
        let mut request = app.admin().request(path, &panics);
        let headers = request.headers_mut();
        headers.insert(name, HeaderValue::from_str(value).unwrap());
        request
    };
    for path in ["/graphql", "/api/list-users", "/v1/api/users/query", "/api/data/users"] {
        for (name, value, status) in [
            ("content-encoding", "gzip", StatusCode::UNSUPPORTED_MEDIA_TYPE),
            (
                "x-long",
                &"x".repeat(70_000),
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            ),
            ("authorization", "Bearer tnt_unknown", StatusCode::UNAUTHORIZED),
        ] {
            for (origin, told) in [(ORIGIN, Some(ORIGIN)), ("https://other.example", None)] {
                let mut request = asked(path, name, value);
                request
                    .headers_mut()
                    .insert(header::ORIGIN, HeaderValue::from_static(origin));
                let reply = app.send(request).await;
                assert_eq!(reply.status, status, "{path} {name}: {}", reply.body);
                let allowed = reply.headers.get(header::ACCESS_CONTROL_ALLOW_ORIGIN);
                assert_eq!(allowed.map(|origin| origin.to_str().unwrap()), told, "{path} {name}");
                assert!(reply.headers.contains_key("x-request-id"), "{path} {name}");
            }
        }
    }
    let panicked = app.send(asked("/graphql", "origin", ORIGIN)).await;
    assert_eq!(panicked.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(panicked.headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], ORIGIN);
    let exposed = panicked.headers[header::ACCESS_CONTROL_EXPOSE_HEADERS]
        .to_str()
        .unwrap();
    assert!(exposed.contains("x-request-id"), "{exposed}");
    // What no route sees is counted all the same.
    let preflight = Request::builder()
        .method(Method::OPTIONS)
        .uri("/graphql")
        .header(header::ORIGIN, ORIGIN)
        .header(header::ACCESS_CONTROL_REQUEST_METHOD, "POST");
    let preflight = app.send(preflight.body(Body::empty()).unwrap()).await;
    assert!(preflight.headers.contains_key("x-request-id"));
    let numbers = app
        .send(Request::builder().uri("/metrics").body(Body::empty()).unwrap())
        .await;
    for (method, status, count) in [
        ("OPTIONS", 200, 1),
        ("POST", 500, 1),
        ("POST", 415, 2),
        ("POST", 431, 2),
    ] {
        let series = format!("{{method=\"{method}\",route=\"/graphql\",status=\"{status}\"}} {count}\n");
        assert!(numbers.body.contains(&series), "{series}: {}", numbers.body);
    }
}

#[test]
fn what_is_configured_is_checked_at_start() {
    let given = |text: &str| Some(text.to_owned());
    let faulty = ConfigArgs {
        secret_key: given("too short"),
        trusted_proxies: given("10.0.0.0/8, proxy.example"),
        cors_origins: given("https://app.example,*"),
        ..ConfigArgs::default()
    };
    let faults = Config::read(&faulty, std::iter::empty()).unwrap_err();
    for name in [
        "TENANTRY_SECRET_KEY",
        "TENANTRY_TRUSTED_PROXIES",
        "TENANTRY_CORS_ORIGINS",
    ] {
        assert!(faults.contains(name), "{faults}");
    }
    assert!(!faults.contains("too short"), "a secret is never told");
    let good = ConfigArgs {
        secret_key: given(&"0f".repeat(32)),
        trusted_proxies: given("10.0.0.0/8, ::1"),
        cors_origins: given("https://app.example, http://localhost:3000"),
        ..ConfigArgs::default()
    };
    let config = Config::read(&good, std::iter::empty()).unwrap();
    assert_eq!(config.edge.trusted_proxies.len(), 2);
    assert_eq!(config.edge.cors_origins.len(), 2);
    assert!(!format!("{config:?}").contains("0f0f"));
}
