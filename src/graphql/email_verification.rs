//! E-mail verification in the schema. Whether an address is verified is a field of users.

use async_graphql::{Context, Object};

use crate::directory::email_verification;
use crate::graphql::user::{UserObject, UserWhere};
use crate::graphql::{Result, listing, op};

#[derive(Default)]
pub struct EmailMutation;

#[Object]
impl EmailMutation {
    /// Emails a link that verifies an email address: the caller's own or, with `write:user`, that of a user who has no
    /// permission that tenantry itself checks and the caller lacks. The link works once, within 24 hours; earlier links become invalid. Fails with
    /// `CONFLICT` if the email address is already verified.
    async fn request_email_verification(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "The user whose email address it is: `id` or `email` is required; any further conditions must match too. Default: the caller."
        )]
        r#where: Option<UserWhere>,
    ) -> Result<UserObject> {
        let target = r#where.map(|one| one.target(op(ctx)));
        listing::one(ctx, email_verification::request(op(ctx), target.as_ref())).await
    }

    /// Verifies an email address with the token from an email. Needs no other credential; the token works once.
    async fn verify_email(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The token from the email.")] token: String,
    ) -> Result<bool> {
        crate::directory::email_verification::verify(op(ctx), &token).await?;
        Ok(true)
    }
}
