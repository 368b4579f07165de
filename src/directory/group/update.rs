//! Changes a group.

use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, Set};

use super::create::{for_each_tenant, give_roles, group_name};
use super::read::{may_change_roles_of_members, roles_within};
use super::{Group, Target, locate};
use crate::authz::{Action, Resource};
use crate::context::OpContext;
use crate::directory::role::{self, Assigned, Made, RoleForTenant, Standing, union};
use crate::list::expect_version;
use crate::model;
use crate::model::error::Result;
use crate::store::audit_trail::{Event, Mention};
use crate::store::entity::group_role;

/// A field that can be cleared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clearable {
    Description,
}

/// The changes; `None` leaves a field unchanged. The empty string clears the description.
#[derive(Clone, Debug, Default)]
pub struct GroupChange {
    pub name: Option<String>,
    pub description: Option<String>,
    /// Names or ids; they replace the current ones for the whole organization.
    pub roles: Option<Vec<String>>,
    /// They replace the current ones for single tenants.
    pub tenant_roles: Option<Vec<RoleForTenant>>,
    pub clear: Vec<Clearable>,
}

/// Changes only the given fields; the key never changes. `FORBIDDEN` for a group whose roles, before or after, go
/// beyond the caller's permissions, and to change the roles of members whose permissions do.
pub async fn update(
    op: &OpContext,
    target: &Target,
    wanted: GroupChange,
    expected_version: Option<i64>,
) -> Result<Group> {
    let granted = op.authorize(Action::Modify, Resource::Group)?;
    let name = wanted.name.as_deref().map(group_name).transpose()?;
    let description = model::clearable_description("description", wanted.description.as_deref())?;
    let clears = wanted.clear.contains(&Clearable::Description);
    let description = model::cleared("description", description, clears)?;

    let change = op.begin().await?;
    let row = locate(&*change, op.actor(), &granted, target).await?;
    expect_version(row.version, expected_version)?;
    let had = roles_within(&*change, op.actor(), &row).await?;
    let mut fields = Vec::new();
    let mut new = row.clone().into_active_model();
    model::set(&mut fields, "name", &mut new.name, name);
    model::set(&mut fields, "description", &mut new.description, description);
    let (for_tenants, everywhere): (Vec<Assigned>, Vec<Assigned>) =
        had.iter().cloned().partition(|role| role.tenant_pk.is_some());
    let mut have = match &wanted.roles {
        Some(named) => role::resolve(op, &*change, row.organization_pk, "roles", named).await?,
        None => everywhere,
    };
    have.extend(match &wanted.tenant_roles {
        Some(named) => role::resolve_for_tenants(op, &*change, &granted, row.organization_pk, named).await?,
        None => for_tenants,
    });
    role::grantable(op.actor(), &granted, &have, &had)?;
    let gained = role::besides(&have, &had);
    let lost = role::besides(&had, &have);
    let changed = |of_tenants| {
        let mut all = gained.iter().chain(&lost);
        all.any(|role| role.tenant_pk.is_some() == of_tenants)
    };
    if !gained.is_empty() || !lost.is_empty() {
        may_change_roles_of_members(&*change, op.actor(), &row).await?;
        fields.extend(changed(false).then_some("roles"));
        fields.extend(changed(true).then_some("tenantRoles"));
    }
    let added = gained.iter().map(|role| role.mention().added());
    let removed = lost.iter().map(|role| role.mention().removed());
    let mentions: Vec<Mention> = added.chain(removed).collect();
    if fields.is_empty() {
        return Ok(row.into());
    }
    new.version = Set(row.version + 1);
    new.updated_at = Set(op.now().later_than(row.updated_at));
    let updated = new.update(&*change).await?;
    if !lost.is_empty() {
        let standing = Standing::before(&*change, op.actor()).await?;
        for role in &lost {
            group_role::Entity::delete_many()
                .filter(group_role::Column::GroupPk.eq(row.pk))
                .filter(group_role::Column::RolePk.eq(role.role_pk))
                .filter(group_role::Column::Scope.eq(role.scope_key()))
                .exec(&*change)
                .await?;
        }
        give_roles(&*change, &row, gained, Made::by_caller(op)).await?;
        standing.remains(&*change, &union(lost), "roles").await?;
    } else {
        give_roles(&*change, &row, gained, Made::by_caller(op)).await?;
    }
    let event = Event::new("group.update", row.pk, &row.id).named(updated.name.clone());
    let event = event.about(mentions).fields(fields).access();
    let concerned: Vec<Assigned> = had.into_iter().chain(have).collect();
    change
        .commit(for_each_tenant(event, row.organization_pk, &concerned))
        .await?;
    Ok(updated.into())
}
