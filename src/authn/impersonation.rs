//! Acting as somebody else.
//!
//! One rule for both ways, the header and the session: the caller holds `usage:impersonation`, reaches the user, and
//! lacks none of the user's permissions; and nobody impersonates while impersonating. It is asked at every call, of the
//! caller's permissions at that moment. What is permitted inside is the user's alone.

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};

use super::bearer::caller_of;
use super::{Actor, Caller, Impersonator};
use crate::authz::grant::{as_oneself, may_impersonate};
use crate::authz::{Action, Resource, policy};
use crate::entity::{api_key, user};
use crate::error::{Error, Result};
use crate::permission::Permissions;
use crate::value::UserId;

/// The user as the caller may be it. `FORBIDDEN` without the right; `NOT_FOUND`, in the words for a user that does not
/// exist, for one out of reach.
pub async fn impersonated(connection: &impl ConnectionTrait, actor: &Actor, id: &str) -> Result<Caller> {
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
    Error::Forbidden(format!(
        "The user '{}' is deactivated and cannot be impersonated.",
        crate::error::shown(id)
    ))
}

fn as_target(actor: &Actor, target: Caller) -> Result<Caller> {
    may_impersonate(actor, target.permissions)?;
    let caller = actor
        .caller()
        .ok_or_else(|| Error::Forbidden("Only a user can impersonate another.".to_owned()))?;
    Ok(Caller {
        impersonator: Some(Impersonator {
            user_pk: caller.user_pk,
            user_id: caller.user_id.clone(),
        }),
        ..target
    })
}

/// The user of an impersonation that was begun earlier, as whoever began it may still be it; `None` if not any more.
pub async fn begun_by(
    connection: &impl ConnectionTrait,
    impersonator_pk: i64,
    api_key_pk: Option<i64>,
    target: Caller,
) -> Result<Option<Caller>> {
    let Some(mut caller) = caller_of(connection, impersonator_pk).await? else {
        return Ok(None);
    };
    if let Some(used) = api_key_pk {
        let limit: Option<Option<String>> = api_key::Entity::find_by_id(used)
            .select_only()
            .column(api_key::Column::Permissions)
            .into_tuple()
            .one(connection)
            .await?;
        match limit {
            None => return Ok(None),
            Some(None) => {}
            Some(Some(only)) => {
                caller.permissions &= Permissions::from_stored(&only) | Permissions::EVERY_ORGANIZATION;
            }
        }
    }
    let reaches_all = caller.permissions.contains(Permissions::EVERY_ORGANIZATION);
    let in_reach = reaches_all || caller.organization_pk == target.organization_pk;
    let actor = Actor::User(caller);
    if !in_reach || policy::decide(&actor, Action::Create, Resource::Session).is_err() {
        return Ok(None);
    }
    Ok(as_target(&actor, target).ok())
}
