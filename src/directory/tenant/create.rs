//! Creates a tenant.

use sea_orm::{ActiveModelTrait, Set};

use super::Tenant;
use crate::authz::{Action, Resource};
use crate::context::OpContext;
use crate::directory::organization;
use crate::model::error::{ConflictReason, Error, OrConflict, Result};
use crate::model::{self, JsonText, TenantId};
use crate::store::audit_trail::Event;
use crate::store::entity::tenant as table;

/// A new tenant as the caller describes it.
#[derive(Clone, Debug, Default)]
pub struct NewTenant {
    pub id: Option<String>,
    pub name: String,
    /// The caller's organization by default; only a super admin can specify another one.
    pub organization_id: Option<String>,
    pub variables: Option<serde_json::Value>,
}

/// Creates a tenant. `NOT_FOUND` for an organization outside the caller's scope, `CONFLICT` for an id that is taken.
pub async fn create(op: &OpContext, new: NewTenant) -> Result<Tenant> {
    let granted = op.authorize(Action::Create, Resource::Tenant)?;
    let id = match &new.id {
        Some(id) => TenantId::parse("id", id)?,
        None => op.new_id().into(),
    };
    let name = model::name("name", &new.name)?;
    let variables = JsonText::object("variables", new.variables.as_ref())?;
    let now = op.now();
    let change = op.begin().await?;
    let home = organization::home(&*change, op.actor(), &granted, new.organization_id.as_deref()).await?;
    let row = table::ActiveModel {
        id: Set(id.clone()),
        organization_pk: Set(home.pk),
        name: Set(name),
        variables: Set(variables),
        version: Set(1),
        created_at: Set(now),
        updated_at: Set(now),
        ..Default::default()
    };
    let row = row.insert(&*change).await.or_conflict(|_| {
        Error::conflict(
            ConflictReason::Taken,
            format!("A tenant with the id '{id}' already exists."),
        )
    })?;
    let event = Event::new("tenant.create", row.pk, &row.id)
        .of_tenant(home.pk, Some(row.pk))
        .named(row.name.clone());
    change.commit([event]).await?;
    Ok(row.into())
}
