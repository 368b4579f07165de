//! Deletes a role.

use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};

use super::read::locate;
use super::{Role, Standing, Term};
use crate::authz::escalation::may_grant;
use crate::authz::{Action, Resource};
use crate::context::{Change, OpContext};
use crate::list::{Named, expect_version};
use crate::model::Rights;
use crate::model::error::Result;
use crate::store::audit_trail::{Event, Mention};
use crate::store::catalogue::{self, Catalogued as _};
use crate::store::entity::{group_role, role as table, user_role};

/// Deletes a role of an organization and withdraws it from every user and group; the event names `users` and `groups` if
/// there were any. `FORBIDDEN` for a built-in role, and for one whose permissions go beyond the caller's.
pub async fn delete(op: &OpContext, named: &Named<Term>, expected_version: Option<i64>) -> Result<Role> {
    let granted = op.authorize(Action::Delete, Resource::Role)?;
    let change = op.begin().await?;
    catalogue::hold(&*change).await?;
    let row = locate(op, &*change, &granted, named).await?;
    expect_version(row.version, expected_version)?;
    let event = delete_in_txn(op, &change, &row).await?;
    change.commit([event]).await?;
    Ok(row.into())
}

/// To how many users and groups a role is assigned.
pub async fn holders_in_txn(change: &Change<'_>, role_pk: i64) -> Result<u64> {
    let users = user_role::Entity::find().filter(user_role::Column::RolePk.eq(role_pk));
    let groups = group_role::Entity::find().filter(group_role::Column::RolePk.eq(role_pk));
    Ok(users.count(&**change).await? + groups.count(&**change).await?)
}

/// The same while the catalogue is held; returns the event.
pub async fn delete_in_txn(op: &OpContext, change: &Change<'_>, row: &table::Model) -> Result<Event> {
    let catalogue = change.known().now();
    let had = catalogue.from_stored(&row.permissions);
    may_grant(op.actor(), &Rights::of_organization(had))?;
    let standing = Standing::before(&**change, op.actor()).await?;
    let users = user_role::Entity::delete_many()
        .filter(user_role::Column::RolePk.eq(row.pk))
        .exec(&**change)
        .await?
        .rows_affected;
    let groups = group_role::Entity::delete_many()
        .filter(group_role::Column::RolePk.eq(row.pk))
        .exec(&**change)
        .await?
        .rows_affected;
    table::Entity::delete_by_id(row.pk).exec(&**change).await?;
    standing
        .remains(&**change, &Rights::of_organization(had), "where")
        .await?;
    let names = catalogue.names(had);
    let event = Event::new("role.delete", row.pk, &row.id)
        .of_organization(row.organization_pk)
        .named(row.name.clone())
        .about(names.iter().map(|name| Mention::permission(name).removed()))
        .fields((users > 0).then_some("users"))
        .fields((groups > 0).then_some("groups"))
        .access();
    Ok(event)
}
