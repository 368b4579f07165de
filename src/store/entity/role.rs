//! `roles`: the built-in ones, without an organization, and each organization's own.

use sea_orm::Condition;
use sea_orm::entity::prelude::*;
use strum::VariantArray;

use crate::authz::{Granted, Scope};
use crate::model::{BuiltIn, RoleId, Timestamp};

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

/// The built-in and the product-wide roles are in everybody's scope, apart from hidden ones.
pub fn within(granted: &Granted) -> Condition {
    let hidden = BuiltIn::VARIANTS
        .iter()
        .filter(|role| role.is_hidden_with(granted.faces()));
    let hidden: Vec<&str> = hidden.map(|role| role.id()).collect();
    match hidden.is_empty() {
        true => within_even_hidden(granted),
        false => within_even_hidden(granted).add(Column::Id.is_not_in(hidden)),
    }
}

/// The same with hidden ones: for what these permit.
pub fn within_even_hidden(granted: &Granted) -> Condition {
    match granted.scope() {
        Scope::Everything => Condition::all(),
        Scope::Organization(pk) => Condition::all().add(of_organization(*pk)),
        Scope::Tenants(tenants) => Condition::all().add(of_organization(tenants.organization_pk)),
        Scope::Oneself(_) => Condition::all().add(Column::Pk.is_null()),
    }
}

fn of_organization(pk: i64) -> Condition {
    Condition::any()
        .add(Column::OrganizationPk.is_null())
        .add(Column::OrganizationPk.eq(pk))
}
