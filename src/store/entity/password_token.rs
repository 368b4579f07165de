//! `password_tokens`: mailed, single-use, stored as digests.

use std::time::Duration;

use sea_orm::Condition;
use sea_orm::entity::prelude::*;

use crate::model::Timestamp;

/// The lifetime of a link.
pub const LIFETIME: Duration = Duration::from_secs(60 * 60);
/// The maximum difference between the clocks of several processes.
const CLOCKS_APART: Duration = Duration::from_secs(60);

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "password_tokens")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub pk: i64,
    pub user_pk: i64,
    pub digest: String,
    pub expires_at: Timestamp,
    pub used_at: Option<Timestamp>,
    pub created_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}

/// Neither used nor expired. A token that expires later than a new one was created by a clock that has been set back since;
/// it is ignored, or it would be valid for longer than an hour.
pub fn open(now: Timestamp) -> Condition {
    Condition::all()
        .add(Column::UsedAt.is_null())
        .add(Column::ExpiresAt.gt(now))
        .add(Column::ExpiresAt.lte(now.after(LIFETIME + CLOCKS_APART)))
}
