//! Signing in with a password.

use std::time::Duration;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};

use super::attempts::Attempt;
use super::issue::{self, Begun, Tokens};
use crate::audit::Event;
use crate::authn::{Actor, caller_of};
use crate::context::OpContext;
use crate::entity::user as table;
use crate::error::{Error, Result};
use crate::password;
use crate::value::Email;

/// A session lasts so long after its last refresh.
pub(super) const IDLE: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// A session lasts so long at most, however often it is refreshed.
pub(super) const LIFETIME: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// A longer password was never set; it is not hashed.
const PASSWORD_CHARACTERS_MAX: usize = 128;

/// What was typed.
#[derive(Clone)]
pub struct SignIn {
    pub email: String,
    pub password: String,
}

/// Begins a session. `UNAUTHENTICATED` for an address nobody has and for a wrong password, in the same words and the same
/// time; that the user is deactivated (`FORBIDDEN`), or the password a temporary one (`PASSWORD_CHANGE_REQUIRED`), is told
/// only to who gave the right one. `RATE_LIMITED` after too many failures, before anything is hashed.
pub async fn sign_in(op: &OpContext, typed: &SignIn) -> Result<Tokens> {
    let op = &op.as_nobody();
    // First of all, so that a server that cannot keep sessions says so to everybody alike.
    let signer = op.signing().current(op).await?;
    let attempt = Attempt::new(op.client(), &typed.email);
    attempt.check(op).await?;
    let reader = op.db().reader();
    let row = match Email::normalize(&typed.email) {
        Some(email) => {
            table::Entity::find()
                .filter(table::Column::Email.eq(email))
                .one(reader)
                .await?
        }
        None => None,
    };
    let possible = typed.password.chars().nth(PASSWORD_CHARACTERS_MAX).is_none();
    let hashed = if possible { typed.password.as_str() } else { "" };
    // Without a row, or a password in it, this costs a hash all the same.
    let hash = row.as_ref().and_then(|row| row.password_hash.as_deref());
    let right = op.hasher().verify(hashed, hash).await? && possible;
    let wrong = || Error::Unauthenticated("The e-mail address or the password is wrong.".to_owned());
    let row = match row {
        Some(row) if right => row,
        row => {
            op.note_refusal_of_user("signIn", row.as_ref());
            attempt.failed(op).await?;
            return Err(wrong());
        }
    };
    if !row.activated {
        attempt.right(op).await?;
        op.note_refusal_of_user("signIn", Some(&row));
        return Err(Error::Forbidden(
            "This account is deactivated. Ask an administrator of your organization.".to_owned(),
        ));
    }
    if password::must_change(&row) {
        attempt.right(op).await?;
        return Err(Error::PasswordChangeRequired(
            "This password is a temporary one. Set another with 'updatePassword', by this e-mail address and password."
                .to_owned(),
        ));
    }
    let mut row = row;
    if password::rehash_if_needed(op, &row, &typed.password).await? {
        row.password_hash = table::Entity::find_by_id(row.pk)
            .one(op.db().reader())
            .await?
            .and_then(|row| row.password_hash);
    }
    let caller = caller_of(reader, row.pk).await?.ok_or_else(wrong)?;
    let op = op.acting_as(Actor::user(caller.clone()));
    let mut change = op.begin().await?;
    attempt.succeeded(&*change, op.now()).await?;
    // As it is now: between the check and this moment the password may have been changed, or the user deactivated, which
    // ended all sessions but this one, which was not there yet.
    let still = table::Entity::find_by_id(row.pk)
        .lock_exclusive()
        .one(&*change)
        .await?
        .filter(|still| still.activated && still.password_hash == row.password_hash)
        .ok_or_else(wrong)?;
    let (session, family) = issue::begin(&*change, &op, still.pk, IDLE, Begun::default()).await?;
    change
        .record(Event::new("session.signIn", session.pk, &session.id).of_organization(still.organization_pk))
        .await?;
    change.commit().await?;
    issue::tokens(
        &op,
        |claims| signer.sign(claims),
        &session,
        family.expose(),
        still.into(),
        caller,
    )
}
