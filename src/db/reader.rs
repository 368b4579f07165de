//! Statements outside a change.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use futures::TryStreamExt;
use sea_orm::entity::prelude::async_trait::async_trait;
use sea_orm::sqlx::{self, AssertSqlSafe, Executor, IntoArguments};
use sea_orm::{
    ConnAcquireErr, ConnectionTrait, DatabaseConnection, DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr,
    Statement, Values,
};
use sea_query_sqlx::SqlxValues;

use super::shares::{self, Share};
use super::sqlite::Readers;
use super::{SENT, STATEMENTS, postgres};

/// Where statements outside a change run. One that is for a caller waits, if the caller's share is in use.
#[derive(Clone, Debug)]
pub struct Reader {
    pub(super) source: Source,
    pub(super) share: Option<Arc<Share>>,
}

#[derive(Clone, Debug)]
pub(super) enum Source {
    Sqlite(Arc<Readers>),
    Postgres(DatabaseConnection),
}

impl Reader {
    /// Runs a query and hands over each row as it comes, so that nobody holds all of them. It ends at the first error, of
    /// the database or of whoever is handed the rows.
    pub async fn each_row<E: From<DbErr>>(
        &self,
        statement: Statement,
        mut each: impl FnMut(QueryResult) -> Result<(), E> + Send,
    ) -> Result<(), E> {
        let place = match &self.share {
            Some(share) => Some(shares::place(&share.reads).await?),
            None => None,
        };
        note(&statement);
        let ended = match &self.source {
            Source::Sqlite(readers) => {
                let mut reader = readers.borrow(place).await?;
                let ended = rows(reader.connection().ok_or_else(gone)?, &statement, &mut each).await;
                match &ended {
                    Ok(()) => reader.done(None),
                    Err(Ended::Database(error)) => reader.done(Some(error)),
                    // The rest of the statement is left behind.
                    Err(Ended::Reader(_)) => drop(reader),
                }
                ended
            }
            Source::Postgres(pool) => {
                let mut reader = postgres::Borrowed::from(pool.get_postgres_connection_pool(), place).await?;
                let ended = rows(reader.connection().ok_or_else(gone)?, &statement, &mut each).await;
                match &ended {
                    Ok(()) | Err(Ended::Database(_)) => reader.done(),
                    Err(Ended::Reader(_)) => drop(reader),
                }
                ended
            }
        };
        ended.map_err(|ended| match ended {
            Ended::Database(error) => E::from(DbErr::Query(RuntimeErr::SqlxError(error.into()))),
            Ended::Reader(error) => error,
        })
    }
}

fn gone() -> DbErr {
    DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed)
}

/// Why the rows of a query came to an end before the last one.
enum Ended<E> {
    Database(sqlx::Error),
    Reader(E),
}

async fn rows<'c, D, C, E>(
    connection: C,
    statement: &Statement,
    each: &mut (impl FnMut(QueryResult) -> Result<(), E> + Send),
) -> Result<(), Ended<E>>
where
    D: sqlx::Database,
    C: Executor<'c, Database = D>,
    QueryResult: From<D::Row>,
    SqlxValues: IntoArguments<D>,
{
    let values = statement.values.clone().unwrap_or(Values(Vec::new()));
    let query = sqlx::query_with(AssertSqlSafe(statement.sql.as_str()), SqlxValues(values));
    let mut rows = query.fetch(connection);
    while let Some(row) = rows.try_next().await.map_err(Ended::Database)? {
        each(row.into()).map_err(Ended::Reader)?;
    }
    Ok(())
}

/// Counts a statement as the running request's.
fn note(statement: &Statement) {
    let _ = STATEMENTS.try_with(|statements| statements.fetch_add(1, Ordering::Relaxed));
    let _ = SENT.try_with(|sent| {
        let mut sent = sent.lock().unwrap_or_else(PoisonError::into_inner);
        sent.push(statement.clone());
    });
}

#[async_trait]
impl ConnectionTrait for Reader {
    fn get_database_backend(&self) -> DbBackend {
        match &self.source {
            Source::Sqlite(_) => DbBackend::Sqlite,
            Source::Postgres(_) => DbBackend::Postgres,
        }
    }

    /// Nothing is changed outside a change.
    async fn execute_raw(&self, _: Statement) -> Result<ExecResult, DbErr> {
        Err(DbErr::Custom("a reader changes nothing".to_owned()))
    }

    async fn execute_unprepared(&self, _: &str) -> Result<ExecResult, DbErr> {
        Err(DbErr::Custom("a reader changes nothing".to_owned()))
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        let mut first = None;
        self.each_row(statement, |row| {
            first.get_or_insert(row);
            Ok::<_, DbErr>(())
        })
        .await?;
        Ok(first)
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let mut all = Vec::new();
        self.each_row(statement, |row| {
            all.push(row);
            Ok::<_, DbErr>(())
        })
        .await?;
        Ok(all)
    }
}
