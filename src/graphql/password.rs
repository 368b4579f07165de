//! Passwords in the schema.

use async_graphql::{Context, InputObject, Object};

use crate::directory::password::Change;
use crate::graphql::user::{UserObject, UserWhere, to_itself};
use crate::graphql::{Result, listing, op};
use crate::model::Actor;

/// The old password, and the new one twice.
#[derive(Clone, InputObject)]
pub struct UpdatePasswordData {
    /// The password in force.
    old_password: String,
    /// 8 to 128 characters in the normal form (NFC, each space an ASCII space); not among the known-worst, the user's own
    /// e-mail address or id, or the old one.
    new_password_1: String,
    /// The same again.
    new_password_2: String,
}

#[derive(Default)]
pub struct PasswordMutation;

#[Object]
impl PasswordMutation {
    /// Changes a password: one's own, or with `write:user` that of a user one may manage. The old one must be right in
    /// either case, and the user's other sessions end. After 20 wrong ones for an account, or 100 from one client, within 15
    /// minutes: `RATE_LIMITED` with `retryAfterSeconds`. Without a credential it changes a temporary password: name the user
    /// by `email`, and at most by `organization: {id}` beside it, and give the temporary password as the old one; any other
    /// filter is `INVALID` then.
    async fn update_password(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The old password, and the new one twice.")] data: UpdatePasswordData,
        #[graphql(desc = "Whose password: name a user by `id` or by `email`.")] r#where: UserWhere,
    ) -> Result<UserObject> {
        let passwords = Change {
            old_password: data.old_password.into(),
            new_password_1: data.new_password_1.into(),
            new_password_2: data.new_password_2.into(),
        };
        let target = r#where.target(op(ctx));
        let user = crate::directory::password::change(op(ctx), &target, &passwords).await?;
        // Whoever had no credential but the temporary password has just shown to be the user.
        match op(ctx).actor() {
            Actor::Anonymous => to_itself(ctx, user).await,
            Actor::Machine | Actor::User(_) => listing::one(ctx, user).await,
        }
    }

    /// Mails a link that sets a new password, to oneself or with `write:user` to a user one may manage. The present
    /// password works until the link is used, which must be within an hour. `INVALID` for a user who has no password
    /// here and signs in with another identity provider; `RATE_LIMITED` after ten links within an hour.
    async fn reset_password(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whose password: name a user by `id` or by `email`.")] r#where: UserWhere,
    ) -> Result<UserObject> {
        let target = r#where.target(op(ctx));
        listing::one(ctx, crate::directory::password::start(op(ctx), &target).await?).await
    }

    /// Asks for the mail that sets a new password. Open to anybody; the answer is always true, and the mail is sent only
    /// to the address of an account that can use it.
    async fn request_password_reset(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The e-mail address of the account.")] email: String,
    ) -> Result<bool> {
        crate::directory::password::request(op(ctx), &email).await?;
        Ok(true)
    }

    /// Sets a new password with the token from a mail, and verifies the address it was mailed to. Anybody who holds the token may; it works once.
    async fn complete_password_reset(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The token from the mail.")] token: String,
        #[graphql(
            desc = "8 to 128 characters in the normal form (NFC, each space an ASCII space), not among the known-worst."
        )]
        new_password: String,
    ) -> Result<bool> {
        crate::directory::password::complete(op(ctx), &token, &new_password.into()).await?;
        Ok(true)
    }
}
