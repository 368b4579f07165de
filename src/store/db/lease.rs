//! A connection in use.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sea_orm::{ConnAcquireErr, DbBackend, DbErr, RuntimeErr, sqlx};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::error::Elapsed;
use tokio::time::timeout;

use super::connection::Connection;
use super::limits::{SILENCE, STATEMENT_TIMEOUT, TURN, silence};
use super::pool::{Kept, Pool};
use crate::model::error::{Fault, fault};

/// How long a statement may run on after its connection is gone: until PostgreSQL, or SQLite, has noticed.
const NOTICED: Duration = Duration::from_secs(1);

/// A connection in use. Dropped in the middle of a step, it is cut off, and its caller's place stays taken until the
/// database has noticed: whoever asks and goes away would else have one connection after the other.
#[derive(Debug)]
pub struct Lease {
    pool: Arc<Pool>,
    /// Nothing after it broke.
    kept: Option<Kept>,
    /// Whether a step is under way.
    busy: bool,
    caller: Option<OwnedSemaphorePermit>,
    _place: OwnedSemaphorePermit,
}

impl Lease {
    pub(super) fn new(
        pool: Arc<Pool>,
        kept: Kept,
        place: OwnedSemaphorePermit,
        caller: Option<OwnedSemaphorePermit>,
    ) -> Self {
        Self {
            pool,
            kept: Some(kept),
            busy: false,
            caller,
            _place: place,
        }
    }

    pub fn pool(&self) -> &Arc<Pool> {
        &self.pool
    }

    /// The connection, for a step that begins now; [`Self::done`] or [`Self::cut_off`] must tell how it ended.
    pub fn step(&mut self) -> Result<&mut Connection, DbErr> {
        let kept = self.kept.as_mut();
        let kept = kept.ok_or(DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed))?;
        self.busy = true;
        Ok(&mut kept.connection)
    }

    /// The step that was under way has ended so. A connection that broke by it is dropped.
    pub fn done(&mut self, failure: Option<&sqlx::Error>) {
        self.busy = false;
        match failure {
            Some(error)
                if matches!(
                    fault(error),
                    Fault::Lost | Fault::Silent | Fault::ReadOnly | Fault::Moved
                ) =>
            {
                self.drop_broken(error);
            }
            Some(_) | None => {
                self.pool.answered();
                if let Some(kept) = &mut self.kept {
                    kept.answered = Instant::now();
                }
            }
        }
    }

    /// The same, for a step with a result; `Err` of the outer one: its time was over.
    pub fn ended<T>(&mut self, result: Result<sqlx::Result<T>, Elapsed>) -> Result<T, DbErr> {
        let result = match result {
            Ok(result) => {
                self.done(result.as_ref().err());
                result
            }
            Err(_) => Err(self.cut_off()),
        };
        result.map_err(failed)
    }

    /// Opens a transaction.
    pub async fn begin(&mut self) -> Result<(), DbErr> {
        let begun = timeout(TURN, self.step()?.begin()).await;
        self.ended(begun)
    }

    /// Runs an end of a transaction, which may take so long.
    pub async fn end(&mut self, sql: &str, limit: Duration) -> Result<(), DbErr> {
        let ended = timeout(limit, self.step()?.run(sql)).await;
        self.ended(ended).map(drop)
    }

    /// How long a statement may take. PostgreSQL ends it by itself, and has a little longer to say so.
    pub fn limit(&self) -> Duration {
        match self.kept.as_ref().map(|kept| kept.connection.backend()) {
            Some(DbBackend::Sqlite) => STATEMENT_TIMEOUT,
            _ => STATEMENT_TIMEOUT + SILENCE,
        }
    }

    /// Cuts the connection off in the middle of a step that took as long as it may, and gives the error that this is. SQLite
    /// always answers; it only took too long.
    pub fn cut_off(&mut self) -> sqlx::Error {
        self.busy = false;
        let error = match self.kept.as_ref().map(|kept| kept.connection.backend()) {
            Some(DbBackend::Sqlite) => sqlx::Error::PoolTimedOut,
            _ => silence(),
        };
        self.drop_broken(&error);
        error
    }

    fn drop_broken(&mut self, error: &sqlx::Error) {
        self.pool.broken(error);
        if let Some(kept) = self.kept.take() {
            kept.connection.abandon();
        }
    }

    /// Whether each statement needs a transaction.
    pub fn is_shared(&self) -> bool {
        self.kept.as_ref().is_some_and(|kept| kept.connection.is_shared())
    }

    pub fn is_busy(&self) -> bool {
        self.busy
    }
}

pub fn failed(error: sqlx::Error) -> DbErr {
    DbErr::Query(RuntimeErr::SqlxError(error.into()))
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(kept) = self.kept.take() else { return };
        if !self.busy {
            self.pool.keep(kept);
            return;
        }
        kept.connection.abandon();
        if let (Some(caller), Ok(runtime)) = (self.caller.take(), tokio::runtime::Handle::try_current()) {
            runtime.spawn(async move {
                tokio::time::sleep(NOTICED).await;
                drop(caller);
            });
        }
    }
}
