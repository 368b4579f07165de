//! The target of a pool's connections, and how to connect to it.

use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sea_orm::sqlx::postgres::{PgConnectOptions, PgConnection};
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sea_orm::sqlx::{self, ConnectOptions, Executor, Row, raw_sql};

use super::connection::{Connection, Sharing};
use super::limits::WAIT;
use crate::model::error::FileMoved;

/// SQLite calls back after this many virtual machine steps, which take less than a millisecond.
const STEPS: i32 = 10_000;
/// The settings of our own sessions. The timeouts are for the server, in case we are gone or the network fails.
pub(super) const SESSION: [(&str, &str); 8] = [
    (MARK, "own"),
    // Planning is half of a page's cost: each statement is planned once for all values.
    ("plan_cache_mode", "force_generic_plan"),
    ("default_transaction_isolation", "read committed"),
    ("statement_timeout", "10s"),
    ("idle_in_transaction_session_timeout", "30s"),
    ("tcp_keepalives_idle", "30"),
    ("tcp_keepalives_interval", "5"),
    ("tcp_keepalives_count", "3"),
];
/// A setting that nothing else uses: if it does not have the value that we asked for, there is a pooler between us and
/// PostgreSQL.
const MARK: &str = "tenantry.session";
/// Lets PostgreSQL notice during a statement that the client is gone. Version 13 does not support it.
const NOTICE_WHO_IS_GONE: &str =
    "SELECT set_config(name, '1000', false) FROM pg_settings WHERE name = 'client_connection_check_interval'";

#[derive(Debug)]
pub enum Target {
    Postgres(Postgres),
    Sqlite { options: SqliteConnectOptions, file: File },
}

#[derive(Debug)]
pub struct Postgres {
    options: PgConnectOptions,
    /// Whether a pooler refused our session settings.
    pooled: AtomicBool,
}

impl Target {
    pub fn postgres(options: PgConnectOptions) -> Self {
        Self::Postgres(Postgres {
            options,
            pooled: AtomicBool::new(false),
        })
    }

    /// `as_it_is`: without setting its journal mode.
    pub fn sqlite(file: File, read_only: bool, as_it_is: bool) -> Self {
        let mut options = SqliteConnectOptions::new();
        if !as_it_is {
            options = options.journal_mode(SqliteJournalMode::Wal);
        }
        let options = options
            .filename(&file.path)
            // FULL: confirmed changes survive a power failure, not only a killed process.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(WAIT)
            .pragma("trusted_schema", "OFF")
            .pragma("cache_size", "-8192")
            // Savepoints of the writer would copy pages to a temporary file.
            .pragma("temp_store", if read_only { "DEFAULT" } else { "MEMORY" })
            .read_only(read_only)
            .statement_cache_capacity(256)
            .disable_statement_logging();
        Self::Sqlite { options, file }
    }

    pub async fn connect(&self) -> sqlx::Result<Connection> {
        match self {
            Self::Postgres(postgres) => postgres.connect().await,
            Self::Sqlite { options, file } => {
                file.is_still_there()?;
                let mut raw = options.connect().await?;
                let abandoned = Arc::new(AtomicBool::new(false));
                let heard = Arc::clone(&abandoned);
                let mut handle = raw.lock_handle().await?;
                handle.set_progress_handler(STEPS, move || !heard.load(Ordering::Relaxed));
                drop(handle);
                file.is_still_there()?;
                Ok(Connection::Sqlite { raw, abandoned })
            }
        }
    }

    /// The file of a SQLite database.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::Postgres(_) => None,
            Self::Sqlite { file, .. } => Some(&file.path),
        }
    }

    /// The address, without a connection.
    pub fn is_still_there(&self) -> sqlx::Result<()> {
        match self {
            Self::Postgres(_) => Ok(()),
            Self::Sqlite { file, .. } => file.is_still_there(),
        }
    }
}

impl Postgres {
    pub fn options(&self) -> &PgConnectOptions {
        &self.options
    }

    async fn connect(&self) -> sqlx::Result<Connection> {
        if self.pooled.load(Ordering::Relaxed) {
            return Ok(shared(self.options.connect().await?));
        }
        match self.options.clone().options(SESSION).connect().await {
            Ok(mut raw) => {
                if !is_ours(&mut raw).await? {
                    return Ok(shared(raw));
                }
                // Some systems do not support it; there, statements end with their timeout.
                let _ = raw.execute(raw_sql(NOTICE_WHO_IS_GONE)).await;
                Ok(Connection::Postgres {
                    raw,
                    sharing: Sharing::Session,
                })
            }
            Err(error) if is_of_pooler(&error) => {
                self.pooled.store(true, Ordering::Relaxed);
                Ok(shared(self.options.connect().await?))
            }
            Err(error) => Err(error),
        }
    }
}

fn shared(raw: PgConnection) -> Connection {
    Connection::Postgres {
        raw,
        sharing: Sharing::Transaction,
    }
}

/// Whether the session has our settings, which a pooler's does not.
async fn is_ours(raw: &mut PgConnection) -> sqlx::Result<bool> {
    let asked = "SELECT COALESCE(current_setting('tenantry.session', true), '')";
    let row = raw.fetch_one(raw_sql(asked)).await?;
    Ok(row.try_get::<String, _>(0)? == "own")
}

/// PgBouncer refuses unknown settings.
fn is_of_pooler(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .is_some_and(|error| error.code().as_deref() == Some("08P01") && error.message().contains("startup parameter"))
}

/// The file of a SQLite database: the one that was opened at start, even if another file has that name later.
#[derive(Clone, Debug)]
pub struct File {
    path: PathBuf,
    /// The device and the inode.
    identity: (u64, u64),
}

impl File {
    /// Opens the file at this path; creates it (mode 0600) if it does not exist.
    pub fn open(path: &Path) -> std::io::Result<Self> {
        Self::found(path, true)
    }

    /// The same, for a file that exists.
    pub fn existing(path: &Path) -> std::io::Result<Self> {
        Self::found(path, false)
    }

    fn found(path: &Path, create: bool) -> std::io::Result<Self> {
        // Opening a named pipe would block until its other end is opened.
        if std::fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir()) {
            return Err(std::io::Error::new(ErrorKind::InvalidInput, "it is not a regular file"));
        }
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create(create).truncate(false).mode(0o600);
        options.open(path)?;
        Ok(Self {
            path: path.to_owned(),
            identity: identity(path)?,
        })
    }

    /// Refuses to continue with a file that was moved or replaced: changes written to it would be lost.
    pub fn is_still_there(&self) -> sqlx::Result<()> {
        match identity(&self.path) {
            Ok(identity) if identity == self.identity => Ok(()),
            _ => Err(std::io::Error::other(FileMoved).into()),
        }
    }
}

fn identity(path: &Path) -> std::io::Result<(u64, u64)> {
    let metadata = std::fs::metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}
