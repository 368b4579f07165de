//! The database: one pool on PostgreSQL; on SQLite one writer and a pool of readers over the same file.

use std::future::Future;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use migration::{Migrator, MigratorTrait};
use sea_orm::sqlx::postgres::PgConnectOptions;
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sea_orm::{
    ConnectOptions, ConnectionTrait, DatabaseConnection, DatabaseConnectionType, DatabaseTransaction, DbBackend, DbErr,
    SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait, sqlx,
};

use crate::error::Result;

/// Four connections saturate a small machine; the rest is for statements that wait for a lock.
const POSTGRES_CONNECTIONS: u32 = 8;
const SQLITE_READERS: u32 = 4;
/// How long a request waits for a connection or for SQLite's write lock before it is told `UNAVAILABLE`.
const WAIT: Duration = Duration::from_secs(10);
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(30);
/// The lock under which of several starting processes one migrates: any number that is always the same.
const POSTGRES_SETUP_LOCK: i64 = 0x74_65_6e_61_6e_74_72_79;

tokio::task_local! {
    /// How many statements the running request has sent; for its log line and for the tests that count them.
    pub static STATEMENTS: Arc<AtomicU32>;
    /// The statements themselves, for tests that count or explain them; nobody else opens this scope.
    pub static SENT: Arc<Mutex<Vec<Statement>>>;
}

/// A part of the running request, ready for a task of its own: its statements count as the request's.
pub fn counted_here<F: Future>(part: F) -> impl Future<Output = F::Output> {
    let statements = STATEMENTS.try_with(Arc::clone).unwrap_or_default();
    let sent = SENT.try_with(Arc::clone).ok();
    STATEMENTS.scope(statements, async move {
        match sent {
            Some(sent) => SENT.scope(sent, part).await,
            None => part.await,
        }
    })
}

/// A reachable database with the right schema, or on the way to it.
#[derive(Clone, Debug)]
pub struct Database {
    reader: DatabaseConnection,
    writer: DatabaseConnection,
}

