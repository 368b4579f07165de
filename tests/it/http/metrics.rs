//! `/metrics`: what is counted, and that nobody can be found in it.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::json;
use tenantry::http::Bounds;
use tenantry::services::hasher::Password;
use tenantry::services::network::Edge;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tower::ServiceExt;

use super::app;
use super::connections::listening_within;
use crate::on_both;
use crate::support::App;
use crate::support::wait::{AT_LAST, until};

async fn metrics(app: &App) -> String {
    let request = Request::builder().uri("/metrics").body(Body::empty()).unwrap();
    let reply = app.send(request).await;
    assert_eq!(reply.status, 200);
    let form = reply.headers["content-type"].to_str().unwrap();
    assert!(
        form.starts_with("application/openmetrics-text; version=1.0.0"),
        "{form}"
    );
    assert!(reply.body.ends_with("# EOF\n"), "{}", reply.body);
    reply.body
}

/// The value of the series that is written so.
fn value(text: &str, series: &str) -> f64 {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.map_or(0.0, |value| value.parse().unwrap())
}

#[tokio::test]
async fn every_error_is_counted_from_nought_on() {
    let app = app().await;
    let text = metrics(&app).await;
    let told = text.lines().filter_map(|line| {
        line.strip_prefix("tenantry_errors_total{code=\"")?
            .strip_suffix("\"} 0")
    });
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/errors.md")).unwrap();
    let explained = page.lines().filter_map(|line| line.strip_prefix("### "));
    assert_eq!(told.collect::<BTreeSet<_>>(), explained.collect());
}

#[tokio::test]
async fn whoever_is_turned_away_is_counted() {
    let app = app().await;
    let bounds = Bounds {
        connections_of_client: 0,
        ..Bounds::default()
    };
    let (address, _stop, _) = listening_within(&app, Edge::default(), bounds).await;
    let count = async || value(&metrics(&app).await, "tenantry_connections_turned_away_total");
    let before = count().await;
    for _ in 0..3 {
        let mut answer = String::new();
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 429 "), "{answer}");
    }
    // Other tests turn clients away as well.
    assert!(count().await >= before + 3.0);
}

