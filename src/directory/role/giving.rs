//! Roles with a permission that somebody lacks.

use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::read::having;
use super::{Assigned, Role};
use crate::authz::Granted;
use crate::authz::escalation::may_grant;
use crate::context::OpContext;
use crate::directory::user::User;
use crate::model::error::Result;
use crate::model::{Permissions, Rights};
use crate::store::entity::role::{self as table, Column};

/// How many roles with the permission are looked at, and how many are named.
const ROLES_MAX: u64 = 1_000;
const NAMED_MAX: usize = 100;

/// The roles with a permission that the caller could assign to a user for this place, and that would help: those of all
/// organizations first, then the organization's, oldest first. `helps` says whether these permissions would do.
pub async fn that_would_give(
    op: &OpContext,
    granted: &Granted,
    permission: &str,
    user: &User,
    place: Option<i64>,
    helps: impl Fn(Permissions) -> bool,
) -> Result<Vec<Role>> {
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
    let catalogue = op.catalogue();
    let could_give = |row: &table::Model| {
        let permissions = Assigned::of(row.clone(), &catalogue).permissions;
        let mut rights = Rights::default();
        rights.add(place, permissions);
        may_grant(op.actor(), &rights).is_ok() && helps(permissions)
    };
    let given = rows.into_iter().filter(could_give).map(Role::from);
    let (mut everywhere, own): (Vec<Role>, Vec<Role>) = given.partition(|role| role.organization_pk.is_none());
    everywhere.extend(own);
    everywhere.truncate(NAMED_MAX);
    Ok(everywhere)
}
