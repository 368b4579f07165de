//! Assigns roles to users.

use std::collections::BTreeSet;

use sea_orm::sea_query::InsertStatement;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryTrait, Set};

use super::resolve::{assignable, find_named};
use super::{Assigned, Held, held, union};
use crate::authz::escalation::{Managing, may_grant, may_manage};
use crate::authz::{Action, Granted, Resource, TENANTS_MAX};
use crate::context::{Change, OpContext};
use crate::directory::tenant;
use crate::directory::user::{self, Target, User};
use crate::list::expect_version;
use crate::model::error::{Error, Result, shown};
use crate::model::{Actor, Caller, Timestamp};
use crate::store::audit_trail::{Event, Mention};
use crate::store::db::rows_at_once;
use crate::store::entity::{group_role, user as user_table, user_role};

/// Assigns a role to a user, by name or id: for the whole organization, or for one tenant of it. Does nothing if the user
/// already has it there. `FORBIDDEN` for a role, or a user, whose permissions go beyond the caller's; `NOT_FOUND` for a
/// role that is neither built in nor belongs to the user's organization, and for a tenant outside the caller's scope;
/// `LIMIT_EXCEEDED` for one tenant too many.
pub async fn assign(
    op: &OpContext,
    target: &Target,
    role: &str,
    tenant_id: Option<&str>,
    expected_version: Option<i64>,
) -> Result<User> {
    let granted = op.authorize(Action::Modify, Resource::User)?;
    let change = op.begin().await?;
    let (row, role, had) = locate(&change, op, &granted, target, role, tenant_id).await?;
    expect_version(row.version, expected_version)?;
    if had.has_directly(&role) {
        return Ok(row.into());
    }
    grantable(op.actor(), &granted, std::slice::from_ref(&role), &[])?;
    let mut wanted = had.directly_for_tenants();
    wanted.push(role.clone());
    few_tenants(&wanted, "tenant")?;
    user_role::Entity::insert(assignment(row.pk, row.organization_pk, &role, Made::by_caller(op)))
        .exec_without_returning(&*change)
        .await?;
    let updated = user::touch_in_txn(&*change, &row, op.now()).await?;
    let mention = role.mention().added();
    change.commit(events("user.assignRole", &row, &role, mention)).await?;
    Ok(updated.into())
}

/// The user, the role and the user's roles, for assigning or withdrawing the role.
pub(super) async fn locate(
    change: &Change<'_>,
    op: &OpContext,
    granted: &Granted,
    target: &Target,
    role: &str,
    tenant_id: Option<&str>,
) -> Result<(user_table::Model, Assigned, Held)> {
    let row = user::locate(&**change, granted, target).await?;
    let (role, had) = named(change, op, granted, &row, role, tenant_id).await?;
    may_manage(op.actor(), Managing::Roles, &had.rights())?;
    Ok((row, role, had))
}

/// The role and the user's roles.
pub(super) async fn named(
    change: &Change<'_>,
    op: &OpContext,
    granted: &Granted,
    row: &user_table::Model,
    role: &str,
    tenant_id: Option<&str>,
) -> Result<(Assigned, Held)> {
    let tenant = match tenant_id {
        Some(id) => Some(tenant::within(&**change, granted, row.organization_pk, id).await?),
        None => None,
    };
    let role = find_named(op, &**change, row.organization_pk, role)
        .await?
        .ok_or_else(|| Error::NotFound(format!("There is no role '{}'.", shown(role))))?
        .in_tenant(tenant);
    assignable(&role, "role")?;
    let had = held(&**change, [row.pk]).await?.remove(&row.pk).unwrap_or_default();
    Ok((role, had))
}

/// An event for the tenant that the role is for, and another one for the user's own tenant if that is a different one: the
/// administrators of both see what changed.
pub(super) fn events(action: &'static str, row: &user_table::Model, role: &Assigned, mention: Mention) -> Vec<Event> {
    let field = match role.tenant_pk {
        None => "roles",
        Some(_) => "tenantRoles",
    };
    let event = Event::new(action, row.pk, &row.id).about([mention]);
    let event = event.concerning(row).fields([field]).access();
    match role.tenant_pk {
        Some(pk) if row.tenant_pk != Some(pk) => {
            let here = event.clone().of_tenant(row.organization_pk, Some(pk));
            let at_home = row.tenant_pk.map(|_| event.of_user(row));
            std::iter::once(here).chain(at_home).collect()
        }
        Some(_) | None => vec![event.of_user(row)],
    }
}

/// Refuses roles whose permissions go beyond the caller's. Roles that the user already has are not checked. Callers with
/// access to single tenants assign no role for the whole organization, not even one without permissions.
pub fn grantable(actor: &Actor, granted: &Granted, roles: &[Assigned], already: &[Assigned]) -> Result<()> {
    let new = besides(roles, already);
    if granted.tenants().is_some() && new.iter().any(|role| role.tenant_pk.is_none()) {
        return Err(Error::forbidden(
            "You manage single tenants only. Assign the role for one of them, not for the whole organization."
                .to_owned(),
        ));
    }
    may_grant(actor, &union(new))
}

