//! Roles with a permission that somebody lacks.

use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::read::having;
use super::{Assigned, Role};
use crate::authz::Granted;
use crate::authz::escalation::may_grant;
use crate::context::OpContext;
use crate::directory::user::User;
use crate::model::Rights;
use crate::model::error::Result;
use crate::store::entity::role::{self as table, Column};

/// How many of an organization's roles are looked at.
const ROLES_MAX: u64 = 100;

/// The roles with a permission that the caller could give to a user, as far as it is about what they permit: the built-in
/// ones first, then the organization's, oldest first.
pub async fn that_would_give(op: &OpContext, granted: &Granted, permission: &str, user: &User) -> Result<Vec<Role>> {
    let Some(having) = having(op, permission) else {
        return Ok(Vec::new());
    };
    let rows = table::Entity::find()
        .filter(table::within(granted))
        .filter(
            Condition::any()
                .add(Column::OrganizationPk.is_null())
                .add(Column::OrganizationPk.eq(user.organization_pk)),
        )
        .filter(having)
        .order_by_asc(Column::CreatedAt)
        .order_by_asc(Column::Id)
        .limit(ROLES_MAX)
        .all(op.db().reader())
        .await?;
    // Who manages single tenants gives roles for these.
    let place = granted.tenants().and(user.tenant_pk);
    let catalogue = op.catalogue();
    let could_give = |row: &table::Model| {
        let mut rights = Rights::default();
        rights.add(place, Assigned::of(row.clone(), &catalogue).permissions);
        may_grant(op.actor(), &rights).is_ok()
    };
    Ok(rows.into_iter().filter(could_give).map(Role::from).collect())
}
