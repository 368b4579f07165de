//! E-mail verification in the schema. Whether an address is verified stands on users.

use async_graphql::{Context, Object};

use crate::graphql::user::{UserObject, UserWhere};
use crate::graphql::{Result, listing, op};

#[derive(Default)]
pub struct EmailMutation;

#[Object]
impl EmailMutation {
    /// Mails a link that verifies a user's e-mail address: one's own, or with `write:user` that of a user one may manage.
    /// It works once, within a day; links sent before are void. `CONFLICT` if the address is verified already.
    async fn request_email_verification(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whose address: name a user by `id` or by `email`; the caller's own by default.")]
        r#where: Option<UserWhere>,
    ) -> Result<UserObject> {
        let target = r#where.map(|one| one.target(op(ctx)));
        listing::one(
            ctx,
            crate::directory::email_verification::request(op(ctx), target.as_ref()).await?,
        )
        .await
    }

    /// Verifies an e-mail address with the token from a mail. Anybody who holds the token may; it works once.
    async fn verify_email(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The token from the mail.")] token: String,
    ) -> Result<bool> {
        crate::directory::email_verification::verify(op(ctx), &token).await?;
        Ok(true)
    }
}
