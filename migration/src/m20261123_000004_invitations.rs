//! Invitations, users' settings, e-mail verification, federated identities, and whether an organization is mailed.

use sea_orm_migration::prelude::*;

use crate::Dialect;

#[derive(DeriveMigrationName)]
pub struct Migration;

const UP: &[&str] = &[
    "ALTER TABLE organizations ADD COLUMN mail_allowed BOOLEAN NOT NULL DEFAULT TRUE",
    "ALTER TABLE users ADD COLUMN email_verified_at {int}",
    // password_temporary
    "ALTER TABLE users ADD COLUMN password_temporary BOOLEAN NOT NULL DEFAULT FALSE",
    // Counts an organization's seats without visiting its users.
    "CREATE INDEX users_seats ON users (organization_pk) WHERE activated",
    // An invitation goes with its tenant: whoever accepted it later would land beside it.
    "CREATE TABLE invitations (
        pk {key},
        id {text} NOT NULL CONSTRAINT invitations_id_key UNIQUE,
        organization_pk {int} NOT NULL REFERENCES organizations (pk) ON DELETE CASCADE,
        tenant_pk {int},
        email {text} NOT NULL,
        digest {text} NOT NULL CONSTRAINT invitations_digest_key UNIQUE,
        expires_at {int} NOT NULL,
        accepted_at {int},
        withdrawn_at {int},
        version {int} NOT NULL,
        created_at {int} NOT NULL,
        updated_at {int} NOT NULL,
        CONSTRAINT invitations_tenant_of_organization
            FOREIGN KEY (organization_pk, tenant_pk) REFERENCES tenants (organization_pk, pk) ON DELETE CASCADE
    )",
    // One open invitation per address and organization.
    "CREATE UNIQUE INDEX invitations_open ON invitations (organization_pk, email)
        WHERE accepted_at IS NULL AND withdrawn_at IS NULL",
    "CREATE INDEX invitations_created ON invitations (created_at, id)",
    "CREATE INDEX invitations_updated ON invitations (updated_at, id)",
    "CREATE INDEX invitations_email ON invitations (email, id)",
    "CREATE INDEX invitations_organization_created ON invitations (organization_pk, created_at, id)",
    "CREATE INDEX invitations_organization_updated ON invitations (organization_pk, updated_at, id)",
    "CREATE INDEX invitations_organization_email ON invitations (organization_pk, email, id)",
    "CREATE INDEX invitations_organization_id ON invitations (organization_pk, id)",
    "CREATE INDEX invitations_tenant ON invitations (organization_pk, tenant_pk)",
    "CREATE TABLE invitation_roles (
        invitation_pk {int} NOT NULL REFERENCES invitations (pk) ON DELETE CASCADE,
        role_pk {int} NOT NULL REFERENCES roles (pk) ON DELETE CASCADE,
        PRIMARY KEY (invitation_pk, role_pk)
    )",
    "CREATE INDEX invitation_roles_role ON invitation_roles (role_pk)",
    // One row a key, so that two updates of different keys cannot undo each other.
    "CREATE TABLE settings (
        user_pk {int} NOT NULL REFERENCES users (pk) ON DELETE CASCADE,
        key {text} NOT NULL,
        value {text} NOT NULL,
        PRIMARY KEY (user_pk, key)
    )",
    // A mailed proof that somebody reads what is sent to this address.
    "CREATE TABLE email_tokens (
        pk {key},
        user_pk {int} NOT NULL REFERENCES users (pk) ON DELETE CASCADE,
        email {text} NOT NULL,
        digest {text} NOT NULL CONSTRAINT email_tokens_digest_key UNIQUE,
        expires_at {int} NOT NULL,
        created_at {int} NOT NULL
    )",
    "CREATE INDEX email_tokens_user ON email_tokens (user_pk)",
    // Who a user is to another identity provider: one identity each.
    "CREATE TABLE federated_identities (
        pk {key},
        user_pk {int} NOT NULL REFERENCES users (pk) ON DELETE CASCADE,
        identity_provider {text} NOT NULL,
        user_id {text} NOT NULL,
        user_name {text} NOT NULL,
        CONSTRAINT federated_identities_provider UNIQUE (user_pk, identity_provider)
    )",
];

const DOWN: &[&str] = &[
    "DROP TABLE federated_identities",
    "DROP TABLE email_tokens",
    "DROP TABLE settings",
    "DROP TABLE invitation_roles",
    "DROP TABLE invitations",
    "DROP INDEX users_seats",
    // password_temporary
    "ALTER TABLE users DROP COLUMN password_temporary",
    "ALTER TABLE users DROP COLUMN email_verified_at",
    "ALTER TABLE organizations DROP COLUMN mail_allowed",
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
