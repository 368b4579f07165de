//! Setting a password without the old one: a mailed token that works once.

use std::time::Duration;

use sea_orm::sea_query::Expr;
use sea_orm::{ActiveModelTrait, ColumnTrait, Condition, EntityTrait, QueryFilter, QuerySelect, Set};

use super::policy::acceptable;
use crate::audit::Event;
use crate::authn::{Secret, digest};
use crate::authz::grant::{as_oneself, may_manage};
use crate::authz::{Action, Resource};
use crate::context::OpContext;
use crate::entity::{password_token, user as table};
use crate::error::{Error, Result};
use crate::mail::templates;
use crate::role;
use crate::session;
use crate::user::{self, Target, User};

const TOKEN_LIFETIME: Duration = Duration::from_secs(60 * 60);

/// Mails a reset link to a user: to oneself, or to one that the caller may manage. The present password works until the
/// link is used. `INVALID` if there is no way to mail, or no address.
pub async fn start(op: &OpContext, target: &Target) -> Result<User> {
    let granted = op.authorize(Action::Create, Resource::Password)?;
    as_oneself(op.actor(), "Resetting a password")?;
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
    // Ask before hashing, so that guesses cost no core; the guarded update below decides.
    password_token::Entity::find()
        .filter(in_force.clone())
        .one(op.db().reader())
        .await?
        .ok_or_else(refused)?;
    let hash = op.hasher().hash(new_password).await?;
    let mut change = op.begin().await?;
    let mut used = password_token::Entity::update_many()
        .col_expr(password_token::Column::UsedAt, Expr::val(now.micros()))
        .filter(in_force)
        .exec_with_returning(&*change)
        .await?;
    let token = used.pop().ok_or_else(refused)?;
    let row = table::Entity::find_by_id(token.user_pk)
        .lock_exclusive()
        .one(&*change)
        .await?
        .ok_or_else(refused)?;
    // The user's other links end with this one.
    password_token::Entity::delete_many()
        .filter(password_token::Column::UserPk.eq(row.pk))
        .filter(password_token::Column::Pk.ne(token.pk))
        .exec(&*change)
        .await?;
    let updated = table::ActiveModel {
        pk: Set(row.pk),
        password_hash: Set(Some(hash)),
        password_changed_at: Set(Some(now)),
        password_temporary: Set(false),
        version: Set(row.version + 1),
        updated_at: Set(now.later_than(row.updated_at)),
        ..Default::default()
    }
    .update(&*change)
    .await?;
    session::end_all(&*change, row.pk, now).await?;
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
