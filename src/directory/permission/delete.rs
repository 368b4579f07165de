//! Deletes a declared permission.

use sea_orm::{ActiveModelTrait, IntoActiveModel, Set};

use super::read::locate;
use super::{Permission, Term, in_full_power, stored};
use crate::authz::{Action, Resource};
use crate::context::{Change, OpContext};
use crate::list::{Named, expect_version};
use crate::model::error::{ConflictReason, Error, Result};
use crate::store::audit_trail::Event;
use crate::store::catalogue;
use crate::store::entity::permission as table;

/// Deletes a declared permission: nobody has it any more. `CONFLICT` if a role or an API key holds it, unless it is to be
/// withdrawn from them; `FORBIDDEN` for a built-in one. Only super admins can.
pub async fn delete(
    op: &OpContext,
    named: &Named<Term>,
    withdraw: bool,
    expected_version: Option<i64>,
) -> Result<Permission> {
    let granted = op.authorize(Action::Delete, Resource::Permission)?;
    in_full_power(op)?;
    let change = op.begin().await?;
    catalogue::change(&*change).await?;
    let row = locate(&*change, &granted, named).await?;
    expect_version(row.version, expected_version)?;
    let event = delete_in_txn(op, &change, &row, withdraw).await?;
    change.commit([event]).await?;
    Ok(row.into())
}

/// The same within a change of the catalogue; returns the event.
pub(super) async fn delete_in_txn(
    op: &OpContext,
    change: &Change<'_>,
    row: &table::Model,
    withdraw: bool,
) -> Result<Event> {
    let now = op.now();
    match stored::uses(&**change, &row.id, now).await? {
        [0, 0] => stored::take_out(&**change, &row.id, now).await?,
        _ if withdraw => stored::take_out(&**change, &row.id, now).await?,
        [roles, keys] => {
            return Err(Error::conflict(
                ConflictReason::InUse,
                format!(
                    "The permission '{}' is in use: by {roles} roles and {keys} API keys. Withdraw it from them in the same \
                     call with 'withdraw: true'.",
                    row.id
                ),
            ));
        }
    }
    // The row stays for a day, so that nothing else gets its bit while a set in memory may still have it.
    let mut gone = row.clone().into_active_model();
    gone.deleted_at = Set(Some(now));
    gone.resource_server_pk = Set(None);
    gone.update(&**change).await?;
    Ok(Event::new("permission.delete", row.pk, &row.id)
        .named(row.id.clone())
        .access())
}
