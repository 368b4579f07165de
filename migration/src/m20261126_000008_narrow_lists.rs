//! Lists that a filter narrows to few rows look these up, instead of walking the whole list in its order.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend};

use crate::Dialect;

#[derive(DeriveMigrationName)]
pub struct Migration;

/// Who acted is asked for by id: the internal key is nowhere in a filter.
const UP: &[&str] = &[
    "DROP INDEX audit_events_organization_actor",
    "CREATE INDEX audit_events_organization_actor ON audit_events (organization_pk, actor_id, position)",
];

/// SQLite takes an organization for ten rows unless told otherwise, and then would rather read all of it in the list's order
/// than look up an id, an address or a tenant. So it is told, once and for any size, that an organization is a fiftieth of
/// a table: rows in all, then rows for each value of the index's first column, of its first two, and so on. Every index
/// that starts with the organization, or one left out would seem the better. Were it a larger part, several organizations
/// would seem more than the table, which would then be walked; a smaller one, and a tenant or an actor would seem more
/// than the organization. Of roles an organization has few, and everybody sees the built-in ones beside them.
///
/// (`ANALYZE` would count, and find the same only in a directory that is large already.)
///
/// The tables are made anew, so that connections that are open read the schema, and with it this, again.
const UP_SQLITE: &[&str] = &[
    "DROP TABLE IF EXISTS sqlite_stat1",
    "DROP TABLE IF EXISTS sqlite_stat4",
    "ANALYZE sqlite_schema",
    "INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
         ('users', 'users_organization_created', '1000000 20000 2 1'),
         ('users', 'users_organization_updated', '1000000 20000 2 1'),
         ('users', 'users_tenant_created', '1000000 20000 20 1 1'),
         ('users', 'users_organization_id', '1000000 20000 1'),
         ('users', 'users_organization_email', '1000000 20000 2 1'),
         ('users', 'users_organization_name', '1000000 20000 10 1'),
         ('users', 'users_of_organization', '1000000 20000 1'),
         ('users', 'users_seats', '1000000 20000'),
         ('tenants', 'tenants_organization_created', '100000 2000 2 1'),
         ('tenants', 'tenants_organization_updated', '100000 2000 2 1'),
         ('tenants', 'tenants_organization_name', '100000 2000 2 1'),
         ('tenants', 'tenants_organization_id', '100000 2000 1'),
         ('tenants', 'sqlite_autoindex_tenants_2', '100000 2000 1'),
         ('groups', 'groups_organization_created', '100000 2000 2 1'),
         ('groups', 'groups_organization_updated', '100000 2000 2 1'),
         ('groups', 'groups_organization_name', '100000 2000 2 1'),
         ('groups', 'groups_organization_id', '100000 2000 1'),
         ('groups', 'sqlite_autoindex_groups_2', '100000 2000 1'),
         ('groups', 'sqlite_autoindex_groups_3', '100000 2000 1'),
         ('roles', 'roles_organization_created', '100000 10 2 1'),
         ('roles', 'roles_organization_name', '100000 10 1'),
         ('invitations', 'invitations_open', '100000 2000 1'),
         ('invitations', 'invitations_organization_created', '100000 2000 2 1'),
         ('invitations', 'invitations_organization_updated', '100000 2000 2 1'),
         ('invitations', 'invitations_organization_email', '100000 2000 2 1'),
         ('invitations', 'invitations_organization_id', '100000 2000 1'),
         ('invitations', 'invitations_tenant', '100000 2000 20'),
         ('audit_events', 'audit_events_organization_position', '1000000 20000 1 1'),
         ('audit_events', 'audit_events_organization_target', '1000000 20000 10 1'),
         ('audit_events', 'audit_events_organization_actor', '1000000 20000 1000 1')",
    "ANALYZE sqlite_schema",
];

const DOWN: &[&str] = &[
    "DROP INDEX audit_events_organization_actor",
    "CREATE INDEX audit_events_organization_actor ON audit_events (organization_pk, actor_pk, position)",
];

const DOWN_SQLITE: &[&str] = &["DROP TABLE IF EXISTS sqlite_stat1", "DROP TABLE IF EXISTS sqlite_stat4"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        Dialect::run(manager, UP).await?;
        Dialect::run(manager, of_sqlite(manager, UP_SQLITE)).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        Dialect::run(manager, DOWN).await?;
        Dialect::run(manager, of_sqlite(manager, DOWN_SQLITE)).await
    }
}

fn of_sqlite<'a>(manager: &SchemaManager<'_>, statements: &'a [&'a str]) -> &'a [&'a str] {
    match manager.get_connection().get_database_backend() {
        DbBackend::Sqlite => statements,
        _ => &[],
    }
}
