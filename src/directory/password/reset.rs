//! Resets a password with a single-use token from a mail.

use sea_orm::sea_query::Expr;
use sea_orm::{ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, Set};

use super::policy::acceptable;
use super::sessions::end_other_sessions_in_txn;
use crate::authn;
use crate::authz::escalation::{Managing, as_oneself, may_manage};
use crate::authz::{Action, Resource};
use crate::context::OpContext;
use crate::directory::outbox::{self, Post};
use crate::directory::user::{self, Target, User};
use crate::directory::{email_verification, federated_identity, organization};
use crate::model::error::{Error, Result};
use crate::model::{Email, Secret, digest};
use crate::services::hasher::Password;
use crate::services::mailer::{Letter, ResetLink};
use crate::store::audit_trail::Event;
use crate::store::entity::{password_token, user as table};

/// Mails a reset link to a user: to the caller, or to a user whom the caller may manage. The current password stays
/// valid until the link is used. `INVALID` if mail is not configured, or the user has no address, or no password
/// because of another identity provider; `RATE_LIMITED` above the hourly limit for mails.
pub async fn start(op: &OpContext, target: &Target) -> Result<User> {
    let granted = op.authorize(Action::Create, Resource::Password)?;
    as_oneself(op.actor(), "Resetting a password")?;
    let change = op.begin().await?;
    let row = user::locate(&*change, &granted, target).await?;
    user::require_person("where", &row)?;
    may_manage(op.actor(), Managing::Link, &authn::rights_of(&*change, row.pk).await?)?;
    op.mailer().require()?;
    organization::require_mail(&*change, row.organization_pk, "where").await?;
    if federated_identity::is_only_federated(&*change, &row).await? {
        return Err(Error::invalid(
            "where",
            format!(
                "The user '{}' has no password here and signs in with another identity provider; there is nothing to reset.",
                row.id
            ),
        ));
    }
    let Some(email) = row.email.clone() else {
        return Err(Error::invalid(
            "where",
            format!("The user '{}' has no e-mail address to send a link to.", row.id),
        ));
    };
    // Somebody who requested another address would get the next link there.
    email_verification::forget_change_in_txn(&*change, row.pk).await?;
    mail_links_in_txn(
        &*change,
        op,
        std::slice::from_ref(&row),
        &email,
        0,
        Counted::ByOrganization,
    )
    .await?;
    let event = Event::new("password.reset", row.pk, &row.id).of_user(&row);
    change.commit([event]).await?;
    Ok(row.into())
}

/// By which limits a mail is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counted {
    /// By those of the organization, the caller and the address.
    ByOrganization,
    /// It was counted before.
    Already,
}

/// Creates a token for each of these users and mails them all to the address that they have in common. Only their
/// digests are stored. `unverified` is the number of accounts that get no token.
pub(super) async fn mail_links_in_txn(
    connection: &impl ConnectionTrait,
    op: &OpContext,
    users: &[table::Model],
    email: &Email,
    unverified: u64,
    counted: Counted,
) -> Result<()> {
    let Some(first) = users.first() else { return Ok(()) };
    let homes = organization::names(connection, users.iter().map(|user| user.organization_pk)).await?;
    let now = op.now();
    let ends_at = now.after(password_token::LIFETIME);
    let (mut accounts, mut tokens) = (Vec::new(), Vec::new());
    for user in users {
        let token = Secret::mailed_token()?;
        let name = || User::from(user.clone()).display_name();
        accounts.push(ResetLink {
            organization: homes.get(&user.organization_pk).cloned().unwrap_or_default(),
            name: user.email_verified_at.map(|_| name()),
            token: token.expose().to_owned(),
        });
        tokens.push(password_token::ActiveModel {
            user_pk: Set(user.pk),
            digest: Set(token.digest()),
            expires_at: Set(ends_at),
            created_at: Set(now),
            ..Default::default()
        });
    }
    let post = Post {
        to: email,
        letter: Letter::PasswordReset { accounts, unverified },
        organization_pk: first.organization_pk,
        // A mail for several accounts is still of use when one of them is gone.
        user_pk: (users.len() == 1).then_some(first.pk),
        invitation_pk: None,
        ends_at,
    };
    // Before the tokens: if the mail is refused, no token is created.
    match counted {
        Counted::ByOrganization => outbox::put_in_txn(connection, op, post).await?,
        Counted::Already => outbox::insert_in_txn(connection, op, post).await?,
    }
    password_token::Entity::insert_many(tokens)
        .exec_without_returning(connection)
        .await?;
    Ok(())
}

/// Sets a new password with a mailed token. Everybody with the token may use it, once, within an hour. This also
/// verifies the user's address, because the token was only in that mail.
///
/// All sessions of the user end. `revoke_api_keys` ends its API keys too; by default, exactly if the address was not
/// verified before, because somebody else may have used the account until now.
pub async fn complete(
    op: &OpContext,
    token: &str,
    new_password: &Password,
    revoke_api_keys: Option<bool>,
) -> Result<User> {
    let op = &op.as_nobody();
    acceptable("newPassword", new_password, &[])?;
    let refused = || {
        Error::invalid(
            "token",
            "This reset link is not valid. It may have been used, or it is older than an hour.".to_owned(),
        )
    };
    let now = op.now();
    let digest = digest(token);
    let in_force = Condition::all()
        .add(password_token::Column::Digest.eq(digest.as_str()))
        .add(password_token::open(now));
    // Check before hashing, so that guesses cost no CPU time; the guarded update below decides.
    let user_pk = password_token::Entity::find()
        .filter(in_force.clone())
        .one(op.db().reader())
        .await?
        .ok_or_else(refused)?
        .user_pk;
    let known = table::Entity::find_by_id(user_pk)
        .one(op.db().reader())
        .await?
        .ok_or_else(refused)?;
    acceptable("newPassword", new_password, &known.own_names())?;
    let hash = op.hasher().hash(Some(known.organization_pk), new_password).await?;
    let change = op.begin().await?;
    // Locks the user first, then the token, in the same order as deleting the user.
    let row = table::Entity::find_by_id(user_pk)
        .lock_exclusive()
        .one(&*change)
        .await?
        .ok_or_else(refused)?;
    let used = password_token::Entity::update_many()
        .col_expr(password_token::Column::UsedAt, Expr::val(now.micros()))
        .filter(in_force)
        .exec(&*change)
        .await?;
    if used.rows_affected == 0 {
        return Err(refused());
    }
    // The user's other links end with this one.
    end_other_sessions_in_txn(&*change, op, row.pk).await?;
    if revoke_api_keys.unwrap_or(row.email_verified_at.is_none()) {
        user::end_access_in_txn(&*change, op, row.pk).await?;
    }
    let verified_at = row.email_verified_at.or(row.email.is_some().then_some(now));
    let updated = table::ActiveModel {
        pk: Set(row.pk),
        password_hash: Set(Some(hash)),
        password_changed_at: Set(Some(now)),
        password_temporary: Set(false),
        password_verified_at: Set(row.email.is_some().then_some(now)),
        email_verified_at: Set(verified_at),
        version: Set(row.version + 1),
        updated_at: Set(now.later_than(row.updated_at)),
        ..Default::default()
    }
    .update(&*change)
    .await?;
    let event = Event::new("password.completeReset", row.pk, &row.id).of_user(&row);
    change.commit([event.access()]).await?;
    Ok(updated.into())
}
