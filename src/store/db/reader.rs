//! Statements outside a change.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sea_orm::entity::prelude::async_trait::async_trait;
use sea_orm::{ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, Statement};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::count::count;
use super::limits::TURN;
use super::pool::Pool;
use super::shares::{self, Share};

use crate::model::error::{Fault, fault_of};
use crate::store::catalogue::{Catalogued, Known};

/// Runs statements outside a change. One that is for a caller waits if the caller's share is in use.
#[derive(Clone, Debug)]
pub struct Reader {
    pub(super) backend: DbBackend,
    pub(super) pool: Arc<Pool>,
    pub(super) share: Option<Arc<Share>>,
    pub(super) known: Arc<Known>,
}

impl Catalogued for Reader {
    fn known(&self) -> &Known {
        &self.known
    }
}

impl Reader {
    /// Changes when connections to the server have broken: another server may answer from then on.
    pub fn era(&self) -> u64 {
        self.pool.era()
    }

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
        if let Err(error) = &ended
            && fault_of(error) == Fault::Lost
            && !begun.load(Ordering::Relaxed)
        {
            ended = Box::pin(self.try_once(&statement, &mut each)).await;
        }
        ended?
    }

    async fn try_once<E>(
        &self,
        statement: &Statement,
        each: &mut (impl FnMut(QueryResult) -> Result<(), E> + Send),
    ) -> Result<Result<(), E>, DbErr> {
        let caller = self.place(|share| &share.reads).await;
        let mut lease = self
            .pool
            .take(caller.map_err(|error| self.pool.why_waited(error))?)
            .await?;
        let shared = lease.is_shared();
        if shared {
            lease.begin().await?;
        }
        let limit = lease.limit();
        let ended = match timeout(limit, lease.step()?.each(statement, each)).await {
            // The rest of the rows is discarded, with the connection: the step has not ended.
            Ok(Ok(Err(error))) => return Ok(Err(error)),
            ended => lease.ended(ended),
        };
        if shared {
            match &ended {
                Ok(_) => lease.end("COMMIT", TURN).await?,
                // It is in a failed transaction, so it must not be reused.
                Err(_) => drop(lease.cut_off()),
            }
        }
        ended
    }

    /// The caller's slot for a statement or a change.
    pub(super) async fn place(
        &self,
        of: impl FnOnce(&Share) -> &Arc<Semaphore>,
    ) -> Result<Option<OwnedSemaphorePermit>, DbErr> {
        match &self.share {
            Some(share) => shares::place(of(share)).await.map(Some),
            None => Ok(None),
        }
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
