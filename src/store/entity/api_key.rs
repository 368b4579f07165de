//! `api_keys`.

use sea_orm::Condition;
use sea_orm::entity::prelude::*;

use super::user;
use crate::authz::{Granted, Scope};
use crate::model::{ApiKeyId, Timestamp};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "api_keys")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub pk: i64,
    pub id: ApiKeyId,
    pub user_pk: i64,
    /// Who really made it: not the impersonated user, but the impersonator. `None` for the machine, and if that user was
    /// deleted.
    pub creator_pk: Option<i64>,
    pub name: String,
    pub description: Option<String>,
    pub digest: String,
    pub prefix: String,
    pub permissions: Option<String>,
    pub expires_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
    pub last_used_at: Option<Timestamp>,
    pub version: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}

pub fn within(granted: &Granted) -> Condition {
    match granted.scope() {
        Scope::Everything => Condition::all(),
        Scope::Organization(_) | Scope::Tenants(_) => Condition::all().add(user::is_within(Column::UserPk, granted)),
        Scope::Oneself(pk) => Condition::all().add(Column::UserPk.eq(*pk)),
    }
}

/// Keys that are not revoked at this time. A key that was rotated with an overlap is valid until `revoked_at`, which is
/// then in the future.
pub fn in_force(at: Timestamp) -> Condition {
    Condition::any()
        .add(Column::RevokedAt.is_null())
        .add(Column::RevokedAt.gt(at))
}
