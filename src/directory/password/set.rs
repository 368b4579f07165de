//! Setting one's own password without the old one.

use super::change::{Tell, store};
use super::policy::{acceptable, refuse_impersonation};
use crate::authz::escalation::unlimited;
use crate::authz::{Action, Resource};
use crate::context::OpContext;
use crate::directory::user::{self, Target, User};
use crate::model::error::{Error, Result};
use crate::services::hasher::Password;

/// Sets the caller's own password; anybody else's is `FORBIDDEN`, also to an administrator. The credential takes the
/// old password's place, so the user is told by mail, and there is no way here under impersonation, nor with an API key
/// that is limited in permissions or time: the password is not.
pub async fn set_own(op: &OpContext, target: &Target, new_password: &Password) -> Result<User> {
    let granted = op.authorize(Action::Modify, Resource::OwnPassword)?;
    refuse_impersonation(op.actor())?;
    unlimited(op.actor(), "Setting a password")?;
    let row = user::locate(op.db().reader(), &granted, target)
        .await
        .map_err(|error| match error {
            Error::Forbidden(_) => Error::Forbidden("You can set only your own password.".to_owned()),
            other => other,
        })?;
    acceptable("password", new_password, &row.own_names())?;
    store(op, "password.set", row, new_password, Tell::Owner).await
}
