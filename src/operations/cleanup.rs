//! Deletes rows that are no longer needed: expired tokens from mails, old failed sign-ins, sessions that ended long
//! ago. So the size of these tables depends on current activity, not on all past activity.
//!
//! Every process cleans up, a little at a time, and skips rows that another one has locked. This is not a change of the
//! directory, so there is no audit event.

use sea_orm::{ConnectionTrait, DbBackend, Statement};

use crate::directory::{outbox, session};
use crate::model::Timestamp;
use crate::model::error::Result;
use crate::store::db::Database;

/// The number of rows per transaction; on SQLite, all other changes wait for it.
const BATCH: u64 = 1_000;

/// Deletes all rows that are due; returns their number.
pub async fn sweep(db: &Database, now: Timestamp) -> Result<u64> {
    let mut removed = 0;
    for (table, key, oldest, may_go) in TABLES {
        let end = match *table {
            "sessions" => session::forgotten_before(now),
            "mail_limits" => outbox::limits::over_before(now),
            _ => now,
        };
        loop {
            let batch = remove(db, table, key, oldest, may_go, end).await?;
            removed += batch;
            if batch < BATCH {
                break;
            }
        }
    }
    Ok(removed)
}

/// A table, its key, the column that orders rows by age, and the condition for deletion. Keys are ascending, and all
/// rows of a table have the same lifetime, so the rows with the lowest keys are due first and no others are read.
const TABLES: &[(&str, &str, &str, &str)] = &[
    ("password_tokens", "pk", "pk", "expires_at <= $1"),
    ("email_tokens", "pk", "pk", "expires_at <= $1"),
    ("sign_in_attempts", "bucket", "forget_at", "forget_at <= $1"),
    ("sessions", "pk", "pk", "created_at <= $1"),
    ("mail_limits", "bucket", "started_at", "started_at <= $1"),
];

async fn remove(db: &Database, table: &str, key: &str, oldest: &str, may_go: &str, end: Timestamp) -> Result<u64> {
    let backend = db.backend();
    let lock = match backend {
        DbBackend::Postgres => "FOR UPDATE SKIP LOCKED",
        _ => "",
    };
    let statement = Statement::from_sql_and_values(
        backend,
        format!(
            "DELETE FROM {table} WHERE {may_go} AND {key} IN (SELECT {key} FROM {table} ORDER BY {oldest} LIMIT {BATCH} {lock})"
        ),
        [end.micros().into()],
    );
    let transaction = db.begin().await?;
    let removed = transaction.execute_raw(statement).await?.rows_affected();
    transaction.commit().await?;
    Ok(removed)
}
