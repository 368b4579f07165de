//! `password_requests`: addresses for which a password reset was requested.

use sea_orm::entity::prelude::*;

use crate::model::{Email, Timestamp};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "password_requests")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub pk: i64,
    pub email: Email,
    /// The id of the organization that was named, if one was.
    pub organization_id: Option<String>,
    pub request_id: String,
    pub client_address: Option<String>,
    pub user_agent: Option<String>,
    pub created_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}
