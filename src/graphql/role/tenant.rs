//! Roles for single tenants in the schema.

use std::collections::HashMap;

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use super::{RoleObject, beside};
use crate::authz::Resource;
use crate::context::OpContext;
use crate::directory::group::{self, Group};
use crate::directory::role::{self, ForTenant, Role, RoleForTenant};
use crate::directory::tenant::{self, Tenant};
use crate::graphql::group::GroupObject;
use crate::graphql::tenant::TenantObject;
use crate::graphql::{List, PageSize, Related, Result, Selection, Shared, listing, op, window};

/// A role that holds for one tenant only.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(name = "TenantRole")]
pub struct TenantRoleObject {
    /// The role.
    pub role: Shared<RoleObject>,
    /// The tenant that it holds for.
    pub tenant: Shared<TenantObject>,
    /// The group that gives it; null if it is assigned directly, or if the caller may not see the group.
    pub through: Option<Shared<GroupObject>>,
}

/// A role for one tenant.
#[derive(Clone, Debug, InputObject)]
pub struct TenantRoleData {
    /// The name or id of a built-in role, or of a custom role of the organization.
    role: String,
    /// The id of a tenant of the organization.
    tenant: ID,
}

impl From<TenantRoleData> for RoleForTenant {
    fn from(data: TenantRoleData) -> Self {
        Self {
            role: data.role,
            tenant: data.tenant.0,
        }
    }
}

/// A user from outside a tenant who has a role for it.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(name = "Outsider")]
pub struct OutsiderObject {
    /// The id of the user.
    pub id: ID,
    /// The `name` that was set, or else first and last name, or else the `id`.
    pub name: String,
    /// The roles assigned to it for the tenant, ordered by name.
    pub roles: List<Shared<RoleObject>>,
}

/// The roles for single tenants of some users, groups or invitations, as far as the caller sees them, with what is selected
/// under them.
pub async fn for_tenants_beside(
    op: &OpContext,
    resource: Resource,
    owners: impl IntoIterator<Item = (i64, Vec<ForTenant>)>,
    selection: &Selection<'_>,
) -> crate::model::error::Result<HashMap<i64, List<TenantRoleObject>>> {
    let owners = role::for_tenants_in_sight(op, resource, owners);
    let all = || owners.iter().flat_map(|(_, roles)| roles);
    if all().next().is_none() {
        return Ok(HashMap::new());
    }
    let under = |field| selection.under_field(field).unwrap_or_default();
    let (of_role, of_tenant, of_group) = (under("role"), under("tenant"), under("through"));
    let roles = role::by_keys(
        op,
        all().map(|held| held.role.role_pk),
        listing::fields_of::<Role>(&of_role),
    )
    .await?;
    let roles = Related::present(op, roles, &of_role).await?;
    let pks = all().filter_map(|held| held.role.tenant_pk);
    let fields = listing::fields_of::<Tenant>(&of_tenant);
    let tenants = Related::present(op, tenant::by_keys(op, pks, fields).await?, &of_tenant).await?;
    let pks: Vec<i64> = all().filter_map(|held| held.group_pk).collect();
    let mut groups = Related::default();
    if !pks.is_empty() {
        let found = group::by_keys(op, pks, listing::fields_of::<Group>(&of_group)).await?;
        groups = Related::present(op, found, &of_group).await?;
    }
    let object = |held: &ForTenant| {
        Some(TenantRoleObject {
            role: roles.object(held.role.role_pk)?,
            tenant: tenants.object(held.role.tenant_pk)?,
            through: groups.object(held.group_pk),
        })
    };
    Ok(owners
        .iter()
        .map(|(owner, roles)| (*owner, roles.iter().filter_map(object).collect()))
        .collect())
}

#[derive(Default)]
pub struct OutsiderQuery;

#[Object]
impl OutsiderQuery {
    /// The users of the organization who have a role for a tenant without belonging to it, ordered by id. Roles through
    /// groups are not included. Needs `read:user` for the tenant.
    async fn outsiders(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of the tenant.")] tenant: ID,
        #[graphql(desc = "Page size, from 1 to 100.", default_with = "Some(PageSize(100))")] first: Option<PageSize>,
        #[graphql(desc = "Number of items to skip.", default = 0)] skip: Option<i32>,
    ) -> Result<List<OutsiderObject>> {
        let op = op(ctx);
        let _turn = op.turn().await;
        let found = role::outsiders(op, &tenant, window(first, skip)?).await?;
        let under = Selection::of(ctx).under_field("roles").unwrap_or_default();
        let theirs = found.iter().map(|one| (one.pk, one.roles.as_slice()));
        let roles = beside(op, theirs, &under).await?;
        let object = |one: role::Outsider| OutsiderObject {
            id: ID(one.id),
            name: one.name,
            roles: roles.get(&one.pk).cloned().unwrap_or_default(),
        };
        Ok(found.into_iter().map(object).collect())
    }
}
