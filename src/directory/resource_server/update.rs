//! Changes a resource server.

use sea_orm::{ActiveModelTrait, IntoActiveModel, Set};

use super::{ResourceServer, SettingsChange, Term, in_full_power};
use crate::authz::{Action, Resource};
use crate::context::{Change, OpContext};
use crate::list::{self, Named, expect_version};
use crate::model;
use crate::model::RecipientSettings;
use crate::model::error::{Error, Result};
use crate::store::audit_trail::Event;
use crate::store::catalogue;
use crate::store::entity::resource_server as table;

/// The changes; `None` leaves a field unchanged.
#[derive(Clone, Debug, Default)]
pub struct ResourceServerChange {
    pub name: Option<String>,
    pub settings: SettingsChange,
}

/// Changes only the given fields, for the tokens that are made from now on. Only super admins can.
pub async fn update(
    op: &OpContext,
    named: &Named<Term>,
    wanted: &ResourceServerChange,
    expected_version: Option<i64>,
) -> Result<ResourceServer> {
    let granted = op.authorize(Action::Modify, Resource::ResourceServer)?;
    in_full_power(op)?;
    let change = op.begin().await?;
    catalogue::change(&*change).await?;
    let row = list::locate::<ResourceServer>(&*change, &granted, named, "resource server").await?;
    expect_version(row.version, expected_version)?;
    let (row, event) = update_in_txn(op, &change, row, wanted).await?;
    if let Some((event, _)) = event {
        change.commit([event]).await?;
    }
    Ok(row.into())
}

/// The same within a change of the catalogue; returns the event and the changed fields, if anything changed.
pub async fn update_in_txn(
    op: &OpContext,
    change: &Change<'_>,
    row: table::Model,
    wanted: &ResourceServerChange,
) -> Result<(table::Model, Option<(Event, Vec<&'static str>)>)> {
    let before = RecipientSettings::from_stored(&row.settings).map_err(Error::internal)?;
    let settings = wanted.settings.applied_to(&before, &row.id)?;
    let name = wanted
        .name
        .as_deref()
        .map(|name| model::name("name", name))
        .transpose()?;
    let mut fields = Vec::new();
    let mut new = row.clone().into_active_model();
    model::set(&mut fields, "name", &mut new.name, name);
    fields.extend(SettingsChange::between(&before, &settings));
    if fields.is_empty() {
        return Ok((row, None));
    }
    new.settings = Set(settings.to_stored().map_err(Error::internal)?);
    new.version = Set(row.version + 1);
    new.updated_at = Set(op.now().later_than(row.updated_at));
    let row = new.update(&**change).await?;
    let event = Event::new("resourceServer.update", row.pk, &row.id).named(row.name.clone());
    Ok((row, Some((event.fields(fields.clone()).access(), fields))))
}
