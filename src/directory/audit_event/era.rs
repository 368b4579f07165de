//! The order of events after a restore.

use sea_orm::{ConnectionTrait, DbBackend, Statement};

use crate::model::error::Result;

/// Ensures that new events come after the existing ones. PostgreSQL's transaction numbers start again on every server.
/// So after a dump of one server is restored on another, new events would come before the old ones, and readers that
/// follow the trail would never see them.
///
/// Called at start, under the set-up lock. If a visible event's transaction is not before the end of the current
/// snapshot, the event was restored.
pub async fn begin_era_if_restored(connection: &impl ConnectionTrait) -> Result<()> {
    if connection.get_database_backend() != DbBackend::Postgres {
        return Ok(());
    }
    let statement = Statement::from_string(
        DbBackend::Postgres,
        "SELECT (MAX(position) >> 20) + 1 AS era FROM audit_events
         HAVING (MAX(position) >> 20) >= audit_events_era() + pg_snapshot_xmax(pg_current_snapshot())::text::bigint",
    );
    let Some(row) = connection.query_one_raw(statement).await? else {
        return Ok(());
    };
    let era: i64 = row.try_get("", "era")?;
    tracing::info!(
        era,
        "the audit trail was restored from another server; new events are appended after it"
    );
    let replace = format!(
        "CREATE OR REPLACE FUNCTION audit_events_era() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT {era}::bigint'"
    );
    connection.execute_unprepared(&replace).await?;
    Ok(())
}
