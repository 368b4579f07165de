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
    /// The group's organization; composite foreign keys keep it, the group and the tenant together.
    pub organization_pk: i64,
    /// The tenant that the assignment is for; `None` for the whole organization.
    pub tenant_pk: Option<i64>,
    /// The same for the primary key, which has no nulls: 0 for the whole organization.
    #[sea_orm(primary_key, auto_increment = false)]
    pub scope: i64,
    pub created_at: Timestamp,
    /// The key of the user who really made it, if a user did; that of a deleted user names nobody.
    pub created_by: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}
