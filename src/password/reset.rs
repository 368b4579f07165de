//! Setting a password without the old one: a mailed token that works once.

use std::time::Duration;

use sea_orm::{ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, Set};

use super::policy::acceptable;
use crate::audit::Event;
use crate::authn::{Secret, digest};
use crate::authz::grant::may_manage;
use crate::authz::{Action, Resource};
use crate::context::OpContext;
use crate::entity::{password_token, user as table};
use crate::error::{Error, Result};
use crate::mail::templates;
use crate::role;
use crate::user::{self, Target, User};

const TOKEN_LIFETIME: Duration = Duration::from_secs(60 * 60);

/// Mails a reset link to a user: to oneself, or to one that the caller may manage. The present password works until the
/// link is used. `INVALID` if there is no way to mail, or no address.
pub async fn start(op: &OpContext, target: &Target) -> Result<User> {
    let granted = op.authorize(Action::Create, Resource::Password)?;
    let now = op.now();
    let mut change = op.begin().await?;
    let row = user::locate(&*change, &granted, target).await?;
    may_manage(op.actor(), role::permissions_of(&*change, row.pk).await?)?;
    op.mailer().require()?;
    let Some(email) = row.email.clone() else {
        return Err(Error::invalid(
            "where",
            format!("The user '{}' has no e-mail address to send a link to.", row.id),
        ));
    };
    let token = Secret::mailed_token()?;
    password_token::ActiveModel {
        user_pk: Set(row.pk),
        digest: Set(token.digest()),
        expires_at: Set(now.after(TOKEN_LIFETIME)),
        created_at: Set(now),
        ..Default::default()
    }
    .insert(&*change)
    .await?;
    change
        .record(Event::new("password.reset", row.pk, &row.id).of_organization(row.organization_pk))
        .await?;
    change.commit().await?;
    let user: User = row.into();
    op.mailer()
        .send(
            &email,
            templates::password_reset(op.mailer(), &user.display_name(), &token),
        )
        .await?;
    Ok(user)
}

/// Sets a new password with a mailed token. Anybody who holds the token may; it works once, within an hour.
pub async fn complete(op: &OpContext, token: &str, new_password: &str) -> Result<User> {
    acceptable("newPassword", new_password)?;
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
    // Ask before hashing, so that guesses cost no core; the guarded deletion below decides.
    let known = password_token::Entity::find()
        .filter(in_force.clone())
        .one(op.db().reader())
        .await?
        .ok_or_else(refused)?;
    let hash = op.hasher().hash(new_password).await?;
    let mut change = op.begin().await?;
    // The user first: of two who use different links of one user, the second waits here and then finds its link ended.
    let row = table::Entity::find_by_id(known.user_pk)
        .lock_exclusive()
        .one(&*change)
        .await?
        .ok_or_else(refused)?;
    let used = password_token::Entity::delete_many()
        .filter(in_force)
        .exec(&*change)
        .await?;
    if used.rows_affected == 0 {
        return Err(refused());
    }
    // The user's other links end with this one.
    end_resets(&*change, row.pk).await?;
    let updated = table::ActiveModel {
        pk: Set(row.pk),
        password_hash: Set(Some(hash)),
        password_changed_at: Set(Some(now)),
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

/// Ends the links that were mailed to a user: for another password, or to another address, they are no longer good.
pub async fn end_resets(connection: &impl ConnectionTrait, user_pk: i64) -> Result<()> {
    password_token::Entity::delete_many()
        .filter(password_token::Column::UserPk.eq(user_pk))
        .exec(connection)
        .await?;
    Ok(())
}
