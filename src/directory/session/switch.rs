//! Switches to another account of the same person.

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};

use super::accounts::{Account, linked};
use super::issue::{self, Begun, Tokens};
use super::sign_in::IDLE;
use crate::authn::{caller_of, hold};
use crate::authz::{Action, Resource};
use crate::context::OpContext;
use crate::directory::access_token::{self, Wanted};
use crate::directory::user;
use crate::model::error::{Error, Result};
use crate::model::{Actor, Caller, Timestamp, UserId};
use crate::store::audit_trail::Event;
use crate::store::entity::{session, user as table};

/// Starts a session of an account that is linked with the caller's; see [`super::accounts`]. The new session is verified,
/// has its own lifetime, and does not end with the caller's. `FORBIDDEN` unless the caller's session is verified;
/// `NOT_FOUND` for every user that is not linked, with the same message as for one that does not exist.
///
/// The event is in the trail of the account's organization, with the account as its author: no organization learns of
/// the other.
pub async fn switch(op: &OpContext, user_id: &str) -> Result<Tokens> {
    op.authorize(Action::Read, Resource::Session)?;
    let caller = op.actor().caller().ok_or_else(unverified)?;
    let not_found = || Error::no_such("account", "id", user_id);
    let wanted = UserId::existing(user_id).filter(|id| *id != caller.user_id);
    let found = linked(op.db().reader(), caller, wanted.as_ref()).await?;
    let target = one(found, wanted.as_ref())?.ok_or_else(not_found)?;
    let as_target = caller_of(op.db().reader(), target.user_pk)
        .await?
        .ok_or_else(not_found)?;
    let prepared = access_token::prepare(op, &as_target, &Wanted::default()).await?;
    let new_op = op.acting_as(Actor::user(as_target.clone()));
    let change = new_op.begin().await?;
    let rows = locked(&*change, caller, &target).await?;
    // In their current state: since the check, a password may have been reset, which ended the account's sessions, but not
    // this one, which did not exist yet.
    let found = linked(&*change, caller, wanted.as_ref()).await?;
    let target = one(found, wanted.as_ref())?.ok_or_else(not_found)?;
    let row = rows
        .into_iter()
        .find(|row| row.pk == target.user_pk)
        .ok_or_else(not_found)?;
    let begun = Begun {
        verified: true,
        authenticated_at: authenticated_at(&*change, caller).await?,
        ..Begun::default()
    };
    let (session, family) = issue::begin(&*change, &new_op, row.pk, IDLE, begun).await?;
    // The commit checks the new session's user; this checks the caller.
    hold(&*change, caller, op.now(), &[]).await?;
    let event = Event::new("session.switch", session.pk, &session.id).of_user(&row);
    change.commit([event]).await?;
    issue::tokens(&new_op, &session, family.expose(), row.into(), as_target, prepared)
}

/// When the password of the caller's session was checked: no other was checked for the new one.
async fn authenticated_at(connection: &impl ConnectionTrait, caller: &Caller) -> Result<Option<Timestamp>> {
    let session = session::Entity::find()
        .select_only()
        .column(session::Column::AuthenticatedAt)
        .filter(session::Column::Pk.eq(caller.session_pk));
    let found: Option<Option<Timestamp>> = session.into_tuple().one(connection).await?;
    Ok(found.flatten())
}

/// The wanted account among those found; `FORBIDDEN` if the session is not verified.
fn one(found: Option<Vec<Account>>, wanted: Option<&UserId>) -> Result<Option<Account>> {
    let found = found.ok_or_else(unverified)?;
    Ok(found.into_iter().find(|account| Some(&account.user_id) == wanted))
}

fn unverified() -> Error {
    Error::forbidden(
        "Switching accounts needs a session that you started yourself, by signing in with a password that you set with \
         a link from an email."
            .to_owned(),
    )
}

/// Locks both accounts, in the order in which all verbs lock the accounts of an address.
async fn locked(connection: &impl ConnectionTrait, caller: &Caller, target: &Account) -> Result<Vec<table::Model>> {
    let both = table::Entity::find().filter(table::Column::Pk.is_in([caller.user_pk, target.user_pk]));
    Ok(user::in_account_order(both).lock_exclusive().all(connection).await?)
}
