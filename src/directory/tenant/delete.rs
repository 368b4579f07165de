//! Deletes a tenant.

use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};

use super::{Tenant, Term};
use crate::authz::{Action, Resource};
use crate::context::OpContext;
use crate::list::{Named, expect_version, locate};
use crate::model::error::{ConflictReason, Error, Result};
use crate::store::audit_trail::Event;
use crate::store::entity::{tenant as table, user};

/// Deletes a tenant. `CONFLICT` while it has users.
pub async fn delete(op: &OpContext, named: &Named<Term>, expected_version: Option<i64>) -> Result<Tenant> {
    let granted = op.authorize(Action::Delete, Resource::Tenant)?;
    let change = op.begin().await?;
    let row = locate::<Tenant>(&*change, &granted, named, "tenant").await?;
    expect_version(row.version, expected_version)?;
    let users = user::Entity::find()
        .filter(user::Column::OrganizationPk.eq(row.organization_pk))
        .filter(user::Column::TenantPk.eq(row.pk))
        .count(&*change)
        .await?;
    if users > 0 {
        return Err(Error::conflict(
            ConflictReason::InUse,
            format!(
                "The tenant '{}' still has {users} users; delete or move them first.",
                row.id
            ),
        ));
    }
    table::Entity::delete_by_id(row.pk).exec(&*change).await?;
    let event = Event::new("tenant.delete", row.pk, &row.id)
        .of_tenant(row.organization_pk, Some(row.pk))
        .named(row.name.clone());
    // Roles that are assigned for the tenant go with it.
    change.commit([event.access()]).await?;
    Ok(row.into())
}
