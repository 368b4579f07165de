//! A refusal that no call makes is in the form of the face whose path it is.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use serde_json::{Value, json};

use crate::support::{App, Backend, Reply};

/// A path of each face that has no route of its own, and what a refusal with this status and text looks like there.
type Form = fn(u16, &str) -> Value;
const FACES: &[(&str, Form)] = &[
    ("/api", |_, text| json!({ "detail": text })),
    ("/api/nothing/here", |_, text| json!({ "detail": text })),
    ("/api/data", |_, text| json!({ "error": text })),
    ("/api/data/v3/nothing", |_, text| json!({ "error": text })),
    ("/v1/api/nothing", |status, text| json!({ "msg": text, "code": status })),
    ("/auth/admin/nothing", |_, text| json!({ "error": text })),
];

async fn send(app: &App, method: Method, path: &str, head: &[(&str, &str)]) -> Reply {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in head {
        request = request.header(*name, *value);
    }
    app.send(request.body(Body::empty()).unwrap()).await
}

fn text(reply: &Reply) -> String {
    let answer = reply.json();
    let mut texts = answer.as_object().unwrap().values().filter_map(Value::as_str);
    texts.next().unwrap().to_owned()
}

#[tokio::test]
async fn an_unknown_path_is_refused_in_the_form_of_its_face() {
    let app = App::new(Backend::Sqlite).await;
    for (path, form) in FACES {
        for method in [Method::GET, Method::POST, Method::DELETE] {
            let reply = send(&app, method, path, &[]).await;
            assert_eq!(reply.status, StatusCode::NOT_FOUND, "{path}");
            assert_eq!(reply.headers[header::CONTENT_TYPE], "application/json", "{path}");
            assert_eq!(reply.json(), form(404, &text(&reply)), "{path}");
        }
    }
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused_in_the_form_of_its_face() {
    let app = App::new(Backend::Sqlite).await;
    let large = "x".repeat(70_000);
    for (path, form) in FACES {
        let reply = send(&app, Method::POST, path, &[("x-large", large.as_str())]).await;
        assert_eq!(reply.status, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "{path}");
        assert_eq!(reply.json(), form(431, &text(&reply)), "{path}");
    }
}
