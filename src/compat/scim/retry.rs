//! Changes that are made again after they have met another one.

use std::future::Future;

use super::error::met_too_often;
use crate::context::OpContext;
use crate::model::error::{Conflict, ConflictReason, Error, Result};

/// How often one is made again. Each time, another change of the same things has succeeded: of as many at once, and one
/// more, all succeed.
const REPEATS_MAX: usize = 10;

/// Makes a change, and makes it again if another request changed the same things at the same time: that tells the client
/// nothing, and 409 would say that the resource exists already. `once` is for a change of a version that the client names,
/// which can be past, and is then never repeated.
pub async fn repeated<T, F: Future<Output = Result<T>>>(op: &OpContext, once: bool, make: impl Fn() -> F) -> Result<T> {
    repeated_after(once, make, || op.db().settled()).await
}

/// `settle` waits until what it has met is committed, and so is read the next time.
async fn repeated_after<T, F, S>(once: bool, make: impl Fn() -> F, settle: impl Fn() -> S) -> Result<T>
where
    F: Future<Output = Result<T>>,
    S: Future<Output = Result<()>>,
{
    let mut left = if once { 0 } else { REPEATS_MAX };
    loop {
        match make().await {
            Err(error) if has_met_another(&error, once) => match left.checked_sub(1) {
                Some(fewer) => {
                    left = fewer;
                    settle().await?;
                }
                None => return Err(met_too_often(error)),
            },
            done => return done,
        }
    }
}

/// Whether another change was first. A version that the client did not name is the one that was read for the change.
fn has_met_another(error: &Error, once: bool) -> bool {
    match error {
        Error::Conflict(Conflict { reason, .. }) => match reason {
            ConflictReason::Concurrent => true,
            ConflictReason::Version { .. } => !once,
            _ => false,
        },
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    async fn tries(once: bool, reason: ConflictReason) -> (usize, Error) {
        let tries = AtomicUsize::new(0);
        let make = || async {
            tries.fetch_add(1, Ordering::Relaxed);
            Err(Error::conflict(reason, "met"))
        };
        let settle = || std::future::ready(Ok(()));
        let outcome: Result<()> = repeated_after(once, make, settle).await;
        (tries.into_inner(), outcome.unwrap_err())
    }

    #[tokio::test]
    async fn what_met_another_change_is_made_again() {
        let (number, error) = tries(false, ConflictReason::Concurrent).await;
        assert!(
            number == REPEATS_MAX + 1 && error.retry_after_seconds() == Some(1),
            "{number} {error:?}"
        );
        let (number, error) = tries(false, ConflictReason::Version { current: 2 }).await;
        assert!(
            number == REPEATS_MAX + 1 && error.retry_after_seconds() == Some(1),
            "{number} {error:?}"
        );
        let (number, error) = tries(false, ConflictReason::Taken).await;
        assert!(number == 1 && matches!(error, Error::Conflict(_)), "{number} {error:?}");
        // Never under a version that the client named.
        let (number, error) = tries(true, ConflictReason::Concurrent).await;
        assert!(
            number == 1 && error.retry_after_seconds() == Some(1),
            "{number} {error:?}"
        );
        let (number, error) = tries(true, ConflictReason::Version { current: 2 }).await;
        assert!(number == 1 && matches!(error, Error::Conflict(_)), "{number} {error:?}");
    }
}
