//! Whole SQLite files: a file that is being filled, a file that nobody else has open, and a copy of one that others use.

use std::path::Path;
use std::time::Duration;

use sea_orm::entity::prelude::async_trait::async_trait;
use sea_orm::sqlx::ConnectOptions;
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, DbErr, ExecResult, QueryResult, SqliteTransactionMode,
    SqlxSqliteConnector, Statement, TransactionOptions, TransactionTrait,
};

use super::limits::{CONNECT, LEAVE};
use super::setup::Setup;
use super::{Database, select};
use crate::model::error::Result;

/// How long to wait for a lock of a file that nobody else should have open.
const SOON: Duration = Duration::from_secs(1);

/// A SQLite file on one connection, which stays open until this is closed.
#[derive(Debug)]
pub struct WholeFile {
    connection: DatabaseConnection,
}

impl WholeFile {
    /// Opens a file that exists, and leaves its journal mode as it is.
    pub fn open(path: &Path) -> Self {
        Self::with(options(path))
    }

    /// The same, only to read it.
    pub fn read(path: &Path) -> Self {
        Self::with(options(path).read_only(true))
    }

    fn with(options: SqliteConnectOptions) -> Self {
        // A lock of the file is the connection's: it must be this one that is used to the end.
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(CONNECT)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false);
        Self {
            connection: SqlxSqliteConnector::from_sqlx_sqlite_pool(pool.connect_lazy_with(options)),
        }
    }

    /// Locks the file until it is closed. Fails if any other process has it open.
    pub async fn lock(&self) -> Result<(), DbErr> {
        let _: Vec<String> = select(self, "PRAGMA locking_mode = EXCLUSIVE").await?;
        self.execute_unprepared("BEGIN IMMEDIATE").await?;
        self.execute_unprepared("ROLLBACK").await?;
        Ok(())
    }

    /// Writes everything into the file itself, so that no other file belongs to it any longer.
    pub async fn without_log(&self) -> Result<(), DbErr> {
        let mode: Vec<String> = select(self, "PRAGMA journal_mode = DELETE").await?;
        match mode == ["delete"] {
            true => Ok(()),
            false => Err(DbErr::Custom(
                "SQLite keeps its log: another process has the file open".to_owned(),
            )),
        }
    }

    /// Begins a transaction that may change everything, and closes the file when it is committed.
    pub async fn begin(self) -> Result<Setup> {
        let transaction = self.connection.begin_with_options(TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        });
        Ok(Setup::of(transaction.await?, self.connection))
    }

    /// Closes it, and unlocks it.
    pub async fn close(self) {
        let _ = tokio::time::timeout(LEAVE, self.connection.close()).await;
    }
}

impl Setup {
    /// Fills this file, which must be empty. Until the commit, what was written may be lost: then the file is useless.
    pub async fn of_file(path: &Path) -> Result<Self> {
        let options = options(path)
            .synchronous(SqliteSynchronous::Off)
            .journal_mode(SqliteJournalMode::Memory)
            .foreign_keys(false)
            .pragma("cache_size", "-65536");
        WholeFile::with(options).begin().await
    }

    /// An empty database in memory, which is gone at the end.
    pub async fn in_memory() -> Result<Self> {
        WholeFile::with(options(Path::new(":memory:")).in_memory(true))
            .begin()
            .await
    }
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(SOON)
        .pragma("trusted_schema", "OFF")
        .disable_statement_logging()
}

impl Database {
    /// Writes one state of a SQLite database into this file, which must be absent or empty. Writers continue beside it.
    pub async fn copy_into(&self, path: &Path) -> Result<(), DbErr> {
        copy(&self.separate(), path).await
    }
}

impl WholeFile {
    /// The same for this file.
    pub async fn copy_into(&self, path: &Path) -> Result<(), DbErr> {
        copy(&self.connection, path).await
    }
}

async fn copy(connection: &DatabaseConnection, path: &Path) -> Result<(), DbErr> {
    // SQLite takes a name that begins with 'file:' for a URL; an absolute one does not.
    let path = std::path::absolute(path).map_err(|error| DbErr::Custom(error.to_string()))?;
    let path = path.to_string_lossy().into_owned();
    let statement = Statement::from_sql_and_values(DbBackend::Sqlite, "VACUUM INTO ?", [path.into()]);
    connection.execute_raw(statement).await?;
    Ok(())
}

#[async_trait]
impl ConnectionTrait for WholeFile {
    fn get_database_backend(&self) -> DbBackend {
        DbBackend::Sqlite
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.connection.execute_raw(statement).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.connection.execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.connection.query_one_raw(statement).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.connection.query_all_raw(statement).await
    }
}
