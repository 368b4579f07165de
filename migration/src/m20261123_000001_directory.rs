//! Organizations, tenants, users, roles and their assignments, API keys, password tokens, audit events.

use sea_orm_migration::prelude::*;

use crate::Dialect;

#[derive(DeriveMigrationName)]
pub struct Migration;

const UP: &[&str] = &[
    "CREATE TABLE organizations (
        pk {key},
        id {text} NOT NULL CONSTRAINT organizations_id_key UNIQUE,
        name {text} NOT NULL,
        variables {text},
        seat_limit {int},
        version {int} NOT NULL,
        created_at {int} NOT NULL,
        updated_at {int} NOT NULL
    )",
    "CREATE INDEX organizations_created ON organizations (created_at, id)",
    "CREATE INDEX organizations_updated ON organizations (updated_at, id)",
    "CREATE INDEX organizations_name ON organizations (name, id)",
    "CREATE TABLE tenants (
        pk {key},
        id {text} NOT NULL CONSTRAINT tenants_id_key UNIQUE,
        organization_pk {int} NOT NULL REFERENCES organizations (pk),
        name {text} NOT NULL,
        variables {text},
        version {int} NOT NULL,
        created_at {int} NOT NULL,
        updated_at {int} NOT NULL,
        CONSTRAINT tenants_of_organization UNIQUE (organization_pk, pk)
    )",
    "CREATE INDEX tenants_created ON tenants (created_at, id)",
    "CREATE INDEX tenants_updated ON tenants (updated_at, id)",
    "CREATE INDEX tenants_name ON tenants (name, id)",
    "CREATE INDEX tenants_organization_created ON tenants (organization_pk, created_at, id)",
    "CREATE INDEX tenants_organization_updated ON tenants (organization_pk, updated_at, id)",
    "CREATE INDEX tenants_organization_name ON tenants (organization_pk, name, id)",
    "CREATE INDEX tenants_organization_id ON tenants (organization_pk, id)",
    // A user's tenant is a tenant of the user's organization: the composite foreign key says so. It does not bind
    // while tenant_pk is null, which is a user of no tenant.
    "CREATE TABLE users (
        pk {key},
        id {text} NOT NULL CONSTRAINT users_id_key UNIQUE,
        organization_pk {int} NOT NULL REFERENCES organizations (pk),
        tenant_pk {int},
        email {text} CONSTRAINT users_email_key UNIQUE,
        name {text},
        firstname {text},
        lastname {text},
        activated BOOLEAN NOT NULL,
        variables {text},
        password_hash {text},
        password_changed_at {int},
        last_seen_at {int},
        version {int} NOT NULL,
        created_at {int} NOT NULL,
        updated_at {int} NOT NULL,
        CONSTRAINT users_tenant_of_organization
            FOREIGN KEY (organization_pk, tenant_pk) REFERENCES tenants (organization_pk, pk)
    )",
    "CREATE INDEX users_created ON users (created_at, id)",
    "CREATE INDEX users_updated ON users (updated_at, id)",
    "CREATE INDEX users_organization_created ON users (organization_pk, created_at, id)",
    "CREATE INDEX users_organization_updated ON users (organization_pk, updated_at, id)",
    "CREATE INDEX users_organization_id ON users (organization_pk, id)",
    "CREATE INDEX users_tenant_created ON users (organization_pk, tenant_pk, created_at, id)",
    // Absent addresses and names sort as the words of the server's `ORDER BY` say: NULLs sort differently on the two
    // databases, expressions do not.
    "CREATE INDEX users_name ON users ((COALESCE(name, NULLIF(TRIM(COALESCE(firstname, '') || ' ' || COALESCE(lastname, '')), ''), email, id)), id)",
    "CREATE INDEX users_organization_name ON users (organization_pk, (COALESCE(name, NULLIF(TRIM(COALESCE(firstname, '') || ' ' || COALESCE(lastname, '')), ''), email, id)), id)",
    "CREATE INDEX users_email ON users ((COALESCE(email, '')), id)",
    "CREATE INDEX users_organization_email ON users (organization_pk, (COALESCE(email, '')), id)",
    // Built-in roles belong to no organization; their permissions stand in the server, those of an organization's own
    // roles here, as names parted by blanks.
    "CREATE TABLE roles (
        pk {key},
        id {text} NOT NULL CONSTRAINT roles_id_key UNIQUE,
        organization_pk {int} REFERENCES organizations (pk) ON DELETE CASCADE,
        name {text} NOT NULL,
        description {text},
        permissions {text} NOT NULL,
        version {int} NOT NULL,
        created_at {int} NOT NULL,
        updated_at {int} NOT NULL
    )",
    "CREATE UNIQUE INDEX roles_organization_name ON roles (organization_pk, name)",
    "CREATE UNIQUE INDEX roles_built_in_name ON roles (name) WHERE organization_pk IS NULL",
    "CREATE INDEX roles_created ON roles (created_at, id)",
    "CREATE INDEX roles_organization_created ON roles (organization_pk, created_at, id)",
    "CREATE TABLE user_roles (
        user_pk {int} NOT NULL REFERENCES users (pk) ON DELETE CASCADE,
        role_pk {int} NOT NULL REFERENCES roles (pk) ON DELETE CASCADE,
        created_at {int} NOT NULL,
        PRIMARY KEY (user_pk, role_pk)
    )",
    "CREATE INDEX user_roles_role ON user_roles (role_pk, user_pk)",
    // Only the SHA-256 of a key is kept, and the first characters for people to tell keys apart.
    "CREATE TABLE api_keys (
        pk {key},
        id {text} NOT NULL CONSTRAINT api_keys_id_key UNIQUE,
        user_pk {int} NOT NULL REFERENCES users (pk) ON DELETE CASCADE,
        name {text} NOT NULL,
        description {text},
        digest {text} NOT NULL CONSTRAINT api_keys_digest_key UNIQUE,
        prefix {text} NOT NULL,
        permissions {text},
        expires_at {int},
        revoked_at {int},
        last_used_at {int},
        version {int} NOT NULL,
        created_at {int} NOT NULL,
        updated_at {int} NOT NULL
    )",
    // The name of a revoked key is free again.
    "CREATE UNIQUE INDEX api_keys_user_name ON api_keys (user_pk, name) WHERE revoked_at IS NULL",
    "CREATE INDEX api_keys_user_created ON api_keys (user_pk, created_at, id)",
    // A mailed promise that lets its holder set a password once.
    "CREATE TABLE password_tokens (
        pk {key},
        user_pk {int} NOT NULL REFERENCES users (pk) ON DELETE CASCADE,
        digest {text} NOT NULL CONSTRAINT password_tokens_digest_key UNIQUE,
        expires_at {int} NOT NULL,
        used_at {int},
        created_at {int} NOT NULL
    )",
    "CREATE INDEX password_tokens_user ON password_tokens (user_pk)",
    // Events outlive what they speak of: no foreign keys. Keys tell two things of one id apart, ids are for people.
    "CREATE TABLE audit_events (
        pk {key},
        id {text} NOT NULL CONSTRAINT audit_events_id_key UNIQUE,
        organization_pk {int},
        actor_pk {int},
        actor_id {text},
        impersonator_pk {int},
        impersonator_id {text},
        action {text} NOT NULL,
        target_kind {text} NOT NULL,
        target_pk {int},
        target_id {text} NOT NULL,
        fields {text},
        request_id {text},
        created_at {int} NOT NULL
    )",
    "CREATE INDEX audit_events_organization ON audit_events (organization_pk, pk)",
    // The built-in roles: ids that never change, on any server.
    "INSERT INTO roles (id, name, permissions, version, created_at, updated_at) VALUES
        ('01900000-0000-7000-8000-000000000001', 'trial-user', '', 1, 0, 0),
        ('01900000-0000-7000-8000-000000000002', 'user', '', 1, 0, 0),
        ('01900000-0000-7000-8000-000000000003', 'api-user', '', 1, 0, 0),
        ('01900000-0000-7000-8000-000000000004', 'admin', '', 1, 0, 0),
        ('01900000-0000-7000-8000-000000000005', 'organization-admin', '', 1, 0, 0),
        ('01900000-0000-7000-8000-000000000006', 'super-admin', '', 1, 0, 0),
        ('01900000-0000-7000-8000-000000000007', 'trial-api-user', '', 1, 0, 0),
        ('01900000-0000-7000-8000-000000000008', 'team-manager', '', 1, 0, 0),
        ('01900000-0000-7000-8000-000000000009', 'labeler', '', 1, 0, 0),
        ('01900000-0000-7000-8000-00000000000a', 'reviewer', '', 1, 0, 0)",
];

const DOWN: &[&str] = &[
    "DROP TABLE audit_events",
    "DROP TABLE password_tokens",
    "DROP TABLE api_keys",
    "DROP TABLE user_roles",
    "DROP TABLE roles",
    "DROP TABLE users",
    "DROP TABLE tenants",
    "DROP TABLE organizations",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        Dialect::run(manager, UP).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        Dialect::run(manager, DOWN).await
    }
}
