//! Changes a group.

use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, Set};

use super::create::{give_roles, group_name};
use super::read::{may_change_roles_of_members, roles_within};
use super::{Group, Target, locate};
use crate::authz::{Action, Resource};
use crate::context::OpContext;
use crate::directory::role::{self, Standing, union};
use crate::list::expect_version;
use crate::model;
use crate::model::error::Result;
use crate::store::audit_trail::Event;
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
    /// Names or ids; they replace the current ones.
    pub roles: Option<Vec<String>>,
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
    let have = match &wanted.roles {
        Some(named) => role::resolve(op, &*change, row.organization_pk, "roles", named).await?,
        None => had.clone(),
    };
    role::grantable(op.actor(), &have, &had)?;
    let gained = role::besides(&have, &had);
    let lost = role::besides(&had, &have);
    if !gained.is_empty() || !lost.is_empty() {
        may_change_roles_of_members(&*change, op.actor(), &row).await?;
        fields.push("roles");
    }
    if fields.is_empty() {
        return Ok(row.into());
    }
    new.version = Set(row.version + 1);
    new.updated_at = Set(op.now().later_than(row.updated_at));
    let updated = new.update(&*change).await?;
    if !lost.is_empty() {
        let standing = Standing::before(&*change, op.actor()).await?;
        group_role::Entity::delete_many()
            .filter(group_role::Column::GroupPk.eq(row.pk))
            .filter(group_role::Column::RolePk.is_in(lost.iter().map(|role| role.role_pk)))
            .exec(&*change)
            .await?;
        give_roles(&*change, row.pk, gained, op.now()).await?;
        standing.remains(&*change, union(lost), "roles").await?;
    } else {
        give_roles(&*change, row.pk, gained, op.now()).await?;
    }
    let event = Event::new("group.update", row.pk, &row.id).of_organization(row.organization_pk);
    change.commit([event.fields(fields).access()]).await?;
    Ok(updated.into())
}
