//! What ends when a password changes.

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

use crate::context::OpContext;
use crate::directory::outbox;
use crate::directory::session;
use crate::model::error::Result;
use crate::services::mailer::Letter;
use crate::store::entity::password_token;

/// Ends what was opened, or could still be, by the password before: called by every verb that sets one, in its
/// transaction. Reset links that are still on their way are void. API keys stay: they do not hang on the password.
///
/// The user's sessions end too, all but the one that `op` runs in.
pub(super) async fn end_other_sessions_in_txn(
    connection: &impl ConnectionTrait,
    op: &OpContext,
    user_pk: i64,
) -> Result<()> {
    // Whoever knew the old password is signed out; a session of the user's own that asks for the change goes on.
    let asking = op.actor().caller().and_then(|caller| caller.session_pk);
    session::end_all_but(connection, user_pk, asking, op.now()).await?;
    password_token::Entity::delete_many()
        .filter(password_token::Column::UserPk.eq(user_pk))
        .exec(connection)
        .await?;
    outbox::forget_tokens_in_txn(connection, user_pk, &[Letter::PASSWORD_RESET]).await
}
