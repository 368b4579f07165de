//! What tests start from: an [`App`] on a database of its own, and callers as types.

pub mod binary;
pub mod cluster;
pub mod database;
pub mod documents;
pub mod mail;
pub mod postgres;
pub mod process;
pub mod routes;
pub mod session;
pub mod signal;
pub mod smtp;
pub mod stream;
pub mod switch;
pub mod wait;

use std::sync::{Arc, LazyLock};

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use serde_json::{Value, json};
use tenantry::authn::{Issuer, SigningKeys};
use tenantry::context::{OpContext, Services};
use tenantry::http::router;
use tenantry::model::Clock;
use tenantry::model::Timestamp;
use tenantry::model::{Actor, Faces, SecretKey, SecretSource};
use tenantry::request::App as HttpApp;
use tenantry::services::config::MailConfig;
use tenantry::services::hasher::Hasher;
use tenantry::services::hasher::Speeds;
use tenantry::services::mailer::Mailer;
use tenantry::store::db::Database;
use tenantry::store::entity::user;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

pub use database::{Backend, TestDatabase};

/// The super admin's key in every test.
pub const ADMIN_KEY: &str = "admin-key-of-every-test-0123456789";
/// When tests begin; the clock stands still until a test moves it.
pub const START: &str = "2026-01-02T03:04:05.006Z";
/// What encrypts signing keys.
pub const SECRET_KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
pub const PUBLIC_URL: &str = "https://directory.example";

/// How fast servers in process believe to hash: twenty times as fast as this machine does, so that a refused password is
/// answered in a twentieth of the time.
pub static SPEEDS: LazyLock<Speeds> = LazyLock::new(|| Speeds::measure().unwrap().times(20.0));

/// A server in process, with a database of its own.
pub struct App {
    pub services: Arc<Services>,
    pub router: axum::Router,
    pub schema: tenantry::graphql::Schema,
    pub mail: tempfile::TempDir,
    pub backend: Backend,
    pub database: database::TestDatabase,
}

fn routed(services: &Arc<Services>, schema: &tenantry::graphql::Schema) -> axum::Router {
    router(HttpApp {
        services: Arc::clone(services),
        schema: schema.clone(),
        pages: true,
        link_pages: true,
        introspection: true,
        edge: Arc::default(),
    })
}

impl App {
    pub async fn new(backend: Backend) -> Self {
        Self::with_secret(backend, secret()).await
    }

    /// A server that believes to hash at another speed.
    pub async fn with_hasher(backend: Backend, hasher: Hasher) -> Self {
        Self::with(backend, secret(), None, hasher, &[], Issuer::public(PUBLIC_URL)).await
    }

    /// A server that cannot keep sessions.
    pub async fn without_secret(backend: Backend) -> Self {
        Self::with_secret(backend, SecretSource::Missing).await
    }

    pub async fn with_secret(backend: Backend, secret: SecretSource) -> Self {
        Self::with_issuer(backend, secret, Issuer::public(PUBLIC_URL)).await
    }

    /// A server that issues tokens under another name.
    pub async fn with_issuer(backend: Backend, secret: SecretSource, issuer: Issuer) -> Self {
        Self::with(backend, secret, None, Hasher::with_speeds(*SPEEDS), &[], issuer).await
    }

    /// A server whose users see these keys of their effective variables.
    pub async fn with_public_variables(backend: Backend, keys: &[&str]) -> Self {
        let issuer = Issuer::public(PUBLIC_URL);
        Self::with(backend, secret(), None, Hasher::with_speeds(*SPEEDS), keys, issuer).await
    }

    /// The same, whose mails go to this SMTP server.
    pub async fn with_smtp(backend: Backend, url: &str) -> Self {
        let smtp = tenantry::services::config::Smtp::parse(url).unwrap();
        Self::with(
            backend,
            secret(),
            Some(MailConfig::Smtp(smtp)),
            Hasher::with_speeds(*SPEEDS),
            &[],
            Issuer::public(PUBLIC_URL),
        )
        .await
    }

