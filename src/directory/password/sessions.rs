//! What to end when a password changes.

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

use crate::context::OpContext;
use crate::directory::email_verification;
use crate::directory::outbox;
use crate::directory::session;
use crate::model::error::Result;
use crate::services::mailer::Letter;
use crate::store::entity::password_token;

/// Ends everything that depends on the previous password: called by every verb that sets one, in its transaction.
/// Outstanding reset links and a requested change of the address become invalid. API keys stay valid, because they do not depend on the password.
///
/// The user's sessions end too, except the one that `op` runs in.
pub(crate) async fn end_other_sessions_in_txn(
    connection: &impl ConnectionTrait,
    op: &OpContext,
    user_pk: i64,
) -> Result<()> {
    // Everybody who knew the old password is signed out; the user's own session that requests the change stays valid.
    let asking = op.actor().caller().and_then(|caller| caller.session_pk);
    session::end_all_but(connection, user_pk, asking, op.now()).await?;
    password_token::Entity::delete_many()
        .filter(password_token::Column::UserPk.eq(user_pk))
        .exec(connection)
        .await?;
    email_verification::forget_change_in_txn(connection, user_pk).await?;
    outbox::forget_tokens_in_txn(connection, user_pk, &[Letter::PASSWORD_RESET]).await
}