impl Database {
    /// Connects, and makes the SQLite file (mode 0600) where there is none.
    pub async fn connect(url: &str) -> anyhow::Result<Self> {
        if url.starts_with("sqlite:") {
            Self::connect_sqlite(url).await
        } else if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            let asked = PgConnectOptions::from_str(url)
                .map_err(|error| anyhow!("TENANTRY_DATABASE_URL is not a PostgreSQL URL: {}", innermost(&error)))?;
            let mut options = ConnectOptions::new(url);
            options
                .max_connections(POSTGRES_CONNECTIONS)
                .min_connections(1)
                .acquire_timeout(WAIT)
                .statement_timeout(STATEMENT_TIMEOUT)
                .set_application_name("tenantry")
                .test_before_acquire_if_idle_for(Duration::from_secs(30))
                .sqlx_logging(false);
            let pool = counted(
                sea_orm::Database::connect(options)
                    .await
                    .map_err(|error| cannot_connect(&asked, &error))?,
            );
            Ok(Self {
                reader: pool.clone(),
                writer: pool,
            })
        } else {
            bail!("the database URL must start with sqlite:// or postgres://")
        }
    }

    async fn connect_sqlite(url: &str) -> anyhow::Result<Self> {
        let path = SqliteConnectOptions::from_str(url)
            .context("not a SQLite URL")?
            .get_filename()
            .to_path_buf();
        if path.as_os_str().is_empty() || path.to_string_lossy().contains(":memory:") {
            bail!("the SQLite URL must name a file, as in sqlite://tenantry.db");
        }
        make_private_file(&path).map_err(|error| cannot_open(&path, &error, Some(error.kind())))?;
        let connect = async |connections: u32, read_only: bool| {
            let mut options = ConnectOptions::new(url);
            options
                .max_connections(connections)
                .min_connections(1)
                .acquire_timeout(WAIT)
                .test_before_acquire(false)
                .sqlx_logging(false)
                .map_sqlx_sqlite_opts(move |options| {
                    options
                        .journal_mode(SqliteJournalMode::Wal)
                        // FULL: what was acknowledged survives a power cut, not only a killed process.
                        .synchronous(SqliteSynchronous::Full)
                        .foreign_keys(true)
                        .busy_timeout(WAIT)
                        .pragma("trusted_schema", "OFF")
                        .pragma("cache_size", "-8192")
                        .read_only(read_only)
                        .statement_cache_capacity(256)
                });
            sea_orm::Database::connect(options).await.map(counted)
        };
        let writer = connect(1, false)
            .await
            .map_err(|error| cannot_open(&path, &error, None))?;
        let reader = connect(SQLITE_READERS, true)
            .await
            .map_err(|error| cannot_open(&path, &error, None))?;
        Ok(Self { reader, writer })
    }

    /// The file behind a SQLite URL; `None` for another database.
    pub fn sqlite_file(url: &str) -> Option<PathBuf> {
        if !url.starts_with("sqlite:") {
            return None;
        }
        let options = SqliteConnectOptions::from_str(url).ok()?;
        Some(options.get_filename().to_path_buf())
    }

    /// Where queries outside a change run.
    pub fn reader(&self) -> &DatabaseConnection {
        &self.reader
    }

    pub fn backend(&self) -> DbBackend {
        self.reader.get_database_backend()
    }

    /// Opens a transaction that may write. On SQLite it takes the write lock at once: one that read first and wrote
    /// later would fail, not wait, if somebody else wrote between.
    pub async fn begin(&self) -> Result<DatabaseTransaction> {
        Ok(self.writer.begin_with_options(IMMEDIATE).await?)
    }

    /// Opens the transaction in which the schema and the first rows are made. Only one process at a time is inside;
    /// the others wait and then find the work done.
    pub async fn begin_setup(&self) -> Result<DatabaseTransaction> {
        let transaction = self.writer.begin_with_options(IMMEDIATE).await?;
        if self.backend() == DbBackend::Postgres {
            // Waiting for another process's migration may take longer than a statement may.
            transaction
                .execute_unprepared("SET LOCAL statement_timeout = 0")
                .await?;
            transaction
                .execute_raw(Statement::from_sql_and_values(
                    DbBackend::Postgres,
                    "SELECT pg_advisory_xact_lock($1)",
                    [POSTGRES_SETUP_LOCK.into()],
                ))
                .await?;
        }
        Ok(transaction)
    }

    /// Whether the database answers and its schema is not older than this binary's. A newer one is fine for a running
    /// server: steps expand first and contract a release later.
    pub async fn is_ready(&self) -> bool {
        matches!(
            schema_state(&self.reader).await,
            Ok(SchemaState::Current | SchemaState::Newer(_))
        )
    }

    /// How its connections are used, by pool.
    pub fn load(&self) -> Vec<(&'static str, Load)> {
        match (&self.reader.inner, &self.writer.inner) {
            (
                DatabaseConnectionType::SqlxSqlitePoolConnection(_),
                DatabaseConnectionType::SqlxSqlitePoolConnection(_),
            ) => {
                let of = |connection: &DatabaseConnection| Load::of(connection.get_sqlite_connection_pool());
                vec![("reader", of(&self.reader)), ("writer", of(&self.writer))]
            }
            (DatabaseConnectionType::SqlxPostgresPoolConnection(_), _) => {
                vec![("all", Load::of(self.reader.get_postgres_connection_pool()))]
            }
            _ => Vec::new(),
        }
    }

    pub async fn close(self) {
        let _ = self.reader.close().await;
        let _ = self.writer.close().await;
    }
}

/// How many connections of a pool are open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    pub idle: usize,
    pub used: usize,
}

impl Load {
    fn of<D: sqlx::Database>(pool: &sqlx::Pool<D>) -> Self {
        let idle = pool.num_idle();
        Self {
            idle,
            used: usize::try_from(pool.size()).unwrap_or_default().saturating_sub(idle),
        }
    }
}

/// The schema beside this binary's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SchemaState {
    Current,
    /// So many steps are still to be made.
    Older(usize),
    /// This step is not known here: a newer release made it.
    Newer(String),
    /// This step is not known here, and stands before the last one that is: a build that was never released made it.
    Unreleased(String),
}

impl SchemaState {
    /// Refuses a schema that this binary cannot bring up to date.
    pub fn known(self) -> anyhow::Result<Self> {
        match self {
            Self::Newer(step) => bail!(
                "the database has the schema of a newer release (step {step} is not known here); start that release, or one \
                 after it"
            ),
            Self::Unreleased(step) => bail!(
                "the database was made by an unreleased build of tenantry (step {step} is not known here), and unreleased \
                 builds cannot be upgraded. Start with an empty database: name another one in TENANTRY_DATABASE_URL, or move \
                 this one away"
            ),
            Self::Current | Self::Older(_) => Ok(self),
        }
    }
}

