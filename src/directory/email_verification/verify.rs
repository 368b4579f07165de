//! Verifies an address.

use sea_orm::{ActiveModelTrait, ColumnTrait, Condition, EntityTrait, QueryFilter, QuerySelect, Set};

use super::change;
use super::request::in_force;
use crate::context::OpContext;
use crate::directory::user::User;
use crate::model::digest;
use crate::model::error::{Error, Result};
use crate::store::audit_trail::Event;
use crate::store::entity::{email_token as table, user};

/// Verifies the address that a token was mailed to, if the user still has it; or makes it the user's, if that was
/// requested. Everybody with the token may use it, once, within a day.
pub async fn verify(op: &OpContext, token: &str) -> Result<User> {
    let op = &op.as_nobody();
    let refused = || {
        Error::invalid(
            "token",
            "This link is not valid. It may have been used or replaced by a newer one, or it is older than a day."
                .to_owned(),
        )
    };
    let now = op.now();
    let in_force = Condition::all()
        .add(table::Column::Digest.eq(digest(token)))
        .add(in_force(now));
    let token = table::Entity::find()
        .filter(in_force.clone())
        .one(op.db().reader())
        .await?
        .ok_or_else(refused)?;
    let change = op.begin().await?;
    // Locks the user first, then the token, in the same order as changing the address.
    let row = user::Entity::find_by_id(token.user_pk)
        .lock_exclusive()
        .one(&*change)
        .await?
        .filter(|row| token.changes || row.email.as_ref() == Some(&token.email))
        .ok_or_else(refused)?;
    let used = table::Entity::delete_many().filter(in_force).exec(&*change).await?;
    if used.rows_affected == 0 {
        return Err(refused());
    }
    if token.changes {
        change::no_reset_is_open(&*change, row.pk, now).await?;
        if !change::is_still_allowed(&*change, &token, &row).await? {
            return Err(refused());
        }
        return change::complete(change, op, row, &token.email).await;
    }
    let updated = user::ActiveModel {
        pk: Set(row.pk),
        email_verified_at: Set(Some(now)),
        version: Set(row.version + 1),
        updated_at: Set(now.later_than(row.updated_at)),
        ..Default::default()
    }
    .update(&*change)
    .await?;
    let event = Event::new("email.verify", row.pk, &row.id).of_user(&row);
    change.commit([event]).await?;
    Ok(updated.into())
}
