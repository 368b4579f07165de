//! `word_fold`: one row, the version of the rules by which all words were folded ([`crate::model::FOLD`]).

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "word_fold")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub pk: i64,
    pub version: i64,
}

impl ActiveModelBehavior for ActiveModel {}
