//! Deletes a group.

use sea_orm::EntityTrait;

use super::create::for_each_tenant;
use super::read::{may_change_roles_of_members, roles_within};
use super::{Group, Target, locate};
use crate::authz::{Action, Resource};
use crate::context::OpContext;
use crate::directory::role::{Standing, union};
use crate::list::expect_version;
use crate::model::error::Result;
use crate::store::audit_trail::Event;
use crate::store::entity::group as table;

/// Deletes a group and its memberships, but not the users. `FORBIDDEN` for a group whose roles go beyond the caller's
/// permissions, and for one with roles whose members' permissions do.
pub async fn delete(op: &OpContext, target: &Target, expected_version: Option<i64>) -> Result<Group> {
    let granted = op.authorize(Action::Delete, Resource::Group)?;
    let change = op.begin().await?;
    let row = locate(&*change, op.actor(), &granted, target).await?;
    expect_version(row.version, expected_version)?;
    let roles = roles_within(&*change, op.actor(), &row).await?;
    if !roles.is_empty() {
        may_change_roles_of_members(&*change, op.actor(), &row).await?;
    }
    let standing = Standing::before(&*change, op.actor()).await?;
    // Foreign keys delete all rows that reference the group.
    table::Entity::delete_by_id(row.pk).exec(&*change).await?;
    standing.remains(&*change, &union(&roles), "where").await?;
    let gave = roles.iter().map(|role| role.mention().removed());
    let event = Event::new("group.delete", row.pk, &row.id).named(row.name.clone());
    let event = event.about(gave).access();
    change
        .commit(for_each_tenant(event, row.organization_pk, &roles))
        .await?;
    Ok(row.into())
}
