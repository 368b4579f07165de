//! Reading a body, up to a limit.

use std::time::Duration;

use axum::body::{Body, Bytes};

use crate::model::error::{Error, Reason, Result};

/// A larger body is refused with 413 before all of it is read.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;
/// A slower body would occupy a connection, and many slow bodies would occupy all of them.
const BODY_TIME_MAX: Duration = Duration::from_secs(30);

/// Why the rest of a body is not read: the server is stopping, and the client makes no progress.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the server stops, and the body does not come")]
pub struct Stopping;

/// The whole body. `LIMIT_EXCEEDED` if it is too large, `INVALID` if the client disconnects or takes too long,
/// `UNAVAILABLE` if the server is stopping.
pub async fn read_body(body: Body) -> Result<Bytes> {
    read_body_up_to(body, BODY_BYTES_MAX).await
}

/// The same with another limit.
pub async fn read_body_up_to(body: Body, most: usize) -> Result<Bytes> {
    let too_large = || Error::LimitExceeded(format!("The body is too large; the limit is {most} bytes."));
    if axum::body::HttpBody::size_hint(&body).lower() > most as u64 {
        return Err(too_large());
    }
    let read = tokio::time::timeout(BODY_TIME_MAX, axum::body::to_bytes(body, most)).await;
    let too_slow = |_| {
        let seconds = BODY_TIME_MAX.as_secs();
        Error::invalid(
            "body",
            format!("The body did not come to its end within {seconds} seconds."),
        )
    };
    read.map_err(too_slow)?.map_err(|error| {
        for cause in anyhow::Chain::new(&error) {
            if cause.is::<http_body_util::LengthLimitError>() {
                return too_large();
            }
            if let Some(stopping) = cause.downcast_ref::<Stopping>() {
                return Error::unavailable(Reason::Stopping, *stopping);
            }
        }
        Error::invalid("body", "The body could not be read to its end.".to_owned())
    })
}
