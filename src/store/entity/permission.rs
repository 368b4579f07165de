//! `permissions`.

use sea_orm::Condition;
use sea_orm::entity::prelude::*;

use crate::authz::{Granted, Scope};
use crate::model::{Permissions, Timestamp};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "permissions")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub pk: i64,
    /// Its name.
    pub id: String,
    pub description: Option<String>,
    /// `None` for a built-in one.
    pub bit: Option<i64>,
    pub lowest_role: String,
    pub resource_server_pk: Option<i64>,
    pub deleted_at: Option<Timestamp>,
    pub version: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}

/// Which permissions there are is no secret of an organization. Hidden ones are in nobody's scope.
pub fn within(granted: &Granted) -> Condition {
    let mut there = Condition::all().add(Column::DeletedAt.is_null());
    let hidden: Vec<&str> = Permissions::hidden_with(granted.faces()).built_in_names().collect();
    if !hidden.is_empty() {
        there = there.add(Column::Id.is_not_in(hidden));
    }
    match granted.scope() {
        Scope::Everything | Scope::Organization(_) | Scope::Tenants(_) => there,
        Scope::Oneself(_) => there.add(Column::Pk.is_null()),
    }
}
