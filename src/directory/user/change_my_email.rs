//! Requests another address for the caller.

use super::{Target, User, locate, touch_in_txn};
use crate::authz::escalation::in_person;
use crate::authz::{Action, Resource};
use crate::context::OpContext;
use crate::directory::{email_verification, organization, password};
use crate::model::Email;
use crate::model::error::{ConflictReason, Error, Result};
use crate::services::hasher::Password;
use crate::store::audit_trail::Event;

/// Requests another address for the caller, with the current password and in the caller's own session. The link that is
/// mailed to the address makes it the caller's; until then nothing changes. An earlier request ends.
///
/// The response is the same for an address that another user has: callers must not learn the addresses of others.
pub async fn change_my_email(op: &OpContext, email: &str, typed: &Password) -> Result<User> {
    let granted = op.authorize(Action::Modify, Resource::OwnProfile)?;
    in_person(op.actor(), "Changing your e-mail address")?;
    let email = Email::parse("email", email)?;
    let oneself = Target::caller(op);
    let row = locate(op.db().reader(), &granted, &oneself).await?;
    op.mailer().require()?;
    organization::require_mail(op.db().reader(), row.organization_pk, "email").await?;
    let wrong = || Error::invalid("password", "The password is wrong.".to_owned());
    let checked = password::check_current(op, "email.requestChange", row, typed, wrong).await?;
    let change = op.begin().await?;
    let row = locate(&*change, &granted, &oneself).await?;
    if row.password_hash != checked.password_hash {
        return Err(Error::conflict(
            ConflictReason::Concurrent,
            "The password was changed in the meantime. Try again.".to_owned(),
        ));
    }
    if row.email.as_ref() == Some(&email) {
        return Err(Error::invalid(
            "email",
            "This is your e-mail address already.".to_owned(),
        ));
    }
    email_verification::request_change_in_txn(&*change, op, &row, &email).await?;
    let updated = touch_in_txn(&*change, &row, op.now()).await?;
    let event = Event::new("email.requestChange", row.pk, &row.id).of_user(&row);
    change.commit([event]).await?;
    Ok(updated.into())
}
