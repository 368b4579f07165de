//! A few connections that many use in turn.
//!
//! The libraries' pools wait without an end in places, where they test, release and close; and they hide the connection, so
//! that one whose server is silent cannot be cut off. Here each step has its time, and what does not answer is dropped.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use prometheus_client::metrics::histogram::Histogram;
use sea_orm::{ConnAcquireErr, DbErr, RuntimeErr, sqlx};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::TaskTracker;

use super::connection::Connection;
use super::lease::Lease;
use super::limits::{CONNECT, LEAVE, TEST, TRUSTED, WAIT, silence, within};
use super::target::Target;
use crate::model::error::{Fault, fault, is_too_many_connections};

const WAIT_SECONDS: [f64; 8] = [0.001, 0.005, 0.025, 0.1, 0.5, 1.0, 5.0, 10.0];
/// A connection is not used for longer, so that a server's memory for it does not grow for ever.
const AGE_MAX: Duration = Duration::from_secs(30 * 60);
/// How long after the server had no room for a connection one more is tried.
const SMALLER_FOR: Duration = Duration::from_secs(30);

/// How many connections of a pool are open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    pub idle: usize,
    pub used: usize,
}

#[derive(Debug)]
pub struct Pool {
    pub target: Target,
    places: Arc<Semaphore>,
    size_max: usize,
    size: Mutex<Size>,
    idle: Mutex<Vec<Kept>>,
    /// Connections that are open, also those in use.
    open: Arc<AtomicUsize>,
    /// Counts up when a connection breaks: those of before are not used again.
    era: AtomicU64,
    /// When the database last answered; nothing if it has failed to since.
    heard: Mutex<Option<Instant>>,
    /// Whether the last change failed by the fault of the database.
    ails: AtomicBool,
    pub waits: Histogram,
    /// Ends of transactions that nobody waits for.
    pub ends: TaskTracker,
}

/// How many places there are, beside how many there should be.
#[derive(Debug)]
struct Size {
    now: usize,
    made_smaller: Option<Instant>,
}

/// A connection between two uses.
#[derive(Debug)]
pub struct Kept {
    pub connection: Connection,
    /// When the server last answered.
    pub answered: Instant,
    /// When it was last asked whether it takes changes, and what it said.
    asked: Instant,
    takes_changes: bool,
    era: u64,
    made: Instant,
    _open: Open,
}

/// Counts itself as long as it lives.
#[derive(Debug)]
struct Open(Arc<AtomicUsize>);

impl Open {
    fn counted(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Pool {
    pub fn new(target: Target, size: usize, waits: Histogram) -> Arc<Self> {
        Arc::new(Self {
            target,
            places: Arc::new(Semaphore::new(size)),
            size_max: size,
            size: Mutex::new(Size {
                now: size,
                made_smaller: None,
            }),
            idle: Mutex::default(),
            open: Arc::default(),
            era: AtomicU64::new(0),
            heard: Mutex::default(),
            ails: AtomicBool::new(false),
            waits,
            ends: TaskTracker::new(),
        })
    }

    /// Takes a connection that works, in the order of asking. `caller` is held as long as the connection.
    pub async fn take(self: &Arc<Self>, caller: Option<OwnedSemaphorePermit>) -> Result<Lease, DbErr> {
        let started = Instant::now();
        let taken = tokio::time::timeout(WAIT, self.take_in_time()).await;
        self.waits.observe(started.elapsed().as_secs_f64());
        match taken {
            Ok(Ok((kept, place))) => Ok(Lease::new(Arc::clone(self), kept, place, caller)),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(self.why_waited(DbErr::ConnectionAcquire(ConnAcquireErr::Timeout))),
        }
    }

    async fn take_in_time(&self) -> Result<(Kept, OwnedSemaphorePermit), DbErr> {
        let failed = |error: sqlx::Error| DbErr::Conn(RuntimeErr::SqlxError(error.into()));
        self.target.is_still_there().map_err(failed)?;
        self.grow_again();
        let mut place = self.place().await?;
        loop {
            while let Some(kept) = self.next_idle() {
                if let Some(kept) = self.tested(kept).await {
                    return Ok((kept, place));
                }
            }
            match self.connect().await {
                Ok(kept) => return Ok((kept, place)),
                // Somebody has one, and will give it back.
                Err(error) if is_too_many_connections(&error) && self.open.load(Ordering::Relaxed) > 0 => {
                    self.make_smaller(place);
                    place = self.place().await?;
                }
                Err(error) => return Err(failed(error)),
            }
        }
    }

    async fn place(&self) -> Result<OwnedSemaphorePermit, DbErr> {
        let closed = |_| DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed);
        Arc::clone(&self.places).acquire_owned().await.map_err(closed)
    }

    /// The connection that was used last, so that those that are not needed stay idle.
    fn next_idle(&self) -> Option<Kept> {
        let era = self.era.load(Ordering::Relaxed);
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|kept| kept.era == era && kept.made.elapsed() < AGE_MAX);
        idle.pop()
    }

