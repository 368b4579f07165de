//! A connection that ends when its other end makes no progress.
//!
//! hyper has one limit for the head of a request and for the time between two requests. A balancer keeps a connection for
//! a minute between two requests; a head that takes a minute is an attack. So both are measured here, and so is an answer
//! that nobody reads.

use std::future::Future;
use std::io::{Error, ErrorKind, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use futures::task::AtomicWaker;
use hyper::body::{Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

use super::serve::Bounds;

/// A stalled answer is looked for so often once the server stops.
const LOOK: Duration = Duration::from_millis(100);

/// What a connection is doing, known to its stream and to its service.
#[derive(Debug, Default)]
pub struct Activity {
    stage: AtomicU8,
    /// Whether the other end takes nothing of what is sent.
    stalled: AtomicBool,
    /// Who waits for the end of what the connection is busy with: hyper does not look at a stream again by itself then.
    reader: AtomicWaker,
}

/// Between two requests.
const IDLE: u8 = 0;
/// A request's head is on its way. A new connection owes one at once.
const HEAD: u8 = 1;
/// A request is being answered, or its body read.
const BUSY: u8 = 2;
/// All is sent, and what still comes is not looked at.
const CLOSING: u8 = 3;

/// What a client still sends after the last answer is taken for so long,
const CLOSING_TIME_MAX: Duration = Duration::from_secs(10);
/// up to so much of it,
const CLOSING_BYTES_MAX: usize = 16 * 1024 * 1024;
/// and as long as there is no such pause.
const CLOSING_PAUSE_MAX: Duration = Duration::from_secs(2);

impl Activity {
    fn stage(&self) -> u8 {
        self.stage.load(Ordering::Relaxed)
    }

    fn enter(&self, stage: u8) {
        self.stage.store(stage, Ordering::Relaxed);
    }

    /// A request's head is there. The connection is busy until the answer's body is dropped.
    pub fn begin(self: &Arc<Self>) -> Answering {
        self.enter(BUSY);
        Answering(Arc::clone(self))
    }

    /// Waits until nothing would be lost if the connection ended: no request is being answered, or nobody reads the answer.
    pub async fn expendable(&self) {
        let mut stalled = 0;
        while matches!(self.stage(), BUSY | CLOSING) && stalled < 10 {
            tokio::time::sleep(LOOK).await;
            stalled = if self.stalled.load(Ordering::Relaxed) {
                stalled + 1
            } else {
                0
            };
        }
    }
}

/// Held while a request is being answered.
#[derive(Debug)]
pub struct Answering(Arc<Activity>);

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.enter(IDLE);
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

/// A client's stream.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    activity: Arc<Activity>,
    bounds: Bounds,
    /// The stage that `receiving` was set for.
    awaited: u8,
    receiving: Pin<Box<Sleep>>,
    sending: Pin<Box<Sleep>>,
    /// How much more may come, once nothing more is sent.
    discardable: Option<usize>,
}

impl Connection {
    pub fn new(stream: TcpStream, activity: Arc<Activity>, bounds: Bounds) -> Self {
        activity.enter(HEAD);
        Self {
            stream,
            activity,
            bounds,
            awaited: HEAD,
            receiving: Box::pin(tokio::time::sleep(bounds.head)),
            sending: Box::pin(tokio::time::sleep(bounds.stall)),
            discardable: None,
        }
    }

    /// Nothing came: for how much longer that may be so.
    fn wait(&mut self, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        let stage = self.activity.stage();
        if stage == BUSY {
            self.awaited = BUSY;
            self.activity.reader.register(context.waker());
            return Poll::Pending;
        }
        if self.awaited != stage {
            self.awaited = stage;
            let limit = if stage == HEAD {
                self.bounds.head
            } else {
                self.bounds.idle
            };
            self.receiving.as_mut().reset(Instant::now() + limit);
        }
        self.receiving
            .as_mut()
            .poll(context)
            .map(|()| Err(ErrorKind::TimedOut.into()))
    }

    /// Ends a write that makes no progress.
    fn sent<T>(&mut self, context: &mut Context<'_>, sent: Poll<std::io::Result<T>>) -> Poll<std::io::Result<T>> {
        let stalled = self.activity.stalled.swap(sent.is_pending(), Ordering::Relaxed);
        if sent.is_ready() {
            return sent;
        }
        if !stalled {
            self.sending.as_mut().reset(Instant::now() + self.bounds.stall);
        }
        let over = || Error::new(ErrorKind::TimedOut, "the client does not read its answer");
        self.sending.as_mut().poll(context).map(|()| Err(over()))
    }

    /// Reads away what still comes: `Ready` when nothing will, or too much does, or too slowly.
    ///
    /// A socket that closes with unread bytes resets the connection, and a client that is still sending then never sees its
    /// answer, nor one that is about to read it.
    fn discard(&mut self, context: &mut Context<'_>, mut bytes_max: usize) -> Poll<()> {
        let mut room = [0; 8 * 1024];
        loop {
            let mut into = ReadBuf::new(&mut room);
            match Pin::new(&mut self.stream).poll_read(context, &mut into) {
                Poll::Ready(Ok(())) if !into.filled().is_empty() && into.filled().len() <= bytes_max => {
                    bytes_max -= into.filled().len();
                    self.discardable = Some(bytes_max);
                    self.receiving.as_mut().reset(Instant::now() + CLOSING_PAUSE_MAX);
                }
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => break,
            }
        }
        if self.receiving.as_mut().poll(context).is_ready() {
            return Poll::Ready(());
        }
        self.sending.as_mut().poll(context)
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = into.filled().len();
        match Pin::new(&mut self.stream).poll_read(context, into) {
            Poll::Pending => self.wait(context),
            Poll::Ready(read) => {
                if into.filled().len() > before && self.activity.stage() == IDLE {
                    self.activity.enter(HEAD);
                }
                Poll::Ready(read)
            }
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        let sent = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.sent(context, sent)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        let sent = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.sent(context, sent)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    /// Ends what is sent, and waits until the client has seen it.
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        if self.discardable.is_none() {
            ready!(Pin::new(&mut self.stream).poll_shutdown(context))?;
            self.activity.enter(CLOSING);
            let now = Instant::now();
            self.receiving.as_mut().reset(now + CLOSING_PAUSE_MAX);
            self.sending.as_mut().reset(now + CLOSING_TIME_MAX);
        }
        let bytes_max = *self.discardable.get_or_insert(CLOSING_BYTES_MAX);
        self.discard(context, bytes_max).map(Ok)
    }
}
