//! How long each step with the database may take. Nothing waits for it without an end.

use std::future::Future;
use std::io::{Error, ErrorKind};
use std::time::Duration;

use sea_orm::sqlx;

/// How long a request waits for a connection, with all that it takes to get one, or for SQLite's write lock.
pub const WAIT: Duration = Duration::from_secs(10);
/// A statement that takes longer is ended, and whoever waits for it is told `UNAVAILABLE`.
pub const STATEMENT_TIMEOUT: Duration = Duration::from_secs(10);
/// How much later than PostgreSQL, which ends a statement itself, we give up: by then it does not answer.
pub const SILENCE: Duration = Duration::from_secs(2);
/// How long the begin and the commit of a change may take: SQLite waits for its lock by itself, and for the disk.
pub const TURN: Duration = Duration::from_secs(12);
/// How long a new connection may take, with encryption and authentication.
pub const CONNECT: Duration = Duration::from_secs(5);
/// How long an idle connection may take to show that its server is still there.
pub const TEST: Duration = Duration::from_secs(2);
/// A connection is tested before use when its server has not answered for so long, or was not asked for so long whether it
/// takes changes.
pub const TRUSTED: Duration = Duration::from_secs(5);
/// How long the end of a transaction that changes nothing, or of a connection, may take.
pub const LEAVE: Duration = Duration::from_secs(2);

/// Runs a step of the driver, and gives it up when its time is over.
pub async fn within<T>(limit: Duration, step: impl Future<Output = sqlx::Result<T>>) -> sqlx::Result<T> {
    tokio::time::timeout(limit, step)
        .await
        .unwrap_or_else(|_| Err(silence()))
}

/// The error of a step whose time is over.
pub fn silence() -> sqlx::Error {
    Error::new(ErrorKind::TimedOut, "the database did not answer in time").into()
}
