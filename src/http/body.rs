//! Reading a body, up to a limit.

use axum::body::{Body, Bytes};

use crate::error::{Error, Result};

/// A larger body is refused with 413 before it is read to its end.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;

/// The whole body. `LIMIT_EXCEEDED` beyond the limit, `INVALID` if the client breaks off.
pub async fn read_body(body: Body) -> Result<Bytes> {
    let too_large = || Error::LimitExceeded(format!("The body is too large; the limit is {BODY_BYTES_MAX} bytes."));
    if axum::body::HttpBody::size_hint(&body).lower() > BODY_BYTES_MAX as u64 {
        return Err(too_large());
    }
    axum::body::to_bytes(body, BODY_BYTES_MAX).await.map_err(|error| {
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
        while let Some(inner) = cause {
            if inner.is::<http_body_util::LengthLimitError>() {
                return too_large();
            }
            cause = inner.source();
        }
        Error::invalid("body", "The body could not be read to its end.".to_owned())
    })
}
