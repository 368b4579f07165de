//! Passwords in the schema.

use async_graphql::{Context, ID, InputObject, Object};

use crate::directory::password::{self, Change};
use crate::graphql::user::{UserObject, UserWhere, to_itself};
use crate::graphql::{Result, listing, op};
use crate::model::Actor;

/// The old password, and the new one twice.
#[derive(Clone, InputObject)]
pub struct UpdatePasswordData {
    /// The current password.
    old_password: String,
    /// 8 to 128 characters, after normalization to NFC with every Unicode space replaced by an ASCII space. Must not be
    /// a commonly used password, the user's email address, its part before the `@`, the user's id, or the old password.
    new_password_1: String,
    /// The new password again.
    new_password_2: String,
}

#[derive(Default)]
pub struct PasswordMutation;

#[Object]
impl PasswordMutation {
    /// Changes a password: the caller's own or, with `write:user`, that of a user who has no permission that the caller
    /// lacks. The old password is always required; `resetPassword` works without it. The user's other sessions end.
    /// Fails with `RATE_LIMITED` and `retryAfterSeconds` after 20 wrong passwords for one account, or 100 from one
    /// client address, within 15 minutes. Without a credential, it can replace a temporary password: `oldPassword` is
    /// the temporary password, and `where` contains only `email` and, optionally, `organization: {id}`. Any other
    /// `where` fails with `INVALID`.
    async fn update_password(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The old password, and the new one twice.")] data: UpdatePasswordData,
        #[graphql(
            desc = "The user whose password it is: `id` or `email` is required; any further conditions must match too."
        )]
        r#where: UserWhere,
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
            Actor::Machine | Actor::User(_) => listing::one(ctx, std::future::ready(Ok(user))).await,
        }
    }

    /// Emails a password reset link to the caller or, with `write:user`, to a user who has no permission that
    /// tenantry itself checks and the caller lacks. The link is valid for an hour; the current password works until the link is used. Fails with
    /// `INVALID` if the user has no password and signs in with another identity provider, and with `RATE_LIMITED` above
    /// the hourly limits for emails, for example five from the organization to the same address.
    async fn reset_password(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "The user whose password it is: `id` or `email` is required; any further conditions must match too."
        )]
        r#where: UserWhere,
    ) -> Result<UserObject> {
        let target = r#where.target(op(ctx));
        listing::one(ctx, password::start(op(ctx), &target)).await
    }

    /// Requests a password reset link by email. Needs no credential. The result is `true` whether or not a user has
    /// this email address. If several organizations have a user with it, the email has a link for each of them; users
    /// whose address was never verified get one only if no other user has a verified one. A link is sent only if the
    /// user is activated and does not sign in only with another identity provider, and if the organization's
    /// `mailAllowed` is true. Fails with `RATE_LIMITED` after 30 requests from one client address within an hour.
    async fn request_password_reset(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The email address of the user.")] email: String,
        #[graphql(desc = "The id of the user's organization; all organizations by default.")] organization_id: Option<
            ID,
        >,
    ) -> Result<bool> {
        crate::directory::password::request(op(ctx), &email, organization_id.as_ref().map(|id| id.as_str())).await?;
        Ok(true)
    }

    /// Sets a new password with the token from a password reset email, and marks the email address as verified. The
    /// user's sessions end. Needs no other credential; the token works once.
    async fn complete_password_reset(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The token from the email.")] token: String,
        #[graphql(
            desc = "8 to 128 characters, after normalization to NFC with every Unicode space replaced by an ASCII space. Must not be a commonly used password, the user's email address, its part before the `@`, or the user's id."
        )]
        new_password: String,
        #[graphql(
            desc = "Whether to revoke the user's API keys too. By default they are revoked only if the email address was not verified before, because somebody else may have used the account until now."
        )]
        revoke_api_keys: Option<bool>,
    ) -> Result<bool> {
        crate::directory::password::complete(op(ctx), &token, &new_password.into(), revoke_api_keys).await?;
        Ok(true)
    }
}
