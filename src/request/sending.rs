//! A body that is sent in pieces, and releases its share of the memory budget at the end.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};

use crate::context::room::Held;
use crate::graphql::Written;

struct Sending {
    pieces: VecDeque<Bytes>,
    left: usize,
    _held: Held,
}

/// A body with this content. It holds the memory until it is sent or dropped.
pub fn body(written: Written, held: Held) -> Body {
    let left = written.bytes();
    let mut pieces = VecDeque::from(written.into_pieces());
    if held.is_none() && pieces.len() == 1 {
        return Body::from(pieces.pop_front().unwrap_or_default());
    }
    Body::new(Sending {
        pieces,
        left,
        _held: held,
    })
}

/// The same for one piece.
pub fn held_body(piece: Bytes, held: Held) -> Body {
    if held.is_none() {
        return Body::from(piece);
    }
    Body::new(Sending {
        left: piece.len(),
        pieces: VecDeque::from([piece]),
        _held: held,
    })
}

impl HttpBody for Sending {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = self.pieces.pop_front();
        self.left = self.left.saturating_sub(piece.as_ref().map_or(0, Bytes::len));
        Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.pieces.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left as u64)
    }
}
