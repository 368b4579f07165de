//! Replaces a key's secret.

use std::time::Duration;

use sea_orm::sea_query::LockType;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect,
    QueryTrait, Set,
};

use super::create::{Wanted, insert, while_impersonating};
use super::{ApiKey, NewSecret, Target};
use crate::authn;
use crate::authz::escalation::{directly, may_create_key};
use crate::authz::{Action, Granted, Resource};
use crate::context::OpContext;
use crate::model::error::{Error, Result};
use crate::model::{ApiKeyId, Caller, Catalogue, Limits, Permissions, Secret, Timestamp};
use crate::store::audit_trail::Event;
use crate::store::catalogue::{self, Catalogued};
use crate::store::entity::api_key::{self as table, Column};
use crate::store::entity::user;

const OVERLAP_SECONDS_MAX: i64 = 7 * 24 * 60 * 60;

/// Gives a key a new secret, under the same name and limits: one of the caller's, or, by id, one of a service that the
/// caller may change. While impersonating, the new secret ends within 90 days. The old one stays valid for `overlap_seconds` (0 to 604,800), so that programs can switch.
pub async fn rotate(op: &OpContext, target: &Target, overlap_seconds: i64) -> Result<NewSecret> {
    let own = op.authorize(Action::Modify, Resource::ApiKey);
    let managed = op.authorize(Action::Modify, Resource::ManagedApiKey);
    let (own, managed) = match (own, managed) {
        (Err(error), Err(_)) => return Err(error),
        (own, managed) => (own.ok(), managed.ok()),
    };
    let caller = op.actor().caller().ok_or_else(|| Error::internal("a key for nobody"))?;
    directly(op.actor(), "Rotating an API key")?;
    if !(0..=OVERLAP_SECONDS_MAX).contains(&overlap_seconds) {
        return Err(Error::invalid(
            "overlapSeconds",
            format!("'overlapSeconds' must be from 0 to {OVERLAP_SECONDS_MAX}, but is {overlap_seconds}."),
        ));
    }
    target.must_name()?;
    let now = op.now();
    let mut change = op.begin().await?;
    // The new key gets the names of the old one: no permission is replaced or deleted in the meantime.
    let catalogue = catalogue::hold(&*change).await?;
    // Names are unique for one user only, so another user's key is rotated by id.
    let service = match (&managed, &target.id) {
        (Some(granted), Some(id)) => service_of_key(&*change, granted, id).await?,
        _ => None,
    };
    // A service that rotates its own key needs what everybody needs for that.
    let service = service.filter(|service| service.pk != caller.user_pk);
    let within = match (&service, &own) {
        (Some(service), _) => Condition::all().add(Column::UserPk.eq(service.pk)),
        (None, Some(own)) => {
            // Locks the owner first, then the key, in the same order as deleting or moving the owner.
            change.hold_caller().await?;
            table::within(own)
        }
        (None, None) => return Err(not_found()),
    };
    let found = table::Entity::find()
        .filter(within)
        .filter(Column::RevokedAt.is_null())
        .filter(target.tests.to_sql::<ApiKey>(op.db().backend())?)
        .lock_exclusive()
        .limit(2)
        .all(&*change)
        .await?;
    let [old]: [table::Model; 1] = found.try_into().map_err(|_| not_found())?;
    if old.expires_at.is_some_and(|expiry| expiry <= now) {
        return Err(Error::invalid(
            "where",
            format!("The API key '{}' has expired; create a new one.", old.name),
        ));
    }
    let limits = limits_of(&old, &catalogue);
    may_replace(caller, &old, limits)?;
    if service.is_some() {
        let rights = authn::rights_of(&*change, old.user_pk).await?;
        may_create_key(op.actor(), &limits.narrow(rights))?;
    }
    let ends_at = now.after(Duration::from_secs(overlap_seconds.unsigned_abs()));
    let (secret, owner) = (Secret::api_key()?, service.as_ref());
    let (key, events) = replace(&*change, op, old, limits, ends_at, &secret).await?;
    let of_owner = |event: Event| match owner {
        Some(service) => event.of_user(service),
        None => event.of_caller(caller),
    };
    change.commit(events.map(of_owner)).await?;
    Ok(NewSecret { key, secret })
}

fn not_found() -> Error {
    Error::NotFound("None of your active API keys, nor of the services that you manage, matches 'where'.".to_owned())
}

/// The service within the scope that has this key, if there is one; locked.
async fn service_of_key(connection: &impl ConnectionTrait, granted: &Granted, id: &str) -> Result<Option<user::Model>> {
    let Some(id) = ApiKeyId::existing(id) else {
        return Ok(None);
    };
    let owner = table::Entity::find()
        .select_only()
        .column(Column::UserPk)
        .filter(Column::Id.eq(id));
    Ok(user::Entity::find()
        .filter(user::within(granted))
        .filter(user::Column::Service.eq(true))
        .filter(user::Column::Pk.in_subquery(owner.into_query()))
        .lock(LockType::KeyShare)
        .one(connection)
        .await?)
}

/// Lets the old key end and writes the new one; returns the events too, which still lack the owner's organization.
async fn replace(
    connection: &impl Catalogued,
    op: &OpContext,
    old: table::Model,
    limits: Limits,
    ends_at: Timestamp,
    secret: &Secret,
) -> Result<(ApiKey, [Event; 2])> {
    let mut ending = old.clone().into_active_model();
    ending.revoked_at = Set(Some(ends_at));
    ending.version = Set(old.version + 1);
    ending.updated_at = Set(op.now().later_than(old.updated_at));
    ending.update(connection).await?;
    let rotated = Event::new("apiKey.rotate", old.pk, &old.id)
        .named(old.name.clone())
        .access();
    let impersonated_until = op.actor().caller().and_then(|caller| while_impersonating(op, caller));
    let wanted = Wanted {
        permissions: limits.permissions,
        name: old.name,
        description: old.description,
        // An impersonator does not get a secret that outlasts the one that a new key would have.
        expires_at: [old.expires_at, impersonated_until].into_iter().flatten().min(),
        lasting: true,
    };
    let (key, created) = insert(connection, op, old.user_pk, wanted, secret).await?;
    Ok((key, [created, rotated]))
}

fn limits_of(key: &table::Model, catalogue: &Catalogue) -> Limits {
    Limits {
        permissions: key.permissions.as_deref().map(|names| catalogue.from_stored(names)),
        ends_at: key.expires_at,
    }
}

/// The new secret must not give more access than the original credential: the old key must not have more permissions or
/// a later expiry, unless it is the key of this request.
fn may_replace(caller: &Caller, old: &table::Model, of_old: Limits) -> Result<()> {
    let limits = caller.limits;
    let permitted = of_old.permissions.unwrap_or(Permissions::all());
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
