//! Changing a password with the old one.

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::policy::acceptable;
use crate::audit::Event;
use crate::authz::grant::may_manage;
use crate::authz::{Action, Resource};
use crate::context::OpContext;
use crate::entity::user as table;
use crate::error::{Error, Result};
use crate::role;
use crate::user::{self, Target, User};

/// The old password, and the new one twice, as people type it.
#[derive(Clone)]
pub struct Change {
    pub old_password: String,
    pub new_password_1: String,
    pub new_password_2: String,
}

/// Changes a password: one's own, or that of a user one may manage; the old one must be right in either case.
pub async fn change(op: &OpContext, target: &Target, passwords: &Change) -> Result<User> {
    let granted = op.authorize(Action::Modify, Resource::Password)?;
    if passwords.new_password_1 != passwords.new_password_2 {
        return Err(Error::invalid(
            "newPassword2",
            "The two new passwords are not the same.".to_owned(),
        ));
    }
    acceptable("newPassword1", &passwords.new_password_1)?;
    let row = user::locate(op.db().reader(), &granted, target).await?;
    may_manage(op.actor(), role::permissions_of(op.db().reader(), row.pk).await?)?;
    // Both hashes before the transaction: it holds no lock for their time. What was read is checked again below.
    if !op
        .hasher()
        .verify(&passwords.old_password, row.password_hash.as_deref())
        .await?
    {
        return Err(Error::invalid("oldPassword", "The old password is wrong.".to_owned()));
    }
    let hash = op.hasher().hash(&passwords.new_password_1).await?;
    let now = op.now();
    let mut change = op.begin().await?;
    let mut updated = table::Entity::update_many()
        .col_expr(table::Column::PasswordHash, Expr::val(hash))
        .col_expr(table::Column::PasswordChangedAt, Expr::val(now.micros()))
        .col_expr(
            table::Column::UpdatedAt,
            Expr::val(now.later_than(row.updated_at).micros()),
        )
        .col_expr(table::Column::Version, Expr::val(row.version + 1))
        .filter(table::Column::Pk.eq(row.pk))
        .filter(table::Column::Version.eq(row.version))
        .exec_with_returning(&*change)
        .await?;
    let Some(row) = updated.pop() else {
        return Err(Error::Conflict("The user has changed meanwhile. Try again.".to_owned()));
    };
    super::end_resets(&*change, row.pk).await?;
    change
        .record(
            Event::new("password.change", row.pk, &row.id)
                .of_organization(row.organization_pk)
                .access(),
        )
        .await?;
    change.commit().await?;
    Ok(row.into())
}
