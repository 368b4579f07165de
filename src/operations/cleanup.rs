//! Removing what nobody can use any more: mailed tokens that expired, failed sign-ins that are forgotten, sessions that
//! ended long ago. So these tables are as large as what is going on, and not as all that ever was.
//!
//! Every process sweeps, a little at a time; what another one holds is passed over. It is no change of the directory, and
//! no event tells it.

use sea_orm::{ConnectionTrait, DbBackend, Statement};

use crate::directory::{outbox, session};
use crate::model::Timestamp;
use crate::model::error::Result;
use crate::store::db::Database;

/// How many rows one transaction removes: on SQLite every change waits for it.
const BATCH: u64 = 1_000;

/// Removes all that may go at this moment; how many rows those were.
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

/// A table, its key, what stands in the order in which rows grow old, and which of them may go. Keys are counted up, and all
/// rows of a table live equally long, so that the first rows by key are the first to go and nothing else is looked at.
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
