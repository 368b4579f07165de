//! Deletes an organization.

use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};

use super::{Organization, Term};
use crate::authz::{Action, Resource};
use crate::context::OpContext;
use crate::list::{Named, expect_version, locate};
use crate::model::error::{ConflictReason, Error, Result};
use crate::store::audit_trail::Event;
use crate::store::entity::{organization as table, role, tenant, user};

/// Deletes an organization with its groups, own roles and invitations; audit events are kept. `CONFLICT` while it has
/// tenants or users.
pub async fn delete(op: &OpContext, named: &Named<Term>, expected_version: Option<i64>) -> Result<Organization> {
    let granted = op.authorize(Action::Delete, Resource::Organization)?;
    let change = op.begin().await?;
    let row = locate::<Organization>(&*change, &granted, named, "organization").await?;
    expect_version(row.version, expected_version)?;
    let users = user::Entity::find()
        .filter(user::Column::OrganizationPk.eq(row.pk))
        .count(&*change)
        .await?;
    let tenants = tenant::Entity::find()
        .filter(tenant::Column::OrganizationPk.eq(row.pk))
        .count(&*change)
        .await?;
    if users + tenants > 0 {
        return Err(Error::conflict(
            ConflictReason::InUse,
            format!(
                "The organization '{}' still has {tenants} tenants and {users} users; delete or move them first.",
                row.id
            ),
        ));
    }
    role::Entity::delete_many()
        .filter(role::Column::OrganizationPk.eq(row.pk))
        .exec(&*change)
        .await?;
    table::Entity::delete_by_id(row.pk).exec(&*change).await?;
    let event = Event::new("organization.delete", row.pk, &row.id)
        .of_organization(row.pk)
        .named(row.name.clone());
    change.commit([event]).await?;
    Ok(row.into())
}
