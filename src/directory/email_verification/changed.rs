//! The consequences of a changed address. The verb that changes it opens the transaction and writes the event.

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

use crate::context::OpContext;
use crate::directory::organization;
use crate::directory::outbox;
use crate::directory::user::User;
use crate::model::Email;
use crate::model::error::Result;
use crate::services::mailer::Letter;
use crate::store::entity::{email_token, password_token, user as table};

/// Revokes the tokens that were mailed to a user's address, so that the owner of the old mailbox cannot set the
/// password; and those for another change of the address.
pub async fn void_tokens_in_txn(connection: &impl ConnectionTrait, user_pk: i64) -> Result<()> {
    email_token::Entity::delete_many()
        .filter(email_token::Column::UserPk.eq(user_pk))
        .exec(connection)
        .await?;
    password_token::Entity::delete_many()
        .filter(password_token::Column::UserPk.eq(user_pk))
        .exec(connection)
        .await?;
    let kinds = [Letter::PASSWORD_RESET, Letter::VERIFY_EMAIL, Letter::CHANGE_EMAIL];
    outbox::forget_tokens_in_txn(connection, user_pk, &kinds).await
}

/// Notifies an address that it no longer belongs to the user. The new address is not revealed.
pub async fn tell_old_address_in_txn(
    connection: &impl ConnectionTrait,
    op: &OpContext,
    old: &Email,
    user: &table::Model,
) -> Result<()> {
    let Some(organization) = organization::name_if_mailed(connection, user.organization_pk).await? else {
        return Ok(());
    };
    let letter = Letter::EmailChanged {
        organization,
        name: User::from(user.clone()).display_name_without_email(),
        old: old.to_string(),
    };
    outbox::notify_in_txn(connection, op, user.organization_pk, old, letter).await
}
