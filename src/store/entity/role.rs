//! `roles`: the built-in ones, without an organization, and each organization's own.

use sea_orm::Condition;
use sea_orm::entity::prelude::*;

use crate::authz::{Granted, Scope};
use crate::model::{RoleId, Timestamp};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "roles")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub pk: i64,
    pub id: RoleId,
    pub organization_pk: Option<i64>,
    pub product: bool,
    pub name: String,
    pub description: Option<String>,
    pub permissions: String,
    pub version: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}

/// The built-in and the product-wide roles are in everybody's scope.
pub fn within(granted: &Granted) -> Condition {
    match granted.scope() {
        Scope::Everything => Condition::all(),
        Scope::Organization(pk) => of_organization(*pk),
        Scope::Tenants(tenants) => of_organization(tenants.organization_pk),
        Scope::Oneself(_) => Condition::all().add(Column::Pk.is_null()),
    }
}

fn of_organization(pk: i64) -> Condition {
    Condition::any()
        .add(Column::OrganizationPk.is_null())
        .add(Column::OrganizationPk.eq(pk))
}
