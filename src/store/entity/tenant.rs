//! `tenants`.

use sea_orm::Condition;
use sea_orm::entity::prelude::*;

use super::in_tenants;
use crate::authz::{Granted, Scope};
use crate::model::{JsonText, TenantId, Timestamp};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "tenants")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub pk: i64,
    pub id: TenantId,
    pub organization_pk: i64,
    pub name: String,
    pub variables: Option<JsonText>,
    /// The folded name, by which lists are sorted.
    pub sort_name: String,
    /// The words of its name and its id, each with a space before it.
    pub words: String,
    pub version: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

super::words::folded_of_id_and_name!();

pub fn within(granted: &Granted) -> Condition {
    match granted.scope() {
        Scope::Everything => Condition::all(),
        Scope::Organization(pk) => Condition::all().add(Column::OrganizationPk.eq(*pk)),
        Scope::Tenants(tenants) => in_tenants(tenants, Column::OrganizationPk, Column::Pk),
        Scope::Oneself(_) => Condition::all().add(Column::Pk.is_null()),
    }
}
