//! Requests the mail that verifies an address.

use std::time::Duration;

use sea_orm::{ActiveModelTrait, ColumnTrait, Condition, EntityTrait, QueryFilter, Set};

use crate::authn;
use crate::authz::escalation::{Managing, may_manage};
use crate::authz::{Action, Resource};
use crate::context::OpContext;
use crate::directory::organization;
use crate::directory::outbox::{self, Post};
use crate::directory::user::{self, Target, User};
use crate::model::error::{ConflictReason, Error, Result};
use crate::model::{Secret, Timestamp};
use crate::services::mailer::Letter;
use crate::store::audit_trail::Event;
use crate::store::entity::email_token as table;

/// The lifetime of a link.
pub(super) const TOKEN_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// The maximum difference between the clocks of several processes.
const CLOCKS_APART: Duration = Duration::from_secs(60);

/// Tokens that have not expired. A token that expires later than a new one was created by a clock that has been set
/// back since.
pub(super) fn in_force(now: Timestamp) -> Condition {
    Condition::all()
        .add(table::Column::ExpiresAt.gt(now))
        .add(table::Column::ExpiresAt.lte(now.after(TOKEN_LIFETIME + CLOCKS_APART)))
}

/// Mails a link that verifies a user's address: the caller's (the default) or that of a user whom the caller may
/// manage. Earlier links become invalid. `CONFLICT` if the address is already verified.
pub async fn request(op: &OpContext, target: Option<&Target>) -> Result<User> {
    let granted = op.authorize(Action::Create, Resource::EmailVerification)?;
    let myself = Target::caller(op);
    let change = op.begin().await?;
    let row = user::locate(&*change, &granted, target.unwrap_or(&myself)).await?;
    user::require_person("where", &row)?;
    may_manage(op.actor(), Managing::Link, &authn::rights_of(&*change, row.pk).await?)?;
    op.mailer().require()?;
    let organization = organization::require_mail(&*change, row.organization_pk, "where").await?;
    let Some(email) = row.email.clone() else {
        return Err(Error::invalid(
            "where",
            format!("The user '{}' has no e-mail address to verify.", row.id),
        ));
    };
    if row.email_verified_at.is_some() {
        return Err(Error::conflict(
            ConflictReason::Done,
            format!("The e-mail address of the user '{}' is already verified.", row.id),
        ));
    }
    let token = Secret::mailed_token()?;
    table::Entity::delete_many()
        .filter(table::Column::UserPk.eq(row.pk))
        .filter(table::Column::Changes.eq(false))
        .exec(&*change)
        .await?;
    let now = op.now();
    table::ActiveModel {
        user_pk: Set(row.pk),
        email: Set(email.clone()),
        changes: Set(false),
        digest: Set(token.digest()),
        expires_at: Set(now.after(TOKEN_LIFETIME)),
        created_at: Set(now),
        ..Default::default()
    }
    .insert(&*change)
    .await?;
    outbox::forget_tokens_in_txn(&*change, row.pk, &[Letter::VERIFY_EMAIL]).await?;
    let post = Post {
        to: &email,
        letter: Letter::VerifyEmail {
            organization,
            token: token.expose().to_owned(),
        },
        organization_pk: row.organization_pk,
        user_pk: Some(row.pk),
        invitation_pk: None,
        ends_at: now.after(TOKEN_LIFETIME),
    };
    outbox::put_in_txn(&*change, op, post).await?;
    let event = Event::new("email.requestVerification", row.pk, &row.id).of_user(&row);
    change.commit([event]).await?;
    Ok(row.into())
}
