//! Bringing a stored hash up to date.

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::hash::is_current;
use crate::audit::Event;
use crate::context::OpContext;
use crate::entity::user as table;
use crate::error::Result;

/// Hashes a password anew, which has just proved right for this user, if its hash came from elsewhere or was made with
/// other parameters than today's. The password stays the same, and so do sessions and the user's version. Gives whether
/// it did; nothing happens if the password was changed meanwhile.
pub async fn rehash_if_needed(op: &OpContext, user: &table::Model, password: &str) -> Result<bool> {
    let Some(old) = user.password_hash.as_deref().filter(|hash| !is_current(hash)) else {
        return Ok(false);
    };
    let new = op.hasher().hash(password).await?;
    let mut change = op.begin().await?;
    let updated = table::Entity::update_many()
        .col_expr(table::Column::PasswordHash, Expr::val(new))
        .filter(table::Column::Pk.eq(user.pk))
        .filter(table::Column::PasswordHash.eq(old))
        .exec(&*change)
        .await?;
    if updated.rows_affected == 0 {
        return Ok(false);
    }
    change
        .record(Event::new("password.rehash", user.pk, &user.id).of_organization(user.organization_pk))
        .await?;
    change.commit().await?;
    Ok(true)
}
