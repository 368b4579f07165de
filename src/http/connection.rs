//! A connection that is closed when the client makes no progress.
//!
//! hyper has a single limit for receiving a request's head and for the time between two requests. A load balancer keeps
//! a connection idle for a minute; a head that takes a minute is an attack. So this module has a limit for each of the
//! two, and one for a response that the client does not read.

use std::future::Future;
use std::io::{Error, ErrorKind, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

use super::activity::{Activity, Stage};
use super::serve::Bounds;

/// After the last response, what the client still sends is discarded for at most this long.
const CLOSING_TIME_MAX: Duration = Duration::from_secs(10);
/// The maximum number of bytes that are discarded.
const CLOSING_BYTES_MAX: usize = 16 * 1024 * 1024;
/// The longest pause in what is discarded.
const CLOSING_PAUSE_MAX: Duration = Duration::from_secs(2);

/// A client's stream.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    activity: Arc<Activity>,
    bounds: Bounds,
    /// The stage that `receiving` was set for.
    awaited: Stage,
    receiving: Pin<Box<Sleep>>,
    sending: Pin<Box<Sleep>>,
    /// How many more bytes may be received after the connection is closed for sending.
    discardable: Option<usize>,
}

impl Connection {
    pub fn new(stream: TcpStream, activity: Arc<Activity>, bounds: Bounds) -> Self {
        activity.enter(Stage::Head);
        Self {
            stream,
            activity,
            bounds,
            awaited: Stage::Head,
            receiving: Box::pin(tokio::time::sleep(bounds.head)),
            sending: Box::pin(tokio::time::sleep(bounds.stall)),
            discardable: None,
        }
    }

    /// Nothing was received. Fails when the limit of the current stage is reached.
    fn wait(&mut self, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        let stage = self.activity.stage();
        if stage == Stage::Busy {
            self.awaited = Stage::Busy;
            self.activity.wake_when_free(context);
            return Poll::Pending;
        }
        if self.awaited != stage {
            self.awaited = stage;
            let limit = if stage == Stage::Head {
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

    /// Fails a write that makes no progress.
    fn sent(&mut self, context: &mut Context<'_>, sent: Poll<std::io::Result<usize>>) -> Poll<std::io::Result<usize>> {
        let was_unsent = self.activity.set_unsent(sent.is_pending());
        if let Poll::Ready(sent) = sent {
            self.activity.count(*sent.as_ref().unwrap_or(&0));
            return Poll::Ready(sent);
        }
        if !was_unsent {
            self.sending.as_mut().reset(Instant::now() + self.bounds.stall);
        }
        let over = || Error::new(ErrorKind::TimedOut, "the client does not read its answer");
        self.sending.as_mut().poll(context).map(|()| Err(over()))
    }

    /// Discards what is still received. `Ready` when the client has finished, or sends too much or too slowly.
    ///
    /// Closing a socket with unread bytes resets the connection. A client that is still sending, or that has not read
    /// its response yet, would then never see the response.
    fn discard(&mut self, context: &mut Context<'_>, mut bytes_max: usize) -> Poll<()> {
        let mut room = [0; 8 * 1024];
        loop {
            let mut into = ReadBuf::new(&mut room);
            match Pin::new(&mut self.stream).poll_read(context, &mut into) {
                Poll::Ready(Ok(())) if !into.filled().is_empty() && into.filled().len() <= bytes_max => {
                    bytes_max -= into.filled().len();
                    self.activity.count(into.filled().len());
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
                let came = into.filled().get(before..).unwrap_or_default();
                self.activity.count(came.len());
                // Clients may send empty lines before a request (RFC 9112, section 2.2). These do not start a request,
                // and they do not extend the idle time.
                if self.activity.stage() == Stage::Idle && came.iter().any(|byte| !matches!(byte, b'\r' | b'\n')) {
                    self.activity.enter(Stage::Head);
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

    /// Ends sending, and waits until the client has seen that.
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        if self.discardable.is_none() {
            ready!(Pin::new(&mut self.stream).poll_shutdown(context))?;
            self.activity.enter(Stage::Closing);
            let now = Instant::now();
            self.receiving.as_mut().reset(now + CLOSING_PAUSE_MAX);
            self.sending.as_mut().reset(now + CLOSING_TIME_MAX);
        }
        let bytes_max = *self.discardable.get_or_insert(CLOSING_BYTES_MAX);
        self.discard(context, bytes_max).map(Ok)
    }
}
