//! SQLite's readers: connections of our own, each of which ends a statement that takes too long.
//!
//! SQLite knows no time-out. It calls back now and then while a statement runs, and asks whether to go on; what it is told
//! is when that statement must be done, which only whoever runs it knows. So a reader is borrowed for a statement, with its
//! deadline, and not taken out of a pool of the library's, which would not tell which one it was.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Instant;

use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sea_orm::sqlx::{self, ConnectOptions, Connection};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{Load, SQLITE_READERS, STATEMENT_TIMEOUT, shares};

/// SQLite asks each time it has done so many steps, which take less than a millisecond.
const STEPS: i32 = 10_000;

/// The readers that are not in use, and what makes more of them.
#[derive(Debug)]
pub struct Readers {
    options: SqliteConnectOptions,
    places: Arc<Semaphore>,
    idle: Mutex<VecDeque<Kept>>,
}

#[derive(Debug)]
struct Kept {
    connection: SqliteConnection,
    /// When its statement must be done, in milliseconds.
    deadline: Arc<AtomicU64>,
    /// Whoever ran its last statement did not wait for the end.
    left_behind: bool,
}

impl Readers {
    /// Opens the first of them, to find out whether the file can be read.
    pub async fn open(options: SqliteConnectOptions) -> Result<Arc<Self>, sqlx::Error> {
        let readers = Self {
            options,
            places: Arc::new(Semaphore::new(SQLITE_READERS as usize)),
            idle: Mutex::default(),
        };
        let first = readers.connect().await?;
        readers.keep(first);
        Ok(Arc::new(readers))
    }

    /// Borrows a reader for a statement that begins now; the caller's place is held as long.
    pub async fn borrow(self: &Arc<Self>, callers: Option<OwnedSemaphorePermit>) -> Result<Borrowed, sea_orm::DbErr> {
        let place = shares::place(&self.places).await?;
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let failed = |error: sqlx::Error| sea_orm::DbErr::Conn(sea_orm::RuntimeErr::SqlxError(error.into()));
        let mut kept = match idle {
            Some(kept) => kept,
            None => self.connect().await.map_err(failed)?,
        };
        if kept.left_behind {
            // Its deadline is over, so that it ends at once; until then the reader is busy.
            kept.connection.ping().await.map_err(failed)?;
            kept.left_behind = false;
        }
        let limit = u64::try_from(STATEMENT_TIMEOUT.as_millis()).unwrap_or(u64::MAX);
        kept.deadline.store(now().saturating_add(limit), Ordering::Relaxed);
        Ok(Borrowed {
            kept: Some(kept),
            done: false,
            home: Arc::clone(self),
            _places: (place, callers),
        })
    }

    pub fn load(&self) -> Load {
        let used = (SQLITE_READERS as usize).saturating_sub(self.places.available_permits());
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).len();
        Load { idle, used }
    }

    pub async fn close(&self) {
        self.places.close();
        let idle = std::mem::take(&mut *self.idle.lock().unwrap_or_else(PoisonError::into_inner));
        for kept in idle {
            let _ = kept.connection.close().await;
        }
    }

    async fn connect(&self) -> Result<Kept, sqlx::Error> {
        let mut connection = self.options.connect().await?;
        let deadline = Arc::new(AtomicU64::new(u64::MAX));
        let until = Arc::clone(&deadline);
        let mut handle = connection.lock_handle().await?;
        handle.set_progress_handler(STEPS, move || now() < until.load(Ordering::Relaxed));
        drop(handle);
        Ok(Kept {
            connection,
            deadline,
            left_behind: false,
        })
    }

    fn keep(&self, kept: Kept) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push_back(kept);
    }
}

/// A reader in use. Dropped before its statement is done, it ends the statement.
#[derive(Debug)]
pub struct Borrowed {
    /// Present until it is dropped.
    kept: Option<Kept>,
    done: bool,
    home: Arc<Readers>,
    _places: (OwnedSemaphorePermit, Option<OwnedSemaphorePermit>),
}

impl Borrowed {
    pub fn connection(&mut self) -> Option<&mut SqliteConnection> {
        self.kept.as_mut().map(|kept| &mut kept.connection)
    }

    /// The statement has come to its end, well or badly. A reader that broke is not kept.
    pub fn done(mut self, ended: Option<&sqlx::Error>) {
        self.done = true;
        if let Some(sqlx::Error::WorkerCrashed | sqlx::Error::Io(_)) = ended {
            self.kept = None;
        }
    }
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        if let Some(mut kept) = self.kept.take() {
            if !self.done {
                kept.deadline.store(0, Ordering::Relaxed);
                kept.left_behind = true;
            }
            self.home.keep(kept);
        }
    }
}

/// Milliseconds since some moment.
fn now() -> u64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    u64::try_from(START.elapsed().as_millis()).unwrap_or(u64::MAX)
}
