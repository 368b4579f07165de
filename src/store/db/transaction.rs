//! The transaction of a change.

use std::sync::Arc;
use std::time::Duration;

use sea_orm::entity::prelude::async_trait::async_trait;
use sea_orm::{ConnAcquireErr, ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, Statement};
use tokio::sync::{MappedMutexGuard, Mutex, MutexGuard, OwnedSemaphorePermit};
use tokio::time::timeout;

use super::count::count;
use super::group::Seen;
use super::lease::Lease;
use super::pool::Pool;
use crate::model::error::{Fault, Result, fault_of};
use crate::store::catalogue::{Catalogued, Known};

/// No limits for this transaction.
const PATIENT: &str = "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0";

/// A transaction. Dropped without a commit, it changes nothing.
#[derive(Debug)]
pub struct Transaction {
    backend: DbBackend,
    /// One statement runs at a time. `None` after the transaction has ended.
    lease: Mutex<Option<Lease>>,
    known: Known,
    /// Where to note what it has seen of a group, if it is given up.
    seen: Option<Seen>,
    /// The caller's slot.
    place: Option<OwnedSemaphorePermit>,
    /// Whether its statements may take as long as they need.
    is_patient: bool,
}

impl Catalogued for Transaction {
    fn known(&self) -> &Known {
        &self.known
    }
}

impl Transaction {
    /// Opens one. If a connection turns out to be broken, nothing has been done yet, so another one is used.
    pub(super) async fn begin(pool: &Arc<Pool>, backend: DbBackend, known: &Known, seen: Option<Seen>) -> Result<Self> {
        let lease = match begun(pool).await {
            Err(error) if fault_of(&error) == Fault::Lost => begun(pool).await,
            begun => begun,
        };
        if let Err(error) = &lease {
            pool.changed(Some(fault_of(error)));
        }
        Ok(Self {
            backend,
            lease: Mutex::new(Some(lease?)),
            known: Known::new(known.now()),
            seen,
            place: None,
            is_patient: false,
        })
    }

    /// The same, with as much time as it needs, on a database that nobody else uses.
    pub(super) async fn patient(mut self) -> Result<Self> {
        if self.backend == DbBackend::Postgres {
            self.execute_unprepared(PATIENT).await?;
        }
        self.is_patient = true;
        Ok(self)
    }

    /// The same, which holds the caller's slot until it is done.
    #[must_use]
    pub fn holding(mut self, place: Option<OwnedSemaphorePermit>) -> Self {
        self.place = place;
        self
    }

    /// Commits the change. If this fails because the database does not answer, the outcome is unknown.
    pub async fn commit(mut self) -> Result<()> {
        let mut lease = self.lease.get_mut().take().ok_or_else(gone)?;
        if self.backend == DbBackend::Sqlite && (lease.group().is_some() || lease.pool().is_awaited()) {
            // In a task: if this is cancelled, the change must be in the group or not, for the sake of the others.
            let joined = lease.pool().ends.clone().spawn(lease.join()).await;
            let fate = joined.map_err(|_| gone())??;
            // A change that only waits for the disk takes nothing from others.
            drop(self.place.take());
            return Ok(fate.known().await?);
        }
        let committed = lease.commit().await;
        if committed.is_err() {
            roll_back(lease);
        }
        Ok(committed?)
    }

    async fn lease(&self) -> Result<MappedMutexGuard<'_, Lease>, DbErr> {
        let lease = self.lease.lock().await;
        MutexGuard::try_map(lease, Option::as_mut).map_err(|_| gone())
    }

    fn limit(&self, lease: &Lease) -> Duration {
        match self.is_patient {
            true => Duration::MAX,
            false => lease.limit(),
        }
    }

    async fn each(
        &self,
        statement: &Statement,
        each: &mut (impl FnMut(QueryResult) -> Result<(), DbErr> + Send),
    ) -> Result<(), DbErr> {
        count(statement);
        let mut lease = self.lease().await?;
        let limit = self.limit(&lease);
        let ended = timeout(limit, lease.step()?.each(statement, each)).await;
        let ended = lease.ended(ended);
        note(&lease, &ended);
        ended?
    }
}

fn gone() -> DbErr {
    DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed)
}

async fn begun(pool: &Arc<Pool>) -> Result<Lease, DbErr> {
    let mut lease = pool.take(None).await?;
    lease.begin().await?;
    Ok(lease)
}

/// Notes that the database failed a change.
fn note<T>(lease: &Lease, ended: &Result<T, DbErr>) {
    if let Err(error) = ended {
        lease.pool().changed(Some(fault_of(error)));
    }
}

/// Rolls back a change in the background. If a statement is running, dropping the connection does what is needed.
fn roll_back(lease: Lease) {
    if lease.is_busy() {
        return;
    }
    match tokio::runtime::Handle::try_current() {
        Ok(runtime) => {
            let ends = lease.pool().ends.clone();
            ends.spawn_on(lease.undo(), &runtime);
        }
        // The connection is closed, and with it the transaction.
        Err(_) => lease.give_up(),
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        if let Some(lease) = self.lease.get_mut().take() {
            if let (Some(seen), Some(group)) = (&self.seen, lease.group()) {
                seen.note(group.fate());
            }
            roll_back(lease);
        }
    }
}

#[async_trait]
impl ConnectionTrait for Transaction {
    fn get_database_backend(&self) -> DbBackend {
        self.backend
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        count(&statement);
        let mut lease = self.lease().await?;
        let limit = self.limit(&lease);
        let ended = timeout(limit, lease.step()?.execute(&statement)).await;
        let ended = lease.ended(ended);
        note(&lease, &ended);
        ended
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        let mut lease = self.lease().await?;
        let limit = self.limit(&lease);
        let ended = timeout(limit, lease.step()?.run(sql)).await;
        let ended = lease.ended(ended);
        note(&lease, &ended);
        ended
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        let mut first = None;
        let mut keep = |row| {
            first.get_or_insert(row);
            Ok(())
        };
        self.each(&statement, &mut keep).await?;
        Ok(first)
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let mut all = Vec::new();
        let mut keep = |row| {
            all.push(row);
            Ok(())
        };
        self.each(&statement, &mut keep).await?;
        Ok(all)
    }
}
