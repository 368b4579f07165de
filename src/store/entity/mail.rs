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
    /// The user whose token it contains.
    pub user_pk: Option<i64>,
    /// The invitation whose token it contains.
    pub invitation_pk: Option<i64>,
    pub recipient: Email,
    /// The kind of the letter, unencrypted.
    pub kind: String,
    /// The letter as JSON, sealed if it contains a token.
    pub letter: String,
    pub sealed: bool,
    /// Whether it is not sent: the address gets too many.
    pub withheld: bool,
    pub attempts: i64,
    pub due_at: Timestamp,
    /// Until then, a process is sending it; if it is in the past, none is.
    pub leased_until: Timestamp,
    /// When the mail becomes useless.
    pub ends_at: Timestamp,
    pub request_id: String,
    pub created_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}
