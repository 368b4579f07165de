//! The floor: what the same requests cost when nobody checks a credential, reads a document or records who asked.
//!
//! An axum server behind the same way of accepting connections, on the same driver with the same settings (those of
//! `src/db.rs`), that answers with the same bytes from fixed statements, rows written straight to JSON.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use sea_orm::sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sea_orm::sqlx::{self, PgPool, Row, SqlitePool};
use serde::Deserialize;
use tenantry::model::Timestamp;
use uuid::Uuid;

const BY_EMAIL: &str = "SELECT id, email, COALESCE(name, NULLIF(TRIM(COALESCE(firstname, '') || ' ' || COALESCE(lastname, '')), ''), email, id), activated, created_at
    FROM users WHERE organization_pk = $1 AND email = $2 ORDER BY created_at, id LIMIT 1";
const PAGE: &str = "SELECT id, email, COALESCE(name, NULLIF(TRIM(COALESCE(firstname, '') || ' ' || COALESCE(lastname, '')), ''), email, id), activated, created_at
    FROM users WHERE organization_pk = $1 ORDER BY created_at, id LIMIT 50";
const INSERT_USER: &str = "INSERT INTO users (id, organization_pk, tenant_pk, email, firstname, lastname, sort_name, activated, version, created_at, updated_at)
    VALUES ($1, $2, $3, $4, $5, $6, lower($5 || ' ' || $6), TRUE, 1, $7, $7) RETURNING pk";
const INSERT_ROLE: &str =
    "INSERT INTO user_roles (user_pk, role_pk, organization_pk, created_at, created_by) VALUES ($1, $2, $3, $4, $5)";
const INSERT_EVENT: &str = "INSERT INTO audit_events (id, organization_pk, actor_pk, actor_id, action, target_kind, target_pk, target_id, request_id, created_at)
    VALUES ($1, $2, $3, $4, 'user.create', 'user', $5, $6, $7, $8)";

enum Pools {
    Sqlite { reader: SqlitePool, writer: SqlitePool },
    Postgres(PgPool),
}

struct Floor {
    pools: Pools,
    /// Who calls: looked up once.
    user_pk: i64,
    user_id: String,
    organization_pk: i64,
    tenant_pk: Option<i64>,
    role_pk: i64,
}

/// Serves on behalf of this user until the process is ended.
pub async fn serve(url: &str, user_id: &str) {
    let pools = connect(url).await;
    const CALLER: &str = "SELECT pk, organization_pk, tenant_pk, (SELECT pk FROM roles WHERE name = 'user' AND organization_pk IS NULL) FROM users WHERE id = $1";
    let (user_pk, organization_pk, tenant_pk, role_pk) = match &pools {
        Pools::Sqlite { reader, .. } => sqlx::query_as(CALLER).bind(user_id).fetch_one(reader).await.unwrap(),
        Pools::Postgres(pool) => sqlx::query_as(CALLER).bind(user_id).fetch_one(pool).await.unwrap(),
    };
    let floor = Floor {
        pools,
        user_pk,
        user_id: user_id.to_owned(),
        organization_pk,
        tenant_pk,
        role_pk,
    };
    let router = Router::new()
        .route("/graphql", post(answer))
        .with_state(Arc::new(floor));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("listening on http://{}", listener.local_addr().unwrap());
    let bounds = tenantry::http::Bounds::default();
    tenantry::http::serve(listener, router, &Default::default(), bounds, std::future::pending()).await;
}