/// Compares the steps that were made with those this binary knows; reads only.
pub async fn schema_state(connection: &impl ConnectionTrait) -> Result<SchemaState> {
    let applied = applied_steps(connection).await?;
    let known: Vec<String> = Migrator::migrations()
        .iter()
        .map(|step| step.name().to_owned())
        .collect();
    let missing = known.iter().filter(|step| !applied.contains(step)).count();
    let last = known.iter().map(|step| number(step)).max().unwrap_or_default();
    let strange = applied.into_iter().find(|step| !known.contains(step));
    Ok(match strange {
        Some(step) if number(&step) <= last => SchemaState::Unreleased(step),
        _ if missing > 0 => SchemaState::Older(missing),
        Some(step) => SchemaState::Newer(step),
        None => SchemaState::Current,
    })
}

/// The date and number that a step's name begins with: `m20261128_000001`.
fn number(step: &str) -> &str {
    step.match_indices('_')
        .nth(1)
        .map_or(step, |(end, _)| step.get(..end).unwrap_or(step))
}

async fn applied_steps(connection: &impl ConnectionTrait) -> Result<Vec<String>> {
    let backend = connection.get_database_backend();
    let table = match backend {
        DbBackend::Postgres => "SELECT 1 FROM pg_class WHERE oid = to_regclass('seaql_migrations')",
        _ => "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'seaql_migrations'",
    };
    if connection
        .query_one_raw(Statement::from_string(backend, table))
        .await?
        .is_none()
    {
        return Ok(Vec::new());
    }
    let rows = connection
        .query_all_raw(Statement::from_string(
            backend,
            "SELECT version FROM seaql_migrations ORDER BY version",
        ))
        .await?;
    Ok(rows
        .iter()
        .map(|row| row.try_get("", "version"))
        .collect::<Result<_, _>>()?)
}

const IMMEDIATE: TransactionOptions = TransactionOptions {
    isolation_level: None,
    access_mode: None,
    sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
};

/// Says which server it was, and never the password, which the driver's own words may hold.
fn cannot_connect(asked: &PgConnectOptions, error: &DbErr) -> anyhow::Error {
    anyhow!(
        "cannot connect to PostgreSQL, asked for the database '{}' on {}:{} as '{}': {}\n\
         Check that PostgreSQL runs there, that the database has been made (createdb), and the user and the password in \
         TENANTRY_DATABASE_URL.",
        asked.get_database().unwrap_or_else(|| asked.get_username()),
        asked.get_host(),
        asked.get_port(),
        asked.get_username(),
        innermost(error)
    )
}

fn cannot_open(path: &Path, error: &(dyn std::error::Error + 'static), kind: Option<ErrorKind>) -> anyhow::Error {
    let way_out = match kind {
        Some(ErrorKind::NotFound) => "Its folder is not there: make it first, or name another file",
        Some(ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem) => {
            "This user may not write there: change who may, or name another file"
        }
        Some(ErrorKind::IsADirectory) => "That is a folder: name a file in it",
        Some(_) => "Name another file",
        None => {
            "Check that it is a SQLite database and that no other program locks it; if it is damaged, put the last copy in its \
             place, or name another file"
        }
    };
    anyhow!(
        "cannot open the database file {}: {}\n{way_out} in TENANTRY_DATABASE_URL, as in sqlite:///var/lib/tenantry/tenantry.db.",
        path.display(),
        innermost(error)
    )
}

/// The cause of the cause: what stands around it repeats it.
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut error = error;
    while let Some(cause) = error.source() {
        error = cause;
    }
    error.to_string()
}

fn counted(mut connection: DatabaseConnection) -> DatabaseConnection {
    connection.set_metric_callback(|info| {
        let _ = STATEMENTS.try_with(|statements| statements.fetch_add(1, Ordering::Relaxed));
        let _ = SENT.try_with(|sent| {
            let mut sent = sent.lock().unwrap_or_else(PoisonError::into_inner);
            sent.push(info.statement.clone());
        });
    });
    connection
}

#[cfg(unix)]
fn make_private_file(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map(|_| ())
}

#[cfg(not(unix))]
fn make_private_file(path: &Path) -> std::io::Result<()> {
    std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map(|_| ())
}
