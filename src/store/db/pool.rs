//! A small pool of connections.
//!
//! The libraries' pools wait without a timeout in places, when they test, release and close; and they hide the
//! connection, so one whose server does not respond cannot be dropped. Here, each step has a timeout, and connections
//! that do not respond are dropped.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use prometheus_client::metrics::histogram::Histogram;
use sea_orm::{ConnAcquireErr, DbErr, RuntimeErr, sqlx};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::TaskTracker;

use super::connection::Connection;
use super::group::Group;
use super::lease::Lease;
use super::limits::{CONNECT, LEAVE, TEST, TRUSTED, WAIT, silence, within};
use super::target::Target;
use crate::model::error::{Fault, fault, is_too_many_connections};

const WAIT_SECONDS: [f64; 8] = [0.001, 0.005, 0.025, 0.1, 0.5, 1.0, 5.0, 10.0];
/// The maximum age of a connection, so that the server's memory for it does not grow forever.
const AGE_MAX: Duration = Duration::from_secs(30 * 60);
/// How long after the server refused a connection to try again.
const SMALLER_FOR: Duration = Duration::from_secs(30);

/// How long after the server counted too many connections to ask again, if all of ours are closed.
const COUNTED_AGAIN: Duration = Duration::from_millis(50);

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
    /// How many wait for a place.
    waiting: AtomicUsize,
    size_max: usize,
    size: Mutex<Size>,
    idle: Mutex<Vec<Kept>>,
    /// Each open connection has a clone, including those in use.
    open: Arc<()>,
    /// Incremented when a connection breaks: older connections are not used again.
    era: AtomicU64,
    /// When the database last answered; `None` if it has failed since.
    heard: Mutex<Option<Instant>>,
    /// Whether the last change failed because of the database.
    ails: AtomicBool,
    pub waits: Histogram,
    /// Background tasks that end transactions.
    pub ends: TaskTracker,
}

/// One that waits for a place.
struct Waiting<'pool>(&'pool AtomicUsize);

