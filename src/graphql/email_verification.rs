//! E-mail verification in the schema. Whether an address is verified is a field of users.

use async_graphql::{Context, Object};

use crate::directory::email_verification;
use crate::graphql::user::{UserObject, UserWhere};
use crate::graphql::{Result, listing, op};

#[derive(Default)]
pub struct EmailMutation;

#[Object]
impl EmailMutation {
    /// Mails a link that verifies a user's e-mail address: the caller's own, or with `write:user` that of a user the
    /// caller may manage. It works once, within a day; earlier links become invalid. `CONFLICT` if the address is
    /// verified already.
    async fn request_email_verification(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The user whose address it is, by `id` or `email`; the caller by default.")] r#where: Option<
            UserWhere,
        >,
    ) -> Result<UserObject> {
        let target = r#where.map(|one| one.target(op(ctx)));
        listing::one(ctx, email_verification::request(op(ctx), target.as_ref())).await
    }

    /// Verifies an e-mail address with the token from a mail. Anybody with the token can do this; it works once.
    async fn verify_email(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The token from the mail.")] token: String,
    ) -> Result<bool> {
        crate::directory::email_verification::verify(op(ctx), &token).await?;
        Ok(true)
    }
}
