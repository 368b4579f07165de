//! Doing what a request asks for: within a time, and to its end.

use std::future::Future;
use std::time::Duration;

use super::App;
use crate::model::error::{Error, Reason, Result};
use crate::store::db::counted_here;

/// A request is worked on for so long at most, its body not counted.
const TIME_MAX: Duration = Duration::from_secs(30);

/// Does what a request asks for. What takes longer is given up, as `UNAVAILABLE`: others wait for what it holds.
pub async fn in_time<T>(run: impl Future<Output = Result<T>>) -> Result<T> {
    within(TIME_MAX, run).await
}

async fn within<T>(limit: Duration, run: impl Future<Output = Result<T>>) -> Result<T> {
    let timed = tokio::time::timeout(limit, run).await;
    timed.unwrap_or_else(|_| Err(Error::unavailable(Reason::Busy, "the request took too long")))
}

/// Does what a request asks for and goes on to the end of it, on a task of its own, also when the client hangs up or the
/// time is over: what a change commits is followed by what belongs to it. The server waits for such tasks when it stops.
pub async fn to_its_end<T: Send + 'static>(
    app: &App,
    run: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    let task = app.services.under_way.spawn(counted_here(run));
    in_time(async {
        match task.await {
            Ok(done) => done,
            // As if it had panicked here, where the request's own bounds are.
            Err(ended) if ended.is_panic() => std::panic::resume_unwind(ended.into_panic()),
            Err(ended) => Err(Error::internal(ended)),
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_never_ends_is_given_up() {
        let never = std::future::pending::<Result<()>>();
        let error = within(Duration::from_millis(1), never).await.err();
        assert!(matches!(error, Some(Error::Unavailable { .. })), "{error:?}");
        assert!(in_time(async { Ok(()) }).await.is_ok());
    }
}
