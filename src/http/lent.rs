//! A request's body, lent to the handler. The part that the handler does not read comes back.
//!
//! Many refusals do not need the body. If the rest of it stayed unread, the socket would close with unread bytes and
//! TCP would reset the connection: the client would lose the response, and a load balancer would answer 502 instead. So
//! if the rest is small and arrives soon, it is read before the response is sent, and the connection stays open.
//! Otherwise the response says `Connection: close`, and [`Connection`](super::connection::Connection) continues to read
//! for a while after it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::BoxError;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderMap, header};
use http_body_util::BodyExt;
use hyper::body::{Frame, Incoming, SizeHint};
use tokio::sync::oneshot::error::TryRecvError;
use tokio::sync::oneshot::{self, Receiver, Sender};

use super::activity::Activity;
use crate::request::{BODY_BYTES_MAX, Stopping};

/// How long the rest of a body may take to arrive. The response waits for it.
const REST_TIME_MAX: Duration = Duration::from_secs(2);

/// A body that is lent to its reader.
struct Lent {
    /// `None` once it has been read to its end or has failed.
    body: Option<Incoming>,
    /// Returns what is left: nothing is sent if the body was read to its end, and `None` if it failed.
    left: Option<Sender<Option<Incoming>>>,
    activity: Arc<Activity>,
}

/// The rest of a body that was lent.
pub struct Rest {
    left: Option<Receiver<Option<Incoming>>>,
    /// The client sends its body only after a `100 Continue`, so nobody knows whether a body follows after another
    /// response.
    is_withheld: bool,
}

/// Lends the body of a request with these headers. The connection's activity ends the wait for the body.
pub fn lend(body: Incoming, headers: &HeaderMap, activity: &Arc<Activity>) -> (Body, Rest) {
    let is_withheld = headers.contains_key(header::EXPECT);
    if body.is_end_stream() {
        let left = None;
        return (Body::empty(), Rest { left, is_withheld });
    }
    let (told, left) = oneshot::channel();
    let lent = Lent {
        body: Some(body),
        left: Some(told),
        activity: Arc::clone(activity),
    };
    let left = Some(left);
    (Body::new(lent), Rest { left, is_withheld })
}

impl Rest {
    /// Reads the rest if that takes little time. Returns whether the connection can be used again.
    pub async fn read_away(self) -> bool {
        let Some(mut left) = self.left else {
            return true;
        };
        match left.try_recv() {
            Ok(Some(rest)) if !self.is_withheld => {
                let read = tokio::time::timeout(REST_TIME_MAX, discarded(rest)).await;
                read.unwrap_or(false)
            }
            // It failed, or its reader still has it and may read on.
            Ok(_) | Err(TryRecvError::Empty) => false,
            Err(TryRecvError::Closed) => true,
        }
    }
}

/// Reads a body to its end, unless too much of it is left.
async fn discarded(mut rest: Incoming) -> bool {
    let mut bytes_max = BODY_BYTES_MAX;
    if rest.size_hint().lower() > bytes_max as u64 {
        return false;
    }
    while let Some(frame) = rest.frame().await {
        let bytes = frame.map(|frame| frame.data_ref().map_or(0, Bytes::len));
        match bytes.ok().and_then(|bytes| bytes_max.checked_sub(bytes)) {
            Some(bytes_left) => bytes_max = bytes_left,
            None => return false,
        }
    }
    true
}

impl HttpBody for Lent {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let Some(body) = &mut self.body else {
            return Poll::Ready(None);
        };
        let mut frame = Pin::new(body).poll_frame(context).map_err(BoxError::from);
        if !frame.is_pending() {
            self.activity.has_body();
        } else if !self.activity.await_body(context) {
            frame = Poll::Ready(Some(Err(Stopping.into())));
        }
        match &frame {
            Poll::Ready(None) => self.body = None,
            Poll::Ready(Some(Err(_))) => {
                self.body = None;
                self.tell(None);
            }
            Poll::Ready(Some(Ok(_))) | Poll::Pending => {}
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body
            .as_ref()
            .map_or_else(|| SizeHint::with_exact(0), HttpBody::size_hint)
    }
}

impl Lent {
    fn tell(&mut self, rest: Option<Incoming>) {
        if let Some(left) = self.left.take() {
            // There is no receiver after the request was dropped.
            let _ = left.send(rest);
        }
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.activity.has_body();
        if let Some(rest) = self.body.take().filter(|rest| !rest.is_end_stream()) {
            self.tell(Some(rest));
        }
    }
}
