//! `mails`: those on their way.

use sea_orm::entity::prelude::*;

use crate::model::{Email, Timestamp};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mails")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub pk: i64,
    pub id: String,
    /// Whose token is in it.
    pub user_pk: Option<i64>,
    /// The invitation whose token is in it.
    pub invitation_pk: Option<i64>,
    pub recipient: Email,
    /// Of the letter, in the clear.
    pub kind: String,
    /// The letter as JSON, sealed if it holds a token.
    pub letter: String,
    pub sealed: bool,
    pub attempts: i64,
    pub due_at: Timestamp,
    /// A process is sending it until then; in the past, nobody is.
    pub leased_until: Timestamp,
    /// After this moment it is of no use.
    pub ends_at: Timestamp,
    pub request_id: String,
    pub created_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}
