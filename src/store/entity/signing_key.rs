//! `signing_keys`: the keys that sign session tokens, with encrypted private keys.

use sea_orm::entity::prelude::*;

use crate::model::{SigningAlgorithm, Timestamp};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "signing_keys")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub pk: i64,
    pub id: String,
    pub algorithm: SigningAlgorithm,
    pub public: String,
    pub sealed: String,
    pub signs_from: Timestamp,
    pub ends_at: Option<Timestamp>,
    pub created_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}
