//! Setting a password without the old one: a mailed token that works once.

use std::time::Duration;

use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set,
};

use super::policy::acceptable;
use super::sessions::end_other_sessions_in_txn;
use crate::audit::Event;
use crate::authn::{Secret, digest};
use crate::authz::grant::{as_oneself, may_manage};
use crate::authz::{Action, Resource};
use crate::context::OpContext;
use crate::entity::{password_token, user as table};
use crate::error::{Error, Result};
use crate::mail::templates;
use crate::user::{self, Target, User};
use crate::value::Email;
use crate::{federated, organization, role};

/// So many links in force a user may have.
const LINKS_MAX: u64 = 10;
pub(super) const TOKEN_LIFETIME: Duration = Duration::from_secs(60 * 60);

/// Mails a reset link to a user: to oneself, or to one that the caller may manage. The present password works until the
/// link is used. `INVALID` if there is no way to mail, no address, or no password here because another provider has it;
/// `RATE_LIMITED` after ten links within an hour.
pub async fn start(op: &OpContext, target: &Target) -> Result<User> {
    let granted = op.authorize(Action::Create, Resource::Password)?;
    as_oneself(op.actor(), "Resetting a password")?;
    let mut change = op.begin().await?;
    let row = user::locate(&*change, &granted, target).await?;
    may_manage(op.actor(), role::permissions_of(&*change, row.pk).await?)?;
    op.mailer().require()?;
    organization::require_mail(&*change, row.organization_pk).await?;
    if federated::is_only_federated(&*change, &row).await? {
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
    not_flooded(&*change, op, row.pk).await?;
    let token = token_in_txn(&*change, op, row.pk, TOKEN_LIFETIME).await?;
    change
        .record(Event::new("password.reset", row.pk, &row.id).of_organization(row.organization_pk))
        .await?;
    change.commit().await?;
    let user: User = row.into();
    mail_link(op, &email, &user, &token).await?;
    Ok(user)
}

/// Refuses one more link while so many are in force, so that nobody's mailbox is flooded.
async fn not_flooded(connection: &impl ConnectionTrait, op: &OpContext, user_pk: i64) -> Result<()> {
    let now = op.now();
    let in_force = password_token::Entity::find()
        .filter(password_token::Column::UserPk.eq(user_pk))
        .filter(password_token::Column::ExpiresAt.gt(now))
        .order_by_desc(password_token::Column::ExpiresAt)
        .limit(LINKS_MAX)
        .all(connection)
        .await?;
    match in_force.last() {
        Some(oldest) if in_force.len() as u64 == LINKS_MAX => {
            let micros = oldest.expires_at.micros() - now.micros();
            let retry_after_seconds = u64::try_from(micros).unwrap_or(0).div_ceil(1_000_000);
            Err(Error::RateLimited {
                message: format!(
                    "{LINKS_MAX} links to set a new password were mailed to this user within an hour. Try again in \
                     {retry_after_seconds} seconds."
                ),
                retry_after_seconds,
            })
        }
        Some(_) | None => Ok(()),
    }
}

/// Makes a token for a user; only its digest is kept.
pub(super) async fn token_in_txn(
    connection: &impl ConnectionTrait,
    op: &OpContext,
    user_pk: i64,
    lifetime: Duration,
) -> Result<Secret> {
    let token = Secret::mailed_token()?;
    let now = op.now();
    password_token::ActiveModel {
        user_pk: Set(user_pk),
        digest: Set(token.digest()),
        expires_at: Set(now.after(lifetime)),
        created_at: Set(now),
        ..Default::default()
    }
    .insert(connection)
    .await?;
    Ok(token)
}

pub(super) async fn mail_link(op: &OpContext, email: &Email, user: &User, token: &Secret) -> Result<()> {
    let mail = templates::password_reset(op.mailer(), &user.display_name(), token);
    op.mailer().send(email, mail).await
}

/// Sets a new password with a mailed token. Anybody who holds the token may; it works once, within an hour. The user's
/// address is verified by it, since the token was nowhere else.
pub async fn complete(op: &OpContext, token: &str, new_password: &str) -> Result<User> {
    let op = &op.as_nobody();
    acceptable("newPassword", new_password, &[])?;
    let refused = || {
        Error::invalid(
            "token",
            "This reset link is not valid. It may be used up or older than an hour.".to_owned(),
        )
    };
    let now = op.now();
    let digest = digest(token);
    let in_force = Condition::all()
        .add(password_token::Column::Digest.eq(digest.as_str()))
        .add(password_token::Column::UsedAt.is_null())
        .add(password_token::Column::ExpiresAt.gt(now));
    // Ask before hashing, so that guesses cost no core; the guarded update below decides.
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
    let hash = op.hasher().hash(new_password).await?;
    let mut change = op.begin().await?;
    // The user first, then the token, as whoever deletes the user takes them.
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
    let verified_at = row.email_verified_at.or(row.email.is_some().then_some(now));
    let updated = table::ActiveModel {
        pk: Set(row.pk),
        password_hash: Set(Some(hash)),
        password_changed_at: Set(Some(now)),
        password_temporary: Set(false),
        email_verified_at: Set(verified_at),
        version: Set(row.version + 1),
        updated_at: Set(now.later_than(row.updated_at)),
        ..Default::default()
    }
    .update(&*change)
    .await?;
    change
        .record(
            Event::new("password.completeReset", row.pk, &row.id)
                .of_organization(row.organization_pk)
                .access(),
        )
        .await?;
    change.commit().await?;
    Ok(updated.into())
}
