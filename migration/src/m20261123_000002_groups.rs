//! Groups, their members and their roles.

use sea_orm_migration::prelude::*;

use crate::Dialect;

#[derive(DeriveMigrationName)]
pub struct Migration;

const UP: &[&str] = &[
    "CREATE TABLE groups (
        pk {key},
        id {text} NOT NULL CONSTRAINT groups_id_key UNIQUE,
        organization_pk {int} NOT NULL REFERENCES organizations (pk) ON DELETE CASCADE,
        key {text} NOT NULL,
        name {text} NOT NULL,
        description {text},
        version {int} NOT NULL,
        created_at {int} NOT NULL,
        updated_at {int} NOT NULL,
        CONSTRAINT groups_organization_key UNIQUE (organization_pk, key),
        CONSTRAINT groups_of_organization UNIQUE (organization_pk, pk)
    )",
    "CREATE INDEX groups_created ON groups (created_at, id)",
    "CREATE INDEX groups_updated ON groups (updated_at, id)",
    "CREATE INDEX groups_name ON groups (name, id)",
    "CREATE INDEX groups_organization_created ON groups (organization_pk, created_at, id)",
    "CREATE INDEX groups_organization_updated ON groups (organization_pk, updated_at, id)",
    "CREATE INDEX groups_organization_name ON groups (organization_pk, name, id)",
    "CREATE INDEX groups_organization_id ON groups (organization_pk, id)",
    // What the composite foreign key below points to.
    "CREATE UNIQUE INDEX users_of_organization ON users (organization_pk, pk)",
    // A member is a user of the group's organization: one organization_pk stands in both composite foreign keys. So a
    // user cannot leave the organization either while it is still a member.
    "CREATE TABLE group_members (
        group_pk {int} NOT NULL,
        user_pk {int} NOT NULL,
        organization_pk {int} NOT NULL,
        created_at {int} NOT NULL,
        PRIMARY KEY (group_pk, user_pk),
        CONSTRAINT group_members_group_of_organization
            FOREIGN KEY (organization_pk, group_pk) REFERENCES groups (organization_pk, pk) ON DELETE CASCADE,
        CONSTRAINT group_members_user_of_organization
            FOREIGN KEY (organization_pk, user_pk) REFERENCES users (organization_pk, pk) ON DELETE CASCADE
    )",
    "CREATE INDEX group_members_user ON group_members (user_pk, group_pk)",
    // Built-in roles belong to no organization, so no composite key can hold these together; the server does.
    "CREATE TABLE group_roles (
        group_pk {int} NOT NULL REFERENCES groups (pk) ON DELETE CASCADE,
        role_pk {int} NOT NULL REFERENCES roles (pk) ON DELETE CASCADE,
        created_at {int} NOT NULL,
        PRIMARY KEY (group_pk, role_pk)
    )",
    "CREATE INDEX group_roles_role ON group_roles (role_pk, group_pk)",
    // Roles are listed from now on.
    "CREATE INDEX roles_updated ON roles (updated_at, id)",
    "CREATE INDEX roles_name ON roles (name, id)",
];

const DOWN: &[&str] = &[
    "DROP INDEX roles_name",
    "DROP INDEX roles_updated",
    "DROP TABLE group_roles",
    "DROP TABLE group_members",
    "DROP INDEX users_of_organization",
    "DROP TABLE groups",
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
