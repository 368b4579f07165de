//! Replaces a key's secret.

use std::time::Duration;

use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect, Set};

use super::create::{Wanted, insert};
use super::{ApiKey, NewSecret, Target};
use crate::authz::{Action, Resource};
use crate::context::OpContext;
use crate::model::Permissions;
use crate::model::error::{Error, Result};
use crate::model::{Caller, Secret};
use crate::store::audit_trail::Event;
use crate::store::entity::api_key::{self as table, Column};

const OVERLAP_SECONDS_MAX: i64 = 7 * 24 * 60 * 60;

/// Gives one of the caller's keys a new secret, under the same name and limits. The old one stays valid for
/// `overlap_seconds` (0 to 604,800), so that programs can switch.
pub async fn rotate(op: &OpContext, target: &Target, overlap_seconds: i64) -> Result<NewSecret> {
    let granted = op.authorize(Action::Modify, Resource::ApiKey)?;
    let caller = op.actor().caller().ok_or_else(|| Error::internal("a key for nobody"))?;
    if !(0..=OVERLAP_SECONDS_MAX).contains(&overlap_seconds) {
        return Err(Error::invalid(
            "overlapSeconds",
            format!("'overlapSeconds' must be from 0 to {OVERLAP_SECONDS_MAX}, but is {overlap_seconds}."),
        ));
    }
    target.must_name()?;
    let now = op.now();
    let mut change = op.begin().await?;
    // Locks the owner first, then the key, in the same order as deleting or moving the owner.
    change.hold_caller().await?;
    let found = table::Entity::find()
        .filter(table::within(&granted))
        .filter(Column::RevokedAt.is_null())
        .filter(target.tests.to_sql::<ApiKey>(op.db().backend())?)
        .lock_exclusive()
        .limit(2)
        .all(&*change)
        .await?;
    let [old]: [table::Model; 1] = found
        .try_into()
        .map_err(|_| Error::NotFound("None of your active API keys matches 'where'.".to_owned()))?;
    if old.expires_at.is_some_and(|expiry| expiry <= now) {
        return Err(Error::invalid(
            "where",
            format!("The API key '{}' has expired; create a new one.", old.name),
        ));
    }
    may_replace(caller, &old)?;
    let ends_at = now.after(Duration::from_secs(overlap_seconds.unsigned_abs()));
    let mut ending = old.clone().into_active_model();
    ending.revoked_at = Set(Some(ends_at));
    ending.version = Set(old.version + 1);
    ending.updated_at = Set(now.later_than(old.updated_at));
    ending.update(&*change).await?;
    let secret = Secret::api_key()?;
    let wanted = Wanted {
        name: old.name.clone(),
        description: old.description,
        expires_at: old.expires_at,
        permissions: old.permissions.as_deref().map(Permissions::from_stored),
    };
    let (key, created) = insert(&*change, op, caller.user_pk, wanted, &secret).await?;
    let rotated = Event::new("apiKey.rotate", old.pk, &old.id).named(old.name);
    let rotated = rotated.of_caller(caller).access();
    change.commit([created.of_caller(caller), rotated]).await?;
    Ok(NewSecret { key, secret })
}

/// The new secret must not give more access than the original credential: the old key must not have more permissions or
/// a later expiry, unless it is the key of this request.
fn may_replace(caller: &Caller, old: &table::Model) -> Result<()> {
    let limits = caller.limits;
    let permitted = old
        .permissions
        .as_deref()
        .map_or_else(Permissions::all, Permissions::from_stored);
    let stronger = limits.permissions.is_some_and(|limit| !limit.contains(permitted));
    let longer = match (old.expires_at, limits.ends_at) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(expiry), Some(limit)) => expiry > limit,
    };
    if caller.api_key_pk != Some(old.pk) && (stronger || longer) {
        return Err(Error::forbidden(format!(
            "The API key '{}' has more permissions, or expires later, than the API key that you authenticated with.",
            old.name
        )));
    }
    Ok(())
}