impl<'pool> Waiting<'pool> {
    fn of(count: &'pool AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The current and the configured number of slots.
#[derive(Debug)]
struct Size {
    now: usize,
    made_smaller: Option<Instant>,
}

/// A connection between two uses.
#[derive(Debug)]
pub struct Kept {
    pub connection: Connection,
    /// The changes of its open transaction that wait for the commit; `None` on PostgreSQL.
    pub group: Option<Group>,
    /// When the server last answered.
    pub answered: Instant,
    /// When it was last asked whether it accepts writes, and the result.
    asked: Instant,
    takes_changes: bool,
    era: u64,
    made: Instant,
    _open: Arc<()>,
}

impl Pool {
    pub fn new(target: Target, size: usize, waits: Histogram) -> Arc<Self> {
        Arc::new(Self {
            target,
            places: Arc::new(Semaphore::new(size)),
            waiting: AtomicUsize::new(0),
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

    /// Takes a working connection, first come, first served. `caller` is held as long as the connection.
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
        let mut place = self.place_in_queue().await?;
        loop {
            while let Some(kept) = self.next_idle() {
                if let Some(kept) = self.tested(kept).await {
                    return Ok((kept, place));
                }
            }
            match self.connect().await {
                Ok(kept) => return Ok((kept, place)),
                // Others are in use, and will be returned.
                Err(error) if is_too_many_connections(&error) && self.open() > 0 => {
                    self.make_smaller(place);
                    place = self.place_in_queue().await?;
                }
                // The server may still count one of ours that was closed just now.
                Err(error) if is_too_many_connections(&error) && self.was_heard() => {
                    tokio::time::sleep(COUNTED_AGAIN).await;
                }
                Err(error) => return Err(failed(error)),
            }
        }
    }

    async fn place_in_queue(&self) -> Result<OwnedSemaphorePermit, DbErr> {
        let _waiting = Waiting::of(&self.waiting);
        self.place().await
    }

    /// Whether somebody waits for a connection.
    pub fn is_awaited(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }

    /// Waits for the writer in the same queue, without a timeout; `None` if it broke or is closed.
    pub async fn turn(self: &Arc<Self>) -> Option<Lease> {
        let place = self.place().await.ok()?;
        Some(Lease::new(Arc::clone(self), self.next_idle()?, place, None))
    }

    async fn place(&self) -> Result<OwnedSemaphorePermit, DbErr> {
        let closed = |_| DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed);
        Arc::clone(&self.places).acquire_owned().await.map_err(closed)
    }

    /// The most recently used connection, so that unneeded ones stay idle.
    fn next_idle(&self) -> Option<Kept> {
        let era = self.era.load(Ordering::Relaxed);
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|kept| kept.era == era && (kept.group.is_some() || kept.made.elapsed() < AGE_MAX));
        idle.pop()
    }

    /// A new connection, whether or not its server accepts writes. If the caller gives up, it is closed.
    async fn connect(&self) -> sqlx::Result<Kept> {
        let era = self.era.load(Ordering::Relaxed);
        let open = Arc::clone(&self.open);
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
                    group: None,
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

    /// The connection, if its server still responds and accepts writes: one that does not was demoted, and a new
    /// connection may lead to the new primary.
    async fn tested(&self, mut kept: Kept) -> Option<Kept> {
        // A server that did not accept writes when the connection was opened is checked again soon.
        let trusted = if kept.takes_changes { TRUSTED } else { TRUSTED / 5 };
        // Changes of others wait for the commit of a group: its connection must not be lost by giving up here.
        let is_trusted = kept.answered.elapsed() < trusted && kept.asked.elapsed() < trusted;
        if is_trusted || kept.group.is_some() {
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
                // The other connections lead to the same server and are dead too; do not wait for each of them.
                self.broken(&error);
                kept.connection.abandon();
                None
            }
        }
    }

    /// Returns a connection to the pool.
    pub fn keep(&self, kept: Kept) {
        if kept.era == self.era.load(Ordering::Relaxed) && !self.places.is_closed() {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(kept);
        }
    }

    /// Changes when a connection breaks.
    pub fn era(&self) -> u64 {
        self.era.load(Ordering::Relaxed)
    }

    /// Closes idle connections, so that a connection outside the pool can be opened.
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

    /// Why waiting for a connection failed: the others are busy, or the database does not answer them.
    pub fn why_waited(&self, error: DbErr) -> DbErr {
        match error {
            DbErr::ConnectionAcquire(ConnAcquireErr::Timeout) if !self.was_heard() => {
                DbErr::Conn(RuntimeErr::SqlxError(silence().into()))
            }
            error => error,
        }
    }

    /// Whether the database answered anybody during the wait.
    fn was_heard(&self) -> bool {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.is_some_and(|at| at.elapsed() < WAIT - Duration::from_secs(1))
    }

    /// Notes that a connection broke with this error.
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

    /// Whether the last change failed because of the database, with no successful one since.
    pub fn ails(&self) -> bool {
        self.ails.load(Ordering::Relaxed)
    }

    /// The server refuses this connection: make do with the existing ones.
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

    /// Tries to open one more connection, some time after it was refused.
    fn grow_again(&self) {
        let mut size = self.size.lock().unwrap_or_else(PoisonError::into_inner);
        if size.made_smaller.is_some_and(|at| at.elapsed() > SMALLER_FOR) {
            size.now += 1;
            size.made_smaller = (size.now < self.size_max).then(Instant::now);
            self.places.add_permits(1);
        }
    }

    fn open(&self) -> usize {
        Arc::strong_count(&self.open) - 1
    }

    pub fn load(&self) -> Load {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).len();
        Load {
            idle,
            used: self.open().saturating_sub(idle),
        }
    }

    /// Closes idle connections; those in use are closed when they are returned.
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
