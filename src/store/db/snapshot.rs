//! A transaction that only reads and sees one state of the database, however long it lasts.

use sea_orm::entity::prelude::async_trait::async_trait;
use sea_orm::{
    AccessMode, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, ExecResult, IsolationLevel,
    QueryResult, SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait,
};

use super::Database;
use super::limits::LEAVE;
use crate::model::error::Result;

/// One state of the database, on a connection of its own. SQLite's log grows while it lasts, and writers are not blocked.
#[derive(Debug)]
pub struct Snapshot {
    transaction: DatabaseTransaction,
    connection: DatabaseConnection,
}

impl Database {
    /// Begins to read one state.
    pub async fn snapshot(&self) -> Result<Snapshot> {
        let connection = self.separate();
        let is_postgres = self.backend() == DbBackend::Postgres;
        let transaction = connection
            .begin_with_options(TransactionOptions {
                isolation_level: is_postgres.then_some(IsolationLevel::RepeatableRead),
                access_mode: is_postgres.then_some(AccessMode::ReadOnly),
                sqlite_transaction_mode: Some(SqliteTransactionMode::Deferred),
            })
            .await?;
        if is_postgres {
            transaction
                .execute_unprepared("SET LOCAL statement_timeout = 0")
                .await?;
        }
        Ok(Snapshot {
            transaction,
            connection,
        })
    }
}

impl Snapshot {
    /// Ends it.
    pub async fn end(self) -> Result<()> {
        self.transaction.rollback().await?;
        // If this times out, the system closes the connection.
        let _ = tokio::time::timeout(LEAVE, self.connection.close()).await;
        Ok(())
    }
}

#[async_trait]
impl ConnectionTrait for Snapshot {
    fn get_database_backend(&self) -> DbBackend {
        self.transaction.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.transaction.execute_raw(statement).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.transaction.execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.transaction.query_one_raw(statement).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.transaction.query_all_raw(statement).await
    }
}
