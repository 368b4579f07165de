//! Signs in with a password.

use std::time::Duration;

use sea_orm::{EntityTrait, QuerySelect};

use super::issue::{self, Begun, Tokens};
use crate::authn::caller_of;
use crate::context::OpContext;
use crate::directory::access_token::{self, Wanted};
use crate::directory::password::{self, Attempt, Door};
use crate::directory::user;
use crate::model::Actor;
use crate::model::error::{Error, Result};
use crate::services::hasher::{Checked, Password};
use crate::store::audit_trail::Event;
use crate::store::entity::user as table;

/// How long a session lasts after its last refresh.
pub(super) const IDLE: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// The maximum lifetime of a session, however often it is refreshed.
pub(super) const LIFETIME: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// The user's input.
#[derive(Clone)]
pub struct SignIn {
    pub email: String,
    /// The organization whose account is meant; without it, the order in `docs/accounts.md` decides.
    pub organization_id: Option<String>,
    pub password: Password,
    /// Who the access token is for: the id of a resource server; by default this server.
    pub resource: Option<String>,
}

/// Starts a session. `UNAUTHENTICATED` for an unknown address and for a wrong password, with the same message and after
/// the same time. Only with the right password, the caller learns that the user is deactivated (`FORBIDDEN`) or the
/// password temporary (`PASSWORD_CHANGE_REQUIRED`). `RATE_LIMITED` after too many failures, before anything is hashed.
pub async fn sign_in(op: &OpContext, typed: &SignIn) -> Result<Tokens> {
    let op = &op.as_nobody();
    // First, so that a server without a secret key refuses everybody in the same way.
    op.signing().secret()?;
    access_token::check_resource(op, typed.resource.as_deref()).await?;
    let attempt = Attempt::by_address(op.client_address(), &typed.email, typed.organization_id.as_deref());
    let door = Door::open(op, "session.signIn", attempt, &typed.password).await?;
    door.answer(async {
        let account = user::account(op.db().reader(), &typed.email, typed.organization_id.as_deref()).await?;
        let (account, checked) = door.check(account, wrong).await?;
        let account = let_in(op, &door, account, checked, &typed.password).await?;
        let caller = caller_of(op.db().reader(), account.pk).await?.ok_or_else(wrong)?;
        let wanted = Wanted::resource(typed.resource.clone());
        let prepared = access_token::prepare(op, &caller, &wanted).await?;
        let op = op.acting_as(Actor::user(caller.clone()));
        let change = op.begin().await?;
        door.attempt().succeeded(&*change, op.now()).await?;
        // In its current state: since the check, the password may have been changed or the user deactivated, which
        // ended all sessions, but not this one, which did not exist yet.
        let still = table::Entity::find_by_id(account.pk)
            .lock_exclusive()
            .one(&*change)
            .await?
            .filter(|still| still.activated && still.password_hash == account.password_hash)
            .ok_or_else(wrong)?;
        let begun = Begun {
            verified: still.password_verified_at.is_some(),
            authenticated_at: Some(op.now()),
            ..Begun::default()
        };
        let (session, family) = issue::begin(&*change, &op, still.pk, IDLE, begun).await?;
        let event = Event::new("session.signIn", session.pk, &session.id).of_user(&still);
        change.commit([event]).await?;
        issue::tokens(&op, &session, family.expose(), still.into(), caller, prepared)
    })
    .await
}

fn wrong() -> Error {
    Error::Unauthenticated("The e-mail address or the password is wrong.".to_owned())
}

/// The account, after upgrading its hash; refuses an account that may not sign in although the password was right.
async fn let_in(
    op: &OpContext,
    door: &Door<'_>,
    account: table::Model,
    checked: Checked,
    typed: &Password,
) -> Result<table::Model> {
    if !account.activated {
        let refusal = "This account is deactivated. Ask an administrator of your organization.";
        return Err(door.turn_away(&account, Error::forbidden(refusal.to_owned())).await?);
    }
    if password::must_change(&account) {
        door.attempt().right(op).await?;
        return Err(Error::PasswordChangeRequired(
            "This password is temporary. Set a new one with 'updatePassword', using this e-mail address and password. \
             If several organizations have an account with the address, name yours."
                .to_owned(),
        ));
    }
    if checked != Checked::RightAndStale {
        return Ok(account);
    }
    password::rehash(op, &account, typed).await?;
    table::Entity::find_by_id(account.pk)
        .one(op.db().reader())
        .await?
        .ok_or_else(wrong)
}
