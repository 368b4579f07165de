//! Statements outside a change.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sea_orm::entity::prelude::async_trait::async_trait;
use sea_orm::{ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, Statement};
use tokio::time::timeout;

use super::connection::Ended;
use super::count::count;
use super::lease::{Lease, failed};
use super::limits::TURN;
use super::pool::Pool;
use super::shares::{self, Share};
use crate::model::error::{Fault, fault_of};

/// Runs statements outside a change. One that is for a caller waits if the caller's share is in use.
#[derive(Clone, Debug)]
pub struct Reader {
    pub(super) backend: DbBackend,
    pub(super) pool: Arc<Pool>,
    pub(super) share: Option<Arc<Share>>,
}

/// Why a query failed: an error of the database, or of the function that processes the rows.
enum Failure<E> {
    Database(DbErr),
    Reader(E),
}

impl<E> From<DbErr> for Failure<E> {
    fn from(error: DbErr) -> Self {
        Self::Database(error)
    }
}

impl Reader {
    /// Runs a query and passes on each row as it arrives, so that they are never all in memory. Stops at the first
    /// error, of the database or of the function that processes the rows.
    ///
    /// If a connection breaks before the first row, it is not an error yet: PostgreSQL may have restarted, or ended the
    /// session. Then the query is retried once on a new connection.
    pub async fn each_row<E: From<DbErr>>(
        &self,
        statement: Statement,
        mut each: impl FnMut(QueryResult) -> Result<(), E> + Send,
    ) -> Result<(), E> {
        count(&statement);
        let begun = AtomicBool::new(false);
        let mut each = |row| {
            begun.store(true, Ordering::Relaxed);
            each(row)
        };
        // On the heap: nested lists await this recursively, and each level would keep all of it on the stack.
        let mut ended = Box::pin(self.try_once(&statement, &mut each)).await;
        if let Err(Failure::Database(error)) = &ended
            && fault_of(error) == Fault::Lost
            && !begun.load(Ordering::Relaxed)
        {
            ended = Box::pin(self.try_once(&statement, &mut each)).await;
        }
        ended.map_err(|failure| match failure {
            Failure::Database(error) => E::from(error),
            Failure::Reader(error) => error,
        })
    }

    async fn try_once<E>(
        &self,
        statement: &Statement,
        each: &mut (impl FnMut(QueryResult) -> Result<(), E> + Send),
    ) -> Result<(), Failure<E>> {
        let caller = match &self.share {
            Some(share) => Some(
                shares::place(&share.reads)
                    .await
                    .map_err(|error| self.pool.why_waited(error))?,
            ),
            None => None,
        };
        let mut lease = self.pool.take(caller).await?;
        let shared = lease.is_shared();
        if shared {
            lease.begin().await?;
        }
        rows(&mut lease, statement, each).await?;
        if shared {
            lease.end("COMMIT", TURN).await?;
        }
        Ok(())
    }
}

async fn rows<E>(
    lease: &mut Lease,
    statement: &Statement,
    each: &mut (impl FnMut(QueryResult) -> Result<(), E> + Send),
) -> Result<(), Failure<E>> {
    let limit = lease.limit();
    match timeout(limit, lease.step()?.each(statement, each)).await {
        Ok(Ok(())) => {
            lease.done(None);
            Ok(())
        }
        Ok(Err(Ended::Database(error))) => {
            lease.done(Some(&error));
            if lease.is_shared() {
                // It is in a failed transaction, so it must not be reused.
                lease.cut_off();
            }
            Err(Failure::Database(failed(error)))
        }
        // The rest of the rows is discarded.
        Ok(Err(Ended::Reader(error))) => Err(Failure::Reader(error)),
        Err(_) => Err(Failure::Database(failed(lease.cut_off()))),
    }
}

#[async_trait]
impl ConnectionTrait for Reader {
    fn get_database_backend(&self) -> DbBackend {
        self.backend
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
