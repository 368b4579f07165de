//! `email_tokens`: mailed, single-use, stored as digests; each verifies one address, and may make it the user's.

use sea_orm::entity::prelude::*;

use crate::model::{Email, Timestamp};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "email_tokens")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub pk: i64,
    pub user_pk: i64,
    pub email: Email,
    /// Whether it becomes the user's address, or is it already.
    pub changes: bool,
    /// Who requested the change, the impersonator rather than the impersonated user. `None`: the machine.
    pub requester_pk: Option<i64>,
    pub digest: String,
    pub expires_at: Timestamp,
    pub created_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}
