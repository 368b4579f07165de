//! `answered_requests`: mutations that their callers may send again, and what they were answered.

use sea_orm::entity::prelude::*;

use crate::model::Timestamp;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "answered_requests")]
pub struct Model {
    /// The digest of the caller and its key.
    #[sea_orm(primary_key, auto_increment = false)]
    pub digest: String,
    /// The digest of what was asked.
    pub request: String,
    /// The digest of what the caller might do.
    pub rights: String,
    /// The id of what it created or changed.
    pub target_id: Option<String>,
    /// Sealed. `None` until it is kept, and empty if it is not to be repeated.
    pub answer: Option<String>,
    pub created_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}
