//! `groups`.

use sea_orm::entity::prelude::*;
use sea_orm::{Condition, QuerySelect, QueryTrait};

use super::group_member;
use crate::authz::{Granted, Scope};
use crate::model::{GroupId, Timestamp};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "groups")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub pk: i64,
    pub id: GroupId,
    pub organization_pk: i64,
    pub key: String,
    pub name: String,
    pub description: Option<String>,
    pub version: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}

/// A caller with only its own scope sees the groups that it is a member of.
pub fn within(granted: &Granted) -> Condition {
    match granted.scope() {
        Scope::Everything => Condition::all(),
        Scope::Organization(pk) => Condition::all().add(Column::OrganizationPk.eq(pk)),
        Scope::Oneself(pk) => Condition::all().add(
            Column::Pk.in_subquery(
                group_member::Entity::find()
                    .select_only()
                    .column(group_member::Column::GroupPk)
                    .filter(group_member::Column::UserPk.eq(pk))
                    .into_query(),
            ),
        ),
    }
}