on_both! {
    async fn requests_are_counted(app: App) {
        let posted = |status| format!("tenantry_requests_total{{method=\"POST\",route=\"/graphql\",status=\"{status}\"}}");
        let before = metrics(&app).await;
        assert_eq!(value(&before, &posted(200)), 0.0);
        app.admin().ok("{ users { id } }", json!({})).await;
        app.admin().ok("{ countUsers }", json!({})).await;
        assert_eq!(app.admin().code("mutation { createUser(data: {id: \"admin\"}) { id } }", json!({})).await, "CONFLICT");
        assert_eq!(app.send(app.key("tnt_unknown").request("/graphql", &json!({}))).await.status, 401);
        let after = metrics(&app).await;
        assert_eq!(value(&after, &posted(200)), 3.0);
        assert_eq!(value(&after, &posted(401)), 1.0);
        assert_eq!(value(&after, "tenantry_errors_total{code=\"CONFLICT\"}"), 1.0);
        assert_eq!(value(&after, "tenantry_errors_total{code=\"UNAUTHENTICATED\"}"), 1.0);
        assert_eq!(value(&after, "tenantry_request_duration_seconds_count{route=\"/graphql\"}"), 4.0);
        assert_eq!(value(&after, "tenantry_request_duration_seconds_bucket{le=\"+Inf\",route=\"/graphql\"}"), 4.0);
        assert!(value(&after, "tenantry_request_duration_seconds_sum{route=\"/graphql\"}") > 0.0);
        assert!(value(&after, "tenantry_statements_total") >= 4.0, "{after}");
        // The request for the numbers before was over when these were asked for.
        assert_eq!(value(&after, "tenantry_requests_total{method=\"GET\",route=\"/metrics\",status=\"200\"}"), 1.0);
    }

    async fn what_stands_as_it_is(app: App) {
        app.admin().ok("{ me { id } }", json!({})).await;
        let text = metrics(&app).await;
        assert_eq!(value(&text, &format!("tenantry_build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION"))), 1.0);
        let pools: &[&str] = if app.services.db.backend() == sea_orm::DbBackend::Sqlite { &["reader", "writer"] } else { &["all"] };
        for pool in pools {
            let of = |state| value(&text, &format!("tenantry_connections{{pool=\"{pool}\",state=\"{state}\"}}"));
            assert!(of("idle") + of("used") >= 1.0, "{text}");
        }
        let hashing = |text: &str, state| value(text, &format!("tenantry_password_hashes{{state=\"{state}\"}}"));
        assert_eq!(hashing(&text, "running"), 0.0);
        let computed = async || value(&metrics(&app).await, "tenantry_password_hashes_computed_total");
        let before = computed().await;
        app.try_sign_in(None, "nobody@mail.example", "wrong-password").await;
        assert_eq!(computed().await, before + 1.0);
        // More than there are cores: some run, the others wait, and none is forgotten.
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let hashes: Vec<_> = (0..cores + 6)
            .map(|_| {
                let hasher = app.services.hasher.clone();
                tokio::spawn(async move { hasher.hash(None, &Password::new("correct horse")).await.map(|_| ()) })
            })
            .collect();
        until("some that run while others wait", AT_LAST, async || {
            let text = metrics(&app).await;
            let (running, waiting) = (hashing(&text, "running"), hashing(&text, "waiting"));
            assert!(running + waiting <= (cores + 6) as f64, "{text}");
            running >= 1.0 && waiting >= 1.0
        }).await;
        for hash in hashes {
            hash.await.unwrap().unwrap();
        }
        let text = metrics(&app).await;
        assert_eq!((hashing(&text, "running"), hashing(&text, "waiting")), (0.0, 0.0));
    }

    async fn nobody_can_be_found_in_it_or_make_it_grow(app: App) {
        app.organization("hidden-org", &["hidden-tenant"]).await;
        app.user("hidden-org", "hidden-user", Some("user")).await.ok("query HiddenName { me { email } }", json!({})).await;
        let lines = metrics(&app).await.lines().count();
        for n in 0..20 {
            let request = Request::builder()
                .method(Method::from_bytes(format!("HIDDEN{n}").as_bytes()).unwrap())
                .uri(format!("/hidden-path-{n}?hidden-query={n}"))
                .header("host", format!("hidden-host-{n}"))
                .body(Body::empty())
                .unwrap();
            assert_eq!(app.send(request).await.status, 404);
        }
        let text = metrics(&app).await;
        assert!(!text.to_lowercase().contains("hidden"), "{text}");
        assert!(text.contains("method=\"other\",route=\"none\",status=\"404\"} 20\n"), "{text}");
        // One series of requests and one of durations for all of them, and those of `/metrics` itself.
        assert!(text.lines().count() <= lines + 2 * (1 + 15), "{text}");
    }

    async fn the_outbox_and_the_trail_are_told(app: App) {
        app.organization("acme", &[]).await;
        let before = metrics(&app).await;
        assert_eq!(value(&before, "tenantry_mails_waiting"), 0.0);
        let trail = value(&before, "tenantry_audit_trail_position");
        assert!(trail > 0.0, "{before}");
        let invite = "mutation { inviteUser(data: {email: \"new@acme.example\", organizationId: \"acme\"}) { id } }";
        // Past the worker that the tests have behind each request.
        let request = app.admin().request("/graphql", &json!({ "query": invite }));
        assert_eq!(app.router.clone().oneshot(request).await.unwrap().status(), 200);
        app.services.clock.advance(std::time::Duration::from_secs(90));
        let after = metrics(&app).await;
        assert_eq!(value(&after, "tenantry_mails_waiting"), 1.0);
        assert_eq!(value(&after, "tenantry_mails_oldest_age_seconds"), 90.0);
        assert!(value(&after, "tenantry_audit_trail_position") > trail);
        app.send_mails().await;
        let sent = metrics(&app).await;
        assert_eq!(value(&sent, "tenantry_mails_waiting"), 0.0);
        assert_eq!(value(&sent, "tenantry_mails_oldest_age_seconds"), 0.0);
        assert_eq!(value(&sent, "tenantry_mails_total{result=\"sent\"}"), 1.0);
    }
}
