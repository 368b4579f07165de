//! Runs the work of a request: within a time limit, and to its end.

use std::future::Future;
use std::time::Duration;

use super::App;
use crate::model::error::{Error, Reason, Result};
use crate::store::db::{Database, counted_here};

/// How long a request may be worked on, not counting the time to receive its body.
const TIME_MAX: Duration = Duration::from_secs(30);

/// Runs the work of a request. If it takes too long, it is abandoned with `UNAVAILABLE`, because others wait for the
/// resources that it holds.
pub async fn in_time<T>(run: impl Future<Output = Result<T>>) -> Result<T> {
    within(TIME_MAX, run).await
}

async fn within<T>(limit: Duration, run: impl Future<Output = Result<T>>) -> Result<T> {
    let timed = tokio::time::timeout(limit, run).await;
    timed.unwrap_or_else(|_| Err(Error::unavailable(Reason::Busy, "the request took too long")))
}

/// Runs the work of a request to its end, on a task of its own, even if the client disconnects or the time limit is
/// reached: what must follow a change's commit then still happens. The server waits for such tasks when it stops. The
/// answer is given when what it was decided by is committed in `db`, the caller's.
pub async fn to_its_end<T: Send + 'static>(
    app: &App,
    db: Database,
    run: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    let settled = async move {
        let done = run.await;
        db.settled().await?;
        done
    };
    let task = app.services.under_way.spawn(counted_here(settled));
    in_time(async {
        match task.await {
            Ok(done) => done,
            // Panics again here, where the request's panic handler is.
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
