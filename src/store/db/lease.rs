//! A connection in use.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sea_orm::{ConnAcquireErr, DbBackend, DbErr, RuntimeErr, sqlx};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::error::Elapsed;
use tokio::time::timeout;

use super::connection::Connection;
use super::group::Group;
use super::limits::{SILENCE, STATEMENT_TIMEOUT, TURN, silence};
use super::pool::{Kept, Pool};
use crate::model::error::{Fault, fault};

/// How long a statement may keep running after its connection is closed, until PostgreSQL or SQLite notices.
const NOTICED: Duration = Duration::from_secs(1);

/// A connection in use. If it is dropped during a step, it is closed, and the caller's slot stays taken until the
/// database has noticed; otherwise a caller who keeps aborting requests could use one connection after the other.
#[derive(Debug)]
pub struct Lease {
    pool: Arc<Pool>,
    /// `None` after it broke.
    kept: Option<Kept>,
    /// Whether a step is running.
    busy: bool,
    caller: Option<OwnedSemaphorePermit>,
    /// `None` after it was passed to a task that rolls back what was running.
    place: Option<OwnedSemaphorePermit>,
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
            place: Some(place),
        }
    }

    pub fn pool(&self) -> &Arc<Pool> {
        &self.pool
    }

    /// The connection, for a step that starts now. Call [`Self::done`] or [`Self::cut_off`] afterwards.
    pub fn step(&mut self) -> Result<&mut Connection, DbErr> {
        let kept = self.kept.as_mut();
        let kept = kept.ok_or(DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed))?;
        self.busy = true;
        Ok(&mut kept.connection)
    }

    /// Ends the running step with this result. A connection that broke is dropped.
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

    /// The same, for a step with a result; the outer `Err` is a timeout.
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

    /// Opens a transaction, or a savepoint in the one of the group.
    pub async fn begin(&mut self) -> Result<(), DbErr> {
        if self.group().is_some() {
            return self.end("SAVEPOINT change", TURN).await;
        }
        let begun = timeout(TURN, self.step()?.begin()).await;
        self.ended(begun)
    }

    /// The changes that are done in this connection's transaction and not committed yet.
    pub fn group(&self) -> Option<&Group> {
        self.kept.as_ref()?.group.as_ref()
    }

    /// The same for one more, with a new group for the first.
    pub fn open_group(&mut self, new: impl FnOnce() -> Group) -> Result<&mut Group, DbErr> {
        let kept = self.kept.as_mut();
        let kept = kept.ok_or(DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed))?;
        Ok(kept.group.get_or_insert_with(new))
    }

    /// The same, to commit them now.
    pub fn close_group(&mut self) -> Option<Group> {
        self.kept.as_mut()?.group.take()
    }

    /// Ends a transaction or a savepoint, with this timeout.
    pub async fn end(&mut self, sql: &str, limit: Duration) -> Result<(), DbErr> {
        let ended = timeout(limit, self.step()?.run(sql)).await;
        self.ended(ended).map(drop)
    }

    /// `None` after the connection broke.
    pub fn backend(&self) -> Option<DbBackend> {
        self.kept.as_ref().map(|kept| kept.connection.backend())
    }

    /// How long to wait for a statement. PostgreSQL cancels it by itself, and gets a little longer to report that.
    pub fn limit(&self) -> Duration {
        match self.backend() {
            Some(DbBackend::Sqlite) => STATEMENT_TIMEOUT,
            _ => STATEMENT_TIMEOUT + SILENCE,
        }
    }

    /// Closes the connection during a step that timed out, and returns the error. SQLite always answers; it only took
    /// too long.
    pub fn cut_off(&mut self) -> sqlx::Error {
        self.busy = false;
        let error = match self.backend() {
            Some(DbBackend::Sqlite) => sqlx::Error::PoolTimedOut,
            _ => silence(),
        };
        self.drop_broken(&error);
        error
    }

    /// Closes the connection.
    pub fn give_up(mut self) {
        drop(self.cut_off());
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
        let runtime = tokio::runtime::Handle::try_current();
        if let (true, Some(place), Ok(runtime)) = (kept.group.is_some(), self.place.take(), &runtime) {
            // Others wait for this connection's commit.
            let rest = Self::new(Arc::clone(&self.pool), kept, place, self.caller.take());
            self.pool.ends.spawn_on(rest.undo(), runtime);
            return;
        }
        kept.connection.abandon();
        if let (Some(caller), Ok(runtime)) = (self.caller.take(), runtime) {
            runtime.spawn(async move {
                tokio::time::sleep(NOTICED).await;
                drop(caller);
            });
        }
    }
}
