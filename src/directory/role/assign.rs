//! Assigns roles to users.

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, Set};

use super::read::find_named;
use super::{Assigned, Held, held, union};
use crate::authz::escalation::{Managing, may_grant, may_manage};
use crate::authz::{Action, Granted, Resource};
use crate::context::{Change, OpContext};
use crate::directory::user::{self, Target, User};
use crate::model::Actor;
use crate::model::Timestamp;
use crate::model::error::{Error, Result, shown};
use crate::store::audit_trail::Event;
use crate::store::entity::{user as user_table, user_role};

/// Assigns a role to a user, by name or id. Does nothing if the user already has it. `FORBIDDEN` for a role, or a user,
/// whose permissions go beyond the caller's; `NOT_FOUND` for a role that is neither built in nor belongs to the user's
/// organization.
pub async fn assign(op: &OpContext, target: &Target, role: &str) -> Result<User> {
    let granted = op.authorize(Action::Modify, Resource::User)?;
    let change = op.begin().await?;
    let (row, role, had) = locate(&change, op, &granted, target, role).await?;
    if had.direct.iter().any(|known| known.role_pk == role.role_pk) {
        return Ok(row.into());
    }
    grantable(op.actor(), std::slice::from_ref(&role), &[])?;
    let assignment = user_role::ActiveModel {
        user_pk: Set(row.pk),
        role_pk: Set(role.role_pk),
        created_at: Set(op.now()),
    };
    user_role::Entity::insert(assignment)
        .exec_without_returning(&*change)
        .await?;
    let updated = user::touch_in_txn(&*change, &row, op.now()).await?;
    let event = Event::new("user.assignRole", row.pk, &row.id).of_organization(row.organization_pk);
    change.commit([event.fields(["roles"]).access()]).await?;
    Ok(updated.into())
}

/// The user, the role and the user's roles, for assigning or withdrawing the role.
pub(super) async fn locate(
    change: &Change<'_>,
    op: &OpContext,
    granted: &Granted,
    target: &Target,
    role: &str,
) -> Result<(user_table::Model, Assigned, Held)> {
    let row = user::locate(&**change, granted, target).await?;
    let role = find_named(op, &**change, row.organization_pk, role)
        .await?
        .ok_or_else(|| Error::NotFound(format!("There is no role '{}'.", shown(role))))?;
    let had = held(&**change, [row.pk]).await?.remove(&row.pk).unwrap_or_default();
    may_manage(op.actor(), Managing::Roles, had.permissions())?;
    Ok((row, role, had))
}

/// Refuses roles whose permissions go beyond the caller's. Roles that the user already has are not checked.
pub fn grantable(actor: &Actor, roles: &[Assigned], already: &[Assigned]) -> Result<()> {
    may_grant(actor, union(besides(roles, already)))
}

/// The roles of `these` that are not among `those`.
pub fn besides<'a>(these: &'a [Assigned], those: &[Assigned]) -> Vec<&'a Assigned> {
    these
        .iter()
        .filter(|role| !those.iter().any(|known| known.role_pk == role.role_pk))
        .collect()
}

/// Replaces the user's direct roles with `roles`.
pub async fn replace_in_txn(
    connection: &impl ConnectionTrait,
    user_pk: i64,
    had: &[Assigned],
    roles: &[Assigned],
    now: Timestamp,
) -> Result<()> {
    let lost = besides(had, roles);
    if !lost.is_empty() {
        user_role::Entity::delete_many()
            .filter(user_role::Column::UserPk.eq(user_pk))
            .filter(user_role::Column::RolePk.is_in(lost.iter().map(|role| role.role_pk)))
            .exec(connection)
            .await?;
    }
    let gained: Vec<user_role::ActiveModel> = besides(roles, had)
        .into_iter()
        .map(|role| user_role::ActiveModel {
            user_pk: Set(user_pk),
            role_pk: Set(role.role_pk),
            created_at: Set(now),
        })
        .collect();
    if !gained.is_empty() {
        user_role::Entity::insert_many(gained)
            .exec_without_returning(connection)
            .await?;
    }
    Ok(())
}
