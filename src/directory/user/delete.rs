//! Deletes a user.

use sea_orm::EntityTrait;

use super::{Target, User, locate};
use crate::authn;
use crate::authz::escalation::{Managing, may_manage};
use crate::authz::{Action, Resource};
use crate::context::OpContext;
use crate::directory::{invitation, organization, role, session};
use crate::list::expect_version;
use crate::model::error::{Error, Result};
use crate::store::audit_trail::Event;
use crate::store::entity::user as table;

/// Deletes a user and, in the same transaction, its keys, sessions, role assignments, memberships, settings, federated
/// identities and pending tokens. The open invitations that it sent are withdrawn. `INVALID` for the caller's own user,
/// `CONFLICT` for the last super admin.
pub async fn delete(op: &OpContext, target: &Target, expected_version: Option<i64>) -> Result<User> {
    let granted = op.authorize(Action::Delete, Resource::User)?;
    let mut change = op.begin().await?;
    let row = locate(&*change, &granted, target).await?;
    expect_version(row.version, expected_version)?;
    if op.actor().is(row.pk) {
        return Err(Error::invalid("where", "You cannot delete yourself.".to_owned()));
    }
    let rights = authn::rights_of(&*change, row.pk).await?;
    may_manage(op.actor(), Managing::Deletion, &rights)?;
    // Foreign keys delete all rows that reference the user; its sessions are locked in a fixed order before.
    session::end_all(&*change, row.pk, op.now()).await?;
    invitation::withdraw_all_of_in_txn(&*change, row.pk, op.now()).await?;
    table::Entity::delete_by_id(row.pk).exec(&*change).await?;
    if rights.reach_everywhere() {
        role::keep_a_super_admin(&*change).await?;
    }
    organization::follow_seats(&mut change, Some(&row), None, &granted).await?;
    let event = Event::new("user.delete", row.pk, &row.id)
        .of_user(&row)
        .counting(Some(&row), None);
    change.commit([event.access()]).await?;
    Ok(row.into())
}
