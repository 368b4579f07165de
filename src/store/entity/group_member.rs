//! `group_members`: which user is in which group. It contains the organization for the composite foreign keys, which
//! ensure that a member belongs to its group's organization.

use sea_orm::entity::prelude::*;

use crate::model::Timestamp;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "group_members")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub group_pk: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_pk: i64,
    pub organization_pk: i64,
    pub created_at: Timestamp,
    /// The key of the user who really made it, if a user did; that of a deleted user names nobody.
    pub created_by: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}