async fn connect(url: &str) -> Pools {
    const WAIT: Duration = Duration::from_secs(10);
    if url.starts_with("postgres") {
        let options = PgConnectOptions::from_str(url).unwrap();
        let pool = PgPoolOptions::new()
            .max_connections(8)
            .min_connections(1)
            .acquire_timeout(WAIT)
            .test_before_acquire(false);
        return Pools::Postgres(pool.connect_with(options).await.unwrap());
    }
    let open = async |connections: u32, read_only: bool| {
        let options = SqliteConnectOptions::from_str(url)
            .unwrap()
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(WAIT)
            .pragma("trusted_schema", "OFF")
            .pragma("cache_size", "-8192")
            .read_only(read_only)
            .statement_cache_capacity(256);
        let pool = SqlitePoolOptions::new()
            .max_connections(connections)
            .min_connections(1)
            .acquire_timeout(WAIT)
            .test_before_acquire(false);
        pool.connect_with(options).await.unwrap()
    };
    Pools::Sqlite {
        writer: open(1, false).await,
        reader: open(4, true).await,
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

async fn answer(State(floor): State<Arc<Floor>>, body: Bytes) -> Response {
    let body: Body<'_> = serde_json::from_slice(&body).unwrap();
    let email = body.variables.email.unwrap_or_default();
    let answer = match body.operation {
        "ByEmail" => floor.by_email(email).await,
        "Page" => floor.page().await,
        _ => floor.create(email).await,
    };
    ([(header::CONTENT_TYPE, "application/json; charset=utf-8")], answer).into_response()
}

macro_rules! write_users {
    ($rows:expr) => {{
        let mut text = Vec::with_capacity(8 * 1024);
        text.extend_from_slice(br#"{"data":{"users":["#);
        for (number, row) in $rows.iter().enumerate() {
            text.extend_from_slice(if number == 0 { br#"{"id":"# } else { br#",{"id":"# });
            serde_json::to_writer(&mut text, row.get::<&str, _>(0)).unwrap();
            text.extend_from_slice(br#","email":"#);
            serde_json::to_writer(&mut text, &row.get::<Option<&str>, _>(1)).unwrap();
            text.extend_from_slice(br#","name":"#);
            serde_json::to_writer(&mut text, row.get::<&str, _>(2)).unwrap();
            text.extend_from_slice(br#","activated":"#);
            text.extend_from_slice(if row.get::<bool, _>(3) { b"true" } else { b"false" });
            text.extend_from_slice(br#","createdAt":""#);
            text.extend_from_slice(Timestamp::from_micros(row.get(4)).to_string().as_bytes());
            text.extend_from_slice(br#""}"#);
        }
        text.extend_from_slice(b"]}}");
        text
    }};
}

macro_rules! create {
    ($floor:expr, $transaction:expr, $email:expr) => {{
        let mut transaction = $transaction;
        let id = Uuid::now_v7().to_string();
        let now = i64::try_from(std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_micros()).unwrap();
        let pk: i64 = sqlx::query(INSERT_USER)
            .bind(&id)
            .bind($floor.organization_pk)
            .bind($floor.tenant_pk)
            .bind($email)
            .bind("Ada")
            .bind("Lovelace")
            .bind(now)
            .fetch_one(&mut *transaction)
            .await
            .unwrap()
            .get(0);
        sqlx::query(INSERT_ROLE)
            .bind(pk)
            .bind($floor.role_pk)
            .bind($floor.organization_pk)
            .bind(now)
            .bind($floor.user_pk)
            .execute(&mut *transaction)
            .await
            .unwrap();
        sqlx::query(INSERT_EVENT)
            .bind(Uuid::now_v7().to_string())
            .bind($floor.organization_pk)
            .bind($floor.user_pk)
            .bind(&$floor.user_id)
            .bind(pk)
            .bind(&id)
            .bind(Uuid::now_v7().to_string())
            .bind(now)
            .execute(&mut *transaction)
            .await
            .unwrap();
        transaction.commit().await.unwrap();
        format!(r#"{{"data":{{"createUser":{{"id":"{id}"}}}}}}"#).into_bytes()
    }};
}

impl Floor {
    async fn by_email(&self, email: &str) -> Vec<u8> {
        match &self.pools {
            Pools::Sqlite { reader, .. } => {
                let query = sqlx::query(BY_EMAIL).bind(self.organization_pk).bind(email);
                write_users!(query.fetch_all(reader).await.unwrap())
            }
            Pools::Postgres(pool) => {
                let query = sqlx::query(BY_EMAIL).bind(self.organization_pk).bind(email);
                write_users!(query.fetch_all(pool).await.unwrap())
            }
        }
    }

    async fn page(&self) -> Vec<u8> {
        match &self.pools {
            Pools::Sqlite { reader, .. } => {
                write_users!(
                    sqlx::query(PAGE)
                        .bind(self.organization_pk)
                        .fetch_all(reader)
                        .await
                        .unwrap()
                )
            }
            Pools::Postgres(pool) => {
                write_users!(
                    sqlx::query(PAGE)
                        .bind(self.organization_pk)
                        .fetch_all(pool)
                        .await
                        .unwrap()
                )
            }
        }
    }

    async fn create(&self, email: &str) -> Vec<u8> {
        match &self.pools {
            Pools::Sqlite { writer, .. } => create!(self, writer.begin_with("BEGIN IMMEDIATE").await.unwrap(), email),
            Pools::Postgres(pool) => create!(self, pool.begin().await.unwrap(), email),
        }
    }
}
