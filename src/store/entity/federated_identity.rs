//! `federated_identities`: a user's identities with other identity providers.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "federated_identities")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub pk: i64,
    pub user_pk: i64,
    pub identity_provider: String,
    pub user_id: String,
    pub user_name: String,
}

impl ActiveModelBehavior for ActiveModel {}
