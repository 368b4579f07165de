//! Withdraws a role from a user.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::Standing;
use super::assign::locate;
use crate::authz::{Action, Resource};
use crate::context::OpContext;
use crate::directory::user::{self, Target, User};
use crate::model::error::Result;
use crate::store::audit_trail::Event;
use crate::store::entity::user_role;

/// Withdraws a role that was assigned to a user, by name or id. Does nothing if the user does not have it, or only
/// through a group. `FORBIDDEN` for a user whose permissions go beyond the caller's; `INVALID` if callers would remove
/// permissions from themselves, `CONFLICT` for the last super admin.
pub async fn withdraw(op: &OpContext, target: &Target, role: &str) -> Result<User> {
    let granted = op.authorize(Action::Modify, Resource::User)?;
    let change = op.begin().await?;
    let (row, role, had) = locate(&change, op, &granted, target, role).await?;
    if !had.direct.iter().any(|known| known.role_pk == role.role_pk) {
        return Ok(row.into());
    }
    let standing = Standing::before(&*change, op.actor()).await?;
    user_role::Entity::delete_many()
        .filter(user_role::Column::UserPk.eq(row.pk))
        .filter(user_role::Column::RolePk.eq(role.role_pk))
        .exec(&*change)
        .await?;
    standing.remains(&*change, role.permissions, "role").await?;
    let updated = user::touch_in_txn(&*change, &row, op.now()).await?;
    let event = Event::new("user.withdrawRole", row.pk, &row.id).of_organization(row.organization_pk);
    change.commit([event.fields(["roles"]).access()]).await?;
    Ok(updated.into())
}
