//! Audit events go on in their order also after a database was restored on another server, and are not replaced.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend};

use crate::Dialect;

#[derive(DeriveMigrationName)]
pub struct Migration;

/// PostgreSQL orders events by their transactions' numbers, and those begin anew on every server. What is added to them
/// stands in a function: it costs a statement nothing, goes with a dump, and is raised at the first start after a restore.
const UP: &[&str] = &[
    "CREATE FUNCTION audit_events_era() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT 0::bigint'",
    "ALTER TABLE audit_events ALTER COLUMN position SET DEFAULT
         (((audit_events_era() + pg_current_xact_id()::text::bigint) << 20) + (nextval('audit_events_within') & 1048575))",
];

/// One writer at a time: the key is the order, and goes with the file. But `INSERT OR REPLACE` deletes a row without the
/// triggers of a deletion.
const UP_SQLITE: &[&str] = &["CREATE TRIGGER audit_events_unreplaced BEFORE INSERT ON audit_events
         WHEN EXISTS (SELECT 1 FROM audit_events WHERE pk = NEW.pk OR id = NEW.id)
         BEGIN SELECT RAISE(ABORT, 'audit events are never changed'); END"];

const DOWN_SQLITE: &[&str] = &["DROP TRIGGER audit_events_unreplaced"];

const DOWN: &[&str] = &[
    "ALTER TABLE audit_events ALTER COLUMN position SET DEFAULT
         ((pg_current_xact_id()::text::bigint << 20) + (nextval('audit_events_within') & 1048575))",
    "DROP FUNCTION audit_events_era()",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        match manager.get_connection().get_database_backend() {
            DbBackend::Sqlite => Dialect::run(manager, UP_SQLITE).await,
            _ => Dialect::run(manager, UP).await,
        }
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        match manager.get_connection().get_database_backend() {
            DbBackend::Sqlite => Dialect::run(manager, DOWN_SQLITE).await,
            _ => Dialect::run(manager, DOWN).await,
        }
    }
}