/// The assignments of `these` that are not among `those`.
pub fn besides<'a>(these: &'a [Assigned], those: &[Assigned]) -> Vec<&'a Assigned> {
    these
        .iter()
        .filter(|role| !those.iter().any(|known| known.is(role)))
        .collect()
}

/// Refuses to assign roles for more tenants than a caller can use.
pub fn few_tenants(roles: &[Assigned], field: &str) -> Result<()> {
    let tenants: BTreeSet<i64> = roles.iter().filter_map(|role| role.tenant_pk).collect();
    match tenants.len() > TENANTS_MAX {
        true => Err(Error::LimitExceeded(format!(
            "'{field}': roles can be assigned for at most {TENANTS_MAX} single tenants. Assign a role for the whole \
             organization instead."
        ))),
        false => Ok(()),
    }
}

/// Whether anybody, or a group, has a role for this tenant.
pub async fn is_assigned_for(connection: &impl ConnectionTrait, tenant_pk: i64) -> Result<bool> {
    let user = user_role::Entity::find().filter(user_role::Column::TenantPk.eq(tenant_pk));
    if user.one(connection).await?.is_some() {
        return Ok(true);
    }
    let group = group_role::Entity::find().filter(group_role::Column::TenantPk.eq(tenant_pk));
    Ok(group.one(connection).await?.is_some())
}

/// When and by whom a role is assigned, or a member added.
#[derive(Clone, Copy, Debug)]
pub struct Made {
    pub at: Timestamp,
    /// The key of the user who really does it; `None` if that is not a user.
    pub by: Option<i64>,
}

impl Made {
    pub fn by_caller(op: &OpContext) -> Self {
        Self {
            at: op.now(),
            by: op.actor().caller().map(Caller::behind),
        }
    }
}

fn assignment(user_pk: i64, organization_pk: i64, role: &Assigned, made: Made) -> user_role::ActiveModel {
    user_role::ActiveModel {
        user_pk: Set(user_pk),
        role_pk: Set(role.role_pk),
        organization_pk: Set(organization_pk),
        tenant_pk: Set(role.tenant_pk),
        scope: Set(role.scope_key()),
        created_at: Set(made.at),
        created_by: Set(made.by),
    }
}

/// Withdraws all roles that a user has for single tenants, because it leaves the organization. Returns whether there were
/// any.
pub async fn leave_tenants_in_txn(connection: &impl ConnectionTrait, user_pk: i64) -> Result<bool> {
    let left = user_role::Entity::delete_many()
        .filter(user_role::Column::UserPk.eq(user_pk))
        .filter(user_role::Column::TenantPk.is_not_null())
        .exec(connection)
        .await?;
    Ok(left.rows_affected > 0)
}

/// What assigns roles to a user who does not have them, if there are any.
pub fn assigning<'a>(
    user_pk: i64,
    organization_pk: i64,
    roles: impl IntoIterator<Item = &'a Assigned>,
    made: Made,
) -> Option<InsertStatement> {
    let mut roles = roles.into_iter().peekable();
    roles.peek()?;
    let rows = roles.map(|role| assignment(user_pk, organization_pk, role, made));
    Some(user_role::Entity::insert_many(rows).into_query())
}

/// What assigns roles to several users who do not have them, each with its organization.
pub fn assigning_to_each<'a>(
    roles: impl IntoIterator<Item = (i64, i64, &'a Assigned)>,
    made: Made,
) -> Vec<InsertStatement> {
    /// The columns of an assignment.
    const VALUES: usize = 7;
    let rows = roles.into_iter();
    let rows: Vec<user_role::ActiveModel> = rows
        .map(|(user_pk, organization_pk, role)| assignment(user_pk, organization_pk, role, made))
        .collect();
    let at_once = rows.chunks(rows_at_once(VALUES));
    at_once
        .map(|some| user_role::Entity::insert_many(some.iter().cloned()).into_query())
        .collect()
}

/// Replaces the user's direct roles for the whole organization with `roles`. Roles for tenants stay.
pub async fn replace_in_txn(
    connection: &impl ConnectionTrait,
    user_pk: i64,
    organization_pk: i64,
    had: &[Assigned],
    roles: &[Assigned],
    made: Made,
) -> Result<()> {
    let lost = besides(had, roles);
    if !lost.is_empty() {
        user_role::Entity::delete_many()
            .filter(user_role::Column::UserPk.eq(user_pk))
            .filter(user_role::Column::Scope.eq(0))
            .filter(user_role::Column::RolePk.is_in(lost.iter().map(|role| role.role_pk)))
            .exec(connection)
            .await?;
    }
    if let Some(insertion) = assigning(user_pk, organization_pk, besides(roles, had), made) {
        connection.execute(&insertion).await?;
    }
    Ok(())
}
