//! Lists that are written while they are read.

use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use futures::{Stream, StreamExt};

use super::face::answer;
use crate::model::error::{Error, Reason, Result};

/// The media type of the other products.
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// How long a client may take to read a whole list.
pub const LIST_TIME_MAX: Duration = Duration::from_secs(10 * 60);

/// The same, but after this time it ends with an error.
fn until<T>(end: Instant, stretches: impl Stream<Item = Result<T>>) -> impl Stream<Item = Result<T>> {
    let in_time = move |stretch: Result<T>| match Instant::now() <= end {
        true => stretch,
        false => Err(Error::unavailable(Reason::Busy, "the client read the list too slowly")),
    };
    let mut over = false;
    stretches.map(in_time).take_while(move |stretch| {
        let before = std::mem::replace(&mut over, stretch.is_err());
        std::future::ready(!before)
    })
}

/// An unpaged list, written as it is read: `head`, the items separated by commas, `tail`.
///
/// See [`streamed`] for how errors are handled.
pub async fn listed<T: Send + 'static>(
    head: &'static str,
    tail: &'static str,
    stretches: impl Stream<Item = Result<Vec<T>>> + Send + 'static,
    write: impl Fn(&T, &mut Vec<u8>) -> serde_json::Result<()> + Send + Sync + 'static,
) -> Result<Response> {
    let mut any = false;
    let text = move |stretch: Vec<T>| -> Result<Bytes> {
        let mut bytes = Vec::with_capacity(stretch.len() * 256);
        for item in &stretch {
            if std::mem::replace(&mut any, true) {
                bytes.push(b',');
            }
            write(item, &mut bytes).map_err(Error::internal)?;
        }
        Ok(bytes.into())
    };
    let mut text = text;
    let pieces = stretches.map(move |stretch| stretch.and_then(&mut text));
    streamed(JSON, head.into(), tail.into(), pieces).await
}

/// A response in pieces: `head`, the pieces, `tail`.
///
/// The first piece is read before the response starts, so that an error is still an ordinary error response. If the
/// database fails later, the caller loses the permission, or the client takes longer than [`LIST_TIME_MAX`], the
/// connection is closed, so that no client takes the response for complete.
pub async fn streamed(
    media: HeaderValue,
    head: Bytes,
    tail: Bytes,
    pieces: impl Stream<Item = Result<Bytes>> + Send + 'static,
) -> Result<Response> {
    let mut pieces = Box::pin(pieces);
    let first = pieces.next().await.transpose()?.unwrap_or_default();
    let rest = until(Instant::now() + LIST_TIME_MAX, pieces).map(|piece| {
        piece.inspect_err(|error| {
            let cause = std::error::Error::source(error);
            tracing::warn!(%error, ?cause, "a list response was aborted");
        })
    });
    let whole = futures::stream::iter([Ok(head), Ok(first)])
        .chain(rest)
        .chain(futures::stream::iter([Ok(tail)]));
    Ok(answer(StatusCode::OK, media, Body::from_stream(whole)))
}

#[cfg(test)]
mod tests {
    use futures::StreamExt;

    use super::*;

    #[tokio::test]
    async fn a_list_that_is_read_too_slowly_breaks_off() {
        let stretches = || futures::stream::iter([Ok(1), Ok(2), Ok(3)]);
        let whole: Vec<Result<i32>> = until(Instant::now() + LIST_TIME_MAX, stretches()).collect().await;
        assert!(whole.len() == 3 && whole.iter().all(Result::is_ok));
        let late: Vec<Result<i32>> = until(Instant::now() - LIST_TIME_MAX, stretches()).collect().await;
        assert!(matches!(late.as_slice(), [Err(Error::Unavailable { .. })]), "{late:?}");
    }
}
