//! Sets the caller's own password without the old one.

use super::change::{Tell, Verified, store};
use super::policy::{acceptable, refuse_impersonation};
use crate::authz::escalation::unlimited;
use crate::authz::{Action, Resource};
use crate::context::OpContext;
use crate::directory::user::{self, Target, User};
use crate::model::error::{Error, Result};
use crate::services::hasher::Password;

/// Sets the caller's own password; another user's is `FORBIDDEN`, even for an administrator. The credential replaces
/// the old password, so the user is notified by mail. It is not possible while impersonating, nor with an API key with
/// limited permissions or an expiry date, because a password has no such limits.
pub async fn set_own(op: &OpContext, target: &Target, new_password: &Password) -> Result<User> {
    let granted = op.authorize(Action::Modify, Resource::OwnPassword)?;
    refuse_impersonation(op.actor())?;
    unlimited(op.actor(), "Setting a password")?;
    let row = user::locate(op.db().reader(), &granted, target)
        .await
        .map_err(|error| match error {
            Error::Forbidden(_) => Error::forbidden("You can set only your own password.".to_owned()),
            other => other,
        })?;
    user::require_person("where", &row)?;
    acceptable("password", new_password, &row.own_names())?;
    store(op, "password.set", row, new_password, Tell::Owner, Verified::No).await
}
