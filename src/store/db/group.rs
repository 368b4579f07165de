//! Several changes of SQLite in one commit.
//!
//! SQLite has one writer, and a commit waits for the disk. So while others wait for the writer, a change that is done is
//! not committed by itself: it joins a group, and the next one runs in the same transaction, inside a savepoint. Each
//! keeps its own fate: one that fails is rolled back to its savepoint. A change is acknowledged only after the commit of
//! its group, and one that was refused after it has seen the group's changes is answered after it, too. A commit that
//! fails fails all.
//!
//! The first of a group puts a task at the end of the queue for the writer. When its turn comes, it commits the group, or
//! queues again if others wait and the group may grow. So nobody is overtaken, and no group is forgotten.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sea_orm::{ConnAcquireErr, DbBackend, DbErr};
use tokio::sync::watch;

use super::lease::{Lease, failed};
use super::limits::{LEAVE, STATEMENT_TIMEOUT, TURN};
use super::pool::Pool;
use crate::model::error::fault_of;

/// A group with as many changes, or as old, takes no more.
const CHANGES_MAX: usize = 64;
const OPEN_MAX: Duration = Duration::from_millis(20);
/// How long the file is left to other processes if a group ends while more changes wait here: SQLite lets them try from
/// time to time, and has no queue.
const BREATH: Duration = Duration::from_millis(1);

/// The changes that are done and not committed yet. It stays with the connection whose transaction they share: if that is
/// lost, they are.
#[derive(Debug)]
pub struct Group {
    begun: Instant,
    changes: usize,
    fate: watch::Sender<Option<Result<(), DbErr>>>,
}

/// How the commit of a group ends.
#[derive(Clone, Debug)]
pub struct Fate(watch::Receiver<Option<Result<(), DbErr>>>);

impl Group {
    fn new() -> Self {
        Self {
            begun: Instant::now(),
            changes: 0,
            fate: watch::Sender::new(None),
        }
    }

    pub fn fate(&self) -> Fate {
        Fate(self.fate.subscribe())
    }

    fn is_full(&self) -> bool {
        self.changes >= CHANGES_MAX || self.begun.elapsed() >= OPEN_MAX
    }
}

impl Fate {
    /// Waits for the commit, however long the disk takes: to call it a failure before that could be wrong.
    pub async fn known(mut self) -> Result<(), DbErr> {
        let lost = || DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed);
        match self.0.wait_for(Option::is_some).await {
            Ok(known) => known.clone().unwrap_or_else(|| Err(lost())),
            Err(_) => Err(lost()),
        }
    }

    /// Waits until it is known, or the group is lost.
    async fn sealed(mut self) {
        let _ = self.0.wait_for(Option::is_some).await;
    }
}

/// The groups whose changes a caller has seen in changes of its own that it gave up.
#[derive(Clone, Debug, Default)]
pub struct Seen(Arc<Mutex<Vec<Fate>>>);

impl Seen {
    pub fn note(&self, fate: Fate) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(fate);
    }

    /// Waits for all of them. An error if one was not committed: what the caller saw does not exist.
    pub async fn settled(&self) -> Result<(), DbErr> {
        let seen = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        for fate in seen {
            fate.known().await?;
        }
        Ok(())
    }
}

impl Lease {
    /// Ends a change that is done: it joins the group, and the connection goes to the next in the queue.
    pub(super) async fn join(mut self) -> Result<Fate, DbErr> {
        if self.group().is_some()
            && let Err(error) = self.end("RELEASE change", TURN).await
        {
            self.undo().await;
            return Err(error);
        }
        let is_first = self.group().is_none();
        let group = self.open_group(Group::new)?;
        group.changes += 1;
        let (fate, full) = (group.fate(), group.is_full());
        let pool = Arc::clone(self.pool());
        if is_first {
            pool.ends.spawn(commit_in_turn(Arc::clone(&pool), fate.clone()));
        } else if full {
            // In a task, like the other commit: the change that joined last may be cancelled, and the others must not be.
            pool.ends.spawn(commit(self));
        }
        Ok(fate)
    }

    /// Takes back a change that is not done.
    pub(super) async fn undo(mut self) {
        if self.group().is_none() {
            let _ = self.end("ROLLBACK", LEAVE).await;
            return;
        }
        // After a statement that may still be running.
        let undone = self.end("ROLLBACK TO change; RELEASE change", STATEMENT_TIMEOUT).await;
        if undone.is_err() {
            // Nobody knows what the transaction contains now, so nothing of it is kept.
            drop(self.cut_off());
        }
    }
}

/// Waits in the queue for the writer, and commits the group.
async fn commit_in_turn(pool: Arc<Pool>, fate: Fate) {
    loop {
        let lease = tokio::select! {
            biased;
            () = fate.clone().sealed() => return,
            lease = pool.turn() => lease,
        };
        match lease {
            Some(lease) if lease.group().is_some_and(|group| !group.is_full()) && pool.is_awaited() => drop(lease),
            Some(lease) => return commit(lease).await,
            None => return,
        }
    }
}

/// Commits the group, tells its changes, and passes the connection on.
async fn commit(mut lease: Lease) {
    let Some(group) = lease.close_group() else { return };
    let pool = Arc::clone(lease.pool());
    let committed = lease.commit().await;
    let failed = committed.is_err();
    group.fate.send_replace(Some(committed));
    if failed {
        let _ = lease.end("ROLLBACK", LEAVE).await;
    } else if pool.is_awaited() {
        tokio::time::sleep(BREATH).await;
    }
}

impl Lease {
    /// Commits the transaction. SQLite's commit cannot be called off: one that is not waited for may still succeed.
    pub(super) async fn commit(&mut self) -> Result<(), DbErr> {
        let pool = Arc::clone(self.pool());
        let limit = match self.backend() {
            Some(DbBackend::Sqlite) => Duration::MAX,
            _ => TURN,
        };
        let committed = match pool.target.is_still_there() {
            Ok(()) => self.end("COMMIT", limit).await,
            Err(error) => Err(failed(error)),
        };
        pool.changed(committed.as_ref().err().map(fault_of));
        committed
    }
}
