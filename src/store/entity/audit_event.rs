//! `audit_events`: written with the change that they describe, never changed.

use sea_orm::Condition;
use sea_orm::entity::prelude::*;

use super::in_tenants;
use crate::authz::{Granted, Scope};
use crate::model::Timestamp;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_events")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub pk: i64,
    pub id: String,
    pub organization_pk: Option<i64>,
    /// The tenant that it concerns, or whose user it concerns.
    pub tenant_pk: Option<i64>,
    pub actor_pk: Option<i64>,
    pub actor_id: Option<String>,
    pub impersonator_pk: Option<i64>,
    pub impersonator_id: Option<String>,
    pub action: String,
    pub target_kind: String,
    pub target_pk: Option<i64>,
    pub target_id: String,
    /// The target's name at the time.
    pub target_name: Option<String>,
    /// The id of the user that it concerns: the target, or the owner of the target.
    pub subject_id: Option<String>,
    /// What else it is about, as JSON; see [`crate::store::audit_trail::Related`].
    pub related: Option<String>,
    pub fields: Option<String>,
    /// Why somebody impersonates the target.
    pub reason: Option<String>,
    /// How many more users the organization has since.
    pub users_change: Option<i64>,
    /// The same of activated users.
    pub activated_change: Option<i64>,
    pub request_id: Option<String>,
    pub client_address: Option<String>,
    pub user_agent: Option<String>,
    /// How often it happened within a minute; greater than one only for denied requests.
    pub count: i64,
    pub refused: bool,
    /// The order of commits; the database sets it.
    pub position: i64,
    pub created_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}

pub fn within(granted: &Granted) -> Condition {
    match granted.scope() {
        Scope::Everything => Condition::all(),
        Scope::Organization(pk) => Condition::all().add(Column::OrganizationPk.eq(*pk)),
        Scope::Tenants(tenants) => in_tenants(tenants, Column::OrganizationPk, Column::TenantPk),
        Scope::Oneself(_) => Condition::all().add(Column::Pk.is_null()),
    }
}