    async fn with(
        backend: Backend,
        secret: SecretSource,
        mail_config: Option<MailConfig>,
        hasher: Hasher,
        public_variables: &[&str],
        issuer: Issuer,
    ) -> Self {
        if std::env::var_os("RUST_LOG").is_some() {
            std::mem::forget(tenantry::services::telemetry::start());
        }
        let database = database::TestDatabase::new(backend).await;
        let mail = tempfile::tempdir().unwrap();
        let mail_config = mail_config.unwrap_or_else(|| MailConfig::Directory(mail.path().to_owned()));
        let db = Database::connect(&database.url).await.unwrap();
        let mailer = Mailer::new(&mail_config, None, PUBLIC_URL).unwrap();
        let services = Arc::new(Services {
            clock: Clock::held(Timestamp::parse("start", START).unwrap()),
            hasher,
            public_variables: Arc::new(public_variables.iter().map(|key| (*key).to_owned()).collect()),
            ..Services::new(db, mailer, SigningKeys::new(secret, issuer))
        });
        services.cursor_keys.get(services.db.reader()).await.unwrap();
        let schema = tenantry::graphql::build(true);
        let router = routed(&services, &schema);
        Self {
            services,
            router,
            schema,
            mail,
            backend,
            database,
        }
    }

    /// The same server, started again with only these faces on.
    pub async fn with_faces(mut self, on: Faces) -> Self {
        tenantry::directory::faces::set(&self.machine(), on).await.unwrap();
        self.router = routed(&self.services, &self.schema);
        self
    }

