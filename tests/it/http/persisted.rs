//! Automatic persisted queries, as Apollo's and urql's clients send them.

use axum::body::Body;
use axum::http::{Method, StatusCode, header};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{app, percent};
use crate::on_both;
use crate::support::{App, Backend, Caller, Reply};

fn hash(text: &str) -> String {
    Sha256::digest(text.as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn extensions(text: &str) -> Value {
    json!({ "persistedQuery": { "version": 1, "sha256Hash": hash(text) } })
}

async fn post(caller: &Caller<'_>, body: Value) -> Reply {
    caller.app.send(caller.request("/graphql", &body)).await
}

async fn get(caller: &Caller<'_>, parameters: &[(&str, String)]) -> Reply {
    let query: Vec<String> = parameters
        .iter()
        .map(|(name, value)| format!("{name}={}", percent(value)))
        .collect();
    let mut request = caller.request(&format!("/graphql?{}", query.join("&")), &json!(null));
    *request.method_mut() = Method::GET;
    *request.body_mut() = Body::empty();
    caller.app.send(request).await
}

fn assert_not_found(reply: &Reply) {
    let expected = json!({ "errors": [{ "message": "PersistedQueryNotFound", "extensions": { "code": "PERSISTED_QUERY_NOT_FOUND" } }] });
    assert_eq!((reply.status, reply.json()), (StatusCode::OK, expected));
}

/// A document that no other test sends: what is kept is kept by the process.
fn document(app: &App, text: &str) -> String {
    format!("{text} # {}", app.database.url)
}

on_both! {
    async fn a_document_is_sent_once(app: App) {
        app.organization("acme", &[]).await;
        let ada = app.user("acme", "ada", None).await;
        let text = document(&app, "query Q($no: Boolean!) { me { id name @skip(if: $no) } }");
        let by_hash = json!({ "variables": { "no": true }, "extensions": extensions(&text) });
        assert_not_found(&post(&ada, by_hash.clone()).await);
        let mut both = by_hash.clone();
        both["query"] = json!(text);
        let expected = json!({ "data": { "me": { "id": "ada" } } });
        assert_eq!(post(&ada, both.clone()).await.json(), expected);
        assert_eq!(post(&ada, by_hash.clone()).await.json(), expected);
        // Each credential of the same user has it, by POST and by GET, with other variables and with a name.
        let again = app.key_of("ada").await;
        let parameters = [("variables", "{\"no\":false}".to_owned()), ("operationName", "Q".to_owned()), ("extensions", extensions(&text).to_string())];
        assert_eq!(get(&again, &parameters).await.json(), json!({ "data": { "me": { "id": "ada", "name": "ada@acme.example" } } }));
        let mut upper = by_hash.clone();
        upper["extensions"]["persistedQuery"]["sha256Hash"] = json!(hash(&text).to_uppercase());
        upper["query"] = json!("");
        assert_eq!(post(&again, upper).await.json(), expected);
        // Nobody else has.
        for stranger in [app.admin(), app.anonymous()] {
            assert_not_found(&post(&stranger, by_hash.clone()).await);
        }
        // The Kili SDK's path is the same server.
        let reply = app.send(ada.request("/api/label/v2/graphql", &by_hash)).await;
        assert_eq!(reply.json(), expected);
    }

    async fn what_may_not_be_kept_is_not(app: App) {
        let admin = app.admin();
        let invalid = document(&app, "{ nothing }");
        let reply = post(&admin, json!({ "query": invalid, "extensions": extensions(&invalid) })).await;
        assert_eq!(reply.json()["errors"][0]["extensions"]["code"], "INVALID");
        assert_not_found(&post(&admin, json!({ "extensions": extensions(&invalid) })).await);
        // Another text's hash.
        let (one, other) = (document(&app, "{ me { id } }"), document(&app, "{ me { name } }"));
        let reply = post(&admin, json!({ "query": one, "extensions": extensions(&other) })).await;
        let error = &reply.json()["errors"][0];
        assert_eq!(error["extensions"], json!({ "code": "INVALID", "field": "extensions.persistedQuery.sha256Hash" }));
        assert_not_found(&post(&admin, json!({ "extensions": extensions(&other) })).await);
        assert_not_found(&post(&admin, json!({ "extensions": extensions(&one) })).await);
        // Without a credential a document runs, and is not kept.
        let open = document(&app, "{ __typename }");
        let both = json!({ "query": open, "extensions": extensions(&open) });
        assert_eq!(post(&app.anonymous(), both).await.json(), json!({ "data": { "__typename": "Query" } }));
        assert_not_found(&post(&app.anonymous(), json!({ "extensions": extensions(&open) })).await);
        assert_not_found(&post(&admin, json!({ "extensions": extensions(&open) })).await);
    }

    async fn a_get_with_a_hash_runs_queries_only(app: App) {
        let admin = app.admin();
        let text = document(&app, "mutation { createOrganization(data: {id: \"got\", name: \"Got\"}) { id } }");
        let made = post(&admin, json!({ "query": text, "extensions": extensions(&text) })).await;
        assert_eq!(made.json()["data"]["createOrganization"]["id"], "got");
        admin.ok("mutation { deleteOrganization(where: {id: \"got\"}) { id } }", json!({})).await;
        let before = app.dump().await;
        let reply = get(&admin, &[("extensions", extensions(&text).to_string())]).await;
        assert_eq!((reply.status, &reply.headers[header::ALLOW]), (StatusCode::METHOD_NOT_ALLOWED, &header::HeaderValue::from_static("POST")));
        assert_eq!(before, app.dump().await);
        // By POST it runs.
        let reply = post(&admin, json!({ "extensions": extensions(&text) })).await;
        assert_eq!(reply.json()["data"]["createOrganization"]["id"], "got");
    }

    async fn a_callers_documents_are_bounded(app: App) {
        use tenantry::graphql::{PERSISTED_BYTES_MAX, PERSISTED_DOCUMENTS_MAX};
        app.organization("acme", &[]).await;
        // All tests are one process, which tells callers apart by their numbers: these are nobody's elsewhere.
        let others = if app.backend == Backend::Sqlite { 10 } else { 20 };
        for n in 0..others {
            app.admin().create_user(json!({ "id": format!("u{n}") })).await;
        }
        let (ada, bob) = (app.user("acme", "ada", None).await, app.user("acme", "bob", None).await);
        let keep = async |caller: &Caller<'_>, text: &str| {
            assert!(post(caller, json!({ "query": text, "extensions": extensions(text) })).await.json().get("errors").is_none());
        };
        let is_kept = async |caller: &Caller<'_>, text: &str| {
            post(caller, json!({ "extensions": extensions(text) })).await.json().get("errors").is_none()
        };
        let number = |number: usize| document(&app, &format!("{{ n{number}: __typename }}"));
        keep(&bob, &number(0)).await;
        for n in 0..PERSISTED_DOCUMENTS_MAX + 1 {
            keep(&ada, &number(n)).await;
        }
        assert!(!is_kept(&ada, &number(0)).await, "the oldest gave way");
        assert!(is_kept(&ada, &number(1)).await && is_kept(&ada, &number(PERSISTED_DOCUMENTS_MAX)).await);
        assert!(is_kept(&bob, &number(0)).await, "another's stay");
        let large = |n: usize| document(&app, &format!("{{ l{n}: __typename }} # {}", "x".repeat(PERSISTED_BYTES_MAX / 4)));
        for n in 0..4 {
            keep(&ada, &large(n)).await;
        }
        assert!(!is_kept(&ada, &large(0)).await && is_kept(&ada, &large(3)).await && is_kept(&ada, &large(1)).await);
        assert!(!is_kept(&ada, &number(PERSISTED_DOCUMENTS_MAX)).await);
        assert!(is_kept(&bob, &number(0)).await);
    }
}

