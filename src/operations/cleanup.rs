//! Deletes rows that are no longer needed: expired tokens from mails, old failed sign-ins, sessions that ended long
//! ago. So the size of these tables depends on current activity, not on all past activity.
//!
//! Every process cleans up, a little at a time, and skips rows that another one has locked. This is not a change of the
//! directory, so there is no audit event.

use sea_orm::{ConnectionTrait, DbBackend, Statement};

use crate::context::REMEMBERED;
use crate::directory::{outbox, permission, session};
use crate::model::Timestamp;
use crate::model::error::Result;
use crate::store::db::Database;

/// The number of rows per transaction; on SQLite, all other changes wait for it.
const BATCH: u64 = 1_000;
/// The same for answers that may be repeated. They are long, and the pages of each are freed one by one.
const BATCH_OF_ANSWERS: u64 = 100;
const ANSWERS: &str = "answered_requests";

/// Deletes all rows that are due; returns their number.
pub async fn sweep(db: &Database, now: Timestamp) -> Result<u64> {
    let mut removed = 0;
    // A table, its key, the column that orders rows by age, the one that decides, and the time up to which. Keys are
    // ascending, and all rows of a table have the same lifetime, so the rows with the lowest keys are due first and no
    // others are read.
    for (table, key, oldest, due, end) in [
        ("password_tokens", "pk", "pk", "expires_at", now),
        ("email_tokens", "pk", "pk", "expires_at", now),
        // Those that were deleted come first; there are never many others.
        (
            "permissions",
            "pk",
            "deleted_at IS NULL, deleted_at",
            "deleted_at",
            now.before(permission::BIT_REST),
        ),
        (ANSWERS, "digest", "created_at", "created_at", now.before(REMEMBERED)),
        ("sign_in_attempts", "bucket", "forget_at", "forget_at", now),
        ("sessions", "pk", "pk", "created_at", session::forgotten_before(now)),
        (
            "mail_limits",
            "bucket",
            "started_at",
            "started_at",
            outbox::limits::over_before(now),
        ),
    ] {
        let most = if table == ANSWERS { BATCH_OF_ANSWERS } else { BATCH };
        loop {
            let batch = remove(db, [table, key, oldest, due], end, most).await?;
            removed += batch;
            if batch < most {
                break;
            }
        }
    }
    Ok(removed)
}

async fn remove(db: &Database, [table, key, oldest, due]: [&str; 4], end: Timestamp, most: u64) -> Result<u64> {
    let backend = db.backend();
    let lock = match backend {
        DbBackend::Postgres => "FOR UPDATE SKIP LOCKED",
        _ => "",
    };
    let statement = Statement::from_sql_and_values(
        backend,
        format!(
            "DELETE FROM {table} WHERE {due} <= $1 AND {key} IN (SELECT {key} FROM {table} ORDER BY {oldest} LIMIT {most} {lock})"
        ),
        [end.micros().into()],
    );
    let transaction = db.begin().await?;
    let removed = transaction.execute_raw(statement).await?.rows_affected();
    transaction.commit().await?;
    Ok(removed)
}
