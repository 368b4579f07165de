//! Acting as another user.
//!
//! The same rule applies to the header and to sessions: the caller must have `usage:impersonation`, access to the user,
//! and all of the user's permissions, and must not be impersonating already. It is checked for every request, with the
//! caller's current permissions. While impersonating, only the user's permissions apply.

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};

use super::caller::caller_of;
use crate::authz::escalation::{as_oneself, may_impersonate};
use crate::authz::{Action, Resource, policy};
use crate::model::error::{Error, Result};
use crate::model::{Actor, Caller, Impersonator, Limits};
use crate::model::{Email, UserId};
use crate::services::refusals::Refusal;
use crate::store::catalogue::{self, Catalogued};
use crate::store::entity::{api_key, user};

/// The impersonated user. `FORBIDDEN` without the permission; `NOT_FOUND` for a user outside the caller's scope, with
/// the same message as for one that does not exist.
pub async fn impersonated(connection: &impl Catalogued, actor: &Actor, id: &str) -> Result<Caller> {
    let granted = policy::decide(actor, Action::Create, Resource::Session)?;
    as_oneself(actor, "Impersonating another user")?;
    let not_found = || Error::no_such("user", "id", id);
    let known = UserId::existing(id).ok_or_else(not_found)?;
    let found: Option<(i64, bool)> = user::Entity::find()
        .select_only()
        .columns([user::Column::Pk, user::Column::Activated])
        .filter(user::within(&granted))
        .filter(user::Column::Id.eq(known))
        .into_tuple()
        .one(connection)
        .await?;
    let (pk, activated) = found.ok_or_else(not_found)?;
    if !activated {
        return Err(deactivated(id));
    }
    let target = caller_of(connection, pk).await?.ok_or_else(|| deactivated(id))?;
    as_target(actor, target)
}

fn deactivated(id: &str) -> Error {
    Error::forbidden(format!(
        "The user '{}' is deactivated and cannot be impersonated.",
        crate::model::error::shown(id)
    ))
}

/// A refused impersonation, for the audit trail. It names the user only if that user is within the caller's scope,
/// because the trail must not contain text chosen by the caller.
pub async fn refused_impersonation(
    connection: &impl ConnectionTrait,
    actor: &Actor,
    id: Option<&str>,
    email: Option<&str>,
) -> Result<Refusal> {
    let refusal = Refusal::of(actor, "user.impersonate");
    let Ok(granted) = policy::decide(actor, Action::Create, Resource::Session) else {
        return Ok(refusal);
    };
    let wanted = match (id.map(UserId::existing), email.map(Email::normalize)) {
        (Some(Some(id)), _) => user::Column::Id.eq(id),
        (None, Some(Some(email))) => user::Column::Email.eq(email),
        (Some(None), _) | (None, Some(None) | None) => return Ok(refusal),
    };
    let mut found = user::Entity::find()
        .filter(user::within(&granted))
        .filter(wanted)
        .limit(2)
        .all(connection)
        .await?;
    Ok(match found.pop().filter(|_| found.is_empty()) {
        Some(user) => refusal.to_user(&user),
        None => refusal,
    })
}

fn as_target(actor: &Actor, target: Caller) -> Result<Caller> {
    let caller = actor
        .caller()
        .ok_or_else(|| Error::forbidden("Only a user can impersonate another user.".to_owned()))?;
    if caller.user_pk == target.user_pk {
        return Err(Error::forbidden("You cannot impersonate yourself.".to_owned()));
    }
    may_impersonate(actor, &target.rights)?;
    Ok(Caller {
        impersonator: Some(Impersonator {
            user_pk: caller.user_pk,
            user_id: caller.user_id.clone(),
            organization_pk: caller.organization_pk,
            organization_id: caller.organization_id.clone(),
            api_key_pk: caller.api_key_pk,
            session_pk: caller.session_pk,
        }),
        limits: caller.limits,
        derived: caller.derived,
        ..target
    })
}

/// Who started an impersonation, and with which credential.
#[derive(Clone, Copy, Debug)]
pub struct Begun {
    pub impersonator_pk: i64,
    pub session_pk: Option<i64>,
    pub api_key_pk: Option<i64>,
}

/// The user of an existing impersonation, if the impersonator may still act as that user; otherwise `None`.
pub async fn begun_by(connection: &impl Catalogued, begun: Begun, target: Caller) -> Result<Option<Caller>> {
    let Some(mut caller) = caller_of(connection, begun.impersonator_pk).await? else {
        return Ok(None);
    };
    caller.session_pk = begun.session_pk;
    caller.api_key_pk = begun.api_key_pk;
    if let Some(used) = begun.api_key_pk {
        let Some(limits) = limits_of_key(connection, used).await? else {
            return Ok(None);
        };
        caller.limits = limits;
        caller.rights = limits.narrow(caller.rights);
    }
    let actor = Actor::user(caller);
    match policy::decide(&actor, Action::Create, Resource::Session) {
        Ok(granted) if granted.covers(target.organization_pk, target.tenant_pk) => Ok(as_target(&actor, target).ok()),
        Ok(_) | Err(_) => Ok(None),
    }
}

async fn limits_of_key(connection: &impl Catalogued, pk: i64) -> Result<Option<Limits>> {
    let key: Option<api_key::Model> = api_key::Entity::find_by_id(pk).one(connection).await?;
    // The names were read before the catalogue, so it is not older than they are.
    let catalogue = catalogue::present(connection).await?;
    Ok(key.map(|key| Limits {
        permissions: key.permissions.map(|names| catalogue.from_stored(&names)),
        ends_at: [key.expires_at, key.revoked_at].into_iter().flatten().min(),
    }))
}
