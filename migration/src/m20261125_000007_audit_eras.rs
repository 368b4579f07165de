//! Audit events go on in their order also after a database was restored on another server.

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

const DOWN: &[&str] = &[
    "ALTER TABLE audit_events ALTER COLUMN position SET DEFAULT
         ((pg_current_xact_id()::text::bigint << 20) + (nextval('audit_events_within') & 1048575))",
    "DROP FUNCTION audit_events_era()",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        match manager.get_connection().get_database_backend() {
            // One writer at a time: the key is the order, and goes with the file.
            DbBackend::Sqlite => Ok(()),
            _ => Dialect::run(manager, UP).await,
        }
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        match manager.get_connection().get_database_backend() {
            DbBackend::Sqlite => Ok(()),
            _ => Dialect::run(manager, DOWN).await,
        }
    }
}
