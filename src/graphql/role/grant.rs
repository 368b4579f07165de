//! How users have their roles, in the schema.

use std::collections::HashMap;

use async_graphql::SimpleObject;

use super::RoleObject;
use crate::context::OpContext;
use crate::directory::group::{self, Group};
use crate::directory::role::{self, Role, RoleGrant};
use crate::directory::tenant::{self, Tenant};
use crate::graphql::group::GroupObject;
use crate::graphql::tenant::TenantObject;
use crate::graphql::user::{UserObject, in_field as users_beside};
use crate::graphql::{DateTime, List, Related, Selection, Shared, listing};
use crate::model::error::Result;

/// A role that a user has, and how: a role that several groups give is one for each of them.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(name = "RoleGrant")]
pub struct RoleGrantObject {
    /// The role.
    pub role: Shared<RoleObject>,
    /// The tenant that it is for; null for the whole organization.
    pub tenant: Option<Shared<TenantObject>>,
    /// Whether it is assigned to the user itself, not to a group.
    pub direct: bool,
    /// The group that gives it; null if it is assigned directly, or if the caller may not see the group.
    pub group: Option<Shared<GroupObject>>,
    /// When the user got it. Through a group: when the user joined the group, or the group got the role, whichever came later.
    pub since: DateTime,
    /// The user who assigned it, or sent the invitation with it; through a group, the one who did what came later. Null if no
    /// user did it, or if that user was deleted or the caller may not see it.
    pub by: Option<Shared<UserObject>>,
}

/// Those of some users, with what is selected under them.
pub async fn grants_beside(
    op: &OpContext,
    users: impl IntoIterator<Item = (i64, Vec<RoleGrant>)>,
    selection: &Selection<'_>,
) -> Result<HashMap<i64, List<RoleGrantObject>>> {
    let seen = |(user, grants): (i64, Vec<RoleGrant>)| (user, role::grants_in_sight(op, user, grants));
    let users: Vec<(i64, Vec<RoleGrant>)> = users.into_iter().map(seen).collect();
    let all = || users.iter().flat_map(|(_, grants)| grants);
    if all().next().is_none() {
        return Ok(HashMap::new());
    }
    let under = selection.under_field("role").unwrap_or_default();
    let pks = all().map(|grant| grant.role_pk);
    let roles = role::by_keys(op, pks, listing::fields_of::<Role>(&under)).await?;
    let roles = Related::present(op, roles, &under).await?;
    let mut tenants = Related::default();
    let pks: Vec<i64> = all().filter_map(|grant| grant.tenant_pk).collect();
    if let Some(under) = selection.under_field("tenant").filter(|_| !pks.is_empty()) {
        let found = tenant::by_keys(op, pks, listing::fields_of::<Tenant>(&under)).await?;
        tenants = Related::present(op, found, &under).await?;
    }
    let mut groups = Related::default();
    let pks: Vec<i64> = all().filter_map(|grant| grant.group_pk).collect();
    if let Some(under) = selection.under_field("group").filter(|_| !pks.is_empty()) {
        let found = group::by_keys(op, pks, listing::fields_of::<Group>(&under)).await?;
        groups = Related::present(op, found, &under).await?;
    }
    let authors = users_beside(op, selection, "by", all().filter_map(|grant| grant.by_pk)).await?;
    let object = |grant: &RoleGrant| {
        Some(RoleGrantObject {
            role: roles.object(grant.role_pk)?,
            tenant: tenants.object(grant.tenant_pk),
            direct: grant.group_pk.is_none(),
            group: groups.object(grant.group_pk),
            since: grant.since.into(),
            by: authors.object(grant.by_pk),
        })
    };
    let objects = users.iter();
    Ok(objects
        .map(|(user, grants)| (*user, grants.iter().filter_map(object).collect()))
        .collect())
}
