//! What authentication, permissions and the gate add to a request.
//!
//! A server of this process answers the same document in three ways, with the server's own code for everything but who
//! calls:
//!
//! - `/open`: as a caller who was looked up once, when the server started. Nobody looks at a credential.
//! - `/graphql` with one key: the credential is found in the memory of verified ones.
//! - `/graphql` with another key at each request, of the same user, so many that each was forgotten before it comes again:
//!   every request looks up its key, its owner and the owner's roles in the database.
//!
//! What the second and the third take longer than the first is the authentication's. The permissions and the gate
//! (`OpContext::authorize`) are a step that no verb can be run without, in all three; they are timed by themselves,
//! and added. Their predicate, `WHERE organization_pk = …`, is in all three too: without it the answer is another one.

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use axum::routing::post;
use sea_orm::{ConnectionTrait, DatabaseConnection, Statement, Value};
use tenantry::authn::{Issuer, SigningKeys, caller_of};
use tenantry::authz::{Action, Resource};
use tenantry::context::{OpContext, Services};
use tenantry::model::{Actor, Client, SecretSource, digest};
use tenantry::request::{App, RequestInfo, Sent, execute, presented};
use tenantry::services::config::MailConfig;
use tenantry::services::mailer::Mailer;
use tenantry::store::db::Database;
use uuid::Uuid;

use crate::bench::{Bench, TITLE, WIDTH, median, shown};
use crate::load::{Credential, Target};
use crate::requests::page;
use crate::table::Table;

/// More than are asked with in the half second for which a verified credential is remembered.
const KEYS: usize = 20_000;

impl Bench<'_> {
    /// What authentication, permissions and the gate add to a page of 50.
    pub async fn gate(&self, table: &mut Table) {
        let server = self.role(&["gate", self.url, &self.user_pk.to_string()]);
        let authorize: f64 = server.said("authorize ").parse().unwrap();
        let known = self.target(&server);
        let targets = [
            Target {
                path: "/open".to_owned(),
                ..known.clone()
            },
            known.clone(),
            Target {
                credential: Credential::in_turn(make_keys(&self.connection, self.user_pk).await),
                ..known
            },
        ];
        self.heading("gate", &["open", "one key", "a new key each time"]);
        let page = page();
        let rounds = self.rounds(&targets.each_ref().map(|target| (target, &page))).await;
        let of = |which: usize| shown(rounds.iter().map(|measured| measured[which]));
        println!(
            "{:<TITLE$}{:>WIDTH$}{:>WIDTH$}{:>WIDTH$}",
            "page of 50",
            of(0),
            of(1),
            of(2)
        );
        // Of the time that a request takes of the machine.
        for (which, how) in [(1, "with the cache"), (2, "without")] {
            let added = median(rounds.iter().map(|measured| {
                let [open, gated] = [0, which].map(|which| 1e9 / measured[which].per_second);
                (gated + authorize - open) / open * 100.0
            }));
            table.at_most(
                &format!("page of 50, gate adds {how}, %"),
                Some(10.0),
                self.database,
                added,
            );
        }
        println!("permissions and gate by themselves: {authorize:.0} ns");
    }
}

/// Serves on behalf of this user, and of whom the keys belong to, until the process is ended.
pub async fn serve(url: &str, user_pk: &str) {
    let db = Database::connect(url).await.unwrap();
    let user_pk: i64 = user_pk.parse().unwrap();
    let caller = caller_of(db.reader(), user_pk).await.unwrap().unwrap();
    let mailer = Mailer::new(&MailConfig::None, None, "http://localhost").unwrap();
    let services = Arc::new(Services::new(
        db,
        mailer,
        SigningKeys::new(SecretSource::Missing, Issuer::local(8000)),
    ));
    let known = Actor::user(caller);
    println!(
        "authorize {:.0}",
        authorize_nanos(&OpContext::new(Arc::clone(&services), known.clone(), "bench"))
    );
    let app = App {
        services,
        schema: tenantry::graphql::build(true),
        link_pages: true,
        pages: false,
        introspection: true,
        edge: Arc::default(),
    };
    let open = async move |State(app): State<App>, body: Bytes| {
        let op = OpContext::new(Arc::clone(&app.services), known, request_id().id);
        run(&app, op, body).await
    };
    let gated = async |State(app): State<App>, headers: HeaderMap, body: Bytes| {
        let id = request_id();
        let presented = presented(&headers, &id, tenantry::model::Faces::all()).unwrap();
        presented.owner(&app.services).await.unwrap();
        let op = OpContext::of_request(Arc::clone(&app.services), presented).await;
        run(&app, op.unwrap(), body).await
    };
    let router = Router::new()
        .route("/open", post(open))
        .route("/graphql", post(gated))
        .with_state(app);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("listening on http://{}", listener.local_addr().unwrap());
    let bounds = tenantry::http::Bounds::default();
    tenantry::http::serve(listener, router, &Default::default(), bounds, std::future::pending()).await;
}

fn request_id() -> RequestInfo {
    RequestInfo::new(&Uuid::now_v7().to_string().into(), Client::default())
}

async fn run(app: &App, op: OpContext, body: Bytes) -> Response {
    let (op, parsed) = Sent::Body(body).parse(op).await.unwrap();
    let execution = execute(app, op, parsed, None, false).await;
    let json = HeaderValue::from_static("application/json; charset=utf-8");
    execution.into_response(StatusCode::OK, json)
}

fn authorize_nanos(op: &OpContext) -> f64 {
    const TIMES: u32 = 1_000_000;
    let started = Instant::now();
    for _ in 0..TIMES {
        std::hint::black_box(op.authorize(std::hint::black_box(Action::Read), Resource::User)).unwrap();
    }
    started.elapsed().as_secs_f64() * 1e9 / f64::from(TIMES)
}

/// Makes keys for this user, and gives their secrets.
pub async fn make_keys(connection: &DatabaseConnection, user_pk: i64) -> Vec<String> {
    let run = std::process::id();
    let secrets: Vec<String> = (0..KEYS)
        .map(|n| format!("key-{n}-of-{user_pk}-of-benchmark-{run}"))
        .collect();
    let backend = connection.get_database_backend();
    for (batch, secrets) in secrets.chunks(500).enumerate() {
        let mut values: Vec<Value> = Vec::new();
        let rows = secrets.iter().enumerate().map(|(n, secret)| {
            let id = Uuid::now_v7().to_string();
            let name = format!("bench {run} {batch} {n}");
            values.extend([id.into(), name.into(), digest(secret).into()]);
            let at = values.len();
            format!("(${}, {user_pk}, ${}, ${}, 'bench', 1, 0, 0)", at - 2, at - 1, at)
        });
        let rows = rows.collect::<Vec<_>>().join(", ");
        let sql = format!(
            "INSERT INTO api_keys (id, user_pk, name, digest, prefix, version, created_at, updated_at) VALUES {rows}"
        );
        let statement = Statement::from_sql_and_values(backend, sql, values);
        connection.execute_raw(statement).await.unwrap();
    }
    secrets
}