    /// Nobody.
    pub fn anonymous(&self) -> Caller<'_> {
        Caller {
            app: self,
            key: None,
            impersonates: None,
        }
    }

    /// The super admin.
    pub fn admin(&self) -> Caller<'_> {
        self.key(ADMIN_KEY)
    }

    /// Whoever holds this key.
    pub fn key(&self, key: impl Into<String>) -> Caller<'_> {
        Caller {
            app: self,
            key: Some(key.into()),
            impersonates: None,
        }
    }

    /// A new user of an organization with one role (`None`: without any), by a key of its own. Its e-mail address is
    /// `<id>@<organization>.example`, its password `password-of-<id>`.
    pub async fn user(&self, organization: &str, id: &str, role: Option<&str>) -> Caller<'_> {
        let data = json!({
            "id": id, "email": format!("{id}@{organization}.example"), "password": format!("password-of-{id}"),
            "organizationId": organization, "roles": role.into_iter().collect::<Vec<_>>(),
        });
        self.admin()
            .ok(
                "mutation($data: CreateUserData!) { createUser(data: $data) { id } }",
                json!({ "data": data }),
            )
            .await;
        self.key_of(id).await
    }

    /// A new key of a user that exists.
    pub async fn key_of(&self, id: &str) -> Caller<'_> {
        let op = self.machine();
        let target = tenantry::directory::user::Target::id(id);
        let name = format!("test {}", uuid::Uuid::now_v7());
        let new = tenantry::directory::api_key::NewApiKey {
            name,
            ..Default::default()
        };
        let minted = tenantry::directory::api_key::create_for(&op, &target, new, None)
            .await
            .unwrap();
        self.key(minted.secret.expose())
    }

    /// An organization with this id, and tenants with these ids.
    pub async fn organization(&self, id: &str, tenants: &[&str]) {
        let document = "mutation($id: ID!, $name: String!) { createOrganization(data: {id: $id, name: $name}) { id } }";
        self.admin()
            .ok(document, json!({ "id": id, "name": format!("Organization {id}") }))
            .await;
        for tenant in tenants {
            let document = "mutation($data: CreateTenantData!) { createTenant(data: $data) { id } }";
            let data = json!({ "id": tenant, "name": format!("Tenant {tenant}"), "organizationId": id });
            self.admin().ok(document, json!({ "data": data })).await;
        }
    }

    /// So many users of an organization, without anything but a long name.
    pub async fn crowd(&self, organization: &str, count: u32) {
        let numbers = match self.backend {
            Backend::Postgres => format!("SELECT i FROM generate_series(1, {count}) n(i)"),
            Backend::Sqlite => format!(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) SELECT i FROM n"
            ),
        };
        let name = "name of a user ".repeat(10);
        let insert = format!(
            "INSERT INTO users (id, name, sort_name, organization_pk, activated, password_temporary, version, created_at, updated_at) \
             SELECT 'crowd-' || i, '{name}' || i, lower('{name}' || i), (SELECT pk FROM organizations WHERE id = '{organization}'), true, false, 1, 1, 1 \
             FROM ({numbers}) numbers"
        );
        let change = self.services.db.begin().await.unwrap();
        change.execute_unprepared(&insert).await.unwrap();
        change.commit().await.unwrap();
    }

    /// The context of the machine's own commands.
    pub fn machine(&self) -> OpContext {
        OpContext::new(Arc::clone(&self.services), Actor::Machine, "test")
    }

    /// Every row of every table as text, to show that a refusal changed nothing. Failed sign-ins and mails are counted, which is
    /// no change of the directory: their tables are left out. `last_used_at` and `last_seen_at` are
    /// left out: calling is not changing.
    pub async fn dump(&self) -> String {
        self.send_mails().await;
        self.database.dump(&self.services.db).await
    }

    /// The token in the last mail.
    pub fn mailed_token(&self) -> String {
        let mail = self.mails().pop().expect("a mail was sent");
        let mut tokens = mail::tokens_of(&mail);
        assert_eq!(tokens.len(), 1, "not one token in {mail}");
        tokens.remove(0)
    }

    /// The mails sent so far, oldest first: the headers and the plain text of each.
    pub fn mails(&self) -> Vec<String> {
        self.whole_mails().iter().map(|mail| mail::text_of(mail)).collect()
    }

    /// The mails sent so far as they are sent.
    pub fn whole_mails(&self) -> Vec<String> {
        let mut paths: Vec<_> = std::fs::read_dir(self.mail.path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        paths.sort();
        paths
            .iter()
            .map(|path| std::fs::read_to_string(path).unwrap())
            .collect()
    }

    /// Waits until every event can be listed: on PostgreSQL they wait for older transactions, those of other tests too.
    pub async fn settle(&self) {
        if self.backend == Backend::Sqlite {
            return;
        }
        let settled = "SELECT COUNT(*) FROM (SELECT MAX(position) AS last FROM audit_events) e
            WHERE last < (audit_events_era() + pg_snapshot_xmin(pg_current_snapshot())::text::bigint) << 20";
        wait::until(
            "the end of older transactions on the test server",
            wait::AT_LAST,
            async || self.number(settled).await == 1,
        )
        .await;
    }

    /// Whether a change waits for one that another connection to the database has under way.
    pub async fn has_a_change_that_waits(&self) -> bool {
        match self.backend {
            Backend::Sqlite => {
                let mut load = self.services.db.load().into_iter();
                load.any(|(pool, load)| pool == "writer" && load.used > 0)
            }
            Backend::Postgres => {
                let waiting = "SELECT COUNT(*) FROM pg_stat_activity \
                               WHERE datname = current_database() AND wait_event_type = 'Lock'";
                self.number(waiting).await > 0
            }
        }
    }

    /// A user as it is stored.
    pub async fn user_row(&self, id: &str) -> user::Model {
        let found = user::Entity::find().filter(user::Column::Id.eq(id));
        found.one(self.services.db.reader()).await.unwrap().unwrap()
    }

    /// Serves the routes at an address of their own, until the test ends.
    pub async fn served(&self) -> std::net::SocketAddr {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let routes = self.router.clone();
        tokio::spawn(async move {
            let (edge, bounds) = (
                tenantry::services::network::Edge::default(),
                tenantry::http::Bounds::default(),
            );
            tenantry::http::serve(listener, routes, &edge, bounds, std::future::pending()).await;
        });
        address
    }

    /// The answer to a request, and what the worker of mails does after it.
    pub async fn send(&self, request: Request<Body>) -> Reply {
        let reply = self.send_alone(request).await;
        self.send_mails().await;
        reply
    }

    /// A round of the worker, on a task of its own: its statements are none of the test's.
    pub async fn send_mails(&self) {
        let services = Arc::clone(&self.services);
        let round =
            async move { tenantry::operations::worker::send_mails_once(&services, &CancellationToken::new()).await };
        tokio::spawn(round).await.unwrap();
    }

    /// The answer to a request, whose mails wait.
    pub async fn send_alone(&self, request: Request<Body>) -> Reply {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Reply {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }
}

pub fn secret() -> SecretSource {
    SecretSource::Given(SecretKey::parse(SECRET_KEY).unwrap())
}

/// A response read to its end.
#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: axum::http::HeaderMap,
    pub body: String,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.body))
    }
}

/// Somebody with, or without, a credential.
#[derive(Clone)]
pub struct Caller<'a> {
    pub app: &'a App,
    pub key: Option<String>,
    /// The id of who is impersonated, by the header.
    pub impersonates: Option<String>,
}

