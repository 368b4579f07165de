//! Setting one's own password without the old one.

use super::change::store;
use super::policy::{acceptable, refuse_impersonation};
use crate::authz::grant::unlimited;
use crate::authz::{Action, Resource};
use crate::context::OpContext;
use crate::error::{Error, Result};
use crate::mail::templates;
use crate::organization;
use crate::user::{self, Target, User};

/// Sets the caller's own password; anybody else's is `FORBIDDEN`, also to an administrator. The credential takes the
/// old password's place, so the user is told by mail, and there is no way here under impersonation, nor with an API key
/// that is limited in permissions or time: the password is not.
pub async fn set_own(op: &OpContext, target: &Target, new_password: &str) -> Result<User> {
    let granted = op.authorize(Action::Modify, Resource::OwnPassword)?;
    refuse_impersonation(op.actor())?;
    unlimited(op.actor(), "Setting a password")?;
    let row = user::locate(op.db().reader(), &granted, target)
        .await
        .map_err(|error| match error {
            Error::Forbidden(_) => Error::Forbidden("You can set your own password only.".to_owned()),
            other => other,
        })?;
    acceptable("password", new_password, &row.own_names())?;
    let email = row.email.clone();
    let organization_pk = row.organization_pk;
    let user = store(op, "password.set", row, new_password).await?;
    // It is done by now: what goes wrong with the notice does not undo it.
    if let Some(email) = email
        && organization::is_mailed(op.db().reader(), organization_pk)
            .await
            .unwrap_or(false)
    {
        let mail = templates::password_set(op.mailer(), &user.display_name());
        op.mailer().notify(&email, mail).await;
    }
    Ok(user)
}
