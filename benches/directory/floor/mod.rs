//! The floors: what the same requests cost when nobody checks a credential, reads a document or records who asked.
//!
//! An axum server behind the same way of accepting connections answers with the same bytes from fixed statements, rows written
//! straight to JSON. There are two: `sqlx.rs` on the server's driver with the settings of `src/store/db`, `native.rs` on
//! the fastest drivers that we know. On PostgreSQL both have each statement planned once, as the server does; limits
//! stand in the texts, since an unknown one is taken for a tenth of the table.

mod native;
mod sqlx;
mod statements;
mod written;

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde::Deserialize;
use tenantry::model::{Email, words};
use uuid::Uuid;

use crate::database::{connect, texts};

/// Who calls: looked up once.
struct Caller {
    user_pk: i64,
    user_id: String,
    organization_pk: i64,
    tenant_pk: Option<i64>,
    role_pk: i64,
    /// What the audit event says of the role.
    related: String,
}

/// Answers from a database with one driver.
trait Driver: Send + Sync + 'static {
    fn by_email(&self, email: &str) -> impl Future<Output = Vec<u8>> + Send;
    fn page(&self) -> impl Future<Output = Vec<u8>> + Send;
    fn nested(&self) -> impl Future<Output = Vec<u8>> + Send;
    fn create(&self, new: New) -> impl Future<Output = Vec<u8>> + Send;
}

/// A user to create.
struct New {
    id: String,
    email: String,
    words: String,
    event_id: String,
    request_id: String,
    now: i64,
}

impl New {
    fn of(email: &str) -> Self {
        let id = Uuid::now_v7().to_string();
        let parsed = Email::parse("email", email).unwrap();
        Self {
            words: words(["Ada", "Lovelace"], Some(&parsed), &id),
            id,
            email: email.to_owned(),
            event_id: Uuid::now_v7().to_string(),
            request_id: Uuid::now_v7().to_string(),
            now: i64::try_from(std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_micros()).unwrap(),
        }
    }

    fn answer(&self) -> Vec<u8> {
        format!(r#"{{"data":{{"createUser":{{"id":"{}"}}}}}}"#, self.id).into_bytes()
    }
}

/// Serves on behalf of this user, with this driver, until the process is ended.
pub async fn serve(driver: &str, url: &str, user_id: &str) {
    let caller = Caller::look_up(url, user_id).await;
    match (driver, url.starts_with("postgres")) {
        ("sqlx", true) => listen(sqlx::Postgres::new(url, caller).await).await,
        ("sqlx", false) => listen(sqlx::Sqlite::new(url, caller).await).await,
        (_, true) => listen(native::Postgres::new(url, caller).await).await,
        (_, false) => listen(native::Sqlite::new(url, caller)).await,
    }
}

async fn listen<D: Driver>(driver: D) {
    let router = Router::new()
        .route("/graphql", post(answer::<D>))
        .with_state(Arc::new(driver));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("listening on http://{}", listener.local_addr().unwrap());
    let bounds = tenantry::http::Bounds::default();
    tenantry::http::serve(listener, router, &Default::default(), bounds, std::future::pending()).await;
}

impl Caller {
    async fn look_up(url: &str, user_id: &str) -> Self {
        let connection = connect(url).await.unwrap();
        let of_user = async |column: &str| {
            let sql = format!("SELECT COALESCE(CAST({column} AS TEXT), '') FROM users WHERE id = '{user_id}'");
            texts(&connection, &sql).await.remove(0)
        };
        let of_role = async |column: &str| {
            let sql =
                format!("SELECT CAST({column} AS TEXT) FROM roles WHERE name = 'user' AND organization_pk IS NULL");
            texts(&connection, &sql).await.remove(0)
        };
        let role_id = of_role("id").await;
        Self {
            user_pk: of_user("pk").await.parse().unwrap(),
            user_id: user_id.to_owned(),
            organization_pk: of_user("organization_pk").await.parse().unwrap(),
            tenant_pk: of_user("tenant_pk").await.parse().ok(),
            role_pk: of_role("pk").await.parse().unwrap(),
            related: format!(r#"{{"all":[{{"kind":"role","id":"{role_id}","name":"user","change":"ADDED"}}]}}"#),
        }
    }
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(rename = "operationName")]
    operation: &'a str,
    #[serde(borrow)]
    variables: Variables<'a>,
}

#[derive(Deserialize)]
struct Variables<'a> {
    #[serde(default, borrow)]
    email: Option<&'a str>,
}

async fn answer<D: Driver>(State(driver): State<Arc<D>>, body: Bytes) -> Response {
    let body: Body<'_> = serde_json::from_slice(&body).unwrap();
    let email = body.variables.email.unwrap_or_default();
    let answer = match body.operation {
        "ByEmail" => driver.by_email(email).await,
        "Page" => driver.page().await,
        "Nested" => driver.nested().await,
        _ => driver.create(New::of(email)).await,
    };
    ([(header::CONTENT_TYPE, "application/json; charset=utf-8")], answer).into_response()
}
