//! `resource_servers`.

use sea_orm::Condition;
use sea_orm::entity::prelude::*;

use crate::authz::{Granted, Scope};
use crate::model::Timestamp;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "resource_servers")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub pk: i64,
    pub id: String,
    pub name: String,
    /// JSON: what tokens for it contain.
    pub settings: String,
    pub version: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}

/// They belong to no organization.
pub fn within(granted: &Granted) -> Condition {
    match granted.scope() {
        Scope::Everything => Condition::all(),
        Scope::Organization(_) | Scope::Tenants(_) | Scope::Oneself(_) => Condition::all().add(Column::Pk.is_null()),
    }
}
