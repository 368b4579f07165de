//! Timeouts for each step with the database, and how much one takes. Nothing waits without a timeout but a commit of SQLite, which waits for the disk.

use std::future::Future;
use std::io::{Error, ErrorKind};
use std::time::Duration;

use sea_orm::sqlx;

/// How long a request waits for a connection, including everything needed to get one, or for SQLite's write lock.
pub const WAIT: Duration = Duration::from_secs(10);
/// A statement that takes longer is cancelled, and the request fails with `UNAVAILABLE`.
pub const STATEMENT_TIMEOUT: Duration = Duration::from_secs(10);
/// How much longer than the statement timeout we wait for PostgreSQL, which cancels statements itself; after that, it
/// is not responding.
pub const SILENCE: Duration = Duration::from_secs(2);
/// How long BEGIN of a change, and COMMIT on PostgreSQL, may take: SQLite itself waits for its lock.
pub const TURN: Duration = Duration::from_secs(12);
/// How long a new connection may take, with encryption and authentication.
pub const CONNECT: Duration = Duration::from_secs(5);
/// How long an idle connection may take to show that its server is still there.
pub const TEST: Duration = Duration::from_secs(2);
/// A connection is tested before use if its server has not answered for this long, or was not asked for this long
/// whether it accepts writes.
pub const TRUSTED: Duration = Duration::from_secs(5);
/// How long ending a transaction without changes, or closing a connection, may take.
pub const LEAVE: Duration = Duration::from_secs(2);

/// Runs a step of the driver with a timeout.
pub async fn within<T>(limit: Duration, step: impl Future<Output = sqlx::Result<T>>) -> sqlx::Result<T> {
    tokio::time::timeout(limit, step)
        .await
        .unwrap_or_else(|_| Err(silence()))
}

/// The error for a step that timed out.
pub fn silence() -> sqlx::Error {
    Error::new(ErrorKind::TimedOut, "the database did not answer in time").into()
}

/// The most values of one statement: below what SQLite (32,766) and PostgreSQL (65,535) take.
const VALUES_MAX: usize = 32_000;

/// How many rows with this many values one statement inserts.
pub const fn rows_at_once(values: usize) -> usize {
    match values {
        0 => VALUES_MAX,
        _ => VALUES_MAX / values,
    }
}