#[tokio::test]
async fn what_is_none_of_the_protocol_is_refused() {
    let app = app().await;
    for given in [
        json!({}),
        json!({ "version": 1 }),
        json!({ "version": 1, "sha256Hash": "abc" }),
        json!({ "version": 1, "sha256Hash": 7 }),
        json!("x"),
        json!([1]),
    ] {
        let reply = post(
            &app.admin(),
            json!({ "query": "{ __typename }", "extensions": { "persistedQuery": given } }),
        )
        .await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{given}");
        assert_eq!(reply.json()["errors"][0]["extensions"]["code"], "INVALID");
    }
    let other = json!({ "persistedQuery": { "version": 2, "sha256Hash": hash("") } });
    let reply = post(&app.admin(), json!({ "extensions": other })).await.json();
    assert_eq!(
        reply["errors"][0],
        json!({ "message": "PersistedQueryNotSupported", "extensions": { "code": "PERSISTED_QUERY_NOT_SUPPORTED" } })
    );
    let none = post(
        &app.admin(),
        json!({ "query": "{ __typename }", "extensions": { "persistedQuery": null, "other": 1 } }),
    )
    .await;
    assert_eq!(none.json(), json!({ "data": { "__typename": "Query" } }));
    let missing = post(&app.admin(), json!({ "extensions": {} })).await.json();
    assert_eq!(missing["errors"][0]["message"], "The parameter 'query' is missing.");
}
