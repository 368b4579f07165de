//! What a connection is doing, known to its stream and to its service; and when nothing would be lost with it.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use futures::task::AtomicWaker;
use hyper::body::{Frame, SizeHint};

/// Once the server stops, clients are looked at so often,
const LOOK: Duration = Duration::from_millis(100);
/// and given up after so many looks
const LOOKS_MAX: u32 = 10;
/// in which they took or sent fewer bytes than the slowest line does. One byte now and then is no progress.
const PROGRESS_BYTES_MIN: u64 = 1024;

/// What a connection is doing.
#[derive(Debug, Default)]
pub struct Activity {
    stage: AtomicU8,
    /// How many bytes came and went.
    moved: AtomicU64,
    /// Whether the other end has yet to take what is sent.
    unsent: AtomicBool,
    /// Whether the other end has yet to send what is wanted of a request's body.
    body_awaited: AtomicBool,
    body_given_up: AtomicBool,
    /// Who waits for the rest of a body.
    body: AtomicWaker,
    /// Who waits for the end of what the connection is busy with: hyper does not look at a stream again by itself then.
    reader: AtomicWaker,
}

/// The stages of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Stage {
    /// Between two requests.
    Idle,
    /// A request's head is on its way. A new connection owes one at once.
    Head,
    /// A request is being answered, or its body read.
    Busy,
    /// All is sent, and what still comes is not looked at.
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

    /// Notes that so many bytes came or went.
    pub fn count(&self, bytes: usize) {
        self.moved.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Notes whether the other end has yet to take what is sent, and tells what was noted before.
    pub fn set_unsent(&self, unsent: bool) -> bool {
        self.unsent.swap(unsent, Ordering::Relaxed)
    }

    /// Wakes this task when the connection is no longer busy.
    pub fn wake_when_free(&self, context: &Context<'_>) {
        self.reader.register(context.waker());
    }

    /// A request's head is there. The connection is busy until the answer's body is dropped.
    pub fn begin(self: &Arc<Self>) -> Answering {
        self.enter(Stage::Busy);
        Answering(Arc::clone(self))
    }

    /// The rest of a body is wanted, and does not come at once: whether it is waited for.
    pub fn await_body(&self, context: &Context<'_>) -> bool {
        self.body.register(context.waker());
        self.body_awaited.store(true, Ordering::Relaxed);
        !self.body_given_up.load(Ordering::Relaxed)
    }

    /// Nothing of a body is waited for.
    pub fn has_body(&self) {
        self.body_awaited.store(false, Ordering::Relaxed);
    }

    /// Waits until nothing would be lost if the connection ended: no request is being answered, or the client does not get
    /// on with it. Whoever stops sending a body is answered first.
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

    /// Ends the wait for a body, if there is one.
    fn give_up_body(&self) -> bool {
        let is_news = self.body_awaited.load(Ordering::Relaxed) && !self.body_given_up.swap(true, Ordering::Relaxed);
        self.body.wake();
        is_news
    }
}

/// Held while a request is being answered.
#[derive(Debug)]
pub struct Answering(Arc<Activity>);

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.enter(Stage::Idle);
        self.0.reader.wake();
    }
}

/// An answer's body, which keeps its connection busy for as long as it is there.
pub struct Answer {
    body: Body,
    _answering: Answering,
}

impl Answer {
    pub fn new(body: Body, answering: Answering) -> Self {
        Self {
            body,
            _answering: answering,
        }
    }
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
