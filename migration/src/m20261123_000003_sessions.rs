//! Sessions, the keys that sign their tokens, failed sign-ins, and whether a password is temporary.

use sea_orm_migration::prelude::*;

use crate::Dialect;

#[derive(DeriveMigrationName)]
pub struct Migration;

const UP: &[&str] = &[
    // Of a session's refresh tokens one digest is kept, that of the part which all of them share; `generation` says
    // which of them is the present one. `parent_pk` or `api_key_pk` is the credential an impersonation was begun with.
    "CREATE TABLE sessions (
        pk {key},
        id {text} NOT NULL CONSTRAINT sessions_id_key UNIQUE,
        user_pk {int} NOT NULL REFERENCES users (pk) ON DELETE CASCADE,
        family {text} NOT NULL CONSTRAINT sessions_family_key UNIQUE,
        generation {int} NOT NULL,
        rotated_at {int} NOT NULL,
        impersonator_pk {int} REFERENCES users (pk) ON DELETE CASCADE,
        parent_pk {int} REFERENCES sessions (pk) ON DELETE CASCADE,
        api_key_pk {int} REFERENCES api_keys (pk) ON DELETE CASCADE,
        reason {text},
        expires_at {int} NOT NULL,
        ended_at {int},
        created_at {int} NOT NULL,
        updated_at {int} NOT NULL
    )",
    "CREATE INDEX sessions_user_created ON sessions (user_pk, created_at, id)",
    "CREATE INDEX sessions_user_updated ON sessions (user_pk, updated_at, id)",
    "CREATE INDEX sessions_impersonator ON sessions (impersonator_pk, created_at, id)",
    "CREATE INDEX sessions_parent ON sessions (parent_pk)",
    "CREATE INDEX sessions_api_key ON sessions (api_key_pk)",
    // `sealed` is the private half, encrypted with a key that is not in the database.
    "CREATE TABLE signing_keys (
        pk {key},
        id {text} NOT NULL CONSTRAINT signing_keys_id_key UNIQUE,
        public {text} NOT NULL,
        sealed {text} NOT NULL,
        signs_from {int} NOT NULL,
        ends_at {int},
        created_at {int} NOT NULL
    )",
    // Buckets are digests: what was typed into a sign-in, often a password in the wrong field, is not kept.
    "CREATE TABLE sign_in_attempts (
        bucket {text} PRIMARY KEY,
        failures {int} NOT NULL,
        started_at {int} NOT NULL,
        blocked_until {int} NOT NULL,
        forget_at {int} NOT NULL
    )",
    "CREATE INDEX sign_in_attempts_forget ON sign_in_attempts (forget_at)",
];

const DOWN: &[&str] = &[
    "DROP TABLE sign_in_attempts",
    "DROP TABLE signing_keys",
    "DROP TABLE sessions",
];

const TEMPORARY: &str = "password_temporary";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        Dialect::run(manager, UP).await?;
        if !manager.has_column("users", TEMPORARY).await? {
            let add = "ALTER TABLE users ADD COLUMN password_temporary BOOLEAN NOT NULL DEFAULT FALSE";
            Dialect::run(manager, &[add]).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        Dialect::run(manager, DOWN).await?;
        if manager.has_column("users", TEMPORARY).await? {
            Dialect::run(manager, &["ALTER TABLE users DROP COLUMN password_temporary"]).await?;
        }
        Ok(())
    }
}
