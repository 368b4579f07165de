//! Withdraws a role from a user.

use sea_orm::sea_query::LockType;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect, QueryTrait};

use super::assign::{events, locate, named};
use super::{Standing, union};
use crate::authz::escalation::{Managing, may_manage};
use crate::authz::{Action, Resource, Tenants};
use crate::context::{Change, OpContext};
use crate::directory::user::{self, Target, User};
use crate::list::expect_version;
use crate::model::error::{Error, Result};
use crate::model::{TenantId, UserId};
use crate::store::entity::{in_tenants, tenant as tenant_table, user as user_table, user_role};

/// Withdraws a role that was assigned to a user, by name or id: for the whole organization, or for one tenant. Does
/// nothing if the user does not have it there, or only through a group. `FORBIDDEN` for a user whose permissions go beyond
/// the caller's; `INVALID` if callers would remove permissions from themselves, `CONFLICT` for the last super admin.
///
/// Callers with access to the tenant may withdraw a role for it from a user outside it, if the response shows `id_only`. Only the permissions that the user has for the tenant are compared.
pub async fn withdraw(
    op: &OpContext,
    target: &Target,
    role: &str,
    tenant_id: Option<&str>,
    id_only: bool,
    expected_version: Option<i64>,
) -> Result<User> {
    let granted = op.authorize(Action::Modify, Resource::User)?;
    let change = op.begin().await?;
    let inside = locate(&change, op, &granted, target, role, tenant_id).await;
    let (row, role, had) = match (inside, granted.tenants(), tenant_id) {
        // The version of such a user is not shown either.
        (Err(Error::NotFound(message)), Some(tenants), Some(tenant_id)) if expected_version.is_none() => {
            let found = outsider(&change, tenants, target, tenant_id).await?;
            let Some(row) = found else {
                return Err(Error::NotFound(message));
            };
            if !id_only {
                return Err(Error::forbidden(
                    "This user does not belong to the tenant. Ask for nothing but the 'id' of the user in the response."
                        .to_owned(),
                ));
            }
            let (role, had) = named(&change, op, &granted, &row, role, Some(tenant_id)).await?;
            let here = had.for_tenants.iter().map(|held| &held.role);
            let here = union(here.filter(|held| held.tenant_pk == role.tenant_pk));
            may_manage(op.actor(), Managing::Roles, &here)?;
            (row, role, had)
        }
        (inside, _, _) => inside?,
    };
    expect_version(row.version, expected_version)?;
    if !had.has_directly(&role) {
        return Ok(row.into());
    }
    if granted.tenants().is_some() && role.tenant_pk.is_none() {
        return Err(Error::forbidden(
            "You manage single tenants only, but the user has this role for the whole organization.".to_owned(),
        ));
    }
    let standing = Standing::before(&*change, op.actor()).await?;
    user_role::Entity::delete_many()
        .filter(user_role::Column::UserPk.eq(row.pk))
        .filter(user_role::Column::RolePk.eq(role.role_pk))
        .filter(user_role::Column::Scope.eq(role.scope_key()))
        .exec(&*change)
        .await?;
    standing.remains(&*change, &union([&role]), "role").await?;
    let updated = user::touch_in_txn(&*change, &row, op.now()).await?;
    let mention = role.mention().removed();
    change.commit(events("user.withdrawRole", &row, &role, mention)).await?;
    Ok(updated.into())
}

/// A user of the organization who has a role for this tenant, one of the caller's, without belonging to it. Such a user is
/// identified by `id` alone: nothing else of it is shown, and a condition would tell what it matches.
async fn outsider(
    change: &Change<'_>,
    tenants: &Tenants,
    target: &Target,
    tenant_id: &str,
) -> Result<Option<user_table::Model>> {
    let (Some(id), None, true) = (&target.id, &target.email, target.also.is_empty()) else {
        return Ok(None);
    };
    let (Some(id), Some(tenant_id)) = (UserId::existing(id), TenantId::existing(tenant_id)) else {
        return Ok(None);
    };
    let tenant = tenant_table::Entity::find()
        .select_only()
        .column(tenant_table::Column::Pk)
        .filter(tenant_table::Column::Id.eq(tenant_id));
    let theirs = user_role::Entity::find()
        .select_only()
        .column(user_role::Column::UserPk)
        .filter(user_role::Column::TenantPk.in_subquery(tenant.into_query()))
        .filter(in_tenants(
            tenants,
            user_role::Column::OrganizationPk,
            user_role::Column::TenantPk,
        ));
    let found = user_table::Entity::find()
        .filter(user_table::Column::Id.eq(id))
        .filter(user_table::Column::Pk.in_subquery(theirs.into_query()))
        .lock(LockType::Update)
        .one(&**change)
        .await?;
    Ok(found)
}
