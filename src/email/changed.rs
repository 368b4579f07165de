//! What a changed address brings with it. The verb that changes it holds the transaction and writes the event.

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

use crate::context::OpContext;
use crate::entity::{email_token, password_token, user as table};
use crate::error::Result;
use crate::mail::templates;
use crate::organization;
use crate::user::User;
use crate::value::Email;

/// Voids what was mailed to a user's address: whoever reads the old mailbox must not set the password any more.
pub async fn void_tokens_in_txn(connection: &impl ConnectionTrait, user_pk: i64) -> Result<()> {
    email_token::Entity::delete_many()
        .filter(email_token::Column::UserPk.eq(user_pk))
        .exec(connection)
        .await?;
    password_token::Entity::delete_many()
        .filter(password_token::Column::UserPk.eq(user_pk))
        .exec(connection)
        .await?;
    Ok(())
}

/// Tells an address that it is no longer its user's, after the change is committed and so without a way to fail it. The
/// new address is not named.
pub async fn tell_old_address(op: &OpContext, old: &Email, user: &table::Model) {
    let is_mailed = organization::is_mailed(op.db().reader(), user.organization_pk).await;
    if is_mailed.unwrap_or(false) {
        let name = User::from(user.clone()).display_name_without_email();
        let mail = templates::email_changed(op.mailer(), &name, old.as_str());
        op.mailer().notify(old, mail).await;
    }
}
