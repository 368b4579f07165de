//! The transaction that creates the schema and the first rows, and the lock that lets only one process do it.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use migration::{Migrator, MigratorTrait};
use sea_orm::sqlx::postgres::PgPoolOptions;
use sea_orm::sqlx::sqlite::SqlitePoolOptions;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, SqliteTransactionMode,
    SqlxPostgresConnector, SqlxSqliteConnector, Statement, TransactionOptions, TransactionTrait,
};

use super::limits::{CONNECT, LEAVE, STATEMENT_TIMEOUT, WAIT};
use super::start::refuse_what_cannot_work;
use super::target::Target;
use super::{Database, SchemaState, Transaction, schema_state, select};
use crate::model::error::Result;

/// The lock under which one of several starting processes migrates: an arbitrary fixed number.
const POSTGRES_SETUP_LOCK: i64 = 0x74_65_6e_61_6e_74_72_79;
/// How long a process waits for another one's migration.
const OTHERS_TURN: Duration = Duration::from_secs(10 * 60);
/// How often to ask whether it is done.
const ASK_EVERY: Duration = Duration::from_millis(200);

/// A transaction of the type that the migration library needs, on a separate connection.
#[derive(Debug)]
pub struct Setup {
    transaction: DatabaseTransaction,
    connection: DatabaseConnection,
}

impl std::ops::Deref for Setup {
    type Target = DatabaseTransaction;

    fn deref(&self) -> &DatabaseTransaction {
        &self.transaction
    }
}

impl Setup {
    pub(super) fn of(transaction: DatabaseTransaction, connection: DatabaseConnection) -> Self {
        Self {
            transaction,
            connection,
        }
    }

    /// Runs the pending migrations. A newer schema, and another program's tables, are refused.
    pub async fn migrate(&self) -> anyhow::Result<()> {
        refuse_what_cannot_work(&self.transaction).await?;
        if schema_state(&self.transaction).await?.known()? != SchemaState::Current {
            Migrator::up(&self.transaction, None)
                .await
                .context("cannot bring the schema up to date")?;
        }
        Ok(())
    }

    /// Gives up all changes.
    pub async fn undo(self) -> Result<()> {
        self.transaction.rollback().await?;
        let _ = tokio::time::timeout(LEAVE, self.connection.close()).await;
        Ok(())
    }

    pub async fn commit(self) -> Result<()> {
        forget_statements(&self.transaction).await?;
        self.transaction.commit().await?;
        // If this times out, the system closes the connection.
        let _ = tokio::time::timeout(LEAVE, self.connection.close()).await;
        Ok(())
    }
}

impl Database {
    /// Opens the transaction that creates the schema and the first rows. Only one process at a time can do so; the
    /// others wait.
    pub async fn begin_setup(&self) -> anyhow::Result<Setup> {
        // The user may be limited to one connection.
        self.writer.make_room().await;
        let connection = self.separate();
        let begun = connection.begin_with_options(TransactionOptions {
            isolation_level: (self.backend() == DbBackend::Postgres).then_some(sea_orm::IsolationLevel::ReadCommitted),
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        });
        let transaction = match tokio::time::timeout(WAIT, begun).await {
            Ok(Err(DbErr::ConnectionAcquire(_))) => bail!(
                "the database gave no connection for set-up: all connections that the server or this user may have \
                 are in use (PostgreSQL: max_connections, CONNECTION LIMIT)"
            ),
            Ok(begun) => begun?,
            Err(_) => bail!("the database did not answer in time"),
        };
        if self.backend() == DbBackend::Postgres {
            forget_statements(&transaction).await?;
            let limit = STATEMENT_TIMEOUT.as_secs();
            transaction
                .execute_unprepared(&format!("SET LOCAL statement_timeout = '{limit}s'"))
                .await?;
            wait_for_lock(&transaction).await?;
            // A migration may take longer than other statements.
            transaction
                .execute_unprepared("SET LOCAL statement_timeout = 0")
                .await?;
        }
        Ok(Setup::of(transaction, connection))
    }

    /// A connection that no pool has.
    pub(super) fn separate(&self) -> DatabaseConnection {
        match &self.writer.target {
            Target::Postgres(postgres) => {
                let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(CONNECT);
                SqlxPostgresConnector::from_sqlx_postgres_pool(pool.connect_lazy_with(postgres.options().clone()))
            }
            Target::Sqlite { options, .. } => {
                let pool = SqlitePoolOptions::new().max_connections(1).acquire_timeout(CONNECT);
                SqlxSqliteConnector::from_sqlx_sqlite_pool(pool.connect_lazy_with(options.clone()))
            }
        }
    }

    /// Opens a transaction that only one process can have at a time, and not during set-up.
    pub async fn begin_alone(&self) -> Result<Transaction> {
        let transaction = self.begin().await?;
        if self.backend() == DbBackend::Postgres {
            let lock = Statement::from_sql_and_values(
                DbBackend::Postgres,
                "SELECT pg_advisory_xact_lock($1)",
                [POSTGRES_SETUP_LOCK.into()],
            );
            transaction.execute_raw(lock).await?;
        }
        Ok(transaction)
    }

    /// The same for a change that may take minutes, on a database that nobody else uses.
    pub async fn begin_whole(&self) -> Result<Transaction> {
        self.begin_alone().await?.patient().await
    }
}

/// Polls for the lock until it is free: a blocking statement would have to wait without a timeout.
async fn wait_for_lock(transaction: &impl ConnectionTrait) -> anyhow::Result<()> {
    let started = Instant::now();
    let mut told = false;
    loop {
        let asked = Statement::from_string(
            DbBackend::Postgres,
            format!("SELECT pg_try_advisory_xact_lock({POSTGRES_SETUP_LOCK}) AS got"),
        );
        let row = transaction.query_one_raw(asked).await?;
        if row.context("a lock is got or not")?.try_get("", "got")? {
            return Ok(());
        }
        if started.elapsed() > OTHERS_TURN {
            bail!(
                "another process has been setting up this database for {} minutes; find out what it is waiting for, \
                 or stop it",
                OTHERS_TURN.as_secs() / 60
            );
        }
        if !told {
            tracing::info!("waiting for another process that is setting up this database");
            told = true;
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
}

/// With a pooler, statements prepared in this session would conflict with those of its next user.
async fn forget_statements(transaction: &DatabaseTransaction) -> Result<(), DbErr> {
    if transaction.get_database_backend() == DbBackend::Postgres {
        transaction.execute_unprepared("DEALLOCATE ALL").await?;
    }
    Ok(())
}

/// The sessions of the clients of a PostgreSQL database: the name of the application, and how an operator finds it.
pub async fn clients(connection: &impl ConnectionTrait) -> Result<Vec<(String, String)>, DbErr> {
    select(
        connection,
        "SELECT application_name, 'process ' || pid || COALESCE(' from ' || host(client_addr), '') FROM pg_stat_activity
         WHERE datname = current_database() AND COALESCE(backend_type, 'client backend') = 'client backend' ORDER BY pid",
    )
    .await
}
