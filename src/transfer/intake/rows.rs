//! A row of its own within a transaction: if it is refused, the others stay.

use sea_orm::{ConnectionTrait, DbErr};

use super::Intake;
use crate::context::Change;
use crate::model::error::{Broken, ConflictReason, Error, ErrorCode, Result, broken_rule};
use crate::transfer::report::{Did, Problem};

/// A savepoint, and how many outcomes there were before it.
#[must_use]
pub(super) struct Point {
    outcomes: usize,
}

impl Intake<'_> {
    pub(super) async fn set_point(&mut self, change: &Change<'_>) -> Result<Point> {
        change.execute_unprepared("SAVEPOINT one").await?;
        self.tallies.keep();
        self.places.keep();
        Ok(Point {
            outcomes: self.outcomes.len(),
        })
    }

    /// Keeps what was written since, or takes it back if the row is refused: then nothing that was noted of it is so. An error
    /// that concerns more than the row stays one.
    pub(super) async fn end_point(&mut self, change: &Change<'_>, point: Point, done: Result<Did>) -> Result<Did> {
        let done = match done {
            Err(error) if self.is_last_try => last_refusal(error).map(Did::Refused),
            Err(error) => refusal(error).map(Did::Refused),
            Ok(did) => Ok(did),
        };
        if matches!(done, Ok(Did::Refused(_))) {
            change.execute_unprepared("ROLLBACK TO SAVEPOINT one").await?;
            self.outcomes.truncate(point.outcomes);
            self.tallies.take_back();
            self.places.take_back();
        }
        if done.is_ok() {
            change.execute_unprepared("RELEASE SAVEPOINT one").await?;
        }
        done
    }
}

/// Why the row is refused, if the error concerns it alone.
pub(super) fn refusal(error: Error) -> Result<Problem> {
    if is_concurrent(&error) {
        return Err(error);
    }
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

/// The same where nothing helps but leaving the row out: it was tried again, or nobody else is there who could have been in its way.
fn last_refusal(error: Error) -> Result<Problem> {
    if is_concurrent(&error) {
        return Ok(error.into());
    }
    let broken = match &error {
        Error::Internal(cause) => cause.downcast_ref::<DbErr>().and_then(broken_rule),
        _ => None,
    };
    match broken {
        Some(Broken::Unique) => Ok(Error::conflict(
            ConflictReason::Taken,
            "Another record has the same id, name, address or digest.",
        )
        .into()),
        Some(Broken::Check) => Ok(Error::invalid("", "The database does not accept these values together.").into()),
        None => refusal(error),
    }
}

/// Whether others changed the same in this moment. The whole step is tried again, with what is there then.
fn is_concurrent(error: &Error) -> bool {
    matches!(error, Error::Conflict(conflict) if conflict.reason == ConflictReason::Concurrent)
}
