//! What every answer carries, and what no request can talk it into.

use axum::body::Body;
use axum::http::{HeaderValue, Request, StatusCode, header};
use serde_json::json;

use super::{app, post};
use crate::on_both;
use crate::support::{App, PUBLIC_URL};

#[tokio::test]
async fn every_answer_has_its_id_and_may_not_be_kept_or_guessed_at() {
    let app = app().await;
    let mut ids = std::collections::HashSet::new();
    let mut requests = Vec::new();
    for path in [
        "/graphql",
        "/healthz",
        "/readyz",
        "/nothing",
        "/api/label/v2/version",
        "/api/label/v2/graphql",
    ] {
        for method in ["GET", "POST", "PUT"] {
            requests.push(Request::builder().method(method).uri(path).body(Body::empty()).unwrap());
            requests.push(app.admin().request(path, &json!({ "query": "{ me { id } }" })));
            requests.push(
                app.key("no-key-of-anybody")
                    .request(path, &json!({ "query": "{ me { id } }" })),
            );
        }
    }
    for mut request in requests {
        request
            .headers_mut()
            .insert("x-request-id", HeaderValue::from_static("chosen-by-the-client"));
        let reply = app.send(request).await;
        assert_eq!(reply.headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff", "{reply:?}");
        assert_eq!(reply.headers[header::CACHE_CONTROL], "no-store", "{reply:?}");
        assert!(
            !reply.headers.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN),
            "{reply:?}"
        );
        assert!(!reply.headers.contains_key(header::SET_COOKIE) && !reply.headers.contains_key(header::SERVER));
        let id = reply.headers["x-request-id"].to_str().unwrap().to_owned();
        assert!(uuid::Uuid::parse_str(&id).is_ok(), "{id}");
        assert!(ids.insert(id), "an id came twice");
    }
}

#[tokio::test]
async fn a_bad_credential_is_refused_before_the_document_is_read() {
    let app = app().await;
    for value in [
        "Bearer nonsense",
        "Bearer ",
        "Basic YTpi",
        "X-API-Key: nonsense",
        "nonsense",
        "Bearer \u{e9}",
    ] {
        let mut request = app.anonymous().request("/graphql", &json!({ "query": "{ nonsense" }));
        let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
        request.headers_mut().insert(header::AUTHORIZATION, value);
        let reply = app.send(request).await;
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
        assert_eq!(reply.headers[header::WWW_AUTHENTICATE], "Bearer");
        assert_eq!(
            reply.json()["errors"][0]["extensions"],
            json!({ "code": "UNAUTHENTICATED" })
        );
        assert!(!reply.body.contains("nonsense"), "{}", reply.body);
    }
}

on_both! {
    async fn hostile_headers_change_nothing(app: App) {
        app.organization("acme", &[]).await;
        app.user("acme", "ada", Some("user")).await;
        let document = json!({ "query": "mutation { resetPassword(where: {id: \"ada\"}) { id email } }" });
        let plain = app.send(app.admin().request("/graphql", &document)).await;
        assert_eq!(plain.status, StatusCode::OK, "{}", plain.body);
        let headers = [
            ("host", "evil.example"),
            ("x-forwarded-host", "evil.example"),
            ("x-forwarded-proto", "gopher"),
            ("x-forwarded-for", "evil.example"),
            ("x-forwarded-prefix", "/evil"),
            ("x-forwarded-port", "666"),
            ("x-original-url", "/evil"),
            ("x-rewrite-url", "/evil"),
            ("x-http-method-override", "DELETE"),
            ("x-host", "evil.example"),
            ("forwarded", "host=evil.example;proto=gopher"),
            ("origin", "https://evil.example"),
            ("referer", "https://evil.example/"),
        ];
        let mut request = app.admin().request("/graphql", &document);
        for (name, value) in headers {
            request.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        let hostile = app.send(request).await;
        assert_eq!(hostile.body, plain.body);
        let names = |reply: &crate::support::Reply| {
            let mut names: Vec<String> = reply.headers.keys().map(ToString::to_string).collect();
            names.sort();
            names
        };
        assert_eq!(names(&hostile), names(&plain));
        for value in hostile.headers.values() {
            assert!(!value.to_str().unwrap().contains("evil"));
        }
        for mail in app.mails() {
            assert!(!mail.contains("evil") && !mail.contains("gopher"), "{mail}");
            assert!(mail.contains(PUBLIC_URL), "{mail}");
        }
        assert_eq!(app.mails().len(), 2);
    }
}

#[tokio::test]
async fn anonymous_callers_may_ask_and_are_told_to_sign_in() {
    let app = app().await;
    let reply = post(&app.anonymous(), r#"{"query":"{ __typename }"}"#).await;
    assert_eq!(reply.body, r#"{"data":{"__typename":"Query"}}"#);
    assert_eq!(
        app.anonymous().code("{ users { id } }", json!({})).await,
        "UNAUTHENTICATED"
    );
}
