//! `group_roles`: which role a group gives to its members.

use sea_orm::entity::prelude::*;

use crate::model::Timestamp;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "group_roles")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub group_pk: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub role_pk: i64,
    /// With the tenant, its organization; composite foreign keys keep both and the group together.
    pub organization_pk: Option<i64>,
    /// The tenant that the assignment is for; `None` for the whole organization.
    pub tenant_pk: Option<i64>,
    /// The same for the primary key, which has no nulls: 0 for the whole organization.
    #[sea_orm(primary_key, auto_increment = false)]
    pub scope: i64,
    pub created_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}
