//! Deletes a resource server.

use sea_orm::{ColumnTrait, EntityTrait, ModelTrait, PaginatorTrait, QueryFilter};

use super::{ResourceServer, Term, in_full_power};
use crate::authz::{Action, Resource};
use crate::context::{Change, OpContext};
use crate::list::{self, Named, expect_version};
use crate::model::OWN_RECIPIENT;
use crate::model::error::{ConflictReason, Error, Result};
use crate::store::audit_trail::Event;
use crate::store::catalogue;
use crate::store::entity::permission;
use crate::store::entity::resource_server as table;

/// Deletes a resource server: tokens for it are no longer in force. `INVALID` for `default`; `CONFLICT` if permissions belong
/// to it. Only super admins can.
pub async fn delete(op: &OpContext, named: &Named<Term>, expected_version: Option<i64>) -> Result<ResourceServer> {
    let granted = op.authorize(Action::Delete, Resource::ResourceServer)?;
    in_full_power(op)?;
    let change = op.begin().await?;
    catalogue::change(&*change).await?;
    let row = list::locate::<ResourceServer>(&*change, &granted, named, "resource server").await?;
    expect_version(row.version, expected_version)?;
    let event = delete_in_txn(&change, &row).await?;
    change.commit([event]).await?;
    Ok(row.into())
}

/// The same within a change of the catalogue; returns the event.
pub async fn delete_in_txn(change: &Change<'_>, row: &table::Model) -> Result<Event> {
    if row.id == OWN_RECIPIENT {
        return Err(Error::invalid(
            "where",
            format!("The resource server '{OWN_RECIPIENT}' is this server, and cannot be deleted."),
        ));
    }
    let own = permission::Entity::find().filter(permission::Column::ResourceServerPk.eq(row.pk));
    let permissions = own
        .filter(permission::Column::DeletedAt.is_null())
        .count(&**change)
        .await?;
    if permissions > 0 {
        return Err(Error::conflict(
            ConflictReason::InUse,
            format!(
                "The resource server '{}' is in use: {permissions} permissions belong to it. Delete them first, or clear \
                 their 'resourceServerId'.",
                row.id
            ),
        ));
    }
    row.clone().delete(&**change).await?;
    let event = Event::new("resourceServer.delete", row.pk, &row.id).named(row.name.clone());
    Ok(event.access())
}
