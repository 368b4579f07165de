//! Upgrades a stored hash.

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use crate::context::OpContext;
use crate::model::error::Result;
use crate::services::hasher::Password;
use crate::store::audit_trail::Event;
use crate::store::entity::user as table;

/// Replaces an outdated hash after the user's password has been verified. The password, the sessions and the user's
/// version stay the same. Does nothing if the password was changed in the meantime.
pub async fn rehash(op: &OpContext, user: &table::Model, password: &Password) -> Result<()> {
    let new = op.hasher().hash(Some(user.organization_pk), password).await?;
    let change = op.begin().await?;
    let updated = table::Entity::update_many()
        .col_expr(table::Column::PasswordHash, Expr::val(new))
        .filter(table::Column::Pk.eq(user.pk))
        .filter(table::Column::PasswordHash.eq(user.password_hash.as_deref()))
        .exec(&*change)
        .await?;
    if updated.rows_affected == 0 {
        return Ok(());
    }
    let event = Event::new("password.rehash", user.pk, &user.id).of_user(user);
    change.commit([event]).await
}
