//! Compares this machine's clock with the database's.

use std::time::Duration;

use sea_orm::DbBackend;

use super::database::one;
use crate::context::Services;
use crate::directory::audit_event;
use crate::model::Timestamp;
use crate::model::error::Result;

/// How much this machine's clock differs from the database server's. With SQLite there is only one clock, which may
/// have been set back to before the newest event.
pub async fn clocks_apart(services: &Services) -> Result<Duration> {
    let (db, now) = (&services.db, services.clock.now());
    let sql = match db.backend() {
        DbBackend::Sqlite if audit_event::newest_position(db).await? == 0 => return Ok(Duration::ZERO),
        DbBackend::Sqlite => "SELECT created_at FROM audit_events ORDER BY pk DESC LIMIT 1",
        _ => "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint",
    };
    let theirs = Timestamp::from_micros(one(db, sql).await?);
    let behind = now.until(theirs);
    Ok(match db.backend() {
        // The newest event may be arbitrarily old.
        DbBackend::Sqlite => behind,
        _ => behind.max(theirs.until(now)),
    })
}
