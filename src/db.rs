//! The database: one pool on PostgreSQL; on SQLite one writer and a pool of readers over the same file.

mod postgres;
mod reader;
mod schema;
mod shares;
mod sqlite;

pub use reader::Reader;
pub use schema::{SchemaState, schema_state};
pub use shares::{Answers, CHANGES_MAX, Holder, READS_MAX};

use std::future::Future;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use sea_orm::sqlx::ConnectOptions as _;
use sea_orm::sqlx::postgres::PgConnectOptions;
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sea_orm::{
    ConnectOptions, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, SqliteTransactionMode,
    Statement, TransactionOptions, TransactionTrait, sqlx,
};
use tokio::sync::OwnedSemaphorePermit;

use self::reader::Source;
use self::shares::Shares;
use self::sqlite::Readers;
use crate::error::Result;

/// Four connections saturate a small machine; the rest is for statements that wait for a lock.
const POSTGRES_CONNECTIONS: u32 = 8;
const SQLITE_READERS: u32 = 4;
/// How long a request waits for a connection or for SQLite's write lock before it is told `UNAVAILABLE`.
const WAIT: Duration = Duration::from_secs(10);
/// A statement that takes longer is ended, and whoever waits for it is told `UNAVAILABLE`.
pub const STATEMENT_TIMEOUT: Duration = Duration::from_secs(10);
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
    reader: Reader,
    writer: DatabaseConnection,
    shares: Arc<Shares>,
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
            Ok(Self::of(Source::Postgres(pool.clone()), pool))
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
        let mut options = ConnectOptions::new(url);
        options
            .max_connections(1)
            .min_connections(1)
            .acquire_timeout(WAIT)
            .test_before_acquire(false)
            .sqlx_logging(false)
            .map_sqlx_sqlite_opts(as_we_use_it);
        let writer = sea_orm::Database::connect(options)
            .await
            .map_err(|error| cannot_open(&path, &error, None))?;
        let options = SqliteConnectOptions::from_str(url).context("not a SQLite URL")?;
        let readers = Readers::open(as_we_use_it(options).read_only(true).disable_statement_logging())
            .await
            .map_err(|error| cannot_open(&path, &error, None))?;
        Ok(Self::of(Source::Sqlite(readers), counted(writer)))
    }

    fn of(source: Source, writer: DatabaseConnection) -> Self {
        Self {
            reader: Reader { source, share: None },
            writer,
            shares: Arc::default(),
        }
    }

    /// The same database for one caller, who holds no more than its share of it.
    #[must_use]
    pub fn held_by(&self, holder: Holder) -> Self {
        let mut held = self.clone();
        held.reader.share = Some(self.shares.of(holder));
        held
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
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// The memory that the caller's answers may take.
    pub fn answers(&self) -> Answers {
        match &self.reader.share {
            Some(share) => share.answers.clone(),
            None => self.shares.answers.clone(),
        }
    }

    /// The caller's place for a change, which is held as long as the change is open.
    pub async fn place_for_change(&self) -> Result<Option<OwnedSemaphorePermit>> {
        Ok(match &self.reader.share {
            Some(share) => Some(shares::place(&share.changes).await?),
            None => None,
        })
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
        match &self.reader.source {
            Source::Sqlite(readers) => {
                let writer = Load::of(self.writer.get_sqlite_connection_pool());
                vec![("reader", readers.load()), ("writer", writer)]
            }
            Source::Postgres(pool) => vec![("all", Load::of(pool.get_postgres_connection_pool()))],
        }
    }

    pub async fn close(self) {
        if let Source::Sqlite(readers) = &self.reader.source {
            readers.close().await;
        }
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

/// What holds of each connection to SQLite.
fn as_we_use_it(options: SqliteConnectOptions) -> SqliteConnectOptions {
    options
        .journal_mode(SqliteJournalMode::Wal)
        // FULL: what was acknowledged survives a power cut, not only a killed process.
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(WAIT)
        .pragma("trusted_schema", "OFF")
        .pragma("cache_size", "-8192")
        .statement_cache_capacity(256)
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
