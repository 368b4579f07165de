//! The manners of the Kili SDK's path. What it does with users is tested by the SDK itself, elsewhere.

use axum::http::{HeaderValue, Method, StatusCode, header};
use serde_json::{Value, json};

use super::{app, with_schema};
use crate::support::{ADMIN_KEY, App, Reply};

const PATH: &str = "/api/label/v2/graphql";

async fn sent(app: &App, body: Value, change: impl FnOnce(&mut axum::http::Request<axum::body::Body>)) -> Reply {
    let mut request = app.anonymous().request(PATH, &body);
    let key = HeaderValue::from_str(&format!("X-API-Key: {ADMIN_KEY}")).unwrap();
    request.headers_mut().insert(header::AUTHORIZATION, key);
    change(&mut request);
    app.send(request).await
}

#[tokio::test]
async fn a_bad_key_gets_the_bare_word() {
    let app = app().await;
    for value in ["X-API-Key: nonsense", "X-API-Key: ", "nonsense", "Bearer nonsense"] {
        let reply = sent(&app, json!({ "query": "{ me { id } }" }), |request| {
            request
                .headers_mut()
                .insert(header::AUTHORIZATION, HeaderValue::from_static(value));
        });
        let reply = reply.await;
        assert_eq!(
            (reply.status, reply.body.as_str()),
            (StatusCode::UNAUTHORIZED, "Unauthorized")
        );
        assert_eq!(reply.headers[header::CONTENT_TYPE], "text/plain; charset=utf-8");
    }
}

#[tokio::test]
async fn an_answer_without_data_is_a_400() {
    let app = app().await;
    for query in [
        "{ users(first: 0) { id } }",
        "{ nothing }",
        "{",
        "",
        "mutation { resetPassword(where: {email: \"nobody@nowhere.example\"}) { id } }",
        "{ ...F0 } fragment F0 on Query { ...F0 }",
    ] {
        let reply = sent(&app, json!({ "query": query, "variables": null }), |_| {}).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{query}");
        assert_eq!(reply.headers[header::CONTENT_TYPE], "application/json; charset=utf-8");
        let answer = reply.json();
        assert!(answer["errors"][0]["extensions"]["code"].is_string(), "{answer}");
        assert!(answer.get("data").is_none_or(serde_json::Value::is_null), "{answer}");
    }
    for body in ["", "[]", "{\"query\":", "null"] {
        let reply = sent(&app, json!(null), |request| *request.body_mut() = body.into()).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{body}");
        assert_eq!(reply.json()["errors"][0]["extensions"]["code"], "INVALID");
    }
    let ok = sent(&app, json!({ "query": "{ data: me { id email } }" }), |_| {}).await;
    assert_eq!(ok.status, StatusCode::OK);
    assert_eq!(
        ok.body,
        r#"{"data":{"data":{"id":"admin","email":"admin@platform.invalid"}}}"#
    );
}

#[tokio::test]
async fn a_compressed_body_or_a_form_is_refused() {
    let app = app().await;
    let query = json!({ "query": "{ me { id } }" });
    for (name, value) in [
        (header::CONTENT_ENCODING, "gzip"),
        (header::CONTENT_TYPE, "text/plain"),
        (header::CONTENT_TYPE, "application/x-www-form-urlencoded"),
        (header::CONTENT_TYPE, "Multipart/form-data; boundary=x"),
    ] {
        let reply = sent(&app, query.clone(), |request| {
            request
                .headers_mut()
                .insert(name.clone(), HeaderValue::from_static(value));
        });
        let reply = reply.await;
        assert_eq!(reply.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{value}");
        assert_eq!(reply.json()["errors"][0]["extensions"]["code"], "INVALID");
    }
    let quiet = sent(&app, query, |request| {
        request.headers_mut().remove(header::CONTENT_TYPE);
        request.headers_mut().remove(header::ACCEPT);
    });
    assert_eq!(quiet.await.status, StatusCode::OK);
}

#[tokio::test]
async fn too_large_is_413_and_get_is_405() {
    let app = app().await;
    let reply = sent(&app, json!({ "query": "x".repeat(1024 * 1024) }), |_| {}).await;
    assert_eq!(reply.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(reply.json()["errors"][0]["extensions"]["code"], "LIMIT_EXCEEDED");
    let reply = sent(&app, json!(null), |request| *request.method_mut() = Method::GET).await;
    assert_eq!(reply.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn the_version_changes_with_the_schema() {
    async fn version(app: &App) -> String {
        let mut request = app.anonymous().request("/api/label/v2/version", &json!(null));
        *request.method_mut() = Method::GET;
        let reply = app.send(request).await;
        assert_eq!(reply.status, StatusCode::OK);
        let version = reply.json()["version"].as_str().unwrap().to_owned();
        assert_eq!(reply.json(), json!({ "version": version }));
        version
    }
    let app = app().await;
    let here = version(&app).await;
    let build = here.strip_prefix("2.128.").unwrap();
    assert!(build.parse::<u32>().is_ok(), "{here}");
    let app = with_schema(app, tenantry::graphql::build(true));
    assert_eq!(version(&app).await, here, "the same schema, the same version");
    let changed = tenantry::graphql::builder().override_output_type_description::<tenantry::graphql::Query>("Changed.");
    let app = with_schema(app, changed.finish());
    assert_ne!(version(&app).await, here);
}
