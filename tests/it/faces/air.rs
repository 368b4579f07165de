//! Wasabi AiR's face, section by section of its contract.

mod groups;
mod members;
mod requests;
mod roles;
mod users;

use axum::http::{Method, StatusCode};
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use tenantry::model::BuiltIn;

use crate::support::{App, Caller};

const USERS: &str = "/api/data/users";
const ROLES: &str = "/api/data/roles";
const GROUPS: &str = "/api/data/v3/groups";

/// Acme with an administrator `ada` and a user `ann`, and another organization with `gus` and `gil`.
async fn world(app: &App) -> (Caller<'_>, Caller<'_>) {
    app.organization("acme", &["acme-main"]).await;
    app.organization("globex", &[]).await;
    app.user("globex", "gus", Some("organization-admin")).await;
    app.user("globex", "gil", Some("user")).await;
    (
        app.user("acme", "ada", Some("organization-admin")).await,
        app.user("acme", "ann", Some("user")).await,
    )
}

/// The answer of a call that must succeed with this status.
async fn answered(caller: &Caller<'_>, status: StatusCode, method: Method, path: &str, body: Option<&Value>) -> Value {
    let reply = caller.rest(method, path, body).await;
    assert_eq!(reply.status, status, "{path} {body:?}: {}", reply.body);
    assert_eq!(reply.headers["content-type"], "application/json", "{path}");
    reply.json()
}

async fn get(caller: &Caller<'_>, path: &str) -> Value {
    answered(caller, StatusCode::OK, Method::GET, path, None).await
}

async fn post(caller: &Caller<'_>, path: &str, body: Value) -> Value {
    answered(caller, StatusCode::CREATED, Method::POST, path, Some(&body)).await
}

async fn put(caller: &Caller<'_>, path: &str, body: Value) -> Value {
    answered(caller, StatusCode::OK, Method::PUT, path, Some(&body)).await
}

async fn patch(caller: &Caller<'_>, path: &str, body: Value) -> Value {
    answered(caller, StatusCode::OK, Method::PATCH, path, Some(&body)).await
}

async fn delete(caller: &Caller<'_>, path: &str) -> Value {
    answered(caller, StatusCode::OK, Method::DELETE, path, None).await
}

/// The text of a refusal, which must have this status and the product's form, and change nothing.
async fn refused(caller: &Caller<'_>, status: u16, method: Method, path: &str, body: Option<&Value>) -> String {
    let mails = caller.app.mails().len();
    let (seen, answer) = caller.rest_refused(method.clone(), path, body).await;
    assert_eq!(seen, status, "{method} {path} {body:?}: {answer}");
    assert_eq!(
        mails,
        caller.app.mails().len(),
        "a refusal sent a mail: {method} {path}"
    );
    let text = answer["error"].as_str().unwrap_or_default().to_owned();
    assert!(!text.is_empty(), "{method} {path}: {answer}");
    assert_eq!(answer, json!({ "error": text }), "{method} {path}");
    text
}

fn hex(id: &str) -> String {
    id.replace('-', "")
}

fn role_id(role: BuiltIn) -> String {
    hex(role.id())
}

fn is_hex(id: &Value) -> bool {
    let digits = |c: char| matches!(c, '0'..='9' | 'a'..='f');
    id.as_str().is_some_and(|id| id.len() == 32 && id.chars().all(digits))
}

/// So many rows more, by one statement in SQL; `{i}` is their number.
async fn many(app: &App, number: usize, table: &str, columns: &str, values: &str) {
    let values = values.replace("{i}", "n.i");
    let numbers = match app.services.db.backend() {
        sea_orm::DbBackend::Postgres => format!("generate_series(1, {number}) AS n (i)"),
        _ => format!(
            "(WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {number}) SELECT i FROM n) AS n"
        ),
    };
    let transaction = app.services.db.begin().await.unwrap();
    let sql = format!("INSERT INTO {table} ({columns}) SELECT {values} FROM {numbers}");
    transaction.execute_unprepared(&sql).await.unwrap();
    transaction.commit().await.unwrap();
}

/// So many users of Acme, `many-1` and on, all made at the same moment.
async fn many_users(app: &App, number: usize) {
    let columns = "id, organization_pk, email, activated, version, created_at, updated_at";
    let values = "'many-' || {i}, (SELECT pk FROM organizations WHERE id = 'acme'), 'many-' || {i} || '@acme.example',
        TRUE, 1, 1000000, 1000000";
    many(app, number, "users", columns, values).await;
}
