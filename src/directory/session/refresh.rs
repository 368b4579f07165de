//! Exchanges a refresh token for new tokens. The parent module explains refresh tokens, and why one may be used twice.

use std::time::Duration;

use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect, Set};
use subtle::ConstantTimeEq;

use super::issue::{self, Tokens, refresh_token};
use super::revoke::begun_with_is_in_force;
use super::sign_in::{IDLE, LIFETIME};
use crate::authn::{Begun, begun_by, caller_of};
use crate::context::OpContext;
use crate::directory::access_token::{self, Wanted};
use crate::directory::password;
use crate::model::Timestamp;
use crate::model::error::{Error, Result};
use crate::model::{Actor, digest, family_of};
use crate::store::audit_trail::Event;
use crate::store::entity::{session as table, user};

/// How long the previous token is still accepted, because a response may have got lost.
pub(super) const GRACE: Duration = Duration::from_secs(10);

/// Gives a session new tokens, the access token with these limits. `UNAUTHENTICATED`, with the same message, for an invalid
/// token and for one whose session has ended; an old token ends its session.
pub async fn refresh(op: &OpContext, token: &str, wanted: &Wanted) -> Result<Tokens> {
    let op = &op.as_nobody();
    let refused = || Error::Unauthenticated("This refresh token is no longer valid. Sign in again.".to_owned());
    let secret = op.signing().secret()?;
    let family = family_of(token).ok_or_else(refused)?;
    let by_family = table::Column::Family.eq(digest(family));
    let Some(known) = table::Entity::find()
        .filter(by_family.clone())
        .one(op.db().reader())
        .await?
    else {
        return Err(refused());
    };
    let now = op.now();
    let caller = caller_of(op.db().reader(), known.user_pk).await?.ok_or_else(refused)?;
    let caller = match known.impersonator_pk {
        Some(impersonator_pk) => {
            let begun = Begun {
                impersonator_pk,
                session_pk: known.parent_pk,
                api_key_pk: known.api_key_pk,
            };
            begun_by(op.db().reader(), begun, caller).await?.ok_or_else(refused)?
        }
        None => caller,
    };
    let prepared = access_token::prepare(op, &caller, wanted).await;
    let op = op.acting_as(Actor::user(caller.clone()));
    let change = op.begin().await?;
    // Locks the user first, then the session, in the same order as deactivating a user.
    let user = user::Entity::find_by_id(known.user_pk)
        .lock_exclusive()
        .one(&*change)
        .await?
        .filter(|user| user.activated && !password::must_change(user))
        .ok_or_else(refused)?;
    let row = table::Entity::find()
        .filter(by_family)
        .lock_exclusive()
        .one(&*change)
        .await?
        .filter(|row| row.ended_at.is_none() && row.expires_at > now)
        .ok_or_else(refused)?;
    if !begun_with_is_in_force(&*change, &row, now).await? {
        return Err(refused());
    }
    let is = |generation: i64| -> bool {
        let known = refresh_token(secret, &row, generation, family);
        known.expose().as_bytes().ct_eq(token.as_bytes()).into()
    };
    let is_current = is(row.generation);
    if !(is_current || row.generation > 0 && is(row.generation - 1) && is_just_rotated(&row, now)) {
        let mut ended = row.clone().into_active_model();
        ended.ended_at = Set(Some(now));
        ended.update(&*change).await?;
        let event = Event::new("session.reuse", row.pk, &row.id).of_user(&user);
        change.commit([event.access()]).await?;
        return Err(refused());
    }
    // Only now, because it says what the user may do; and before the token is used up.
    let prepared = prepared?;
    let (row, event) = if is_current {
        let next = next_generation(&row, now).update(&*change).await?;
        let event = Event::new("session.refresh", next.pk, &next.id).of_user(&user);
        (next, Some(event))
    } else {
        (row, None)
    };
    // Before the commit: a token that cannot be made must not use up this one.
    let tokens = issue::tokens(&op, &row, family, user.into(), caller, prepared)?;
    if let Some(event) = event {
        change.commit([event]).await?;
    }
    Ok(tokens)
}

/// The session with its next refresh token.
fn next_generation(row: &table::Model, now: Timestamp) -> table::ActiveModel {
    let mut next = row.clone().into_active_model();
    next.generation = Set(row.generation + 1);
    next.rotated_at = Set(now);
    next.updated_at = Set(now.later_than(row.updated_at));
    // An impersonation is not prolonged.
    if row.impersonator_pk.is_none() {
        next.expires_at = Set(now.after(IDLE).min(row.created_at.after(LIFETIME)));
    }
    next
}

/// Whether the response to the last refresh may not have arrived yet. The upper bound is for a clock that was set back
/// since, which would otherwise prolong the use of a stolen token.
fn is_just_rotated(row: &table::Model, now: Timestamp) -> bool {
    now < row.rotated_at.after(GRACE) && row.rotated_at <= now.after(GRACE)
}
