//! Revokes keys.

use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect, Set,
};

use super::ApiKey;
use crate::authn;
use crate::authz::escalation::{Managing, may_manage};
use crate::authz::{Action, Resource};
use crate::context::OpContext;
use crate::directory::{email_verification, user};
use crate::model::error::{Error, Result};
use crate::model::{ApiKeyId, Timestamp, composed, digest, is_storable};
use crate::store::audit_trail::Event;
use crate::store::entity::api_key::{self as table, Column};
use crate::store::entity::user as user_table;

const NAMES_MAX: usize = 100;
/// How many keys one call revokes.
const KEYS_MAX: u64 = 1_000;

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
    let (revoked, events) = end(&*change, keys, now).await?;
    let caller = op.actor().caller();
    let of_caller = |event| caller.into_iter().fold(event, Event::of_caller);
    change.commit(events.into_iter().map(of_caller)).await?;
    Ok(revoked)
}

/// Revokes keys of a user whom the caller may change, or of the caller: those with these ids, or without ids all of
/// them, at most `KEYS_MAX`, the oldest first. Ids of other keys are ignored.
pub async fn revoke_of_user(op: &OpContext, target: &user::Target, ids: Option<&[String]>) -> Result<Vec<ApiKey>> {
    let granted = op.authorize(Action::Delete, Resource::ManagedApiKey)?;
    if ids.is_some_and(|ids| ids.len() > NAMES_MAX) {
        return Err(Error::invalid(
            "ids",
            format!("'ids' must contain at most {NAMES_MAX} ids."),
        ));
    }
    let now = op.now();
    let mut change = op.begin().await?;
    let owner = user::locate(&*change, &granted, target).await?;
    if !op.actor().is(owner.pk) {
        let rights = authn::rights_of(&*change, owner.pk).await?;
        may_manage(op.actor(), Managing::Access, &rights)?;
    }
    // One of them may be the key of this request.
    change.hold_caller().await?;
    let mut wanted = table::Entity::find()
        .filter(Column::UserPk.eq(owner.pk))
        .filter(table::in_force(now))
        .order_by_asc(Column::Pk)
        .limit(KEYS_MAX);
    if let Some(ids) = ids {
        wanted = wanted.filter(Column::Id.is_in(ids.iter().filter_map(|id| ApiKeyId::existing(id))));
    }
    let keys = wanted.lock_exclusive().all(&*change).await?;
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    // Somebody who used one of them may have requested another address for somebody.
    email_verification::forget_changes_in_txn(&*change, [owner.pk]).await?;
    let (revoked, events) = end(&*change, keys, now).await?;
    change
        .commit(events.into_iter().map(|event| event.of_user(&owner)))
        .await?;
    Ok(revoked)
}

/// Revokes the key with this secret, for everybody who knows it; returns whether there was one in force.
pub async fn revoke_by_secret(op: &OpContext, secret: &str) -> Result<bool> {
    let now = op.now();
    let by_secret = || {
        table::Entity::find()
            .filter(Column::Digest.eq(digest(secret)))
            .filter(table::in_force(now))
    };
    // Guesses, which need no credential, get no transaction.
    if by_secret().count(op.db().reader()).await? == 0 {
        return Ok(false);
    }
    let change = op.begin().await?;
    let Some(key) = by_secret().lock_exclusive().one(&*change).await? else {
        return Ok(false);
    };
    let owner = user_table::Entity::find_by_id(key.user_pk).one(&*change).await?;
    let (_, events) = end(&*change, vec![key], now).await?;
    let of_owner = |event| owner.iter().fold(event, Event::of_user);
    change.commit(events.into_iter().map(of_owner)).await?;
    Ok(true)
}

/// Revokes keys; returns the events too, which still lack the owner's organization.
async fn end(
    connection: &impl ConnectionTrait,
    keys: Vec<table::Model>,
    now: Timestamp,
) -> Result<(Vec<ApiKey>, Vec<Event>)> {
    let mut revoked = Vec::with_capacity(keys.len());
    let mut events = Vec::with_capacity(keys.len());
    for key in keys {
        let (version, updated_at) = (key.version, key.updated_at);
        let mut key = key.into_active_model();
        key.revoked_at = Set(Some(now));
        key.version = Set(version + 1);
        key.updated_at = Set(now.later_than(updated_at));
        let key = key.update(connection).await?;
        let event = Event::new("apiKey.revoke", key.pk, &key.id).named(key.name.clone());
        events.push(event.access());
        revoked.push(key.into());
    }
    Ok((revoked, events))
}
