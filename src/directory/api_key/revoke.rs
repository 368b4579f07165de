//! Revokes keys.

use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect, Set};

use super::ApiKey;
use crate::authz::{Action, Resource};
use crate::context::OpContext;
use crate::model::error::{Error, Result};
use crate::model::{composed, is_storable};
use crate::store::audit_trail::Event;
use crate::store::entity::api_key::{self as table, Column};

const NAMES_MAX: usize = 100;

/// Revokes the caller's keys with these names, effective with the next request. Unknown names are ignored.
pub async fn revoke(op: &OpContext, names: &[String]) -> Result<Vec<ApiKey>> {
    let granted = op.authorize(Action::Delete, Resource::ApiKey)?;
    if names.len() > NAMES_MAX {
        return Err(Error::invalid(
            "names",
            format!("'names' must contain at most {NAMES_MAX} names."),
        ));
    }
    let now = op.now();
    let mut change = op.begin().await?;
    // One of them may be the key of this request.
    change.hold_caller().await?;
    let keys = table::Entity::find()
        .filter(table::within(&granted))
        .filter(Column::Name.is_in(names.iter().filter(|name| is_storable(name)).map(|name| composed(name))))
        .filter(table::in_force(now))
        .lock_exclusive()
        .all(&*change)
        .await?;
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let mut revoked = Vec::with_capacity(keys.len());
    let mut events = Vec::with_capacity(keys.len());
    for key in keys {
        let (version, updated_at) = (key.version, key.updated_at);
        let mut key = key.into_active_model();
        key.revoked_at = Set(Some(now));
        key.version = Set(version + 1);
        key.updated_at = Set(now.later_than(updated_at));
        let key = key.update(&*change).await?;
        let event = Event::new("apiKey.revoke", key.pk, &key.id)
            .named(key.name.clone())
            .access();
        events.push(op.actor().caller().into_iter().fold(event, Event::of_caller));
        revoked.push(key.into());
    }
    change.commit(events).await?;
    Ok(revoked)
}
