//! Passwords in the schema.

use async_graphql::{Context, InputObject, Object};

use crate::directory::password::Change;
use crate::graphql::user::{UserObject, UserWhere, to_itself};
use crate::graphql::{Result, listing, op};
use crate::model::Actor;

/// The old password, and the new one twice.
#[derive(Clone, InputObject)]
pub struct UpdatePasswordData {
    /// The current password.
    old_password: String,
    /// 8 to 128 characters after normalization (NFC, every space an ASCII space); not a commonly used password, the
    /// user's e-mail address or id, or the old password.
    new_password_1: String,
    /// The new password again.
    new_password_2: String,
}

#[derive(Default)]
pub struct PasswordMutation;

#[Object]
impl PasswordMutation {
    /// Changes a password: the caller's own, or with `write:user` that of a user the caller may manage. The old
    /// password must be correct in either case, and the user's other sessions end. After 20 wrong passwords for an
    /// account, or 100 from one client, within 15 minutes: `RATE_LIMITED` with `retryAfterSeconds`. Without a
    /// credential it changes a temporary password: give the user's `email`, optionally with `organization: {id}`, and
    /// the temporary password as the old one; any other filter is `INVALID`.
    async fn update_password(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The old password, and the new one twice.")] data: UpdatePasswordData,
        #[graphql(desc = "The user whose password it is, by `id` or `email`.")] r#where: UserWhere,
    ) -> Result<UserObject> {
        let passwords = Change {
            old_password: data.old_password.into(),
            new_password_1: data.new_password_1.into(),
            new_password_2: data.new_password_2.into(),
        };
        let target = r#where.target(op(ctx));
        let user = crate::directory::password::change(op(ctx), &target, &passwords).await?;
        // A caller without any other credential has just proved its identity with the temporary password.
        match op(ctx).actor() {
            Actor::Anonymous => to_itself(ctx, user).await,
            Actor::Machine | Actor::User(_) => listing::one(ctx, user).await,
        }
    }

    /// Mails a link that sets a new password, to the caller or with `write:user` to a user the caller may manage. The
    /// link is valid for an hour; the current password works until the link is used. `INVALID` for a user who has no
    /// password here and signs in with another identity provider; `RATE_LIMITED` after ten links within an hour.
    async fn reset_password(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The user whose password it is, by `id` or `email`.")] r#where: UserWhere,
    ) -> Result<UserObject> {
        let target = r#where.target(op(ctx));
        listing::one(ctx, crate::directory::password::start(op(ctx), &target).await?).await
    }

    /// Requests the mail that sets a new password. Open to everybody; the result is always true, and mail is sent only
    /// to the address of an account that can use it. If several organizations have an account with this address, the
    /// mail has a link for each of them.
    async fn request_password_reset(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The e-mail address of the account.")] email: String,
        #[graphql(desc = "Only the account of the organization with this id.")] organization_id: Option<String>,
    ) -> Result<bool> {
        crate::directory::password::request(op(ctx), &email, organization_id.as_deref()).await?;
        Ok(true)
    }

    /// Sets a new password with the token from a mail, and verifies the address it was mailed to. Anybody with the
    /// token can do this; it works once.
    async fn complete_password_reset(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The token from the mail.")] token: String,
        #[graphql(
            desc = "8 to 128 characters after normalization (NFC, every space an ASCII space), not a commonly used password."
        )]
        new_password: String,
        #[graphql(
            desc = "Whether to revoke the user's API keys too. By default they are revoked only if the address was not verified before: until now, somebody else may have used the account."
        )]
        revoke_api_keys: Option<bool>,
    ) -> Result<bool> {
        crate::directory::password::complete(op(ctx), &token, &new_password.into(), revoke_api_keys).await?;
        Ok(true)
    }
}
