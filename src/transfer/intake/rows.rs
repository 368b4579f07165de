//! A row of its own within a transaction: if it is refused, the others stay.

use sea_orm::ConnectionTrait;

use crate::context::Change;
use crate::model::error::{Error, ErrorCode, Result};
use crate::transfer::report::Did;

/// A savepoint.
pub(super) struct Point;

impl Point {
    pub async fn set(change: &Change<'_>) -> Result<Self> {
        change.execute_unprepared("SAVEPOINT one").await?;
        Ok(Self)
    }

    /// Keeps what was written since, or takes it back if the row is refused. An error that concerns more than the row stays
    /// one.
    pub async fn end(self, change: &Change<'_>, done: Result<Did>) -> Result<Did> {
        let done = match done {
            Err(error) => refusal(error).map(Did::Refused),
            Ok(did) => Ok(did),
        };
        if matches!(done, Ok(Did::Refused(_))) {
            change.execute_unprepared("ROLLBACK TO SAVEPOINT one").await?;
        }
        if done.is_ok() {
            change.execute_unprepared("RELEASE SAVEPOINT one").await?;
        }
        done
    }
}

/// Why the row is refused, if the error concerns it alone.
pub(super) fn refusal(error: Error) -> Result<crate::transfer::report::Problem> {
    match error.code() {
        ErrorCode::Unavailable | ErrorCode::Internal | ErrorCode::RateLimited | ErrorCode::Unauthenticated => {
            Err(error)
        }
        ErrorCode::Forbidden
        | ErrorCode::NotFound
        | ErrorCode::Invalid
        | ErrorCode::Conflict
        | ErrorCode::SeatLimitReached
        | ErrorCode::PasswordChangeRequired
        | ErrorCode::LimitExceeded => Ok(error.into()),
    }
}
