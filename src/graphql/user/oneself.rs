//! What users change of themselves.

use async_graphql::{Context, Enum, InputObject, Object};

use super::UserObject;
use crate::directory::password;
use crate::directory::user::{self, ClearableInMe, OwnNames};
use crate::graphql::{Result, listing, op};

/// Changes to the caller's own names. Fields that are null or omitted do not change.
#[derive(Clone, Debug, InputObject)]
pub struct UpdateMeData {
    /// At most 255 characters; an empty string clears it.
    name: Option<String>,
    /// At most 255 characters; an empty string clears it.
    firstname: Option<String>,
    /// At most 255 characters; an empty string clears it.
    lastname: Option<String>,
}

/// Fields that callers can clear on their own user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(name = "ClearableInMe", remote = "ClearableInMe")]
pub enum ClearableInMeValue {
    /// `name`
    Name,
    /// `firstname`
    Firstname,
    /// `lastname`
    Lastname,
}

/// The caller's new email address, and the current password.
#[derive(Clone, InputObject)]
pub struct ChangeMyEmailData {
    /// At most 254 bytes; stored in lower case.
    email: String,
    /// The current password.
    password: String,
}

/// The caller's old and new password.
#[derive(Clone, InputObject)]
pub struct UpdateMyPasswordData {
    /// The current password.
    old_password: String,
    /// 8 to 128 characters, after normalization to NFC with every Unicode space replaced by an ASCII space. Must not be
    /// a commonly used password, the caller's email address, its part before the `@`, the caller's id, or the old
    /// password.
    new_password: String,
}

#[derive(Default)]
pub struct OneselfMutation;

#[Object]
impl OneselfMutation {
    /// Updates the caller's own names. Needs no permission.
    async fn update_me(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The changes.")] data: UpdateMeData,
        #[graphql(desc = "Fields to clear. A field must not be in both `clear` and `data`.")] clear: Option<
            Vec<ClearableInMeValue>,
        >,
        #[graphql(desc = "Fail with `CONFLICT` unless the caller's user still has this `version`.")]
        expected_version: Option<i64>,
    ) -> Result<UserObject> {
        let wanted = OwnNames {
            name: data.name,
            firstname: data.firstname,
            lastname: data.lastname,
            clear: clear.into_iter().flatten().map(Into::into).collect(),
        };
        listing::one(ctx, user::update_me(op(ctx), &wanted, expected_version)).await
    }

    /// Requests a new email address for the caller. A link is emailed to the new address, and a notice to the present
    /// one. Nothing changes until `verifyEmail` is called with the token from the link, within 24 hours; until then the
    /// new address is in `pendingEmail`. It ends with another request, a new password, a deactivation, a move, or another
    /// change of the address. Only possible in a session; fails with `FORBIDDEN` with an API key and while impersonating.
    /// Fails with `RATE_LIMITED` after 20 wrong passwords within 15 minutes, and after five requests within an hour.
    async fn change_my_email(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new address, and the current password.")] data: ChangeMyEmailData,
    ) -> Result<UserObject> {
        let password = data.password.into();
        listing::one(ctx, user::change_my_email(op(ctx), &data.email, &password)).await
    }

    /// Changes the caller's own password. The caller's other sessions end. Only possible in a session; fails with
    /// `FORBIDDEN` with an API key and while impersonating. Fails with `RATE_LIMITED` and `retryAfterSeconds` after 20
    /// wrong passwords within 15 minutes.
    async fn update_my_password(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The old and the new password.")] data: UpdateMyPasswordData,
    ) -> Result<UserObject> {
        let (old, new) = (data.old_password.into(), data.new_password.into());
        listing::one(ctx, password::change_own(op(ctx), &old, &new)).await
    }
}
