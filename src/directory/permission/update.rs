//! Changes a declared permission.

use sea_orm::{ActiveModelTrait, IntoActiveModel, Set};

use super::read::locate;
use super::{Permission, Term, in_full_power};
use crate::authz::{Action, Resource};
use crate::context::{Change, OpContext};
use crate::directory::resource_server;
use crate::list::{Named, expect_version};
use crate::model::error::Result;
use crate::model::{self, LadderRole};
use crate::store::audit_trail::Event;
use crate::store::catalogue;
use crate::store::entity::permission as table;

/// A field that can be cleared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clearable {
    Description,
    ResourceServerId,
}

/// The changes; `None` leaves a field unchanged. The empty string clears the description, and takes the permission out of its
/// resource server.
#[derive(Clone, Debug, Default)]
pub struct PermissionChange {
    pub description: Option<String>,
    /// A lower one gives the permission to more users at once, a higher one takes it from some.
    pub lowest_role: Option<LadderRole>,
    pub resource_server_id: Option<String>,
    pub clear: Vec<Clearable>,
}

/// Changes only the given fields. `FORBIDDEN` for a built-in permission. Only super admins can.
pub async fn update(
    op: &OpContext,
    named: &Named<Term>,
    wanted: PermissionChange,
    expected_version: Option<i64>,
) -> Result<Permission> {
    let granted = op.authorize(Action::Modify, Resource::Permission)?;
    in_full_power(op)?;
    let change = op.begin().await?;
    catalogue::change(&*change).await?;
    let row = locate(&*change, &granted, named).await?;
    expect_version(row.version, expected_version)?;
    let (row, event) = update_in_txn(op, &change, row, wanted).await?;
    if let Some(event) = event {
        change.commit([event]).await?;
    }
    Ok(row.into())
}

/// The same within a change of the catalogue; returns the event if anything changed.
pub(super) async fn update_in_txn(
    op: &OpContext,
    change: &Change<'_>,
    row: table::Model,
    wanted: PermissionChange,
) -> Result<(table::Model, Option<Event>)> {
    let description = model::clearable_description("description", wanted.description.as_deref())?;
    let clears = wanted.clear.contains(&Clearable::Description);
    let description = model::cleared("description", description, clears)?;
    let server = match wanted.resource_server_id.as_deref() {
        None => None,
        Some("") => Some(None),
        Some(id) => Some(Some(resource_server::key_of(&**change, id).await?)),
    };
    let clears = wanted.clear.contains(&Clearable::ResourceServerId);
    let server = model::cleared("resourceServerId", server, clears)?;
    let lowest = wanted.lowest_role.map(|role| role.name().to_owned());
    let mut fields = Vec::new();
    let mut new = row.clone().into_active_model();
    model::set(&mut fields, "description", &mut new.description, description);
    model::set(&mut fields, "lowestRole", &mut new.lowest_role, lowest);
    model::set(&mut fields, "resourceServerId", &mut new.resource_server_pk, server);
    if fields.is_empty() {
        return Ok((row, None));
    }
    new.version = Set(row.version + 1);
    new.updated_at = Set(op.now().later_than(row.updated_at));
    let row = new.update(&**change).await?;
    let event = Event::new("permission.update", row.pk, &row.id).named(row.id.clone());
    Ok((row, Some(event.fields(fields).access())))
}
