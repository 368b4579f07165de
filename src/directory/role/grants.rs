//! How users have their roles: directly or through which group, for which tenant, since when, and from whom.

use std::collections::HashMap;

use sea_orm::{FromQueryResult, QueryResult, Statement};

use super::held::{in_answer, keys};
use crate::authz::{Action, Resource};
use crate::context::OpContext;
use crate::model::error::Result;
use crate::model::{Catalogue, Permissions, Timestamp};
use crate::store::catalogue;

/// A role that a user has in one way. With another group or for another tenant, it is another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleGrant {
    pub role_pk: i64,
    pub permissions: Permissions,
    /// The group that gives it; `None` if it is assigned to the user directly.
    pub group_pk: Option<i64>,
    /// The tenant that it is for; `None` for the whole organization.
    pub tenant_pk: Option<i64>,
    /// When the user got it; through a group, when the user joined or the group got the role, whichever came later.
    pub since: Timestamp,
    /// The key of the user who did that; it may be deleted by now. `None` if it was not a user, or is not known.
    pub by_pk: Option<i64>,
}

#[derive(FromQueryResult)]
struct Row {
    user_pk: i64,
    role_pk: i64,
    group_pk: Option<i64>,
    tenant_pk: Option<i64>,
    since: Timestamp,
    by_pk: Option<i64>,
    organization_pk: Option<i64>,
    name: String,
    permissions: String,
}

/// All of these users, in one statement, each sorted by role name; a user without any role is absent. Charged to the
/// response.
pub async fn grants(op: &OpContext, user_pks: impl IntoIterator<Item = i64>) -> Result<HashMap<i64, Vec<RoleGrant>>> {
    let backend = op.db().backend();
    let (keys, is_one) = keys(backend, user_pks);
    let later = |column: &str| format!("CASE WHEN gm.created_at > gr.created_at THEN gm.{column} ELSE gr.{column} END");
    let statement = Statement::from_sql_and_values(
        backend,
        format!(
            "SELECT has.user_pk, has.role_pk, has.group_pk, has.tenant_pk, has.since, has.by_pk,
                    r.organization_pk, r.name, r.permissions, {}
             FROM (SELECT user_pk, role_pk, CAST(NULL AS BIGINT) AS group_pk, tenant_pk, created_at AS since,
                          created_by AS by_pk
                   FROM user_roles WHERE user_pk {is_one}
                   UNION ALL
                   SELECT gm.user_pk, gr.role_pk, gr.group_pk, gr.tenant_pk, {}, {}
                   FROM group_members gm JOIN group_roles gr ON gr.group_pk = gm.group_pk
                   WHERE gm.user_pk {is_one}) has
             JOIN roles r ON r.pk = has.role_pk
             ORDER BY r.name, r.pk, COALESCE(has.tenant_pk, 0), COALESCE(has.group_pk, 0)",
            catalogue::VERSION,
            later("created_at"),
            later("created_by"),
        ),
        [keys],
    );
    in_answer(op, &statement, add).await
}

/// Adds a role to its user; returns its size in bytes.
fn add(users: &mut HashMap<i64, Vec<RoleGrant>>, row: &QueryResult, catalogue: &Catalogue) -> Result<usize> {
    let row = Row::from_query_result(row, "")?;
    let bytes = size_of::<RoleGrant>() + row.permissions.len();
    users.entry(row.user_pk).or_default().push(RoleGrant {
        role_pk: row.role_pk,
        permissions: catalogue.of_role(row.organization_pk, &row.name, &row.permissions),
        group_pk: row.group_pk,
        tenant_pk: row.tenant_pk,
        since: row.since,
        by_pk: row.by_pk,
    });
    Ok(bytes)
}

/// Only those that the caller sees on their users: all for the whole organization, and for single tenants those for tenants
/// whose users it may read. Callers see all of their own.
pub fn grants_in_sight(op: &OpContext, user_pk: i64, mut grants: Vec<RoleGrant>) -> Vec<RoleGrant> {
    if op.actor().is(user_pk) {
        return grants;
    }
    let granted = op.authorize(Action::Read, Resource::User).ok();
    let covered = |pk| granted.as_ref().is_some_and(|granted| granted.covers_roles_for(pk));
    grants.retain(|grant| grant.tenant_pk.is_none_or(covered));
    grants
}
