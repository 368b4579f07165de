//! What a connection is doing, shared by its stream and its service, and whether it can be closed without losing
//! anything.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::task::Context;
use std::time::Duration;

use futures::task::AtomicWaker;

/// After the signal to stop, the progress of each client is checked at this interval.
const LOOK: Duration = Duration::from_millis(100);
/// A client is given up after this many checks without progress.
const LOOKS_MAX: u32 = 10;
/// Fewer bytes than this, sent or received during these checks, are not progress: a byte now and then must not keep a
/// connection open. Even the slowest line is faster.
const PROGRESS_BYTES_MIN: u64 = 1024;

/// What a connection is doing.
#[derive(Debug, Default)]
pub struct Activity {
    stage: AtomicU8,
    /// Number of bytes sent and received.
    moved: AtomicU64,
    /// Whether the client has not yet accepted everything that we send.
    unsent: AtomicBool,
    /// Whether we are waiting for the client to send more of a request's body.
    body_awaited: AtomicBool,
    body_given_up: AtomicBool,
    /// The task that waits for the rest of a body.
    body: AtomicWaker,
    /// The task that waits until the connection is no longer busy: hyper does not poll the stream again by itself then.
    reader: AtomicWaker,
}

/// The stages of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Stage {
    /// Between two requests.
    Idle,
    /// A request's head is being received. A new connection must start with this one at once.
    Head,
    /// A request is being processed: its body is read or its response sent.
    Busy,
    /// Everything is sent, and what is still received is discarded.
    Closing,
}

impl Activity {
    pub fn stage(&self) -> Stage {
        let stage = self.stage.load(Ordering::Relaxed);
        let stages = [Stage::Idle, Stage::Head, Stage::Busy];
        let found = stages.into_iter().find(|known| *known as u8 == stage);
        found.unwrap_or(Stage::Closing)
    }

    pub fn enter(&self, stage: Stage) {
        self.stage.store(stage as u8, Ordering::Relaxed);
    }

    /// Counts bytes that were sent or received.
    pub fn count(&self, bytes: usize) {
        self.moved.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Sets whether the client has not yet accepted everything, and returns the previous value.
    pub fn set_unsent(&self, unsent: bool) -> bool {
        self.unsent.swap(unsent, Ordering::Relaxed)
    }

    /// Wakes this task when the connection is no longer busy.
    pub fn wake_when_free(&self, context: &Context<'_>) {
        self.reader.register(context.waker());
    }

    /// A request's head is complete. The connection is busy until the response's body is dropped.
    pub fn begin(self: &Arc<Self>) -> Answering {
        self.enter(Stage::Busy);
        Answering(Arc::clone(self))
    }

    /// The next part of a body is not here yet. Returns whether to wait for it.
    pub fn await_body(&self, context: &Context<'_>) -> bool {
        self.body.register(context.waker());
        self.body_awaited.store(true, Ordering::Relaxed);
        !self.body_given_up.load(Ordering::Relaxed)
    }

    /// No part of a body is awaited.
    pub fn has_body(&self) {
        self.body_awaited.store(false, Ordering::Relaxed);
    }

    /// Waits until the connection can be closed without losing anything: no request is being processed, or the client
    /// makes no progress. A client that stops sending a body gets its response first.
    pub async fn expendable(&self) {
        let moved = || self.moved.load(Ordering::Relaxed);
        let (mut before, mut looks) = (moved(), 0);
        while matches!(self.stage(), Stage::Busy | Stage::Closing) || self.unsent.load(Ordering::Relaxed) {
            tokio::time::sleep(LOOK).await;
            if !self.waits_for_client() || moved() - before >= PROGRESS_BYTES_MIN {
                (before, looks) = (moved(), 0);
                continue;
            }
            looks += 1;
            if looks == LOOKS_MAX {
                if !self.give_up_body() {
                    return;
                }
                looks = 0;
            }
        }
    }

    fn waits_for_client(&self) -> bool {
        let waits = |what: &AtomicBool| what.load(Ordering::Relaxed);
        self.stage() == Stage::Closing || waits(&self.unsent) || waits(&self.body_awaited)
    }

    /// Ends the wait for a body. Returns whether there was one that had not been ended before.
    fn give_up_body(&self) -> bool {
        let is_news = self.body_awaited.load(Ordering::Relaxed) && !self.body_given_up.swap(true, Ordering::Relaxed);
        self.body.wake();
        is_news
    }
}

/// Held while a request is being processed.
#[derive(Debug)]
pub struct Answering(Arc<Activity>);

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.enter(Stage::Idle);
        self.0.reader.wake();
    }
}
