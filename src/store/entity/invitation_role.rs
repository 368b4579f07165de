//! `invitation_roles`: which roles an invitation promises.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "invitation_roles")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub invitation_pk: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub role_pk: i64,
    /// The tenant that the role will be assigned for; `None` for the whole organization.
    pub tenant_pk: Option<i64>,
    /// The same for the primary key, which has no nulls: 0 for the whole organization.
    #[sea_orm(primary_key, auto_increment = false)]
    pub scope: i64,
}

impl ActiveModelBehavior for ActiveModel {}
