//! A database per test: a copy of one that was set up once.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use sea_orm::{ConnectionTrait, Statement};
use tenantry::authn::{Issuer, SigningKeys};
use tenantry::context::Services;
use tenantry::model::Clock;
use tenantry::model::Timestamp;
use tenantry::model::{Secret, SecretSource};
use tenantry::services::config::MailConfig;
use tenantry::services::mailer::Mailer;
use tenantry::store::db::Database;
use tokio::sync::OnceCell;

use super::{ADMIN_KEY, PUBLIC_URL, START, postgres};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    Sqlite,
    Postgres,
}

/// A database that goes away with the test, however that ends.
pub struct TestDatabase {
    pub url: String,
    _folder: Option<tempfile::TempDir>,
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let Some((_, name)) = self.url.rsplit_once('/').filter(|_| self._folder.is_none()) else {
            return;
        };
        // Whoever is connected to it still. On a thread of its own, because a test's runtime may be waiting for this.
        let statement = format!("DROP DATABASE {name} WITH (FORCE)");
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(postgres::execute(&statement));
        });
        let dropped = dropping.join().is_ok();
        assert!(dropped || std::thread::panicking(), "{name} outlives its test");
    }
}

static NUMBER: AtomicU32 = AtomicU32::new(0);
static SQLITE_TEMPLATE: OnceCell<(tempfile::TempDir, PathBuf)> = OnceCell::const_new();
static POSTGRES_TEMPLATE: OnceCell<String> = OnceCell::const_new();

impl TestDatabase {
    /// A database after its first start.
    pub async fn new(backend: Backend) -> Self {
        match backend {
            Backend::Sqlite => {
                let (_, template) = SQLITE_TEMPLATE.get_or_init(sqlite_template).await;
                let empty = Self::empty(backend).await;
                let path = empty.url.strip_prefix("sqlite://").unwrap();
                std::fs::copy(template, path).unwrap();
                empty
            }
            Backend::Postgres => {
                let template = POSTGRES_TEMPLATE.get_or_init(postgres_template).await;
                let url = postgres::create_database(&name(), Some(template)).await;
                Self { url, _folder: None }
            }
        }
    }

    /// A database in which nothing was made yet.
    pub async fn empty(backend: Backend) -> Self {
        match backend {
            Backend::Sqlite => {
                let folder = tempfile::tempdir().unwrap();
                let url = format!("sqlite://{}", folder.path().join("t.db").display());
                Self {
                    url,
                    _folder: Some(folder),
                }
            }
            Backend::Postgres => Self {
                url: postgres::create_database(&name(), None).await,
                _folder: None,
            },
        }
    }

    pub async fn dump(&self, db: &Database) -> String {
        let connection = db.reader();
        let backend = connection.get_database_backend();
        let tables = match backend {
            sea_orm::DbBackend::Postgres => {
                "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' AND tablename NOT IN ('sign_in_attempts', 'mail_limits') ORDER BY 1"
            }
            _ => {
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT IN ('sign_in_attempts', 'mail_limits') ORDER BY 1"
            }
        };
        let mut text = String::new();
        for table in connection
            .query_all_raw(Statement::from_string(backend, tables))
            .await
            .unwrap()
        {
            let table: String = table.try_get("", "name").unwrap();
            let columns = match backend {
                sea_orm::DbBackend::Postgres => format!(
                    "SELECT column_name AS name FROM information_schema.columns WHERE table_name = '{table}' ORDER BY 1"
                ),
                _ => format!("SELECT name FROM pragma_table_info('{table}') ORDER BY 1"),
            };
            let columns: Vec<String> = connection
                .query_all_raw(Statement::from_string(backend, columns))
                .await
                .unwrap()
                .iter()
                .map(|row| row.try_get("", "name").unwrap())
                .filter(|name: &String| name != "last_used_at" && name != "last_seen_at")
                .map(|name| format!("COALESCE(CAST({name} AS TEXT), 'null')"))
                .collect();
            let rows = format!("SELECT {} AS row FROM {table} ORDER BY 1", columns.join(" || '|' || "));
            for row in connection
                .query_all_raw(Statement::from_string(backend, rows))
                .await
                .unwrap()
            {
                let row: String = row.try_get("", "row").unwrap();
                text.push_str(&format!("{table}: {row}\n"));
            }
        }
        text
    }
}

fn name() -> String {
    format!(
        "tenantry_test_{}_{}",
        std::process::id(),
        NUMBER.fetch_add(1, Ordering::SeqCst)
    )
}

async fn sqlite_template() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("template.db");
    set_up(&format!("sqlite://{}", path.display())).await;
    (folder, path)
}

async fn postgres_template() -> String {
    let name = name();
    set_up(&postgres::create_database(&name, None).await).await;
    name
}

async fn set_up(url: &str) {
    let db = Database::connect(url).await.unwrap();
    let mailer = Mailer::new(&MailConfig::None, None, PUBLIC_URL).unwrap();
    let services = Arc::new(Services {
        clock: Clock::held(Timestamp::parse("start", START).unwrap()),
        ..Services::new(db, mailer, SigningKeys::new(SecretSource::Missing, Issuer::local(8000)))
    });
    tenantry::operations::setup::prepare(&services, Some(&Secret::given(ADMIN_KEY)))
        .await
        .unwrap();
    services.db.clone().close().await;
}