    /// A new connection, whatever its server is. A caller that gives up leaves none behind.
    async fn connect(&self) -> sqlx::Result<Kept> {
        let era = self.era.load(Ordering::Relaxed);
        let open = Open::counted(&self.open);
        let made = within(CONNECT, async {
            let mut connection = self.target.connect().await?;
            let takes_changes = connection.takes_changes().await?;
            Ok((connection, takes_changes))
        });
        match made.await {
            Ok((connection, takes_changes)) => {
                self.answered();
                let now = Instant::now();
                Ok(Kept {
                    connection,
                    answered: now,
                    asked: now,
                    takes_changes,
                    era,
                    made: now,
                    _open: open,
                })
            }
            Err(error) => {
                drop(open);
                self.failed(&error);
                Err(error)
            }
        }
    }

    /// The connection, if its server is still there and takes changes: one that does not was demoted, and a new connection
    /// may lead to the one that does.
    async fn tested(&self, mut kept: Kept) -> Option<Kept> {
        // One that did not take changes when it was made is given a second try, soon.
        let trusted = if kept.takes_changes { TRUSTED } else { TRUSTED / 5 };
        if kept.answered.elapsed() < trusted && kept.asked.elapsed() < trusted {
            return Some(kept);
        }
        match within(TEST, kept.connection.takes_changes()).await {
            Ok(true) => {
                self.answered();
                kept.answered = Instant::now();
                kept.asked = kept.answered;
                kept.takes_changes = true;
                Some(kept)
            }
            Ok(false) => None,
            Err(error) => {
                // The others were made to the same server, and are as dead: nobody should wait for each of them.
                self.broken(&error);
                kept.connection.abandon();
                None
            }
        }
    }

    /// Takes a connection back.
    pub fn keep(&self, kept: Kept) {
        if kept.era == self.era.load(Ordering::Relaxed) && !self.places.is_closed() {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(kept);
        }
    }

    /// Closes what is idle, for whoever needs a connection beside the pool's.
    pub async fn make_room(&self) {
        let idle = std::mem::take(&mut *self.idle.lock().unwrap_or_else(PoisonError::into_inner));
        let all = idle
            .into_iter()
            .map(|kept| async move { within(LEAVE, kept.connection.close()).await });
        futures::future::join_all(all).await;
    }

    /// The server answered.
    pub fn answered(&self) {
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// The truth of why somebody has waited in vain: others are busy, or the database does not answer them.
    pub fn why_waited(&self, error: DbErr) -> DbErr {
        match error {
            DbErr::ConnectionAcquire(ConnAcquireErr::Timeout) if !self.was_heard() => {
                DbErr::Conn(RuntimeErr::SqlxError(silence().into()))
            }
            error => error,
        }
    }

    /// Whether the database answered anybody while somebody waited.
    fn was_heard(&self) -> bool {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.is_some_and(|at| at.elapsed() < WAIT - Duration::from_secs(1))
    }

    /// A connection broke by this error.
    pub fn broken(&self, error: &sqlx::Error) {
        self.failed(error);
        if matches!(fault(error), Fault::Lost | Fault::Silent) {
            self.era.fetch_add(1, Ordering::Relaxed);
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
        }
    }

    fn failed(&self, error: &sqlx::Error) {
        if matches!(fault(error), Fault::Lost | Fault::Silent) {
            *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }

    /// Notes how a change ended.
    pub fn changed(&self, failure: Option<Fault>) {
        match failure {
            None => self.ails.store(false, Ordering::Relaxed),
            Some(Fault::Met | Fault::Ours) => {}
            Some(_) => self.ails.store(true, Ordering::Relaxed),
        }
    }

    /// Whether the last change failed by the fault of the database, and none was made since.
    pub fn ails(&self) -> bool {
        self.ails.load(Ordering::Relaxed)
    }

    /// The server has no room for this one: as many as there are must do.
    fn make_smaller(&self, place: OwnedSemaphorePermit) {
        let mut size = self.size.lock().unwrap_or_else(PoisonError::into_inner);
        place.forget();
        size.now -= 1;
        size.made_smaller = Some(Instant::now());
        tracing::warn!(
            connections = size.now,
            "PostgreSQL gives no more connections; continuing with fewer. TENANTRY_DATABASE_CONNECTIONS sets the \
             number"
        );
    }

    /// Tries one more connection, some time after there was no room for it.
    fn grow_again(&self) {
        let mut size = self.size.lock().unwrap_or_else(PoisonError::into_inner);
        if size.made_smaller.is_some_and(|at| at.elapsed() > SMALLER_FOR) {
            size.now += 1;
            size.made_smaller = (size.now < self.size_max).then(Instant::now);
            self.places.add_permits(1);
        }
    }

    pub fn load(&self) -> Load {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).len();
        Load {
            idle,
            used: self.open.load(Ordering::Relaxed).saturating_sub(idle),
        }
    }

    /// Closes what is idle; what is in use is closed when it comes back.
    pub async fn close(&self) {
        self.places.close();
        self.ends.close();
        let _ = tokio::time::timeout(LEAVE, self.ends.wait()).await;
        self.make_room().await;
    }
}

/// The buckets of the time that requests wait for a connection.
pub fn waits() -> Histogram {
    Histogram::new(WAIT_SECONDS)
}
