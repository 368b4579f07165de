//! `mail_limits`: how many mails were sent to an address, or by a caller, within an hour.

use sea_orm::entity::prelude::*;

use crate::model::Timestamp;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mail_limits")]
pub struct Model {
    /// The digest of what is counted.
    #[sea_orm(primary_key, auto_increment = false)]
    pub bucket: String,
    pub count: i64,
    pub started_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}
