//! Audit events in an order that never changes, refusals among them, and nothing that could rewrite them.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend};

use crate::Dialect;

#[derive(DeriveMigrationName)]
pub struct Migration;

const BOTH: &[&str] = &[
    // How often it happened within a minute: refusals are folded.
    "ALTER TABLE audit_events ADD COLUMN count {int} NOT NULL DEFAULT 1",
    "ALTER TABLE audit_events ADD COLUMN refused BOOLEAN NOT NULL DEFAULT FALSE",
];

/// One writer at a time: the key is the order of commits.
const SQLITE: &[&str] = &[
    "ALTER TABLE audit_events ADD COLUMN position INTEGER GENERATED ALWAYS AS (pk) VIRTUAL",
    "CREATE TRIGGER audit_events_unchanged BEFORE UPDATE ON audit_events
         BEGIN SELECT RAISE(ABORT, 'audit events are never changed'); END",
    "CREATE TRIGGER audit_events_undeleted BEFORE DELETE ON audit_events
         BEGIN SELECT RAISE(ABORT, 'audit events are never deleted'); END",
];

/// Transactions commit in another order than they count up keys. Their own numbers order them so that a reader can tell
/// which ones are still under way: a position is the transaction's number, then a counter within it.
const POSTGRES: &[&str] = &[
    "CREATE SEQUENCE audit_events_within AS BIGINT",
    "ALTER TABLE audit_events ADD COLUMN position BIGINT NOT NULL
         DEFAULT ((pg_current_xact_id()::text::bigint << 20) + (nextval('audit_events_within') & 1048575))",
    "CREATE FUNCTION audit_events_unchanged() RETURNS trigger LANGUAGE plpgsql AS
         $$ BEGIN RAISE EXCEPTION 'audit events are never changed'; END $$",
    "CREATE TRIGGER audit_events_unchanged BEFORE UPDATE OR DELETE ON audit_events
         FOR EACH ROW EXECUTE FUNCTION audit_events_unchanged()",
    "CREATE TRIGGER audit_events_untruncated BEFORE TRUNCATE ON audit_events
         FOR EACH STATEMENT EXECUTE FUNCTION audit_events_unchanged()",
];

const INDEXES: &[&str] = &[
    "CREATE INDEX audit_events_position ON audit_events (position, id)",
    "CREATE INDEX audit_events_organization_position ON audit_events (organization_pk, position, id)",
    "CREATE INDEX audit_events_organization_target ON audit_events (organization_pk, target_id, position)",
    "CREATE INDEX audit_events_organization_actor ON audit_events (organization_pk, actor_pk, position)",
    "DROP INDEX audit_events_organization",
];

const DOWN_SQLITE: &[&str] = &[
    "DROP TRIGGER audit_events_unchanged",
    "DROP TRIGGER audit_events_undeleted",
];

const DOWN_POSTGRES: &[&str] = &[
    "DROP TRIGGER audit_events_unchanged ON audit_events",
    "DROP TRIGGER audit_events_untruncated ON audit_events",
    "DROP FUNCTION audit_events_unchanged()",
];

const DOWN: &[&str] = &[
    "CREATE INDEX audit_events_organization ON audit_events (organization_pk, pk)",
    "DROP INDEX audit_events_organization_actor",
    "DROP INDEX audit_events_organization_target",
    "DROP INDEX audit_events_organization_position",
    "DROP INDEX audit_events_position",
    "ALTER TABLE audit_events DROP COLUMN position",
    "ALTER TABLE audit_events DROP COLUMN refused",
    "ALTER TABLE audit_events DROP COLUMN count",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        Dialect::run(manager, BOTH).await?;
        Dialect::run(manager, own(manager, SQLITE, POSTGRES)).await?;
        Dialect::run(manager, INDEXES).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        Dialect::run(manager, own(manager, DOWN_SQLITE, DOWN_POSTGRES)).await?;
        Dialect::run(manager, DOWN).await?;
        Dialect::run(manager, own(manager, &[], &["DROP SEQUENCE audit_events_within"])).await
    }
}

fn own<'a>(manager: &SchemaManager<'_>, sqlite: &'a [&'a str], postgres: &'a [&'a str]) -> &'a [&'a str] {
    match manager.get_connection().get_database_backend() {
        DbBackend::Sqlite => sqlite,
        _ => postgres,
    }
}
