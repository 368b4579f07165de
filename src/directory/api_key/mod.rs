//! API keys: a user's long-lived credentials.
//!
//! The secret is shown once, when the key is made or rotated; only its digest is kept. Keys are their owner's alone: nobody
//! else lists, rotates or revokes them. Making one needs `write:access_key`; revoking one's own needs nothing. A key can
//! be limited to some of its owner's permissions, and a key that makes keys never makes one that can do more, or lasts
//! longer, than itself. Names are unique per user among the keys in force.
//!
//! Rotation gives the new key the name at once and lets the old one end a little later: its `revokedAt` then lies ahead.

mod create;
mod read;
mod revoke;
mod rotate;

pub use create::{NewApiKey, NewSecret, create, create_for};
pub use read::{Target, Term};
pub use revoke::revoke;
pub use rotate::rotate;

use sea_orm::Condition;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::SimpleExpr;
use sea_orm::{IntoSimpleExpr, QueryResult};

use crate::authz::{Granted, Resource};
use crate::list::{Listed, SortKey, SortValue, Sql, record};
use crate::model::error::Result;
use crate::model::{ApiKeyId, Timestamp};
use crate::store::entity::api_key::{self as table, Column};

record! {
    /// An API key, without its secret, which nobody has but its owner.
    ApiKey, ApiKeyFields, ApiKeyFieldNumber from Column {
        always {
            pk: i64 = Pk,
            id: ApiKeyId = Id,
            user_pk: i64 = UserPk,
        }
        NAME name: String = Name,
        DESCRIPTION description: Option<String> = Description,
        PREFIX prefix: String = Prefix,
        /// The stored form of the permissions it is limited to; `None`: all of its owner's.
        PERMISSIONS permissions: Option<String> = Permissions,
        EXPIRES_AT expires_at: Option<Timestamp> = ExpiresAt,
        REVOKED_AT revoked_at: Option<Timestamp> = RevokedAt,
        LAST_USED_AT last_used_at: Option<Timestamp> = LastUsedAt,
        CREATED_AT created_at: Timestamp = CreatedAt,
        UPDATED_AT updated_at: Timestamp = UpdatedAt,
    }
}

impl From<table::Model> for ApiKey {
    fn from(row: table::Model) -> Self {
        Self {
            pk: row.pk,
            id: row.id,
            user_pk: row.user_pk,
            name: row.name,
            description: row.description,
            prefix: row.prefix,
            permissions: row.permissions,
            expires_at: row.expires_at,
            revoked_at: row.revoked_at,
            last_used_at: row.last_used_at,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

impl Listed for ApiKey {
    type Entity = table::Entity;
    type Fields = ApiKeyFields;
    type Term = Term;
    const RESOURCE: Resource = Resource::ApiKey;

    fn columns(fields: ApiKeyFields) -> Vec<Column> {
        Self::columns_of(fields)
    }

    fn read(row: &QueryResult, fields: ApiKeyFields) -> Result<Self, DbErr> {
        Self::from_row(row, fields)
    }

    fn sort_fields(key: SortKey) -> ApiKeyFields {
        match key {
            SortKey::CreatedAt => ApiKeyFields::CREATED_AT,
            SortKey::UpdatedAt => ApiKeyFields::UPDATED_AT,
            SortKey::Name => ApiKeyFields::NAME,
            SortKey::Email | SortKey::Id => ApiKeyFields::empty(),
        }
    }

    fn within(granted: &Granted) -> Condition {
        table::within(granted)
    }

    fn condition(sql: &mut Sql, term: &Term) -> Result<Condition> {
        read::condition(sql, term)
    }

    fn sort_expression(key: SortKey) -> Option<SimpleExpr> {
        match key {
            SortKey::CreatedAt => Some(Column::CreatedAt.into_simple_expr()),
            SortKey::UpdatedAt => Some(Column::UpdatedAt.into_simple_expr()),
            SortKey::Name => Some(Column::Name.into_simple_expr()),
            SortKey::Id => Some(Column::Id.into_simple_expr()),
            SortKey::Email => None,
        }
    }

    fn sort_value(&self, key: SortKey) -> SortValue {
        match key {
            SortKey::CreatedAt => SortValue::Number(self.created_at.micros()),
            SortKey::UpdatedAt => SortValue::Number(self.updated_at.micros()),
            SortKey::Name => SortValue::Text(self.name.clone()),
            SortKey::Id | SortKey::Email => SortValue::Text(self.id.to_string()),
        }
    }

    fn pk(&self) -> i64 {
        self.pk
    }

    fn public_id(&self) -> &str {
        self.id.as_str()
    }

    fn pk_column() -> Column {
        Column::Pk
    }

    fn id_column() -> Column {
        Column::Id
    }
}