impl Caller<'_> {
    /// The same, as somebody else.
    pub fn acting_as(mut self, id: &str) -> Self {
        self.impersonates = Some(id.to_owned());
        self
    }

    pub fn request(&self, path: &str, body: &Value) -> Request<Body> {
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "application/json");
        if let Some(key) = &self.key {
            request = request.header(header::AUTHORIZATION, format!("Bearer {key}"));
        }
        if let Some(id) = &self.impersonates {
            request = request.header("x-tenantry-impersonate-user", id);
        }
        request.body(Body::from(body.to_string())).unwrap()
    }

    /// A request of a REST face: any method and path, a body if there is one.
    pub async fn rest(&self, method: Method, path: &str, body: Option<&Value>) -> Reply {
        let mut request = self.request(path, body.unwrap_or(&Value::Null));
        *request.method_mut() = method;
        if body.is_none() {
            *request.body_mut() = Body::empty();
        }
        let reply = self.app.send(request).await;
        assert!(!reply.status.is_server_error(), "{path}: {reply:?}");
        if !reply.status.is_success() {
            assert_leaks_nothing(&reply.body);
        }
        reply
    }

    /// A refusal of a REST face that must change nothing at all; gives its status and body.
    pub async fn rest_refused(&self, method: Method, path: &str, body: Option<&Value>) -> (u16, Value) {
        let before = self.app.dump().await;
        let reply = self.rest(method, path, body).await;
        assert!(!reply.status.is_success(), "not refused: {path} {body:?} {reply:?}");
        assert_eq!(
            before,
            self.app.dump().await,
            "a refusal changed something: {path} {body:?}"
        );
        (reply.status.as_u16(), reply.json())
    }

    /// The whole answer of `/graphql`.
    pub async fn send(&self, document: &str, variables: Value) -> Value {
        let body = json!({ "query": document, "variables": variables });
        self.app.send(self.request("/graphql", &body)).await.json()
    }

    /// The data of an answer that must have no errors. Who asks for the audit trail gets every event that there is.
    pub async fn ok(&self, document: &str, variables: Value) -> Value {
        if document.to_lowercase().contains("auditevents") {
            self.app.settle().await;
        }
        let answer = self.send(document, variables).await;
        assert!(answer.get("errors").is_none(), "{document}\n{answer:#}");
        answer["data"].clone()
    }

    /// The first error's code of an answer that must have one; its whole text is checked for what must never leak.
    pub async fn code(&self, document: &str, variables: Value) -> String {
        self.refusal(document, variables).await["extensions"]["code"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// The first error of an answer that must have one.
    pub async fn refusal(&self, document: &str, variables: Value) -> Value {
        let answer = self.send(document, variables).await;
        assert_leaks_nothing(&answer.to_string());
        let error = answer["errors"]
            .get(0)
            .unwrap_or_else(|| panic!("no refusal: {document}\n{answer:#}"))
            .clone();
        assert!(
            error["extensions"]["code"].is_string(),
            "an error without a code: {answer:#}"
        );
        error
    }

    /// A refusal that must change nothing at all; gives its code.
    pub async fn refused(&self, document: &str, variables: Value) -> String {
        let before = self.app.dump().await;
        let mails = self.app.mails().len();
        let code = self.code(document, variables).await;
        assert_eq!(before, self.app.dump().await, "a refusal changed something: {document}");
        assert_eq!(mails, self.app.mails().len(), "a refusal sent a mail: {document}");
        code
    }
}

/// No answer speaks of the database or of the code behind it.
pub fn assert_leaks_nothing(answer: &str) {
    let lower = answer.to_lowercase();
    for word in [
        "sqlx",
        "sqlite",
        "postgres",
        "select ",
        "constraint",
        "panicked",
        "src/",
        ".rs:",
        "dberr",
        "\"internal\"",
    ] {
        assert!(!lower.contains(word), "'{word}' in {answer}");
    }
}

/// Runs a test on threads with as large a stack as those of the server: the deepest inputs need it.
pub fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_stack_size(tenantry::cli::STACK_BYTES)
        .enable_all()
        .build();
    runtime.unwrap().block_on(test);
}

/// Declares tests that run on both databases: `sqlite::<name>` and `postgres::<name>`.
#[macro_export]
macro_rules! on_both {
    ($($(#[$meta:meta])* async fn $name:ident($app:ident: $app_type:ty) $body:block)*) => {
        $(async fn $name($app: $app_type) $body)*

        mod sqlite {
            $($(#[$meta])* #[test]
            fn $name() {
                $crate::support::run(async {
                    super::$name($crate::support::App::new($crate::support::Backend::Sqlite).await).await;
                });
            })*
        }

        mod postgres {
            $($(#[$meta])* #[test]
            fn $name() {
                $crate::support::run(async {
                    super::$name($crate::support::App::new($crate::support::Backend::Postgres).await).await;
                });
            })*
        }
    };
}
