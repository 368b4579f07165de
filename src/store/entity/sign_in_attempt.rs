//! `sign_in_attempts`: the number of failed sign-ins, by address and by client.

use sea_orm::entity::prelude::*;

use crate::model::Timestamp;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sign_in_attempts")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub bucket: String,
    pub failures: i64,
    pub started_at: Timestamp,
    pub blocked_until: Timestamp,
    pub forget_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}
